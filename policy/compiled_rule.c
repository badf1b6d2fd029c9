/* SPDX-License-Identifier: Apache-2.0 */
/* compiled_rule.c - a copy of the rule, its pattern, the globs and digests of its words. */
#include "policy/compiled_rule.h"

#include <errno.h>

static void compiled_rule_free(struct compiled_rule *compiled)
{
	for (size_t i = 0; compiled->globs && i < compiled->rule.word_count; i++)
		path_pattern_free(compiled->globs[i]);
	free(compiled->globs);
	free(compiled->digests);
	path_pattern_free(compiled->pattern);
	rule_done(&compiled->rule);
	free(compiled);
}

static int compile_globs(struct compiled_rule *compiled)
{
	const struct rule *rule = &compiled->rule;
	int r = 0;

	compiled->globs = calloc(rule->word_count, sizeof(*compiled->globs));
	if (!compiled->globs)
		return -ENOMEM;
	for (size_t i = 0; i < rule->word_count && r == 0; i++)
		if (rule->words[i].kind == WORD_UNIT)
			r = path_pattern_new(rule->words[i].name, strlen(rule->words[i].name),
				&compiled->globs[i], NULL);
	return r;
}

static int compile_digests(struct compiled_rule *compiled)
{
	const struct rule *rule = &compiled->rule;

	compiled->digests = calloc(rule->word_count, sizeof(*compiled->digests));
	if (!compiled->digests)
		return -ENOMEM;
	for (size_t i = 0; i < rule->word_count; i++)
		if (rule->words[i].kind == WORD_SHA256 &&
			hex_decode(rule->words[i].name, compiled->digests[i], DIGEST_SIZE) < 0)
			return -EINVAL;
	return 0;
}

int compiled_rule_new(const struct rule *rule, struct compiled_rule **ret_compiled)
{
	scope(compiled_rule_unref) struct compiled_rule *compiled = NULL;
	int r;

	/* Without words a rule would match by having nothing that does not. */
	if (rule->word_count == 0)
		return -EINVAL;
	compiled = calloc(1, sizeof(*compiled));
	if (!compiled)
		return -ENOMEM;
	compiled->references = 1;
	r = rule_copy(rule, &compiled->rule);
	if (r == 0)
		r = path_pattern_new(rule->pattern, rule->pattern_len, &compiled->pattern, NULL);
	if (r < 0)
		return r;
	compiled->path_key = path_pattern_key(compiled->pattern);
	compiled->suffix = path_pattern_suffix(compiled->pattern);
	compiled->kinds = rule_kinds(rule);
	compiled->is_timed = rule_condition_is_timed(&rule->condition);
	if (compiled->kinds & KIND_BIT(WORD_UNIT))
		r = compile_globs(compiled);
	if (r == 0 && (compiled->kinds & KIND_BIT(WORD_SHA256)))
		r = compile_digests(compiled);
	if (r < 0)
		return r;
	*ret_compiled = take(&compiled);
	return 0;
}

struct compiled_rule *compiled_rule_ref(struct compiled_rule *compiled)
{
	atomic_fetch_add_explicit(&compiled->references, 1, memory_order_relaxed);
	return compiled;
}

struct compiled_rule *compiled_rule_unref(struct compiled_rule *compiled)
{
	if (compiled &&
		atomic_fetch_sub_explicit(&compiled->references, 1, memory_order_acq_rel) == 1)
		compiled_rule_free(compiled);
	return NULL;
}
