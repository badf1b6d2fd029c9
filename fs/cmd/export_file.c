/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_file.c - the attributes come with the bytes: those looked at before could be of another
 * file that was replaced meanwhile.
 */
#include "fs/cmd/export_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "keystore/base/clock.h"
#include "keystore/base/secret.h"

/* A vault's owner may be anybody: no word of his makes a program of root's. */
#define MODE_OF_FILES 0777

struct export_job *export_job_free(struct export_job *job)
{
	if (!job)
		return NULL;
	export_directory_unref(job->directory);
	free(job->name);
	free(job->dest);
	free(job->path);
	free(job);
	return NULL;
}

/* ---- attributes ---- */

void export_look_times(const struct export_look *look, struct timespec ret_times[2])
{
	int64_t seconds = look->mtime_ns / NS_PER_S, rest = look->mtime_ns % NS_PER_S;

	if (rest < 0) {
		rest += NS_PER_S;
		seconds--;
	}
	ret_times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
	ret_times[1] = (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

static void set_xattrs(int fd, const struct export_look *look)
{
	struct cursor cursor;

	cursor_init(&cursor, look->xattrs, look->xattrs_len);
	while (cursor.left && !cursor.failed) {
		const char *name = (const char *)cursor.at;
		size_t len = strnlen(name, cursor.left);
		const uint8_t *value;

		cursor_bytes(&cursor, len + 1);
		len = cursor_u32(&cursor);
		value = cursor_bytes(&cursor, len);
		/* Imported were these only; others (security.capability) mean power. */
		if (value && strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN) == 0)
			(void)!fsetxattr(fd, name, value, len, 0);
	}
}

/* The bytes are what was asked for; a file system without such attributes keeps its own. */
void export_set_attributes(int fd, const struct export_look *look)
{
	struct timespec times[2];

	set_xattrs(fd, look);
	if (geteuid() == 0)
		(void)!fchown(fd, look->uid, look->gid);
	(void)!fchmod(fd, look->mode & MODE_OF_FILES);
	export_look_times(look, times);
	(void)!futimens(fd, times);
}

/* ---- the name ---- */

int export_part_name(char ret_part[EXPORT_PART_SIZE])
{
	uint8_t id[8];
	char text[2 * sizeof(id) + 1];
	int r;

	r = random_fill(id, sizeof(id));
	if (r < 0)
		return r;
	hex_encode(id, sizeof(id), text);
	snprintf(ret_part, EXPORT_PART_SIZE, ".modelvault-%s.part", text);
	return 0;
}

/* A file without a name, or, where there is no such thing, one called ret_part. */
static int open_part(int dir_fd, char ret_part[EXPORT_PART_SIZE])
{
	int fd, r;

	ret_part[0] = '\0';
	fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	r = export_part_name(ret_part);
	if (r < 0)
		return r;
	fd = openat(dir_fd, ret_part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int link_part(int dir_fd, int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int rename_over(int dir_fd, const char *part, const char *name)
{
	int r = renameat(dir_fd, part, dir_fd, name) < 0 ? -errno : 0;

	if (r < 0)
		unlinkat(dir_fd, part, 0);
	return r;
}

int export_name(int dir_fd, int fd, const char *part, const char *name, bool replace)
{
	char own[EXPORT_PART_SIZE];
	int r;

	if (!replace && *part)
		return renameat2(dir_fd, part, dir_fd, name, RENAME_NOREPLACE) < 0 ? -errno : 0;
	if (!replace)
		return link_part(dir_fd, fd, name);
	if (*part)
		return rename_over(dir_fd, part, name);
	r = export_part_name(own);
	if (r == 0)
		r = link_part(dir_fd, fd, own);
	return r < 0 ? r : rename_over(dir_fd, own, name);
}

/* ---- the file ---- */

bool export_is_present(int dir_fd, const char *name, const struct export_look *look)
{
	struct stat attr;

	return fstatat(dir_fd, name, &attr, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(attr.st_mode) &&
	       (uint64_t)attr.st_size == look->size &&
	       (int64_t)attr.st_mtim.tv_sec * NS_PER_S + attr.st_mtim.tv_nsec == look->mtime_ns;
}

static int fill_part(struct export_line *line, struct export_job *job, int fd, const char *part)
{
	scope_buffer struct buffer answer = {0};
	struct export_look look;
	int r;

	r = export_line_fetch(line, job->path, job->path_len, fd, &answer, &look);
	if (r < 0)
		return r;
	export_set_attributes(fd, &look);
	r = export_name(export_directory_fd(job->directory), fd, part, job->name,
		job->existing == EXISTING_REPLACE);
	if (r == 0)
		exporter_count(export_line_exporter(line), EXPORT_MADE, look.size);
	return r;
}

static int write_file(struct export_line *line, struct export_job *job)
{
	int dir_fd = export_directory_fd(job->directory), r;
	char part[EXPORT_PART_SIZE];
	scope_fd int fd = -1;

	fd = open_part(dir_fd, part);
	if (fd < 0)
		return take_fd(&fd);
	r = fill_part(line, job, fd, part);
	if (r < 0 && *part)
		unlinkat(dir_fd, part, 0);
	return r;
}

/* 1: it is there; 0: it is to be written. Before gigabytes are read in vain; the name decides. */
static int look_there(struct export_line *line, const struct export_job *job)
{
	int dir_fd = export_directory_fd(job->directory);
	bool present;
	struct stat attr;

	if (fstatat(dir_fd, job->name, &attr, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	present = export_is_present(dir_fd, job->name, &job->look);
	if (!present && job->existing == EXISTING_REPLACE)
		return S_ISDIR(attr.st_mode) ? -EISDIR : 0;
	if (!present && job->existing == EXISTING_IS_ERROR)
		return -EEXIST;
	exporter_count(export_line_exporter(line), present ? EXPORT_PRESENT : EXPORT_SKIPPED,
		job->look.size);
	return present ? 1 : 2;
}

void export_file(struct export_line *line, struct export_job *job)
{
	struct exporter *exporter = export_line_exporter(line);
	int r;

	if (exporter_is_stopped(exporter)) {
		export_job_free(job);
		return;
	}
	r = look_there(line, job);
	if (r == 0)
		r = write_file(line, job);
	else if (r == 2)
		r = -ECANCELED;
	if (job->leader)
		job->leader->is_out = r >= 0;
	if (r < 0)
		exporter_complain(exporter, job->dest, r);
	export_job_free(job);
}
