/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_words_order.c - SUBJECT... PERMS PATTERN: the words as a whole, before each is read. What
 * stands in another order, or is too much or too little, is told by what it looks like.
 */
#include <assert.h>
#include <errno.h>

#include "keystore/base/limits.h"
#include "policy/near_word.h"
#include "policy/permission.h"
#include "policy/rule_words_private.h"
#include "policy/shell_word.h"

static const char *const permission_words[] = {"read", "write", "list"};
static_assert(ARRAY_SIZE(permission_words) == PERMISSION_COUNT, "every permission");

static bool is_permissions(const char *word)
{
	unsigned permissions;

	return permissions_from_text(word, &permissions) == 0;
}

/* Does one of the words that commas part stand in the list? */
static bool has_permission(const char *list, const char *word, size_t len)
{
	for (const char *at = list; *at; at += strspn(at, ",")) {
		size_t at_len = strcspn(at, ",");

		if (at_len == len && memcmp(at, word, len) == 0)
			return true;
		at += at_len;
	}
	return false;
}

/*
 * "read" and "write" of "read," ",write": the words that these bytes part, each once, appended to
 * `to`.
 */
static bool add_permissions(const char *word, const char *between, struct buffer *to)
{
	bool any = false;

	for (const char *at = word + strspn(word, between); *at; at += strspn(at, between)) {
		size_t len = strcspn(at, between);

		if (!word_in(at, len, permission_words, ARRAY_SIZE(permission_words)))
			return false;
		if (!to->len || !has_permission(buffer_text(to), at, len)) {
			if (to->len)
				buffer_add_u8(to, ',');
			buffer_add(to, at, len);
		}
		at += len;
		any = true;
	}
	return any;
}

/* How people write permissions elsewhere; NULL: not known. */
static const char *permissions_meant(const char *word)
{
	static const struct {
		const char *word, *meant;
	} known[] = {{"r", "read"}, {"ro", "read"}, {"w", "write"}, {"rw", "read,write"},
		{"wr", "read,write"}, {"readwrite", "read,write"}, {"read-write", "read,write"},
		{"read+write", "read,write"}, {"read/write", "read,write"},
		{"read|write", "read,write"}, {"read;write", "read,write"}, {"open", "read"},
		{"load", "read"}, {"use", "read"}, {"access", "read"}, {"ls", "list"},
		{"all", "read,write,list"}, {"full", "read,write,list"}, {"rwx", "read,write"},
		{"view", "read"}, {"show", "read"}, {"get", "read"}, {"x", "read"},
		{"exec", "read"}, {"execute", "read"}, {"run", "read"}, {"see", "list"}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(word, known[i].word) == 0)
			return known[i].meant;
	for (size_t i = 0; i < ARRAY_SIZE(permission_words); i++)
		if (strcasecmp(word, permission_words[i]) == 0)
			return permission_words[i];
	return NULL;
}

static int complain_about_permissions(const char *word, char **ret_mistake)
{
	scope_buffer struct buffer tidy = {0};
	const char *value = word + strcspn(word, ":=");
	const char *meant = permissions_meant(word);

	/* "perm:read" */
	value = *value && value[1] ? value + 1 : word;
	if (!meant && add_permissions(value, ", +/|;&", &tidy) &&
		is_permissions(buffer_text(&tidy)))
		meant = buffer_text(&tidy);
	for (const char *at = word; !meant; at++) {
		size_t len = strcspn(at, ",");

		if (!word_in(at, len, permission_words, ARRAY_SIZE(permission_words)))
			meant = nearest_word(
				at, len, permission_words, ARRAY_SIZE(permission_words));
		at += len;
		if (*at == '\0')
			break;
	}
	if (meant)
		return words_complain(
			ret_mistake, -EINVAL, word, " are no permissions: did you mean %s?", meant);
	return words_complain(ret_mistake, -EINVAL, word,
		" are no permissions: read, write, list, or several with commas, each once");
}

/* "read write 'x'", "read, write 'x'", "read and write 'x'": several words of permissions. */
static int check_permissions_apart(const char *const *words, size_t count, char **ret_mistake)
{
	for (size_t i = 0; i + 1 < count; i++) {
		scope_buffer struct buffer all = {0};
		size_t used = 0;

		for (size_t j = i; j < count; j++) {
			bool joins = strcmp(words[j], "and") == 0 || strcmp(words[j], ",") == 0;

			if (!(used && joins) && !add_permissions(words[j], ", ", &all))
				break;
			used++;
		}
		if (used > 1 && !all.failed)
			return words_complain(ret_mistake, -EINVAL, words[i],
				": several permissions are one word, with commas: %s",
				buffer_text(&all));
	}
	return 0;
}

