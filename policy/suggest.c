/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.c - accesses are sorted by who and path, so that what one program of one user opened
 * below a directory stands together. The same access is kept once: when the list is full it is
 * sorted and joined before it grows.
 */
#include "policy/suggest.h"

#include <errno.h>
#include <stdlib.h>

#include "keystore/base/limits.h"

struct access {
	struct suggest_who who; /* texts owned by the tables below */
	char *path;		/* owned; path_len bytes and a NUL */
	size_t path_len;
	uint64_t opens;
	int64_t first_ns, last_ns;
};

struct suggest {
	struct access *list;
	size_t count, room, sorted; /* the first `sorted` are in order, and each once */
	bool is_walked;		    /* the list keeps its order */
	char **texts;		    /* owned; programs and units, each once */
	size_t text_count;
};

int suggest_new(struct suggest **ret_suggest)
{
	*ret_suggest = calloc(1, sizeof(**ret_suggest));
	return *ret_suggest ? 0 : -ENOMEM;
}

struct suggest *suggest_free(struct suggest *suggest)
{
	if (!suggest)
		return NULL;
	for (size_t i = 0; i < suggest->count; i++)
		free(suggest->list[i].path);
	for (size_t i = 0; i < suggest->text_count; i++)
		free(suggest->texts[i]);
	free(suggest->list);
	free(suggest->texts);
	free(suggest);
	return NULL;
}

