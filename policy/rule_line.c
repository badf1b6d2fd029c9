/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_line.c - a line is taken as stored first: then no name is looked up, and a rule whose name
 * has another number now stays what it was. Else its words are read as those of the command.
 */
#include "policy/rule_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "keystore/base/limits.h"
#include "policy/learning.h"
#include "policy/near_word.h"
#include "policy/permission.h"
#include "policy/rule_text.h"
#include "policy/rule_words_private.h"
#include "policy/shell_word.h"

#define BLANKS " \t\r"
/* Subject, permissions, pattern, and every option with its value. */
#define WORDS_MAX (LIMIT_RULE_WORDS + 2 + 2 * 16)

static const char *const commands[] = {"grant", "allow", "deny", "learn"};
static const enum rule_effect effects[] = {RULE_ALLOW, RULE_ALLOW, RULE_DENY, RULE_LEARN};
static const char *const options[] = {
	"from", "until", "for", "hours", "days", "max-opens", "max-bytes", "note"};

int rule_line_write(const struct rule *rule, struct buffer *to)
{
	scope_buffer struct buffer text = {0};
	const char *allow = rule_effect_word(RULE_ALLOW);
	size_t skipped = 0;
	int r;

	r = rule_to_text(rule, &text);
	if (r < 0)
		return r;
	if (rule->effect == RULE_ALLOW) {
		buffer_add_text(to, commands[0]);
		skipped = strlen(allow);
	}
	buffer_add(to, text.data + skipped, text.len - skipped);
	buffer_add_text(to, "\n");
	return to->failed ? -ENOMEM : 0;
}

/* The words of a line, each with its NUL, one behind the other. */
struct words {
	struct buffer bytes;
	size_t starts[1 + WORDS_MAX];
	size_t count;
};

static void words_done(struct words *words)
{
	buffer_done(&words->bytes);
}

static const char *word_at(const struct words *words, size_t index)
{
	return words->bytes.data + words->starts[index];
}

/* Between words a tab is as good as a space. */
static void tabs_to_spaces(char *line, size_t len)
{
	bool quoted = false, escapes = false;

	for (size_t i = 0; i < len; i++) {
		if (!quoted && line[i] == '\t')
			line[i] = ' ';
		if (quoted && escapes && line[i] == '\\') {
			i++;
		} else if (line[i] == '\'') {
			escapes = !quoted && i > 0 && line[i - 1] == '$';
			quoted = !quoted;
		}
	}
}

/*
 * A word as people write it where no shell reads: globs stand bare, and what has neither of \ $ `
 * in it may stand in double quotes. False: it is not of that form.
 */
static bool read_plain_word(const char **at, const char *end, struct buffer *to)
{
	bool quoted = **at == '"';
	const char *start = *at + quoted, *stop = start;

	while (stop < end && (uint8_t)*stop >= ' ' && !strchr("\"\\$`", *stop) &&
		(quoted || (*stop != ' ' && *stop != '\'')))
		stop++;
	if (quoted ? stop == end || *stop != '"' : stop == start)
		return false;
	if (stop + quoted < end && stop[quoted] != ' ')
		return false;
	buffer_add(to, start, (size_t)(stop - start));
	*at = stop + quoted;
	return true;
}

static int complain_about_word(const char *word, size_t len, char **ret_mistake)
{
	scope_free char *shown = text_for_terminal(word, len);

	return shown ? words_complain(ret_mistake, -EINVAL, NULL,
			       "%s cannot be read: quote it '...', or $'it\\'s' with a ' in it",
			       shown)
		     : -ENOMEM;
}

static int read_word(const char **at, const char *end, struct buffer *to, char **ret_mistake)
{
	const char *word = *at;
	int r = 0;

	if (!read_plain_word(at, end, to))
		r = shell_word_read(at, end, to);
	if (r == -EUCLEAN)
		return complain_about_word(word, strcspn(word, " "), ret_mistake);
	buffer_add_u8(to, '\0');
	return r;
}

