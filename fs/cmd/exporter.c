/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter.c - lines, workers and counts. A server pours a file into a pipe of its own, which is
 * spliced to where the file goes; a vault opened here is written from directly.
 */
#include "fs/cmd/exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#include "fs/cmd/progress.h"
#include "fs/cmd/work_queue.h"
#include "keystore/base/file.h"
#include "keystore/base/secret.h"

#define WORKERS_MAX  8
#define SPLICE_BYTES (1U << 20)

struct export_line {
	struct exporter *exporter;
	struct access_line *line;
	struct buffer answer; /* standard output of the call under way */
	int fd;		      /* of the fetch under way, or -1 */
	int failed;	      /* what writing to fd met */
	uint64_t poured;      /* into fd */
};

struct exporter {
	struct vault_access *access;
	void (*run)(struct export_line *line, struct export_job *job);
	struct export_line producer;
	struct export_line workers[WORKERS_MAX];
	unsigned worker_count;
	struct work_queue *queue;
	struct progress *progress;
	bool quiet;
	_Atomic uint64_t poured; /* by all lines */
	atomic_bool stopped;
	pthread_mutex_t mutex; /* guards all below */
	bool integrity, refused, failed, not_found, busy, usage;
	uint64_t files, bytes, present, failures;
};

struct export_line *exporter_line(struct exporter *exporter)
{
	return &exporter->producer;
}

void exporter_set_quiet(struct exporter *exporter, bool quiet)
{
	exporter->quiet = quiet;
}

struct exporter *export_line_exporter(struct export_line *line)
{
	return line->exporter;
}

bool exporter_is_stopped(struct exporter *exporter)
{
	return atomic_load(&exporter->stopped);
}

/* ---- what came of it ---- */

static void note(struct exporter *exporter, int code)
{
	pthread_mutex_lock(&exporter->mutex);
	exporter->failures++;
	exporter->integrity |= code == EXIT_INTEGRITY;
	exporter->refused |= code == EXIT_REFUSED;
	exporter->not_found |= code == EXIT_NOT_FOUND;
	exporter->busy |= code == EXIT_BUSY;
	exporter->usage |= code == EXIT_USAGE;
	exporter->failed |= code == EXIT_FAILED || code == EXIT_KEY;
	pthread_mutex_unlock(&exporter->mutex);
}

static int exit_code(const struct exporter *exporter)
{
	if (exporter->integrity)
		return EXIT_INTEGRITY;
	if (exporter->failed)
		return EXIT_FAILED;
	if (exporter->refused)
		return EXIT_REFUSED;
	if (exporter->busy)
		return EXIT_BUSY;
	if (exporter->usage)
		return EXIT_USAGE;
	return exporter->not_found ? EXIT_NOT_FOUND : EXIT_DONE;
}

void exporter_count(struct exporter *exporter, enum export_outcome outcome, uint64_t bytes)
{
	pthread_mutex_lock(&exporter->mutex);
	if (outcome == EXPORT_MADE) {
		exporter->files++;
		exporter->bytes += bytes;
	} else {
		exporter->present++;
	}
	pthread_mutex_unlock(&exporter->mutex);
	if (outcome != EXPORT_MADE)
		atomic_fetch_add(&exporter->poured, bytes);
}

/* ---- calls ---- */

static int write_answer(void *arg, int stream, const void *bytes, size_t len)
{
	struct export_line *line = arg;

	/* That we read no further is no news of the server's. */
	if (stream == 2 && (line->failed || line->exporter->quiet))
		return 0;
	if (stream == 2)
		return progress_write(line->exporter->progress, bytes, len);
	buffer_add(&line->answer, bytes, len);
	return line->answer.failed ? -ENOMEM : 0;
}

static void count_poured(struct export_line *line, size_t len)
{
	line->poured += len;
	atomic_fetch_add(&line->exporter->poured, len);
}

static int pour_here(void *arg, const void *bytes, size_t len)
{
	struct export_line *line = arg;

	line->failed = file_write(line->fd, bytes, len);
	if (line->failed == 0)
		count_poured(line, len);
	return line->failed;
}

