/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exe_hasher.c - what executables hash to: a thread that reads them, and a cache.
 *
 * A file is known by device, inode, size, mtime and ctime, as the caller's was when he was
 * captured. The thread opens /proc/PID/exe with O_PATH, looks at where that is, and only then opens
 * that very inode for reading: on FUSE, or over the network, even an open waits for somebody. While
 * a process runs from a file the kernel lets nobody write to it; that its identity is the same
 * after the reading shows that it was one content all along.
 *
 * A user has at most one file in work or queued for whom nobody waits, and one for which somebody
 * does: whatever he does, others wait for two of his at most. Who asks for what is in work already
 * joins it, whoever he is.
 */
#include "policy/surroundings_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "keystore/base/clock.h"
#include "keystore/base/digest.h"
#include "keystore/base/file.h"
#include "policy/mount_table.h"
#include "policy/subject_private.h"

#define QUEUE_MAX   64
#define WAITERS_MAX 1024 /* of one file */
#define SIZE_MAX_B  (2ULL << 30)
#define TIME_MAX_NS (5 * NS_PER_S)
#define BLOCK_SIZE  (256 << 10)

/* The cache: a file has its place in one set, and takes the oldest place there. */
#define SET_COUNT 256
#define SET_SIZE  4

struct identity {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

struct known_file {
	struct identity identity;
	uint64_t age; /* 0: empty; the larger the younger */
	uint8_t sha256[DIGEST_SIZE];
};

/* Somebody who asked: through any of them that lives the file is opened. */
struct waiter {
	pid_t pid;
	uint64_t start_time;
	void (*done)(void *arg, int result, const uint8_t *sha256); /* may be NULL */
	void *arg;
};

struct job {
	struct job *next;
	struct identity identity;
	uint32_t uid;		/* whose share it takes */
	struct waiter *waiters; /* WAITERS_MAX */
	size_t waiter_count;
	bool is_awaited; /* some waiter has done */
};

struct exe_hasher {
	pthread_t thread;
	uint8_t *block;	       /* used by the thread only */
	struct sha256 *sha256; /* used by the thread only */

	pthread_mutex_t lock; /* guards all below; nothing else is locked while it is held */
	pthread_cond_t wake;  /* the queue is no longer empty, or stopping */
	struct job *first, **last;
	size_t queued;
	struct job *in_work;
	bool is_stopping;
	uint64_t age;
	struct known_file sets[SET_COUNT][SET_SIZE];
};

static struct identity identity_of(const struct subject *subject)
{
	return (struct identity){subject->exe_dev, subject->exe_ino, subject->exe_size,
		subject->exe_mtime_ns, subject->exe_ctime_ns};
}

static bool is_same(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* ---- the cache; called with the lock held ---- */

static struct known_file *set_of(struct exe_hasher *hasher, const struct identity *identity)
{
	uint64_t mixed = (identity->ino ^ identity->dev << 32) * 0x9e3779b97f4a7c15u;

	return hasher->sets[mixed >> 32 & (SET_COUNT - 1)];
}

static bool find_known(
	struct exe_hasher *hasher, const struct identity *identity, uint8_t ret_sha256[DIGEST_SIZE])
{
	const struct known_file *set = set_of(hasher, identity);

	for (size_t i = 0; i < SET_SIZE; i++) {
		if (set[i].age && is_same(&set[i].identity, identity)) {
			memcpy(ret_sha256, set[i].sha256, DIGEST_SIZE);
			return true;
		}
	}
	return false;
}

static void remember(
	struct exe_hasher *hasher, const struct identity *identity, const uint8_t *sha256)
{
	struct known_file *set = set_of(hasher, identity), *oldest = set;

	for (size_t i = 1; i < SET_SIZE; i++)
		if (set[i].age < oldest->age)
			oldest = &set[i];
	oldest->identity = *identity;
	oldest->age = ++hasher->age;
	memcpy(oldest->sha256, sha256, DIGEST_SIZE);
}

/* ---- one file, in the thread, without the lock ---- */

static struct job *job_free(struct job *job)
{
	if (job) {
		free(job->waiters);
		free(job);
	}
	return NULL;
}

static int look(int fd, struct identity *ret_identity, struct statx *ret_attrs)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID,
		    ret_attrs) < 0)
		return -errno;
	ret_identity->dev = makedev(ret_attrs->stx_dev_major, ret_attrs->stx_dev_minor);
	ret_identity->ino = ret_attrs->stx_ino;
	ret_identity->size = ret_attrs->stx_size;
	ret_identity->mtime_ns =
		ret_attrs->stx_mtime.tv_sec * NS_PER_S + ret_attrs->stx_mtime.tv_nsec;
	ret_identity->ctime_ns =
		ret_attrs->stx_ctime.tv_sec * NS_PER_S + ret_attrs->stx_ctime.tv_nsec;
	return 0;
}

