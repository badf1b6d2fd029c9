/* SPDX-License-Identifier: Apache-2.0 */
/* path_lock.c - a list: never more locks than requests under way. */
#include "fs/cmd/path_lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/vault_name.h"
#include "keystore/base/clock.h"

#define WAIT_NS (5 * NS_PER_S)
#define STEP_NS (200 * NS_PER_MS) /* how soon a server that ends is noticed */

struct path_lock {
	struct path_locks *locks;
	struct path_lock *next;
	enum path_extent extent;
	int64_t since_ns;
	uint32_t uid;
	long pid;
	const char *command; /* static */
	size_t len;
	char path[];
};

struct path_locks {
	pthread_mutex_t mutex; /* guards the list; a leaf lock */
	pthread_cond_t freed;
	struct path_lock *first;
};

int path_locks_new(struct path_locks **ret_locks)
{
	struct path_locks *locks = calloc(1, sizeof(*locks));
	pthread_condattr_t attributes;

	if (!locks)
		return -ENOMEM;
	pthread_mutex_init(&locks->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&locks->freed, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret_locks = locks;
	return 0;
}

struct path_locks *path_locks_free(struct path_locks *locks)
{
	if (!locks)
		return NULL;
	pthread_cond_destroy(&locks->freed);
	pthread_mutex_destroy(&locks->mutex);
	free(locks);
	return NULL;
}

static bool covers(const struct path_lock *lock, const struct path_lock *other)
{
	if (lock->len > other->len || memcmp(lock->path, other->path, lock->len) != 0)
		return false;
	if (lock->len == other->len)
		return true;
	return lock->extent == PATH_AND_BELOW && (!lock->len || other->path[lock->len] == '/');
}

/* With the mutex held. Who is in the way, or NULL. */
static const struct path_lock *find_other(
	const struct path_locks *locks, const struct path_lock *lock)
{
	for (const struct path_lock *other = locks->first; other; other = other->next)
		if (covers(other, lock) || covers(lock, other))
			return other;
	return NULL;
}

/* With the mutex held. */
static const struct path_lock *wait_for(struct vault *vault, const struct path_lock *lock)
{
	struct path_locks *locks = vault->path_locks;
	int64_t now_ns = clock_monotonic_ns(), end_ns = now_ns + WAIT_NS;
	const struct path_lock *other;

	while ((other = find_other(locks, lock)) && now_ns < end_ns && !gate_is_shut(vault->gate)) {
		int64_t until_ns = now_ns + STEP_NS < end_ns ? now_ns + STEP_NS : end_ns;
		struct timespec until = {
			.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};

		pthread_cond_timedwait(&locks->freed, &locks->mutex, &until);
		now_ns = clock_monotonic_ns();
	}
	return other;
}

static struct path_lock *lock_new(const struct verb_call *call, const char *command,
	const char *path, size_t len, enum path_extent extent)
{
	struct path_lock *lock;

	vault_path_trim(&path, &len);
	lock = calloc(1, sizeof(*lock) + len + 1);
	if (!lock)
		return NULL;
	lock->extent = extent;
	lock->since_ns = clock_monotonic_ns();
	lock->uid = call->caller->uid;
	lock->pid = (long)call->caller->pid;
	lock->command = command;
	lock->len = len;
	memcpy(lock->path, path, len);
	return lock;
}

/* With the mutex held: other is somebody else's. */
static char *describe(const struct path_lock *other)
{
	scope_free char *shown = text_for_terminal(other->path, other->len);
	char *words;

	if (asprintf(&words, "%s of %s by process %ld (uid %u) has been at it for %lld s",
		    other->command, shown && *shown ? shown : "/", other->pid, other->uid,
		    (long long)((clock_monotonic_ns() - other->since_ns) / NS_PER_S)) < 0)
		return NULL;
	return words;
}

int path_lock_take(struct vault *vault, const struct verb_call *call, const char *command,
	const char *path, size_t len, enum path_extent extent, struct path_lock **ret_lock)
{
	struct path_lock *lock = lock_new(call, command, path, len, extent);
	struct path_locks *locks = vault->path_locks;
	const struct path_lock *other;
	scope_free char *words = NULL;
	scope_free char *shown = NULL;

	if (!lock) {
		complain(call->output, "%s: out of memory", command);
		return EXIT_FAILED;
	}
	pthread_mutex_lock(&locks->mutex);
	other = wait_for(vault, lock);
	if (other) {
		words = describe(other);
	} else {
		lock->locks = locks;
		lock->next = locks->first;
		locks->first = lock;
	}
	pthread_mutex_unlock(&locks->mutex);
	if (!other) {
		*ret_lock = lock;
		return EXIT_DONE;
	}
	free(lock);
	shown = text_for_terminal(path, len);
	complain(call->output, "%s: %s: busy: %s; try again when that has ended", command,
		shown ? shown : "", words ? words : "another command");
	return EXIT_BUSY;
}

struct path_lock *path_lock_free(struct path_lock *lock)
{
	struct path_locks *locks;
	struct path_lock **at;

	if (!lock)
		return NULL;
	locks = lock->locks;
	pthread_mutex_lock(&locks->mutex);
	for (at = &locks->first; *at != lock; at = &(*at)->next)
		;
	*at = lock->next;
	pthread_cond_broadcast(&locks->freed);
	pthread_mutex_unlock(&locks->mutex);
	free(lock);
	return NULL;
}
