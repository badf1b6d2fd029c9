/* SPDX-License-Identifier: Apache-2.0 */
/* gate_record.c - the records of opens, refusals and closes; a refusal is answered with its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

struct audit_event event_of_subject(enum audit_action action, const struct subject *subject)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;

	event.action = action;
	event.via = "mount";
	if (subject->uid != SUBJECT_ID_UNKNOWN)
		event.uid = subject->uid;
	if (subject->gid != SUBJECT_ID_UNKNOWN)
		event.gid = subject->gid;
	if (subject->loginuid != SUBJECT_ID_UNKNOWN)
		event.loginuid = subject->loginuid;
	if (subject->pid > 0)
		event.pid = subject->pid;
	event.exe = subject->exe;
	event.sha256 = subject->sha256_known ? subject->sha256 : NULL;
	event.unit = subject->unit;
	return event;
}

struct audit_event event_of_handle(enum audit_action action, const struct handle *handle)
{
	struct audit_event event = event_of_subject(action, &handle->subject);

	event.path = handle->path;
	event.path_len = handle->path_len;
	event.file_id = handle->file_id;
	event.perm = "read";
	if (handle->rule)
		event.rule = (int64_t)handle->rule;
	return event;
}

/* An answer that waits for its record. */
struct waiting_answer {
	fuse_req_t request;
	int result;
};

static void answer_refusal(void *arg, int committed)
{
	struct waiting_answer *answer = arg;

	/* Unrecorded or not, it is refused; only the error differs. */
	answer_error(answer->request, committed < 0 ? -EACCES : answer->result);
	free(answer);
}

void record_and_refuse(fuse_req_t request, const struct audit_event *event, int result)
{
	struct waiting_answer *answer = malloc(sizeof(*answer));

	if (!answer)
		return answer_error(request, -EACCES);
	*answer = (struct waiting_answer){.request = request, .result = result};
	if (audit_append(session_of(request)->gate->backend.audit, event, answer_refusal, answer) <
		0)
		answer_refusal(answer, -EIO);
}

/* Once, and of no open that is not on record. */
static void record_close(struct gate *gate, struct handle *handle)
{
	struct audit_event event = event_of_handle(AUDIT_CLOSE, handle);
	int r;

	if (!handle->on_record || handle->closed)
		return;
	handle->closed = true;
	event.outcome = AUDIT_ALLOW;
	event.bytes = (int64_t)atomic_load(&handle->bytes);
	event.duration_ms = (clock_monotonic_ns() - handle->opened_ns) / NS_PER_MS;
	r = audit_append(gate->backend.audit, &event, NULL, NULL);
	if (r < 0)
		log_error("the record of a close could not be queued (%s, uid %u)", strerror(-r),
			handle->subject.uid);
}

void gate_close(struct gate *gate, struct handle *handle)
{
	record_close(gate, handle);
	handle_free(gate->handles, handle);
}

static int record_handle(void *arg, struct handle *handle)
{
	record_close(arg, handle);
	return 0;
}

void gate_record_closes(struct gate *gate)
{
	/* Opens on their way to the record get there, and from there to their close. */
	if (audit_flush(gate->backend.audit) < 0)
		log_error("opens that wait for their record were not waited for");
	handle_each(gate->handles, record_handle, gate);
}
