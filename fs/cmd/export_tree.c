/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_tree.c - every step goes by name below the descriptor of the directory above, so that
 * nobody who can write there leads it elsewhere, and paths may be longer than PATH_MAX.
 */
#include "fs/cmd/export_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cmd/export_file.h"
#include "fs/cmd/export_links.h"
#include "fs/cmd/tree_path.h"

struct export_tree {
	struct exporter *exporter;
	enum existing_choice existing;
	bool counting;
	uint64_t counted;
	struct buffer path, dest; /* where it is, in the vault and here */
	struct export_links *links;
};

static void visit(struct export_tree *tree, struct export_directory *above, const char *name,
	unsigned depth, bool *ret_directory);

int export_tree_new(
	struct exporter *exporter, enum existing_choice existing, struct export_tree **ret_tree)
{
	scope(export_tree_free) struct export_tree *tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree)
		return -ENOMEM;
	r = export_links_new(&tree->links);
	if (r < 0)
		return r;
	tree->exporter = exporter;
	tree->existing = existing;
	*ret_tree = take(&tree);
	return 0;
}

struct export_tree *export_tree_free(struct export_tree *tree)
{
	if (!tree)
		return NULL;
	export_links_free(tree->links);
	buffer_done(&tree->path);
	buffer_done(&tree->dest);
	free(tree);
	return NULL;
}

static void complain_here(const struct export_tree *tree, int result)
{
	exporter_complain(tree->exporter, buffer_text(&tree->dest), result);
}

/* ---- files ---- */

static struct export_job *job_here(const struct export_tree *tree,
	struct export_directory *directory, const char *name, const struct export_look *look)
{
	struct export_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->directory = export_directory_ref(directory);
	job->name = strdup(name);
	job->dest = strdup(buffer_text(&tree->dest));
	job->path_len = tree->path.len;
	job->path = strndup(buffer_text(&tree->path), tree->path.len);
	job->look = *look;
	job->look.xattrs = NULL;
	job->look.xattrs_len = 0;
	job->look.rest = (struct cursor){0};
	job->existing = tree->existing;
	if (!job->name || !job->dest || !job->path)
		return export_job_free(job);
	return job;
}

static int visit_file(struct export_tree *tree, struct export_directory *above, const char *name,
	const struct export_look *look)
{
	scope(export_job_free) struct export_job *job = NULL;
	bool later = false;
	int r = 0;

	if (tree->counting) {
		tree->counted += look->size / (look->nlink ? look->nlink : 1);
		return 0;
	}
	job = job_here(tree, above, name, look);
	if (!job)
		return -ENOMEM;
	if (look->nlink > 1)
		r = export_links_add(tree->links, job, &later);
	if (r == 0 && !later)
		exporter_queue(tree->exporter, job);
	if (r == 0)
		job = NULL;
	return r;
}

/* ---- symbolic links ---- */

static bool is_same_symlink(int dir_fd, const char *name, const char *target)
{
	char found[LIMIT_LINK_TARGET + 1];
	ssize_t len = readlinkat(dir_fd, name, found, sizeof(found));

	return len >= 0 && (size_t)len == strlen(target) && memcmp(found, target, (size_t)len) == 0;
}

/* Makes it beside, then over what is there. */
static int replace_symlink(int dir_fd, const char *name, const char *target)
{
	char part[EXPORT_PART_SIZE];
	int r;

	r = export_part_name(part);
	if (r < 0)
		return r;
	if (symlinkat(target, dir_fd, part) < 0)
		return -errno;
	return export_name(dir_fd, -1, part, name, true);
}

