/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rule_file.c - a file of rules as people write it. Whatever is a rule is written as a line
 * that is read as the same rule without any name being looked up; a mistake is told in one
 * printable line; a set of them differs from itself in nothing. Names are known by the harness.
 * libFuzzer: -max_len=1024 -max_total_time=20
 */
#include <errno.h>

#include "policy/rule_difference.h"
#include "policy/rule_file.h"
#include "policy/rule_line.h"
#include "policy/user_database.h"
#include "tests/fuzz/fuzz.h"

#define NOW_NS INT64_C(1700000000000000000)

static bool names_are_known;

int __wrap_user_by_name(const char *name, uint32_t *ret_uid, uint32_t *ret_gid);
int __wrap_group_by_name(const char *name, uint32_t *ret_gid);

/* The linker puts these in the place of the system's databases. */
int __wrap_user_by_name(const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
	holds(names_are_known);
	if (name[0] != 'a')
		return -ENOENT;
	*ret_uid = 1001;
	if (ret_gid)
		*ret_gid = 1001;
	return 0;
}

int __wrap_group_by_name(const char *name, uint32_t *ret_gid)
{
	return __wrap_user_by_name(name, ret_gid, NULL);
}

static void look_at_mistake(void *arg, size_t line, const char *mistake)
{
	size_t *told = arg, len = strlen(mistake);

	holds(line > 0 && ++*told <= RULE_FILE_TOLD_MAX);
	for (size_t i = 0; i < len; i++)
		holds((uint8_t)mistake[i] >= ' ' && mistake[i] != 0x7f);
	holds(len > 0 && utf8_is_valid(mistake, len));
}

static void look_at_rule(const struct rule *rule)
{
	scope_buffer struct buffer line = {0}, again_line = {0};
	scope_rule struct rule again = {0};
	scope_free char *mistake = NULL;

	holds(rule_line_write(rule, &line) == 0);
	holds(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
	names_are_known = false;
	holds(rule_line_read(line.data, line.len - 1, NOW_NS, &again, &mistake) == 1);
	names_are_known = true;
	holds(rule_line_write(&again, &again_line) == 0);
	holds(strcmp(line.data, again_line.data) == 0);
}

static void look_at_difference(struct rule_file *file)
{
	scope(ruleset_unref) struct ruleset *ruleset = NULL;
	scope_rule_difference struct rule_difference difference = {0};

	for (size_t i = 0; i < file->count; i++)
		file->rules[i].number = file->lines[i];
	holds(ruleset_new(file->rules, file->count, &ruleset) == 0);
	holds(rule_difference_find(ruleset, file->rules, file->count, &difference) == 0);
	holds(difference.same == file->count);
	holds(!difference.missing_count && !difference.other_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	scope_rule_file struct rule_file file = {0};
	size_t told = 0;

	names_are_known = true;
	holds(rule_file_read((const char *)input, size, NOW_NS, look_at_mistake, &told, &file) ==
		0);
	holds(told == (file.mistakes < RULE_FILE_TOLD_MAX ? file.mistakes : RULE_FILE_TOLD_MAX));
	for (size_t i = 0; i < file.count; i++) {
		holds(i == 0 || file.lines[i] > file.lines[i - 1]);
		look_at_rule(&file.rules[i]);
	}
	look_at_difference(&file);
	return 0;
}
