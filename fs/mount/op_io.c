/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_io.c - READ: exactly min(size, file size - offset) verified bytes, or an error; never fewer
 * (the kernel takes a short answer for the end of the file), never bytes not yet verified.
 */
#include <errno.h>
#include <unistd.h>

#include "fs/mount/mount_private.h"

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static int scratch_key_result;

static void free_scratch(void *scratch)
{
	object_scratch_free(scratch);
}

static void make_scratch_key(void)
{
	scratch_key_result = -pthread_key_create(&scratch_key, free_scratch);
}

/* This thread's room for one read. */
static int thread_scratch(struct object_scratch **ret_scratch)
{
	struct object_scratch *scratch;
	int r;

	pthread_once(&scratch_once, make_scratch_key);
	if (scratch_key_result < 0)
		return scratch_key_result;
	scratch = pthread_getspecific(scratch_key);
	if (!scratch) {
		r = object_scratch_new(READ_MAX, &scratch);
		if (r < 0)
			return r;
		r = -pthread_setspecific(scratch_key, scratch);
		if (r < 0) {
			object_scratch_free(scratch);
			return r;
		}
	}
	*ret_scratch = scratch;
	return 0;
}

static void refuse_damaged(
	fuse_req_t request, struct handle *handle, const struct damage_report *report)
{
	struct audit_event event = event_of_handle(AUDIT_INTEGRITY, handle);
	char detail[DAMAGE_TEXT_SIZE];

	damage_report_text(report, detail);
	event.outcome = AUDIT_ERROR;
	event.reason = REASON_INTEGRITY;
	event.detail = detail;
	atomic_fetch_add(&handle->session->gate->damaged, 1);
	record_and_refuse(request, &event, -EIO);
}

static void serve(fuse_req_t request, struct handle *handle, size_t size, off_t offset)
{
	struct gate *gate = handle->session->gate;
	struct object_scratch *scratch;
	struct damage_report report = {.cause = DAMAGE_NONE, .chunk = DAMAGE_NO_CHUNK};
	const uint8_t *bytes;
	ssize_t len;
	int r;

	r = thread_scratch(&scratch);
	if (r < 0)
		return answer_error(request, r);
	len = object_reader_read(open_file_reader(handle->file), scratch, (uint64_t)offset,
		size < READ_MAX ? size : READ_MAX, &bytes, &report);
	if (len < 0) {
		if (report.cause != DAMAGE_NONE)
			refuse_damaged(request, handle, &report);
		else
			answer_error(request, (int)len);
		return;
	}
	if (!handle_is_live(gate->handles, handle)) {
		/* Ended while the store was slow: nobody may wait for this READ any more. */
		answer_error(request, -EACCES);
		object_scratch_wipe(scratch);
		return;
	}
	atomic_fetch_add(&handle->bytes, (uint64_t)len);
	atomic_fetch_add(&gate->bytes, (uint64_t)len);
	atomic_fetch_add(&gate->reads, 1);
	fuse_reply_buf(request, (const char *)bytes, (size_t)len);
	object_scratch_wipe(scratch);
}

void op_read(
	fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct gate *gate = session_of(request)->gate;
	struct handle *handle;
	bool dead;

	handle = handle_get(gate->handles, fi->fh, id, &dead);
	if (!handle || offset < 0) {
		/* Dead, or never ours (after an ENOSYS to OPEN reads would come with fh 0). */
		if (handle)
			handle_put(gate->handles, handle);
		return answer_error(request, -EACCES);
	}
	if (check_reader(request, handle) == 0)
		serve(request, handle, size, offset);
	handle_put(gate->handles, handle);
}

void op_lseek(
	fuse_req_t request, fuse_ino_t id, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct gate *gate = session_of(request)->gate;
	struct handle *handle;
	off_t size;
	bool dead;

	handle = handle_get(gate->handles, fi->fh, id, &dead);
	if (!handle)
		return answer_error(request, -EACCES);
	size = (off_t)object_reader_size(open_file_reader(handle->file));
	handle_put(gate->handles, handle);
	/* No holes: data from end to end, and one hole behind it. */
	if (offset < 0 || offset >= size)
		answer_error(request, -ENXIO);
	else if (whence == SEEK_DATA)
		fuse_reply_lseek(request, offset);
	else if (whence == SEEK_HOLE)
		fuse_reply_lseek(request, size);
	else
		answer_error(request, -EINVAL);
}
