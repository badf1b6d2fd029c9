/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_store.c - objects in their directory. All access is beneath one descriptor and never
 * through a symlink: who can write the directory must not be able to send us elsewhere.
 */
#include "fs/format/object_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "keystore/base/bytes.h"
#include "keystore/base/file.h"
#include "keystore/base/scope.h"

#define NEW_NAME  ".new"
#define NAME_SIZE (2 * ID_SIZE + 1)
/* "XX/" and the name; the longest path below the store. */
#define PATH_SIZE (5 + NAME_SIZE)
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY)

struct object_store {
	int dir_fd;
	int new_fd;
};

static void close_directory(DIR *dir)
{
	closedir(dir);
}
SCOPE_FUNCTION(DIR *, close_directory);

int object_store_create(const char *path)
{
	scope_fd int dir_fd = -1;
	const struct dirent *entry;
	scope(close_directory) DIR *dir = NULL;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir_fd = open(path, DIR_FLAGS | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	dir = opendir(path);
	if (!dir)
		return -errno;
	errno = 0;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return -EEXIST;
	if (errno != 0)
		return -errno;
	if (mkdirat(dir_fd, NEW_NAME, 0700) < 0)
		return -errno;
	return file_sync_directory(dir_fd);
}

int object_store_open(const char *path, struct object_store **ret_store)
{
	scope_fd int dir_fd = -1;
	scope_fd int new_fd = -1;
	struct object_store *store;

	dir_fd = open(path, DIR_FLAGS | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	new_fd = file_open_beneath(dir_fd, NEW_NAME, DIR_FLAGS, 0);
	if (new_fd < 0)
		return new_fd;
	store = malloc(sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->dir_fd = take_fd(&dir_fd);
	store->new_fd = take_fd(&new_fd);
	*ret_store = store;
	return 0;
}

struct object_store *object_store_close(struct object_store *store)
{
	if (!store)
		return NULL;
	close(store->dir_fd);
	close(store->new_fd);
	free(store);
	return NULL;
}

/* "XX/<32 hex>"; the name alone starts at path + 3. */
static void object_path(const uint8_t file_id[ID_SIZE], char path[PATH_SIZE])
{
	hex_encode(file_id, ID_SIZE, path + 3);
	memcpy(path, path + 3, 2);
	path[2] = '/';
}

static int open_regular(int dir_fd, const char *path, int flags)
{
	scope_fd int fd = -1;
	struct stat st;

	fd = file_open_beneath(dir_fd, path, flags, 0);
	if (fd < 0) {
		/* A symlink, a socket, or something that is no directory on the way. */
		if (fd == -ELOOP || fd == -ENXIO || fd == -ENOTDIR)
			return -EUCLEAN;
		return take_fd(&fd);
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EUCLEAN;
	return take_fd(&fd);
}

int object_store_open_object(
	struct object_store *store, const uint8_t file_id[ID_SIZE], bool direct, bool *ret_direct)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
	char path[PATH_SIZE];
	int fd = -EINVAL;

	object_path(file_id, path);
	if (direct)
		fd = open_regular(store->dir_fd, path, flags | O_DIRECT);
	if (fd == -EINVAL || fd == -EOPNOTSUPP) {
		direct = false;
		fd = open_regular(store->dir_fd, path, flags);
	}
	if (fd >= 0)
		*ret_direct = direct;
	return fd;
}

/* A directory, a link on the way or at the end: by whoever writes the objects. */
bool object_store_lacks_object(int result)
{
	return result == -ENOENT || result == -EUCLEAN || result == -ELOOP || result == -EXDEV ||
	       result == -ENOTDIR;
}

int object_store_new_object(struct object_store *store, const uint8_t file_id[ID_SIZE])
{
	char name[NAME_SIZE];

	hex_encode(file_id, ID_SIZE, name);
	return file_open_beneath(store->new_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

/* The XX directory, made when it is not there yet. */
static int open_shelf(struct object_store *store, const char *shelf)
{
	int r;

	if (mkdirat(store->dir_fd, shelf, 0700) == 0) {
		r = file_sync_directory(store->dir_fd);
		if (r < 0)
			return r;
	} else if (errno != EEXIST) {
		return -errno;
	}
	return file_open_beneath(store->dir_fd, shelf, DIR_FLAGS, 0);
}

static int rename_new(int from_fd, int to_fd, const char *name)
{
	struct stat st;

	if (renameat2(from_fd, name, to_fd, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* NFS and others know no flags. Ids are random: nobody but an attacker can be there first.
	 */
	if (fstatat(to_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (errno != ENOENT)
		return -errno;
	return renameat(from_fd, name, to_fd, name) < 0 ? -errno : 0;
}

int object_store_publish(struct object_store *store, const uint8_t file_id[ID_SIZE], int fd)
{
	scope_fd int shelf_fd = -1;
	char path[PATH_SIZE];
	int r;

	if (fsync(fd) < 0)
		return -errno;
	object_path(file_id, path);
	path[2] = '\0';
	shelf_fd = open_shelf(store, path);
	if (shelf_fd < 0)
		return shelf_fd;
	r = rename_new(store->new_fd, shelf_fd, path + 3);
	if (r < 0)
		return r;
	r = file_sync_directory(shelf_fd);
	if (r < 0)
		return r;
	return file_sync_directory(store->new_fd);
}

int object_store_discard(struct object_store *store, const uint8_t file_id[ID_SIZE])
{
	char name[NAME_SIZE];

	hex_encode(file_id, ID_SIZE, name);
	if (unlinkat(store->new_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int object_store_remove(struct object_store *store, const uint8_t file_id[ID_SIZE])
{
	scope_fd int shelf_fd = -1;
	char path[PATH_SIZE];

	object_path(file_id, path);
	path[2] = '\0';
	shelf_fd = file_open_beneath(store->dir_fd, path, DIR_FLAGS, 0);
	if (shelf_fd < 0)
		return shelf_fd;
	if (unlinkat(shelf_fd, path + 3, 0) < 0)
		return -errno;
	return file_sync_directory(shelf_fd);
}

/* Only what hex_encode writes: lower-case digits, exactly `digits` of them. */
static bool is_hex_name(const char *name, size_t digits)
{
	return strlen(name) == digits && strspn(name, "0123456789abcdef") == digits;
}

struct collection {
	bool (*is_known)(void *arg, const uint8_t *file_id); /* NULL: nothing is */
	void *arg;
	int aside_fd; /* -1: what is unknown is removed, else it goes below this directory */
	int removed;
};

/* 0, or -errno; errno values that tell of something that is no object are the caller's to pass
 * over. */
static int take_away(
	const struct collection *collection, int dir_fd, const char *shelf, const char *name)
{
	char path[PATH_SIZE];

	if (collection->aside_fd < 0 || !*shelf)
		return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
	if (mkdirat(collection->aside_fd, shelf, 0700) < 0 && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/%s", shelf, name);
	return renameat(dir_fd, name, collection->aside_fd, path) < 0 ? -errno : 0;
}

/* Removes the object named so unless it is known. What is no object stays and is not counted. */
static int collect_name(
	struct collection *collection, int dir_fd, const char *shelf, const char *name)
{
	uint8_t file_id[ID_SIZE];
	int r;

	if (!is_hex_name(name, 2 * ID_SIZE) || strncmp(name, shelf, strlen(shelf)) != 0)
		return 0;
	if (hex_decode(name, file_id, ID_SIZE) < 0)
		return 0;
	if (collection->is_known && collection->is_known(collection->arg, file_id))
		return 0;
	r = take_away(collection, dir_fd, shelf, name);
	if (r < 0)
		return r == -EISDIR || r == -EPERM || r == -ENOENT ? 0 : r;
	collection->removed++;
	return 0;
}

static int collect_directory(
	struct collection *collection, int parent_fd, const char *path, const char *shelf)
{
	scope(close_directory) DIR *dir = NULL;
	scope_fd int fd = -1;
	const struct dirent *entry;
	int before = collection->removed;
	int r;

	fd = file_open_beneath(parent_fd, path, DIR_FLAGS, 0);
	if (fd == -ELOOP || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return take_fd(&fd);
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	fd = -1;
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		r = collect_name(collection, dirfd(dir), shelf, entry->d_name);
		if (r < 0)
			return r;
	}
	if (errno != 0)
		return -errno;
	return collection->removed > before ? file_sync_directory(dirfd(dir)) : 0;
}

static int collect_shelves(struct object_store *store, struct collection *collection)
{
	char shelf[3];
	int r;

	for (unsigned i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i;

		hex_encode(&byte, 1, shelf);
		r = collect_directory(collection, store->dir_fd, shelf, shelf);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return collection->removed;
}

int object_store_collect(
	struct object_store *store, bool (*is_known)(void *arg, const uint8_t *file_id), void *arg)
{
	struct collection collection = {.aside_fd = -1};
	int r;

	r = collect_directory(&collection, store->dir_fd, NEW_NAME, "");
	if (r < 0)
		return r;
	collection.is_known = is_known;
	collection.arg = arg;
	return collect_shelves(store, &collection);
}

int object_store_set_aside(struct object_store *store,
	bool (*is_known)(void *arg, const uint8_t *file_id), void *arg, int to_fd)
{
	struct collection collection = {.is_known = is_known, .arg = arg, .aside_fd = to_fd};

	return collect_shelves(store, &collection);
}

int object_store_space(struct object_store *store, uint64_t *ret_bytes, uint64_t *ret_free)
{
	struct statvfs space;

	if (fstatvfs(store->dir_fd, &space) < 0)
		return -errno;
	*ret_bytes = (uint64_t)space.f_blocks * space.f_frsize;
	*ret_free = (uint64_t)space.f_bavail * space.f_frsize;
	return 0;
}
