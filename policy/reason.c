/* SPDX-License-Identifier: Apache-2.0 */
/* reason.c - the words of reasons, made from REASON_TABLE. */
#include "policy/reason.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *word;
	const char *text;
} reasons[REASONS] = {
#define REASON_ROW(name, reason_word_, reason_text_) [name] = {reason_word_, reason_text_},
	REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

/* A number that is no reason says nothing. */
static enum reason reason_in_table(enum reason reason)
{
	return (unsigned)reason < REASONS ? reason : REASON_NONE;
}

const char *reason_word(enum reason reason)
{
	return reasons[reason_in_table(reason)].word;
}

const char *reason_text(enum reason reason)
{
	return reasons[reason_in_table(reason)].text;
}

int reason_from_word(const char *word, enum reason *ret_reason)
{
	for (int i = 0; i < REASONS; i++) {
		if (strcmp(reasons[i].word, word) == 0) {
			*ret_reason = i;
			return 0;
		}
	}
	return -EINVAL;
}
