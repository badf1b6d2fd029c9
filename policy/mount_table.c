/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_table.c - mountinfo (proc_pid_mountinfo(5)) read, and a copy of this process's own.
 *
 * The copy is renewed when poll(2) on the open file says that mounts have changed: a system call,
 * where reading it anew costs as much as there are mounts.
 */
#include "policy/mount_table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "keystore/base/scope.h"

#define MOUNTINFO_MAX (64 << 20)

/* "\040" for what would end a field, proc_pid_mountinfo(5). In place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
			at[3] >= '0' && at[3] <= '7') {
			*to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPER-OPTIONS" */
static bool parse_line(char *line, struct mountinfo *entry)
{
	char *fields[6], *source, *rest = line, *tail = strstr(line, " - ");
	unsigned major, minor;

	if (!tail)
		return false;
	*tail = '\0';
	tail += 3;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (!fields[i])
			return false;
	}
	entry->type = strsep(&tail, " ");
	source = tail ? strsep(&tail, " ") : NULL;
	if (!tail)
		return false;
	tail[strcspn(tail, "\n")] = '\0';
	entry->super_options = tail;
	if (sscanf(fields[2], "%u:%u", &major, &minor) != 2)
		return false;
	entry->id = strtoull(fields[0], NULL, 10);
	entry->dev = makedev(major, minor);
	unescape(fields[3]);
	unescape(fields[4]);
	unescape(source);
	entry->root = fields[3];
	entry->point = fields[4];
	entry->source = source;
	return true;
}

static int each_line(FILE *file, bool (*visit)(void *arg, const struct mountinfo *entry), void *arg)
{
	scope_free char *line = NULL;
	size_t room = 0, total = 0;
	struct mountinfo entry;
	ssize_t len;

	errno = 0;
	while ((len = getline(&line, &room, file)) >= 0) {
		total += (size_t)len;
		if (total > MOUNTINFO_MAX)
			return -EFBIG;
		if (parse_line(line, &entry) && !visit(arg, &entry))
			return 0;
	}
	return ferror(file) ? (errno ? -errno : -EIO) : 0;
}

int mountinfo_each(int proc_fd, const char *path,
	bool (*visit)(void *arg, const struct mountinfo *entry), void *arg)
{
	scope_fd int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	FILE *file;
	int r;

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "r");
	if (!file)
		return -ENOMEM;
	take_fd(&fd);
	r = each_line(file, visit, arg);
	fclose(file);
	return r;
}

static bool is_one_of(const char *type, const char *const *types, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/*
 * What has a block device is local, but for FUSE on one. Of those without, these are: others may be
 * the network's, and a type that is not known here had better not be waited for.
 */
enum mount_kind mount_kind_of(const struct mountinfo *entry)
{
	static const char *const local[] = {
		"btrfs", "bcachefs", "zfs", "overlay", "virtiofs", "ubifs"};
	static const char *const memory[] = {"tmpfs", "devtmpfs", "ramfs", "rootfs"};

	if (strncmp(entry->type, "fuse", 4) == 0)
		return MOUNT_FUSE;
	if (major(entry->dev) != 0)
		return MOUNT_LOCAL;
	if (is_one_of(entry->type, memory, ARRAY_SIZE(memory)))
		return MOUNT_MEMORY;
	return is_one_of(entry->type, local, ARRAY_SIZE(local)) ? MOUNT_LOCAL : MOUNT_FOREIGN;
}

struct known_mount {
	uint64_t id, dev;
	enum mount_kind kind;
};

struct known_mounts {
	struct known_mount *list;
	size_t count, room;
	bool failed;
};

static bool add_mount(void *arg, const struct mountinfo *entry)
{
	struct known_mounts *mounts = arg;

	if (mounts->count == mounts->room) {
		size_t room = mounts->room ? 2 * mounts->room : 64;
		struct known_mount *list = reallocarray(mounts->list, room, sizeof(*mounts->list));

		mounts->failed = !list;
		if (!list)
			return false;
		mounts->list = list;
		mounts->room = room;
	}
	mounts->list[mounts->count++] = (struct known_mount){
		.id = entry->id, .dev = entry->dev, .kind = mount_kind_of(entry)};
	return true;
}

static bool is_at(const struct mount_place *place, uint64_t id, uint64_t dev)
{
	return place->has_mount_id ? id == place->mount_id : dev == place->dev;
}

/* The copy. Guarded by the lock. */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct known_mounts table;
static int table_fd =
	-1; /* of mountinfo; poll tells of changes since it was opened or last asked */

static int table_fill(void)
{
	int r;

	table.count = 0;
	table.failed = false;
	r = mountinfo_each(AT_FDCWD, "/proc/self/mountinfo", add_mount, &table);
	return table.failed ? -ENOMEM : r;
}

/* Changes that come after poll is asked show at the next time. */
static int table_renew(void)
{
	struct pollfd changed = {.fd = table_fd, .events = POLLPRI};
	int r;

	if (table_fd < 0) {
		table_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
		if (table_fd < 0)
			return -errno;
	} else if (poll(&changed, 1, 0) == 0) {
		return 0;
	}
	r = table_fill();
	if (r < 0) {
		/* Opened anew next time, and read again. */
		close(table_fd);
		table_fd = -1;
	}
	return r;
}

int mount_kind_here(const struct mount_place *place, enum mount_kind *ret_kind)
{
	int r;

	pthread_mutex_lock(&table_lock);
	r = table_renew();
	if (r == 0)
		r = -ENOENT;
	for (size_t i = 0; r == -ENOENT && i < table.count; i++) {
		if (is_at(place, table.list[i].id, table.list[i].dev)) {
			*ret_kind = table.list[i].kind;
			r = 0;
		}
	}
	pthread_mutex_unlock(&table_lock);
	return r;
}

struct search {
	const struct mount_place *place;
	bool found;
	enum mount_kind kind;
};

static bool search_mount(void *arg, const struct mountinfo *entry)
{
	struct search *search = arg;

	if (!is_at(search->place, entry->id, entry->dev))
		return true;
	search->found = true;
	search->kind = mount_kind_of(entry);
	return false;
}

int mount_kind_of_process(int pid_fd, const struct mount_place *place, enum mount_kind *ret_kind)
{
	struct search search = {.place = place};
	int r = mountinfo_each(pid_fd, "mountinfo", search_mount, &search);

	if (r < 0)
		return r;
	if (!search.found)
		return -ENOENT;
	*ret_kind = search.kind;
	return 0;
}
