/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_tree.c - every step goes by name below the descriptor of the directory above, so that a
 * tree that changes meanwhile leads nowhere else and paths may be longer than PATH_MAX.
 */
#include "fs/cmd/import_tree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/cmd/import_links.h"
#include "fs/cmd/own_vault.h"
#include "fs/cmd/source_remove.h"
#include "fs/cmd/tree_path.h"

#define TOO_DEEP \
	"it lies deeper than a vault goes, 1023 directories, and was left out with all below"
static_assert(LIMIT_DEPTH == 1024, "the text says so");
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

/* A directory whose time is set when nothing comes into it any more. */
struct later_time {
	struct later_time *next;
	struct import_entry *entry;
};

struct import_tree {
	bool dereference;
	struct own_vault own;
	struct import_links *links;
	struct later_time *times, **times_end; /* what is in a directory before itself */
	/* of the walk under way */
	struct importer *importer;  /* NULL: only counting */
	size_t operand_len;	    /* of source: what the user gave */
	struct buffer source, path; /* where it is, here and in the vault */
	uint64_t counted;
};

/* The directories above, to find a loop of links or bind mounts. */
struct ancestor {
	const struct ancestor *above;
	unsigned depth;
	dev_t device;
	ino_t inode;
};

static void visit_child(
	struct import_tree *tree, int dir_fd, const char *name, const struct ancestor *above);

int import_tree_new(
	const struct vault_place *place, bool dereference, struct import_tree **ret_tree)
{
	scope(import_tree_free) struct import_tree *tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree)
		return -ENOMEM;
	tree->dereference = dereference;
	tree->times_end = &tree->times;
	r = import_links_new(&tree->links);
	if (r < 0)
		return r;
	r = own_vault_init(&tree->own, place);
	if (r < 0)
		return r;
	*ret_tree = take(&tree);
	return 0;
}

struct import_tree *import_tree_free(struct import_tree *tree)
{
	struct later_time *next_time;

	if (!tree)
		return NULL;
	for (struct later_time *time = tree->times; time; time = next_time) {
		next_time = time->next;
		import_entry_free(time->entry);
		free(time);
	}
	import_links_free(tree->links);
	own_vault_done(&tree->own);
	buffer_done(&tree->source);
	buffer_done(&tree->path);
	free(tree);
	return NULL;
}

int import_tree_is_own(const struct import_tree *tree, const char *source)
{
	return own_vault_holds(&tree->own, source, tree->dereference);
}

static void complain_here(struct import_tree *tree, const char *words)
{
	if (tree->importer)
		importer_complain(tree->importer, buffer_text(&tree->source), words);
}

static struct import_entry *entry_here(
	struct import_tree *tree, const char *kind, const struct stat *attr)
{
	struct import_entry *entry = NULL;

	if (!tree->source.failed && !tree->path.failed)
		entry = import_entry_new(kind, buffer_text(&tree->source), buffer_text(&tree->path),
			tree->path.len, attr);
	if (!entry)
		complain_here(tree, "out of memory");
	else
		entry->operand_len = tree->operand_len;
	return entry;
}

/* What was looked at, opened; -ESTALE when it is something else by now. */
static int open_same(
	const struct import_tree *tree, int dir_fd, const char *name, struct stat *attr)
{
	scope_fd int fd = -1;
	mode_t kind = attr->st_mode & S_IFMT;

	fd = openat(dir_fd, name, OPEN_FLAGS | O_CLOEXEC | (tree->dereference ? 0 : O_NOFOLLOW));
	if (fd < 0 || fstat(fd, attr) < 0)
		return -errno;
	return (attr->st_mode & S_IFMT) == kind ? take_fd(&fd) : -ESTALE;
}

/* Names of a directory, each with its NUL. */
static int read_names(int fd, struct buffer *ret_names)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;
	int r;

	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir) {
		r = -errno;
		close(copy);
		return r;
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			buffer_add(ret_names, entry->d_name, strlen(entry->d_name) + 1);
	r = errno ? -errno : ret_names->failed ? -ENOMEM : 0;
	closedir(dir);
	return r;
}

