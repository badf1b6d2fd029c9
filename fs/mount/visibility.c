/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visibility.c - names by the rules for list, and directories on the way to something that is seen:
 * a walk below them that ends at the first find and goes only where a rule for the caller may
 * match.
 */
#include "fs/mount/visibility.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/bytes.h"

#define CANDIDATES 256 /* of one directory, at a time */

void viewer_begin(struct viewer *viewer, struct keystore *keystore, struct policy *policy,
	const struct ruleset *ruleset, const struct subject *subject)
{
	*viewer = (struct viewer){.keystore = keystore, .policy = policy};
	policy_view_begin(policy, ruleset, subject, &viewer->view);
	viewer->hides = ruleset_hides_names(viewer->view.ruleset);
}

void viewer_suppose(struct viewer *viewer, const struct question *question)
{
	viewer->view.question = *question;
	viewer->awaited = true;
	free(viewer->rules);
	viewer->rules = NULL;
	viewer->rule_count = 0;
	viewer->gathered = false;
}

void viewer_end(struct viewer *viewer)
{
	free(viewer->rules);
	viewer->rules = NULL;
	policy_view_end(&viewer->view);
	if (viewer->awaited)
		subject_done(&viewer->hashed);
}

static struct decision decide_names(struct viewer *viewer, const struct name_list *names)
{
	struct path_name few[4] = {0}, *all = few;
	struct decision decision = {.reason = REASON_NO_RESOURCES};

	if (names->count > ARRAY_SIZE(few)) {
		all = calloc(names->count, sizeof(*all));
		if (!all)
			return decision;
	}
	for (size_t i = 0; i < names->count; i++)
		all[i] = (struct path_name){names->names[i].path, names->names[i].len};
	decision = policy_view_decide(&viewer->view, all, names->count, PERMISSION_LIST);
	viewer->wants_hash |= decision.wants_hash;
	if (all != few)
		free(all);
	return decision;
}

/* ---- on the way ---- */

struct candidate {
	uint64_t ino;
	bool is_directory;
	struct path_name path; /* owned */
};

/* Directories that are still to be listed, the last one first. */
struct search {
	struct viewer *viewer;
	struct candidate *waiting;
	size_t waiting_count, waiting_capacity;
	/* Of the directory that is being listed. */
	struct buffer path;
	size_t directory_len;
	uint64_t cookie;
	struct candidate found[CANDIDATES];
	size_t found_count;
	bool failed;
};

static void candidate_done(struct candidate *candidate)
{
	free((char *)(uintptr_t)candidate->path.path);
}

/* Could any rule for the caller let him see this, or something below it? */
static bool may_be_seen(
	const struct viewer *viewer, const char *path, size_t len, bool is_directory)
{
	const struct ruleset *ruleset = viewer->view.ruleset;

	for (size_t i = 0; i < viewer->rule_count; i++)
		if (is_directory ? ruleset_may_match_below(ruleset, viewer->rules[i], path, len)
				 : ruleset_matches_path(ruleset, viewer->rules[i], path, len))
			return true;
	return false;
}

static int find_candidate(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct search *search = arg;
	struct buffer *path = &search->path;
	bool is_directory = info->kind == ENTRY_DIRECTORY;
	char *copy;

	search->cookie = cookie;
	path->len = search->directory_len;
	if (path->len)
		buffer_add_text(path, "/");
	buffer_add(path, name, len);
	search->failed |= path->failed;
	if (search->failed)
		return 1;
	if (!may_be_seen(search->viewer, path->data, path->len, is_directory))
		return 0;
	copy = strndup(path->data, path->len);
	search->failed = !copy;
	if (!copy)
		return 1;
	search->found[search->found_count++] =
		(struct candidate){info->ino, is_directory, {copy, path->len}};
	return search->found_count == CANDIDATES;
}

/* Takes the candidate over. */
static void let_wait(struct search *search, struct candidate *candidate)
{
	size_t capacity = search->waiting_capacity * 2 + 16;
	struct candidate *grown;

	if (search->waiting_count == search->waiting_capacity) {
		grown = reallocarray(search->waiting, capacity, sizeof(*grown));
		if (!grown) {
			candidate_done(candidate);
			search->failed = true;
			return;
		}
		search->waiting = grown;
		search->waiting_capacity = capacity;
	}
	search->waiting[search->waiting_count++] = *candidate;
}

