/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h - one rule as plain data, and its text. A rule is: effect, permissions, path pattern, and
 * subject words. Words of one kind are alternatives, words of different kinds must all match.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "keystore/base/bytes.h"

#include <stdint.h>

enum rule_effect { RULE_ALLOW, RULE_DENY };

/* X(enumerator, prefix): the kinds of subject word built so far. */
enum subject_word_kind { WORD_ANY, WORD_USER, WORD_GROUP, WORD_KINDS };

struct subject_word {
	enum subject_word_kind kind;
	char *name; /* as granted: "alice", or "1001" when a number was given; owned; NULL for any
		     */
	uint32_t number; /* resolved when granted; decides */
};

struct rule {
	uint64_t number; /* 0: not stored yet */
	enum rule_effect effect;
	unsigned permissions;
	struct subject_word *words; /* owned */
	size_t word_count;
	char *pattern; /* owned; pattern_len bytes and a NUL */
	size_t pattern_len;
	int64_t created_ns;
	uint32_t created_by; /* uid */
};

void rule_done(struct rule *rule);
int rule_copy(const struct rule *rule, struct rule *ret_rule);

/*
 * The words of grant: SUBJECT... PERMS PATTERN (no numbers yet known: names are resolved against
 * the user database here). On -EINVAL or -ENOENT *ret_mistake is a malloc'ed line that says which
 * word is wrong and what would be right; the caller frees it.
 */
int rule_from_words(enum rule_effect effect, const char *const *words, size_t count,
	struct rule *ret_rule, char **ret_mistake);

/*
 * The stored form, version 1, one line, exact round trip: "allow user:alice#1001 read 'models/x
 * y'". Grammar: contrib/docs/rules.md. -EUCLEAN for text that is not of it.
 */
int rule_to_text(const struct rule *rule, struct buffer *to);
int rule_from_text(const char *text, size_t len, struct rule *ret_rule);

/* The rule in full words for a person: "rule 3 allows user alice (1001) to read models/x". Appends.
 */
int rule_describe(const struct rule *rule, struct buffer *to);
/* True when the stored name no longer has the stored number. */
bool rule_is_stale(const struct rule *rule);

#define scope_rule __attribute__((cleanup(rule_done)))

#endif
