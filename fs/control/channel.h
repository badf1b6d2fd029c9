/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - messages over a connected UNIX stream socket, descriptors passed beside them
 * (SCM_RIGHTS). One thread at a time in each direction.
 */
#ifndef FS_CONTROL_CHANNEL_H
#define FS_CONTROL_CHANNEL_H

#include "fs/control/message.h"

struct channel;

/* Takes the socket over, also when this fails. */
int channel_new(int fd, struct channel **ret_channel);
struct channel *channel_free(struct channel *channel);
/* -ETIMEDOUT when the other side does not read for timeout_ms (-1: wait for ever). -EPIPE: gone. */
int channel_send(struct channel *channel, const struct message *message, int timeout_ms);
/*
 * The whole message must come within timeout_ms (-1: wait for ever). -ENODATA: orderly end;
 * -EPROTO: not of the grammar; -EPROTONOSUPPORT: another version; -E2BIG: beyond the limits,
 * descriptors included; -EPIPE: gone; -ETIMEDOUT. After any but -ETIMEDOUT every further call fails
 * the same way.
 */
int channel_receive(struct channel *channel, int timeout_ms, struct message **ret_message);
int channel_fd(const struct channel *channel);

SCOPE_FUNCTION(struct channel *, channel_free);

#endif
