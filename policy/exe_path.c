/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exe_path.c - which file an exe: path names, and whether root alone could make it name another.
 *
 * The walk holds each directory by a descriptor, looks at that, and opens the next name beneath it,
 * so what was checked is what is used. Links are read and followed here, since the directories on
 * the way to a target must be checked as well. Nothing is opened but O_PATH, and attributes are
 * taken as the kernel has them. It does not go on into a FUSE file system: a lookup there waits for
 * a process, which may be a user's, or this one.
 */
#include "policy/surroundings_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "policy/mount_table.h"

#define LINKS_MAX 40 /* as in the kernel, path_resolution(7) */

struct walk {
	int fd;		    /* where it is: O_PATH */
	struct statx attrs; /* of fd */
	uint64_t root_dev;
	char *text; /* owned; what is still to be walked is its end from rest on */
	char *rest;
	unsigned links;
	bool is_unsafe;
	char *offender; /* owned; the first */
};

static void walk_done(struct walk *walk)
{
	scope_close_(&walk->fd);
	free(walk->text);
	free(walk->offender);
}

static uint64_t dev_of(const struct statx *attrs)
{
	return makedev(attrs->stx_dev_major, attrs->stx_dev_minor);
}

static int look(int fd, struct statx *ret_attrs)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID,
		    ret_attrs) < 0)
		return -errno;
	return 0;
}

/* The path of an open file without links, as this process sees it. */
static char *path_of(int fd)
{
	char link[32], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path));
	return len < 0 ? NULL : strndup(path, (size_t)len);
}

/* What a link may be written to with does not matter: nobody can write to one. */
static bool is_roots_alone(const struct statx *attrs)
{
	if (attrs->stx_uid != 0)
		return false;
	return S_ISLNK(attrs->stx_mode) || !(attrs->stx_mode & (S_IWGRP | S_IWOTH));
}

static void judge(struct walk *walk, int fd, const struct statx *attrs)
{
	if (walk->is_unsafe || is_roots_alone(attrs))
		return;
	walk->is_unsafe = true;
	walk->offender = path_of(fd);
}

/*
 * Whether nothing but the kernel is asked beneath. The root directory's own file system is,
 * whatever it is: this process would not run without it. FUSE without a block device has no major
 * number; with one, it is root that mounted it.
 */
static int check_mount(const struct walk *walk, const struct statx *attrs)
{
	struct mount_place place = {
		.has_mount_id = attrs->stx_mask & STATX_MNT_ID,
		.mount_id = attrs->stx_mnt_id,
		.dev = dev_of(attrs),
	};
	enum mount_kind kind;
	int r;

	if (attrs->stx_dev_major != 0 || place.dev == walk->root_dev)
		return 0;
	if (walk->fd >= 0 && place.dev == dev_of(&walk->attrs))
		return 0;
	r = mount_kind_here(&place, &kind);
	if (r < 0)
		return r == -ENOENT ? -ENOTSUP : r;
	return kind == MOUNT_FUSE ? -ENOTSUP : 0;
}

/* Goes to what fd is, which it takes. */
static int go_to(struct walk *walk, int fd, const struct statx *attrs)
{
	int r = check_mount(walk, attrs);

	judge(walk, fd, attrs);
	scope_close_(&walk->fd);
	walk->fd = fd;
	walk->attrs = *attrs;
	return r;
}

static int go_to_root(struct walk *walk)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), r;
	struct statx attrs;

	if (fd < 0)
		return -errno;
	r = look(fd, &attrs);
	if (r < 0) {
		close(fd);
		return r;
	}
	walk->root_dev = dev_of(&attrs);
	return go_to(walk, fd, &attrs);
}

/* Puts the target of the link in front of what is still to be walked. */
static int follow(struct walk *walk, int link_fd)
{
	char target[PATH_MAX];
	char *text;
	ssize_t len = readlinkat(link_fd, "", target, sizeof(target));

	if (len < 0)
		return -errno;
	if ((size_t)len == sizeof(target))
		return -ENAMETOOLONG;
	if (len == 0)
		return -ENOENT;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if (asprintf(&text, "%.*s/%s", (int)len, target, walk->rest) < 0)
		return -ENOMEM;
	free(walk->text);
	walk->text = walk->rest = text;
	return target[0] == '/' ? go_to_root(walk) : 0;
}

static int step(struct walk *walk, const char *name)
{
	scope_fd int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct statx attrs;
	int r;

	if (fd < 0)
		return -errno;
	r = look(fd, &attrs);
	if (r < 0)
		return r;
	if (!S_ISLNK(attrs.stx_mode))
		return go_to(walk, take_fd(&fd), &attrs);
	judge(walk, fd, &attrs);
	return follow(walk, fd);
}

static int walk_path(struct walk *walk, const char *path)
{
	int r;

	if (path[0] != '/')
		return -EINVAL;
	walk->text = walk->rest = strdup(path);
	if (!walk->text)
		return -ENOMEM;
	r = go_to_root(walk);
	while (r == 0) {
		char *name;

		walk->rest += strspn(walk->rest, "/");
		if (!*walk->rest)
			break;
		/* A following link replaces the text that name points into. */
		name = strsep(&walk->rest, "/");
		if (!walk->rest)
			walk->rest = strchr(name, '\0');
		r = step(walk, name);
	}
	if (r == 0 && !S_ISREG(walk->attrs.stx_mode))
		return -EACCES;
	return r;
}

static int resolve(struct walk *walk, const char *path, struct exe_file *ret_file)
{
	int r = walk_path(walk, path);

	if (r == 0 || r == -ENOTSUP)
		*ret_file = (struct exe_file){
			.dev = dev_of(&walk->attrs), .ino = r == 0 ? walk->attrs.stx_ino : 0};
	return r == 0 && walk->is_unsafe ? -EPERM : r;
}

int exe_path_resolve(const char *path, struct exe_file *ret_file, char **ret_offender)
{
	__attribute__((cleanup(walk_done))) struct walk walk = {.fd = -1};
	int r = resolve(&walk, path, ret_file);

	if (ret_offender)
		*ret_offender = r == -EPERM ? take(&walk.offender) : NULL;
	return r;
}

int exe_path_real(const char *path, struct exe_file *ret_file, char **ret_real)
{
	__attribute__((cleanup(walk_done))) struct walk walk = {.fd = -1};
	int r = resolve(&walk, path, ret_file);

	*ret_real = r == 0 || r == -EPERM ? path_of(walk.fd) : NULL;
	return r;
}

int exe_path_glance(const char *path, struct exe_file *ret_file)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED};
	scope_fd int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	struct statx attrs;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENOENT : -EAGAIN;
	if (look(fd, &attrs) < 0)
		return -EAGAIN;
	*ret_file = (struct exe_file){.dev = dev_of(&attrs), .ino = attrs.stx_ino};
	return 0;
}