/* What only root can write to stays what it is, whether its times tell or not. */
static bool is_roots_alone(const struct statx *attrs)
{
	return attrs->stx_uid == 0 && !(attrs->stx_mode & (S_IWGRP | S_IWOTH));
}

/*
 * Whether reading it waits for the kernel alone, and its identity changes with what it holds: on
 * tmpfs, who maps a file and reads before he writes leaves the times as they were. A service with
 * mounts of its own is looked up among those. Without mount ids (before Linux 5.8) the device
 * number must do: btrfs has several, and is not found then.
 */
static int check_place(int pid_fd, const struct statx *attrs)
{
	struct mount_place place = {
		.has_mount_id = attrs->stx_mask & STATX_MNT_ID,
		.mount_id = attrs->stx_mnt_id,
		.dev = makedev(attrs->stx_dev_major, attrs->stx_dev_minor),
	};
	enum mount_kind kind;
	int r = mount_kind_here(&place, &kind);

	if (r == -ENOENT)
		r = mount_kind_of_process(pid_fd, &place, &kind);
	if (r == -ENOENT)
		return attrs->stx_dev_major != 0 ? 0 : -ENOTSUP;
	if (r < 0)
		return r;
	if (kind == MOUNT_MEMORY && is_roots_alone(attrs))
		return 0;
	return kind == MOUNT_LOCAL ? 0 : -ENOTSUP;
}

