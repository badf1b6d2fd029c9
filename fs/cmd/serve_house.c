/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_house.c - what the server's main thread does at each tick: watches the seal, saves what
 * could not be saved, keeps the reserve, turns the trail's segment, writes copy and anchor.
 */
#include <errno.h>

#include "fs/cmd/reserve.h"
#include "fs/cmd/serve_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

#define COPY_EVERY_MS	 60000
#define SETTLE_EVERY	 50 /* ticks; a command does it itself, unless its client was killed */
#define SEGMENT_NS	 (24 * 3600 * NS_PER_S) /* a segment's private key lives no longer than this */
#define SEGMENT_MAX	 1000000		/* records */
#define RESERVE_EVERY_NS NS_PER_S

/* Somebody else has written to keystore.db: believe nothing that does not fit the seal. */
static void watch_seal(struct server *server)
{
	struct vault *vault = server->vault;
	int r;

	r = keystore_watch(vault->keystore);
	/* What only could not be looked at now is looked at again at the next tick. */
	if ((r != -EBADMSG && r != -ESTALE && r != -EUCLEAN) || server->told_broken)
		return;
	server->told_broken = true;
	log_error("%s: keystore.db was changed from outside (%s): every open is refused",
		vault->place.path, result_text(r));
	policy_set_broken(vault->policy);
	gate_decide_again(vault->gate);
}

/* A new segment each day and each million records: who takes the machine cannot rewrite closed
 * ones. */
static void turn_segment(struct server *server)
{
	struct audit_head head;
	int r;

	audit_head(server->vault->audit, &head);
	if (clock_monotonic_ns() - server->segment_ns < SEGMENT_NS &&
		head.seq - server->segment_seq < SEGMENT_MAX)
		return;
	r = audit_next_segment(server->vault->audit);
	if (r < 0)
		log_error("the trail's segment could not be closed: %s", result_text(r));
	server->segment_ns = clock_monotonic_ns();
	server->segment_seq = head.seq;
}

/* What was taken away while the disk was full. A command that is at work does it itself. */
static void save_changes(struct server *server)
{
	struct vault *vault = server->vault;

	if (pthread_mutex_trylock(&vault->changing) != 0)
		return;
	if (vault->unsaved && vault_save_changes(vault) == 0)
		vault_write_anchor(vault);
	pthread_mutex_unlock(&vault->changing);
}

/* Made whole again when there is room; where it cannot be made the vault works without. */
static void keep_reserve(struct server *server)
{
	struct vault *vault = server->vault;
	int64_t now_ns = clock_monotonic_ns();
	int r = 0;

	if (server->reserve_fails || now_ns - server->reserve_ns < RESERVE_EVERY_NS ||
		pthread_mutex_trylock(&vault->changing) != 0)
		return;
	server->reserve_ns = now_ns;
	if (!vault->unsaved)
		r = reserve_fill(vault->place.path);
	server->reserve_fails = r < 0 && r != -ENOSPC;
	pthread_mutex_unlock(&vault->changing);
}

void keep_house(struct server *server, int64_t *last_copy_ms)
{
	int64_t now_ms = clock_monotonic_ns() / NS_PER_MS;
	int r;

	watch_seal(server);
	clock_keeper_look(&server->clock, server->vault, clock_was_set(server->clock_fd));
	save_changes(server);
	keep_reserve(server);
	turn_segment(server);
	if (++server->ticks % SETTLE_EVERY == 0)
		keystore_settle(server->vault->keystore);
	if (now_ms - *last_copy_ms < COPY_EVERY_MS)
		return;
	*last_copy_ms = now_ms;
	vault_write_anchor(server->vault);
	r = keystore_copy(server->vault->keystore);
	if (r < 0)
		log_error("%s: keystore.copy could not be written: %s", server->vault->place.path,
			result_text(r));
}
