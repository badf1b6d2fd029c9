/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - one mount point: how it is mounted, and what is known of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/bytes.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

#define READ_AHEAD_KB 4096 /* DESIGN section 9: requests of 1 MiB are then answered in parallel */
#define THREADS_MAX   64
#define CLOSE_STEP_MS 1000

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
	session->device = attr.st_dev;
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
		pthread_mutex_lock(&gate->enacting);
		notifier_enlist(gate->notifier, session);
		pthread_mutex_unlock(&gate->enacting);
	}
	if (r < 0) {
		session_free(session);
		return r;
	}
	r = session_start_threads(session);
	if (r < 0) {
		/* Those that did start have nothing to wait for but requests. */
		while (session_close(session, CLOSE_STEP_MS) < 0)
			;
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
