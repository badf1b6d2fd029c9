/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_links.c - a tree by device and inode, a list of names. A name that is unlinked changes the
 * file's ctime, hence all names of a file go in a row.
 */
#include "fs/cmd/import_links.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>

#include "fs/cmd/source_remove.h"

/* A file with several names, by device and inode. */
struct known_file {
	dev_t device;
	ino_t inode;
	struct link_leader leader;
	bool started; /* some name of it was removed */
};

/* One name of it. */
struct file_name {
	struct file_name *next;
	struct known_file *file;
	char *source;
	size_t operand_len;
	struct stat attr;
	struct import_entry *entry; /* a further name, until it is sent; NULL: the first */
	bool is_in;
};

struct import_links {
	void *known; /* tsearch tree of struct known_file */
	struct file_name *names, **names_end;
};

int import_links_new(struct import_links **ret_links)
{
	struct import_links *links = calloc(1, sizeof(*links));

	if (!links)
		return -ENOMEM;
	links->names_end = &links->names;
	*ret_links = links;
	return 0;
}

static void known_file_free(void *file)
{
	free(((struct known_file *)file)->leader.path);
	free(file);
}

struct import_links *import_links_free(struct import_links *links)
{
	struct file_name *next;

	if (!links)
		return NULL;
	for (struct file_name *name = links->names; name; name = next) {
		next = name->next;
		import_entry_free(name->entry);
		free(name->source);
		free(name);
	}
	tdestroy(links->known, known_file_free);
	free(links);
	return NULL;
}

static int compare_known(const void *a, const void *b)
{
	const struct known_file *one = a, *other = b;

	if (one->device != other->device)
		return one->device < other->device ? -1 : 1;
	return one->inode == other->inode ? 0 : one->inode < other->inode ? -1 : 1;
}

/* *ret_first: this is the first of its names that is seen. */
static struct known_file *know_file(
	struct import_links *links, const struct stat *attr, bool *ret_first)
{
	struct known_file *file = calloc(1, sizeof(*file));
	struct known_file **found;

	if (!file)
		return NULL;
	file->device = attr->st_dev;
	file->inode = attr->st_ino;
	found = tsearch(file, &links->known, compare_known);
	*ret_first = found && *found == file;
	if (!*ret_first)
		free(file);
	return found ? *found : NULL;
}

static int lead(struct known_file *file, struct import_entry *entry)
{
	free(file->leader.path);
	file->leader = (struct link_leader){
		.path = strndup(entry->path, entry->path_len),
		.path_len = entry->path_len,
	};
	entry->leader = &file->leader;
	return file->leader.path ? 0 : -ENOMEM;
}

int import_links_add(struct import_links *links, struct import_entry *entry, bool *ret_later)
{
	struct file_name *name = calloc(1, sizeof(*name));
	bool first;

	if (!name)
		return -ENOMEM;
	name->source = strdup(entry->source);
	name->file = name->source ? know_file(links, &entry->attr, &first) : NULL;
	if (!name->file || (first && lead(name->file, entry) < 0)) {
		free(name->source);
		free(name);
		return -ENOMEM;
	}
	name->operand_len = entry->operand_len;
	name->attr = entry->attr;
	if (!first)
		name->entry = entry;
	*links->names_end = name;
	links->names_end = &name->next;
	*ret_later = !first;
	return 0;
}

/* The first name did not come in: this one is tried as a file of its own. */
static void send_as_file(
	struct importer *importer, struct known_file *file, struct import_entry *entry)
{
	struct stat attr;
	int r;

	entry->fd = open(entry->source, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	r = entry->fd < 0 || fstat(entry->fd, &attr) < 0 ? -errno : 0;
	if (r == 0 && (attr.st_dev != file->device || attr.st_ino != file->inode))
		r = -ESTALE;
	if (r == 0)
		r = lead(file, entry);
	if (r == 0) {
		importer_send(importer, entry);
		return;
	}
	importer_complain(importer, entry->source, result_text(r));
	import_entry_free(entry);
}

static bool send_link(
	struct importer *importer, struct known_file *file, struct import_entry *entry)
{
	if (!file->leader.is_in) {
		send_as_file(importer, file, entry);
		return file->leader.is_in;
	}
	entry->kind = "link";
	entry->target = strndup(file->leader.path, file->leader.path_len);
	entry->target_len = file->leader.path_len;
	if (entry->target)
		return importer_send(importer, entry);
	importer_complain(importer, entry->source, result_text(-ENOMEM));
	import_entry_free(entry);
	return false;
}

static void remove_name(struct importer *importer, struct file_name *name)
{
	int r = source_remove(name->source, name->operand_len, &name->attr, !name->file->started);

	if (r < 0) {
		importer_complain(importer, name->source, source_kept_text(r));
		return;
	}
	name->file->started = true;
	importer_count_removed(importer);
}

static int compare_names(const void *a, const void *b)
{
	const struct file_name *one = *(struct file_name *const *)a;
	const struct file_name *other = *(struct file_name *const *)b;

	return compare_known(one->file, other->file);
}

static void remove_names(struct import_links *links, struct importer *importer)
{
	scope_free struct file_name **names = NULL;
	size_t count = 0;

	for (const struct file_name *name = links->names; name; name = name->next)
		count++;
	names = calloc(count + 1, sizeof(*names));
	if (!names) {
		importer_complain(importer, "files of several names", result_text(-ENOMEM));
		return;
	}
	count = 0;
	for (struct file_name *name = links->names; name; name = name->next)
		if (name->is_in)
			names[count++] = name;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++)
		remove_name(importer, names[i]);
}

void import_links_send(struct import_links *links, struct importer *importer)
{
	importer_wait(importer);
	for (struct file_name *name = links->names; name; name = name->next)
		name->is_in = name->entry ? send_link(importer, name->file, take(&name->entry))
					  : name->file->leader.is_in;
	if (importer_options(importer)->remove_source && !importer_is_stopped(importer))
		remove_names(links, importer);
}
