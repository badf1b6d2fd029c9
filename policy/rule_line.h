/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_line.h - one line of a file of rules: "grant user:alice#1001 read 'llama/x y' --until
 * 2027-03-01T00:00:00Z". What is written is read back as the very same rule; people may write all
 * that the commands take: names without numbers, --for, options anywhere, a comment behind it.
 */
#ifndef POLICY_RULE_LINE_H
#define POLICY_RULE_LINE_H

#include "policy/rule.h"

/* The stored form, with grant in the place of allow, and '\n'; appends. */
int rule_line_write(const struct rule *rule, struct buffer *to);

/*
 * One line without its '\n'. 1: a rule, without number; 0: a blank line or a comment. -EINVAL or
 * -ENOENT: no rule; *ret_mistake is a malloc'ed line that says what would be right. now_ns is what
 * --for counts from.
 */
int rule_line_read(
	const char *line, size_t len, int64_t now_ns, struct rule *ret_rule, char **ret_mistake);

#endif
