/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_pattern_meant.c - what somebody meant whose pattern is none: "vision/", "./vision/" and the
 * like. For "did you mean" alone.
 */
#include <errno.h>

#include "policy/path_pattern.h"
#include "policy/rule_words_private.h"
#include "policy/shell_word.h"

static void add_name(struct buffer *to, const char *name, size_t len)
{
	if (to->len)
		buffer_add_u8(to, '/');
	buffer_add(to, name, len);
}

/* One name, of which "**" is a name of its own: "vision**" and "**.onnx" are two. */
static void add_component(struct buffer *to, const char *name, size_t len)
{
	const char *stars = memmem(name, len, "**", 2);
	const char *after = stars;

	if (!stars) {
		add_name(to, name, len);
		return;
	}
	while (after < name + len && *after == '*')
		after++;
	if (stars != name)
		add_name(to, name, (size_t)(stars - name));
	add_name(to, "**", 2);
	if (after == name + len)
		return;
	add_name(to, "*", 1);
	buffer_add(to, after, (size_t)(name + len - after));
}

/* Appends a pattern; false when it is not seen. */
static bool spell(const char *text, struct buffer *to)
{
	scope(path_pattern_free) struct path_pattern *compiled = NULL;
	size_t len;
	bool quoted;

	text += strspn(text, " ");
	len = strlen(text);
	while (len && text[len - 1] == ' ')
		len--;
	quoted = len > 2 && *text == text[len - 1] && strchr("'\"", *text);
	text += quoted;
	len -= 2 * quoted;
	for (const char *at = text, *end = text + len; at < end;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t name_len = (size_t)((slash ? slash : end) - at);

		if (name_len == 2 && memcmp(at, "..", 2) == 0)
			return false;
		if (name_len && !(name_len == 1 && *at == '.'))
			add_component(to, at, name_len);
		at += name_len + 1;
	}
	/* Everything is never offered. */
	if (!to->len)
		return false;
	if (text[len - 1] == '/' && (len < 2 || text[len - 2] != '*'))
		buffer_add_text(to, "/**");
	return !to->failed && !memchr(to->data, ',', to->len) && !memchr(to->data, ' ', to->len) &&
	       path_pattern_new(buffer_text(to), to->len, &compiled, NULL) == 0;
}

int words_complain_about_pattern(const char *text, const char *why, char **ret_mistake)
{
	scope_buffer struct buffer meant = {0}, shown = {0};

	if (!spell(text, &meant))
		return words_complain(ret_mistake, -EINVAL, text, " is no pattern: %s%s", why,
			strchr(text, ',') ? "; one pattern a rule" : "");
	shell_word_write(buffer_text(&meant), meant.len, &shown);
	return words_complain(ret_mistake, -EINVAL, text, " is no pattern: %s; did you mean %s?",
		why, buffer_text(&shown));
}
