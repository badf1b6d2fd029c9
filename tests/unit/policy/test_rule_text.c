/* SPDX-License-Identifier: Apache-2.0 */
/* test_rule_text.c - the stored line, the words of grant, and helpful mistakes. */
#include "policy/rule_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "keystore/base/limits.h"
#include "policy/permission.h"
#include "policy/shell_word.h"

static void assert_text(const struct rule *rule, const char *expected)
{
	scope_buffer struct buffer text = {0};

	assert_int_equal(rule_to_text(rule, &text), 0);
	assert_string_equal(buffer_text(&text), expected);
}

/* Read and written again it is the same line. */
static void test_lines(void **state)
{
	static const char *const lines[] = {
		"allow any read '**'",
		"deny any list 'secret/**'",
		"allow user:alice#1001 read llama/model.gguf",
		"allow user:1001 group:20 read,write,list 'models/x y'",
		"allow user:alice#1001 user:bob#1002 group:dev#20 read 'llama/**'",
		"allow any read $'a\\nb\\x01\\xff\\'c'",
		"allow any read 'caf\xc3\xa9'",
		"allow any read $'a\\xe2\\x80\\xaeb'",
		"allow any read '\\[a]'",
		"allow 'user:DOMAIN\\joe#7' read x",
		"allow any read '#x'",
		"allow any read a#x",
		"allow user:4294967294 read x",
		"allow role:crew exe:/usr/bin/python3 read x",
		"allow 'exe:/opt/my tools/run' read x",
		"allow sha256:"
		"abababababababababababababababababababababababababababababababab read x",
		"deny 'unit:infer@*.service' loginuid:al#5 write x",
		"allow unit:kubepods userns:contained read x",
		"learn user:1 read 'x/**' --until 2027-03-01T00:00:00Z",
		"allow user:1 read x --from 2027-01-01T00:00:00Z --until 2027-03-01T00:00:00Z "
		"--hours "
		"22:00-06:00 --days mon-fri --max-opens 5/day --max-bytes 200G/week --note "
		"$'it\\'s'",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		scope_rule struct rule rule = {0};

		if (rule_from_text(lines[i], strlen(lines[i]), &rule) < 0)
			fail_msg("%s", lines[i]);
		assert_text(&rule, lines[i]);
	}
}

static void test_not_lines(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"allow",
		"allow any",
		"allow any read",
		"allow read x",
		"permit any read x",
		"allow any raed x",
		"allow any read,read x",
		"allow any read, x",
		"allow any  read x",
		" allow any read x",
		"allow any read x ",
		"allow any read x\n",
		"allow any read 'x",
		"allow any read $'x",
		"allow any read $'\\q'",
		"allow any read $'\\x0'",
		"allow any read $'\\x00'",
		"allow any read $'\\xzz'",
		"allow any read \"x\"",
		"allow any read x*",
		"allow any read a//b",
		"allow any read ''",
		"allow any user:1 read x",
		"allow any any read x",
		"allow alice read x",
		"allow user:alice read x",
		"allow user: read x",
		"allow user:#5 read x",
		"allow user:alice#0x5 read x",
		"allow user:alice#-1 read x",
		"allow user:alice#4294967295 read x",
		"allow user:4294967295 read x",
		"allow user:01 read x",
		"allow user:7#7 read x",
		"allow any: read x",
		"allow exe:sh read x",
		"allow exe:/bin/ read x",
		"allow exe:/bin/../sh read x",
		"allow sha256:abc read x",
		"allow unit:a/b read x",
		"allow unit: read x",
		"allow role:Crew read x",
		"allow userns:contained read x",
		"allow userns:contained unit:a user:1 read x",
		"allow userns:free unit:a read x",
		"learn any read x",
		"allow user:1 read x --until",
		"allow user:1 read x --until tomorrow",
		"allow user:1 read x until 2027-03-01T00:00:00Z",
		"allow user:1 read x --for 8h",
		"allow user:1 read x --note a --note b",
		"allow user:1 read x --days mon-fri --hours 09:00-18:00",
		"allow user:1 write x --max-opens 5/day",
		"deny user:1 read x --max-opens 5/day",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct rule rule;

		if (rule_from_text(lines[i], strlen(lines[i]), &rule) != -EUCLEAN)
			fail_msg("%s is taken for a rule", lines[i]);
	}
	assert_int_equal(rule_from_text("allow any read a\0b", 18, &(struct rule){0}), -EUCLEAN);
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* Every byte string without NUL survives, on one line of printable characters. */
static void test_random_words(void **state)
{
	static const char special[] = "'\\$ \n\t\"*[]#\x7f\x80\xc3\xa9\xe2\x80\xae";
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		scope_buffer struct buffer text = {0}, back = {0};
		size_t len = next_random(&seed) % 24;
		const char *at;
		char word[24];

		for (size_t j = 0; j < len; j++)
			word[j] = next_random(&seed) % 2
					  ? special[next_random(&seed) % (sizeof(special) - 1)]
					  : (char)(1 + next_random(&seed) % 255);
		shell_word_write(word, len, &text);
		for (size_t j = 0; j < text.len; j++)
			assert_true((uint8_t)text.data[j] >= ' ' && text.data[j] != 0x7f);
		assert_true(utf8_is_valid(text.data, text.len));
		at = text.data;
		assert_int_equal(shell_word_read(&at, text.data + text.len, &back), 0);
		assert_ptr_equal(at, text.data + text.len);
		assert_int_equal(back.len, len);
		assert_memory_equal(buffer_text(&back), word, len);
	}
}

