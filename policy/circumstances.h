/* SPDX-License-Identifier: Apache-2.0 */
/*
 * circumstances.h - what explain, why and who suppose of a caller who is not there: who he is, by
 * which program, in which unit, when. The question that decide() gets is made of it, and it can be
 * made to meet a rule's own words.
 */
#ifndef POLICY_CIRCUMSTANCES_H
#define POLICY_CIRCUMSTANCES_H

#include "policy/surroundings.h"
#include "policy/usage.h"

/* Plain data: a copy shares what it points at. */
struct circumstances {
	/*
	 * Without a process. Its program is exe_dev and exe_ino, exe says it in words; both empty:
	 * not known. The unit is believed.
	 */
	struct subject subject;
	const char *user;      /* the subject's name; NULL: a number without one */
	const uint8_t *sha256; /* of the program; NULL: not known */
	bool hash_failed;      /* nor can it be: every deny by sha256 matches */
	const struct path_name *names;
	size_t name_count;
	enum permission permission;
	int64_t now_ns;
	bool clock_distrusted;
	struct usage *usage; /* NULL: every budget suffices */
	uint64_t size;	     /* of the file */
};

/* A question with everything that it points at; not to be moved. */
struct supposed {
	struct question question;
	struct looked_at looked;
	struct usage_question usage;
};
/* Looks at which of the rules' paths name the program now, and how much of budgets is used. */
void circumstances_suppose(const struct ruleset *ruleset, const struct circumstances *circumstances,
	struct supposed *ret_supposed);
/* The same at another time. */
void supposed_at(
	struct supposed *supposed, const struct circumstances *circumstances, int64_t now_ns);

/* Kinds that circumstances can be made to meet; who somebody is cannot be chosen. */
#define CHOSEN_KINDS \
	(KIND_BIT(WORD_EXE) | KIND_BIT(WORD_SHA256) | KIND_BIT(WORD_UNIT) | KIND_BIT(WORD_LOGINUID))

/* How the words of rules are met; not to be moved while the circumstances are used. */
struct meeting {
	unsigned kinds; /* of CHOSEN_KINDS, those to be met */
	size_t way;	/* which of the combinations of alternatives, from 0 */
	/* What was chosen, by kind; NULL: nothing. */
	const struct subject_word *words[WORD_KINDS];
	struct buffer unit; /* owned: a name that the glob matches */
};
/* Rules, by their index in the set, that are to be met at once: each of some names of one file. */
#define RULES_TOGETHER_MAX 4
struct rules_together {
	size_t count;
	size_t index[RULES_TOGETHER_MAX];
};
/*
 * Chooses for each kind one of the words of these rules, so that not every way need meet them all.
 * 0: chosen. -ENOENT: there are no more ways. Another -errno: not this way, since the path of the
 * program names nothing now (-ESRCH), or something that others than root can change (-EPERM).
 */
int circumstances_meet(struct circumstances *circumstances, const struct ruleset *ruleset,
	const struct rules_together *rules, struct meeting *meeting);
void meeting_done(struct meeting *meeting);
#define scope_meeting __attribute__((cleanup(meeting_done)))
/*
 * " run by /usr/bin/python3 in infer.service" after the verb "run by" or "with"; nothing when
 * nothing was chosen. Appends.
 */
void meeting_describe(const struct meeting *meeting, const char *verb, struct buffer *to);

/*
 * The next time after now_ns at which the rule, by the clock and its budgets' periods, may begin or
 * cease to apply; INT64_MAX: never.
 */
int64_t rule_next_time(const struct rule *rule, int64_t now_ns);
/* The end of the period that now_ns is in. */
int64_t rule_period_end(enum rule_period period, int64_t now_ns);

#endif
