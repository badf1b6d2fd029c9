/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - one line on a terminal while long work runs: bytes, rate, time left. Without a
 * terminal on standard error nothing is shown.
 */
#ifndef FS_CMD_PROGRESS_H
#define FS_CMD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keystore/base/scope.h"

struct progress;

/* Would a bar be shown? Then it is worth counting the total first. */
bool progress_is_wanted(void);
/*
 * Starts to show it. position(arg): bytes done so far; called from a thread of the bar's own.
 * total 0: not known. *ret_progress is NULL when there is no terminal.
 */
int progress_new(
	uint64_t total, uint64_t (*position)(void *arg), void *arg, struct progress **ret_progress);
/* Takes the line away. NULL is accepted. */
struct progress *progress_free(struct progress *progress);
/* Text for standard error without disturbing the line; progress may be NULL. 0 or -errno. */
int progress_write(struct progress *progress, const void *text, size_t len);

#define BYTES_TEXT_SIZE 32
/* "812 bytes", "1.4 GiB". */
void bytes_to_text(uint64_t bytes, char ret_text[BYTES_TEXT_SIZE]);

SCOPE_FUNCTION(struct progress *, progress_free);

#endif
