/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_trust.c - is this vault the one that was left here: does its trail go on, and is it as new
 * as the anchor has seen? One who accepts the databases as they are is told what was otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/vault_private.h"
#include "keystore/anchor.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

/* "20261122T050000": of a name that sorts and needs no quotes. */
void vault_time_name(char ret_text[TIME_NAME_SIZE])
{
	char text[TIME_TEXT_SIZE];
	size_t len = 0;

	time_to_text(clock_now_ns(), text);
	for (const char *at = text; *at && *at != '.' && len < TIME_NAME_SIZE - 1; at++)
		if (*at != '-' && *at != ':')
			ret_text[len++] = *at;
	ret_text[len] = '\0';
}

static const char *explain_trail(int result)
{
	switch (result) {
	case -EKEYREJECTED:
		return "audit.key is not of its last segment";
	case -ENOENT:
		return "audit.db or audit.key is missing; a backup has no audit.key";
	case -EINVAL:
	case -ELOOP:
		return "audit.db or audit.key is not a regular file";
	default:
		return result_text(result);
	}
}

static int complain_trail(const struct vault *vault, int result, struct output *output)
{
	const char *path = vault->place.path;

	if (result == -EPROTONOSUPPORT) {
		complain(output, "%s: audit.db was made by a newer modelvault; use that version",
			path);
		return EXIT_FAILED;
	}
	if (result == -ENOSPC || result == -EROFS || result == -EDQUOT) {
		complain(output, "%s: the audit trail cannot be written: %s; make room for it",
			path, result_text(result));
		return EXIT_FAILED;
	}
	complain(output,
		"%s: the audit trail cannot be continued (%s); `modelvault audit %s verify` says "
		"where it breaks; when it is known why, `modelvault accept %s --database` keeps it "
		"aside and begins a new one",
		path, explain_trail(result), path, path);
	return EXIT_INTEGRITY;
}

/* What cannot be the file's fault is no reason to begin another. */
static bool is_lost(int result)
{
	return result == -EKEYREJECTED || result == -ENOENT || result == -EBADMSG ||
	       result == -EUCLEAN || result == -EINVAL || result == -ELOOP;
}

enum audit_level vault_audit_setting(const struct vault *vault)
{
	scope_free char *word = NULL;
	enum audit_level level = AUDIT_REQUIRED;
	int r;

	r = keystore_setting(vault->keystore, AUDIT_SETTING, &word);
	/* What cannot be told is taken for the strictest. */
	if (r < 0 ? r != -ENOENT : audit_level_from_word(word, &level) < 0)
		level = AUDIT_REQUIRED_SYNC;
	return level;
}

static int begin_anew(struct vault *vault, const struct audit_key_wrapper *wrapper)
{
	struct vault_acceptance *acceptance = vault->acceptance;
	char time[TIME_NAME_SIZE], stem[64];
	int r;

	vault_time_name(time);
	snprintf(stem, sizeof(stem), "audit-%s", time);
	r = audit_create_anew(
		vault->place.path, vault->place.id, stem, wrapper, acceptance->fingerprint);
	if (r < 0)
		return r;
	snprintf(acceptance->old_trail, sizeof(acceptance->old_trail), "%s.db", stem);
	return audit_open(vault->place.path, vault->place.id, wrapper, vault_audit_setting(vault),
		&vault->audit);
}

int vault_open_trail(struct vault *vault, struct output *output)
{
	struct audit_key_wrapper wrapper = vault_key_wrapper(vault->keystore);
	int r;

	r = audit_open(vault->place.path, vault->place.id, &wrapper, vault_audit_setting(vault),
		&vault->audit);
	if (vault->acceptance && is_lost(r))
		r = begin_anew(vault, &wrapper);
	return r < 0 ? complain_trail(vault, r, output) : EXIT_DONE;
}