/* What is in the directory fd, which has been sent. */
static void visit_children(struct import_tree *tree, int fd, const struct ancestor *self)
{
	scope_buffer struct buffer names = {0};
	int r;

	r = read_names(fd, &names);
	if (r < 0) {
		complain_here(tree, result_text(r));
		return;
	}
	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
		if (tree->importer && importer_is_stopped(tree->importer))
			return;
		visit_child(tree, fd, names.data + at, self);
	}
}

static bool is_loop(const struct ancestor *self)
{
	for (const struct ancestor *above = self->above; above; above = above->above)
		if (above->device == self->device && above->inode == self->inode)
			return true;
	return false;
}

static bool send_directory(struct import_tree *tree, int fd, const struct stat *attr)
{
	struct import_entry *entry;

	if (!tree->importer)
		return true;
	entry = entry_here(tree, "directory", attr);
	if (!entry)
		return false;
	entry->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return importer_send(tree->importer, entry);
}

static void add_later_time(struct import_tree *tree, const struct stat *attr)
{
	struct later_time *time = calloc(1, sizeof(*time));

	if (time)
		time->entry = entry_here(tree, "time", attr);
	if (!time || !time->entry) {
		free(time);
		return complain_here(tree, "its time cannot be kept: out of memory");
	}
	*tree->times_end = time;
	tree->times_end = &time->next;
}

static void visit_directory(struct import_tree *tree, int dir_fd, const char *name,
	struct stat *attr, const struct ancestor *above)
{
	const struct ancestor self = {
		above, above ? above->depth + 1 : 1, attr->st_dev, attr->st_ino};
	scope_fd int fd = -1;

	if (own_vault_is(&tree->own, attr))
		return complain_here(tree, "it belongs to this vault and was left out");
	if (is_loop(&self))
		return complain_here(tree, "it is a directory above itself and was left out");
	if (self.depth >= LIMIT_DEPTH)
		return complain_here(tree, TOO_DEEP);
	fd = open_same(tree, dir_fd, name, attr);
	if (fd < 0)
		return complain_here(tree, result_text(fd));
	if (!send_directory(tree, fd, attr))
		return;
	visit_children(tree, fd, &self);
	if (tree->importer)
		add_later_time(tree, attr);
}

static void visit_file(struct import_tree *tree, int dir_fd, const char *name, struct stat *attr)
{
	scope(import_entry_free) struct import_entry *entry = NULL;
	bool later = false;
	int r = 0;

	entry = entry_here(tree, "file", attr);
	if (!entry)
		return;
	if (attr->st_nlink > 1)
		r = import_links_add(tree->links, entry, &later);
	if (r == 0 && !later) {
		entry->fd = open_same(tree, dir_fd, name, attr);
		r = entry->fd < 0 ? entry->fd : 0;
	}
	if (r < 0)
		return complain_here(tree, result_text(r));
	if (!later)
		importer_queue(tree->importer, entry);
	entry = NULL;
}

static void visit_symlink(
	struct import_tree *tree, int dir_fd, const char *name, const struct stat *attr)
{
	scope(import_entry_free) struct import_entry *entry = NULL;
	char target[LIMIT_LINK_TARGET + 1];
	ssize_t len;

	len = readlinkat(dir_fd, name, target, sizeof(target));
	if (len < 0 || (size_t)len == sizeof(target))
		return complain_here(tree, result_text(len < 0 ? -errno : -ENAMETOOLONG));
	entry = entry_here(tree, "symlink", attr);
	if (!entry)
		return;
	entry->target = strndup(target, (size_t)len);
	entry->target_len = (size_t)len;
	if (!entry->target)
		return complain_here(tree, result_text(-ENOMEM));
	importer_send(tree->importer, take(&entry));
}

static void visit_kind(struct import_tree *tree, int dir_fd, const char *name, struct stat *attr,
	const struct ancestor *above)
{
	if (S_ISDIR(attr->st_mode))
		visit_directory(tree, dir_fd, name, attr, above);
	else if (S_ISREG(attr->st_mode) && !tree->importer)
		tree->counted += (uint64_t)attr->st_size / (attr->st_nlink ? attr->st_nlink : 1);
	else if (!tree->importer)
		return;
	else if (S_ISREG(attr->st_mode))
		visit_file(tree, dir_fd, name, attr);
	else if (S_ISLNK(attr->st_mode))
		visit_symlink(tree, dir_fd, name, attr);
	else
		complain_here(tree, "it is a socket, pipe or device and was left out");
}

