/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - words for the user, and the exit code of a result. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/command.h"
#include "keystore/base/bytes.h"
#include "keystore/base/file.h"
#include "keystore/base/result.h"
#include "keystore/base/scope.h"

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
	case EDESTADDRREQ: /* a path below a mount point where the vault belongs (vault_locate) */
		return EXIT_USAGE;
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

void say(struct output *output, const char *format, ...)
{
	scope_free char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		output->failed = -ENOMEM;
		return;
	}
	write_out(output, 1, text, (size_t)len);
}

/* One line in one piece, whatever operands and names in it contain. */
static void write_line(struct output *output, const char *before, const char *format, va_list args)
{
	scope_free char *text = NULL, *shown = NULL, *line = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	shown = text ? text_as_line(text) : NULL;
	if (!shown || asprintf(&line, "%s%s\n", before, shown) < 0) {
		line = NULL;
		output->failed = -ENOMEM;
		return;
	}
	write_out(output, 2, line, strlen(line));
}

void complain(struct output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(output, "modelvault: ", format, args);
	va_end(args);
}

void remark(struct output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(output, "", format, args);
	va_end(args);
}

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* The first failure to write to standard output: a full disk, a broken device. */
static int terminal_failure;

static int write_to_terminal(void *arg, int stream, const void *bytes, size_t len)
{
	int r = file_write(stream, bytes, len);

	(void)arg;
	if (r < 0 && stream == 1 && !terminal_failure)
		terminal_failure = r;
	return r;
}

static int write_nowhere(void *arg, int stream, const void *bytes, size_t len)
{
	(void)arg;
	(void)stream;
	(void)bytes;
	(void)len;
	return 0;
}

struct output output_to_nowhere(void)
{
	return (struct output){.write = write_nowhere};
}

struct output output_to_terminal(void)
{
	return (struct output){.write = write_to_terminal};
}

int output_check(int code, struct output *output)
{
	if (!terminal_failure)
		return code;
	complain(output, "standard output cannot be written: %s; what it got is not complete",
		result_text(terminal_failure));
	return code == EXIT_DONE ? EXIT_FAILED : code;
}