static int split(const char *line, size_t len, struct words *words, char **ret_mistake)
{
	const char *at = line, *end = line + len;
	int r;

	for (;;) {
		while (at < end && *at == ' ')
			at++;
		if (at == end || *at == '#')
			return words->bytes.failed ? -ENOMEM : 0;
		if (words->count == ARRAY_SIZE(words->starts))
			return words_complain(ret_mistake, -EINVAL, NULL,
				"the line has too many words: at most %d",
				(int)ARRAY_SIZE(words->starts));
		words->starts[words->count++] = words->bytes.len;
		r = read_word(&at, end, &words->bytes, ret_mistake);
		if (r < 0)
			return r;
	}
}

static int effect_of(const char *word, enum rule_effect *ret_effect, char **ret_mistake)
{
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i], word) == 0) {
			*ret_effect = effects[i];
			return 0;
		}
	}
	if (strspn(word, "0123456789") == strlen(word))
		return words_complain(ret_mistake, -EINVAL, word,
			" is a rule's number, as `rules list` shows it: take it off; `rules "
			"export` "
			"writes lines that can be read again");
	if (strcmp(word, "modelvault") == 0)
		return words_complain(ret_mistake, -EINVAL, word,
			" begins no rule: take it off, and the vault behind the command: grant "
			"user:alice read 'llama/**'");
	near = nearest_word(word, strlen(word), commands, ARRAY_SIZE(commands));
	if (near)
		return words_complain(
			ret_mistake, -EINVAL, word, " begins no rule: did you mean %s?", near);
	return words_complain(ret_mistake, -EINVAL, word,
		" begins no rule: grant, deny or learn does, as in grant user:alice read "
		"'llama/**'");
}

static int complain_about_option(const char *name, char **ret_mistake)
{
	const char *near = nearest_word(name, strlen(name), options, ARRAY_SIZE(options));

	if (near)
		return words_complain(ret_mistake, -EINVAL, name,
			": rules have no such option: did you mean --%s?", near);
	return words_complain(ret_mistake, -EINVAL, name,
		": rules have no such option: --from, --until, --for, --hours, --days, "
		"--max-opens, --max-bytes and --note are theirs");
}

/* "--name value" or "--name=value" at *index, which moves to its last word. */
static int set_option(
	struct rule *rule, struct words *words, size_t *index, int64_t now_ns, char **ret_mistake)
{
	char *name = words->bytes.data + words->starts[*index] + 2;
	char *equals = strchr(name, '=');
	const char *value = equals ? equals + 1 : NULL;

	if (equals)
		*equals = '\0';
	if (!word_in(name, strlen(name), options, ARRAY_SIZE(options)))
		return complain_about_option(name, ret_mistake);
	if (!value) {
		if (*index + 1 == words->count)
			return words_complain(
				ret_mistake, -EINVAL, NULL, "--%s needs a value behind it", name);
		value = word_at(words, ++*index);
	}
	return rule_condition_set(&rule->condition, name, value, now_ns, ret_mistake);
}

/* What each part is right, but not together. */
static int check_whole(const struct rule *rule, int64_t now_ns, char **ret_mistake)
{
	bool allows_read = rule->effect == RULE_ALLOW && (rule->permissions & PERMISSION_READ);
	scope_buffer struct buffer text = {0};
	int r;

	r = rule_condition_check(&rule->condition, allows_read, now_ns, ret_mistake);
	if (r == 0)
		r = rule_to_text(rule, &text);
	if (r == 0 && text.len > LIMIT_RULE_TEXT)
		r = words_complain(ret_mistake, -EINVAL, NULL,
			"the rule is longer than %d bytes: make several of it", LIMIT_RULE_TEXT);
	return r;
}

