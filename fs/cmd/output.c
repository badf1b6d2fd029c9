/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - words for the user, and the exit code of a result. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/command.h"
#include "keystore/base/file.h"

int exit_code_of(int result)
{
	switch (-result) {
	case 0:
		return EXIT_DONE;
	case EACCES:
	case EPERM:
		return EXIT_REFUSED;
	case ENOKEY:
	case EKEYREJECTED:
	case EKEYREVOKED:
		return EXIT_KEY;
	case EBADMSG:
	case ESTALE:
	case EUCLEAN:
		return EXIT_INTEGRITY;
	case ENOENT:
		return EXIT_NOT_FOUND;
	case EBUSY:
		return EXIT_BUSY;
	default:
		return EXIT_FAILED;
	}
}

int exit_code_join(int so_far, int code, size_t done)
{
	return done == 0 || so_far == code ? code : EXIT_FAILED;
}

static void write_out(struct output *output, int stream, const void *bytes, size_t len)
{
	int r;

	if (output->failed || !len)
		return;
	r = output->write(output->arg, stream, bytes, len);
	if (r < 0)
		output->failed = r;
}

void say_bytes(struct output *output, const void *bytes, size_t len)
{
	write_out(output, 1, bytes, len);
}

static void write_format(struct output *output, int stream, const char *before, const char *after,
	const char *format, va_list args)
{
	char *text = NULL;
	int len = vasprintf(&text, format, args);

	if (len < 0) {
		output->failed = -ENOMEM;
		return;
	}
	write_out(output, stream, before, strlen(before));
	write_out(output, stream, text, (size_t)len);
	write_out(output, stream, after, strlen(after));
	free(text);
}

void say(struct output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_format(output, 1, "", "", format, args);
	va_end(args);
}

void complain(struct output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_format(output, 2, "modelvault: ", "\n", format, args);
	va_end(args);
}

void remark(struct output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_format(output, 2, "", "\n", format, args);
	va_end(args);
}

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static int write_to_terminal(void *arg, int stream, const void *bytes, size_t len)
{
	(void)arg;
	return file_write(stream, bytes, len);
}

struct output output_to_terminal(void)
{
	return (struct output){.write = write_to_terminal};
}
