/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_watch.h - was the wall clock set? Compared with CLOCK_BOOTTIME, which nobody sets and which
 * goes on while the machine is suspended. Pure; not thread-safe.
 */
#ifndef KEYSTORE_BASE_CLOCK_WATCH_H
#define KEYSTORE_BASE_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* What the wall clock may be off at once, and what it may drift: NTP slews by half of that. */
#define CLOCK_STEP_NS	  2000000000LL
#define CLOCK_DRIFT_SHARE 1000

struct clock_watch {
	int64_t wall_ns, boot_ns; /* at the last look */
	int64_t off_ns; /* by how much the wall clock is off that drifting does not explain */
};

void clock_watch_begin(struct clock_watch *watch, int64_t wall_ns, int64_t boot_ns);
/*
 * True when the wall clock was set by more than CLOCK_STEP_NS, at once or by small steps faster
 * than a clock drifts; *ret_step_ns is by how much, and watching begins anew. Else it is 0. Meant
 * to be called every second or so: what the clock may drift between two looks hides in it.
 */
bool clock_watch_look(
	struct clock_watch *watch, int64_t wall_ns, int64_t boot_ns, int64_t *ret_step_ns);

#endif
