/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - what keeps a rule from applying, with the very detail that differs. */
#include "policy/explain.h"

#include <errno.h>

#include "policy/decide_match.h"
#include "policy/rule_condition_private.h"
#include "policy/rule_text.h"
#include "policy/user_database.h"

#define GROUPS_SHOWN 16

/* What is explained, and the words so far. */
struct explaining {
	const struct compiled_rule *compiled;
	const struct circumstances *circumstances;
	const struct supposed *supposed;
	struct buffer *to;
	unsigned missing;
};

static const struct subject *subject_of(const struct explaining *explaining)
{
	return &explaining->circumstances->subject;
}

/* Between what is said of one kind and of the next. */
static void begin_part(struct explaining *explaining, size_t start)
{
	if (explaining->to->len > start)
		buffer_add_text(explaining->to, "; ");
}

static void add_word(struct explaining *explaining, const struct subject_word *word)
{
	uint32_t number;

	buffer_add_text(explaining->to, word->name);
	if (subject_word_has_number(word->kind) && id_from_text(word->name, &number) < 0)
		buffer_add_format(explaining->to, " (%u)", word->number);
}

/* "alice (1001) or bob (1002)" */
static void add_words(struct explaining *explaining, enum subject_word_kind kind)
{
	const struct rule *rule = &explaining->compiled->rule;
	bool first = true;

	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != kind)
			continue;
		if (!first)
			buffer_add_text(explaining->to, " or ");
		add_word(explaining, &rule->words[i]);
		first = false;
	}
}

static void add_user(struct explaining *explaining)
{
	const char *user = explaining->circumstances->user;

	if (user)
		buffer_add_format(explaining->to, "%s (%u)", user, subject_of(explaining)->uid);
	else
		buffer_add_format(explaining->to, "%u", subject_of(explaining)->uid);
}

static void explain_user(struct explaining *explaining)
{
	buffer_add_text(explaining->to, "user ");
	add_words(explaining, WORD_USER);
	buffer_add_text(explaining->to, ", asked for ");
	add_user(explaining);
}

static void explain_group(struct explaining *explaining)
{
	const struct subject *subject = subject_of(explaining);

	buffer_add_text(explaining->to, "group ");
	add_words(explaining, WORD_GROUP);
	if (subject->gid == SUBJECT_ID_UNKNOWN) {
		buffer_add_text(explaining->to, ", user is in none");
		return;
	}
	buffer_add_format(explaining->to, ", user is in %u", subject->gid);
	for (size_t i = 0, shown = 0; i < subject->group_count; i++) {
		if (subject->groups[i] == subject->gid)
			continue;
		if (++shown > GROUPS_SHOWN) {
			buffer_add_text(explaining->to, ",...");
			return;
		}
		buffer_add_format(explaining->to, ",%u", subject->groups[i]);
	}
}

static void explain_role(struct explaining *explaining)
{
	buffer_add_text(explaining->to, "role ");
	add_words(explaining, WORD_ROLE);
	buffer_add_text(explaining->to, ", which ");
	add_user(explaining);
	buffer_add_text(explaining->to, " does not hold");
}

static void explain_loginuid(struct explaining *explaining)
{
	uint32_t login = subject_of(explaining)->loginuid;

	if (login == SUBJECT_ID_UNKNOWN) {
		buffer_add_text(explaining->to, "needs --loginuid ");
		add_words(explaining, WORD_LOGINUID);
		return;
	}
	buffer_add_text(explaining->to, "logged in as ");
	add_words(explaining, WORD_LOGINUID);
	buffer_add_format(explaining->to, ", asked for %u", login);
}

static void explain_identity(struct explaining *explaining)
{
	static void (*const explain_kind[WORD_KINDS])(struct explaining * explaining) = {
		[WORD_USER] = explain_user,
		[WORD_GROUP] = explain_group,
		[WORD_ROLE] = explain_role,
		[WORD_LOGINUID] = explain_loginuid,
	};
	size_t start = explaining->to->len;

	if (!subject_of(explaining)->initial_userns) {
		buffer_add_text(explaining->to,
			"for callers in a container's user namespace only rules with unit: and "
			"userns:contained count");
		return;
	}
	for (int kind = 0; kind < WORD_KINDS; kind++) {
		if (!(explaining->missing & KIND_BIT(kind)) || !explain_kind[kind])
			continue;
		begin_part(explaining, start);
		explain_kind[kind](explaining);
	}
	if (explaining->missing & KIND_BIT(WORD_USERNS)) {
		begin_part(explaining, start);
		buffer_add_text(explaining->to,
			"in a container's user namespace, needs --userns contained");
	}
}

