/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_watch.c - a leaking account of how far the wall clock is off: differences add up in it, and
 * it leaks as fast as a clock may drift. A reference that stays would forgive ever larger steps,
 * 43 minutes after a month.
 */
#include "keystore/base/clock_watch.h"

void clock_watch_begin(struct clock_watch *watch, int64_t wall_ns, int64_t boot_ns)
{
	*watch = (struct clock_watch){.wall_ns = wall_ns, .boot_ns = boot_ns};
}

/* a - b, held at the ends of the range: whoever sets a clock may set it anywhere. */
static int64_t difference(int64_t a, int64_t b)
{
	int64_t result;

	if (__builtin_sub_overflow(a, b, &result))
		return a < b ? INT64_MIN : INT64_MAX;
	return result;
}

/* Nearer to 0 by that much. */
static int64_t leaked(int64_t value, int64_t leak)
{
	if (value > leak)
		return value - leak;
	return value < -leak ? value + leak : 0;
}

bool clock_watch_look(
	struct clock_watch *watch, int64_t wall_ns, int64_t boot_ns, int64_t *ret_step_ns)
{
	int64_t passed = difference(boot_ns, watch->boot_ns);
	int64_t off = difference(difference(wall_ns, watch->wall_ns), passed);
	/* off + watch->off_ns, which is small. */
	int64_t sum = difference(off, -watch->off_ns);

	watch->off_ns = leaked(sum, passed > 0 ? passed / CLOCK_DRIFT_SHARE : 0);
	watch->wall_ns = wall_ns;
	watch->boot_ns = boot_ns;
	if (watch->off_ns >= -CLOCK_STEP_NS && watch->off_ns <= CLOCK_STEP_NS) {
		*ret_step_ns = 0;
		return false;
	}
	watch->off_ns = 0;
	*ret_step_ns = sum;
	return true;
}
