/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.c - what mountinfo says of our mounts; no path in it is touched, so a hung mount hangs
 * nobody. */
#include "fs/cmd/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keystore/base/scope.h"
#include "policy/mount_table.h"

static uint32_t user_of(const char *options)
{
	const char *user = strstr(options, "user_id=");

	return user ? (uint32_t)strtoul(user + 8, NULL, 10) : UINT32_MAX;
}

/* Ours, on its way to whoever asked for them. */
struct visit {
	int (*each)(void *arg, const struct mount_entry *entry);
	void *arg;
	int result;
};

static bool visit_line(void *arg, const struct mountinfo *line)
{
	struct visit *visit = arg;
	struct mount_entry entry = {.mountpoint = line->point,
		.source = line->source,
		.device = line->dev,
		.user = user_of(line->super_options)};

	if (strcmp(line->type, "fuse.modelvault") != 0)
		return true;
	if (entry.user == 0 || entry.user == geteuid() || geteuid() == 0)
		visit->result = visit->each(visit->arg, &entry);
	return visit->result == 0;
}

int mounts_each(int (*each)(void *arg, const struct mount_entry *entry), void *arg)
{
	struct visit visit = {.each = each, .arg = arg};
	int r = mountinfo_each(AT_FDCWD, "/proc/self/mountinfo", visit_line, &visit);

	return r < 0 ? r : visit.result;
}

struct search {
	const char *path;
	char *vault; /* of the last match: the topmost mount */
	dev_t device;
	size_t longest;
	bool below; /* the path itself, or a mount above it */
};

static int match(void *arg, const struct mount_entry *entry)
{
	struct search *search = arg;
	size_t len = strlen(entry->mountpoint);
	bool matches;

	if (search->below)
		matches = strncmp(search->path, entry->mountpoint, len) == 0 &&
			  (search->path[len] == '/' || !search->path[len]) &&
			  len >= search->longest;
	else
		matches = strcmp(search->path, entry->mountpoint) == 0;
	/* Only root's own word, or the caller's, says which vault a mount is of. */
	if (!matches || (entry->user != 0 && entry->user != geteuid()))
		return 0;
	free(search->vault);
	search->vault = strdup(entry->source);
	search->device = entry->device;
	search->longest = len;
	return 0;
}

char *mounts_vault_at(const char *path)
{
	struct search search = {.path = path};

	mounts_each(match, &search);
	return search.vault;
}

dev_t mounts_device_at(const char *path)
{
	struct search search = {.path = path};

	mounts_each(match, &search);
	free(search.vault);
	return search.device;
}

/* With the slashes at its end taken off, "/" not. */
static char *trimmed(const char *operand)
{
	size_t len = strlen(operand);

	while (len > 1 && operand[len - 1] == '/')
		len--;
	return strndup(operand, len);
}

char *mounts_absolute(const char *operand)
{
	scope_free char *path = trimmed(operand), *parent = NULL, *real = NULL;
	char *slash = path ? strrchr(path, '/') : NULL, *absolute = NULL;
	const char *last = slash ? slash + 1 : path;

	if (!path)
		return NULL;
	if (strcmp(path, ".") == 0)
		return getcwd(NULL, 0);
	if (!*last || strcmp(last, "..") == 0 || strcmp(last, ".") == 0)
		return realpath(path, NULL);
	parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	real = parent ? realpath(parent, NULL) : NULL;
	if (real && asprintf(&absolute, "%s/%s", strcmp(real, "/") == 0 ? "" : real, last) < 0)
		absolute = NULL;
	if (absolute && mounts_is_mountpoint(absolute))
		return absolute;
	free(absolute);
	return realpath(path, NULL);
}

char *mounts_vault_above(const char *path, const char **ret_rest)
{
	struct search search = {.path = path, .below = true};

	mounts_each(match, &search);
	if (search.vault)
		*ret_rest = path + search.longest;
	return search.vault;
}

struct point_search {
	const char *path;
	bool found;
};

static bool match_point(void *arg, const struct mountinfo *line)
{
	struct point_search *search = arg;

	search->found = strcmp(line->point, search->path) == 0;
	return !search->found;
}

bool mounts_is_mountpoint(const char *path)
{
	struct point_search search = {.path = path};

	return mountinfo_each(AT_FDCWD, "/proc/self/mountinfo", match_point, &search) == 0 &&
	       search.found;
}
