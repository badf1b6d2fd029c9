/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ceiling of tests/bench: a FUSE server that does nothing. One directory with files big0, big1
 * and s00 to s63, every READ answered from one constant buffer. Mounted with the request sizes and
 * cache settings of the filesystem that it is compared with:
 *
 *   null_server [--size BYTES] [--threads N] [--readahead-kb N] [--timeout SECONDS] [--keep-cache]
 * DIR
 *
 * --timeout is that of entries and attributes. Prints its settings and stays until it is unmounted.
 */
#include <errno.h>
#include <fuse_lowlevel.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/pattern.h"

enum {
	REQUEST_SIZE = 1 << 20,
	FIRST_SMALL = 4,
	SMALL_COUNT = 64,
	SMALL_SIZE = 4096,
	FIRST_BIG = 2
};

static struct {
	size_t size;
	unsigned int threads, readahead_kb;
	double timeout;
	bool keep_cache;
} settings = {.size = 256 << 20, .threads = 10, .readahead_kb = 4096, .timeout = 1.0};

static uint64_t answer[REQUEST_SIZE / sizeof(uint64_t)];

static void attributes_of(fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){.st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0644};
	st->st_size = (off_t)(ino >= FIRST_SMALL ? SMALL_SIZE : settings.size);
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		st->st_size = 0;
	}
	st->st_blocks = (st->st_size + 511) / 512;
}

static void on_init(void *data, struct fuse_conn_info *connection)
{
	(void)data;
	connection->max_read = REQUEST_SIZE;
	connection->max_write = REQUEST_SIZE;
	connection->max_readahead = settings.readahead_kb * 1024;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {
		.attr_timeout = settings.timeout, .entry_timeout = settings.timeout};
	unsigned int number;
	char end;

	(void)parent;
	if (sscanf(name, "big%1u%c", &number, &end) == 1 && number < FIRST_SMALL - FIRST_BIG)
		entry.ino = FIRST_BIG + number;
	else if (sscanf(name, "s%2u%c", &number, &end) == 1 && number < SMALL_COUNT)
		entry.ino = FIRST_SMALL + number;
	if (entry.ino == 0) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	attributes_of(entry.ino, &entry.attr);
	fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	attributes_of(ino, &st);
	fuse_reply_attr(request, &st, settings.timeout);
}

static void on_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->keep_cache = settings.keep_cache;
	fuse_reply_open(request, fi);
}

static void on_read(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct stat st;
	size_t left;

	(void)fi;
	attributes_of(ino, &st);
	left = offset < st.st_size ? (size_t)(st.st_size - offset) : 0;
	fuse_reply_buf(request, (const char *)answer, size < left ? size : left);
}

static const struct fuse_lowlevel_ops operations = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
};

/* Not by stat of the mount point: nobody answers yet. */
static int set_readahead(const char *directory)
{
	char line[4096], at[4096], path[128];
	unsigned int major, minor;
	int r = -ENOENT;
	FILE *file = fopen("/proc/self/mountinfo", "re");

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*u %*u %u:%u %*s %4095s", &major, &minor, at) != 3 ||
			strcmp(at, directory) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major, minor);
		r = 0;
	}
	fclose(file);
	if (r < 0)
		return r;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	r = fprintf(file, "%u", settings.readahead_kb) < 0 ? -EIO : 0;
	return fclose(file) == 0 ? r : -errno;
}

static int parse(int argc, char **argv)
{
	static const struct option options[] = {{"size", 1, NULL, 's'}, {"threads", 1, NULL, 't'},
		{"readahead-kb", 1, NULL, 'r'}, {"timeout", 1, NULL, 'e'},
		{"keep-cache", 0, NULL, 'k'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			settings.size = strtoull(optarg, NULL, 10);
		else if (c == 't')
			settings.threads = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			settings.readahead_kb = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'e')
			settings.timeout = strtod(optarg, NULL);
		else if (c == 'k')
			settings.keep_cache = true;
		else
			return -EINVAL;
	}
	return optind + 1 == argc ? optind : -EINVAL;
}

int main(int argc, char **argv)
{
	char *mount_argv[] = {
		argv[0], "-o", "allow_other,ro,nosuid,nodev,fsname=null,max_read=1048576"};
	struct fuse_args args = FUSE_ARGS_INIT(3, mount_argv);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int at = parse(argc, argv);
	struct fuse_session *session;
	int r;

	if (at < 0 || !config)
		return 2;
	for (size_t i = 0; i < REQUEST_SIZE / sizeof(uint64_t); i++)
		answer[i] = BENCH_WORD;
	session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	if (!session || fuse_session_mount(session, argv[at]) != 0)
		return 1;
	r = set_readahead(argv[at]);
	if (r < 0)
		fprintf(stderr, "null_server: readahead not set: %s\n", strerror(-r));
	printf("null server: requests of %d KiB, readahead %u KiB, %u threads, timeout %g s, %s\n",
		REQUEST_SIZE / 1024, settings.readahead_kb, settings.threads, settings.timeout,
		settings.keep_cache ? "keeps the cache" : "drops the cache at open");
	fflush(stdout);
	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, settings.threads);
	r = r < 0 ? r : fuse_session_loop_mt(session, config);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	fuse_loop_cfg_destroy(config);
	return r == 0 ? 0 : 1;
}
