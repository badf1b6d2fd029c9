/* SPDX-License-Identifier: Apache-2.0 */
/*
 * importer.c - a bounded queue between one producer and up to eight workers. Files come with open
 * descriptors, so the queue's bound is also the bound on those. How far a worker is shows in the
 * position of the descriptor that it shares with whoever reads it.
 */
#include "fs/cmd/importer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/progress.h"
#include "keystore/base/clock.h"

#define WORKERS_MAX 8
#define QUEUE_SLOTS 64

/* One line and who uses it: a worker's thread, or the producer. */
struct worker {
	struct importer *importer;
	struct access_line *line;
	pthread_t thread;
	struct buffer answer; /* standard output of the call under way */
	int fd;		      /* guarded by importer->mutex: being read, or -1 */
};

struct importer {
	struct vault_access *access;
	struct importer_options options;
	struct progress *progress;
	struct worker producer;
	struct worker workers[WORKERS_MAX];
	unsigned worker_count;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t to_do, done;
	struct import_entry *queue[QUEUE_SLOTS];
	unsigned first, queued, busy;
	bool ending, stopped;
	int code;
	uint64_t files, bytes, present, present_bytes, skipped, failed;
};

struct import_entry *import_entry_new(const char *kind, const char *source, const char *path,
	size_t path_len, const struct stat *attr)
{
	struct import_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->fd = -1;
	entry->kind = kind;
	entry->attr = *attr;
	entry->path_len = path_len;
	entry->source = strdup(source);
	entry->path = strndup(path, path_len);
	if (!entry->source || !entry->path)
		return import_entry_free(entry);
	return entry;
}

struct import_entry *import_entry_free(struct import_entry *entry)
{
	if (!entry)
		return NULL;
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry->source);
	free(entry->path);
	free(entry->target);
	free(entry);
	return NULL;
}

static int write_answer(void *arg, int stream, const void *bytes, size_t len)
{
	struct worker *worker = arg;

	if (stream == 2)
		return progress_write(worker->importer->progress, bytes, len);
	buffer_add(&worker->answer, bytes, len);
	return worker->answer.failed ? -ENOMEM : 0;
}

static struct output output_of(struct worker *worker)
{
	return (struct output){.write = write_answer, .arg = worker};
}

static void note_failure(struct importer *importer, int code)
{
	pthread_mutex_lock(&importer->mutex);
	importer->failed++;
	/* Damage to the vault is more than a file that could not be read. */
	if (code == EXIT_INTEGRITY || importer->code == EXIT_DONE)
		importer->code = code;
	pthread_mutex_unlock(&importer->mutex);
}

static void complain_source(struct worker *worker, const char *source, const char *words)
{
	scope_free char *shown = text_for_terminal(source, strlen(source));
	struct output output = output_of(worker);

	complain(&output, "import: %s: %s", shown ? shown : "", words);
	note_failure(worker->importer, EXIT_FAILED);
}

void importer_complain(struct importer *importer, const char *source, const char *words)
{
	complain_source(&importer->producer, source, words);
}

static int call_verb(struct worker *worker, struct message *request)
{
	struct importer *importer = worker->importer;
	struct output output = output_of(worker);
	int code;

	buffer_done(&worker->answer);
	worker->answer = (struct buffer){0};
	code = access_call(worker->line, request, &output);
	if (access_line_is_dead(worker->line)) {
		pthread_mutex_lock(&importer->mutex);
		importer->stopped = true;
		pthread_mutex_unlock(&importer->mutex);
	}
	return code;
}

/* Of what comes without a descriptor that could be asked. */
static int add_attributes(struct message *request, const struct stat *attr)
{
	int64_t mtime = (int64_t)attr->st_mtim.tv_sec * NS_PER_S + attr->st_mtim.tv_nsec;
	int r;

	r = message_add_integer(request, "mode", attr->st_mode & 07777);
	if (r == 0)
		r = message_add_integer(request, "uid", attr->st_uid);
	if (r == 0)
		r = message_add_integer(request, "gid", attr->st_gid);
	if (r == 0)
		r = message_add_integer(request, "mtime", mtime);
	return r;
}

/* The message gets a descriptor of its own, so that entry->fd still tells the position. */
static int add_fd(struct message *request, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : message_add_fd(request, copy);
}

static int make_request(const struct importer *importer, const struct import_entry *entry,
	struct message **ret_request)
{
	static const char *const choices[] = {
		[EXISTING_SKIP] = "skip",
		[EXISTING_REPLACE] = "replace",
	};
	scope(message_free) struct message *request = NULL;
	int r;

