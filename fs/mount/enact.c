/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enact.c - a change of rules meets the live handles: swap the set, decide every handle again, end
 * those that fail, wait until no READ of theirs is being answered and the kernel's pages and
 * mappings of that user's node are gone (notify.c). Runs in the thread of a command, never in that
 * of a FUSE request.
 */
#include <errno.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/log.h"

#define DRAIN_MS 10000

struct enacting {
	struct gate *gate;
	uint64_t ino;		       /* of this file only; 0: of all */
	const struct session *session; /* for gate_end_session */
	const struct ruleset *ruleset; /* by which to decide; NULL: the one in force */
	struct looked_memory *memory;  /* whoever has many files open is looked at once */
};

/* What is used of a budget since ends nothing that was counted, but is nothing for others. */
static bool fails_by_names(
	const struct enacting *enacting, struct handle *handle, const struct name_list *names)
{
	struct inquiry asked = {.ruleset = enacting->ruleset,
		.memory = enacting->memory,
		.subject = &handle->subject,
		.permission = PERMISSION_READ,
		.asks_budgets = handle->charged.count <= CHARGED_MAX,
		.size = handle->info.size,
		.charged = &handle->charged};
	struct decision decision = gate_decide(enacting->gate, &asked, names);

	/* A hash that was never known is not waited for: no allow goes by it, but a deny. */
	asked.hash_failed = true;
	if (decision.wants_hash)
		decision = gate_decide(enacting->gate, &asked, names);
	return decision.verdict != VERDICT_ALLOW;
}

/* Who has a replaced file open goes on as if it still had the name that it lost. */
static bool replaced_fails(const struct enacting *enacting, struct handle *handle)
{
	struct name_list names = {.count = 1};
	__typeof__(*names.names) name = {handle->last_name, handle->last_name_len};

	names.names = &name;
	return fails_by_names(enacting, handle, &names);
}

static bool fails_now(void *arg, struct handle *handle)
{
	const struct enacting *enacting = arg;
	struct name_list names = {0};
	bool fails = true;
	int r;

	if (enacting->ino && handle->ino != enacting->ino)
		return false;
	r = keystore_names(enacting->gate->backend.keystore, handle->ino, &names);
	if (r == -ENOENT && handle->last_name)
		return replaced_fails(enacting, handle);
	if (r == 0 && names.count)
		fails = fails_by_names(enacting, handle, &names);
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

static int await_ended(struct gate *gate, uint64_t ending, struct gate_effect *effect)
{
	if (!effect->ended)
		return 0;
	notifier_wake(gate->notifier);
	effect->undrained = handle_await_ended(gate->handles, ending, DRAIN_MS);
	return effect->undrained ? -ETIMEDOUT : 0;
}

/* Which ending of handles it was. */
static uint64_t enact(struct gate *gate, struct policy_change *change, uint64_t ino,
	struct gate_effect *ret_effect)
{
	struct enacting enacting = {.gate = gate, .ino = ino};
	bool hid;

	*ret_effect = (struct gate_effect){0};
	pthread_mutex_lock(&gate->enacting);
	hid = gate_hides_names(gate);
	pthread_rwlock_wrlock(&gate->rules);
	if (change)
		policy_enact_change(gate->backend.policy, change);
	pthread_rwlock_unlock(&gate->rules);
	if (!hid && gate_hides_names(gate))
		gate_begin_hiding(gate);
	enacting.memory = looked_memory_new();
	ret_effect->ended =
		handle_end(gate->handles, fails_now, record_ended, &enacting, &ret_effect->ending);
	pthread_mutex_unlock(&gate->enacting);
	looked_memory_free(enacting.memory);
	return ret_effect->ending;
}

int gate_enact(struct gate *gate, struct policy_change *change, struct gate_effect *ret_effect)
{
	return await_ended(gate, enact(gate, change, 0, ret_effect), ret_effect);
}

int gate_file_named(struct gate *gate, uint64_t ino, struct gate_effect *ret_effect)
{
	return await_ended(gate, enact(gate, NULL, ino, ret_effect), ret_effect);
}

void gate_decide_again(struct gate *gate)
{
	struct gate_effect effect;

	enact(gate, NULL, 0, &effect);
	notifier_wake(gate->notifier);
}

void gate_file_replaced(struct gate *gate, uint64_t ino, const char *name, size_t len)
{
	handle_set_last_name(gate->handles, ino, name, len);
}

int gate_end_file(struct gate *gate, uint64_t ino, const uint8_t file_id[ID_SIZE],
	struct gate_effect *ret_effect)
{
	struct enacting enacting = {.gate = gate, .ino = ino};
	uint64_t ending;
	int r;

	*ret_effect = (struct gate_effect){0};
	ret_effect->ended = handle_end(gate->handles, is_of_file, record_ended, &enacting, &ending);
	r = await_ended(gate, ending, ret_effect);
	open_file_forget(handle_files(gate->handles), file_id);
	return r;
}

static bool is_of_session(void *arg, struct handle *handle)
{
	return handle->session == ((struct enacting *)arg)->session;
}

/* The record of the close says it. */
static void record_nothing(void *arg, struct handle *handle)
{
	(void)arg, (void)handle;
}

uint64_t gate_end_session(struct gate *gate, struct session *session)
{
	struct enacting enacting = {.gate = gate, .session = session};
	uint64_t ending;

	handle_shut(gate->handles, &session->shut);
	if (!handle_end(gate->handles, is_of_session, record_nothing, &enacting, &ending))
		return 0;
	notifier_wake(gate->notifier);
	return ending;
}

uint64_t gate_await_ended(struct gate *gate, uint64_t ending, int64_t timeout_ms)
{
	return ending ? handle_await_ended(gate->handles, ending, timeout_ms) : 0;
}

struct walk {
	int (*each)(void *arg, const struct handle_info *info);
	void *arg;
	uint64_t ending;
	struct enacting enacting;
};

static int show_ended(void *arg, struct handle *handle)
{
	struct walk *walk = arg;
	struct handle_info info = info_of_handle(handle);

	return handle->ending == walk->ending ? walk->each(walk->arg, &info) : 0;
}

int gate_each_ended(struct gate *gate, uint64_t ending,
	int (*each)(void *arg, const struct handle_info *info), void *arg)
{
	struct walk walk = {.each = each, .arg = arg, .ending = ending};

	return ending ? handle_each(gate->handles, show_ended, &walk) : 0;
}

static int show_failing(void *arg, struct handle *handle)
{
	struct walk *walk = arg;
	struct handle_info info = info_of_handle(handle);

	if (handle->state == HANDLE_DEAD || !fails_now(&walk->enacting, handle))
		return 0;
	return walk->each(walk->arg, &info);
}

int gate_each_failing(struct gate *gate, const struct ruleset *ruleset,
	int (*each)(void *arg, const struct handle_info *info), void *arg)
{
	struct walk walk = {
		.each = each, .arg = arg, .enacting = {.gate = gate, .ruleset = ruleset}};
	int r;

	walk.enacting.memory = looked_memory_new();
	r = handle_each(gate->handles, show_failing, &walk);
	looked_memory_free(walk.enacting.memory);
	return r;
}
