/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_zone.h - the one time zone of a vault, process-wide: hours, days and periods of rules are in
 * it, and times that people write and read. The C library knows the zones (tzset(3)).
 */
#ifndef POLICY_TIME_ZONE_H
#define POLICY_TIME_ZONE_H

#include "keystore/base/bytes.h"

#include <stdint.h>

/*
 * A time as the vault's wall clock shows it. day: days since 1970-01-01 of the local date;
 * minute: 0..1439; weekday: 0 is Monday.
 */
struct local_time {
	int64_t day;
	uint16_t minute;
	uint8_t weekday;
	uint8_t second;
};

/*
 * "UTC" or a name of the zone database ("Europe/Berlin"); -ENOENT: there is no such zone here. Set
 * when a vault is opened, before there are threads, and may be changed later: then from one
 * thread at a time.
 */
int time_zone_set(const char *name);
/* Another number after each time_zone_set: what was worked out by the zone is to be so again. */
unsigned time_zone_generation(void);
/* Only looks. */
int time_zone_check(const char *name);
/* "UTC" before it is set. */
const char *time_zone_name(void);
/* Thread-safe, about a microsecond; less within the minute that the thread asked for last. */
void time_zone_local(int64_t now_ns, struct local_time *ret_local);
/* The earliest moment at which the wall clock shows this minute of this day, or would have. */
int64_t time_zone_moment(int64_t day, unsigned minute);
/*
 * The first second after after_ns at which the wall clock is set (summer time begins or ends);
 * limit_ns when that is not before or at it. Meant for a day or so: it looks at every hour.
 */
int64_t time_zone_next_shift(int64_t after_ns, int64_t limit_ns);

/*
 * RFC 3339 with zone, or "2027-03-01" (00:00 that day), "2027-03-01 18:00", "2027-03-01T18:00[:30]"
 * in the vault's zone. "2027-03-01 18:00:30+01:00" too. -EINVAL: of another form, or no such date.
 * -ERANGE: not from 1970 to 2262.
 */
int time_from_words(const char *text, int64_t *ret_ns);
/*
 * A day (and time) in another form, "1.3.2127", "March", "friday", "20:00", as words that would be
 * right, appended: 2127-03-01. For "did you mean" alone; false when that is not seen.
 */
bool time_meant(const char *text, int64_t now_ns, struct buffer *to);
/* "30m" "8h" "7d" "2w": s, m, h, d, w. -EINVAL, -ERANGE. */
int duration_from_words(const char *text, int64_t *ret_ns);
#define TIME_WORDS_SIZE 64
/* "2027-03-01 18:00 CET", with seconds when they are not 0. */
void time_to_words(int64_t ns, char ret_text[TIME_WORDS_SIZE]);

#endif
