/* SPDX-License-Identifier: Apache-2.0 */
/* export_links.c - a tree by inode in the vault, a list of names that wait for their first. */
#include "fs/cmd/export_links.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

/* A file with several names, by its inode in the vault. */
struct known_file {
	uint64_t ino;
	struct export_leader leader;
};

/* A further name of it, linked when all files are out. */
struct later_link {
	struct later_link *next;
	struct known_file *file;
	struct export_job *job;
};

struct export_links {
	void *known; /* tsearch tree of struct known_file */
	struct later_link *links, **links_end;
};

int export_links_new(struct export_links **ret_links)
{
	struct export_links *links = calloc(1, sizeof(*links));

	if (!links)
		return -ENOMEM;
	links->links_end = &links->links;
	*ret_links = links;
	return 0;
}

static void known_file_free(void *object)
{
	struct known_file *file = object;

	export_directory_unref(file->leader.directory);
	free(file->leader.name);
	free(file);
}

struct export_links *export_links_free(struct export_links *links)
{
	struct later_link *next;

	if (!links)
		return NULL;
	for (struct later_link *link = links->links; link; link = next) {
		next = link->next;
		export_job_free(link->job);
		free(link);
	}
	tdestroy(links->known, known_file_free);
	free(links);
	return NULL;
}

static int compare_known(const void *a, const void *b)
{
	const struct known_file *one = a, *other = b;

	return one->ino == other->ino ? 0 : one->ino < other->ino ? -1 : 1;
}

static int lead(struct known_file *file, struct export_job *job)
{
	free(file->leader.name);
	export_directory_unref(file->leader.directory);
	file->leader = (struct export_leader){
		.directory = export_directory_ref(job->directory), .name = strdup(job->name)};
	job->leader = &file->leader;
	return file->leader.name ? 0 : -ENOMEM;
}

int export_links_add(struct export_links *links, struct export_job *job, bool *ret_later)
{
	struct known_file *file = calloc(1, sizeof(*file));
	struct later_link *link = NULL;
	struct known_file **found;

	if (!file)
		return -ENOMEM;
	file->ino = job->look.ino;
	found = tsearch(file, &links->known, compare_known);
	if (found && *found == file)
		return lead(file, job);
	free(file);
	if (found)
		link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->file = *found;
	link->job = job;
	*links->links_end = link;
	links->links_end = &link->next;
	*ret_later = true;
	return 0;
}

static bool is_same_file(const struct export_leader *leader, int dir_fd, const char *name)
{
	struct stat one, other;

	return fstatat(export_directory_fd(leader->directory), leader->name, &one,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(dir_fd, name, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static int link_to(
	const struct export_leader *leader, const struct export_job *job, const char *name)
{
	return linkat(export_directory_fd(leader->directory), leader->name,
		       export_directory_fd(job->directory), name, 0) < 0
		       ? -errno
		       : 0;
}

static int link_over(const struct export_leader *leader, const struct export_job *job)
{
	char part[EXPORT_PART_SIZE];
	int r;

	r = export_part_name(part);
	if (r == 0)
		r = link_to(leader, job, part);
	return r < 0 ? r
		     : export_name(export_directory_fd(job->directory), -1, part, job->name, true);
}

static int make_link(
	struct exporter *exporter, struct export_leader *leader, struct export_job *job)
{
	int r = link_to(leader, job, job->name);

	if (r == -EEXIST &&
		(job->existing == EXISTING_SKIP ||
			is_same_file(leader, export_directory_fd(job->directory), job->name))) {
		exporter_count(exporter, EXPORT_PRESENT, 0);
		return 0;
	}
	if (r == -EEXIST && job->existing == EXISTING_REPLACE)
		r = link_over(leader, job);
	return r;
}

/* The first name did not come out, or links cannot be there: a file of its own. */
static int write_instead(struct exporter *exporter, struct later_link *link)
{
	int r = lead(link->file, link->job);

	if (r < 0)
		return r;
	exporter_queue(exporter, take(&link->job));
	exporter_wait(exporter);
	return 0;
}

static void send_link(struct exporter *exporter, struct later_link *link)
{
	struct export_job *job = link->job;
	int r = link->file->leader.is_out ? make_link(exporter, &link->file->leader, job) : -EPERM;

	if (r == -EPERM || r == -EMLINK || r == -EXDEV || r == -EOPNOTSUPP)
		r = write_instead(exporter, link);
	if (r < 0)
		exporter_complain(exporter, job->dest, r);
	link->job = export_job_free(link->job);
}

void export_links_send(struct export_links *links, struct exporter *exporter)
{
	exporter_wait(exporter);
	for (struct later_link *link = links->links; link; link = link->next)
		if (!exporter_is_stopped(exporter))
			send_link(exporter, link);
}
