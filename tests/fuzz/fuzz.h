/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - what the harnesses share. One harness is one fuzz_NAME.c, its kept inputs are
 * corpus/NAME; the line "libFuzzer:" of its header comment holds its limits for tests/run. An input
 * is read by a cursor, which yields zeros behind its end, so that every input means something.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdio.h>
#include <sys/prctl.h>

#include "keystore/base/bytes.h"
#include "keystore/base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A property of the code under test; when it does not hold the input is a find. */
#define holds(condition) \
	((condition) ? (void)0 : fuzz_find(#condition, __FILE__, __LINE__, __func__))

_Noreturn static inline void fuzz_find(
	const char *condition, const char *file, int line, const char *function)
{
	fprintf(stderr, "%s:%d: %s: does not hold: %s\n", file, line, function, condition);
	abort();
}

/* A secret of the 32 bytes of text; made once, never freed. */
static inline struct secret *fuzz_key(const char text[32])
{
	static bool ready;
	struct secret *key = NULL;

	if (!ready)
		holds(secret_init() == 0);
	ready = true;
	/* The leak checker looks into its own process from another one. */
	holds(prctl(PR_SET_DUMPABLE, 1) == 0);
	holds(secret_from(text, 32, &key) == 0);
	return key;
}

/* Applies edits until the input ends: an offset, how many bytes, and what they are XORed with. */
static inline void fuzz_edit(struct cursor *input, uint8_t *bytes, size_t size)
{
	while (input->left > 0 && !input->failed) {
		size_t at = cursor_u16(input) % size;
		size_t count = 1 + cursor_u8(input) % 32;

		for (size_t i = 0; i < count && at + i < size; i++)
			bytes[at + i] ^= cursor_u8(input);
	}
}

/* Up to max bytes of the input. */
static inline const void *fuzz_take(struct cursor *input, size_t max, size_t *ret_len)
{
	*ret_len = input->left < max ? input->left : max;
	return cursor_bytes(input, *ret_len);
}

#endif
