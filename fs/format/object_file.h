/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_file.h - ciphertext as it is read from the backing file: page-aligned ranges, so that an
 * O_DIRECT descriptor serves, and without O_DIRECT the pages are dropped from the kernel's cache
 * soon afterwards, because the plaintext is cached above and twice would be too much.
 */
#ifndef FS_FORMAT_OBJECT_FILE_H
#define FS_FORMAT_OBJECT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fs/format/object.h"
#include "fs/format/page_drop.h"

struct object_file {
	int fd;
	bool direct;	      /* O_DIRECT */
	uint64_t object_size; /* what the length must be, to tell truncation from a failing disk */
	struct page_drop drop;
};

/* Looks at the descriptor's flags. Does not own fd. */
int object_file_init(struct object_file *file, int fd, uint64_t object_size);
/* Drops what lies from `from` to `to`, while fd is still open. Zeroed memory is accepted. */
void object_file_done(struct object_file *file, uint64_t from, uint64_t to);
/* Is the length the exact one? -EBADMSG with DAMAGE_SIZE; -EIO with DAMAGE_IO. */
int object_file_check_size(const struct object_file *file, struct damage_report *ret_report);
/*
 * Reads from offset into the parts, whose addresses, lengths and offset are multiples of 4 KiB.
 * At least `want` bytes must come; end of file may cut what is beyond. -EBADMSG with DAMAGE_SIZE
 * when the file has become shorter, else -EIO with DAMAGE_IO. The parts are used up.
 */
int object_file_read(struct object_file *file, struct iovec *parts, size_t count, size_t want,
	uint64_t offset, struct damage_report *ret_report);
/* Says that this range will be read soon, so that the disk can begin. Not with O_DIRECT. */
void object_file_announce(const struct object_file *file, uint64_t offset, size_t len);
/* The same into one buffer of whole pages. */
int object_file_read_pages(struct object_file *file, void *pages, size_t want, uint64_t offset,
	struct damage_report *ret_report);
/* The same for what each open reads, header and seal index: it stays in the kernel's cache. */
int object_file_read_kept(const struct object_file *file, void *pages, size_t want, uint64_t offset,
	struct damage_report *ret_report);

#endif