/* bash agrees on what was written. */
static void test_bash_reads_the_same(void **state)
{
	scope_buffer struct buffer command = {0};
	char word[256], back[256];
	FILE *pipe;

	(void)state;
	for (int i = 1; i < 256; i++)
		word[i - 1] = (char)i;
	buffer_add_text(&command, "LC_ALL=C.UTF-8 exec bash -c \"printf %s ");
	{
		scope_buffer struct buffer text = {0};

		shell_word_write(word, 255, &text);
		for (size_t i = 0; i < text.len; i++) {
			if (strchr("\\\"$`", text.data[i]))
				buffer_add_u8(&command, '\\');
			buffer_add_u8(&command, text.data[i]);
		}
	}
	buffer_add_text(&command, "\"");
	pipe = popen(command.data, "re");
	assert_non_null(pipe);
	assert_int_equal(fread(back, 1, sizeof(back), pipe), 255);
	assert_int_equal(pclose(pipe), 0);
	assert_memory_equal(back, word, 255);
}

static int from_words(const char *line, struct rule *ret_rule, char **ret_mistake)
{
	char text[512], *rest = text, *word;
	const char *words[32];
	size_t count = 0;

	snprintf(text, sizeof(text), "%s", line);
	while ((word = strsep(&rest, " ")))
		words[count++] = word;
	return rule_from_words(RULE_ALLOW, words, count, ret_rule, ret_mistake);
}

