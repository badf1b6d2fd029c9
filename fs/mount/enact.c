/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enact.c - a change of rules meets the live handles: swap the set, decide every handle again, end
 * those that fail, wait until no READ of theirs is being answered, then invalidate the kernel's
 * pages and mappings of that user's node. In this order no byte can reach the page cache after it
 * was emptied. Runs in the thread of a command, never in that of a FUSE request.
 */
#include <errno.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/log.h"

#define DRAIN_MS 10000

struct enacting {
	struct gate *gate;
	uint64_t ino; /* for gate_end_file */
};

/* Who has a replaced file open goes on as if it still had the name that it lost. */
static bool replaced_fails_now(struct gate *gate, const struct handle *handle)
{
	__typeof__(*((struct name_list *)NULL)->names) name = {
		handle->last_name, handle->last_name_len};
	const struct name_list names = {.count = 1, .names = &name};

	return gate_decide(gate, &handle->subject, &names, PERMISSION_READ).verdict !=
	       VERDICT_ALLOW;
}

static bool fails_now(void *arg, struct handle *handle)
{
	struct gate *gate = ((struct enacting *)arg)->gate;
	struct name_list names = {0};
	bool fails = true;
	int r;

	r = keystore_names(gate->backend.keystore, handle->ino, &names);
	if (r == -ENOENT && handle->last_name)
		return replaced_fails_now(gate, handle);
	if (r == 0 && names.count)
		fails = gate_decide(gate, &handle->subject, &names, PERMISSION_READ).verdict !=
			VERDICT_ALLOW;
	name_list_done(&names);
	return fails;
}

static bool is_of_file(void *arg, struct handle *handle)
{
	return handle->ino == ((struct enacting *)arg)->ino;
}

static void record_ended(void *arg, struct handle *handle)
{
	struct audit_event event = event_of_handle(AUDIT_REVOKED, handle);

	event.outcome = AUDIT_REFUSE;
	event.reason = REASON_REVOKED;
	event.bytes = (int64_t)atomic_load(&handle->bytes);
	/* Taking away never waits for the trail: the handle is dead whether this works or not. */
	if (audit_append(((struct enacting *)arg)->gate->backend.audit, &event, NULL, NULL) < 0)
		log_error("the record of an ended handle could not be queued");
}

/*
 * With gate->enacting held, so that no session goes away. Handles whose READ a hanging store keeps
 * are left for gate_close_idle.
 */
static void invalidate_ended(struct gate *gate)
{
	struct session *session;
	uint64_t node_id;
	uint32_t index = 0;

	/* -ENOENT: the kernel has no such inode any more, and so none of its pages. */
	while (handle_take_stale(gate->handles, &index, &session, &node_id))
		fuse_lowlevel_notify_inval_inode(session->fuse, node_id, 0, 0);
}

/* With gate->enacting held. */
static int end_handles(struct gate *gate, bool (*fails)(void *arg, struct handle *handle),
	struct enacting *enacting, struct gate_effect *ret_effect)
{
	ret_effect->ended = handle_end(gate->handles, fails, record_ended, enacting);
	ret_effect->undrained = ret_effect->ended ? handle_drain(gate->handles, DRAIN_MS) : 0;
	invalidate_ended(gate);
	return ret_effect->undrained ? -ETIMEDOUT : 0;
}

int gate_enact(struct gate *gate, struct policy_change *change, struct gate_effect *ret_effect)
{
	struct enacting enacting = {.gate = gate};
	int r;

	pthread_mutex_lock(&gate->enacting);
	pthread_rwlock_wrlock(&gate->rules);
	if (change)
		policy_enact_change(gate->backend.policy, change);
	pthread_rwlock_unlock(&gate->rules);
	r = end_handles(gate, fails_now, &enacting, ret_effect);
	pthread_mutex_unlock(&gate->enacting);
	return r;
}

void gate_file_replaced(struct gate *gate, uint64_t ino, const char *name, size_t len)
{
	handle_set_last_name(gate->handles, ino, name, len);
}

int gate_end_file(struct gate *gate, uint64_t ino, const uint8_t file_id[ID_SIZE],
	struct gate_effect *ret_effect)
{
	struct enacting enacting = {.gate = gate, .ino = ino};
	int r;

	pthread_mutex_lock(&gate->enacting);
	r = end_handles(gate, is_of_file, &enacting, ret_effect);
	open_file_forget(handle_files(gate->handles), file_id);
	pthread_mutex_unlock(&gate->enacting);
	return r;
}

void gate_close_idle(struct gate *gate)
{
	open_file_close_idle(handle_files(gate->handles));
	/* What a hanging store kept from being invalidated. A change at work does it itself. */
	if (pthread_mutex_trylock(&gate->enacting) != 0)
		return;
	invalidate_ended(gate);
	pthread_mutex_unlock(&gate->enacting);
}