static int visit_symlink(struct export_tree *tree, const struct export_directory *above,
	const char *name, const struct export_look *look)
{
	scope_free char *target = strndup((const char *)look->rest.at, look->rest.left);
	int dir_fd = export_directory_fd(above), r;
	struct timespec times[2];

	if (!target)
		return -ENOMEM;
	r = symlinkat(target, dir_fd, name) < 0 ? -errno : 0;
	if (r == -EEXIST &&
		(is_same_symlink(dir_fd, name, target) || tree->existing == EXISTING_SKIP)) {
		exporter_count(tree->exporter, EXPORT_PRESENT, 0);
		return 0;
	}
	if (r == -EEXIST && tree->existing == EXISTING_REPLACE)
		r = replace_symlink(dir_fd, name, target);
	if (r < 0)
		return r;
	if (geteuid() == 0)
		(void)!fchownat(dir_fd, name, look->uid, look->gid, AT_SYMLINK_NOFOLLOW);
	export_look_times(look, times);
	(void)!utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

void export_tree_finish(struct export_tree *tree)
{
	export_links_send(tree->links, tree->exporter);
}

/* ---- directories ---- */

static int visit_child(struct export_tree *tree, struct export_directory *self,
	struct cursor *names, unsigned depth)
{
	size_t path_len = tree->path.len, dest_len = tree->dest.len;
	uint32_t len = cursor_u32(names);
	const uint8_t *bytes = cursor_bytes(names, len);
	char name[LIMIT_NAME + 1];

	if (!bytes || !name_is_valid(bytes, len))
		return -EPROTO;
	memcpy(name, bytes, len);
	name[len] = '\0';
	tree_path_push(&tree->path, name, len);
	tree_path_push(&tree->dest, name, len);
	if (tree->path.failed || tree->dest.failed)
		return -ENOMEM;
	visit(tree, self, name, depth + 1, NULL);
	tree_path_pop(&tree->path, path_len);
	tree_path_pop(&tree->dest, dest_len);
	return 0;
}

static int visit_children(struct export_tree *tree, struct export_directory *self,
	struct export_look *look, unsigned depth)
{
	int r = 0;

	if (depth > LIMIT_DEPTH)
		return -ELOOP;
	while (r == 0 && look->rest.left && !exporter_is_stopped(tree->exporter))
		r = visit_child(tree, self, &look->rest, depth);
	return r;
}

static int visit_directory(struct export_tree *tree, const struct export_directory *above,
	const char *name, struct export_look *look, unsigned depth)
{
	struct export_directory *self;
	bool made;
	int fd, r;

	if (tree->counting)
		return visit_children(tree, NULL, look, depth);
	made = mkdirat(export_directory_fd(above), name, 0700) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	/* At the top the user's own link to a directory is followed, as cp does. */
	fd = openat(export_directory_fd(above), name,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EEXIST : -errno;
	r = export_directory_new(fd, made ? look : NULL, &self);
	if (r < 0)
		return r;
	r = visit_children(tree, self, look, depth);
	export_directory_unref(self);
	return r;
}

/* What is at tree->path becomes the name in the directory above. */
static void visit(struct export_tree *tree, struct export_directory *above, const char *name,
	unsigned depth, bool *ret_directory)
{
	scope_buffer struct buffer answer = {0};
	struct export_look look;
	int r;

	if (export_line_look(exporter_line(tree->exporter), &tree->path, &answer, &look) !=
		EXIT_DONE)
		return;
	if (look.kind == ENTRY_DIRECTORY)
		r = visit_directory(tree, above, name, &look, depth);
	else if (look.kind == ENTRY_FILE)
		r = visit_file(tree, above, name, &look);
	else if (look.kind == ENTRY_SYMLINK && !tree->counting)
		r = visit_symlink(tree, above, name, &look);
	else
		r = tree->counting ? 0 : -EPROTO;
	if (ret_directory)
		*ret_directory = look.kind == ENTRY_DIRECTORY;
	if (r < 0 && !tree->counting)
		complain_here(tree, r);
}

/* ---- the top ---- */

static void start_at(struct export_tree *tree, const char *path, const char *dest)
{
	tree_path_pop(&tree->path, 0);
	tree_path_pop(&tree->dest, 0);
	buffer_add_text(&tree->path, path);
	buffer_add_text(&tree->dest, dest);
}

uint64_t export_tree_count(struct export_tree *tree, const char *path)
{
	tree->counting = true;
	exporter_set_quiet(tree->exporter, true);
	start_at(tree, path, "");
	visit(tree, NULL, "", 0, NULL);
	exporter_set_quiet(tree->exporter, false);
	tree->counting = false;
	return tree->counted;
}

/* The directory that dest will be in, and its name there. */
static int open_parent(
	const char *dest, const char **ret_name, struct export_directory **ret_parent)
{
	const char *slash = strrchr(dest, '/');
	scope_free char *directory = NULL;
	int fd;

	*ret_name = slash ? slash + 1 : dest;
	if (!**ret_name)
		*ret_name = ".";
	directory = slash ? strndup(dest, (size_t)(slash - dest) + 1) : strdup(".");
	if (!directory)
		return -ENOMEM;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : export_directory_new(fd, NULL, ret_parent);
}

bool export_tree_send(struct export_tree *tree, const char *path, const char *dest)
{
	struct export_directory *parent;
	bool is_directory = false;
	const char *name;
	int r;

	start_at(tree, path, dest);
	r = open_parent(dest, &name, &parent);
	if (r < 0) {
		complain_here(tree, r);
		return false;
	}
	visit(tree, parent, name, 0, &is_directory);
	export_directory_unref(parent);
	return is_directory;
}
