/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.c - the single door: every OPEN goes subject -> decide -> audit -> answer here, and the
 * answer is sent by the thread that commits the record. Any failure on the way is a refusal with
 * its own reason.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

int gate_new(const struct backend *backend, struct gate **ret_gate)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	pthread_rwlockattr_t attributes;
	int r;

	if (!gate)
		return -ENOMEM;
	gate->backend = *backend;
	r = handle_table_new(backend, &gate->handles);
	if (r < 0) {
		free(gate);
		return r;
	}
	r = notifier_new(gate, &gate->notifier);
	if (r < 0) {
		handle_table_free(gate->handles);
		free(gate);
		return r;
	}
	pthread_mutex_init(&gate->enacting, NULL);
	/* Else a storm of opens could keep a revocation waiting. */
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&gate->rules, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	*ret_gate = gate;
	return 0;
}

struct gate *gate_free(struct gate *gate)
{
	if (!gate)
		return NULL;
	notifier_free(gate->notifier);
	handle_table_free(gate->handles);
	pthread_mutex_destroy(&gate->enacting);
	pthread_rwlock_destroy(&gate->rules);
	free(gate);
	return NULL;
}

void gate_shut(struct gate *gate)
{
	atomic_store(&gate->shut, true);
}

/* What an OPEN carries from the request to the answer. */
struct opening {
	fuse_req_t request;
	struct session *session;
	struct fuse_file_info fi;
	struct entry_info info;
	struct name_list names;
	struct handle *handle;
	struct charged_rules charged;
	bool hash_failed; /* of the caller's program */
	bool is_odd;	  /* an identity that no rule can name */
};

static void opening_free(struct opening *opening)
{
	if (!opening)
		return;
	name_list_done(&opening->names);
	free(opening);
}

static void refuse_open(struct opening *opening, const struct subject *subject, enum reason reason,
	uint64_t rule, int result, const char *detail)
{
	struct audit_event event = event_of_subject(
		reason == REASON_INTEGRITY ? AUDIT_INTEGRITY : AUDIT_OPEN, subject);

	event.outcome = result == -EACCES ? AUDIT_REFUSE : AUDIT_ERROR;
	event.reason = reason;
	event.perm = "read";
	event.detail = detail;
	event.file_id = opening->info.file_id;
	if (rule)
		event.rule = (int64_t)rule;
	if (opening->names.count) {
		event.path = opening->names.names[0].path;
		event.path_len = opening->names.names[0].len;
	}
	atomic_fetch_add(&opening->session->gate->opens_refused, 1);
	/* By a descriptor from when it was seen: as one that is gone. */
	if (!gate_shows(
		    opening->session->gate, opening->is_odd ? NULL : subject, opening->info.ino))
		result = -ESTALE;
	record_and_refuse(opening->request, &event, result);
}

/* An inquiry about all names of a file; few is used when they fit. Free `names` if it is not few.
 */
static int inquiry_of_names(
	struct inquiry *inquiry, const struct name_list *names, struct path_name *few, size_t room)
{
	struct path_name *all = few;

	if (names->count > room) {
		all = calloc(names->count, sizeof(*all));
		if (!all)
			return -ENOMEM;
	}
	for (size_t i = 0; i < names->count; i++)
		all[i] = (struct path_name){
			.path = names->names[i].path, .len = names->names[i].len};
	inquiry->names = all;
	inquiry->name_count = names->count;
	return 0;
}

static void inquiry_done(struct inquiry *inquiry, const struct path_name *few)
{
	if (inquiry->names != few)
		free((void *)(uintptr_t)inquiry->names);
}

struct decision gate_decide(
	struct gate *gate, const struct inquiry *asked, const struct name_list *names)
{
	struct path_name few[4];
	struct decision decision = {.verdict = VERDICT_DENY, .reason = REASON_NO_RESOURCES};
	struct inquiry inquiry = *asked;

	if (inquiry_of_names(&inquiry, names, few, ARRAY_SIZE(few)) < 0)
		return decision;
	decision = policy_inquire(gate->backend.policy, &inquiry);
	inquiry_done(&inquiry, few);
	return decision;
}