static int read_words(
	struct words *words, int64_t now_ns, struct rule *ret_rule, char **ret_mistake)
{
	scope_rule struct rule rule = {0}, conditions = {0};
	const char *operands[1 + WORDS_MAX];
	enum rule_effect effect = RULE_DENY;
	size_t count = 0;
	int r;

	r = effect_of(word_at(words, 0), &effect, ret_mistake);
	if (r == 0 && words->count > 1 && strcmp(word_at(words, 1), "@") == 0)
		r = words_complain(ret_mistake, -EINVAL, "@",
			" is a vault, which a line does not name: take it off");
	for (size_t i = 1; i < words->count && r == 0; i++) {
		const char *word = word_at(words, i);

		if (strncmp(word, "--", 2) == 0 && word[2])
			r = set_option(&conditions, words, &i, now_ns, ret_mistake);
		else if (strncmp(word, "sha256:@", 8) == 0)
			r = words_complain(ret_mistake, -EINVAL, word,
				": a file is hashed by the command; here its 64 digits stand, "
				"which sha256sum tells");
		else
			operands[count++] = word;
	}
	if (r == 0)
		r = rule_from_words(effect, operands, count, &rule, ret_mistake);
	if (r < 0)
		return r;
	rule.condition = conditions.condition;
	conditions.condition = (struct rule_condition){0};
	r = check_whole(&rule, now_ns, ret_mistake);
	if (r < 0)
		return r;
	*ret_rule = rule;
	rule = (struct rule){0};
	return 1;
}

/* As it was written by rule_line_write. -EUCLEAN: it was not. */
static int read_stored(const char *line, size_t len, struct rule *ret_rule)
{
	size_t first = strcspn(line, " ");
	scope_buffer struct buffer text = {0};

	if (first != strlen(commands[0]) || memcmp(line, commands[0], first) != 0)
		return rule_from_text(line, len, ret_rule);
	buffer_add_text(&text, rule_effect_word(RULE_ALLOW));
	buffer_add(&text, line + first, len - first);
	return text.failed ? -ENOMEM : rule_from_text(text.data, text.len, ret_rule);
}

static int read_line(
	char *line, size_t len, int64_t now_ns, struct rule *ret_rule, char **ret_mistake)
{
	__attribute__((cleanup(words_done))) struct words words = {0};
	int r;

	r = read_stored(line, len, ret_rule);
	if (r != -EUCLEAN)
		return r < 0 ? r : 1;
	tabs_to_spaces(line, len);
	r = split(line, len, &words, ret_mistake);
	if (r < 0)
		return r;
	return read_words(&words, now_ns, ret_rule, ret_mistake);
}

int rule_line_read(
	const char *line, size_t len, int64_t now_ns, struct rule *ret_rule, char **ret_mistake)
{
	scope_rule struct rule rule = {0};
	scope_free char *copy = NULL;
	const char *mistake;
	int r;

	*ret_mistake = NULL;
	if (memchr(line, '\0', len))
		return words_complain(
			ret_mistake, -EINVAL, NULL, "the line has a NUL byte: this is no text");
	while (len && strchr(BLANKS, line[len - 1]))
		len--;
	while (len && strchr(BLANKS, *line)) {
		line++;
		len--;
	}
	if (len == 0 || *line == '#')
		return 0;
	if (len > LIMIT_RULE_TEXT)
		return words_complain(ret_mistake, -EINVAL, NULL,
			"the line is longer than %d bytes: make several rules "
			"of it",
			LIMIT_RULE_TEXT);
	copy = strndup(line, len);
	if (!copy)
		return -ENOMEM;
	r = read_line(copy, len, now_ns, &rule, ret_mistake);
	if (r < 0)
		return r;
	mistake = rule.effect == RULE_LEARN ? learning_mistake(&rule, now_ns) : NULL;
	if (mistake)
		return words_complain(ret_mistake, -EINVAL, NULL, "%s", mistake);
	*ret_rule = rule;
	rule = (struct rule){0};
	return 1;
}