static int complain_swapped(const char *pattern, const char *permissions, char **ret_mistake)
{
	scope_buffer struct buffer quoted = {0};

	shell_word_write(pattern, strlen(pattern), &quoted);
	return words_complain(ret_mistake, -EINVAL, pattern,
		" stands before %s: the permissions come first, then the pattern: %s %s",
		permissions, permissions, buffer_text(&quoted));
}

/* The pattern, user:alice, read: what is asked for stands in front of who may. */
static int complain_pattern_first(
	const char *const *words, size_t count, const char *permissions, char **ret_mistake)
{
	scope_buffer struct buffer right = {0};

	for (size_t i = 1; i + 1 < count; i++) {
		shell_word_write(words[i], strlen(words[i]), &right);
		buffer_add_u8(&right, ' ');
	}
	buffer_add_format(&right, "%s ", permissions);
	shell_word_write(words[0], strlen(words[0]), &right);
	return words_complain(ret_mistake, -EINVAL, words[0],
		" stands first: subjects, permissions, and the pattern last: %s",
		buffer_text(&right));
}

/* Permissions stand at words[at], and not where they belong. */
static int complain_about_place(
	const char *const *words, size_t count, size_t at, char **ret_mistake)
{
	for (size_t i = at + 1; i < count; i++)
		if (word_means_subject(words[i]))
			return words_complain(ret_mistake, -EINVAL, words[i],
				" stands behind %s: subjects come first, as in user:alice %s "
				"'llama/**'",
				words[at], words[at]);
	if (at + 1 == count && at > 1 && strpbrk(words[0], "/*") && *words[0] != '/' &&
		word_means_subject(words[at - 1]) && !word_means_subject(words[0]))
		return complain_pattern_first(words, count, words[at], ret_mistake);
	if (at + 1 == count && at > 0 && word_means_subject(words[at - 1]))
		return words_complain(ret_mistake, -EINVAL, words[at],
			" is followed by no pattern: say which files, '**' for all");
	if (at + 1 == count && at > 0)
		return complain_swapped(words[at - 1], words[at], ret_mistake);
	if (at + 1 == count)
		return words_complain(ret_mistake, -EINVAL, words[at],
			" stands alone: SUBJECT... PERMS PATTERN, as in user:alice %s 'llama/**'",
			words[at]);
	if (at + 2 == count)
		return words_complain(
			ret_mistake, -EINVAL, words[0], " has no subject before it: " KINDS_HELP);
	return words_complain(ret_mistake, -EINVAL, words[at + 2],
		" is one word too many: behind %s stands one pattern; what has blanks or a '*', a "
		"--note too, stands in quotes so that the shell leaves it whole",
		words[at]);
}

/* No word is permissions. */
static int complain_about_none(const char *const *words, size_t count, char **ret_mistake)
{
	const char *last = words[count - 1];

	if (count > 1 && permissions_meant(words[count - 2]))
		return complain_about_permissions(words[count - 2], ret_mistake);
	if (word_means_subject(last))
		return words_complain(ret_mistake, -EINVAL, last,
			" is followed by no permissions and no pattern: as in read 'llama/**'");
	if (count == 1)
		return words_complain(ret_mistake, -EINVAL, last,
			" has no permissions before it, and no subject: as in user:alice read "
			"'llama/**'");
	if (word_means_subject(words[count - 2]))
		return words_complain(ret_mistake, -EINVAL, last,
			" has no permissions before it: read, write or list");
	return complain_about_permissions(words[count - 2], ret_mistake);
}

static int check_number(size_t count, char **ret_mistake)
{
	if (count - 2 <= LIMIT_RULE_WORDS)
		return 0;
	return words_complain(ret_mistake, -EINVAL, NULL,
		"too many subject words: at most %d in one rule", LIMIT_RULE_WORDS);
}

int words_check_order(const char *const *words, size_t count, char **ret_mistake)
{
	size_t first = 0;
	int r;

	if (count == 0)
		return words_complain(ret_mistake, -EINVAL, NULL,
			"nothing is said: SUBJECT... PERMS PATTERN, as in user:alice read "
			"'llama/**'");
	while (first < count && !is_permissions(words[first]))
		first++;
	r = check_permissions_apart(words, count - (first + 2 == count), ret_mistake);
	if (r < 0)
		return r;
	if (count > 2 && first + 2 == count)
		return check_number(count, ret_mistake);
	for (size_t i = 0; i < count && r == 0; i++)
		r = words_complain_about_phrase(
			words[i], i + 1 < count ? words[i + 1] : NULL, ret_mistake);
	if (r < 0)
		return r;
	return first < count ? complain_about_place(words, count, first, ret_mistake)
			     : complain_about_none(words, count, ret_mistake);
}