/* name below dir_fd is where tree->source and tree->path say. */
static void visit_here(
	struct import_tree *tree, int dir_fd, const char *name, const struct ancestor *above)
{
	struct stat attr;

	if (fstatat(dir_fd, name, &attr, tree->dereference ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		complain_here(tree, result_text(-errno));
	else
		visit_kind(tree, dir_fd, name, &attr, above);
}

static void visit_child(
	struct import_tree *tree, int dir_fd, const char *name, const struct ancestor *above)
{
	size_t source_len = tree->source.len, path_len = tree->path.len;

	tree_path_push(&tree->source, name, strlen(name));
	tree_path_push(&tree->path, name, strlen(name));
	visit_here(tree, dir_fd, name, above);
	tree_path_pop(&tree->source, source_len);
	tree_path_pop(&tree->path, path_len);
}

/* As cp -r: the name is the last component; "", "." and ".." stand for the contents. */
static bool name_of_source(const char *source, const char **ret_name, size_t *ret_len)
{
	size_t end = strlen(source), start;

	while (end && source[end - 1] == '/')
		end--;
	for (start = end; start && source[start - 1] != '/'; start--)
		;
	*ret_name = source + start;
	*ret_len = end - start;
	return *ret_len && !(*ret_len == 1 && **ret_name == '.') &&
	       !(*ret_len == 2 && memcmp(*ret_name, "..", 2) == 0);
}

static void visit_contents(struct import_tree *tree, const char *source)
{
	scope_fd int fd = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat attr;

	if (fd < 0 || fstat(fd, &attr) < 0) {
		complain_here(tree, result_text(-errno));
	} else {
		const struct ancestor self = {NULL, 0, attr.st_dev, attr.st_ino};

		visit_children(tree, fd, &self);
	}
}

static void visit_source(struct import_tree *tree, const char *source, const char *destination)
{
	const char *name;
	size_t len;

	tree_path_pop(&tree->source, 0);
	tree_path_pop(&tree->path, 0);
	buffer_add_text(&tree->source, source);
	tree->operand_len = tree->source.len;
	buffer_add_text(&tree->path, destination);
	if (!name_of_source(source, &name, &len)) {
		visit_contents(tree, source);
		return;
	}
	tree_path_push(&tree->path, name, len);
	visit_here(tree, AT_FDCWD, source, NULL);
}

uint64_t import_tree_count(struct import_tree *tree, const char *source)
{
	tree->importer = NULL;
	tree->counted = 0;
	visit_source(tree, source, "");
	return tree->counted;
}

void import_tree_send(struct import_tree *tree, struct importer *importer, const char *source,
	const char *destination)
{
	tree->importer = importer;
	visit_source(tree, source, destination);
}

/* Left are those with something in them: what that is was named, or has come just now. */
static void remove_directory(struct importer *importer, const struct import_entry *entry)
{
	int r = source_remove_directory(entry->source, entry->operand_len, &entry->attr);

	if (r == 0)
		importer_count_removed(importer);
	else if ((r != -ENOTEMPTY && r != -EEXIST) || !importer_has_failed(importer))
		importer_complain(importer, entry->source, source_kept_text(r));
}

static void send_time(struct importer *importer, struct import_entry *entry)
{
	/* It is there already when the directory goes. */
	struct import_entry *kept =
		importer_options(importer)->remove_source
			? import_entry_new(entry->kind, entry->source, "", 0, &entry->attr)
			: NULL;

	if (kept)
		kept->operand_len = entry->operand_len;
	if (importer_send(importer, entry) && kept)
		remove_directory(importer, kept);
	import_entry_free(kept);
}

void import_tree_finish(struct import_tree *tree, struct importer *importer)
{
	import_links_send(tree->links, importer);
	for (struct later_time *time = tree->times; time; time = time->next)
		send_time(importer, take(&time->entry));
}
