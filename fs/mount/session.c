/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - one mount point: mounts, runs the threads that answer, unmounts. The threads are our
 * own loop over libfuse's receive and process, a fixed number: each keeps its room for a read.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/bytes.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"

#define READ_AHEAD_KB 4096 /* DESIGN section 9: requests of 1 MiB are then answered in parallel */
#define WAKE_NS	      (10 * NS_PER_MS)
#define THREADS_MAX   64
#define FLUSH_STEP_NS (10 * NS_PER_MS)

extern char **environ;

static void *answer_requests(void *arg)
{
	struct session *session = arg;
	struct fuse_buf buffer = {.mem = NULL};
	int r;

	while (!fuse_session_exited(session->fuse)) {
		r = fuse_session_receive_buf(session->fuse, &buffer);
		if (r == -EINTR)
			continue;
		if (r <= 0)
			break;
		fuse_session_process_buf(session->fuse, &buffer);
	}
	free(buffer.mem);
	/* The last to go: the mount is gone, or its channel broke. */
	if (atomic_fetch_sub(&session->running, 1) == 1) {
		atomic_store(&session->ended, true);
		if (session->ended_callback)
			session->ended_callback(session->ended_arg);
	}
	return NULL;
}

static void only_wake(int signal)
{
	(void)signal;
}

static int start_threads(struct session *session)
{
	/* Without SA_RESTART: a read that waits for a request returns. */
	const struct sigaction wake = {.sa_handler = only_wake};
	unsigned count = session->options.threads;
	sigset_t all, before;
	int r = 0;

	session->threads = calloc(count, sizeof(*session->threads));
	if (!session->threads)
		return -ENOMEM;
	/* Signals are for the main thread, but for the one that ends these. */
	if (sigaction(SIGUSR1, &wake, NULL) < 0)
		return -errno;
	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_store(&session->running, count);
	while (session->thread_count < count && r == 0) {
		r = -pthread_create(
			&session->threads[session->thread_count], NULL, answer_requests, session);
		if (r == 0)
			session->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		atomic_fetch_sub(&session->running, count - session->thread_count);
	return r;
}

/* libfuse splits option strings at commas; a backslash keeps one (fuse_opt_parse). */
static void add_escaped(struct buffer *to, const char *text)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			buffer_add_u8(to, '\\');
		buffer_add_u8(to, (uint8_t)*text);
	}
}

static int make_fuse_session(struct session *session)
{
	scope_buffer struct buffer options = {0};
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int r = -ENOMEM;

	buffer_add_format(
		&options, "ro,nosuid,nodev,subtype=modelvault,max_read=%u,fsname=", READ_MAX);
	add_escaped(&options, session->source);
	if (session->options.allow_other)
		buffer_add_text(&options, ",allow_other");
	if (session->options.noexec)
		buffer_add_text(&options, ",noexec");
	if (!options.failed && fuse_opt_add_arg(&args, "modelvault") == 0 &&
		fuse_opt_add_arg(&args, "-o") == 0 &&
		fuse_opt_add_arg(&args, buffer_text(&options)) == 0) {
		session->fuse = fuse_session_new(&args, &session_ops, sizeof(session_ops), session);
		r = session->fuse ? 0 : -EINVAL;
	}
	fuse_opt_free_args(&args);
	return r;
}

/* Root may raise the readahead of the mount; for others the kernel's default stays. */
static void raise_readahead(struct session *session)
{
	char path[96], value[16];
	struct stat attr;
	int fd, len;

	/* Our own threads answer this; it also waits until INIT is over, which resets the
	 * readahead. */
	if (stat(session->mountpoint, &attr) < 0)
		return;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(attr.st_dev),
		minor(attr.st_dev));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = snprintf(value, sizeof(value), "%d\n", READ_AHEAD_KB);
	if (write(fd, value, (size_t)len) != len)
		log_info("%s: the readahead could not be raised", path);
	close(fd);
}

