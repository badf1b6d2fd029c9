/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_place.c - finds a vault and its server without a key. A vault directory has a file `id`
 * (0644, "modelvault 1 ID", of a backup "modelvault 1 ID SOCKET"), since keystore.db is closed to
 * all but its owner while everybody may have to find the server. It is no secret and is believed
 * for nothing but the socket's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cmd/mounts.h"
#include "fs/cmd/vault.h"
#include "keystore/base/bytes.h"
#include "keystore/base/file.h"

void vault_place_done(struct vault_place *place)
{
	free(place->path);
	*place = (struct vault_place){0};
}

static int read_id(const char *path, struct vault_place *place)
{
	scope_fd int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	scope_free char *text = NULL;
	char version[16], id[VAULT_ID_TEXT], socket[VAULT_ID_TEXT];
	uint8_t socket_id[ID_SIZE];
	struct stat attr;
	size_t len;
	int words, r;

	if (directory < 0)
		return errno == ENOTDIR ? -ENODATA : -errno;
	r = file_load(directory, "id", 256, &text, &len);
	/* What else a vault has tells one that lost its id from what never was one. */
	if (r == -ENOENT && faccessat(directory, "keystore.db", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -ENODATA;
	if (r < 0)
		return r == -ENOENT || r == -EINVAL || r == -EFBIG || r == -ELOOP ? -EUCLEAN : r;
	words = sscanf(text, "modelvault %15s %32s %32s", version, id, socket);
	if (words < 2 || strlen(id) != 2 * ID_SIZE)
		return -EUCLEAN;
	if (strcmp(version, "1") != 0)
		return -EPROTONOSUPPORT;
	if (hex_decode(id, place->id, ID_SIZE) < 0 || fstat(directory, &attr) < 0)
		return -EUCLEAN;
	hex_encode(place->id, ID_SIZE, place->id_text);
	/* A backup can be served beside the vault that it is of. */
	if (words < 3)
		memcpy(socket_id, place->id, ID_SIZE);
	else if (strlen(socket) != 2 * ID_SIZE || hex_decode(socket, socket_id, ID_SIZE) < 0)
		return -EUCLEAN;
	hex_encode(socket_id, ID_SIZE, place->socket_text);
	place->owner = attr.st_uid;
	place->dev = attr.st_dev;
	place->ino = attr.st_ino;
	return 0;
}

/* The operand as an absolute path, whether it is there or not; the caller frees. */
static char *absolute_path(const char *operand)
{
	scope_free char *here = NULL;
	char *path = realpath(operand, NULL);

	if (path || *operand == '/')
		return path ? path : strdup(operand);
	here = getcwd(NULL, 0);
	return here && asprintf(&path, "%s/%s", here, operand) >= 0 ? path : NULL;
}

/* Where a mount point stands VAULT must be its name alone, and the path in it an operand. */
static bool is_below_mount(const char *operand)
{
	scope_free char *path = absolute_path(operand);
	scope_free char *vault = NULL;
	const char *rest;

	vault = path ? mounts_vault_above(path, &rest) : NULL;
	return vault && *rest == '/' && rest[1];
}

static void complain_below_mount(const char *operand, struct output *output)
{
	scope_free char *path = absolute_path(operand);
	scope_free char *vault = NULL;
	const char *rest = NULL;

	vault = path ? mounts_vault_above(path, &rest) : NULL;
	if (vault)
		complain(output, "%s is a path in a mount; write VAULT and path apart: %.*s %s",
			operand, (int)(rest - path), path, rest + 1);
}

/* What is no vault is -ENOENT to the callers, as what is not there. */
static int complain_place(const char *operand, int result, struct output *output)
{
	switch (result) {
	case -ENOENT:
		complain(output, "%s: there is no such vault; `modelvault init %s` makes one",
			*operand ? operand : "''", *operand ? operand : "DIRECTORY");
		break;
	case -ENODATA:
		complain(output,
			"%s is not a vault and not the mount point of one; `modelvault init "
			"DIRECTORY` "
			"makes one",
			operand);
		return -ENOENT;
	case -EUCLEAN:
		complain(output,
			"%s: the file id of this vault is missing or damaged; put it back from a "
			"backup",
			operand);
		break;
	case -EPROTONOSUPPORT:
		complain(output, "%s was made by a newer modelvault; use that version", operand);
		break;
	case -EACCES:
		complain(output,
			"%s: permission denied; ask its owner, or run modelvault as the user whose "
			"vault it is",
			operand);
		break;
	case -EDESTADDRREQ:
		complain_below_mount(operand, output);
		break;
	case -ENOTCONN:
		complain(output,
			"%s: its server is dead; `modelvault umount %s` clears the mount point",
			operand, operand);
		break;
	default:
		complain(output, "%s: %s; VAULT is a vault directory or a mount point of one",
			operand, result_text(result));
	}
	return result;
}

int vault_locate(const char *operand, struct vault_place *ret_place, struct output *output)
{
	struct vault_place place = {0};
	scope_free char *absolute = NULL, *mounted = NULL;
	const char *path = operand;
	int r;

	if (strcmp(operand, "@") == 0) {
		path = getenv("MODELVAULT");
		if (!path || !*path) {
			complain(output, "'@' stands for $MODELVAULT, which is not set; set it, "
					 "or name the vault");
			return -ENOENT;
		}
	}
	/* A mount point is looked up by name first: its server may be dead and realpath would fail.
	 */
	mounted = mounts_vault_at(path);
	if (!mounted) {
		absolute = realpath(path, NULL);
		if (!absolute) {
			r = -errno;
			return complain_place(
				operand, is_below_mount(path) ? -EDESTADDRREQ : r, output);
		}
		mounted = mounts_vault_at(absolute);
	}
	place.path = mounted ? take(&mounted) : take(&absolute);
	r = read_id(place.path, &place);
	if (r < 0) {
		if (r == -ENODATA && is_below_mount(path))
			r = -EDESTADDRREQ;
		vault_place_done(&place);
		return complain_place(operand, r, output);
	}
	*ret_place = place;
	return 0;
}

static void name_of(const struct vault_place *place, char ret_name[64])
{
	snprintf(ret_name, 64, "%llu:%llu", (unsigned long long)place->dev,
		(unsigned long long)place->ino);
}

int vault_place_name(const struct vault_place *place, struct message *request)
{
	char name[64];

	if (message_has(request, "vault"))
		return 0;
	name_of(place, name);
	return message_add_text(request, "vault", name);
}

bool vault_place_is_meant(const struct vault_place *place, const struct message *request)
{
	const char *meant = message_get(request, "vault", NULL);
	char name[64];

	name_of(place, name);
	return meant && strcmp(meant, name) == 0;
}

int socket_path_of(uint32_t uid, const char *id_text, char *ret_path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat attr;
	char directory[PATH_MAX];
	int len;

	if (uid == 0)
		snprintf(directory, sizeof(directory), "/run/modelvault");
	else if (uid == geteuid() && runtime && *runtime == '/')
		snprintf(directory, sizeof(directory), "%s/modelvault", runtime);
	else
		snprintf(directory, sizeof(directory), "/run/user/%u/modelvault", uid);
	/* A session without a runtime directory (su, cron): a directory of the user's own in /tmp.
	 */
	if (uid != 0 && strncmp(directory, "/run/user/", 10) == 0) {
		char base[64];

		snprintf(base, sizeof(base), "/run/user/%u", uid);
		if (lstat(base, &attr) < 0 || attr.st_uid != uid)
			snprintf(directory, sizeof(directory), "/tmp/modelvault-%u", uid);
	}
	len = snprintf(ret_path, size, "%s/%s.sock", directory, id_text);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}