/* By all its names, as they are now. */
static struct decision decide_candidate(struct viewer *viewer, const struct candidate *candidate)
{
	struct decision decision = {.reason = REASON_SERVER_ERROR};
	struct name_list names = {0};

	if (keystore_names(viewer->keystore, candidate->ino, &names) == 0 && names.count)
		decision = decide_names(viewer, &names);
	name_list_done(&names);
	return decision;
}

/* True when one of them is seen; directories that may lead further wait. */
static bool judge_candidates(struct search *search)
{
	bool seen = false;

	for (size_t i = 0; i < search->found_count; i++) {
		struct candidate *candidate = &search->found[i];
		struct decision decision = {0};

		if (!seen && !search->failed)
			decision = decide_candidate(search->viewer, candidate);
		seen |= decision.verdict == VERDICT_ALLOW;
		if (candidate->is_directory && decision.reason == REASON_PRIVATE_LIST)
			let_wait(search, candidate);
		else
			candidate_done(candidate);
	}
	search->found_count = 0;
	return seen;
}

/* Lists one directory; takes it over. */
static bool search_directory(struct search *search, struct candidate directory)
{
	bool full, seen = false;

	search->path.len = 0;
	search->cookie = 0;
	search->directory_len = directory.path.len;
	buffer_add(&search->path, directory.path.path, directory.path.len);
	candidate_done(&directory);
	do {
		/* It may be gone by now. */
		if (keystore_list(search->viewer->keystore, directory.ino, search->cookie,
			    find_candidate, search) < 0)
			return false;
		full = search->found_count == CANDIDATES;
		seen = judge_candidates(search);
	} while (full && !seen && !search->failed);
	return seen;
}

static bool search_below(struct viewer *viewer, uint64_t ino, const char *path, size_t len)
{
	struct search *search = calloc(1, sizeof(*search));
	struct candidate start = {ino, true, {strndup(path, len), len}};
	bool seen = false;

	if (!search || !start.path.path) {
		candidate_done(&start);
		free(search);
		return false;
	}
	search->viewer = viewer;
	let_wait(search, &start);
	while (!seen && !search->failed && search->waiting_count)
		seen = search_directory(search, search->waiting[--search->waiting_count]);
	while (search->waiting_count)
		candidate_done(&search->waiting[--search->waiting_count]);
	free(search->waiting);
	buffer_done(&search->path);
	free(search);
	return seen;
}

static bool leads_to_something(struct viewer *viewer, uint64_t ino, const char *path, size_t len)
{
	if (!viewer->gathered) {
		if (ruleset_concerning(viewer->view.ruleset, viewer->view.question.subject,
			    &viewer->rules, &viewer->rule_count) < 0)
			return false;
		viewer->gathered = true;
	}
	return may_be_seen(viewer, path, len, true) && search_below(viewer, ino, path, len);
}

/* ---- names ---- */

static const struct decision seen_by_all = {
	.verdict = VERDICT_ALLOW, .reason = REASON_DEFAULT_LIST};

/* Leaving out what lies above. */
static struct decision decide_entry(
	struct viewer *viewer, const struct entry_info *info, const struct name_list *names)
{
	struct decision decision = decide_names(viewer, names);

	if (decision.reason == REASON_PRIVATE_LIST && info->kind == ENTRY_DIRECTORY &&
		leads_to_something(viewer, info->ino, names->names[0].path, names->names[0].len))
		decision = (struct decision){.verdict = VERDICT_ALLOW, .reason = REASON_ON_THE_WAY};
	return decision;
}

/* A directory that is denied hides what is below it. What a private vault hides does not. */
static bool is_denied(
	struct viewer *viewer, const char *path, size_t len, struct decision *ret_decision)
{
	const struct path_name name = {path, len};
	struct decision decision;

	decision = policy_view_decide(&viewer->view, &name, 1, PERMISSION_LIST);
	viewer->wants_hash |= decision.wants_hash;
	*ret_decision = decision;
	return decision.verdict != VERDICT_ALLOW && decision.reason != REASON_PRIVATE_LIST;
}

/* Some directory above this name. */
static bool is_cut_off(
	struct viewer *viewer, const char *path, size_t len, struct decision *ret_decision)
{
	for (size_t i = 1; i < len; i++)
		if (path[i] == '/' && is_denied(viewer, path, i, ret_decision))
			return true;
	return false;
}

