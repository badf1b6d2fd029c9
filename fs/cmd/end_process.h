/* SPDX-License-Identifier: Apache-2.0 */
/*
 * end_process.h - processes ended with the caller's own rights: SIGTERM, after 2 s SIGKILL. Each is
 * held by a pidfd before its start time is compared, so that no other process that got its number
 * meanwhile is meant.
 */
#ifndef FS_CMD_END_PROCESS_H
#define FS_CMD_END_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/cmd/command.h"

struct process {
	pid_t pid;
	uint64_t start_time; /* /proc/PID/stat, field 22 */
};

/* -ESRCH: there is no such process any more. */
int process_start_time(pid_t pid, uint64_t *ret_start_time);
/*
 * May a server of this user have this process ended by whoever asked it? Root's may; another one
 * sees his own processes alone, and would have root end what is not his.
 */
bool process_is_of_server(pid_t pid, uint32_t server_user);
/*
 * Ends them all but pid 1, `spared` (0: nobody) and this process, and says which were. Count of
 * those that are still there: spared, or not the caller's to end.
 */
size_t end_processes(const struct process *all, size_t count, pid_t spared, struct output *output);

#endif
