/* SPDX-License-Identifier: Apache-2.0 */
/* text_pass.c - seals say that a descriptor is a file in memory that nobody can change any more. */
#include "fs/cmd/text_pass.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "keystore/base/file.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define STEP  65536

static int copy_text(int from, int to, size_t max)
{
	scope_free char *piece = malloc(STEP);
	size_t done = 0;
	ssize_t len;
	int r;

	if (!piece)
		return -ENOMEM;
	while ((len = file_read(from, piece, STEP)) > 0) {
		if ((size_t)len > max - done)
			return -EFBIG;
		r = file_write(to, piece, (size_t)len);
		if (r < 0)
			return r;
		done += (size_t)len;
	}
	return (int)len;
}

static int make_text(const char *file, size_t max, int *ret_fd)
{
	scope_fd int from = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
						   : open(file, O_RDONLY | O_CLOEXEC);
	scope_fd int fd = -1;
	int r;

	if (from < 0)
		return -errno;
	fd = memfd_create("modelvault-text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = copy_text(from, fd, max);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

int text_pass(struct message *request, const char *what, const char *file, size_t max,
	struct output *output)
{
	int fd = -1, r;

	r = make_text(file, max, &fd);
	if (r == -ENOENT) {
		complain(output, "%s: %s: there is no such file", what, file);
		return EXIT_NOT_FOUND;
	}
	if (r == -EFBIG) {
		complain(output, "%s: %s is longer than %zu MiB", what, file, max >> 20);
		return EXIT_USAGE;
	}
	if (r == 0)
		r = message_add_fd(request, fd);
	if (r < 0) {
		complain(output, "%s: %s: %s", what, file, result_text(r));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int text_receive(struct message *request, size_t max, char **ret_text, size_t *ret_len)
{
	int fd = message_fd(request, 0), seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
	scope_free char *text = NULL;
	struct stat attr;
	ssize_t len;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &attr) < 0 || attr.st_size < 0)
		return -EINVAL;
	if ((uint64_t)attr.st_size > max)
		return -EFBIG;
	text = malloc((size_t)attr.st_size + 1);
	if (!text)
		return -ENOMEM;
	len = file_read_at(fd, text, (size_t)attr.st_size, 0);
	if (len != attr.st_size)
		return len < 0 ? (int)len : -EINVAL;
	text[len] = '\0';
	*ret_text = take(&text);
	*ret_len = (size_t)len;
	return 0;
}