/* Opens what the process runs, if that is the file and reading it waits for nobody. */
static int open_exe(const struct waiter *waiter, const struct identity *expected)
{
	scope_fd int pid_fd = subject_open_process(waiter->pid, waiter->start_time), exe_fd = -1;
	struct identity identity;
	struct statx attrs;
	char link[32];
	int fd, r;

	if (pid_fd < 0)
		return pid_fd;
	exe_fd = openat(pid_fd, "exe", O_PATH | O_CLOEXEC);
	if (exe_fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = look(exe_fd, &identity, &attrs);
	if (r < 0)
		return r;
	if (identity.dev != expected->dev || identity.ino != expected->ino)
		return -ESRCH;
	if (!is_same(&identity, expected))
		return -ESTALE;
	if (!S_ISREG(attrs.stx_mode))
		return -EACCES;
	r = check_place(pid_fd, &attrs);
	if (r < 0)
		return r;
	/* The inode that was looked at, not what the process runs by now. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", exe_fd);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_stopping(struct exe_hasher *hasher)
{
	bool stopping;

	pthread_mutex_lock(&hasher->lock);
	stopping = hasher->is_stopping;
	pthread_mutex_unlock(&hasher->lock);
	return stopping;
}

/*
 * A file that was changed twice within one tick of the clock has the same times both times. Waits
 * until a change would show: a tick is 10 ms at most, and 2 s where only seconds are stored.
 */
static int let_times_settle(struct exe_hasher *hasher, int64_t ctime_ns)
{
	const struct timespec step = {.tv_nsec = 10 * NS_PER_MS};
	int64_t settled_ns = ctime_ns + (ctime_ns % NS_PER_S ? 20 * NS_PER_MS : 2 * NS_PER_S);
	int64_t now_ns = clock_now_ns();

	/* In the future: the clock was set back, and time will not tell. */
	for (; ctime_ns <= now_ns && now_ns < settled_ns; now_ns = clock_now_ns()) {
		if (is_stopping(hasher))
			return -ESHUTDOWN;
		nanosleep(&step, NULL);
	}
	return 0;
}

static int read_all(struct exe_hasher *hasher, int fd, uint64_t size, int64_t deadline_ns)
{
	for (uint64_t offset = 0; offset < size;) {
		ssize_t n = file_read_at(fd, hasher->block, BLOCK_SIZE, offset);
		int r;

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ESTALE;
		r = sha256_add(hasher->sha256, hasher->block, (size_t)n);
		if (r < 0)
			return r;
		offset += (uint64_t)n;
		if (clock_monotonic_ns() > deadline_ns)
			return -ETIME;
		if (is_stopping(hasher))
			return -ESHUTDOWN;
	}
	return 0;
}

static int hash_open_file(struct exe_hasher *hasher, int fd, const struct identity *expected,
	uint8_t ret_sha256[DIGEST_SIZE])
{
	int64_t deadline_ns = clock_monotonic_ns() + TIME_MAX_NS;
	struct identity identity;
	struct statx attrs;
	int r, end;

	r = let_times_settle(hasher, expected->ctime_ns);
	if (r < 0)
		return r;
	r = look(fd, &identity, &attrs);
	if (r == 0 && !is_same(&identity, expected))
		r = -ESTALE;
	if (r == 0)
		r = read_all(hasher, fd, expected->size, deadline_ns);
	/* Always: it leaves the stream empty. */
	end = sha256_end(hasher->sha256, ret_sha256);
	if (r == 0)
		r = end;
	if (r == 0)
		r = look(fd, &identity, &attrs);
	if (r == 0 && !is_same(&identity, expected))
		r = -ESTALE;
	return r;
}

/* The first who still lives serves for all who asked. */
static int hash_for(struct exe_hasher *hasher, const struct identity *identity,
	const struct waiter *waiter, uint8_t ret_sha256[DIGEST_SIZE])
{
	scope_fd int fd = open_exe(waiter, identity);

	return fd < 0 ? fd : hash_open_file(hasher, fd, identity, ret_sha256);
}

/* ---- the queue ---- */

static void tell(const struct waiter *waiter, int result, const uint8_t *sha256)
{
	if (waiter->done)
		waiter->done(waiter->arg, result, result == 0 ? sha256 : NULL);
}

/* What somebody waits for comes first. With the lock held. */
static struct job *take_job(struct exe_hasher *hasher)
{
	struct job **at = &hasher->first, *job;

	while (*at && !(*at)->is_awaited)
		at = &(*at)->next;
	if (!*at)
		at = &hasher->first;
	job = *at;
	*at = job->next;
	if (!*at)
		hasher->last = at;
	job->next = NULL;
	hasher->queued--;
	return job;
}

/* With the lock held, which it gives up meanwhile. Who asked while it was at work has joined. */
static void work(struct exe_hasher *hasher, struct job *job)
{
	uint8_t sha256[DIGEST_SIZE];
	int r = -ESRCH;

	/* The list may move when somebody joins; a place in it does not change. */
	for (size_t i = 0; r == -ESRCH && i < job->waiter_count; i++) {
		struct waiter waiter = job->waiters[i];

		pthread_mutex_unlock(&hasher->lock);
		r = hash_for(hasher, &job->identity, &waiter, sha256);
		pthread_mutex_lock(&hasher->lock);
	}
	if (r == 0)
		remember(hasher, &job->identity, sha256);
	hasher->in_work = NULL;
	pthread_mutex_unlock(&hasher->lock);
	for (size_t i = 0; i < job->waiter_count; i++)
		tell(&job->waiters[i], r, sha256);
	job_free(job);
	pthread_mutex_lock(&hasher->lock);
}

static void *run(void *arg)
{
	struct exe_hasher *hasher = arg;

	pthread_mutex_lock(&hasher->lock);
	while (!hasher->is_stopping) {
		if (!hasher->first) {
			pthread_cond_wait(&hasher->wake, &hasher->lock);
			continue;
		}
		hasher->in_work = take_job(hasher);
		work(hasher, hasher->in_work);
	}
	pthread_mutex_unlock(&hasher->lock);
	return NULL;
}

static int add_waiter(struct job *job, const struct waiter *waiter)
{
	if (job->waiter_count == WAITERS_MAX)
		return -EAGAIN;
	job->waiters[job->waiter_count++] = *waiter;
	job->is_awaited |= waiter->done != NULL;
	return 0;
}

/* What is in work or queued, the one in work first. */
static struct job *next_job(struct exe_hasher *hasher, struct job *job)
{
	if (!job)
		return hasher->in_work ? hasher->in_work : hasher->first;
	return job == hasher->in_work ? hasher->first : job->next;
}

/* Is one of the user's in work or queued, for which somebody waits, or for nobody who does? */
static bool has_share(struct exe_hasher *hasher, uint32_t uid, bool is_awaited)
{
	struct job *job = NULL;

	while ((job = next_job(hasher, job)))
		if (job->uid == uid && job->is_awaited == is_awaited)
			return true;
	return false;
}

/*
 * For what is in work or queued. That nobody waited for it does not make it another of the user's
 * for which somebody does.
 */
static int join_job(
	struct exe_hasher *hasher, struct job *job, uint32_t uid, const struct waiter *waiter)
{
	bool takes_share = !job->is_awaited && job != hasher->in_work;
	int r;

	/* He who waits for nothing need not be told. */
	if (!waiter->done)
		return 1;
	if (takes_share && has_share(hasher, uid, true))
		return -EDQUOT;
	r = add_waiter(job, waiter);
	if (r < 0)
		return r;
	if (takes_share)
		job->uid = uid;
	return 1;
}

static struct job *job_new(const struct identity *identity, uint32_t uid)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->identity = *identity;
	job->uid = uid;
	job->waiters = calloc(WAITERS_MAX, sizeof(*job->waiters));
	if (job->waiters)
		return job;
	job_free(job);
	return NULL;
}

static int add_job(struct exe_hasher *hasher, uint32_t uid, const struct identity *identity,
	const struct waiter *waiter)
{
	struct job *job = NULL;

	while ((job = next_job(hasher, job)))
		if (is_same(&job->identity, identity))
			return join_job(hasher, job, uid, waiter);
	if (has_share(hasher, uid, waiter->done != NULL))
		return -EDQUOT;
	if (hasher->queued == QUEUE_MAX)
		return -EAGAIN;
	job = job_new(identity, uid);
	if (!job)
		return -ENOMEM;
	/* The first has room. */
	(void)add_waiter(job, waiter);
	*hasher->last = job;
	hasher->last = &job->next;
	hasher->queued++;
	pthread_cond_signal(&hasher->wake);
	return 1;
}

int exe_hasher_ask(struct exe_hasher *hasher, const struct subject *subject,
	void (*done)(void *arg, int result, const uint8_t *sha256), void *arg,
	uint8_t ret_sha256[DIGEST_SIZE])
{
	struct waiter waiter = {
		.pid = subject->pid, .start_time = subject->start_time, .done = done, .arg = arg};
	struct identity identity = identity_of(subject);
	int r;

	/*
	 * In another user namespace /proc/PID/exe proves nothing, and mounts may be a
	 * user's own: an overlay on his FUSE.
	 */
	if (!subject->initial_userns)
		return -ENOTSUP;
	if (subject->pid <= 0)
		return -ESRCH;
	if (identity.size > SIZE_MAX_B)
		return -EFBIG;
	pthread_mutex_lock(&hasher->lock);
	if (hasher->is_stopping)
		r = -ESHUTDOWN;
	else if (find_known(hasher, &identity, ret_sha256))
		r = 0;
	else
		r = add_job(hasher, subject->uid, &identity, &waiter);
	pthread_mutex_unlock(&hasher->lock);
	return r;
}

bool exe_hasher_known(
	struct exe_hasher *hasher, const struct subject *subject, uint8_t ret_sha256[DIGEST_SIZE])
{
	struct identity identity = identity_of(subject);
	bool known;

	if (!subject->initial_userns)
		return false;
	pthread_mutex_lock(&hasher->lock);
	known = find_known(hasher, &identity, ret_sha256);
	pthread_mutex_unlock(&hasher->lock);
	return known;
}

/* ---- beginning and end ---- */

static void free_parts(struct exe_hasher *hasher)
{
	pthread_cond_destroy(&hasher->wake);
	pthread_mutex_destroy(&hasher->lock);
	if (hasher->sha256)
		sha256_free(hasher->sha256);
	free(hasher->block);
	free(hasher);
}

/* Signals are for the threads that were there before. */
static int start(struct exe_hasher *hasher)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&hasher->thread, NULL, run, hasher);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		pthread_setname_np(hasher->thread, "exe-hasher");
	return -r;
}

