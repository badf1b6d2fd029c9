/* SPDX-License-Identifier: Apache-2.0 */
/* result.c - words for results: our own vocabulary first, the C library's for the rest. */
#include "keystore/base/result.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const struct result_words {
	int result;
	const char *words;
} vocabulary[] = {
	{-ENOKEY, "no such key, slot or unlock secret"},
	{-EKEYREJECTED, "the secret that was given opens no slot"},
	{-EKEYREVOKED, "the key was destroyed"},
	{-EBADMSG, "authentication failed: the bytes are not what was written"},
	{-EUCLEAN, "the bytes on disk are not of the documented form"},
	{-EPROTONOSUPPORT, "made by a newer version of this program"},
	{-EACCES, "permission denied"},
	{-ESTALE, "older than what was seen before"},
	{-EBUSY, "held by another process or command"},
};

const char *result_text(int result)
{
	const char *words;

	if (result >= 0)
		return "success";
	for (size_t i = 0; i < sizeof(vocabulary) / sizeof(vocabulary[0]); i++)
		if (vocabulary[i].result == result)
			return vocabulary[i].words;
	words = result == INT_MIN ? NULL : strerrordesc_np(-result);
	return words ? words : "unknown error";
}