/* Sent by the committing thread: the record of the allowed open is written, or could not be. */
static void answer_open(void *arg, int committed)
{
	struct opening *opening = arg;
	struct session *session = opening->session;
	struct gate *gate = session->gate;
	struct handle *handle = opening->handle;
	struct fuse_file_info fi = opening->fi;
	pid_t tid = handle->subject.tid;

	fi.fh = handle->fh;
	fi.keep_cache = session->options.cache == CACHE_KEEP;
	fi.direct_io = session->options.cache == CACHE_NONE;
	fi.noflush = 1;
	if (committed < 0) {
		handle_free(gate->handles, handle_remove(gate->handles, handle->fh));
		atomic_fetch_add(&gate->opens_refused, 1);
		answer_error(opening->request, -EACCES);
	} else if (!handle_make_live(gate->handles, handle)) {
		/* Ended before it was answered: the record of the open is there, and gets its
		 * close. */
		gate_close(gate, handle_remove(gate->handles, handle->fh));
		atomic_fetch_add(&gate->opens_refused, 1);
		answer_error(opening->request, -EACCES);
	} else {
		uint64_t node_id = handle->node_id;

		atomic_fetch_add(&gate->opens_allowed, 1);
		node_opened(session->nodes, node_id, tid);
		/* The caller was killed meanwhile: no RELEASE will come. */
		if (fuse_reply_open(opening->request, &fi) == -ENOENT) {
			node_idle(session->nodes, node_id, clock_monotonic_ns());
			gate_close(gate, handle_remove(gate->handles, fi.fh));
		}
	}
	opening_free(opening);
}

static int new_handle(struct opening *opening, struct subject *subject,
	const struct node_info *node, const struct decision *decision, struct handle **ret_handle)
{
	struct handle *handle = calloc(1, sizeof(*handle));
	size_t len = opening->names.names[0].len;

	if (!handle)
		return -ENOMEM;
	handle->path = malloc(len + 1);
	if (!handle->path) {
		free(handle);
		return -ENOMEM;
	}
	memcpy(handle->path, opening->names.names[0].path, len);
	handle->path[len] = '\0';
	handle->path_len = len;
	handle->session = opening->session;
	handle->shut = &opening->session->shut;
	handle->node_id = node->id;
	handle->ino = node->ino;
	handle->info = opening->info;
	memcpy(handle->file_id, opening->info.file_id, ID_SIZE);
	handle->rule = decision->rule;
	handle->reason = decision->reason;
	handle->charged = opening->charged;
	handle->opened_ns = clock_monotonic_ns();
	handle->opened_at_ns = clock_now_ns();
	handle->subject = *subject;
	*subject = (struct subject){0};
	handle_remember_thread(handle, handle->subject.tid);
	*ret_handle = handle;
	return 0;
}

/* A handle that got no place in the table; what the caller is goes back for the record. */
static void drop_handle(struct opening *opening, struct subject *subject)
{
	*subject = opening->handle->subject;
	opening->handle->subject = (struct subject){0};
	handle_free(opening->session->gate->handles, take(&opening->handle));
}

/* What open(2) says when there is no room: for this user, for anybody. */
static int errno_of_shortage(int result)
{
	return result == -EDQUOT			? -EMFILE
	       : result == -EMFILE || result == -ENFILE ? -ENFILE
							: -EACCES;
}

static enum reason reason_of_shortage(int result)
{
	return result == -EDQUOT      ? REASON_USER_SHARE
	       : result == -ESHUTDOWN ? REASON_SHUTTING_DOWN
				      : REASON_NO_RESOURCES;
}

/*
 * The decision about this open, counted under the budgets that it is allowed by unless it will be
 * made anew on a node of the caller's. With gate->rules held for reading.
 */
static struct decision admit(
	struct opening *opening, const struct subject *subject, const struct node_info *node)
{
	struct gate *gate = opening->session->gate;
	struct policy *policy = gate->backend.policy;
	struct path_name few[4];
	struct decision decision = {.reason = REASON_NO_RESOURCES};
	struct inquiry inquiry = {.subject = subject,
		.permission = PERMISSION_READ,
		.hash_failed = opening->hash_failed,
		.asks_budgets = true,
		.size = opening->info.size,
		.charged = &opening->charged};

	if (inquiry_of_names(&inquiry, &opening->names, few, ARRAY_SIZE(few)) < 0)
		return decision;
	decision = node->uid == subject->uid ? policy_admit(policy, &inquiry)
					     : policy_inquire(policy, &inquiry);
	inquiry_done(&inquiry, few);
	return decision;
}

/*
 * Decides and registers under one read lock, so that a change of rules either comes first or finds
 * the handle. 1: registered; 0: answered; -EAGAIN: the hash of the caller's program is wanted.
 */
static int decide_and_register(
	struct opening *opening, struct subject *subject, const struct node_info *node)
{
	struct gate *gate = opening->session->gate;
	struct decision decision;
	bool foreign = false;
	int r = 0;

