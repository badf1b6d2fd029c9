/* SPDX-License-Identifier: Apache-2.0 */
/* backup_mark.c - one line, replaced atomically. */
#include "fs/cmd/backup_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keystore/base/file.h"

#define MARK_NAME "backup"
#define MARK_MAX  256

int backup_mark_read(int dir_fd, struct backup_mark *ret_mark)
{
	char id[VAULT_ID_TEXT], state[16];
	scope_free char *text = NULL;
	struct backup_mark mark;
	size_t len;
	int r;

	r = file_load(dir_fd, MARK_NAME, MARK_MAX, &text, &len);
	if (r < 0)
		return r == -ENOENT ? r : -EUCLEAN;
	if (sscanf(text, "modelvault-backup 1 %32s %15s", id, state) != 2 ||
		strlen(id) != 2 * ID_SIZE || hex_decode(id, mark.vault_id, ID_SIZE) < 0)
		return -EUCLEAN;
	mark.complete = strcmp(state, "complete") == 0;
	*ret_mark = mark;
	return 0;
}

int backup_mark_write(int dir_fd, const struct backup_mark *mark)
{
	char text[MARK_MAX], id[VAULT_ID_TEXT];
	int len;

	hex_encode(mark->vault_id, ID_SIZE, id);
	len = snprintf(text, sizeof(text), "modelvault-backup 1 %s %s\n", id,
		mark->complete ? "complete" : "incomplete");
	return file_replace(dir_fd, MARK_NAME, text, (size_t)len, 0600);
}

void backup_mark_remove(const char *path)
{
	scope_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		unlinkat(fd, MARK_NAME, 0);
}
