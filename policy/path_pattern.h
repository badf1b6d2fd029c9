/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_pattern.h - patterns over paths relative to the vault's root, by byte: `?`, `[..]`, `*` (not
 * across '/'), `**` (any depth), `\` escapes. Without a '/' a pattern matches the last name at any
 * depth, so "/x" is x at the root only; "llama/" + "**" is also llama itself. Matching never
 * backtracks beyond O(pattern * path). The grammar stands in contrib/docs/rules.md.
 */
#ifndef POLICY_PATH_PATTERN_H
#define POLICY_PATH_PATTERN_H

#include "keystore/base/bytes.h"
#include "policy/path_prefix.h"

#include <stdbool.h>
#include <stddef.h>

struct path_pattern;

/*
 * Compiles; a leading '/' stands for the root. On -EINVAL *ret_mistake (may be NULL) is a static
 * text that says what is wrong ("a '[' without its ']'"). Immutable afterwards: any number of
 * threads.
 */
int path_pattern_new(
	const char *text, size_t len, struct path_pattern **ret_pattern, const char **ret_mistake);
struct path_pattern *path_pattern_free(struct path_pattern *pattern);
/* path: without leading '/'; "" is the root. */
bool path_pattern_matches(const struct path_pattern *pattern, const char *path, size_t len);
/* A key that every path it matches has. */
uint32_t path_pattern_key(const struct path_pattern *pattern);
/*
 * The keys of all patterns that may cover it: match whatever it matches. Its suffix stands for that
 * of the paths.
 */
void path_pattern_keys(const struct path_pattern *pattern, struct path_keys *ret_keys);
/* What every path it matches ends with; mask 0: nothing is certain. */
struct path_suffix path_pattern_suffix(const struct path_pattern *pattern);
/* Could it match this directory or something below it? True when in doubt. */
bool path_pattern_may_match_below(const struct path_pattern *pattern, const char *path, size_t len);
/*
 * Does it match every path that the other matches? False when in doubt, which is when one name of
 * the other is a glob that is not the same text and that no '*' alone covers.
 */
bool path_pattern_covers(const struct path_pattern *pattern, const struct path_pattern *other);
/*
 * One name that it matches, for a pattern without '/'; appends. As short as can be, and of
 * printable bytes where they are.
 */
void path_pattern_example(const struct path_pattern *pattern, struct buffer *to);

SCOPE_FUNCTION(struct path_pattern *, path_pattern_free);

#endif
