/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_message.c - the text of a control message. What is accepted encodes to the same bytes again,
 * and a message that is built encodes to what decodes to its fields.
 * libFuzzer: -max_len=4096 -max_total_time=20
 */
#include <errno.h>

#include "fs/control/message.h"
#include "tests/fuzz/fuzz.h"

static void decode(const uint8_t *text, size_t len)
{
	scope(message_free) struct message *message = NULL;
	scope_buffer struct buffer encoded = {0};
	int64_t number;
	int r;

	r = message_decode(text, len, &message);
	holds(r == 0 || r == -EPROTO || r == -EPROTONOSUPPORT || r == -E2BIG);
	if (r < 0)
		return;
	holds(message_encode(message, &encoded) == 0);
	holds(encoded.len == len && memcmp(encoded.data, text, len) == 0);
	holds(!message_has(message, "v"));
	r = message_get_integer(message, "n", &number);
	holds(r == 0 || r == -EINVAL || r == -ENOENT);
	if (r == 0) {
		scope_buffer struct buffer digits = {0};

		buffer_add_format(&digits, "%lld", (long long)number);
		holds(strcmp(digits.data, message_get(message, "n", NULL)) == 0);
	}
}

/* Fields of the input's bytes, there and back. */
static void build(struct cursor *input)
{
	static const char *const names[] = {"n", "path", "a-b_9", "", "v", "UP"};
	scope(message_free) struct message *message = NULL, *again = NULL;
	scope_buffer struct buffer text = {0};
	size_t count = 0;

	holds(message_new(&message) == 0);
	while (input->left > 0 && !input->failed) {
		const char *name = names[cursor_u8(input) % ARRAY_SIZE(names)];
		size_t len, max = cursor_u8(input);
		const void *value = fuzz_take(input, max, &len);
		int r = message_add(message, name, value, len);

		holds(r == (name[0] && strcmp(name, "v") != 0 && name[0] >= 'a' ? 0 : -EINVAL));
		count += r == 0;
	}
	holds(message_encode(message, &text) == 0);
	holds(message_decode(text.data, text.len, &again) == 0);
	for (size_t n = 0; n < 3; n++) {
		const char *name = names[n], *value, *other;
		size_t len, other_len;

		holds(message_count(message, name) == message_count(again, name));
		for (size_t i = 0; i < message_count(message, name); i++, count--) {
			value = message_at(message, name, i, &len);
			other = message_at(again, name, i, &other_len);
			holds(value && other && len == other_len && memcmp(value, other, len) == 0);
			holds(other[len] == '\0');
		}
	}
	holds(count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor cursor;

	if (size && input[0] == 'B') {
		cursor_init(&cursor, input + 1, size - 1);
		build(&cursor);
	} else {
		decode(input, size);
	}
	return 0;
}