	pthread_rwlock_rdlock(&gate->rules);
	/* Names that change before are seen here, those that change after by gate_enact and
	 * gate_file_named. */
	r = keystore_names(gate->backend.keystore, opening->info.ino, &opening->names);
	if (r < 0) {
		pthread_rwlock_unlock(&gate->rules);
		/* Removed since the LOOKUP: walk again, and find that out by name. */
		if (r == -ENOENT)
			answer_error(opening->request, -ESTALE);
		else
			refuse_open(opening, subject, REASON_SERVER_ERROR, 0, -EACCES, NULL);
		return 0;
	}
	decision = admit(opening, subject, node);
	if (atomic_load(&gate->shut))
		decision =
			(struct decision){.verdict = VERDICT_DENY, .reason = REASON_SHUTTING_DOWN};
	/* It may have become known meanwhile, and have decided: then the record has it. */
	policy_know_hash(gate->backend.policy, subject);
	if (decision.verdict == VERDICT_ALLOW && !decision.wants_hash) {
		foreign = node->uid != subject->uid;
		if (!foreign)
			r = new_handle(opening, subject, node, &decision, &opening->handle);
		if (!foreign && r == 0) {
			r = handle_add(gate->handles, opening->handle);
			if (r < 0)
				drop_handle(opening, subject);
		}
	}
	pthread_rwlock_unlock(&gate->rules);
	if (decision.wants_hash) {
		name_list_done(&opening->names);
		return -EAGAIN;
	}
	if (decision.verdict != VERDICT_ALLOW) {
		refuse_open(opening, subject, decision.reason, decision.rule, -EACCES, NULL);
		return 0;
	}
	if (foreign) {
		r = node_arm(opening->session->nodes, node->ino, subject->uid, subject->tid);
		answer_error(opening->request, r < 0 ? -EACCES : -ESTALE);
		return 0;
	}
	if (r < 0) {
		refuse_open(opening, subject, reason_of_shortage(r), 0, errno_of_shortage(r), NULL);
		return 0;
	}
	return 1;
}

/* The same, waiting for the hash of the caller's program where a rule hangs by it. */
static bool register_open(
	struct opening *opening, struct subject *subject, const struct node_info *node)
{
	int r = decide_and_register(opening, subject, node);

	if (r == -EAGAIN) {
		opening->hash_failed =
			!policy_await_hash(opening->session->gate->backend.policy, subject);
		r = decide_and_register(opening, subject, node);
	}
	return r == 1;
}

/* Takes a registered handle back, and answers. */
static void refuse_handle(
	struct opening *opening, enum reason reason, int result, const char *detail)
{
	struct gate *gate = opening->session->gate;
	struct handle *handle = handle_remove(gate->handles, opening->handle->fh);
	struct subject subject = handle->subject;

	handle->subject = (struct subject){0};
	handle_free(gate->handles, handle);
	opening->handle = NULL;
	refuse_open(opening, &subject, reason, 0, result, detail);
	subject_done(&subject);
}

/* Opens the object for a registered handle. 1: open; 0: answered. */
static int open_object(struct opening *opening)
{
	struct gate *gate = opening->session->gate;
	struct damage_report report;
	struct handle *handle = opening->handle;
	enum reason reason = REASON_NO_RESOURCES;
	const char *detail = NULL;
	struct open_file *file;
	int r;

	r = open_file_get(handle_files(gate->handles), &opening->info, &file, &report);
	if (r == 0) {
		handle->file = file;
		if (!handle_is_shut(gate->handles, handle))
			return 1;
		/* The store was slow, and the closes may be on record already. */
		refuse_handle(opening, REASON_SHUTTING_DOWN, -EACCES, NULL);
		return 0;
	}
	/* Removed or replaced since it was decided: walk again, and find that out by name. */
	if (backend_file_is_gone(&gate->backend, &opening->info)) {
		handle_free(gate->handles, handle_remove(gate->handles, handle->fh));
		answer_error(opening->request, -ESTALE);
		return 0;
	}
	if (report.cause != DAMAGE_NONE) {
		reason = REASON_INTEGRITY;
		detail = damage_text(report.cause);
		atomic_fetch_add(&gate->damaged, 1);
	} else if (r == -EBADMSG || r == -EUCLEAN) {
		reason = keystore_is_broken(gate->backend.keystore) ? REASON_SEAL_BROKEN
								    : REASON_ROW_DAMAGED;
	}
	refuse_handle(opening, reason, reason == REASON_NO_RESOURCES ? errno_of_shortage(r) : -EIO,
		detail);
	return 0;
}

static void open_known_file(
	struct opening *opening, struct subject *subject, const struct node_info *node)
{
	struct gate *gate = opening->session->gate;
	bool damaged = opening->info.damaged;
	struct audit_event event;

