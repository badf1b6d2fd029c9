/* SPDX-License-Identifier: Apache-2.0 */
/* mount_options.h - the words of `mount -o`: ro, noexec, allow_other, cache=,
 * cache-idle=, threads=, audit=. */
#ifndef FS_CMD_MOUNT_OPTIONS_H
#define FS_CMD_MOUNT_OPTIONS_H

#include "fs/cmd/command.h"
#include "fs/mount/mount.h"

/* text may be NULL. Exit code; complains about a word that is not known. */
int mount_options_parse(
	const char *text, struct session_options *ret_options, struct output *output);

/* Is there such an option, whatever its value? */
bool mount_option_is_known(const char *word);

#endif
