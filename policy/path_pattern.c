/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_pattern.c - patterns over paths. A pattern is compiled into components, each either `**` or
 * a run of tokens that match one name byte by byte.
 *
 * Both levels match greedily: after a mismatch only the last star (`**` between components, `*`
 * inside one) takes one more component or byte. That finds a match whenever there is one, since
 * what an earlier star could take, the last one can take as well, and it costs at most
 * O(pattern * path). What every match must begin and end with is compared first.
 */
#include "policy/path_pattern.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "keystore/base/limits.h"

enum token_kind { TOKEN_BYTE, TOKEN_ANY_BYTE, TOKEN_STAR, TOKEN_SET };

struct token {
	uint8_t kind;
	uint8_t byte; /* TOKEN_BYTE */
	uint16_t set; /* TOKEN_SET: index */
};

struct byte_set {
	uint8_t bits[32];
};

struct component {
	bool any_depth; /* `**`: any number of names, none too */
	uint16_t first, count;
};

struct path_pattern {
	struct token *tokens;
	struct component *components;
	struct byte_set *sets;
	size_t token_count, component_count, set_count;
	char *prefix, *suffix; /* literal bytes at both ends of every match */
	size_t prefix_len, suffix_len;
};

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

static bool set_has(const struct byte_set *set, unsigned byte)
{
	return set->bits[byte / CHAR_BIT] & (1u << (byte % CHAR_BIT));
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

static bool token_matches(
	const struct path_pattern *pattern, const struct token *token, uint8_t byte)
{
	if (token->kind == TOKEN_BYTE)
		return token->byte == byte;
	return token->kind == TOKEN_ANY_BYTE || set_has(&pattern->sets[token->set], byte);
}

static bool component_matches(const struct path_pattern *pattern, const struct component *component,
	const char *name, size_t len)
{
	const struct token *tokens = &pattern->tokens[component->first];
	size_t token = 0, at = 0, star = SIZE_MAX, star_at = 0;

	while (at < len || token < component->count) {
		if (token < component->count && tokens[token].kind == TOKEN_STAR) {
			star = token++;
			star_at = at;
		} else if (token < component->count && at < len &&
			   token_matches(pattern, &tokens[token], (uint8_t)name[at])) {
			token++;
			at++;
		} else if (star != SIZE_MAX && star_at < len) {
			token = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	return true;
}

static bool ends_match(const struct path_pattern *pattern, const char *path, size_t len)
{
	return len >= pattern->prefix_len && len >= pattern->suffix_len &&
	       memcmp(path, pattern->prefix, pattern->prefix_len) == 0 &&
	       memcmp(path + len - pattern->suffix_len, pattern->suffix, pattern->suffix_len) == 0;
}

bool path_pattern_matches(const struct path_pattern *pattern, const char *path, size_t len)
{
	const struct component *components = pattern->components;
	const char *end = path + len, *at = len ? path : NULL, *star_at = NULL;
	size_t component = 0, star = SIZE_MAX;

	if (!ends_match(pattern, path, len))
		return false;
	for (;;) {
		const char *slash, *next;

		if (component < pattern->component_count && components[component].any_depth) {
			star = component++;
			star_at = at;
			if (component == pattern->component_count)
				return true;
			continue;
		}
		if (!at)
			return component == pattern->component_count;
		slash = memchr(at, '/', end - at);
		next = slash ? slash + 1 : NULL;
		if (component < pattern->component_count &&
			component_matches(
				pattern, &components[component], at, (slash ? slash : end) - at)) {
			component++;
			at = next;
			continue;
		}
		if (star == SIZE_MAX)
			return false;
		slash = memchr(star_at, '/', end - star_at);
		star_at = slash ? slash + 1 : NULL;
		at = star_at;
		component = star + 1;
	}
}

static bool component_is_literal(
	const struct path_pattern *pattern, const struct component *component)
{
	for (size_t i = 0; i < component->count; i++)
		if (pattern->tokens[component->first + i].kind != TOKEN_BYTE)
			return false;
	return !component->any_depth;
}

void path_pattern_keys(const struct path_pattern *pattern, struct path_keys *ret_keys)
{
	uint32_t hash = PREFIX_SEED, count = 0;

	ret_keys->keys[count++] = hash;
	while (count <= pattern->component_count && count <= PREFIX_DEPTH_MAX) {
		const struct component *component = &pattern->components[count - 1];

		if (!component_is_literal(pattern, component))
			break;
		for (size_t i = 0; i < component->count; i++)
			hash = prefix_add_byte(hash, pattern->tokens[component->first + i].byte);
		hash = prefix_add_byte(hash, '/');
		ret_keys->keys[count++] = hash;
	}
	ret_keys->suffix = path_last_bytes(pattern->suffix, pattern->suffix_len);
	if (pattern->suffix_len >= SUFFIX_LEN)
		ret_keys->keys[count++] = suffix_key(ret_keys->suffix);
	ret_keys->count = count;
}

uint32_t path_pattern_key(const struct path_pattern *pattern)
{
	struct path_keys keys;
	uint32_t beginnings;

	path_pattern_keys(pattern, &keys);
	beginnings = keys.count - (pattern->suffix_len >= SUFFIX_LEN);
	/* Its longest beginning; else its end, if it has one; else every path's. */
	return keys.keys[beginnings > 1 ? beginnings - 1 : keys.count - 1];
}

struct path_suffix path_pattern_suffix(const struct path_pattern *pattern)
{
	size_t len = pattern->suffix_len < 4 ? pattern->suffix_len : 4;

	return (struct path_suffix){
		.bytes = path_last_bytes(pattern->suffix, pattern->suffix_len),
		.mask = len ? UINT32_MAX >> (32 - 8 * len) : 0,
	};
}

#define REACH_MAX 64 /* components that are followed; of longer patterns all is in doubt */

/* From each place in the pattern a `**` may also be left at once. */
static uint64_t reach_over_stars(const struct path_pattern *pattern, uint64_t reached)
{
	for (size_t i = 0; i < pattern->component_count; i++)
		if ((reached & (1ull << i)) && pattern->components[i].any_depth)
			reached |= 1ull << (i + 1);
	return reached;
}

/* The places in the pattern after one more name. */
static uint64_t reach_by_name(
	const struct path_pattern *pattern, uint64_t reached, const char *name, size_t len)
{
	uint64_t next = 0;

	for (size_t i = 0; i < pattern->component_count; i++) {
		if (!(reached & (1ull << i)))
			continue;
		if (pattern->components[i].any_depth)
			next |= 1ull << i;
		else if (component_matches(pattern, &pattern->components[i], name, len))
			next |= 1ull << (i + 1);
	}
	return reach_over_stars(pattern, next);
}

bool path_pattern_may_match_below(const struct path_pattern *pattern, const char *path, size_t len)
{
	const char *end = path + len, *at = path;
	uint64_t reached = 1;

	if (pattern->component_count >= REACH_MAX)
		return true;
	reached = reach_over_stars(pattern, reached);
	while (at < end && reached) {
		const char *slash = memchr(at, '/', end - at);
		const char *name_end = slash ? slash : end;

		reached = reach_by_name(pattern, reached, at, name_end - at);
		at = slash ? slash + 1 : end;
	}
	return reached != 0;
}

static bool token_is_same(const struct path_pattern *pattern, const struct token *token,
	const struct path_pattern *other, const struct token *other_token)
{
	if (token->kind != other_token->kind)
		return false;
	if (token->kind == TOKEN_BYTE)
		return token->byte == other_token->byte;
	return token->kind != TOKEN_SET ||
	       memcmp(&pattern->sets[token->set], &other->sets[other_token->set],
		       sizeof(struct byte_set)) == 0;
}

/* Does one component match every name that the other's matches? No `**` among them. */
static bool component_covers(const struct path_pattern *pattern, const struct component *component,
	const struct path_pattern *other, const struct component *others)
{
	const struct token *tokens = &pattern->tokens[component->first];
	const struct token *other_tokens = &other->tokens[others->first];
	char name[LIMIT_NAME];
	bool same = component->count == others->count;

	if (component->count == 1 && tokens->kind == TOKEN_STAR)
		return true;
	for (size_t i = 0; i < others->count && same; i++)
		same = token_is_same(pattern, &tokens[i], other, &other_tokens[i]);
	if (same)
		return true;
	/* A longer one is no name that anything has. */
	if (!component_is_literal(other, others) || others->count > LIMIT_NAME)
		return false;
	for (size_t i = 0; i < others->count; i++)
		name[i] = (char)other_tokens[i].byte;
	return component_matches(pattern, component, name, others->count);
}

/* As a path is matched, with the other's components for names: its `**` only a `**` covers. */
bool path_pattern_covers(const struct path_pattern *pattern, const struct path_pattern *other)
{
	const struct component *components = pattern->components;
	size_t component = 0, at = 0, star = SIZE_MAX, star_at = 0;

	for (;;) {
		if (component < pattern->component_count && components[component].any_depth) {
			star = component++;
			star_at = at;
			if (component == pattern->component_count)
				return true;
			continue;
		}
		if (at == other->component_count && component == pattern->component_count)
			return true;
		if (at < other->component_count && component < pattern->component_count &&
			!other->components[at].any_depth &&
			component_covers(
				pattern, &components[component], other, &other->components[at])) {
			component++;
			at++;
			continue;
		}
		if (star == SIZE_MAX || star_at == other->component_count)
			return false;
		at = ++star_at;
		component = star + 1;
	}
}

static unsigned example_of_set(const struct byte_set *set)
{
	static const char preferred[] = "a0A-_.@";

	for (const char *at = preferred; *at; at++)
		if (set_has(set, (uint8_t)*at))
			return (uint8_t)*at;
	for (unsigned byte = '!'; byte < 0x7f; byte++)
		if (byte != '/' && set_has(set, byte))
			return byte;
	for (unsigned byte = UINT8_MAX; byte > 0; byte--)
		if (byte != '/' && set_has(set, byte))
			return byte;
	return 'a';
}

void path_pattern_example(const struct path_pattern *pattern, struct buffer *to)
{
	size_t start = to->len;

	for (size_t i = 0; i < pattern->token_count; i++) {
		const struct token *token = &pattern->tokens[i];

		if (token->kind == TOKEN_BYTE)
			buffer_add_u8(to, token->byte);
		else if (token->kind == TOKEN_ANY_BYTE)
			buffer_add_u8(to, 'a');
		else if (token->kind == TOKEN_SET)
			buffer_add_u8(to, (uint8_t)example_of_set(&pattern->sets[token->set]));
	}
	/* No name is empty. */
	if (to->len == start)
		buffer_add_u8(to, 'a');
}
