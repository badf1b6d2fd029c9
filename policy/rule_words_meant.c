/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_words_meant.c - what somebody meant whose subject word is not right, for "did you mean"
 * alone: nothing that is guessed here is ever put in force.
 */
#include <errno.h>
#include <stdlib.h>

#include "keystore/base/limits.h"
#include "policy/near_word.h"
#include "policy/role.h"
#include "policy/rule_condition_private.h"
#include "policy/rule_words_private.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

#define USERS_COMPARED 20000 /* a directory service may have millions */

/* What other tools call it. */
static const struct {
	const char *word;
	enum subject_word_kind kind;
} other_kinds[] = {{"uid", WORD_USER}, {"account", WORD_USER}, {"gid", WORD_GROUP},
	{"team", WORD_ROLE}, {"service", WORD_UNIT}, {"svc", WORD_UNIT}, {"systemd", WORD_UNIT},
	{"slice", WORD_UNIT}, {"cgroup", WORD_UNIT}, {"program", WORD_EXE}, {"prog", WORD_EXE},
	{"binary", WORD_EXE}, {"bin", WORD_EXE}, {"path", WORD_EXE}, {"executable", WORD_EXE},
	{"sha", WORD_SHA256}, {"sha-256", WORD_SHA256}, {"hash", WORD_SHA256},
	{"digest", WORD_SHA256}, {"sha256sum", WORD_SHA256}, {"login", WORD_LOGINUID},
	{"auid", WORD_LOGINUID}, {"container", WORD_UNIT}};

/* The kind that the first len bytes name, in any case, or nearly; WORD_ANY: none. */
static enum subject_word_kind kind_meant(const char *text, size_t len)
{
	const char *kinds[WORD_KINDS], *near;

	words_kinds(kinds);
	for (int kind = WORD_ANY + 1; kind < WORD_KINDS; kind++)
		if (strlen(kinds[kind]) == len && strncasecmp(kinds[kind], text, len) == 0)
			return kind;
	for (size_t i = 0; i < ARRAY_SIZE(other_kinds); i++)
		if (strlen(other_kinds[i].word) == len &&
			strncasecmp(other_kinds[i].word, text, len) == 0)
			return other_kinds[i].kind;
	near = nearest_word(text, len, kinds + WORD_ANY + 1, WORD_KINDS - WORD_ANY - 1);
	for (int kind = WORD_ANY + 1; kind < WORD_KINDS; kind++)
		if (near == kinds[kind])
			return kind;
	return WORD_ANY;
}

static bool means_everybody(const char *word)
{
	static const char *const known[] = {"everybody", "everyone", "anybody", "anyone", "all",
		"*", "**", "world", "public", "others", "any:all", "any:any", "any:", "any:*",
		"user:*", "user:any", "user:all", "group:*", "role:*", "role:any", "everything"};

	if (strcmp(word, "any") != 0 && strcasecmp(word, "any") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(word, known[i]) == 0)
			return true;
	return false;
}

bool word_means_subject(const char *word)
{
	size_t len = strcspn(word, ":=");

	if (word[len] == '\0')
		return strcmp(word, "any") == 0 || (means_everybody(word) && !strchr(word, '*'));
	return kind_meant(word, len) != WORD_ANY || strncmp(word, "any:", 4) == 0;
}

/* "user:alice,bob" as "user:alice user:bob"; false when there is no comma. */
static bool split_commas(const char *text, struct buffer *to)
{
	size_t prefix = strcspn(text, ":") + 1;
	const char *at = text + prefix;

	if (!strchr(text, ',') || text[prefix - 1] != ':')
		return false;
	for (; *at; at += strspn(at, ", ")) {
		size_t len = strcspn(at, ", ");
		scope_buffer struct buffer word = {0};

		if (to->len)
			buffer_add_u8(to, ' ');
		if (!memchr(at, ':', len))
			buffer_add(&word, text, prefix);
		buffer_add(&word, at, len);
		shell_word_write(buffer_text(&word), word.len, to);
		at += len;
	}
	return to->len > 0;
}

/* "role:vision", as a word of a command. */
static void write_subject(enum subject_word_kind kind, const char *value, struct buffer *to)
{
	scope_buffer struct buffer word = {0};

	buffer_add_format(&word, "%s:%s", subject_word_prefix(kind), value);
	shell_word_write(buffer_text(&word), word.len, to);
	to->failed |= word.failed;
}