static uint32_t count_reachable(
	struct viewer *viewer, const struct name_list *names, struct decision *ret_decision)
{
	uint32_t count = 0;

	for (size_t i = 0; i < names->count; i++)
		if (!is_cut_off(viewer, names->names[i].path, names->names[i].len, ret_decision))
			count++;
	return count;
}

/* True: the hash was waited for, and another answer is to be had. */
static bool await_hash(struct viewer *viewer)
{
	if (!viewer->wants_hash || viewer->awaited ||
		subject_copy(viewer->view.question.subject, &viewer->hashed) < 0)
		return false;
	viewer->awaited = true;
	viewer->view.question.subject = &viewer->hashed;
	if (policy_await_hash(viewer->policy, &viewer->hashed))
		policy_view_look_again(viewer->policy, &viewer->view);
	else
		viewer->view.looked.surroundings.hash_failed = true;
	return true;
}

static struct decision decide_once(struct viewer *viewer, const struct entry_info *info,
	const struct name_list *names, bool with_above)
{
	struct decision decision, above;

	viewer->wants_hash = false;
	decision = decide_entry(viewer, info, names);
	if (decision.verdict == VERDICT_ALLOW && with_above &&
		!count_reachable(viewer, names, &above))
		decision = above;
	return decision;
}

static struct decision decide_name(struct viewer *viewer, const struct entry_info *info,
	const struct name_list *names, bool with_above)
{
	struct decision decision;

	do
		decision = decide_once(viewer, info, names, with_above);
	while (await_hash(viewer));
	/* What an unknown hash may be denied is not seen. */
	if (viewer->wants_hash)
		decision = (struct decision){.reason = REASON_HASH_UNKNOWN};
	return decision;
}

static struct decision decide_inode(struct viewer *viewer, uint64_t ino, bool with_above)
{
	struct decision decision = {.reason = REASON_SERVER_ERROR};
	struct name_list names = {0};
	struct entry_info info;

	if (!viewer->hides || ino == ROOT_INO)
		return seen_by_all;
	if (keystore_stat(viewer->keystore, ino, &info) == 0 &&
		keystore_names(viewer->keystore, ino, &names) == 0 && names.count)
		decision = decide_name(viewer, &info, &names, with_above);
	name_list_done(&names);
	return decision;
}

struct decision viewer_decide(struct viewer *viewer, uint64_t ino)
{
	return decide_inode(viewer, ino, true);
}

bool viewer_sees(struct viewer *viewer, uint64_t ino)
{
	return decide_inode(viewer, ino, true).verdict == VERDICT_ALLOW;
}

bool viewer_sees_entry(struct viewer *viewer, uint64_t ino)
{
	return decide_inode(viewer, ino, false).verdict == VERDICT_ALLOW;
}

bool viewer_way_is_open(struct viewer *viewer, uint64_t ino)
{
	struct decision decision;
	struct name_list names = {0};
	bool open = false;

	if (!viewer->hides || ino == ROOT_INO)
		return true;
	if (keystore_names(viewer->keystore, ino, &names) == 0 && names.count) {
		do {
			viewer->wants_hash = false;
			open = !is_denied(viewer, names.names[0].path, names.names[0].len,
				       &decision) &&
			       !is_cut_off(
				       viewer, names.names[0].path, names.names[0].len, &decision);
		} while (await_hash(viewer));
		open &= !viewer->wants_hash;
	}
	name_list_done(&names);
	return open;
}

void viewer_veil(const struct viewer *viewer, struct entry_info *info)
{
	if (!viewer->hides)
		return;
	info->nlink = 1;
	info->ctime_ns = info->btime_ns;
	if (info->kind == ENTRY_DIRECTORY)
		info->mtime_ns = info->btime_ns;
}

uint32_t viewer_links(struct viewer *viewer, const struct entry_info *info)
{
	struct name_list names = {0};
	struct decision decision;
	uint32_t links = 1;

	if (!viewer->hides)
		return info->nlink;
	if (info->kind != ENTRY_DIRECTORY && info->nlink > 1 &&
		keystore_names(viewer->keystore, info->ino, &names) == 0)
		links = count_reachable(viewer, &names, &decision);
	name_list_done(&names);
	return links;
}
