/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - tells the service manager how the server is: the protocol of sd_notify(3). */
#ifndef FS_CMD_NOTIFY_H
#define FS_CMD_NOTIFY_H

/* The lines "READY=1" and the like, to $NOTIFY_SOCKET; nothing when that is not set. */
void notify_manager(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* From now on nobody is told: a server in the background is not the process that was started. */
void notify_nobody(void);

#endif
