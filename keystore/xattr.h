/* SPDX-License-Identifier: Apache-2.0 */
/* xattr.h - the extended attributes of one inode: a short list in memory. */
#ifndef KEYSTORE_XATTR_H
#define KEYSTORE_XATTR_H

#include "keystore/base/scope.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct xattr {
	struct xattr *next;
	char *name; /* 1..LIMIT_XATTR_NAME bytes and a NUL */
	size_t value_len;
	uint8_t value[];
};

struct xattr *xattr_list_free(struct xattr *list);
/* Adds a copy. -EINVAL for a name or value out of bounds, -EEXIST for a second one of a name. */
int xattr_list_add(struct xattr **list, const void *name, size_t name_len, const void *value,
	size_t value_len);
/* Pairs: name NUL, value length u32, value. -EINVAL when they are not of that form. */
int xattr_list_parse(const void *pairs, size_t len, struct xattr **ret_list);
/* As getxattr(2) and listxattr(2): size 0 asks. -ENODATA, -ERANGE. */
ssize_t xattr_list_get(const struct xattr *list, const char *name, void *value, size_t size);
ssize_t xattr_list_names(const struct xattr *list, void *names, size_t size);

SCOPE_FUNCTION(struct xattr *, xattr_list_free);

#endif