/* The one copy of a text; there are few. */
static int keep_text(struct suggest *suggest, const char *text, const char **ret_text)
{
	char **grown;

	*ret_text = NULL;
	if (!text)
		return 0;
	for (size_t i = 0; i < suggest->text_count && !*ret_text; i++)
		if (strcmp(suggest->texts[i], text) == 0)
			*ret_text = suggest->texts[i];
	if (*ret_text)
		return 0;
	grown = reallocarray(suggest->texts, suggest->text_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	suggest->texts = grown;
	grown[suggest->text_count] = strdup(text);
	if (!grown[suggest->text_count])
		return -ENOMEM;
	*ret_text = grown[suggest->text_count++];
	return 0;
}

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_who(const struct suggest_who *a, const struct suggest_who *b)
{
	int r = (a->contained > b->contained) - (a->contained < b->contained);

	if (r == 0)
		r = (a->uid > b->uid) - (a->uid < b->uid);
	if (r == 0)
		r = compare_texts(a->exe, b->exe);
	return r ? r : compare_texts(a->unit, b->unit);
}

/* A directory's files stand together, whatever bytes names have that are less than '/'. */
static int compare_paths(const struct access *a, const struct access *b)
{
	size_t len = a->path_len < b->path_len ? a->path_len : b->path_len;

	for (size_t i = 0; i < len; i++) {
		if (a->path[i] == b->path[i])
			continue;
		if (a->path[i] == '/' || b->path[i] == '/')
			return a->path[i] == '/' ? -1 : 1;
		return (unsigned char)a->path[i] < (unsigned char)b->path[i] ? -1 : 1;
	}
	return (a->path_len > b->path_len) - (a->path_len < b->path_len);
}

static int compare(const void *a, const void *b)
{
	const struct access *first = a, *second = b;
	int r = compare_who(&first->who, &second->who);

	return r ? r : compare_paths(first, second);
}

static void join_into(struct access *kept, struct access *other)
{
	kept->opens += other->opens;
	if (other->first_ns < kept->first_ns)
		kept->first_ns = other->first_ns;
	if (other->last_ns > kept->last_ns)
		kept->last_ns = other->last_ns;
	free(other->path);
}

static void sort_and_join(struct suggest *suggest)
{
	size_t kept = 0;

	if (suggest->sorted == suggest->count)
		return;
	qsort(suggest->list, suggest->count, sizeof(*suggest->list), compare);
	for (size_t i = 1; i < suggest->count; i++) {
		if (compare(&suggest->list[kept], &suggest->list[i]) == 0)
			join_into(&suggest->list[kept], &suggest->list[i]);
		else
			suggest->list[++kept] = suggest->list[i];
	}
	suggest->count = suggest->sorted = kept + 1;
}

static int reserve(struct suggest *suggest)
{
	size_t room = suggest->room ? 2 * suggest->room : 1024;
	struct access *list;

	if (suggest->count < suggest->room)
		return 0;
	if (!suggest->is_walked)
		sort_and_join(suggest);
	if (suggest->count < suggest->room / 2)
		return 0;
	list = reallocarray(suggest->list, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	suggest->list = list;
	suggest->room = room;
	return 0;
}

int suggest_add(struct suggest *suggest, const struct suggest_who *who, const char *path,
	size_t len, uint64_t opens, int64_t time_ns)
{
	struct access access = {.who = *who,
		.path_len = len,
		.opens = opens,
		.first_ns = time_ns,
		.last_ns = time_ns};
	int r;

	r = reserve(suggest);
	if (r == 0)
		r = keep_text(suggest, who->exe, &access.who.exe);
	if (r == 0)
		r = keep_text(suggest, who->unit, &access.who.unit);
	if (r < 0)
		return r;
	access.path = strndup(path, len);
	if (!access.path)
		return -ENOMEM;
	suggest->list[suggest->count++] = access;
	return 0;
}

int suggest_each_path(struct suggest *suggest,
	int (*each)(void *arg, const struct suggest_who *who, const char *path, size_t len),
	void *arg)
{
	size_t count;
	int r = 0;

	sort_and_join(suggest);
	count = suggest->count;
	suggest->is_walked = true;
	/* What each adds is not walked; it may move the list. */
	for (size_t i = 0; i < count && r >= 0; i++) {
		scope_free char *path = strdup(suggest->list[i].path);
		struct suggest_who who = suggest->list[i].who;

		r = path ? each(arg, &who, path, suggest->list[i].path_len) : -ENOMEM;
	}
	suggest->is_walked = false;
	return r < 0 ? r : 0;
}

/* ---- from accesses to patterns ---- */

struct suggesting {
	const struct suggest *suggest;
	uint64_t (*count_files)(void *arg, const char *path, size_t len);
	int (*each)(void *arg, const struct suggestion *suggestion);
	void *arg;
};

/* The path as a pattern that matches nothing else: of a name at the root, "/name". */
static void add_literal(const char *path, size_t len, bool below, struct buffer *to)
{
	if (!below && !memchr(path, '/', len))
		buffer_add_u8(to, '/');
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[\\", path[i]))
			buffer_add_u8(to, '\\');
		buffer_add_u8(to, (uint8_t)path[i]);
	}
	if (below)
		buffer_add_text(to, "/**");
}

/* The accesses from first to end, all of them at or below the path. */
static int suggest_range(const struct suggesting *suggesting, size_t first, size_t end,
	const char *path, size_t len, bool below)
{
	const struct access *list = suggesting->suggest->list;
	struct suggestion suggestion = {.who = list[first].who,
		.files = end - first,
		.first_ns = list[first].first_ns,
		.last_ns = list[first].last_ns};
	scope_buffer struct buffer pattern = {0};

	for (size_t i = first; i < end; i++) {
		suggestion.opens += list[i].opens;
		if (list[i].first_ns < suggestion.first_ns)
			suggestion.first_ns = list[i].first_ns;
		if (list[i].last_ns > suggestion.last_ns)
			suggestion.last_ns = list[i].last_ns;
	}
	add_literal(path, len, below, &pattern);
	if (pattern.failed)
		return -ENOMEM;
	/* Longer than a pattern may be, nothing can be suggested. */
	if (pattern.len > LIMIT_PATTERN)
		return 0;
	suggestion.pattern = buffer_text(&pattern);
	return suggesting->each(suggesting->arg, &suggestion);
}

/* The end of those from first on that have the same name at this depth; 0 bytes: it is a file. */
static size_t same_name_end(
	const struct access *list, size_t first, size_t end, size_t prefix, size_t *ret_len)
{
	const char *path = list[first].path;
	const char *slash = memchr(path + prefix, '/', list[first].path_len - prefix);
	size_t len = slash ? (size_t)(slash - path) : 0, i = first + 1;

	*ret_len = len;
	while (len && i < end && list[i].path_len > len && list[i].path[len] == '/' &&
		memcmp(list[i].path, path, len) == 0)
		i++;
	return i;
}

/* All of one who, below the directory of `prefix` bytes, its '/' included. */
static int walk(const struct suggesting *suggesting, size_t first, size_t end, size_t prefix)
{
	const struct access *list = suggesting->suggest->list;
	int r = 0;

	while (first < end && r == 0) {
		const char *path = list[first].path;
		size_t len, next = same_name_end(list, first, end, prefix, &len);

		if (!len)
			r = suggest_range(
				suggesting, first, next, path, list[first].path_len, false);
		else if (next - first >= 2 &&
			 2 * (uint64_t)(next - first) >
				 suggesting->count_files(suggesting->arg, path, len))
			r = suggest_range(suggesting, first, next, path, len, true);
		else
			r = walk(suggesting, first, next, len + 1);
		first = next;
	}
	return r;
}

int suggest_each(struct suggest *suggest,
	uint64_t (*count_files)(void *arg, const char *path, size_t len),
	int (*each)(void *arg, const struct suggestion *suggestion), void *arg)
{
	const struct suggesting suggesting = {suggest, count_files, each, arg};
	size_t first = 0, end;
	int r = 0;

	sort_and_join(suggest);
	for (; first < suggest->count && r == 0; first = end) {
		for (end = first + 1; end < suggest->count; end++)
			if (compare_who(&suggest->list[first].who, &suggest->list[end].who) != 0)
				break;
		r = walk(&suggesting, first, end, 0);
	}
	return r;
}
