/* SPDX-License-Identifier: Apache-2.0 */
/* test_geometry.c - worked sizes (the table of contrib/docs/format.md) and the bounds. */
#include "fs/format/geometry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "keystore/base/scope.h"

struct worked {
	uint64_t size;
	uint32_t chunk_log2;
	uint64_t chunks, groups, seal_pages, data_end, object_size;
};

/* By hand: 4096 + 4096 g + size rounded up to 4096; then 4096 + 32 a seal page. */
static const struct worked table[] = {
	{0, 14, 0, 0, 0, 4096, 4096},
	{1, 14, 1, 1, 1, 12288, 16416},
	{16383, 14, 1, 1, 1, 24576, 28704},
	{16384, 14, 1, 1, 1, 24576, 28704},
	{16385, 14, 2, 1, 1, 28672, 32800},
	{2097152, 14, 128, 1, 1, 2105344, 2109472},
	{2097153, 14, 129, 2, 1, 2113536, 2117664},
	{1000000000000, 14, 61035157, 476838, 3726, 1001953132544ULL, 1001968513472ULL},
	{4096, 12, 1, 1, 1, 12288, 16416},
	{(1 << 20) + 1, 20, 2, 1, 1, 1060864, 1064992},
};

static void test_worked_sizes(void **state)
{
	struct geometry g;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct worked *w = &table[i];

		assert_int_equal(geometry_init(w->size, w->chunk_log2, &g), 0);
		assert_int_equal(g.chunks, w->chunks);
		assert_int_equal(g.groups, w->groups);
		assert_int_equal(g.seal_pages, w->seal_pages);
		assert_int_equal(g.data_end, w->data_end);
		assert_int_equal(g.index_offset, w->data_end + 4096 * w->seal_pages);
		assert_int_equal(g.object_size, w->object_size);
		assert_int_equal(geometry_index_size(&g), 32 * w->seal_pages);
		assert_int_equal(g.data_end % 4096, 0);
	}
}

static void test_offsets(void **state)
{
	struct geometry g;

	(void)state;
	assert_int_equal(geometry_init(2097153, 14, &g), 0);
	assert_int_equal(geometry_tag_page_offset(&g, 0), 4096);
	assert_int_equal(geometry_chunk_offset(&g, 0), 8192);
	assert_int_equal(geometry_chunk_offset(&g, 127), 8192 + 127 * 16384);
	assert_int_equal(geometry_tag_page_offset(&g, 1), 8192 + 128 * 16384);
	assert_int_equal(geometry_chunk_offset(&g, 128), 8192 + 128 * 16384 + 4096);
	assert_int_equal(geometry_chunk_len(&g, 0), 16384);
	assert_int_equal(geometry_chunk_len(&g, 127), 16384);
	assert_int_equal(geometry_chunk_len(&g, 128), 1);
	assert_int_equal(geometry_chunk_len(&g, 129), 0);
	assert_int_equal(geometry_group_chunks(&g, 0), 128);
	assert_int_equal(geometry_group_chunks(&g, 1), 1);
	assert_int_equal(geometry_group_chunks(&g, 2), 0);
	assert_int_equal(geometry_seal_page_offset(&g, 0), g.data_end);
	assert_int_equal(geometry_seal_page_leaves(&g, 0), 2);
	assert_int_equal(geometry_seal_page_leaves(&g, 1), 0);
}

/* Neighbours touch and do not overlap, for every chunk size. */
static void test_order(void **state)
{
	struct geometry g;

	(void)state;
	for (uint32_t log2 = CHUNK_LOG2_MIN; log2 <= CHUNK_LOG2_MAX; log2++) {
		assert_int_equal(geometry_init(400ULL << log2, log2, &g), 0);
		for (uint64_t chunk = 1; chunk < g.chunks; chunk++)
			assert_int_equal(geometry_chunk_offset(&g, chunk),
				geometry_chunk_offset(&g, chunk - 1) + g.chunk +
					(chunk % 128 == 0 ? 4096 : 0));
		assert_int_equal(g.data_end, geometry_chunk_offset(&g, g.chunks - 1) + g.chunk);
	}
}

static void test_bounds(void **state)
{
	struct geometry g = {.size = 77};

	(void)state;
	assert_int_equal(geometry_init(1, 11, &g), -EINVAL);
	assert_int_equal(geometry_init(1, 21, &g), -EINVAL);
	assert_int_equal(geometry_init(1, 0, &g), -EINVAL);
	assert_int_equal(geometry_init(1, UINT32_MAX, &g), -EINVAL);
	assert_int_equal(geometry_init((uint64_t)LIMIT_FILE_SIZE + 1, 14, &g), -EINVAL);
	assert_int_equal(geometry_init(UINT64_MAX, 14, &g), -EINVAL);
	assert_int_equal(g.size, 77);
	assert_int_equal(geometry_init((uint64_t)LIMIT_FILE_SIZE, 12, &g), 0);
	assert_true(g.object_size > (uint64_t)LIMIT_FILE_SIZE);
	assert_true(g.object_size < 1ULL << 52);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worked_sizes),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
