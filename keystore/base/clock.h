/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the time of day and a monotonic clock in nanoseconds, and RFC 3339 text. */
#ifndef KEYSTORE_BASE_CLOCK_H
#define KEYSTORE_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL

/* Nanoseconds since 1970-01-01 UTC (CLOCK_REALTIME). */
int64_t clock_now_ns(void);
/* CLOCK_MONOTONIC: for durations and timeouts. */
int64_t clock_monotonic_ns(void);
/* CLOCK_BOOTTIME: since the machine started, suspended or not; nobody sets it (clock_watch.h). */
int64_t clock_boot_ns(void);

#define TIME_TEXT_SIZE 40
/* RFC 3339 in UTC with nine digits: 2026-11-22T05:00:00.123456789Z. */
void time_to_text(int64_t time_ns, char ret_text[TIME_TEXT_SIZE]);
/*
 * RFC 3339 with Z or an offset, fraction optional; or YYYY-MM-DD (00:00) or "YYYY-MM-DD
 * HH:MM[:SS]", both read in UTC. -EINVAL otherwise.
 */
int time_from_text(const char *text, int64_t *ret_time_ns);

#endif
