/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow.h - bytes of a file on their way to a client: a pipe that the server makes and whose read
 * end the client gets. The server never writes into what a client made: that could hang, or write
 * beyond his quota.
 */
#ifndef FS_CONTROL_OUTFLOW_H
#define FS_CONTROL_OUTFLOW_H

#include <stdbool.h>
#include <stddef.h>

#define OUTFLOW_TIMEOUT_MS 60000 /* for a client that reads nothing */

/* *ret_fd: the server's end. Returns the client's end, or -errno. */
int outflow_open(int *ret_fd);
/*
 * All of it, or -EPIPE (the client is gone), -ETIMEDOUT (he read nothing for OUTFLOW_TIMEOUT_MS),
 * -ESHUTDOWN (is_over(arg) said so; it is asked twice a second).
 */
int outflow_write(int fd, const void *bytes, size_t len, bool (*is_over)(void *arg), void *arg);

#endif
