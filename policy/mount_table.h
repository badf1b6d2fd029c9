/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_table.h - which file systems may be asked without waiting for somebody: by what mountinfo
 * says, since statfs(2) of a FUSE file system asks its server.
 */
#ifndef POLICY_MOUNT_TABLE_H
#define POLICY_MOUNT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum mount_kind {
	MOUNT_LOCAL,  /* the kernel alone answers */
	MOUNT_MEMORY, /* too, but a file's times do not tell of what is written through a mapping */
	MOUNT_FUSE,   /* a process answers */
	MOUNT_FOREIGN, /* another machine, or of a type that is not known to be local */
};

/* One line of mountinfo; texts live as long as the call. */
struct mountinfo {
	uint64_t id, dev;
	const char *root, *point; /* unescaped */
	const char *type;	  /* "ext4", "fuse.sshfs" */
	const char *source;	  /* unescaped */
	const char *super_options;
};

/*
 * Calls visit(arg, entry) for every mount in path ("self/mountinfo") beneath proc_fd, a directory
 * of procfs, until it returns false. Lines that are not of the documented form are left out; stops
 * after 64 MiB. -errno when it cannot be read.
 */
int mountinfo_each(int proc_fd, const char *path,
	bool (*visit)(void *arg, const struct mountinfo *entry), void *arg);
enum mount_kind mount_kind_of(const struct mountinfo *entry);

/* Which mount and device a thing is on, as statx tells (has_mount_id: from Linux 5.8 on). */
struct mount_place {
	bool has_mount_id;
	uint64_t mount_id, dev;
};
/*
 * The kind of the mount among this process's own, from a copy that is renewed when mounts have
 * changed. By mount id, else by device. -ENOENT: not among them. Thread-safe.
 */
int mount_kind_here(const struct mount_place *place, enum mount_kind *ret_kind);
/* The same among the mounts of a process: pid_fd is its directory in /proc. Read anew. */
int mount_kind_of_process(int pid_fd, const struct mount_place *place, enum mount_kind *ret_kind);

#endif