	r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", "import-entry");
	if (r == 0)
		r = message_add_text(request, "kind", entry->kind);
	if (r == 0)
		r = message_add(request, "path", entry->path, entry->path_len);
	if (r == 0)
		r = message_add_text(request, "source", entry->source);
	if (r == 0 && importer->options.existing != EXISTING_IS_ERROR)
		r = message_add_text(request, choices[importer->options.existing], "");
	if (r == 0 && entry->target)
		r = message_add(request, "target", entry->target, entry->target_len);
	if (r == 0)
		r = entry->fd < 0 ? add_attributes(request, &entry->attr)
				  : add_fd(request, entry->fd);
	if (r == 0)
		*ret_request = take(&request);
	return r;
}

/* What the verb said: true when the entry is in the vault now. */
static bool count_answer(struct worker *worker, const struct import_entry *entry)
{
	struct importer *importer = worker->importer;
	bool is_file = entry->kind[0] == 'f' || strcmp(entry->kind, "stream") == 0;
	unsigned long long bytes = 0;
	char word[16] = "";

	if (sscanf(buffer_text(&worker->answer), "%15s %llu", word, &bytes) != 2)
		return false;
	pthread_mutex_lock(&importer->mutex);
	if (strcmp(word, "added") == 0) {
		importer->files += is_file;
		importer->bytes += bytes;
	} else if (strcmp(word, "present") == 0) {
		importer->present += is_file;
		importer->present_bytes += bytes;
	} else {
		importer->skipped++;
	}
	pthread_mutex_unlock(&importer->mutex);
	return strcmp(word, "skipped") != 0;
}

static void set_fd(struct worker *worker, int fd)
{
	pthread_mutex_lock(&worker->importer->mutex);
	worker->fd = fd;
	pthread_mutex_unlock(&worker->importer->mutex);
}

static bool send_entry(struct worker *worker, const struct import_entry *entry)
{
	scope(message_free) struct message *request = NULL;
	bool is_in = false;
	int code, r;

	r = make_request(worker->importer, entry, &request);
	if (r < 0) {
		complain_source(worker, entry->source, result_text(r));
		return false;
	}
	set_fd(worker, entry->fd);
	code = call_verb(worker, request);
	set_fd(worker, -1);
	if (code == EXIT_DONE)
		is_in = count_answer(worker, entry);
	else
		note_failure(worker->importer, code);
	if (entry->leader)
		entry->leader->is_in = is_in;
	return is_in;
}

static struct import_entry *next_entry(struct importer *importer)
{
	struct import_entry *entry = NULL;

	while (!importer->queued && !importer->ending)
		pthread_cond_wait(&importer->to_do, &importer->mutex);
	if (importer->queued) {
		entry = importer->queue[importer->first];
		importer->first = (importer->first + 1) % QUEUE_SLOTS;
		importer->queued--;
	}
	return entry;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct importer *importer = worker->importer;
	struct import_entry *entry;
	bool stopped;

	pthread_mutex_lock(&importer->mutex);
	while ((entry = next_entry(importer))) {
		importer->busy++;
		stopped = importer->stopped;
		pthread_mutex_unlock(&importer->mutex);
		if (!stopped)
			send_entry(worker, entry);
		import_entry_free(entry);
		pthread_mutex_lock(&importer->mutex);
		importer->busy--;
		pthread_cond_broadcast(&importer->done);
	}
	pthread_mutex_unlock(&importer->mutex);
	return NULL;
}

static uint64_t position(void *arg)
{
	struct importer *importer = arg;
	uint64_t bytes;
	off_t offset;

	pthread_mutex_lock(&importer->mutex);
	bytes = importer->bytes + importer->present_bytes;
	for (unsigned i = 0; i < importer->worker_count; i++) {
		int fd = importer->workers[i].fd;

		offset = fd < 0 ? -1 : lseek(fd, 0, SEEK_CUR);
		if (offset > 0)
			bytes += (uint64_t)offset;
	}
	pthread_mutex_unlock(&importer->mutex);
	return bytes;
}

int importer_new(struct vault_access *access, const struct importer_options *options,
	struct importer **ret_importer)
{
	scope(importer_free) struct importer *importer = calloc(1, sizeof(*importer));
	int r;

	if (!importer)
		return -ENOMEM;
	importer->access = access;
	importer->options = *options;
	pthread_mutex_init(&importer->mutex, NULL);
	pthread_cond_init(&importer->to_do, NULL);
	pthread_cond_init(&importer->done, NULL);
	importer->producer = (struct worker){.importer = importer, .fd = -1};
	r = access_line_new(access, &importer->producer.line);
	if (r < 0)
		return r;
	*ret_importer = take(&importer);
	return 0;
}

static void end_workers(struct importer *importer)
{
	pthread_mutex_lock(&importer->mutex);
	importer->ending = true;
	pthread_cond_broadcast(&importer->to_do);
	pthread_mutex_unlock(&importer->mutex);
	for (unsigned i = 0; i < importer->worker_count; i++) {
		pthread_join(importer->workers[i].thread, NULL);
		access_line_free(importer->workers[i].line);
		buffer_done(&importer->workers[i].answer);
	}
	importer->worker_count = 0;
}