/* ---- values ---- */

/* How the value would be right, appended behind the prefix; false when it is not seen. */
static bool value_meant(enum subject_word_kind kind, const char *value, struct buffer *to)
{
	size_t len = strlen(value);
	const char *slash;

	switch (kind) {
	case WORD_ROLE:
		for (const char *at = value; *at; at++)
			buffer_add_u8(to, *at >= 'A' && *at <= 'Z'   ? (uint8_t)(*at - 'A' + 'a')
					  : *at == ' ' || *at == '.' ? '-'
								     : (uint8_t)*at);
		return role_name_is_valid(buffer_text(to));
	case WORD_UNIT:
		while (len && value[len - 1] == '/')
			len--;
		slash = memrchr(value, '/', len);
		if (!slash || slash + 1 == value + len)
			return false;
		buffer_add(to, slash + 1, (size_t)(value + len - slash - 1));
		return strcmp(buffer_text(to), "**") != 0;
	case WORD_SHA256:
		if (*value == '@' || !strchr(value, '/'))
			return false;
		buffer_add_format(to, "@%s", value);
		return true;
	case WORD_USERNS:
		buffer_add_text(to, "contained");
		return true;
	default:
		return false;
	}
}

int words_complain_about_value(enum subject_word_kind kind, const char *text, const char *value,
	const char *why, char **ret_mistake)
{
	scope_buffer struct buffer meant = {0}, apart = {0}, shown = {0};

	if (kind == WORD_ROLE && split_commas(text, &apart))
		return words_complain(ret_mistake, -EINVAL, text, ": each is a word of its own: %s",
			buffer_text(&apart));
	if (!value_meant(kind, value, &meant))
		return words_complain(ret_mistake, -EINVAL, text, ": %s", why);
	write_subject(kind, buffer_text(&meant), &shown);
	return words_complain(
		ret_mistake, -EINVAL, text, ": %s; did you mean %s?", why, buffer_text(&shown));
}

/* Who asks for a name that is nearly one of the database. */
struct near_user {
	const char *name;
	char *found; /* owned */
};

/* The nearest of them; one that is the same but for capital letters ends it. */
static int consider_user(void *arg, const char *name, uint32_t uid, uint32_t gid)
{
	struct near_user *near = arg;
	bool same = strcasecmp(name, near->name) == 0;
	const char *both[] = {near->found, name};
	size_t skip = near->found ? 0 : 1;

	(void)uid;
	(void)gid;
	if (!same && nearest_word(near->name, strlen(near->name), both + skip, 2 - skip) != name)
		return 0;
	free(near->found);
	near->found = strdup(name);
	return same;
}

/* "group:ml" for user:ml, "user:alice" for user:alcie; false: nothing of the kind is known. */
static bool known_name_meant(enum subject_word_kind kind, const char *name, struct buffer *to)
{
	struct near_user near = {.name = name};
	uint32_t unused;

	if (kind != WORD_GROUP && group_by_name(name, &unused) == 0)
		write_subject(WORD_GROUP, name, to);
	else if (kind == WORD_GROUP && user_by_name(name, &unused, NULL) == 0)
		write_subject(WORD_USER, name, to);
	else if (kind != WORD_GROUP && users_each(USERS_COMPARED, consider_user, &near) >= 0 &&
		 near.found)
		write_subject(kind, near.found, to);
	free(near.found);
	return to->len > 0;
}

int words_complain_about_lookup(
	enum subject_word_kind kind, const char *text, int result, char **ret_mistake)
{
	const char *prefix = kind == WORD_GROUP ? "group" : "user";
	scope_buffer struct buffer apart = {0}, known = {0};

	if (result == -ENOENT && means_everybody(text))
		return words_complain(ret_mistake, -EINVAL, text,
			" is no subject: did you mean any, which is everybody?");
	if (result == -ENOENT && split_commas(text, &apart))
		return words_complain(ret_mistake, -EINVAL, text, ": each is a word of its own: %s",
			buffer_text(&apart));
	if (result == -ENOENT && known_name_meant(kind, text + strcspn(text, ":") + 1, &known))
		return words_complain(ret_mistake, -ENOENT, text,
			": there is no such %s on this machine; did you mean %s?", prefix,
			buffer_text(&known));
	if (result == -ENOENT)
		return words_complain(ret_mistake, -ENOENT, text,
			": there is no such %s on this machine; a number is taken as it is",
			prefix);
	return words_complain(ret_mistake, result, text,
		": the %s database cannot be read; a number needs none", prefix);
}

