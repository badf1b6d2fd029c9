/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h - one rule as plain data, and its text. A rule is: effect, subject words, permissions,
 * path pattern, conditions. Words of one kind are alternatives, words of different kinds must all
 * match.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "keystore/base/bytes.h"
#include "policy/rule_condition.h"

#include <stdint.h>

/* Learn allows, and records, what no rule allows: asked last, never against a deny. */
enum rule_effect { RULE_ALLOW, RULE_DENY, RULE_LEARN, RULE_EFFECTS };

enum subject_word_kind {
	WORD_ANY,
	WORD_USER,
	WORD_GROUP,
	WORD_ROLE,
	WORD_EXE,
	WORD_SHA256,
	WORD_UNIT,
	WORD_LOGINUID,
	WORD_USERNS,
	WORD_KINDS
};
#define KIND_BIT(kind) (1u << (kind))

struct subject_word {
	enum subject_word_kind kind;
	/*
	 * user, group, loginuid: as granted, "alice", or "1001" when a number was given; role: its
	 * name; exe: an absolute path; sha256: 64 hex digits; unit: the glob; userns: "contained".
	 * Owned; NULL for any.
	 */
	char *name;
	uint32_t number; /* user, group, loginuid: resolved when granted; decides */
};

struct rule {
	uint64_t number; /* 0: not stored yet */
	enum rule_effect effect;
	unsigned permissions;
	struct subject_word *words; /* owned */
	size_t word_count;
	char *pattern; /* owned; pattern_len bytes and a NUL */
	size_t pattern_len;
	struct rule_condition condition;
	int64_t created_ns;
	uint32_t created_by; /* uid */
};

void rule_done(struct rule *rule);
int rule_copy(const struct rule *rule, struct rule *ret_rule);
/* Which kinds of word it has: KIND_BITs. */
unsigned rule_kinds(const struct rule *rule);
/* Does it speak of users, groups or roles? A login alone can be anybody's who has none yet. */
bool rule_says_whose(const struct rule *rule);

/*
 * The words of grant: SUBJECT... PERMS PATTERN (no numbers yet known: names are resolved against
 * the user database here). The condition is left empty: rule_condition_parse. On -EINVAL or -ENOENT
 * *ret_mistake is a malloc'ed line that says which word is wrong and what would be right; the
 * caller frees it.
 */
int rule_from_words(enum rule_effect effect, const char *const *words, size_t count,
	struct rule *ret_rule, char **ret_mistake);

/*
 * The stored form, version 2, one line, exact round trip: "allow user:alice#1001 read 'models/x
 * y' --until 2027-03-01T00:00:00Z". Grammar: contrib/docs/rules.md. -EUCLEAN for text that is not
 * of it.
 */
int rule_to_text(const struct rule *rule, struct buffer *to);
int rule_from_text(const char *text, size_t len, struct rule *ret_rule);

/*
 * The rule in full words for a person: "rule 3 allows user alice (1001) to read models/x until
 * 2027-03-01 00:00". Times in the vault's time zone. Appends.
 */
int rule_describe(const struct rule *rule, struct buffer *to);
/* The same of its conditions alone, " until ..."; nothing when there are none. */
void rule_condition_describe(const struct rule_condition *condition, struct buffer *to);
/* True when the stored name no longer has the stored number. */
bool rule_is_stale(const struct rule *rule);

#define scope_rule __attribute__((cleanup(rule_done)))

#endif