static unsigned default_threads(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	long threads = processors * 2 + 2;

	return threads < 4 ? 4 : threads > 32 ? 32 : (unsigned)threads;
}

static void enlist(struct session *session)
{
	pthread_mutex_lock(&session->gate->enacting);
	session->next = session->gate->sessions;
	session->gate->sessions = session;
	pthread_mutex_unlock(&session->gate->enacting);
}

static void delist(struct session *session)
{
	struct session **at;

	for (at = &session->gate->sessions; *at; at = &(*at)->next) {
		if (*at == session) {
			*at = session->next;
			break;
		}
	}
}

int session_new(struct gate *gate, const char *mountpoint, const struct session_options *options,
	void (*ended)(void *arg), void *arg, struct session **ret_session)
{
	struct session *session = calloc(1, sizeof(*session));
	int r;

	if (!session)
		return -ENOMEM;
	session->gate = gate;
	session->options = *options;
	if (!session->options.threads)
		session->options.threads = default_threads();
	if (session->options.threads > THREADS_MAX)
		session->options.threads = THREADS_MAX;
	session->ended_callback = ended;
	session->ended_arg = arg;
	session->mountpoint = strdup(mountpoint);
	session->source = strdup(options->source ? options->source : "modelvault");
	session->options.source = session->source;
	r = session->mountpoint && session->source ? node_table_new(&session->nodes) : -ENOMEM;
	if (r == 0)
		r = make_fuse_session(session);
	if (r == 0 && fuse_session_mount(session->fuse, mountpoint) != 0)
		r = -EPERM;
	if (r == 0) {
		enlist(session);
		r = start_threads(session);
	}
	if (r < 0) {
		session->ended_callback = NULL;
		session_free(session);
		return r;
	}
	raise_readahead(session);
	*ret_session = session;
	return 0;
}

bool session_has_ended(const struct session *session)
{
	return atomic_load(&session->ended);
}

/* The first line of what was said, without its end. */
static void keep_words(int fd, char ret_words[UNMOUNT_WORDS])
{
	ssize_t len = file_read(fd, ret_words, UNMOUNT_WORDS - 1);

	ret_words[len > 0 ? len : 0] = '\0';
	ret_words[strcspn(ret_words, "\n")] = '\0';
}

static int spawn_helper(char *const argv[], int words_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, words_fd, STDERR_FILENO);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Without root the setuid helper of fuse3 unmounts. */
static int unmount_by_helper(const char *mountpoint, bool lazy, char ret_words[UNMOUNT_WORDS])
{
	char *argv[] = {"fusermount3", lazy ? "-uz" : "-u", "--", (char *)mountpoint, NULL};
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = spawn_helper(argv, fds[1], &pid);
	close(fds[1]);
	if (r == 0) {
		keep_words(fds[0], ret_words);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			r = strstr(ret_words, strerror(EBUSY)) ? -EBUSY : -EIO;
	}
	close(fds[0]);
	return r;
}

