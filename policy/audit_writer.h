/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_writer.h - the queue in front of the trail and the thread that commits it in groups.
 */
#ifndef POLICY_AUDIT_WRITER_H
#define POLICY_AUDIT_WRITER_H

#include "policy/audit_trail.h"

struct audit_writer;

/* What is queued; without an event it only waits until all before it is written. */
struct audit_entry {
	const struct audit_event *event;
	void (*done)(void *arg, int result);
	void *arg;
	bool sync;	       /* its group's commit waits for the disk */
	bool is_never_dropped; /* in best-effort too, done is told a failure */
	bool is_last;	       /* what comes after it is -ESHUTDOWN */
	struct audit_signer
		*next; /* ends the segment after it; event is only looked at for its time */
};

/* Takes the trail on success, uses it in the new thread only. */
int audit_writer_start(
	struct audit_trail *trail, enum audit_level level, struct audit_writer **ret_writer);
/* Commits what is queued, ends the thread, closes the trail. NULL is accepted. Returns NULL. */
struct audit_writer *audit_writer_stop(struct audit_writer *writer);

/* See audit_append. Thread-safe, as are the next two. */
int audit_writer_add(struct audit_writer *writer, const struct audit_entry *entry);
/* Queues, waits for the group commit, returns its result. */
int audit_writer_add_wait(struct audit_writer *writer, const struct audit_entry *entry);
int audit_writer_health(struct audit_writer *writer);
/* A group commit goes by the level that holds when it begins. */
void audit_writer_set_level(struct audit_writer *writer, enum audit_level level);
enum audit_level audit_writer_level(const struct audit_writer *writer);
/* The last committed head and what is queued behind it. */
void audit_writer_head(struct audit_writer *writer, struct audit_head *ret_head);

SCOPE_FUNCTION(struct audit_writer *, audit_writer_stop);

#endif
