/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit_names.c - is there a cgroup of a name now? For a remark when a rule is made; a walk of
 * bounded length through the hierarchy that callers' units are looked up in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/near_word.h"
#include "policy/path_pattern.h"
#include "policy/surroundings_private.h"

#define DEPTH_MAX 8
#define NAMES_MAX 20000

struct walk {
	const struct path_pattern *pattern;
	const char *glob;
	char *near; /* owned */
	unsigned names;
	bool found;
};

/* "infer" for infer.service comes before a slip of the hand. */
static int look_at_name(struct walk *walk, const char *name)
{
	size_t len = strlen(walk->glob);
	bool begins = strncmp(name, walk->glob, len) == 0 && name[len] == '.';

	if (path_pattern_matches(walk->pattern, name, strlen(name))) {
		walk->found = true;
		return 0;
	}
	if (!begins && (walk->near || !nearest_word(walk->glob, len, &name, 1)))
		return 0;
	if (begins && walk->near && strncmp(walk->near, walk->glob, len) == 0)
		return 0;
	free(walk->near);
	walk->near = strdup(name);
	return walk->near ? 0 : -ENOMEM;
}

/* What goes away meanwhile, or is closed to this process, has no names. */
static int look_below(struct walk *walk, int parent_fd, const char *name, unsigned depth)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (r == 0 && !walk->found && (entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = ++walk->names > NAMES_MAX ? -E2BIG : look_at_name(walk, entry->d_name);
		if (r == 0 && !walk->found && depth < DEPTH_MAX)
			r = look_below(walk, dirfd(directory), entry->d_name, depth + 1);
	}
	closedir(directory);
	return r;
}

int unit_is_there(const char *glob, bool *ret_found, char **ret_near)
{
	scope(path_pattern_free) struct path_pattern *pattern = NULL;
	int root_fd = unit_hierarchy_fd(UNIT_SYSTEMD);
	struct walk walk = {.glob = glob};
	int r;

	if (root_fd < 0)
		root_fd = unit_hierarchy_fd(UNIT_UNIFIED);
	if (root_fd < 0)
		return -ENOENT;
	r = path_pattern_new(glob, strlen(glob), &pattern, NULL);
	walk.pattern = pattern;
	if (r == 0)
		r = look_below(&walk, root_fd, ".", 0);
	if (r < 0) {
		free(walk.near);
		return r;
	}
	*ret_found = walk.found;
	*ret_near = walk.near;
	return 0;
}
