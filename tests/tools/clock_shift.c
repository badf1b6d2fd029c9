/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_shift.c - for LD_PRELOAD: the clocks of a server under test, moved while it runs. The file
 * that $CLOCK_SHIFT names holds two int64, nanoseconds to add to the wall clock (CLOCK_REALTIME,
 * time, gettimeofday) and to CLOCK_BOOTTIME. Both alike: time went by. One alone: a clock was set.
 * CLOCK_MONOTONIC is left as it is: threads wait by it, and the kernel does not know the shift.
 *
 * A thread that has just read one clock reads the other with the same shifts: else a change between
 * the two would look like a clock that was set.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S  1000000000LL
#define SAME_LOOK (2 * NS_PER_S / 1000)

struct shifts {
	int64_t wall, boot;
};

static int (*true_clock_gettime)(clockid_t clock, struct timespec *now);
static int (*true_timedjoin)(pthread_t thread, void **value, const struct timespec *end);
static const volatile struct shifts *shared;

static __thread struct shifts seen;
static __thread int64_t seen_ns;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = MAP_FAILED;

	true_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	true_timedjoin = dlsym(RTLD_NEXT, "pthread_timedjoin_np");
	if (fd >= 0) {
		map = mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (map != MAP_FAILED)
		shared = map;
}

static struct shifts shifts_now(void)
{
	struct timespec now;
	int64_t ns;

	if (!shared)
		return (struct shifts){0, 0};
	true_clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * NS_PER_S + now.tv_nsec;
	if (!seen_ns || ns - seen_ns > SAME_LOOK)
		seen = (struct shifts){shared->wall, shared->boot};
	seen_ns = ns;
	return seen;
}

static void add(struct timespec *time, int64_t ns)
{
	ns += time->tv_sec * NS_PER_S + time->tv_nsec;
	time->tv_sec = ns / NS_PER_S;
	time->tv_nsec = ns % NS_PER_S;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int r;

	/* Constructors of other libraries may come first. */
	if (!true_clock_gettime)
		start();
	r = true_clock_gettime(clock, now);
	if (r == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		add(now, shifts_now().wall);
	else if (r == 0 && clock == CLOCK_BOOTTIME)
		add(now, shifts_now().boot);
	return r;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec time;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &time);
	*now = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *ret_now)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret_now)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

/* The one wait by the wall clock that the program knows. */
int pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *end)
{
	struct timespec true_end = *end;

	add(&true_end, -shifts_now().wall);
	return true_timedjoin(thread, value, &true_end);
}
