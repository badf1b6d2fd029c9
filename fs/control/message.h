/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - one control message: an ordered list of fields, each a name and bytes, with up to
 * LIMIT_DESCRIPTORS file descriptors. As text, one field a line, "name=value", a value's bytes
 * outside 0x21..0x7e and '%' as %XX; an empty line ends the message. Bounded by LIMIT_MESSAGE and
 * LIMIT_FIELDS; the grammar stands in contrib/docs/control.md.
 */
#ifndef FS_CONTROL_MESSAGE_H
#define FS_CONTROL_MESSAGE_H

#include "keystore/base/bytes.h"
#include "keystore/base/limits.h"

struct message;

int message_new(struct message **ret_message);
/* Closes descriptors that were not taken. */
struct message *message_free(struct message *message);

/* name: [a-z0-9_-]{1,32}. A name may stand several times. -E2BIG beyond the limits. */
int message_add(struct message *message, const char *name, const void *value, size_t len);
int message_add_text(struct message *message, const char *name, const char *value);
int message_add_integer(struct message *message, const char *name, int64_t value);
/* Another value for the index-th field of that name. -ENOENT: there is none; -E2BIG. */
int message_replace_text(
	struct message *message, const char *name, size_t index, const char *value);
/* fd becomes the message's (closed with it), also when this fails. */
int message_add_fd(struct message *message, int fd);

/* The first field of that name as NUL-terminated text (the bytes may hold NULs; *ret_len may be
 * NULL), or NULL. */
const char *message_get(const struct message *message, const char *name, size_t *ret_len);
/* The index-th field of that name, or NULL. */
const char *message_at(
	const struct message *message, const char *name, size_t index, size_t *ret_len);
size_t message_count(const struct message *message, const char *name);
bool message_has(const struct message *message, const char *name);
/* Strict decimal; -ENOENT when absent, -EINVAL when not a number. */
int message_get_integer(const struct message *message, const char *name, int64_t *ret_value);
/* The index-th descriptor, which becomes the caller's; -1 when there is none. */
int message_take_fd(struct message *message, size_t index);
/* Borrowed, or -1. */
int message_fd(const struct message *message, size_t index);
size_t message_fd_count(const struct message *message);

/*
 * The text form, and back; -EPROTO for bytes that are not of the grammar, -EPROTONOSUPPORT for
 * another version of it, -E2BIG beyond the limits. The version line "v=1" is the text's: no field
 * may be named so. Descriptors are apart.
 */
int message_encode(const struct message *message, struct buffer *to);
int message_decode(const void *text, size_t len, struct message **ret_message);

SCOPE_FUNCTION(struct message *, message_free);

#endif
