/* SPDX-License-Identifier: Apache-2.0 */
/* xattr.c - a linked list of attributes. */
#include "keystore/xattr.h"

#include <errno.h>
#include <string.h>

#include "keystore/base/bytes.h"
#include "keystore/base/limits.h"

static struct xattr *xattr_free(struct xattr *xattr)
{
	if (xattr)
		free(xattr->name);
	free(xattr);
	return NULL;
}

SCOPE_FUNCTION(struct xattr *, xattr_free);

struct xattr *xattr_list_free(struct xattr *list)
{
	while (list) {
		struct xattr *next = list->next;

		xattr_free(list);
		list = next;
	}
	return NULL;
}

static const struct xattr *find(const struct xattr *list, const void *name, size_t len)
{
	while (list && (strlen(list->name) != len || memcmp(list->name, name, len) != 0))
		list = list->next;
	return list;
}

int xattr_list_add(
	struct xattr **list, const void *name, size_t name_len, const void *value, size_t value_len)
{
	scope(xattr_free) struct xattr *xattr = NULL;

	if (name_len == 0 || name_len > LIMIT_XATTR_NAME || memchr(name, '\0', name_len) ||
		value_len > LIMIT_XATTR_VALUE)
		return -EINVAL;
	if (find(*list, name, name_len))
		return -EEXIST;
	xattr = calloc(1, sizeof(*xattr) + value_len);
	if (!xattr)
		return -ENOMEM;
	xattr->name = strndup(name, name_len);
	if (!xattr->name)
		return -ENOMEM;
	if (value_len > 0)
		memcpy(xattr->value, value, value_len);
	xattr->value_len = value_len;
	xattr->next = *list;
	*list = take(&xattr);
	return 0;
}

int xattr_list_parse(const void *pairs, size_t len, struct xattr **ret_list)
{
	scope(xattr_list_free) struct xattr *list = NULL;
	struct cursor cursor;
	int r;

	cursor_init(&cursor, pairs, len);
	while (cursor.left > 0) {
		const uint8_t *end = memchr(cursor.at, '\0', cursor.left);
		const uint8_t *name, *value;
		size_t name_len;
		uint32_t value_len;

		if (!end)
			return -EINVAL;
		name_len = (size_t)(end - cursor.at);
		name = cursor_bytes(&cursor, name_len + 1);
		value_len = cursor_u32(&cursor);
		value = cursor_bytes(&cursor, value_len);
		if (cursor.failed)
			return -EINVAL;
		r = xattr_list_add(&list, name, name_len, value, value_len);
		if (r < 0)
			return r == -EEXIST ? -EINVAL : r;
	}
	*ret_list = take(&list);
	return 0;
}

ssize_t xattr_list_get(const struct xattr *list, const char *name, void *value, size_t size)
{
	const struct xattr *xattr = find(list, name, strlen(name));

	if (!xattr)
		return -ENODATA;
	if (!value || size == 0)
		return (ssize_t)xattr->value_len;
	if (size < xattr->value_len)
		return -ERANGE;
	memcpy(value, xattr->value, xattr->value_len);
	return (ssize_t)xattr->value_len;
}

ssize_t xattr_list_names(const struct xattr *list, void *names, size_t size)
{
	size_t needed = 0;
	char *at = names;

	for (const struct xattr *xattr = list; xattr; xattr = xattr->next)
		needed += strlen(xattr->name) + 1;
	if (!names || size == 0)
		return (ssize_t)needed;
	if (size < needed)
		return -ERANGE;
	for (const struct xattr *xattr = list; xattr; xattr = xattr->next) {
		size_t len = strlen(xattr->name) + 1;

		memcpy(at, xattr->name, len);
		at += len;
	}
	return (ssize_t)needed;
}
