/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containers.c - runtimes and what they run stand in control groups with names of their own. Two
 * levels are looked at, of the unified hierarchy or of systemd's own.
 */
#include "fs/cmd/containers.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keystore/base/scope.h"

#define DEPTH 2

static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/systemd"};
static const char *const names[] = {"docker", "containerd", "kubepods", "kubelet", "crio", "podman",
	"libpod", "machine.slice", "lxc", "buildkit", "nspawn"};

static bool is_of_runtime(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strstr(name, names[i]))
			return true;
	return false;
}

/* Below root/path; the sign without the root. */
static int look_below(const char *root, const char *path, int depth, char *ret_sign, size_t size)
{
	char whole[4096], below[4096];
	struct dirent *entry;
	DIR *directory;
	int r = -ENOENT;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	directory = opendir(whole);
	while (directory && r == -ENOENT && (entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "",
			    entry->d_name) >= (int)sizeof(below))
			continue;
		if (is_of_runtime(entry->d_name) &&
			snprintf(ret_sign, size, "%s", below) < (int)size)
			r = 0;
		else if (depth > 1)
			r = look_below(root, below, depth - 1, ret_sign, size);
	}
	if (directory)
		closedir(directory);
	return r;
}

int containers_find(char *ret_sign, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (look_below(roots[i], "", DEPTH, ret_sign, size) == 0)
			return 0;
	return -ENOENT;
}
