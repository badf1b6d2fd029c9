/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_file.h - rules as a file: one a line, in order of numbers, under a line that tells the
 * version. What people write into one, and import reads, is the same (rule_line.h).
 */
#ifndef POLICY_RULE_FILE_H
#define POLICY_RULE_FILE_H

#include "policy/rule.h"

#define RULE_FILE_HEADER   "# modelvault rules 1"
#define RULE_FILE_TOLD_MAX 20 /* mistakes that are told; the rest is counted */

struct rule_file {
	struct rule *rules; /* owned; without numbers, in order of the lines */
	size_t *lines;	    /* owned; of each, from 1 */
	size_t count;
	size_t mistakes; /* lines that are no rules */
};

void rule_file_done(struct rule_file *file);
/*
 * Reads all of it. tell(arg, line, mistake) is called for the first RULE_FILE_TOLD_MAX lines that
 * are wrong. 0 whatever there is wrong in it; -ENOMEM, -E2BIG: beyond
 * LIMIT_RULE_FILE or LIMIT_RULES.
 */
int rule_file_read(const char *text, size_t len, int64_t now_ns,
	void (*tell)(void *arg, size_t line, const char *mistake), void *arg,
	struct rule_file *ret_file);

#define scope_rule_file __attribute__((cleanup(rule_file_done)))

#endif
