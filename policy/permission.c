/* SPDX-License-Identifier: Apache-2.0 */
/* permission.c - permissions as text: one table from bit to word. */
#include "policy/permission.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "keystore/base/scope.h"

/* In the order of their bits, which is the order of their text. */
static const char *const permission_names[] = {"read", "write", "list"};
static_assert(ARRAY_SIZE(permission_names) == PERMISSION_COUNT, "a name for every permission");
static_assert(sizeof("read,write,list") <= PERMISSIONS_TEXT_SIZE, "all names fit");

static unsigned permission_from_name(const char *name, size_t len)
{
	for (unsigned i = 0; i < PERMISSION_COUNT; i++) {
		if (strlen(permission_names[i]) == len &&
			memcmp(permission_names[i], name, len) == 0)
			return 1u << i;
	}
	return 0;
}

int permissions_from_text(const char *text, unsigned *ret_permissions)
{
	unsigned permissions = 0;

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");
		unsigned bit = permission_from_name(at, len);

		if (bit == 0 || (permissions & bit))
			return -EINVAL;
		permissions |= bit;
		at += len;
		if (*at == '\0')
			break;
	}
	*ret_permissions = permissions;
	return 0;
}

void permissions_to_text(unsigned permissions, char ret_text[PERMISSIONS_TEXT_SIZE])
{
	char *at = ret_text;

	*at = '\0';
	for (unsigned i = 0; i < PERMISSION_COUNT; i++) {
		if (!(permissions & (1u << i)))
			continue;
		if (at != ret_text)
			*at++ = ',';
		at = stpcpy(at, permission_names[i]);
	}
}
