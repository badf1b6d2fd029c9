/* SPDX-License-Identifier: Apache-2.0 */
/* link_path.c - targets are relative to the link's directory; an absolute one is of the machine. */
#include "fs/cmd/link_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 40

/* Without empty names, "." and "..". -EXDEV: beyond the root. */
static int normalise(char *joined, char *found)
{
	char *save, *name, *end = found;

	for (name = strtok_r(joined, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") != 0) {
			if (end != found)
				*end++ = '/';
			end = stpcpy(end, name);
			continue;
		}
		if (end == found)
			return -EXDEV;
		*end = '\0';
		end = strrchr(found, '/');
		end = end ? end : found;
	}
	*end = '\0';
	return 0;
}

int link_path(struct keystore *keystore, uint64_t ino, const char *path, char **ret_path)
{
	const char *slash = strrchr(path, '/');
	scope_free char *target = NULL, *joined = NULL, *found = NULL;
	size_t len;
	int r;

	r = keystore_link_target(keystore, ino, &target, &len);
	if (r < 0)
		return r;
	if (*target == '/')
		return -EXDEV;
	if (asprintf(&joined, "%.*s/%s", slash ? (int)(slash - path) : 0, path, target) < 0) {
		joined = NULL;
		return -ENOMEM;
	}
	found = calloc(1, strlen(joined) + 2);
	if (!found)
		return -ENOMEM;
	r = normalise(joined, found);
	if (r == 0)
		*ret_path = take(&found);
	return r;
}

int link_follow(struct keystore *keystore, const struct entry_info *link, const char *path,
	char **ret_path, struct entry_info *ret_info)
{
	scope_free char *at = strdup(path);
	struct entry_info info = *link;
	int r = at ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && info.kind == ENTRY_SYMLINK; i++) {
		char *next = NULL;

		if (i == LINKS_MAX)
			return -ELOOP;
		r = link_path(keystore, info.ino, at, &next);
		if (r < 0)
			return r;
		free(at);
		at = next;
		r = keystore_resolve(keystore, at, strlen(at), &info);
	}
	if (r < 0)
		return r;
	*ret_path = take(&at);
	*ret_info = info;
	return 0;
}