/* ---- plain English ---- */

static int complain_about_option(
	const char *word, const char *option, const char *next, char **ret_mistake)
{
	scope_buffer struct buffer value = {0};
	int64_t unused;

	if (strcmp(option, "from") == 0 && next && time_from_words(next, &unused) < 0)
		return words_complain(ret_mistake, -EINVAL, word,
			" is no word of a rule: from which service or program is a subject word, "
			"unit:NAME or exe:PATH; --from takes a time");
	if (!next)
		return words_complain(ret_mistake, -EINVAL, word,
			" is no word of a rule, but an option: --%s and its value", option);
	shell_word_write(next, strlen(next), &value);
	return words_complain(ret_mistake, -EINVAL, word,
		" is no word of a rule, but an option: did you mean --%s %s?", option,
		buffer_text(&value));
}

/* Days of the week in the place of words; false when it is none. */
static bool days_meant(const char *word, struct buffer *to)
{
	uint8_t days;

	if (!word || (days_from_text(word, &days) < 0 && !meant_days(word, &days)))
		return false;
	days_to_text(days, to);
	return true;
}

static int complain_about_exception(const char *word, const char *next, char **ret_mistake)
{
	scope_buffer struct buffer subject = {0};

	if (next && !word_means_subject(next))
		next = NULL;
	shell_word_write(next ? next : "user:NAME", strlen(next ? next : "user:NAME"), &subject);
	return words_complain(ret_mistake, -EINVAL, word,
		": an exception is a rule of its own, and deny wins: modelvault deny VAULT %s read "
		"'PATTERN'",
		buffer_text(&subject));
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcasecmp(word, *list) == 0)
			return true;
	return false;
}

int words_complain_about_phrase(const char *word, const char *next, char **ret_mistake)
{
	static const struct {
		const char *word, *option;
	} options[] = {{"from", "from"}, {"since", "from"}, {"starting", "from"},
		{"until", "until"}, {"till", "until"}, {"til", "until"}, {"before", "until"},
		{"expires", "until"}, {"for", "for"}, {"hours", "hours"}, {"between", "hours"},
		{"during", "hours"}, {"days", "days"}, {"max-opens", "max-opens"},
		{"max-bytes", "max-bytes"}, {"note", "note"}};
	static const char *const exceptions[] = {"except", "but", "without", "not", "minus",
		"excluding", "exclude", "unless", "!", NULL};
	static const char *const places[] = {
		"in", "inside", "with", "using", "via", "through", "by", NULL};
	static const char *const idle[] = {
		"only", "the", "to", "may", "can", "alone", "just", "of", "please", NULL};
	scope_buffer struct buffer days = {0};

	if (days_meant(word, &days) || (strcasecmp(word, "on") == 0 && days_meant(next, &days)))
		return words_complain(ret_mistake, -EINVAL, word,
			" is no word of a rule: which days is an option, --days %s",
			buffer_text(&days));
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcasecmp(word, options[i].word) == 0)
			return complain_about_option(word, options[i].option, next, ret_mistake);
	if (is_one_of(word, exceptions))
		return complain_about_exception(word, next, ret_mistake);
	if ((*word == '!' || *word == '-') && word_means_subject(word + 1))
		return complain_about_exception(word, word + 1, ret_mistake);
	if (strcasecmp(word, "and") == 0 || strcasecmp(word, "or") == 0 || strcmp(word, ",") == 0)
		return words_complain(ret_mistake, -EINVAL, word,
			" is no word of a rule: subjects stand one behind the other: those of one "
			"kind are alternatives, several kinds must all be met");
	if (is_one_of(word, places))
		return words_complain(ret_mistake, -EINVAL, word,
			" is no word of a rule: which service or program is a subject word, "
			"unit:NAME or exe:PATH");
	if (is_one_of(word, idle))
		return words_complain(ret_mistake, -EINVAL, word,
			" is no word of a rule: leave it out; nothing is allowed that no rule "
			"allows");
	return 0;
}

/* ---- subjects ---- */

