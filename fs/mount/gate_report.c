/* SPDX-License-Identifier: Apache-2.0 */
/* gate_report.c - what status and umount ask of the gate, and names that changed below all mounts.
 */
#include "fs/mount/mount_private.h"

struct walk {
	int (*each)(void *arg, const struct handle_info *info);
	void *arg;
};

static int show_handle(void *arg, struct handle *handle)
{
	struct walk *walk = arg;
	struct handle_info info = {
		.mountpoint = handle->session->mountpoint,
		.path = handle->path,
		.path_len = handle->path_len,
		.exe = handle->subject.exe,
		.uid = handle->subject.uid,
		.pid = handle->subject.pid,
		.bytes = atomic_load(&handle->bytes),
		.opened_ns = handle->opened_at_ns,
		.rule = handle->rule,
	};

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

static void forget_attributes(struct session *session, uint64_t ino)
{
	uint64_t id = ino ? node_of_directory(session->nodes, ino) : 0;

	if (id)
		fuse_lowlevel_notify_inval_inode(session->fuse, id, 0, 0);
}

/*
 * Never by fuse_lowlevel_notify_inval_entry: that takes the directory's lock, which any user can
 * hold for as long as he likes (getdents(2) into a page that his own FUSE does not deliver), and
 * gate->enacting with it: then no rule could be taken back.
 */
void gate_names_changed(struct gate *gate, uint64_t parent, uint64_t gone)
{
	/* enacting keeps sessions alive while their kernel side is told. */
	pthread_mutex_lock(&gate->enacting);
	for (struct session *session = gate->sessions; session; session = session->next) {
		forget_attributes(session, parent);
		forget_attributes(session, gone);
	}
	pthread_mutex_unlock(&gate->enacting);
}
