/* SPDX-License-Identifier: Apache-2.0 */
/* name_meant.c - compares one name with those of its directory. */
#include "fs/cmd/name_meant.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keystore/base/limits.h"
#include "keystore/base/scope.h"
#include "policy/near_word.h"

#define GLOB_BYTES    "*?[\\"
#define BEGINNING_MIN 3 /* shorter ones begin too many names */

enum nearness { NEAR_CASE, NEAR_TYPO, NEAR_BEGINNING, NEAR_NOT };

struct near_name {
	const char *word;
	size_t len;
	char *found; /* owned */
	enum nearness nearness;
	bool several; /* begin so: none of them */
};

static enum nearness nearness_of(const struct near_name *near, const char *name)
{
	if (strlen(name) == near->len && strncasecmp(name, near->word, near->len) == 0)
		return NEAR_CASE;
	if (nearest_word(near->word, near->len, &name, 1))
		return NEAR_TYPO;
	return near->len >= BEGINNING_MIN && strncmp(name, near->word, near->len) == 0
		       ? NEAR_BEGINNING
		       : NEAR_NOT;
}

/* Of two mistyped ones the nearer; of equals the first by name, whatever the order of the list. */
static bool is_nearer(const struct near_name *near, const char *name)
{
	bool before = strcmp(name, near->found) < 0;
	const char *both[] = {before ? name : near->found, before ? near->found : name};

	return nearest_word(near->word, near->len, both, ARRAY_SIZE(both)) == name;
}

static int consider(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct near_name *near = arg;
	scope_free char *copy = strndup(name, len);
	enum nearness nearness = copy ? nearness_of(near, copy) : NEAR_NOT;

	(void)cookie;
	(void)info;
	near->several |= nearness == NEAR_BEGINNING && near->nearness == NEAR_BEGINNING;
	if (nearness > near->nearness || nearness == NEAR_NOT ||
		(nearness == near->nearness && (nearness != NEAR_TYPO || !is_nearer(near, copy))))
		return 0;
	free(near->found);
	near->found = take(&copy);
	near->nearness = nearness;
	return 0;
}

/* The name of this directory that is nearest to the word; malloc'ed, or NULL. */
static char *nearest_name(struct keystore *keystore, uint64_t ino, const char *word, size_t len)
{
	struct near_name near = {.word = word, .len = len, .nearness = NEAR_NOT};

	keystore_list(keystore, ino, 0, consider, &near);
	if (near.nearness != NEAR_BEGINNING || !near.several)
		return near.found;
	free(near.found);
	return NULL;
}

bool name_meant(struct keystore *keystore, const char *path, struct buffer *to)
{
	scope_free char *found = NULL;
	uint64_t ino = ROOT_INO;
	const char *at = path;
	struct entry_info info;

	for (;; at += strcspn(at, "/")) {
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 0 || strcspn(at, GLOB_BYTES) < len)
			return false;
		if (keystore_lookup(keystore, ino, at, len, &info) == 0) {
			ino = info.ino;
			continue;
		}
		found = nearest_name(keystore, ino, at, len);
		if (!found)
			return false;
		buffer_add(to, path, (size_t)(at - path));
		buffer_add_text(to, found);
		buffer_add_text(to, at + len);
		return !to->failed;
	}
}

static bool is_there(struct keystore *keystore, const char *path)
{
	struct entry_info info;

	return *path && keystore_resolve(keystore, path, strlen(path), &info) == 0;
}

/* Every name may be mistyped, one after the other. */
static bool mistyped_path(struct keystore *keystore, const char *path, struct buffer *to)
{
	scope_free char *current = strdup(path);

	for (unsigned i = 0; current && i < LIMIT_DEPTH && !is_there(keystore, current); i++) {
		scope_buffer struct buffer next = {0};
		char *taken;
		size_t len;

		if (!name_meant(keystore, current, &next) || buffer_take(&next, &taken, &len) < 0)
			return false;
		free(current);
		current = taken;
	}
	if (!current || !is_there(keystore, current))
		return false;
	buffer_add_text(to, current);
	return !to->failed;
}

bool path_meant(struct keystore *keystore, const char *path, struct buffer *to)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += strspn(at, "/");
		if (at != path && is_there(keystore, at)) {
			buffer_add_text(to, at);
			return !to->failed;
		}
	}
	return mistyped_path(keystore, path, to);
}
