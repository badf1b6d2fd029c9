/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_pattern.c - patterns over paths, compiled into components, each either `**` or a run of
 * tokens that match one name byte by byte.
 */
#include "policy/path_pattern_private.h"

#include <assert.h>
#include <errno.h>

static_assert(LIMIT_PATTERN < UINT16_MAX, "token numbers fit");

static int mistake(const char **ret_mistake, const char *text)
{
	if (ret_mistake)
		*ret_mistake = text;
	return -EINVAL;
}

struct path_pattern *path_pattern_free(struct path_pattern *pattern)
{
	if (!pattern)
		return NULL;
	free(pattern->tokens);
	free(pattern->components);
	free(pattern->sets);
	free(pattern->prefix);
	free(pattern->suffix);
	free(pattern);
	return NULL;
}

static void set_add(struct byte_set *set, unsigned byte)
{
	set->bits[byte / CHAR_BIT] |= 1u << (byte % CHAR_BIT);
}

/* What is being compiled: text that is consumed, and the pattern that grows. */
struct compiler {
	const char *text;
	size_t len, at;
	struct path_pattern *pattern;
	const char **ret_mistake;
};

static const char unfinished_set[] = "a '[' without its ']'";

/* One byte of a set, perhaps escaped. */
static int compile_set_byte(struct compiler *compiler, unsigned *ret_byte)
{
	const char *text = compiler->text;

	if (compiler->at < compiler->len && text[compiler->at] == '\\')
		compiler->at++;
	if (compiler->at >= compiler->len)
		return mistake(compiler->ret_mistake, unfinished_set);
	if (text[compiler->at] == '/')
		return mistake(compiler->ret_mistake, "a '/' between '[' and ']'");
	*ret_byte = (uint8_t)text[compiler->at++];
	return 0;
}

static bool compiler_sees(const struct compiler *compiler, size_t ahead, const char *any_of)
{
	size_t at = compiler->at + ahead;

	return at < compiler->len && compiler->text[at] && strchr(any_of, compiler->text[at]);
}

/* A byte or a range, added to set. */
static int compile_set_item(struct compiler *compiler, struct byte_set *set)
{
	unsigned first, last;
	int r;

	if (compiler_sees(compiler, 0, "[") && compiler_sees(compiler, 1, ":.="))
		return mistake(compiler->ret_mistake, "classes like [:alpha:] are not known");
	r = compile_set_byte(compiler, &first);
	if (r < 0)
		return r;
	last = first;
	if (compiler_sees(compiler, 0, "-") && !compiler_sees(compiler, 1, "]")) {
		compiler->at++;
		r = compile_set_byte(compiler, &last);
		if (r < 0)
			return r;
		if (last < first)
			return mistake(
				compiler->ret_mistake, "a range in [..] that runs backwards");
	}
	for (unsigned byte = first; byte <= last; byte++)
		set_add(set, byte);
	return 0;
}

/* After the '['. A ']' that comes first is a byte of the set. */
static int compile_set(struct compiler *compiler, struct token *token)
{
	struct path_pattern *pattern = compiler->pattern;
	struct byte_set *set = &pattern->sets[pattern->set_count];
	bool negated = compiler_sees(compiler, 0, "!^");
	bool first = true;
	int r;

	if (negated)
		compiler->at++;
	for (; first || !compiler_sees(compiler, 0, "]"); first = false) {
		r = compile_set_item(compiler, set);
		if (r < 0)
			return r;
	}
	compiler->at++;
	for (size_t i = 0; negated && i < sizeof(set->bits); i++)
		set->bits[i] = ~set->bits[i];
	*token = (struct token){.kind = TOKEN_SET, .set = pattern->set_count++};
	return 0;
}

static int compile_token(struct compiler *compiler, struct token *token)
{
	char byte = compiler->text[compiler->at++];

	switch (byte) {
	case '?':
		*token = (struct token){.kind = TOKEN_ANY_BYTE};
		return 0;
	case '*':
		*token = (struct token){.kind = TOKEN_STAR};
		return 0;
	case '[':
		return compile_set(compiler, token);
	case '\\':
		if (compiler->at >= compiler->len)
			return mistake(compiler->ret_mistake, "a '\\' at the end escapes nothing");
		byte = compiler->text[compiler->at++];
		if (byte == '/')
			return mistake(compiler->ret_mistake, "a '/' cannot be escaped");
	}
	*token = (struct token){.kind = TOKEN_BYTE, .byte = (uint8_t)byte};
	return 0;
}

static bool component_is_dots(const struct path_pattern *pattern, const struct component *component)
{
	if (component->count < 1 || component->count > 2)
		return false;
	for (size_t i = 0; i < component->count; i++) {
		const struct token *token = &pattern->tokens[component->first + i];

		if (token->kind != TOKEN_BYTE || token->byte != '.')
			return false;
	}
	return true;
}

