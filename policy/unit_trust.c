/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit_trust.c - a caller's unit: its path in /proc/PID/cgroup, and how much of that is root's.
 *
 * A user names the cgroups in a tree that was delegated to him as he likes, infer.service too, and
 * moves his processes into every cgroup whose files he may write to. So a component counts only
 * while it and all above it are out of his reach. No system call here waits for a process.
 */
#include "policy/surroundings_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "policy/mount_table.h"
#include "policy/subject_private.h"

/*
 * Line by line ("NUMBER:CONTROLLERS:PATH", and no path holds a newline): a user names the cgroups
 * that are delegated to him, "x:name=systemd:" too.
 */
const char *cgroup_unit(const char *text, size_t *ret_len, enum unit_hierarchy *ret_hierarchy)
{
	const char *unified = NULL;

	*ret_hierarchy = UNIT_UNIFIED;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *controllers = text + strcspn(text, ":\n");
		const char *path = controllers + 1;

		if (*controllers != ':')
			continue;
		path += strcspn(path, ":\n");
		if (path[0] != ':' || path[1] != '/')
			continue;
		*ret_len = strcspn(++path, "\n");
		if (strncmp(controllers, ":name=systemd:", 14) == 0) {
			*ret_hierarchy = UNIT_SYSTEMD;
			return path;
		}
		if (strncmp(text, "0::", 3) == 0)
			unified = path;
	}
	if (unified)
		*ret_len = strcspn(unified, "\n");
	return unified;
}

struct hierarchy_search {
	enum unit_hierarchy hierarchy;
	int fd;
};

static bool has_option(const char *options, const char *option)
{
	size_t len = strlen(option);

	for (const char *at = options; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, option, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

static bool is_of(const struct mountinfo *entry, enum unit_hierarchy hierarchy)
{
	if (hierarchy == UNIT_UNIFIED)
		return strcmp(entry->type, "cgroup2") == 0;
	return strcmp(entry->type, "cgroup") == 0 &&
	       has_option(entry->super_options, "name=systemd");
}

/* Another file system may have been mounted over it since. */
static int open_mount(const struct mountinfo *entry)
{
	scope_fd int fd = open(entry->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statx attrs;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &attrs) < 0)
		return -1;
	if (makedev(attrs.stx_dev_major, attrs.stx_dev_minor) != entry->dev)
		return -1;
	return take_fd(&fd);
}

/* Of a mount of a part of the tree nobody could tell whose what is above is. */
static bool visit_mount(void *arg, const struct mountinfo *entry)
{
	struct hierarchy_search *search = arg;

	if (strcmp(entry->root, "/") == 0 && is_of(entry, search->hierarchy))
		search->fd = open_mount(entry);
	return search->fd < 0;
}

int unit_hierarchy_fd(enum unit_hierarchy hierarchy)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards found */
	static int found[] = {[UNIT_UNIFIED] = -1, [UNIT_SYSTEMD] = -1};
	struct hierarchy_search search = {.hierarchy = hierarchy, .fd = -1};
	int fd;

	pthread_mutex_lock(&lock);
	if (found[hierarchy] < 0) {
		mountinfo_each(AT_FDCWD, "/proc/self/mountinfo", visit_mount, &search);
		found[hierarchy] = search.fd;
	}
	fd = found[hierarchy];
	pthread_mutex_unlock(&lock);
	return fd;
}

static int check_owner(int root_fd, const char *path)
{
	struct statx attrs;

	if (statx(root_fd, path, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC,
		    STATX_TYPE | STATX_MODE | STATX_UID, &attrs) < 0)
		return -errno;
	return attrs.stx_uid == 0 && !(attrs.stx_mode & (S_IWGRP | S_IWOTH)) ? 0 : -EPERM;
}

/*
 * The directory, and the files by which processes and threads are moved into it: delegation hands
 * these over too (cgroups(7)), and they alone are enough. v1 has tasks, v2 cgroup.threads.
 */
static bool is_roots_alone(int root_fd, char path[PATH_MAX], size_t len)
{
	static const struct {
		const char *name;
		bool may_be_missing;
	} files[] = {
		{"", false}, {"/cgroup.procs", false}, {"/cgroup.threads", true}, {"/tasks", true}};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int r;

		if (len + strlen(files[i].name) >= PATH_MAX)
			return false;
		memcpy(path + len, files[i].name, strlen(files[i].name) + 1);
		r = check_owner(root_fd, path);
		if (r < 0 && !(r == -ENOENT && files[i].may_be_missing))
			return false;
	}
	return true;
}

size_t unit_trusted_len(const char *unit, enum unit_hierarchy hierarchy)
{
	int root_fd = unit_hierarchy_fd(hierarchy);
	char path[PATH_MAX] = ".";
	size_t path_len = 1, trusted = 0;

	if (root_fd < 0 || unit[0] != '/' || !is_roots_alone(root_fd, path, path_len))
		return 0;
	for (const char *at = unit; *at == '/'; at = unit + trusted) {
		size_t len = 1 + strcspn(at + 1, "/");

		/* What is outside of the server's own cgroup namespace begins with "/..". */
		if (len == 1 || path_len + len >= PATH_MAX ||
			(len == 3 && memcmp(at, "/..", 3) == 0))
			break;
		memcpy(path + path_len, at, len);
		path_len += len;
		if (!is_roots_alone(root_fd, path, path_len))
			break;
		trusted += len;
	}
	return trusted;
}