/* What is the matter with a path that should name the program. */
static void explain_exe_path(struct explaining *explaining, const char *path)
{
	scope_free char *offender = NULL;
	struct exe_file file;
	int r = exe_path_resolve(path, &file, &offender);

	if (r == -EPERM)
		buffer_add_format(explaining->to, " (others than root can change %s)",
			offender ? offender : path);
	else if (r == -ENOENT || r == -ENOTDIR)
		buffer_add_format(explaining->to, " (%s is not there)", path);
	else if (r < 0)
		buffer_add_format(
			explaining->to, " (%s is no program that could be looked at)", path);
}

static void explain_exe(struct explaining *explaining)
{
	const struct rule *rule = &explaining->compiled->rule;
	const struct subject *subject = subject_of(explaining);
	bool known = subject->exe || subject->exe_ino;

	buffer_add_text(explaining->to, known ? "run by " : "needs --exe ");
	add_words(explaining, WORD_EXE);
	if (known)
		buffer_add_format(
			explaining->to, ", asked for %s", subject->exe ? subject->exe : "another");
	for (size_t i = 0; i < rule->word_count; i++)
		if (rule->words[i].kind == WORD_EXE)
			explain_exe_path(explaining, rule->words[i].name);
}

static void explain_unit(struct explaining *explaining)
{
	const char *unit = subject_of(explaining)->unit;

	buffer_add_text(explaining->to, unit ? "unit " : "needs --unit ");
	add_words(explaining, WORD_UNIT);
	if (unit)
		buffer_add_format(explaining->to, ", asked for %s", unit);
}

static void explain_sha256(struct explaining *explaining)
{
	const uint8_t *sha256 = explaining->circumstances->sha256;
	char hex[2 * DIGEST_SIZE + 1];

	buffer_add_text(explaining->to, sha256 ? "content " : "needs --sha256 ");
	add_words(explaining, WORD_SHA256);
	if (!sha256)
		return;
	hex_encode(sha256, DIGEST_SIZE, hex);
	buffer_add_format(explaining->to, ", asked for %s", hex);
}

/* Program, unit and content, whichever of them differ. */
static void explain_program(struct explaining *explaining)
{
	static const struct {
		enum subject_word_kind kind;
		void (*explain)(struct explaining *explaining);
	} parts[] = {
		{WORD_EXE, explain_exe}, {WORD_UNIT, explain_unit}, {WORD_SHA256, explain_sha256}};
	size_t start = explaining->to->len;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!(explaining->missing & KIND_BIT(parts[i].kind)))
			continue;
		begin_part(explaining, start);
		parts[i].explain(explaining);
	}
}

static void explain_permission(struct explaining *explaining)
{
	char has[PERMISSIONS_TEXT_SIZE], asked[PERMISSIONS_TEXT_SIZE];

	permissions_to_text(explaining->compiled->rule.permissions, has);
	permissions_to_text(explaining->circumstances->permission, asked);
	buffer_add_format(explaining->to, "for %s, asked for %s", has, asked);
}

static bool matches_name(const struct explaining *explaining, const struct path_name *name)
{
	return path_pattern_matches(explaining->compiled->pattern, name->path, name->len);
}

static void add_name(struct explaining *explaining, const struct path_name *name)
{
	scope_free char *text = text_for_terminal(name->path, name->len);

	buffer_add_text(explaining->to, text ? text : "");
}

/* The first name that is not matched; of a file with several names, how many are. */
static void explain_path(struct explaining *explaining)
{
	const struct circumstances *circumstances = explaining->circumstances;
	const struct path_name *missed = NULL;
	size_t matched = 0;

	for (size_t i = 0; i < circumstances->name_count; i++) {
		if (matches_name(explaining, &circumstances->names[i]))
			matched++;
		else if (!missed)
			missed = &circumstances->names[i];
	}
	buffer_add_text(explaining->to, "other paths");
	if (!missed)
		return;
	buffer_add_text(explaining->to, ", not ");
	add_name(explaining, missed);
	if (matched)
		buffer_add_format(explaining->to, " (of its %zu names %zu %s matched)",
			circumstances->name_count, matched, matched == 1 ? "is" : "are");
}