int exe_hasher_new(struct exe_hasher **ret_hasher)
{
	struct exe_hasher *hasher = calloc(1, sizeof(*hasher));
	int r;

	if (!hasher)
		return -ENOMEM;
	pthread_mutex_init(&hasher->lock, NULL);
	pthread_cond_init(&hasher->wake, NULL);
	hasher->last = &hasher->first;
	hasher->block = malloc(BLOCK_SIZE);
	r = hasher->block ? sha256_new(&hasher->sha256) : -ENOMEM;
	if (r == 0)
		r = start(hasher);
	if (r < 0) {
		free_parts(hasher);
		return r;
	}
	*ret_hasher = hasher;
	return 0;
}

/* The thread tells who waits for the file in work; it looks whether to stop after each block. */
struct exe_hasher *exe_hasher_free(struct exe_hasher *hasher)
{
	struct job *job, *next;

	if (!hasher)
		return NULL;
	pthread_mutex_lock(&hasher->lock);
	hasher->is_stopping = true;
	job = hasher->first;
	hasher->first = NULL;
	hasher->last = &hasher->first;
	hasher->queued = 0;
	pthread_cond_signal(&hasher->wake);
	pthread_mutex_unlock(&hasher->lock);
	for (; job; job = next) {
		next = job->next;
		for (size_t i = 0; i < job->waiter_count; i++)
			tell(&job->waiters[i], -ESHUTDOWN, NULL);
		job_free(job);
	}
	pthread_join(hasher->thread, NULL);
	free_parts(hasher);
	return NULL;
}