/* Where the anchor is, for messages; the caller frees. */
static char *anchor_path(const struct vault *vault)
{
	scope_free char *directory = NULL;
	char *path;

	if (anchor_directory(&directory) < 0 ||
		asprintf(&path, "%s/%s", directory, vault->place.id_text) < 0)
		return NULL;
	return path;
}

/* The database that is older than the anchor has seen, in *ret_words how; or NULL. */
static const char *find_older(
	const struct vault *vault, const struct anchor *anchor, char *ret_words, size_t size)
{
	struct sealed_rows *rows = keystore_rows(vault->keystore);
	uint64_t policy = sealed_rows_epoch(rows, SEALED_POLICY);
	uint64_t catalogue = sealed_rows_epoch(rows, SEALED_CATALOGUE);
	struct audit_head head;
	int len;

	audit_head(vault->audit, &head);
	len = snprintf(ret_words, size,
		"keystore.db at epochs %llu and %llu, seen %llu and %llu; audit.db at record %llu, "
		"seen %llu",
		(unsigned long long)policy, (unsigned long long)catalogue,
		(unsigned long long)anchor->epochs[SEALED_POLICY],
		(unsigned long long)anchor->epochs[SEALED_CATALOGUE], (unsigned long long)head.seq,
		(unsigned long long)anchor->audit_seq);
	if (len < 0 || (size_t)len >= size)
		ret_words[size - 1] = '\0';
	if (policy < anchor->epochs[SEALED_POLICY] || catalogue < anchor->epochs[SEALED_CATALOGUE])
		return "keystore.db";
	return head.seq < anchor->audit_seq ? "audit.db" : NULL;
}

int vault_check_anchor(struct vault *vault, struct output *output)
{
	scope_free char *path = anchor_path(vault);
	const char *at = vault->place.path, *older;
	struct vault_acceptance told = {0};
	struct anchor anchor;
	int r;

	r = keystore_anchor_read(vault->keystore, &anchor);
	if (r == -ENOENT)
		return EXIT_DONE;
	if (r < 0) {
		/* It is sealed by the master key: an older database has the one before a rekey. */
		snprintf(told.older, sizeof(told.older), "the anchor could not be read: %s",
			r == -EBADMSG ? "it was edited, or the master key was another then"
				      : result_text(r));
		older = "the anchor";
	} else {
		older = find_older(vault, &anchor, told.older, sizeof(told.older));
	}
	if (older && vault->acceptance)
		memcpy(vault->acceptance->older, told.older, sizeof(told.older));
	if (!older || vault->acceptance)
		return EXIT_DONE;
	if (r < 0)
		complain(output,
			"%s: the anchor %s cannot be believed (%s); when the databases are known "
			"to be the right ones: `modelvault accept %s --database`",
			at, path ? path : "", result_text(r), at);
	else
		complain(output,
			"%s: %s is older than this machine has seen (%s); when it was put back on "
			"purpose: `modelvault accept %s --database`",
			at, older, told.older, at);
	return EXIT_INTEGRITY;
}

void vault_write_anchor(struct vault *vault)
{
	struct sealed_rows *rows = keystore_rows(vault->keystore);
	struct anchor anchor = {0};
	struct audit_head head;
	int r;

	if (keystore_is_broken(vault->keystore))
		return;
	pthread_mutex_lock(&vault->anchoring);
	audit_head(vault->audit, &head);
	keystore_lock_rows(vault->keystore);
	anchor.epochs[SEALED_POLICY] = sealed_rows_epoch(rows, SEALED_POLICY);
	anchor.epochs[SEALED_CATALOGUE] = sealed_rows_epoch(rows, SEALED_CATALOGUE);
	keystore_unlock_rows(vault->keystore);
	anchor.audit_segment = head.segment;
	anchor.audit_seq = head.seq;
	r = keystore_anchor_write(vault->keystore, &anchor);
	pthread_mutex_unlock(&vault->anchoring);
	if (r < 0)
		log_warning("%s: the anchor could not be written: %s", vault->place.path,
			result_text(r));
}
