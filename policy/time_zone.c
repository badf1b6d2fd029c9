/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_zone.c - the zone by TZ and tzset(3). The C library takes a zone that it does not find for
 * UTC without a word, hence the look at the file first. mktime(3) is not used: of the two moments
 * of an hour that comes twice it picks one by what it was asked before.
 */
#include "policy/time_zone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "keystore/base/clock.h"

#define DAY_SECONDS    86400
#define MINUTE_SECONDS 60
#define HOUR_SECONDS   3600
#define ZONE_NAME_MAX  128
/* Since then every zone's clock was set at a full minute of UTC: until then Liberia's was not. */
#define FULL_MINUTES_SINCE 94694400 /* 1973-01-01 */

/* Every zone that was ever set stays: names are handed out. */
struct zone {
	struct zone *next;
	char name[];
};

/* Process-wide, as TZ is. */
static struct zone *zones;
static _Atomic(struct zone *) current;
/* Rises with every change of the zone: offsets that a thread has kept are then of another. */
static atomic_uint generation = 1;

/* What the offset from UTC was in the minute that this thread asked for last. */
static _Thread_local struct {
	unsigned generation; /* 0: nothing kept yet */
	int64_t minute;
	long offset;
} kept;

static int64_t floor_div(int64_t value, int64_t divisor)
{
	return value / divisor - (value % divisor < 0);
}

/* Names that mean another zone on each machine, or count leap seconds. */
static bool is_no_name(const char *name)
{
	return *name == '\0' || strlen(name) > ZONE_NAME_MAX || name[0] == '/' || name[0] == '.' ||
	       strstr(name, "/.") || strstr(name, "//") || strcmp(name, "localtime") == 0 ||
	       strcmp(name, "posixrules") == 0 || strncmp(name, "right/", 6) == 0;
}

/* Where the C library would look for it. */
static int zone_path(const char *name, char ret_path[PATH_MAX])
{
	const char *base = getenv("TZDIR");
	int len;

	if (is_no_name(name))
		return -ENOENT;
	len = snprintf(
		ret_path, PATH_MAX, "%s/%s", base && *base ? base : "/usr/share/zoneinfo", name);
	return len < PATH_MAX ? 0 : -ENOENT;
}

int time_zone_check(const char *name)
{
	static const char magic[] = {'T', 'Z', 'i', 'f'};
	scope_fd int fd = -1;
	char path[PATH_MAX], begin[sizeof(magic)];
	struct stat st;
	int r;

	if (strcmp(name, "UTC") == 0)
		return 0;
	r = zone_path(name, path);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	if (read(fd, begin, sizeof(begin)) != sizeof(begin) ||
		memcmp(begin, magic, sizeof(magic)) != 0)
		return -ENOENT;
	return 0;
}

static int keep_name(const char *name, struct zone **ret_zone)
{
	struct zone *zone = zones;
	size_t len = strlen(name);

	while (zone && strcmp(zone->name, name) != 0)
		zone = zone->next;
	if (!zone) {
		zone = malloc(sizeof(*zone) + len + 1);
		if (!zone)
			return -ENOMEM;
		memcpy(zone->name, name, len + 1);
		zone->next = zones;
		zones = zone;
	}
	*ret_zone = zone;
	return 0;
}

int time_zone_set(const char *name)
{
	char path[PATH_MAX], value[PATH_MAX + 1];
	struct zone *zone;
	int r;

	r = time_zone_check(name);
	if (r < 0)
		return r;
	r = keep_name(name, &zone);
	if (r < 0)
		return r;
	/* The very file that was looked at; UTC needs none. */
	if (zone_path(name, path) < 0 || strcmp(name, "UTC") == 0)
		snprintf(value, sizeof(value), "UTC0");
	else
		snprintf(value, sizeof(value), ":%s", path);
	if (setenv("TZ", value, 1) < 0)
		return -errno;
	tzset();
	atomic_store(&current, zone);
	atomic_fetch_add(&generation, 1);
	return 0;
}

unsigned time_zone_generation(void)
{
	return atomic_load(&generation);
}

const char *time_zone_name(void)
{
	const struct zone *zone = atomic_load(&current);

	return zone ? zone->name : "UTC";
}

/* Seconds east of Greenwich. Until a zone is set that of the machine must not shine through. */
static long offset_at(int64_t seconds)
{
	time_t time = seconds;
	struct tm tm;

	if (!atomic_load(&current) || !localtime_r(&time, &tm))
		return 0;
	return tm.tm_gmtoff;
}

static long offset_of_minute(int64_t seconds)
{
	int64_t minute = floor_div(seconds, MINUTE_SECONDS);
	unsigned now = atomic_load(&generation);

	if (seconds < FULL_MINUTES_SINCE)
		return offset_at(seconds);
	if (kept.generation != now || kept.minute != minute) {
		kept.offset = offset_at(seconds);
		kept.minute = minute;
		kept.generation = now;
	}
	return kept.offset;
}

void time_zone_local(int64_t now_ns, struct local_time *ret_local)
{
	int64_t seconds = floor_div(now_ns, NS_PER_S), day;
	unsigned second_of_day;

	seconds += offset_of_minute(seconds);
	day = floor_div(seconds, DAY_SECONDS);
	second_of_day = seconds - day * DAY_SECONDS;
	*ret_local = (struct local_time){
		.day = day,
		.minute = second_of_day / MINUTE_SECONDS,
		.second = second_of_day % MINUTE_SECONDS,
		/* 1970-01-01 was a Thursday. */
		.weekday = day + 3 - 7 * floor_div(day + 3, 7),
	};
}

/* Seconds as nanoseconds, held at the ends of the range. */
static int64_t held_ns(int64_t seconds)
{
	int64_t ns;

	if (__builtin_mul_overflow(seconds, (int64_t)NS_PER_S, &ns))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

int64_t time_zone_moment(int64_t day, unsigned minute)
{
	int64_t shown, before, after;

	if (day > INT64_MAX / DAY_SECONDS - 2 || day < INT64_MIN / DAY_SECONDS + 2)
		return day < 0 ? INT64_MIN : INT64_MAX;
	shown = day * DAY_SECONDS + (int64_t)minute * MINUTE_SECONDS;
	/* No zone is a day from Greenwich: a clock that was set near that minute was so between. */
	before = shown - offset_at(shown - DAY_SECONDS);
	after = shown - offset_at(shown + DAY_SECONDS);
	/*
	 * Of an hour that comes twice the first is by the offset before. An hour that is left out
	 * is shown by neither: then it is when the clock would have shown it, had it not been set.
	 */
	if (shown - before == offset_at(before) || shown - after != offset_at(after))
		return held_ns(before);
	return held_ns(after);
}

int64_t time_zone_next_shift(int64_t after_ns, int64_t limit_ns)
{
	int64_t low = floor_div(after_ns, NS_PER_S), limit = floor_div(limit_ns, NS_PER_S);
	long offset = offset_at(low);
	int64_t high = low;

	while (high < limit && offset_at(high) == offset) {
		low = high;
		high = limit - high < HOUR_SECONDS ? limit : high + HOUR_SECONDS;
	}
	if (offset_at(high) == offset)
		return limit_ns;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (offset_at(middle) == offset)
			low = middle;
		else
			high = middle;
	}
	return held_ns(high);
}
