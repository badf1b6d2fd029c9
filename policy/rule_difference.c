/* SPDX-License-Identifier: Apache-2.0 */
/* rule_difference.c - both sides as texts, sorted, and walked side by side. */
#include "policy/rule_difference.h"

#include <errno.h>
#include <stdlib.h>

/* The texts of one side. */
struct side {
	struct buffer bytes;
	struct text {
		const char *text; /* in bytes, once all of them stand there */
		size_t start, index;
	} * texts;
	size_t count;
};

void rule_difference_done(struct rule_difference *difference)
{
	free(difference->missing);
	free(difference->others);
	*difference = (struct rule_difference){0};
}

static void side_done(struct side *side)
{
	buffer_done(&side->bytes);
	free(side->texts);
}

static int compare_texts(const void *a, const void *b)
{
	const struct text *first = a, *second = b;
	int r = strcmp(first->text, second->text);

	return r ? r : (first->index > second->index) - (first->index < second->index);
}

static int side_reserve(struct side *side, size_t count)
{
	side->texts = calloc(count + 1, sizeof(*side->texts));
	return side->texts ? 0 : -ENOMEM;
}

static int side_add(struct side *side, const struct rule *rule)
{
	side->texts[side->count] = (struct text){.start = side->bytes.len, .index = side->count};
	side->count++;
	if (rule_to_text(rule, &side->bytes) < 0)
		return -ENOMEM;
	buffer_add_u8(&side->bytes, '\0');
	return 0;
}

static int side_sort(struct side *side)
{
	if (side->bytes.failed)
		return -ENOMEM;
	for (size_t i = 0; i < side->count; i++)
		side->texts[i].text = side->bytes.data + side->texts[i].start;
	qsort(side->texts, side->count, sizeof(*side->texts), compare_texts);
	return 0;
}

static int side_of_ruleset(const struct ruleset *ruleset, struct side *side)
{
	size_t count = ruleset_count(ruleset);
	int r = side_reserve(side, count);

	for (size_t i = 0; i < count && r == 0; i++)
		r = side_add(side, ruleset_at(ruleset, i));
	return r < 0 ? r : side_sort(side);
}

static int side_of_rules(const struct rule *rules, size_t count, struct side *side)
{
	int r = side_reserve(side, count);

	for (size_t i = 0; i < count && r == 0; i++)
		r = side_add(side, &rules[i]);
	return r < 0 ? r : side_sort(side);
}

static void walk(const struct ruleset *ruleset, const struct side *set, const struct side *file,
	struct rule_difference *difference)
{
	size_t i = 0, j = 0;

	while (i < set->count || j < file->count) {
		int order = i == set->count    ? 1
			    : j == file->count ? -1
					       : strcmp(set->texts[i].text, file->texts[j].text);

		if (order < 0)
			difference->others[difference->other_count++] =
				ruleset_at(ruleset, set->texts[i++].index)->number;
		else if (order > 0)
			difference->missing[difference->missing_count++] = file->texts[j++].index;
		else
			difference->same++, i++, j++;
	}
}

static int compare_sizes(const void *a, const void *b)
{
	size_t first = *(const size_t *)a, second = *(const size_t *)b;

	return (first > second) - (first < second);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return (first > second) - (first < second);
}

int rule_difference_find(const struct ruleset *ruleset, const struct rule *rules, size_t count,
	struct rule_difference *ret_difference)
{
	__attribute__((cleanup(side_done))) struct side set = {0}, file = {0};
	scope_rule_difference struct rule_difference difference = {0};
	int r;

	r = side_of_ruleset(ruleset, &set);
	if (r == 0)
		r = side_of_rules(rules, count, &file);
	if (r < 0)
		return r;
	difference.missing = calloc(count + 1, sizeof(*difference.missing));
	difference.others = calloc(set.count + 1, sizeof(*difference.others));
	if (!difference.missing || !difference.others)
		return -ENOMEM;
	walk(ruleset, &set, &file, &difference);
	qsort(difference.missing, difference.missing_count, sizeof(size_t), compare_sizes);
	qsort(difference.others, difference.other_count, sizeof(uint64_t), compare_numbers);
	*ret_difference = difference;
	difference = (struct rule_difference){0};
	return 0;
}
