/* SPDX-License-Identifier: Apache-2.0 */
/*
 * importer.c - lines, workers and counts. How far a worker is shows in the position of the
 * descriptor that it shares with whoever reads it.
 */
#include "fs/cmd/importer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/progress.h"
#include "fs/cmd/source_remove.h"
#include "fs/cmd/work_queue.h"

#define WORKERS_MAX 8

/* One line and who uses it: a worker's thread, or the producer. */
struct worker {
	struct importer *importer;
	struct access_line *line;
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
	struct work_queue *queue;
	pthread_mutex_t mutex; /* guards all below */
	bool stopped;
	int code;
	uint64_t files, bytes, present, present_bytes, skipped, failed, removed;
};

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

/* Files of several names are left to who knows them all, directories until they are empty. */
static void remove_source(struct worker *worker, const struct import_entry *entry)
{
	bool is_file = strcmp(entry->kind, "file") == 0;
	int r;

	if (!worker->importer->options.remove_source ||
		(!is_file && strcmp(entry->kind, "symlink") != 0))
		return;
	r = source_remove(entry->source, entry->operand_len, &entry->attr, true);
	if (r < 0)
		complain_source(worker, entry->source, source_kept_text(r));
	else
		importer_count_removed(worker->importer);
}

static bool send_entry(struct worker *worker, const struct import_entry *entry)
{
	scope(message_free) struct message *request = NULL;
	bool is_in = false;
	int code, r;

	r = import_entry_request(entry, &worker->importer->options, &request);
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
	else if (is_in)
		remove_source(worker, entry);
	return is_in;
}

static void work(void *arg, void *item)
{
	struct worker *worker = arg;
	struct import_entry *entry = item;

	if (!importer_is_stopped(worker->importer))
		send_entry(worker, entry);
	import_entry_free(entry);
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
	importer->producer = (struct worker){.importer = importer, .fd = -1};
	r = access_line_new(access, &importer->producer.line);
	if (r == 0)
		r = work_queue_new(work, &importer->queue);
	if (r == 0)
		*ret_importer = take(&importer);
	return r;
}

static void end_workers(struct importer *importer)
{
	importer->queue = work_queue_free(importer->queue);
	for (unsigned i = 0; i < importer->worker_count; i++) {
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
	if (r == 0)
		r = work_queue_add_worker(importer->queue, worker);
	if (r == 0)
		importer->worker_count++;
	else
		worker->line = access_line_free(worker->line);
	return r;
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
	work_queue_put(importer->queue, entry);
}

void importer_wait(struct importer *importer)
{
	work_queue_wait(importer->queue);
}

const struct importer_options *importer_options(const struct importer *importer)
{
	return &importer->options;
}

bool importer_has_failed(struct importer *importer)
{
	bool failed;

	pthread_mutex_lock(&importer->mutex);
	failed = importer->failed > 0;
	pthread_mutex_unlock(&importer->mutex);
	return failed;
}

void importer_count_removed(struct importer *importer)
{
	pthread_mutex_lock(&importer->mutex);
	importer->removed++;
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
	char bytes[BYTES_TEXT_SIZE], failed[64] = "", present[64] = "", removed[64] = "";
	scope_free char *next = NULL;

	bytes_to_text(importer->bytes, bytes);
	if (importer->present + importer->skipped)
		snprintf(present, sizeof(present), ", %llu were there already",
			(unsigned long long)importer->present +
				(unsigned long long)importer->skipped);
	if (importer->options.remove_source)
		snprintf(removed, sizeof(removed), ", %llu source%s removed",
			(unsigned long long)importer->removed, plural(importer->removed));
	if (importer->failed)
		snprintf(failed, sizeof(failed), ", %llu FAILED",
			(unsigned long long)importer->failed);
	if (!access_is_served(importer->access) &&
		asprintf(&next, " Next: modelvault mount %s MOUNTPOINT", path) < 0)
		next = NULL;
	remark(&output, "%llu file%s, %s imported%s%s%s.%s", (unsigned long long)importer->files,
		plural(importer->files), bytes, present, removed, failed, next ? next : "");
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