static int wait_for_room(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};

	return poll(&pollfd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

/* Where splice does not go: a terminal, a file that is appended to. */
static int copy_pipe(struct export_line *line, int pipe)
{
	char block[PAGE_BYTES];
	ssize_t len;
	int r = 0;

	while (r == 0 && (len = file_read(pipe, block, sizeof(block))) != 0) {
		r = len < 0 ? (int)len : file_write(line->fd, block, (size_t)len);
		if (r == 0)
			count_poured(line, (size_t)len);
	}
	secret_wipe(block, sizeof(block));
	return r;
}

static int splice_pipe(struct export_line *line, int pipe)
{
	ssize_t len;
	int r = 0;

	while (r == 0) {
		len = splice(pipe, NULL, line->fd, NULL, SPLICE_BYTES, SPLICE_F_MOVE);
		if (len == 0)
			return 0;
		if (len > 0)
			count_poured(line, (size_t)len);
		else if (errno == EINVAL || errno == ENOSYS)
			return copy_pipe(line, pipe);
		else if (errno == EAGAIN)
			r = wait_for_room(line->fd);
		else if (errno != EINTR)
			r = -errno;
	}
	return r;
}

/* A failure of ours ends the file, not the connection: the server sees a closed pipe. */
static int take_pipe(void *arg, int pipe)
{
	struct export_line *line = arg;

	line->failed = line->fd < 0 ? -EPROTO : splice_pipe(line, pipe);
	close(pipe);
	return 0;
}

static int make_request(
	const char *verb, const char *path, size_t path_len, struct message **ret_request)
{
	scope(message_free) struct message *request = NULL;
	int r;

	r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", verb);
	if (r == 0)
		r = message_add(request, "path", path, path_len);
	if (r == 0)
		*ret_request = take(&request);
	return r;
}

/* Exit code; a failure is explained and counted, unless line->failed says it was ours. */
static int call(struct export_line *line, const char *verb, const char *path, size_t path_len)
{
	struct output output = {
		.write = write_answer, .pour = pour_here, .take_pipe = take_pipe, .arg = line};
	scope(message_free) struct message *request = NULL;
	int code, r;

	buffer_done(&line->answer);
	line->answer = (struct buffer){0};
	line->failed = 0;
	line->poured = 0;
	r = make_request(verb, path, path_len, &request);
	if (r < 0) {
		exporter_complain(line->exporter, path, r);
		return EXIT_FAILED;
	}
	code = access_call(line->line, request, &output);
	if (access_line_is_dead(line->line))
		atomic_store(&line->exporter->stopped, true);
	if (code != EXIT_DONE && !line->failed && !line->exporter->quiet)
		note(line->exporter, code);
	return code;
}

static int take_look(struct export_line *line, struct buffer *ret_answer, struct export_look *ret)
{
	int r = export_look_parse(line->answer.data, line->answer.len, ret);

	if (r < 0)
		return r;
	*ret_answer = line->answer;
	line->answer = (struct buffer){0};
	return 0;
}

int export_line_look(struct export_line *line, const struct buffer *path, struct buffer *ret_answer,
	struct export_look *ret_look)
{
	int code = call(line, "export-look", buffer_text(path), path->len);

	if (code != EXIT_DONE || take_look(line, ret_answer, ret_look) == 0)
		return code;
	exporter_complain(line->exporter, buffer_text(path), -EPROTO);
	return EXIT_FAILED;
}

int export_line_fetch(struct export_line *line, const char *path, size_t path_len, int fd,
	struct buffer *ret_answer, struct export_look *ret_look)
{
	int code;

	line->fd = fd;
	code = call(line, "export-file", path, path_len);
	line->fd = -1;
	if (line->failed < 0)
		return line->failed;
	if (code != EXIT_DONE)
		return -ECANCELED;
	if (take_look(line, ret_answer, ret_look) < 0)
		return -EPROTO;
	if (line->poured == ret_look->size)
		return 0;
	buffer_done(ret_answer);
	*ret_answer = (struct buffer){0};
	return -EPROTO;
}

static int write_complaint(void *arg, int stream, const void *bytes, size_t len)
{
	(void)stream;
	return progress_write(((struct exporter *)arg)->progress, bytes, len);
}

void exporter_complain(struct exporter *exporter, const char *dest, int result)
{
	struct output output = {.write = write_complaint, .arg = exporter};
	scope_free char *shown = text_for_terminal(dest, strlen(dest));

	if (result == -ECANCELED)
		return;
	if (result == -EEXIST)
		complain(&output,
			"export: %s: something else is there and was not overwritten; remove it, "
			"choose another name, or --replace or --skip it",
			shown ? shown : "");
	else if (result == -ENOSPC || result == -EDQUOT)
		complain(&output,
			"export: %s: %s; nothing of it was left, make room and export again: what "
			"is there already is not written again",
			shown ? shown : "", result_text(result));
	else
		complain(&output, "export: %s: %s", shown ? shown : "", result_text(result));
	note(exporter, EXIT_FAILED);
}

/* ---- life ---- */

static uint64_t position(void *arg)
{
	return atomic_load(&((struct exporter *)arg)->poured);
}

static void work(void *worker, void *job)
{
	struct export_line *line = worker;

	line->exporter->run(line, job);
}

int exporter_new(struct vault_access *access,
	void (*run)(struct export_line *line, struct export_job *job),
	struct exporter **ret_exporter)
{
	scope(exporter_free) struct exporter *exporter = calloc(1, sizeof(*exporter));
	int r;

	if (!exporter)
		return -ENOMEM;
	exporter->access = access;
	exporter->run = run;
	pthread_mutex_init(&exporter->mutex, NULL);
	exporter->producer = (struct export_line){.exporter = exporter, .fd = -1};
	r = access_line_new(access, &exporter->producer.line);
	if (r == 0)
		r = work_queue_new(work, &exporter->queue);
	if (r == 0)
		*ret_exporter = take(&exporter);
	return r;
}

static void end_workers(struct exporter *exporter)
{
	exporter->queue = work_queue_free(exporter->queue);
	for (unsigned i = 0; i < exporter->worker_count; i++) {
		access_line_free(exporter->workers[i].line);
		buffer_done(&exporter->workers[i].answer);
	}
	exporter->worker_count = 0;
	exporter->progress = progress_free(exporter->progress);
}

struct exporter *exporter_free(struct exporter *exporter)
{
	if (!exporter)
		return NULL;
	end_workers(exporter);
	access_line_free(exporter->producer.line);
	buffer_done(&exporter->producer.answer);
	pthread_mutex_destroy(&exporter->mutex);
	free(exporter);
	return NULL;
}

static int add_worker(struct exporter *exporter)
{
	struct export_line *line = &exporter->workers[exporter->worker_count];
	int r;

	*line = (struct export_line){.exporter = exporter, .fd = -1};
	r = access_line_new(exporter->access, &line->line);
	if (r == 0)
		r = work_queue_add_worker(exporter->queue, line);
	if (r == 0)
		exporter->worker_count++;
	else
		line->line = access_line_free(line->line);
	return r;
}

int exporter_begin(struct exporter *exporter, uint64_t total)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int r = 0;

	/* Fewer workers than wanted, as when the server is busy, only make it slower. */
	for (long i = 0; i < WORKERS_MAX && i < processors && r == 0; i++)
		r = add_worker(exporter);
	if (!exporter->worker_count)
		return r;
	return progress_new(total, position, exporter, &exporter->progress);
}

void exporter_queue(struct exporter *exporter, struct export_job *job)
{
	work_queue_put(exporter->queue, job);
}

void exporter_wait(struct exporter *exporter)
{
	work_queue_wait(exporter->queue);
}

static void say_summary(const struct exporter *exporter)
{
	struct output output = output_to_terminal();
	char bytes[BYTES_TEXT_SIZE], present[64] = "", failed[64] = "";

	bytes_to_text(exporter->bytes, bytes);
	if (exporter->present)
		snprintf(present, sizeof(present), ", %llu were there already",
			(unsigned long long)exporter->present);
	if (exporter->failures)
		snprintf(failed, sizeof(failed), ", %llu FAILED",
			(unsigned long long)exporter->failures);
	remark(&output, "%llu file%s, %s exported%s%s.", (unsigned long long)exporter->files,
		plural(exporter->files), bytes, present, failed);
}

int exporter_end(struct exporter *exporter, bool say)
{
	end_workers(exporter);
	if (say)
		say_summary(exporter);
	return exit_code(exporter);
}
