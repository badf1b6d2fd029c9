/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c - a thread draws the line five times a second; the mutex keeps other text apart. */
#include "fs/cmd/progress.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/command.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"

#define REDRAW_NS     (200 * NS_PER_MS)
#define CLEAR_LINE    "\r\033[K"
#define MIN_RATE_NS   NS_PER_S /* before that a rate is a guess */
#define SECONDS_SHOWN 359999   /* 99:59:59 */

struct progress {
	uint64_t total;
	uint64_t (*position)(void *arg);
	void *arg;
	int64_t started_ns;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards standard error, and `ending` */
	pthread_cond_t wake;
	bool ending;
};

void bytes_to_text(uint64_t bytes, char ret_text[BYTES_TEXT_SIZE])
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	int unit = -1;

	if (bytes < 1024) {
		snprintf(ret_text, BYTES_TEXT_SIZE, "%u byte%s", (unsigned)bytes, plural(bytes));
		return;
	}
	for (; value >= 1024 && unit < 5; unit++)
		value /= 1024;
	snprintf(ret_text, BYTES_TEXT_SIZE, "%.1f %ciB", value, units[unit]);
}

bool progress_is_wanted(void)
{
	return isatty(STDERR_FILENO);
}

/* With the mutex held. A terminal that takes no text loses its bar and nothing else. */
static void draw(struct progress *progress)
{
	int64_t elapsed = clock_monotonic_ns() - progress->started_ns;
	uint64_t done = progress->position(progress->arg), left;
	double rate = elapsed > 0 ? (double)done * NS_PER_S / (double)elapsed : 0;
	char line[160], done_text[BYTES_TEXT_SIZE], total_text[BYTES_TEXT_SIZE],
		rate_text[BYTES_TEXT_SIZE];
	int len;

	bytes_to_text(done, done_text);
	bytes_to_text((uint64_t)rate, rate_text);
	len = snprintf(line, sizeof(line), CLEAR_LINE "%s, %s/s", done_text, rate_text);
	if (progress->total >= done && progress->total && rate > 1 && elapsed > MIN_RATE_NS) {
		left = (uint64_t)((double)(progress->total - done) / rate);
		bytes_to_text(progress->total, total_text);
		if (left <= SECONDS_SHOWN)
			len = snprintf(line, sizeof(line),
				CLEAR_LINE "%3u%% %s of %s, %s/s, %u:%02u:%02u left",
				(unsigned)((double)done * 100 / (double)progress->total), done_text,
				total_text, rate_text, (unsigned)(left / 3600),
				(unsigned)(left / 60 % 60), (unsigned)(left % 60));
	}
	if (len > 0 && file_write(STDERR_FILENO, line, strnlen(line, sizeof(line))) < 0)
		progress->ending = true;
}

static void *redraw(void *arg)
{
	struct progress *progress = arg;
	struct timespec until;
	int64_t next;

	pthread_mutex_lock(&progress->mutex);
	while (!progress->ending) {
		next = clock_monotonic_ns() + REDRAW_NS;
		until = (struct timespec){.tv_sec = next / NS_PER_S, .tv_nsec = next % NS_PER_S};
		if (pthread_cond_timedwait(&progress->wake, &progress->mutex, &until) == ETIMEDOUT)
			draw(progress);
	}
	pthread_mutex_unlock(&progress->mutex);
	return NULL;
}

int progress_new(
	uint64_t total, uint64_t (*position)(void *arg), void *arg, struct progress **ret_progress)
{
	struct progress *progress;
	pthread_condattr_t attributes;
	int r;

	if (!progress_is_wanted()) {
		*ret_progress = NULL;
		return 0;
	}
	progress = calloc(1, sizeof(*progress));
	if (!progress)
		return -ENOMEM;
	progress->total = total;
	progress->position = position;
	progress->arg = arg;
	progress->started_ns = clock_monotonic_ns();
	pthread_mutex_init(&progress->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&progress->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	r = pthread_create(&progress->thread, NULL, redraw, progress);
	if (r != 0) {
		pthread_cond_destroy(&progress->wake);
		pthread_mutex_destroy(&progress->mutex);
		free(progress);
		return -r;
	}
	*ret_progress = progress;
	return 0;
}

struct progress *progress_free(struct progress *progress)
{
	if (!progress)
		return NULL;
	pthread_mutex_lock(&progress->mutex);
	progress->ending = true;
	pthread_cond_signal(&progress->wake);
	pthread_mutex_unlock(&progress->mutex);
	pthread_join(progress->thread, NULL);
	progress_write(NULL, CLEAR_LINE, strlen(CLEAR_LINE));
	pthread_cond_destroy(&progress->wake);
	pthread_mutex_destroy(&progress->mutex);
	free(progress);
	return NULL;
}

int progress_write(struct progress *progress, const void *text, size_t len)
{
	int r;

	if (!progress)
		return file_write(STDERR_FILENO, text, len);
	pthread_mutex_lock(&progress->mutex);
	r = file_write(STDERR_FILENO, CLEAR_LINE, strlen(CLEAR_LINE));
	if (r == 0)
		r = file_write(STDERR_FILENO, text, len);
	pthread_mutex_unlock(&progress->mutex);
	return r;
}
