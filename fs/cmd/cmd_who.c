/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_who.c - `who VAULT PATH [--perm P] [--at T]`: who could read it today, and by which rule.
 * Exit 0, also when nobody could.
 */
#include <errno.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/known_users.h"
#include "fs/cmd/question.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"
#include "policy/who.h"

/* Looking for what directories lead to, over the whole answer. */
#define SEARCH_MAX_NS (2 * NS_PER_S)

struct telling {
	struct verb_call *call;
	const struct asked *asked;
	struct viewer viewer; /* of list */
	int64_t searched_ns;
	bool json, incomplete;
	uint64_t lines, denied;
	struct buffer denials;
};

/* What it takes: " with /usr/bin/python3 in infer.service, until ..."; from which time on. */
static void describe(const struct who_line *line, struct buffer *to)
{
	scope_buffer struct buffer conditions = {0};
	struct rule_condition condition;

	meeting_describe(line->meeting, "with", to);
	if (!line->rule)
		return;
	condition = line->rule->condition;
	condition.note = NULL; /* why it was granted takes nothing */
	rule_condition_describe(&condition, &conditions);
	if (to->len && conditions.len)
		buffer_add_u8(to, ',');
	buffer_add_text(to, buffer_text(&conditions));
	to->failed |= conditions.failed;
}

static void begin_text(int64_t from_ns, struct buffer *to)
{
	struct local_time local;

	time_zone_local(from_ns, &local);
	buffer_add_format(
		to, ", beginning today at %02u:%02u", local.minute / 60, local.minute % 60);
}

static void add_user(const struct who_user *user, struct buffer *to)
{
	if (user->is_anybody)
		buffer_add_text(to, "any other user");
	else if (user->name)
		buffer_add_format(to, "%s (%u)", user->name, user->subject.uid);
	else
		buffer_add_format(to, "%u", user->subject.uid);
}

static void say_text(struct telling *telling, const struct who_line *line, struct buffer *words)
{
	scope_buffer struct buffer who = {0};

	if (line->user)
		add_user(line->user, &who);
	else
		buffer_add_text(&who, "containers");
	if (line->from_ns)
		begin_text(line->from_ns, words);
	buffer_add_text(&who, " ");
	if (line->rule)
		buffer_add_format(&who, "by rule %llu%s", (unsigned long long)line->rule->number,
			line->reason == REASON_LEARNED ? " (learned)" : "");
	else
		buffer_add_format(&who, "(%s)", reason_word(line->reason));
	say(telling->call->output, "%s%s%s\n", buffer_text(&who),
		words->len && words->data[0] != ',' ? ":" : "", buffer_text(words));
}

static void json_word(struct json *json, const char *name, const struct who_line *line,
	enum subject_word_kind kind)
{
	const struct subject_word *word = line->meeting->words[kind];

	json_text(json, name, word ? word->name : NULL);
}

static int say_json(struct telling *telling, const struct who_line *line, const char *words)
{
	scope(json_free) struct json *json = json_new();
	scope_buffer struct buffer text = {0};
	const struct subject_word *login = line->meeting->words[WORD_LOGINUID];
	int r;

	json_text(json, "user", line->user ? line->user->name : NULL);
	if (line->user && !line->user->is_anybody)
		json_int(json, "uid", line->user->subject.uid);
	else
		json_unknown(json, "uid");
	if (line->rule)
		json_int(json, "rule", (int64_t)line->rule->number);
	else
		json_unknown(json, "rule");
	json_text(json, "reason", reason_word(line->reason));
	json_word(json, "exe", line, WORD_EXE);
	json_word(json, "sha256", line, WORD_SHA256);
	json_word(json, "unit", line, WORD_UNIT);
	if (login)
		json_int(json, "loginuid", login->number);
	else
		json_unknown(json, "loginuid");
	json_text(json, "userns", line->user ? NULL : "contained");
	if (line->from_ns)
		json_time(json, "from", line->from_ns);
	else
		json_unknown(json, "from");
	json_text(json, "words", words);
	r = json_line(json, &text);
	if (r == 0)
		say_bytes(telling->call->output, text.data, text.len);
	return r;
}

static int tell(void *arg, const struct who_line *line)
{
	struct telling *telling = arg;
	scope_buffer struct buffer words = {0};
	int r = 0;

	describe(line, &words);
	if (words.failed)
		return -ENOMEM;
	telling->lines++;
	if (telling->json)
		r = say_json(telling, line, words.len ? buffer_text(&words) + 1 : "");
	else
		say_text(telling, line, &words);
	return r < 0 ? r : telling->call->output->failed;
}

