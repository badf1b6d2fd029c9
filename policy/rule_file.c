/* SPDX-License-Identifier: Apache-2.0 */
/* rule_file.c - line by line; a line that is wrong does not keep the next ones from being read. */
#include "policy/rule_file.h"

#include <errno.h>
#include <stdlib.h>

#include "keystore/base/limits.h"
#include "keystore/base/result.h"
#include "policy/rule_line.h"

#define VERSION_MARK "# modelvault rules "

struct reading {
	struct rule_file file;
	size_t room;
	size_t line;
	int64_t now_ns;
	void (*tell)(void *arg, size_t line, const char *mistake);
	void *arg;
};

void rule_file_done(struct rule_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		rule_done(&file->rules[i]);
	free(file->rules);
	free(file->lines);
	*file = (struct rule_file){0};
}

static int reserve(struct reading *reading)
{
	struct rule_file *file = &reading->file;
	size_t room = reading->room ? 2 * reading->room : 64;
	struct rule *rules;
	size_t *lines;

	if (file->count == LIMIT_RULES)
		return -E2BIG;
	if (file->count < reading->room)
		return 0;
	rules = reallocarray(file->rules, room, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	file->rules = rules;
	lines = reallocarray(file->lines, room, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	file->lines = lines;
	reading->room = room;
	return 0;
}

static void note_mistake(struct reading *reading, const char *mistake)
{
	if (reading->file.mistakes++ < RULE_FILE_TOLD_MAX)
		reading->tell(reading->arg, reading->line, mistake);
}

/* The mark of a version that is not this one, at the very beginning. */
static bool is_of_other_version(const struct reading *reading, const char *line, size_t len)
{
	static const char mark[] = VERSION_MARK;

	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	return reading->line == 1 && len >= strlen(mark) && memcmp(line, mark, strlen(mark)) == 0 &&
	       (len != strlen(RULE_FILE_HEADER) || memcmp(line, RULE_FILE_HEADER, len) != 0);
}

static int read_line(struct reading *reading, const char *line, size_t len)
{
	struct rule_file *file = &reading->file;
	scope_free char *mistake = NULL;
	int r;

	if (is_of_other_version(reading, line, len)) {
		note_mistake(reading, "this file is of another version of the rules' language; "
				      "what is read here begins with " RULE_FILE_HEADER
				      ", or without such a line");
		return 0;
	}
	r = reserve(reading);
	if (r < 0)
		return r;
	r = rule_line_read(line, len, reading->now_ns, &file->rules[file->count], &mistake);
	if (r == -ENOMEM)
		return r;
	if (r > 0)
		file->lines[file->count++] = reading->line;
	else if (r < 0)
		note_mistake(reading, mistake ? mistake : result_text(r));
	return 0;
}

int rule_file_read(const char *text, size_t len, int64_t now_ns,
	void (*tell)(void *arg, size_t line, const char *mistake), void *arg,
	struct rule_file *ret_file)
{
	struct reading reading = {.now_ns = now_ns, .tell = tell, .arg = arg};
	const char *at = text, *end = text + len;
	int r = len > LIMIT_RULE_FILE ? -E2BIG : 0;

	while (at < end && r == 0) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		stop = stop ? stop : end;
		reading.line++;
		r = read_line(&reading, at, (size_t)(stop - at));
		at = stop < end ? stop + 1 : end;
	}
	if (r < 0) {
		rule_file_done(&reading.file);
		return r;
	}
	*ret_file = reading.file;
	return 0;
}
