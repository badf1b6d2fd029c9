/* SPDX-License-Identifier: Apache-2.0 */
/* test_node.c - which node a LOOKUP answers with, and what arms and disarms a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/mount/node.h"

enum { ALICE = 5001, BOB = 5002, INO = 40 };

static int setup(void **state)
{
	struct node_table *table;

	assert_int_equal(node_table_new(&table), 0);
	*state = table;
	return 0;
}

static int teardown(void **state)
{
	node_table_free(*state);
	return 0;
}

static struct node_info look(struct node_table *table, uint64_t ino, uint32_t uid, pid_t tid)
{
	struct node_info info;

	assert_int_equal(node_lookup(table, ino, ENTRY_FILE, uid, tid, &info), 0);
	assert_int_equal(info.ino, ino);
	return info;
}

static void test_one_node_whoever_asks(void **state)
{
	struct node_info first = look(*state, INO, ALICE, 1);

	assert_int_equal(first.uid, ALICE);
	assert_int_equal(look(*state, INO, BOB, 2).id, first.id);
	assert_int_not_equal(look(*state, INO + 1, BOB, 2).id, first.id);
}

static void test_armed_thread_gets_its_own(void **state)
{
	struct node_info alice = look(*state, INO, ALICE, 1), bob;

	node_arm(*state, INO, BOB, 2);
	bob = look(*state, INO, BOB, 2);
	assert_int_equal(bob.uid, BOB);
	assert_int_not_equal(bob.id, alice.id);
	/* Only that thread, only that file, and for as long as it has not opened. */
	assert_int_equal(look(*state, INO, BOB, 3).id, alice.id);
	assert_int_equal(look(*state, INO, BOB, 2).id, bob.id);
	node_opened(*state, bob.id, 2);
	assert_int_equal(look(*state, INO, ALICE, 1).id, bob.id);
	node_arm(*state, INO, ALICE, 1);
	assert_int_equal(look(*state, INO, ALICE, 1).id, alice.id);
	node_opened(*state, alice.id, 1);
	assert_int_equal(look(*state, INO, BOB, 2).id, alice.id);
}

static void test_a_lookup_does_not_disarm(void **state)
{
	struct node_info bob;

	look(*state, INO, ALICE, 1);
	node_arm(*state, INO, BOB, 2);
	bob = look(*state, INO, BOB, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(look(*state, INO, BOB, 2).id, bob.id);
}

static void test_another_file_stays_armed(void **state)
{
	struct node_info other;

	look(*state, INO, ALICE, 1);
	other = look(*state, INO + 1, ALICE, 1);
	node_arm(*state, INO, BOB, 2);
	node_opened(*state, other.id, 2);
	assert_int_equal(look(*state, INO, BOB, 2).uid, BOB);
}

static void test_many_threads_arm(void **state)
{
	look(*state, INO, ALICE, 1);
	for (pid_t tid = 10; tid < 5010; tid++) {
		node_arm(*state, INO, (uint32_t)tid, tid);
		assert_int_equal(look(*state, INO, BOB, tid).uid, tid);
	}
	assert_int_equal(look(*state, INO, ALICE, 1).uid, ALICE);
}

static void test_forgotten_when_all_lookups_are(void **state)
{
	struct node_info info = look(*state, INO, ALICE, 1), found;

	look(*state, INO, ALICE, 1);
	node_forget(*state, info.id, 1);
	assert_int_equal(node_find(*state, info.id, &found), 0);
	node_forget(*state, info.id, 5);
	assert_true(node_find(*state, info.id, &found) < 0);
	/* An id is never used again: the kernel may still name the old one. */
	assert_int_not_equal(look(*state, INO, BOB, 2).id, info.id);
	assert_int_equal(node_find(*state, 1, &found), 0);
	node_forget(*state, 1, 1000);
	assert_int_equal(node_find(*state, 1, &found), 0);
}

static void test_directories_are_everybodys(void **state)
{
	struct node_info alice, bob;

	node_lookup(*state, INO, ENTRY_DIRECTORY, ALICE, 1, &alice);
	node_arm(*state, INO, BOB, 2);
	node_lookup(*state, INO, ENTRY_DIRECTORY, BOB, 2, &bob);
	assert_int_equal(alice.id, bob.id);
	assert_int_equal(bob.uid, NODE_ANY_USER);
	assert_int_equal(node_of_directory(*state, INO), alice.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_node_whoever_asks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_armed_thread_gets_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lookup_does_not_disarm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_file_stays_armed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_threads_arm, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_forgotten_when_all_lookups_are, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directories_are_everybodys, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
