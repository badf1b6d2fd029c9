/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/digest.c against FIPS 180-4, NIST's example messages and RFC 4231. */
#include "keystore/base/digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/bytes.h"

static void assert_digest(const uint8_t digest[DIGEST_SIZE], const char *expected)
{
	char text[2 * DIGEST_SIZE + 1];

	hex_encode(digest, DIGEST_SIZE, text);
	assert_string_equal(text, expected);
}

/* FIPS 180-4 examples ("SHA256.pdf" of NIST): "abc", two blocks, a million times 'a'; and nothing.
 */
static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char two_blocks[] = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
static const char million[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
static const char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void test_sha256_parts(void **state)
{
	const struct iovec whole[] = {PART_TEXT("abc")};
	const struct iovec pieces[] = {PART_TEXT("abcdbcdecdefdefgefghfghighijhijk"), PART_TEXT(""),
		PART_TEXT("ijkljklmklmnlmnomnopnopq")};
	uint8_t digest[DIGEST_SIZE];

	(void)state;
	assert_int_equal(sha256_parts(whole, 1, digest), 0);
	assert_digest(digest, abc);
	assert_int_equal(sha256_parts(pieces, 3, digest), 0);
	assert_digest(digest, two_blocks);
	assert_int_equal(sha256_parts(NULL, 0, digest), 0);
	assert_digest(digest, nothing);
}

static void test_sha256_stream(void **state)
{
	scope(sha256_free) struct sha256 *sha256 = NULL;
	uint8_t digest[DIGEST_SIZE];
	char as[1000];

	(void)state;
	memset(as, 'a', sizeof(as));
	assert_int_equal(sha256_new(&sha256), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(sha256_add(sha256, as, sizeof(as)), 0);
	assert_int_equal(sha256_end(sha256, digest), 0);
	assert_digest(digest, million);
	/* Empty again. */
	assert_int_equal(sha256_end(sha256, digest), 0);
	assert_digest(digest, nothing);
	assert_int_equal(sha256_add(sha256, "abc", 3), 0);
	assert_int_equal(sha256_end(sha256, digest), 0);
	assert_digest(digest, abc);
}

/* RFC 4231, section 4; case 5 is truncated to 128 bits there. A fill byte stands for a long field.
 */
static const struct hmac_case {
	int number;
	const char *key;  /* hex */
	size_t key_fill;  /* so many 0xaa instead */
	const char *data; /* hex */
	const char *mac;
} hmac_cases[] = {
	{1, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", 0, "4869205468657265",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{2, "4a656665", 0, "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{3, NULL, 20,
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		"dddddddddddddddddd",
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{4, "0102030405060708090a0b0c0d0e0f10111213141516171819", 0,
		"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		"cdcdcdcdcdcdcdcdcd",
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{5, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", 0,
		"546573742057697468205472756e636174696f6e", "a3b6167473100ee06e0c796c2955552b"},
	{6, NULL, 131,
		"54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048"
		"617368204b6579204669727374",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{7, NULL, 131,
		"5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d"
		"73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174"
		"612e20546865206b6579206e6565647320746f20626520686173686564206265666f7265206265696e"
		"6720757365642062792074686520484d414320616c676f726974686d2e",
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

static struct secret *case_key(const struct hmac_case *c)
{
	size_t len = c->key ? strlen(c->key) / 2 : c->key_fill;
	struct secret *key = NULL;

	assert_int_equal(secret_new(len, &key), 0);
	memset(secret_bytes(key), 0xaa, len);
	if (c->key)
		assert_int_equal(hex_decode(c->key, secret_bytes(key), len), 0);
	return key;
}

static void test_hmac(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hmac_cases); i++) {
		const struct hmac_case *c = &hmac_cases[i];
		scope(secret_free) struct secret *key = case_key(c);
		scope(hmac_free) struct hmac *hmac = NULL;
		uint8_t data[256], mac[DIGEST_SIZE];
		char text[2 * DIGEST_SIZE + 1];
		size_t len = strlen(c->data) / 2;
		const struct iovec parts[] = {PART(data, 3), PART(data + 3, len - 3)};

		assert_int_equal(hex_decode(c->data, data, len), 0);
		assert_int_equal(hmac_new(key, &hmac), 0);
		for (int again = 0; again < 3; again++) {
			if (again < 2)
				assert_int_equal(hmac_parts(hmac, parts, 2, mac), 0);
			else
				assert_int_equal(hmac_once(key, parts, 2, mac), 0);
			hex_encode(mac, sizeof(mac), text);
			if (strncmp(text, c->mac, strlen(c->mac)) != 0)
				fail_msg("case %d: %s", c->number, text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_parts),
		cmocka_unit_test(test_sha256_stream),
		cmocka_unit_test(test_hmac),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