static void explain_time(struct explaining *explaining, const char *before, int64_t time_ns)
{
	char text[TIME_WORDS_SIZE];

	time_to_words(time_ns, text);
	buffer_add_format(explaining->to, "%s %s", before, text);
}

static void explain_hours(struct explaining *explaining)
{
	const struct rule_condition *condition = &explaining->compiled->rule.condition;
	const struct local_time *local = &explaining->supposed->question.local;

	if (condition->days)
		days_to_text(condition->days, explaining->to);
	if (condition->hours_from != condition->hours_until) {
		buffer_add_text(explaining->to, condition->days ? " between " : "between ");
		minute_to_text(condition->hours_from, explaining->to);
		buffer_add_text(explaining->to, " and ");
		minute_to_text(condition->hours_until, explaining->to);
	}
	buffer_add_text(explaining->to, ", it is ");
	if (condition->days) {
		days_to_text(1u << local->weekday, explaining->to);
		buffer_add_u8(explaining->to, ' ');
	}
	minute_to_text(local->minute, explaining->to);
}

/* Zero has no unit. */
static void add_amount(struct explaining *explaining, uint64_t amount, const char *units)
{
	amount_to_text(amount, amount ? units : "", explaining->to);
}

/* "3 of 5 opens used this day", "30G of 200G used this week" */
static void add_usage(struct explaining *explaining, const struct rule_budget *budget,
	uint64_t used, const char *units, const char *noun)
{
	add_amount(explaining, used, units);
	buffer_add_text(explaining->to, " of ");
	add_amount(explaining, budget->limit, units);
	buffer_add_format(
		explaining->to, "%s used this %s", noun, rule_period_words[budget->period]);
}

static uint64_t used_in(const struct explaining *explaining, const struct rule_budget *budget,
	int64_t period, uint64_t used)
{
	const struct local_time *local = &explaining->supposed->question.local;

	return period >= rule_period_number(budget->period, local) ? used : 0;
}

static void explain_budgets(struct explaining *explaining)
{
	const struct circumstances *circumstances = explaining->circumstances;
	const struct rule *rule = &explaining->compiled->rule;
	const struct rule_condition *condition = &rule->condition;
	size_t start = explaining->to->len;
	struct usage_count count;

	if (!circumstances->usage)
		return;
	usage_read(circumstances->usage, rule->number, subject_account(&circumstances->subject),
		&count);
	if (condition->max_opens.limit)
		add_usage(explaining, &condition->max_opens,
			used_in(explaining, &condition->max_opens, count.opens_period, count.opens),
			COUNT_UNITS, " opens");
	if (!condition->max_bytes.limit)
		return;
	begin_part(explaining, start);
	add_usage(explaining, &condition->max_bytes,
		used_in(explaining, &condition->max_bytes, count.bytes_period, count.bytes),
		SIZE_UNITS, " bytes");
	buffer_add_text(explaining->to, ", the file has ");
	add_amount(explaining, circumstances->size, SIZE_UNITS);
}

void explain_obstacle(const struct ruleset *ruleset, size_t index,
	const struct circumstances *circumstances, const struct supposed *supposed,
	enum obstacle obstacle, struct buffer *to)
{
	struct explaining explaining = {
		.compiled = ruleset_compiled(ruleset, index),
		.circumstances = circumstances,
		.supposed = supposed,
		.to = to,
		.missing = rule_missing_kinds(ruleset, index, &supposed->question),
	};
	const struct rule_condition *condition = &explaining.compiled->rule.condition;

	switch (obstacle) {
	case OBSTACLE_PERMISSION:
		return explain_permission(&explaining);
	case OBSTACLE_PATH:
		return explain_path(&explaining);
	case OBSTACLE_SUBJECT:
		return explain_identity(&explaining);
	case OBSTACLE_EXE:
	case OBSTACLE_UNIT:
	case OBSTACLE_SHA256:
		return explain_program(&explaining);
	case OBSTACLE_CLOCK:
		return buffer_add_text(to, "it goes by a clock that was set and is not accepted");
	case OBSTACLE_NOT_YET:
		return explain_time(&explaining, "begins", condition->from_ns);
	case OBSTACLE_EXPIRED:
		return explain_time(&explaining, "expired", condition->until_ns);
	case OBSTACLE_HOURS:
		return explain_hours(&explaining);
	case OBSTACLE_BUDGET:
	case OBSTACLE_NONE:
		if (rule_condition_has_budget(condition))
			explain_budgets(&explaining);
		return;
	default:
		return;
	}
}
