/* SPDX-License-Identifier: Apache-2.0 */
/* object_scratch.h - the inside of a scratch, for the reader: one mapping, cut into three. */
#ifndef FS_FORMAT_OBJECT_SCRATCH_H
#define FS_FORMAT_OBJECT_SCRATCH_H

#include <sys/uio.h>

#include "fs/format/object_reader.h"

struct object_scratch {
	size_t max_len;
	size_t mapped; /* bytes of the mapping that starts at data */
	uint8_t *data; /* chunks, contiguous: ciphertext, then in place plaintext */
	size_t data_size;
	size_t used;	    /* bytes of data that may hold plaintext */
	uint8_t *tag_pages; /* one a group that a read can touch */
	size_t tag_page_count;
	uint8_t *seal_page;
	struct iovec *parts; /* 2 * tag_page_count */
};

#endif
