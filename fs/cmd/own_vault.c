/* SPDX-License-Identifier: Apache-2.0 */
/* own_vault.c - asks by device and inode; mounts without waking what may hang behind them. */
#include "fs/cmd/own_vault.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "fs/cmd/mounts.h"

static int add_mount(void *arg, const struct mount_entry *entry)
{
	struct own_vault *own = arg;
	struct statx attr;

	if (strcmp(entry->source, own->source) == 0 && own->mount_count < OWN_MOUNTS_MAX &&
		statx(AT_FDCWD, entry->mountpoint, AT_STATX_DONT_SYNC, STATX_TYPE, &attr) == 0)
		own->mounts[own->mount_count++] = makedev(attr.stx_dev_major, attr.stx_dev_minor);
	return 0;
}

int own_vault_init(struct own_vault *own, const struct vault_place *place)
{
	struct stat attr;

	*own = (struct own_vault){.path = realpath(place->path, NULL), .source = place->path};
	if (!own->path || stat(own->path, &attr) < 0)
		return -errno;
	own->device = attr.st_dev;
	own->inode = attr.st_ino;
	return mounts_each(add_mount, own);
}

void own_vault_done(struct own_vault *own)
{
	free(own->path);
}

bool own_vault_is(const struct own_vault *own, const struct stat *attr)
{
	if (attr->st_dev == own->device && attr->st_ino == own->inode)
		return true;
	for (unsigned i = 0; i < own->mount_count; i++)
		if (attr->st_dev == own->mounts[i])
			return true;
	return false;
}

int own_vault_holds(const struct own_vault *own, const char *source, bool follow)
{
	size_t len = strlen(own->path);
	scope_free char *real = NULL;
	struct stat attr;

	if (lstat(source, &attr) < 0)
		return -errno;
	/* A link into the vault is only a link, unless it is followed. */
	if (S_ISLNK(attr.st_mode) && !follow)
		return false;
	if (own_vault_is(own, &attr))
		return true;
	real = realpath(source, NULL);
	if (!real)
		return -errno;
	return strncmp(real, own->path, len) == 0 && (!real[len] || real[len] == '/');
}