static void test_words(void **state)
{
	static const struct {
		const char *words, *text;
	} good[] = {
		{"user:root read llama/**", "allow user:root#0 read 'llama/**'"},
		{"user:root#0 read x", "allow user:root#0 read x"},
		{"user:4242 group:root list,read x", "allow user:4242 group:root#0 read,list x"},
		{"any read,write,list **", "allow any read,write,list '**'"},
		{"user:nobody user:root read read",
			"allow user:nobody#65534 user:root#0 read read"},
		{"any read any", "allow any read any"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		scope_rule struct rule rule = {0};
		char *mistake = NULL;

		if (from_words(good[i].words, &rule, &mistake) < 0)
			fail_msg("%s: %s", good[i].words, mistake);
		assert_text(&rule, good[i].text);
	}
}

static void test_word_mistakes(void **state)
{
	static const struct {
		const char *words;
		int result;
		const char *says;
	} wrong[] = {
		{"user:root raed x", -EINVAL, "did you mean read?"},
		{"user:root read,lits x", -EINVAL, "did you mean list?"},
		{"user:root read,read x", -EINVAL, "did you mean read?"},
		{"user:root read+write x", -EINVAL, "did you mean read,write?"},
		{"user:root perm:read,write,read x", -EINVAL, "did you mean read,write?"},
		{"user:root read=banana x", -EINVAL, "each once"},
		{"user:root read x/", -EINVAL, "did you mean 'x/**'?"},
		{"user:root read ./x", -EINVAL, "did you mean x?"},
		{"user:root read x//y/", -EINVAL, "did you mean 'x/y/**'?"},
		{"user:root read x**", -EINVAL, "did you mean 'x/**'?"},
		{"user:root read x/**.y", -EINVAL, "did you mean 'x/**/*.y'?"},
		{"user:root read .", -EINVAL, "no names in a vault"},
		{"user:root read a/**,b/**", -EINVAL, "one pattern a rule"},
		{"x/* user:root read", -EINVAL, "user:root read 'x/*'"},
		{"user: root read x", -EINVAL, "did you mean user:root, in one word?"},
		{"ROLE: ml read x", -EINVAL, "a ':' and what it means follow"},
		{"user:root frobnicate x", -EINVAL, "no permissions"},
		{"usr:root read x", -EINVAL, "did you mean user:root?"},
		{"gropu:root read x", -EINVAL, "did you mean group:root?"},
		{"banana:root read x", -EINVAL, "no subject that is known"},
		{"alice read x", -EINVAL, "user:NAME"},
		{"exe:sh read x", -EINVAL, "an absolute path"},
		{"exec:/bin/sh read x", -EINVAL, "did you mean exe:/bin/sh?"},
		{"role:Dev read x", -EINVAL, "a-z"},
		{"sha256:12 read x", -EINVAL, "@FILE"},
		{"unit:a/b read x", -EINVAL, "without '/'"},
		{"loginuid: read x", -EINVAL, "a name or a number follows"},
		{"userns:contained read x", -EINVAL, "needs a unit:"},
		{"userns:contained unit:a user:root read x", -EINVAL, "only unit: can match"},
		{"userns:free unit:a read x", -EINVAL, "contained"},
		{"exe read x", -EINVAL, "a ':' and what it means follow"},
		{"any:all read x", -EINVAL, "did you mean any, which is everybody?"},
		{"user: read x", -EINVAL, "a name or a number follows"},
		{"user:no-such-user-x read x", -ENOENT, "no such user"},
		{"group:no-such-group-x read x", -ENOENT, "no such group"},
		{"user:root#5 read x", -EINVAL, "has the number 0 now"},
		{"user:4294967295 read x", -EINVAL, "4294967294"},
		{"user:007 read x", -EINVAL, "without zeros"},
		{"any user:root read x", -EINVAL, "everybody"},
		{"user:root read", -EINVAL, "no pattern"},
		{"any read", -EINVAL, "no pattern"},
		{"user:root x", -EINVAL, "no permissions"},
		{"user:root", -EINVAL, "no permissions and no pattern"},
		{"read x", -EINVAL, "no subject"},
		{"x", -EINVAL, "no permissions"},
		{"user:root read a b c", -EINVAL, "one pattern"},
		{"read write x", -EINVAL, "one word, with commas: read,write"},
		{"user:root read, write x", -EINVAL, "one word, with commas: read,write"},
		{"user:root x read", -EINVAL, "the pattern: read x"},
		{"read user:root x", -EINVAL, "subjects come first"},
		{"user:root rw x", -EINVAL, "did you mean read,write?"},
		{"user:root READ x", -EINVAL, "did you mean read?"},
		{"role=vision read x", -EINVAL, "did you mean role:vision?"},
		{"Role:vision read x", -EINVAL, "did you mean role:vision?"},
		{"role:Vision read x", -EINVAL, "did you mean role:vision?"},
		{"role:a,b read x", -EINVAL, "a word of its own: role:a role:b"},
		{"user:roox,user:bob read x", -EINVAL, "a word of its own: user:roox user:bob"},
		{"root read x", -EINVAL, "did you mean user:root?"},
		{"root", -EINVAL, "as in user:alice read"},
		{"team vision read x", -EINVAL, "role:vision or group:vision, in one word?"},
		{"role vision read x", -EINVAL, "did you mean role:vision, in one word?"},
		{"everyone read x", -EINVAL, "did you mean any, which is everybody?"},
		{"* read x", -EINVAL, "did you mean any, which is everybody?"},
		{"user:* read x", -EINVAL, "did you mean any, which is everybody?"},
		{"service:infer.service read x", -EINVAL, "did you mean unit:infer.service?"},
		{"unit=infer.service read x", -EINVAL, "did you mean unit:infer.service?"},
		{"unit:/system.slice/infer.service read x", -EINVAL,
			"did you mean unit:infer.service?"},
		{"infer.service read x", -EINVAL, "did you mean unit:infer.service?"},
		{"/bin/sh read x", -EINVAL, "did you mean exe:/bin/sh?"},
		{"sha256:/bin/sh read x", -EINVAL, "did you mean sha256:@/bin/sh?"},
		{"user:root except user:bob read x", -EINVAL,
			"a rule of its own, and deny wins: modelvault deny VAULT user:bob read"},
		{"user:root read x except user:bob", -EINVAL, "modelvault deny VAULT user:bob"},
		{"user:root read x but not bob", -EINVAL, "modelvault deny VAULT user:NAME"},
		{"user:root read x until 2127-03-01", -EINVAL, "did you mean --until 2127-03-01?"},
		{"user:root read x on weekdays", -EINVAL, "--days mon-fri"},
		{"user:root read x from infer.service only", -EINVAL, "unit:NAME or exe:PATH"},
		{"user:root read x only", -EINVAL, "leave it out"},
		{"user:root and user:bin read x", -EINVAL, "one behind the other"},
		{"user:root read a//b", -EINVAL, "empty name"},
		{"user:root read llama/", -EINVAL, "DIR/**"},
		{"user:root read [a", -EINVAL, "without its ']'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		scope_free char *mistake = NULL;
		struct rule rule;

		assert_int_equal(from_words(wrong[i].words, &rule, &mistake), wrong[i].result);
		if (!mistake || !strstr(mistake, wrong[i].says) || strchr(mistake, '\n'))
			fail_msg("%s: %s", wrong[i].words, mistake ? mistake : "(null)");
	}
	{
		scope_free char *mistake = NULL;

		assert_int_equal(
			rule_from_words(RULE_DENY, NULL, 0, &(struct rule){0}, &mistake), -EINVAL);
		assert_non_null(mistake);
	}
}

static void test_describe(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"allow user:alice#1001 read models/x",
			"rule 3 allows user alice (1001) to read models/x"},
		{"deny any read,list x", "rule 3 denies everybody to read,list x"},
		{"allow user:7 user:bob#8 group:dev#20 write x",
			"rule 3 allows user 7 or user bob (8) while in group dev (20) to write x"},
		{"allow role:crew exe:/bin/cat unit:infer read x",
			"rule 3 allows role crew with the program /bin/cat in the unit infer to "
			"read x"},
		{"deny exe:/bin/tar exe:/bin/cp read x",
			"rule 3 denies everybody with the program /bin/tar or /bin/cp to read x"},
		{"allow unit:pod userns:contained read x",
			"rule 3 allows everybody in the unit pod in a user namespace that is "
			"contained "
			"to read x"},
		{"learn loginuid:al#5 read x", "rule 3 learns from and allows everybody who logged "
					       "in as al (5) to read x"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_rule struct rule rule = {0};
		scope_buffer struct buffer text = {0};

		assert_int_equal(rule_from_text(cases[i].line, strlen(cases[i].line), &rule), 0);
		rule.number = 3;
		assert_int_equal(rule_describe(&rule, &text), 0);
		assert_string_equal(buffer_text(&text), cases[i].words);
	}
}

static bool stale(const char *line)
{
	scope_rule struct rule rule = {0};

	assert_int_equal(rule_from_text(line, strlen(line), &rule), 0);
	return rule_is_stale(&rule);
}

static void test_stale(void **state)
{
	(void)state;
	assert_false(stale("allow user:root#0 group:root#0 read x"));
	assert_true(stale("allow user:root#5 read x"));
	assert_true(stale("allow user:root#0 group:root#5 read x"));
	assert_true(stale("allow user:no-such-user-x#5 read x"));
	assert_false(stale("allow user:54321 read x"));
	assert_false(stale("allow any read x"));
}

static void test_permissions(void **state)
{
	char text[PERMISSIONS_TEXT_SIZE];
	unsigned permissions;

	(void)state;
	assert_int_equal(permissions_from_text("list,read", &permissions), 0);
	assert_int_equal(permissions, PERMISSION_READ | PERMISSION_LIST);
	permissions_to_text(PERMISSION_ALL, text);
	assert_string_equal(text, "read,write,list");
	permissions_to_text(0, text);
	assert_string_equal(text, "");
	assert_int_equal(permissions_from_text("", &permissions), -EINVAL);
	assert_int_equal(permissions_from_text("read,", &permissions), -EINVAL);
	assert_int_equal(permissions_from_text("Read", &permissions), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_not_lines),
		cmocka_unit_test(test_random_words),
		cmocka_unit_test(test_bash_reads_the_same),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_word_mistakes),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_permissions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
