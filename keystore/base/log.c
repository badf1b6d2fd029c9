/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - formats a message into one bounded line and hands it over in one piece: a single write(2)
 * to stderr, so lines of several threads do not mix, or one syslog(3).
 */
#include "keystore/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LOG_LINE_SIZE 2048 /* longer messages are cut */

static const struct {
	const char *word;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};

static atomic_bool to_syslog;
static atomic_int highest_level = LOG_LEVEL_INFO;

void log_to_syslog(bool syslog)
{
	if (syslog)
		openlog("modelvault", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	else
		closelog();
	atomic_store(&to_syslog, syslog);
}

void log_set_level(enum log_level level)
{
	atomic_store(&highest_level, (int)level);
}

/* Names in messages are chosen by users: no byte of theirs may begin a line of its own. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void write_stderr(enum log_level level, const char *text)
{
	char line[LOG_LINE_SIZE + 64];
	int len;

	len = snprintf(line, sizeof(line), "modelvault: %s: %s\n", levels[level].word, text);
	/* A log that cannot be written has nobody to be reported to. */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}

void log_message(enum log_level level, const char *format, ...)
{
	int saved_errno = errno;
	char text[LOG_LINE_SIZE];
	va_list arguments;
	int len;

	if ((int)level > atomic_load(&highest_level))
		return;
	va_start(arguments, format);
	len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (len < 0)
		snprintf(text, sizeof(text), "%s", "(a message that could not be formatted)");
	else if ((size_t)len >= sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	make_one_line(text);
	if (atomic_load(&to_syslog))
		syslog(levels[level].priority, "%s", text);
	else
		write_stderr(level, text);
	errno = saved_errno;
}
