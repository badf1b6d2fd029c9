/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_shell_word.c - quoting: every byte string without NUL comes back from its written form,
 * which is one printable line; and what any written form reads as, does too.
 * libFuzzer: -max_len=512 -max_total_time=4
 */
#include <errno.h>

#include "policy/shell_word.h"
#include "tests/fuzz/fuzz.h"

/* Written and read again. */
static void check_bytes(const char *bytes, size_t len)
{
	scope_buffer struct buffer written = {0}, read = {0};
	const char *at;

	shell_word_write(bytes, len, &written);
	holds(!written.failed && written.len > 0 && utf8_is_valid(written.data, written.len));
	for (size_t i = 0; i < written.len; i++)
		holds((uint8_t)written.data[i] >= ' ' && written.data[i] != 0x7f);
	at = written.data;
	holds(shell_word_read(&at, written.data + written.len, &read) == 0);
	holds(at == written.data + written.len);
	holds(read.len == len && (len == 0 || memcmp(read.data, bytes, len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *text = (const char *)input, *at = text;
	scope_buffer struct buffer read = {0};
	int r;

	if (size == 0)
		return 0;
	if (!memchr(input, '\0', size))
		check_bytes(text, size);
	r = shell_word_read(&at, text + size, &read);
	holds(r == 0 || r == -EUCLEAN);
	if (r < 0) {
		holds(at == text);
		return 0;
	}
	holds(at > text && at <= text + size);
	holds(at == text + size || *at == ' ');
	holds(!memchr(buffer_text(&read), '\0', read.len));
	check_bytes(buffer_text(&read), read.len);
	return 0;
}