int session_unmount(struct session *session, char ret_words[UNMOUNT_WORDS])
{
	ret_words[0] = '\0';
	if (session_has_ended(session))
		return 0;
	if (geteuid() != 0)
		return unmount_by_helper(session->mountpoint, false, ret_words);
	if (umount2(session->mountpoint, UMOUNT_NOFOLLOW) < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	return 0;
}

static int collect_handle(void *arg, struct handle *handle)
{
	struct {
		struct session *session;
		uint64_t fh;
	} *found = arg;

	if (handle->session != found->session)
		return 0;
	found->fh = handle->fh;
	return 1;
}

/* What the kernel did not release before the mount went. */
static void close_handles(struct session *session)
{
	struct {
		struct session *session;
		uint64_t fh;
	} found = {.session = session};

	while (handle_each(session->gate->handles, collect_handle, &found) == 1) {
		struct handle *handle = handle_remove(session->gate->handles, found.fh);

		if (handle)
			gate_close(session->gate, handle);
	}
}

/*
 * Answers that wait for their record are sent by the committing thread, which must be done with
 * this session: what fails to be committed is answered too, what cannot be queued tells nothing.
 */
static void wait_for_answers(struct session *session)
{
	const struct timespec step = {.tv_nsec = FLUSH_STEP_NS};
	int r;

	do {
		r = audit_flush(session->gate->backend.audit);
	} while ((r == -EAGAIN || r == -ENOMEM) && nanosleep(&step, NULL) == 0);
}

/*
 * Out of the tree now, whoever has files open. Root also aborts the connection, so that nobody
 * waits for an answer any more.
 */
static void detach(struct session *session)
{
	char words[UNMOUNT_WORDS];
	int r;

	if (session_has_ended(session))
		return;
	words[0] = '\0';
	if (geteuid() != 0)
		r = unmount_by_helper(session->mountpoint, true, words);
	else if (umount2(session->mountpoint, UMOUNT_NOFOLLOW | MNT_FORCE) == 0 ||
		 umount2(session->mountpoint, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
		r = 0;
	else
		r = -errno;
	if (r < 0)
		log_warning("%s could not be unmounted: %s", session->mountpoint,
			words[0] ? words : strerror(-r));
}

/*
 * A thread that waits for a request is woken by a signal, again and again, since it may look
 * whether all is over just before the signal and wait just after.
 */
static void end_threads(struct session *session)
{
	for (unsigned i = 0; i < session->thread_count; i++) {
		struct timespec until;

		do {
			pthread_kill(session->threads[i], SIGUSR1);
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_nsec += WAKE_NS;
			if (until.tv_nsec >= NS_PER_S) {
				until.tv_nsec -= NS_PER_S;
				until.tv_sec++;
			}
		} while (pthread_timedjoin_np(session->threads[i], NULL, &until) == ETIMEDOUT);
	}
}

struct session *session_free(struct session *session)
{
	if (!session)
		return NULL;
	if (session->fuse) {
		fuse_session_exit(session->fuse);
		detach(session);
	}
	end_threads(session);
	wait_for_answers(session);
	/* No command may still be telling this session's kernel side about ended handles. */
	pthread_mutex_lock(&session->gate->enacting);
	delist(session);
	close_handles(session);
	pthread_mutex_unlock(&session->gate->enacting);
	if (session->fuse) {
		/* Closes the channel: what still has files open there gets ENOTCONN from now on. */
		fuse_session_unmount(session->fuse);
		fuse_session_destroy(session->fuse);
	}
	node_table_free(session->nodes);
	free(session->threads);
	free(session->mountpoint);
	free(session->source);
	free(session);
	return NULL;
}

const char *session_mountpoint(const struct session *session)
{
	return session->mountpoint;
}

const struct session_options *session_options(const struct session *session)
{
	return &session->options;
}

static int count_handle(void *arg, struct handle *handle)
{
	struct {
		struct session *session;
		uint64_t count;
	} *counting = arg;

	if (handle->session == counting->session)
		counting->count++;
	return 0;
}

uint64_t session_open_handles(struct session *session)
{
	struct {
		struct session *session;
		uint64_t count;
	} counting = {.session = session};

	handle_each(session->gate->handles, count_handle, &counting);
	return counting.count;
}

void session_drop_idle(struct session *session)
{
	uint64_t ids[64];
	size_t count;

	if (!session->options.cache_idle_ms)
		return;
	do {
		count = node_take_idle(session->nodes,
			clock_monotonic_ns() - session->options.cache_idle_ms * NS_PER_MS, ids,
			ARRAY_SIZE(ids));
		for (size_t i = 0; i < count; i++)
			fuse_lowlevel_notify_inval_inode(session->fuse, ids[i], 0, 0);
	} while (count == ARRAY_SIZE(ids));
}