struct importer *importer_free(struct importer *importer)
{
	if (!importer)
		return NULL;
	importer->progress = progress_free(importer->progress);
	end_workers(importer);
	access_line_free(importer->producer.line);
	buffer_done(&importer->producer.answer);
	pthread_cond_destroy(&importer->to_do);
	pthread_cond_destroy(&importer->done);
	pthread_mutex_destroy(&importer->mutex);
	free(importer);
	return NULL;
}

static int start_worker(struct importer *importer)
{
	struct worker *worker = &importer->workers[importer->worker_count];
	int r;

	*worker = (struct worker){.importer = importer, .fd = -1};
	r = access_line_new(importer->access, &worker->line);
	if (r < 0)
		return r;
	r = pthread_create(&worker->thread, NULL, work, worker);
	if (r != 0) {
		access_line_free(worker->line);
		return -r;
	}
	importer->worker_count++;
	return 0;
}

int importer_begin(struct importer *importer)
{
	scope(message_free) struct message *request = NULL;
	struct output output = output_of(&importer->producer);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int code, r;

	r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", "import-begin");
	if (r == 0)
		r = message_add_text(request, "path", importer->options.destination);
	code = r < 0 ? EXIT_FAILED : call_verb(&importer->producer, request);
	if (code != EXIT_DONE)
		return code;
	/* Fewer workers than wanted, as when the server is busy, only make it slower. */
	for (long i = 0; i < WORKERS_MAX && i < processors && r == 0; i++)
		r = start_worker(importer);
	if (importer->worker_count)
		r = progress_new(importer->options.total, position, importer, &importer->progress);
	if (r < 0)
		complain(&output, "import: %s", result_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

bool importer_send(struct importer *importer, struct import_entry *entry)
{
	bool is_in = !importer_is_stopped(importer) && send_entry(&importer->producer, entry);

	import_entry_free(entry);
	return is_in;
}

void importer_queue(struct importer *importer, struct import_entry *entry)
{
	pthread_mutex_lock(&importer->mutex);
	while (importer->queued == QUEUE_SLOTS)
		pthread_cond_wait(&importer->done, &importer->mutex);
	importer->queue[(importer->first + importer->queued++) % QUEUE_SLOTS] = entry;
	pthread_cond_signal(&importer->to_do);
	pthread_mutex_unlock(&importer->mutex);
}

void importer_wait(struct importer *importer)
{
	pthread_mutex_lock(&importer->mutex);
	while (importer->queued || importer->busy)
		pthread_cond_wait(&importer->done, &importer->mutex);
	pthread_mutex_unlock(&importer->mutex);
}

bool importer_is_stopped(struct importer *importer)
{
	bool stopped;

	pthread_mutex_lock(&importer->mutex);
	stopped = importer->stopped;
	pthread_mutex_unlock(&importer->mutex);
	return stopped;
}

static int record_end(struct importer *importer)
{
	scope(message_free) struct message *request = NULL;
	int r;

	r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", "import-end");
	if (r == 0)
		r = message_add_text(request, "path", importer->options.destination);
	if (r == 0)
		r = message_add_integer(request, "files", (int64_t)importer->files);
	if (r == 0)
		r = message_add_integer(request, "bytes", (int64_t)importer->bytes);
	if (r == 0)
		r = message_add_integer(request, "failed", (int64_t)importer->failed);
	return r < 0 ? EXIT_FAILED : call_verb(&importer->producer, request);
}

static void say_summary(struct importer *importer)
{
	struct output output = output_to_terminal();
	const char *path = access_place(importer->access)->path;
	char bytes[BYTES_TEXT_SIZE], failed[64] = "", present[64] = "";
	scope_free char *next = NULL;

	bytes_to_text(importer->bytes, bytes);
	if (importer->present + importer->skipped)
		snprintf(present, sizeof(present), ", %llu were there already",
			(unsigned long long)(importer->present + importer->skipped));
	if (importer->failed)
		snprintf(failed, sizeof(failed), ", %llu FAILED",
			(unsigned long long)importer->failed);
	if (!access_is_served(importer->access) &&
		asprintf(&next, " Next: modelvault mount %s MOUNTPOINT", path) < 0)
		next = NULL;
	remark(&output, "%llu file%s, %s imported%s%s.%s", (unsigned long long)importer->files,
		plural(importer->files), bytes, present, failed, next ? next : "");
}

int importer_end(struct importer *importer)
{
	int code;

	importer_wait(importer);
	end_workers(importer);
	importer->progress = progress_free(importer->progress);
	if (importer_is_stopped(importer))
		return EXIT_FAILED;
	code = record_end(importer);
	if (importer->code == EXIT_DONE)
		importer->code = code;
	say_summary(importer);
	return importer->code;
}