static int compile_component(struct compiler *compiler)
{
	struct path_pattern *pattern = compiler->pattern;
	struct component *component = &pattern->components[pattern->component_count];
	bool double_star = false;
	int r;

	component->first = pattern->token_count;
	while (compiler->at < compiler->len && compiler->text[compiler->at] != '/') {
		struct token *token = &pattern->tokens[pattern->token_count];

		r = compile_token(compiler, token);
		if (r < 0)
			return r;
		if (token->kind == TOKEN_STAR && pattern->token_count > component->first)
			double_star |= token[-1].kind == TOKEN_STAR;
		pattern->token_count++;
	}
	component->count = pattern->token_count - component->first;
	if (double_star && component->count != 2)
		return mistake(compiler->ret_mistake,
			"'**' stands alone between slashes: not a**b but a*/**/*b");
	if (component->count == 0)
		return mistake(compiler->ret_mistake, "an empty name between two slashes");
	if (component_is_dots(pattern, component))
		return mistake(compiler->ret_mistake, "'.' and '..' are no names in a vault");
	component->any_depth = double_star;
	pattern->component_count++;
	return 0;
}

static int compile_components(struct compiler *compiler)
{
	int r;

	for (;;) {
		r = compile_component(compiler);
		if (r < 0)
			return r;
		if (compiler->at == compiler->len)
			return 0;
		compiler->at++;
		if (compiler->at == compiler->len)
			return mistake(compiler->ret_mistake,
				"a '/' at the end: write DIR/** for a directory and all beneath");
	}
}

/* The literal bytes that every match begins with: up to the first token that is no byte. */
static void find_prefix(struct path_pattern *pattern)
{
	for (size_t i = 0; i < pattern->component_count; i++) {
		const struct component *component = &pattern->components[i];

		/* `a/` + `**` is also `a`: no '/' is certain before it. */
		if (component->any_depth)
			return;
		if (i > 0)
			pattern->prefix[pattern->prefix_len++] = '/';
		for (size_t j = 0; j < component->count; j++) {
			const struct token *token = &pattern->tokens[component->first + j];

			if (token->kind != TOKEN_BYTE)
				return;
			pattern->prefix[pattern->prefix_len++] = token->byte;
		}
	}
}

/* The literal bytes that the last name of every match ends with. */
static void find_suffix(struct path_pattern *pattern)
{
	const struct component *last = &pattern->components[pattern->component_count - 1];
	size_t first = pattern->token_count;

	while (first > last->first && pattern->tokens[first - 1].kind == TOKEN_BYTE)
		first--;
	for (size_t i = first; i < pattern->token_count; i++)
		pattern->suffix[pattern->suffix_len++] = pattern->tokens[i].byte;
}

static size_t count_byte(const char *text, size_t len, char byte)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == byte;
	return count;
}

/* Room for the most that len bytes of text can become. */
static int pattern_allocate(const char *text, size_t len, struct path_pattern **ret_pattern)
{
	scope(path_pattern_free) struct path_pattern *pattern = calloc(1, sizeof(*pattern));

	if (!pattern)
		return -ENOMEM;
	pattern->tokens = calloc(len, sizeof(*pattern->tokens));
	/* One more for the `**` of a pattern without '/'. */
	pattern->components = calloc(count_byte(text, len, '/') + 2, sizeof(*pattern->components));
	pattern->sets = calloc(count_byte(text, len, '[') + 1, sizeof(*pattern->sets));
	pattern->prefix = malloc(len);
	pattern->suffix = malloc(len);
	if (!pattern->tokens || !pattern->components || !pattern->sets || !pattern->prefix ||
		!pattern->suffix)
		return -ENOMEM;
	*ret_pattern = take(&pattern);
	return 0;
}

int path_pattern_new(
	const char *text, size_t len, struct path_pattern **ret_pattern, const char **ret_mistake)
{
	scope(path_pattern_free) struct path_pattern *pattern = NULL;
	struct compiler compiler = {.text = text, .len = len, .ret_mistake = ret_mistake};
	int r;

	if (len > LIMIT_PATTERN)
		return mistake(ret_mistake, "a pattern longer than 4096 bytes");
	if (len == 0)
		return mistake(ret_mistake, "an empty pattern: ** is everything");
	if (memchr(text, '\0', len))
		return mistake(ret_mistake, "a NUL byte, which no name holds");
	r = pattern_allocate(text, len, &pattern);
	if (r < 0)
		return r;
	compiler.pattern = pattern;
	if (!memchr(text, '/', len))
		pattern->components[pattern->component_count++].any_depth = true;
	if (text[0] == '/')
		compiler.at = 1;
	if (compiler.at == len)
		return mistake(ret_mistake, "'/' alone is no pattern: ** is everything");
	r = compile_components(&compiler);
	if (r < 0)
		return r;
	find_prefix(pattern);
	find_suffix(pattern);
	*ret_pattern = take(&pattern);
	return 0;
}