/*
 * "role=vision", "service:infer.service", "Usr:alice", and of len 0 a value alone: with the kind
 * that was meant.
 */
static int complain_about_prefix(
	const char *word, size_t len, enum subject_word_kind kind, char **ret_mistake)
{
	scope_buffer struct buffer meant = {0}, shown = {0};
	const char *value = word + len + (len && word[len] != '\0');

	if (!*value)
		return words_complain(ret_mistake, -EINVAL, word,
			" is not complete: a ':' and what it means follow");
	/* What is called a service has that at its end. */
	if (kind == WORD_UNIT && (*word | 0x20) == 's' && len && !strpbrk(value, "./*"))
		buffer_add_format(&meant, "%s.service", value);
	write_subject(kind,
		meant.len || value_meant(kind, value, &meant) ? buffer_text(&meant) : value,
		&shown);
	return words_complain(ret_mistake, -EINVAL, word, " is no subject: did you mean %s?",
		buffer_text(&shown));
}

/* "alice", "infer.service", "/usr/bin/python3": the kind that it would be of; WORD_ANY: not seen.
 */
static enum subject_word_kind bare_meant(const char *word)
{
	static const char *const unit_ends[] = {".service", ".scope", ".slice"};
	size_t len = strlen(word);
	uint32_t number;

	if (user_by_name(word, &number, NULL) == 0 || id_from_text(word, &number) == 0)
		return WORD_USER;
	if (group_by_name(word, &number) == 0)
		return WORD_GROUP;
	for (size_t i = 0; i < ARRAY_SIZE(unit_ends); i++)
		if (len > strlen(unit_ends[i]) &&
			strcmp(word + len - strlen(unit_ends[i]), unit_ends[i]) == 0)
			return WORD_UNIT;
	if (*word == '/' && word[1])
		return WORD_EXE;
	return subject_word_mistake(WORD_SHA256, word) ? WORD_ANY : WORD_SHA256;
}

int words_complain_about_kind(
	const char *word, enum subject_word_kind kind, const char *next, char **ret_mistake)
{
	scope_buffer struct buffer shown = {0};
	size_t len = strcspn(word, ":");

	if (kind == WORD_USERNS)
		return words_complain(ret_mistake, -EINVAL, word,
			" is not complete: did you mean userns:contained?");
	if (!next || strpbrk(next, ":=*,") || (*next != '/' && strchr(next, '/')) ||
		strcmp(next, "read") == 0 || strcmp(next, "write") == 0 ||
		strcmp(next, "list") == 0)
		return words_complain(ret_mistake, -EINVAL, word,
			" is not complete: %s, as in %s:NAME",
			word[len] ? "a name or a number follows" : "a ':' and what it means follow",
			subject_word_prefix(kind));
	write_subject(kind, next, &shown);
	if (len == 4 && strncasecmp(word, "team", len) == 0) {
		buffer_add_text(&shown, " or ");
		write_subject(WORD_GROUP, next, &shown);
	}
	return words_complain(ret_mistake, -EINVAL, word,
		" is not complete: did you mean %s, in one word?", buffer_text(&shown));
}

int words_complain_about_subject(const char *word, const char *next, char **ret_mistake)
{
	size_t len = strcspn(word, ":=");
	enum subject_word_kind kind = kind_meant(word, len);
	int r;

	if (means_everybody(word) || strncmp(word, "any:", 4) == 0)
		return words_complain(ret_mistake, -EINVAL, word,
			" is no subject: did you mean any, which is everybody?");
	if (word[len] && kind != WORD_ANY)
		return complain_about_prefix(word, len, kind, ret_mistake);
	if (word[len])
		return words_complain(
			ret_mistake, -EINVAL, word, " is no subject that is known: " KINDS_HELP);
	r = words_complain_about_phrase(word, next, ret_mistake);
	if (r < 0)
		return r;
	if (bare_meant(word) != WORD_ANY)
		return complain_about_prefix(word, 0, bare_meant(word), ret_mistake);
	if (kind != WORD_ANY)
		return words_complain_about_kind(word, kind, next, ret_mistake);
	if (nearest_word(word, len, (const char *const[]){"any"}, 1))
		return words_complain(
			ret_mistake, -EINVAL, word, " is no subject: did you mean any?");
	return words_complain(ret_mistake, -EINVAL, word, " is no subject: " KINDS_HELP);
}
