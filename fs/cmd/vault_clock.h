/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_clock.h - what becomes of rules that go by the clock when the clock was set: allows among
 * them wait for an admin's word, which is sealed and outlives the server.
 */
#ifndef FS_CMD_VAULT_CLOCK_H
#define FS_CMD_VAULT_CLOCK_H

#include "fs/cmd/vault.h"
#include "keystore/base/clock_watch.h"

/* The main thread's watch over the clock and over rules that begin and end. */
struct clock_keeper {
	struct clock_watch watch;
	int64_t looked_ns;	 /* monotonic */
	struct ruleset *ruleset; /* a reference: next_ns is of this set */
	unsigned zone;		 /* its generation: and by this zone */
	int64_t next_ns;	 /* wall clock: when some rule may begin or end */
	bool unsaved;		 /* the distrust is in force only */
};

/*
 * Begins; a clock that stands before the last record of the trail was set while nobody watched. To
 * be called before there are mounts.
 */
void clock_keeper_begin(struct clock_keeper *keeper, struct vault *vault);
/* At each tick. set: the system says that the clock was set just now. */
void clock_keeper_look(struct clock_keeper *keeper, struct vault *vault, bool set);
void clock_keeper_end(struct clock_keeper *keeper);

/* A descriptor that becomes readable when the clock is set (timerfd_create(2)), or -errno. */
int clock_set_fd(void);
/* Reads it: true when the clock was set since the last time. */
bool clock_was_set(int fd);

#endif
