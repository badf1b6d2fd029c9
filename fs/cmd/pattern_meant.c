/* SPDX-License-Identifier: Apache-2.0 */
/* pattern_meant.c - tries other spellings of a pattern, all of them in one walk of the tree. */
#include "fs/cmd/pattern_meant.h"

#include <stdlib.h>
#include <string.h>

#include "fs/cmd/name_meant.h"
#include "fs/cmd/tree_walk.h"
#include "policy/path_pattern.h"
#include "policy/shell_word.h"

#define TRIES_MAX 24

struct spelling {
	char *text; /* owned */
	struct path_pattern *pattern;
	uint64_t files;
};

struct tries {
	struct spelling list[TRIES_MAX]; /* the likelier one first */
	size_t count;
};

static void tries_done(struct tries *tries)
{
	for (size_t i = 0; i < tries->count; i++) {
		free(tries->list[i].text);
		path_pattern_free(tries->list[i].pattern);
	}
}

/* before + text + after; what is no pattern, or everything, is left out. */
static void add_try(struct tries *tries, const char *before, const char *text, const char *after)
{
	struct spelling *spelling = &tries->list[tries->count];
	scope_buffer struct buffer whole = {0};
	size_t len;

	if (tries->count == TRIES_MAX || text[strspn(text, "/*")] == '\0')
		return;
	buffer_add_format(&whole, "%s%s%s", before, text, after);
	if (buffer_take(&whole, &spelling->text, &len) < 0)
		return;
	if (path_pattern_new(spelling->text, len, &spelling->pattern, NULL) == 0)
		tries->count++;
	else
		free(spelling->text);
}

static int count_match(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct tries *tries = arg;

	for (size_t i = 0; i < tries->count && info->kind == ENTRY_FILE; i++)
		if (path_pattern_matches(tries->list[i].pattern, path, len))
			tries->list[i].files++;
	return 0;
}

/* The first that matches a file, or NULL. */
static const struct spelling *try_all(struct vault *vault, struct tries *tries)
{
	struct entry_info root;

	if (keystore_stat(vault->keystore, ROOT_INO, &root) < 0)
		return NULL;
	tree_walk(vault->keystore, "", 0, &root, count_match, tries);
	for (size_t i = 0; i < tries->count; i++)
		if (tries->list[i].files)
			return &tries->list[i];
	return NULL;
}

static void add_with_all_below(struct tries *tries, const char *text)
{
	add_try(tries, "", text, "");
	add_try(tries, "", text, "/**");
}

/* Blanks around it, a directory's name alone, a path that begins elsewhere, a name mistyped. */
static void collect_spellings(struct vault *vault, const char *pattern, struct tries *tries)
{
	scope_free char *trimmed = strdup(pattern + strspn(pattern, " "));
	scope_buffer struct buffer near = {0};
	size_t len;

	if (!trimmed)
		return;
	for (len = strlen(trimmed); len && trimmed[len - 1] == ' '; len--)
		trimmed[len - 1] = '\0';
	add_with_all_below(tries, trimmed);
	if (name_meant(vault->keystore, trimmed, &near))
		add_with_all_below(tries, buffer_text(&near));
	add_try(tries, "**/", trimmed, "");
	add_try(tries, "**/", trimmed, "/**");
	for (const char *at = strchr(trimmed, '/'); at; at = strchr(at + 1, '/'))
		add_with_all_below(tries, at + 1);
}

static bool is_directory(struct vault *vault, const char *path)
{
	struct entry_info info;

	return keystore_resolve(vault->keystore, path, strlen(path), &info) == 0 &&
	       info.kind == ENTRY_DIRECTORY;
}

static void remark_on_nothing(struct vault *vault, struct output *output, const char *pattern)
{
	__attribute__((cleanup(tries_done))) struct tries tries = {0};
	scope_buffer struct buffer meant = {0}, given = {0};
	const struct spelling *found;

	shell_word_write(pattern, strlen(pattern), &given);
	collect_spellings(vault, pattern, &tries);
	found = try_all(vault, &tries);
	if (found)
		shell_word_write(found->text, strlen(found->text), &meant);
	if (found && is_directory(vault, pattern))
		remark(output, "%s is a directory: did you mean %s, which is what is in it?",
			buffer_text(&given), buffer_text(&meant));
	else if (found)
		remark(output, "no file matches %s: did you mean %s?", buffer_text(&given),
			buffer_text(&meant));
	else if (strchr(pattern, '{'))
		remark(output,
			"no file matches %s: '{' and ',' stand for themselves in a pattern: make a "
			"rule of each",
			buffer_text(&given));
}

/* "vision/" and a star is one level; a star alone is every level. */
static void remark_on_depth(
	struct vault *vault, struct output *output, const char *pattern, uint64_t files)
{
	__attribute__((cleanup(tries_done))) struct tries tries = {0};
	const struct spelling *found;
	scope_buffer struct buffer meant = {0};
	size_t len = strlen(pattern);

	if (len < 3 || strcmp(pattern + len - 2, "/*") != 0)
		return;
	add_try(&tries, "", pattern, "*");
	found = try_all(vault, &tries);
	if (!found || found->files <= files)
		return;
	shell_word_write(found->text, strlen(found->text), &meant);
	remark(output, "it does not match %llu file%s deeper down: %s does",
		(unsigned long long)(found->files - files), plural(found->files - files),
		buffer_text(&meant));
}

void pattern_remark(
	struct vault *vault, struct output *output, const struct rule *rule, uint64_t files)
{
	if (files == 0)
		remark_on_nothing(vault, output, rule->pattern);
	else if (strcmp(rule->pattern, "*") == 0)
		remark(output, "'*' is every name at any depth; '/*' is those at the root alone");
	else
		remark_on_depth(vault, output, rule->pattern, files);
}