	if (damaged && keystore_is_broken(gate->backend.keystore)) {
		/* With the rules gone no file is judged by itself. */
		refuse_open(opening, subject, REASON_SEAL_BROKEN, 0, -EACCES, NULL);
	} else if (damaged || opening->info.state != FILE_ROOTED) {
		/* The record names the file if it can. */
		if (keystore_names(gate->backend.keystore, opening->info.ino, &opening->names) < 0)
			opening->names.count = 0;
		refuse_open(opening, subject, damaged ? REASON_ROW_DAMAGED : REASON_FILE_OPEN, 0,
			damaged ? -EIO : -EACCES, NULL);
	} else if (register_open(opening, subject, node) && open_object(opening)) {
		event = event_of_handle(AUDIT_OPEN, opening->handle);
		event.outcome = AUDIT_ALLOW;
		event.reason = opening->handle->reason;
		if (audit_append(gate->backend.audit, &event, answer_open, opening) < 0)
			answer_open(opening, -EIO);
		return;
	}
	opening_free(opening);
}

void gate_open(fuse_req_t request, const struct node_info *node, const struct fuse_file_info *fi)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(request);
	struct subject_origin origin = {.uid = ctx->uid, .gid = ctx->gid, .tid = ctx->pid};
	struct opening *opening = calloc(1, sizeof(*opening));
	enum reason reason = REASON_SERVER_ERROR;
	struct subject subject = {0};
	int r, captured;

	if (!opening)
		return answer_error(request, -EACCES);
	opening->request = request;
	opening->session = session_of(request);
	opening->fi = *fi;
	captured = subject_capture(&origin, &subject, &reason);
	policy_know_hash(opening->session->gate->backend.policy, &subject);
	r = keystore_stat(opening->session->gate->backend.keystore, node->ino, &opening->info);
	if (r == -ENOENT) {
		/* Removed since the LOOKUP: walk again, and find that out by name. */
		answer_error(request, -ESTALE);
		opening_free(opening);
	} else if (r < 0 || opening->info.kind != ENTRY_FILE) {
		refuse_open(opening, &subject, REASON_SERVER_ERROR, 0, -EACCES, NULL);
		opening_free(opening);
	} else if (captured < 0) {
		/* The record of an odd identity names the file too. */
		if (keystore_names(opening->session->gate->backend.keystore, node->ino,
			    &opening->names) < 0)
			opening->names.count = 0;
		opening->is_odd = true;
		refuse_open(opening, &subject, reason, 0, -EACCES, NULL);
		opening_free(opening);
	} else {
		open_known_file(opening, &subject, node);
	}
	subject_done(&subject);
}

/* The decision about the caller now; what he is and the file's names are the caller's to free. */
static bool may_read(fuse_req_t request, uint64_t ino, struct subject *subject,
	struct name_list *names, struct decision *ret_decision)
{
	struct gate *gate = session_of(request)->gate;
	const struct fuse_ctx *ctx = fuse_req_ctx(request);
	struct subject_origin origin = {.uid = ctx->uid, .gid = ctx->gid, .tid = ctx->pid};
	struct inquiry asked = {.subject = subject, .permission = PERMISSION_READ};
	struct decision decision;
	enum reason reason;

	if (subject_capture(&origin, subject, &reason) < 0 ||
		keystore_names(gate->backend.keystore, ino, names) < 0 || !names->count)
		return false;
	decision = gate_decide(gate, &asked, names);
	if (decision.wants_hash) {
		asked.hash_failed = !policy_await_hash(gate->backend.policy, subject);
		decision = gate_decide(gate, &asked, names);
	}
	*ret_decision = decision;
	return decision.verdict == VERDICT_ALLOW && !decision.wants_hash;
}

int gate_may_read(fuse_req_t request, uint64_t ino)
{
	struct subject subject = {0};
	struct name_list names = {0};
	struct decision decision;
	bool may = may_read(request, ino, &subject, &names, &decision);

	name_list_done(&names);
	subject_done(&subject);
	return may ? 0 : -EACCES;
}

int gate_give_value(fuse_req_t request, const struct entry_info *info, const char *name)
{
	char detail[sizeof("extended attribute ") + LIMIT_NAME];
	struct subject subject = {0};
	struct name_list names = {0};
	struct audit_event event;
	struct decision decision;
	int r = -EACCES;

	if (may_read(request, info->ino, &subject, &names, &decision)) {
		snprintf(detail, sizeof(detail), "extended attribute %s", name);
		event = event_of_subject(AUDIT_READ, &subject);
		event.outcome = AUDIT_ALLOW;
		event.reason = decision.reason;
		event.rule = (int64_t)decision.rule;
		event.perm = "read";
		event.detail = detail;
		event.file_id = info->file_id;
		event.path = names.names[0].path;
		event.path_len = names.names[0].len;
		/* A revocation may have returned while that took its time. */
		if (audit_append_wait(session_of(request)->gate->backend.audit, &event, false) == 0)
			r = gate_may_read(request, info->ino);
	}
	name_list_done(&names);
	subject_done(&subject);
	return r;
}
