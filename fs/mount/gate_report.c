/* SPDX-License-Identifier: Apache-2.0 */
/* gate_report.c - what status and umount ask of the gate. */
#include "fs/mount/mount_private.h"

struct walk {
	int (*each)(void *arg, const struct handle_info *info);
	void *arg;
};

struct handle_info info_of_handle(const struct handle *handle)
{
	return (struct handle_info){
		.mountpoint = handle->session->mountpoint,
		.path = handle->path,
		.path_len = handle->path_len,
		.exe = handle->subject.exe,
		.uid = handle->subject.uid,
		.pid = handle->subject.pid,
		.start_time = handle->subject.start_time,
		.bytes = atomic_load(&handle->bytes),
		.opened_ns = handle->opened_at_ns,
		.rule = handle->rule,
	};
}

static int show_handle(void *arg, struct handle *handle)
{
	struct walk *walk = arg;
	struct handle_info info = info_of_handle(handle);

	return handle->state == HANDLE_LIVE ? walk->each(walk->arg, &info) : 0;
}

int gate_handles(
	struct gate *gate, int (*each)(void *arg, const struct handle_info *info), void *arg)
{
	struct walk walk = {.each = each, .arg = arg};

	return handle_each(gate->handles, show_handle, &walk);
}

bool gate_is_shut(const struct gate *gate)
{
	return atomic_load(&gate->shut);
}

void gate_counts(struct gate *gate, struct gate_counts *ret_counts)
{
	*ret_counts = (struct gate_counts){
		.handles = handle_count(gate->handles),
		.opens_allowed = atomic_load(&gate->opens_allowed),
		.opens_refused = atomic_load(&gate->opens_refused),
		.reads = atomic_load(&gate->reads),
		.bytes = atomic_load(&gate->bytes),
		.damaged = atomic_load(&gate->damaged),
	};
}
