/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_check.c - is a READ by whom its handle is bound to? Another user is refused; another
 * process of the same user (a forked loader's worker) is served, and its first read is on record. A
 * thread that was looked at once is not looked at again.
 */
#include <errno.h>

#include "fs/mount/mount_private.h"

static int refuse_read(fuse_req_t request, struct handle *handle, enum reason reason)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(request);
	struct audit_event event = event_of_handle(AUDIT_READ, handle);

	event.outcome = AUDIT_REFUSE;
	event.reason = reason;
	event.uid = ctx->uid;
	event.gid = ctx->gid;
	event.pid = ctx->pid > 0 ? ctx->pid : AUDIT_UNKNOWN;
	/* These are the opener's; of the reader only what the kernel said is known. */
	event.exe = NULL;
	event.unit = NULL;
	event.loginuid = AUDIT_UNKNOWN;
	record_and_refuse(request, &event, -EACCES);
	return -EACCES;
}

int check_reader(fuse_req_t request, struct handle *handle)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(request);
	struct audit_event event;
	uint64_t start_time;
	pid_t pid;
	int r;

	if (ctx->uid != handle->subject.uid)
		return refuse_read(request, handle, REASON_HANDLE_USER);
	if (ctx->pid <= 0)
		return refuse_read(request, handle, REASON_PID_UNKNOWN);
	if (handle_knows_thread(handle, ctx->pid))
		return 0;
	r = subject_process_of_thread(ctx->pid, &pid, &start_time);
	if (r < 0)
		return refuse_read(request, handle,
			r == -EACCES ? REASON_KERNEL_THREAD : REASON_PROCESS_CHANGED);
	if (pid != handle->subject.pid || start_time != handle->subject.start_time) {
		event = event_of_handle(AUDIT_READ, handle);
		event.outcome = AUDIT_ALLOW;
		event.reason = handle->reason;
		event.pid = pid;
		event.exe = NULL;
		event.unit = NULL;
		event.detail = "first read by another process on this handle";
		/* Rare (once for each process and handle), so this thread may wait for the commit.
		 */
		r = audit_append_wait(handle->session->gate->backend.audit, &event, false);
		if (r < 0) {
			answer_error(request, -EACCES);
			return -EACCES;
		}
	}
	handle_remember_thread(handle, ctx->pid);
	return 0;
}
