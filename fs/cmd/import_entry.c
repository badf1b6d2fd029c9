/* SPDX-License-Identifier: Apache-2.0 */
/* import_entry.c - an entry, and the request that takes it in. */
#include "fs/cmd/import_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "keystore/base/clock.h"

struct import_entry *import_entry_new(const char *kind, const char *source, const char *path,
	size_t path_len, const struct stat *attr)
{
	struct import_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->fd = -1;
	entry->kind = kind;
	entry->attr = *attr;
	entry->path_len = path_len;
	entry->source = strdup(source);
	entry->path = strndup(path, path_len);
	if (!entry->source || !entry->path)
		return import_entry_free(entry);
	return entry;
}

struct import_entry *import_entry_free(struct import_entry *entry)
{
	if (!entry)
		return NULL;
	if (entry->fd >= 0)
		close(entry->fd);
	free(entry->source);
	free(entry->path);
	free(entry->target);
	free(entry);
	return NULL;
}

/* Of what comes without a descriptor that could be asked. */
static int add_attributes(struct message *request, const struct stat *attr)
{
	int64_t mtime = (int64_t)attr->st_mtim.tv_sec * NS_PER_S + attr->st_mtim.tv_nsec;
	int r;

	r = message_add_integer(request, "mode", attr->st_mode & 07777);
	if (r == 0)
		r = message_add_integer(request, "uid", attr->st_uid);
	if (r == 0)
		r = message_add_integer(request, "gid", attr->st_gid);
	if (r == 0)
		r = message_add_integer(request, "mtime", mtime);
	return r;
}

/* The message gets a descriptor of its own, so that entry->fd still tells the position. */
static int add_fd(struct message *request, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : message_add_fd(request, copy);
}

int import_entry_request(const struct import_entry *entry, const struct importer_options *options,
	struct message **ret_request)
{
	static const char *const choices[] = {
		[EXISTING_SKIP] = "skip",
		[EXISTING_REPLACE] = "replace",
	};
	scope(message_free) struct message *request = NULL;
	int r;

	r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", "import-entry");
	if (r == 0)
		r = message_add_text(request, "kind", entry->kind);
	if (r == 0)
		r = message_add(request, "path", entry->path, entry->path_len);
	if (r == 0)
		r = message_add_text(request, "source", entry->source);
	if (r == 0 && options->existing != EXISTING_IS_ERROR)
		r = message_add_text(request, choices[options->existing], "");
	if (r == 0 && options->remove_source)
		r = message_add_text(request, "remove-source", "");
	if (r == 0 && entry->target)
		r = message_add(request, "target", entry->target, entry->target_len);
	if (r == 0)
		r = entry->fd < 0 ? add_attributes(request, &entry->attr)
				  : add_fd(request, entry->fd);
	if (r == 0)
		*ret_request = take(&request);
	return r;
}
