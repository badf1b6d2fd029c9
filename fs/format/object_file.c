/* SPDX-License-Identifier: Apache-2.0 */
/* object_file.c - aligned reads of ciphertext. */
#include "fs/format/object_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define INTERRUPTED_MAX 100 /* in a row: it is the store that says so, not our signals */

int object_file_init(struct object_file *file, int fd, uint64_t object_size)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	*file = (struct object_file){
		.fd = fd,
		.direct = flags & O_DIRECT,
		.object_size = object_size,
	};
	return page_drop_init(&file->drop, fd);
}

void object_file_done(struct object_file *file, uint64_t from, uint64_t to)
{
	page_drop_done(&file->drop, from, to);
}

int object_file_check_size(const struct object_file *file, struct damage_report *ret_report)
{
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return damage_found(ret_report, DAMAGE_IO, DAMAGE_NO_CHUNK);
	if ((uint64_t)st.st_size != file->object_size)
		return damage_found(ret_report, DAMAGE_SIZE, DAMAGE_NO_CHUNK);
	return 0;
}

/* End of file before all was there: somebody cut the object, or the store answers short. */
static int found_short(const struct object_file *file, struct damage_report *ret_report)
{
	int r;

	r = object_file_check_size(file, ret_report);
	if (r < 0)
		return r;
	return damage_found(ret_report, DAMAGE_IO, DAMAGE_NO_CHUNK);
}

/* Takes `done` bytes off the front of the parts. */
static void advance(struct iovec **parts, size_t *count, size_t done)
{
	while (*count > 0 && done >= (*parts)->iov_len) {
		done -= (*parts)->iov_len;
		(*parts)++;
		(*count)--;
	}
	if (*count > 0) {
		(*parts)->iov_base = (uint8_t *)(*parts)->iov_base + done;
		(*parts)->iov_len -= done;
	}
}

static int read_parts(const struct object_file *file, struct iovec *parts, size_t count,
	size_t want, uint64_t offset, struct damage_report *ret_report)
{
	size_t left = want;
	unsigned interrupted = 0;

	while (left > 0) {
		ssize_t n = preadv(file->fd, parts, (int)count, (off_t)offset);

		if (n < 0 && errno == EINTR && ++interrupted < INTERRUPTED_MAX)
			continue;
		if (n < 0)
			return damage_found(ret_report, DAMAGE_IO, DAMAGE_NO_CHUNK);
		if ((size_t)n >= left)
			break;
		/* O_DIRECT can go on at a page only: what is behind it is read again. */
		if (file->direct)
			n -= n % PAGE_BYTES;
		interrupted = 0;
		if (n == 0)
			return found_short(file, ret_report);
		advance(&parts, &count, (size_t)n);
		offset += (size_t)n;
		left -= (size_t)n;
	}
	return 0;
}

int object_file_read(struct object_file *file, struct iovec *parts, size_t count, size_t want,
	uint64_t offset, struct damage_report *ret_report)
{
	int r = read_parts(file, parts, count, want, offset, ret_report);

	if (!file->direct)
		page_drop_add(&file->drop, offset, want);
	return r;
}

void object_file_announce(const struct object_file *file, uint64_t offset, size_t len)
{
	if (!file->direct)
		(void)posix_fadvise(file->fd, (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
}

static struct iovec whole_pages(void *pages, size_t want)
{
	return (struct iovec){pages, (want + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES};
}

int object_file_read_pages(struct object_file *file, void *pages, size_t want, uint64_t offset,
	struct damage_report *ret_report)
{
	struct iovec part = whole_pages(pages, want);

	return object_file_read(file, &part, 1, want, offset, ret_report);
}

int object_file_read_kept(const struct object_file *file, void *pages, size_t want, uint64_t offset,
	struct damage_report *ret_report)
{
	struct iovec part = whole_pages(pages, want);

	return read_parts(file, &part, 1, want, offset, ret_report);
}