#define DENIED_SHOWN 8

static int tell_denied(void *arg, const struct who_denied *denied)
{
	struct telling *telling = arg;
	struct buffer *to = &telling->denials;

	if (telling->denied++ >= DENIED_SHOWN)
		return 0;
	buffer_add_text(to, to->len ? ", " : "; granted, but denied to ");
	add_user(denied->user, to);
	buffer_add_format(to, " by rule %llu", (unsigned long long)denied->rule);
	return to->failed ? -ENOMEM : 0;
}

static void say_end(struct telling *telling, const struct known_users *users)
{
	if (telling->incomplete)
		remark(telling->call->output, "the rules can be met in more ways than were tried: "
					      "somebody may be missing "
					      "(ask about one: modelvault explain)");
	if (telling->json)
		return;
	if (telling->denied > DENIED_SHOWN)
		buffer_add_format(&telling->denials, " and %llu more",
			(unsigned long long)(telling->denied - DENIED_SHOWN));
	if (telling->lines)
		say(telling->call->output, "%llu way%s in all", (unsigned long long)telling->lines,
			plural(telling->lines));
	else
		say(telling->call->output, "nobody");
	say(telling->call->output, "%s\n", buffer_text(&telling->denials));
	if (!users->whole)
		remark(telling->call->output,
			"the system has more users than were looked at: the first, and those that "
			"rules and roles name");
}

/* The list borrows, but is the caller's. */
static struct who_user *users_of(const struct known_users *known)
{
	struct who_user *users = calloc(known->count + 1, sizeof(*users));

	for (size_t i = 0; users && i < known->count; i++)
		users[i] = (struct who_user){
			known->list[i].name, known->list[i].subject, known->list[i].is_anybody};
	return users;
}

static struct decision decide_list(void *arg, const struct question *question)
{
	struct telling *telling = arg;
	int64_t began_ns = clock_monotonic_ns();
	struct decision decision;

	if (telling->searched_ns >= SEARCH_MAX_NS) {
		telling->incomplete = true;
		return (struct decision){.reason = REASON_PRIVATE_LIST};
	}
	decision = asked_decide_list(telling->asked, &telling->viewer, question);
	telling->searched_ns += clock_monotonic_ns() - began_ns;
	return decision;
}

static int ask_rules(const struct ruleset *ruleset, const struct asked *asked,
	const struct known_users *known, struct telling *telling)
{
	bool lists = asked->circumstances.permission == PERMISSION_LIST;
	scope_free struct who_user *users = users_of(known);
	const struct who_question question = {
		.ruleset = ruleset,
		.circumstances = asked->circumstances,
		.leads_on =
			lists && ruleset_is_private(ruleset) && asked->info.kind == ENTRY_DIRECTORY,
		.decide = lists ? decide_list : NULL,
		.users = users,
		.user_count = known->count,
		.each = tell,
		.denied = tell_denied,
		.arg = telling,
	};
	bool incomplete = false;
	int r;

	r = users ? who_ask(&question, &incomplete) : -ENOMEM;
	telling->incomplete |= incomplete;
	return r;
}

static int ask(struct vault *vault, struct verb_call *call, const struct asked *asked)
{
	__attribute__((cleanup(known_users_done))) struct known_users known = {0};
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	struct telling telling = {.call = call, .asked = asked, .json = verb_flag(call, "json")};
	int r;

	viewer_begin(&telling.viewer, vault->keystore, vault->policy, ruleset, &asked->subject);
	r = known_users_collect(ruleset, ruleset, &known);
	if (r == 0)
		r = ask_rules(ruleset, asked, &known, &telling);
	if (r == 0)
		say_end(&telling, &known);
	viewer_end(&telling.viewer);
	buffer_done(&telling.denials);
	if (r < 0 && !call->output->failed)
		complain(call->output, "who: %s", result_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int verb_who(struct vault *vault, struct verb_call *call)
{
	scope_asked struct asked asked = {0};
	int code;

	code = asked_begin(vault, call, &asked);
	if (code == EXIT_DONE)
		code = asked_place(vault, call, &asked);
	if (code != EXIT_DONE)
		return code;
	if (policy_is_broken(vault->policy) || asked.info.damaged) {
		complain(call->output, "who: nobody: %s",
			reason_text(policy_is_broken(vault->policy) ? REASON_SEAL_BROKEN
								    : REASON_ROW_DAMAGED));
		return EXIT_INTEGRITY;
	}
	return ask(vault, call, &asked);
}
