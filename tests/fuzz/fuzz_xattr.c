/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_xattr.c - a list of extended attributes as an import hands it over. What is accepted holds
 * exactly those attributes, and reads the same when it is written again.
 * libFuzzer: -max_len=1024 -max_total_time=4
 */
#include <errno.h>

#include "keystore/base/limits.h"
#include "keystore/xattr.h"
#include "tests/fuzz/fuzz.h"

static void check_get(const struct xattr *list, const struct xattr *xattr)
{
	ssize_t len = (ssize_t)xattr->value_len;
	uint8_t value[1024];

	holds(xattr->name[0] && strlen(xattr->name) <= LIMIT_XATTR_NAME);
	holds(xattr_list_get(list, xattr->name, NULL, 0) == len);
	holds(xattr_list_get(list, xattr->name, value, sizeof(value)) == len);
	holds(memcmp(value, xattr->value, xattr->value_len) == 0);
	if (len > 1)
		holds(xattr_list_get(list, xattr->name, value, (size_t)len - 1) == -ERANGE);
}

static void check_names(const struct xattr *list, size_t expected)
{
	char names[2048];

	holds(xattr_list_names(list, NULL, 0) == (ssize_t)expected);
	holds(xattr_list_names(list, names, sizeof(names)) == (ssize_t)expected);
	if (expected > 1)
		holds(xattr_list_names(list, names, expected - 1) == -ERANGE);
}

static void write_pairs(const struct xattr *list, struct buffer *to)
{
	for (; list; list = list->next) {
		buffer_add(to, list->name, strlen(list->name) + 1);
		buffer_add_u32(to, (uint32_t)list->value_len);
		buffer_add(to, list->value, list->value_len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	scope(xattr_list_free) struct xattr *list = NULL, *again = NULL;
	scope_buffer struct buffer pairs = {0}, pairs_again = {0};
	size_t names = 0;
	int r;

	r = xattr_list_parse(input, size, &list);
	holds(r == 0 || r == -EINVAL);
	if (r < 0)
		return 0;
	for (const struct xattr *xattr = list; xattr; xattr = xattr->next) {
		check_get(list, xattr);
		names += strlen(xattr->name) + 1;
	}
	check_names(list, names);
	/* A list is in the reverse order of its pairs: written twice it is the input. */
	write_pairs(list, &pairs);
	holds(xattr_list_parse(pairs.data, pairs.len, &again) == 0);
	write_pairs(again, &pairs_again);
	holds(pairs_again.len == size && (size == 0 || memcmp(pairs_again.data, input, size) == 0));
	return 0;
}
