/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject_userns.c - which user namespace a caller is in: the server's own; one that root made
 * directly beneath it (contained: a container with mapped ids); any other, where a user is root by
 * his own making and forges what /proc shows of him. See ioctl_ns(2), user_namespaces(7).
 */
#include "policy/subject_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "keystore/base/scope.h"

/* Written once by subject_init, before there are threads. */
static struct stat own_namespace;

int subject_userns_init(int proc_fd)
{
	return fstatat(proc_fd, "self/ns/user", &own_namespace, 0) < 0 ? -errno : 0;
}

static bool is_own(const struct stat *ns)
{
	return ns->st_dev == own_namespace.st_dev && ns->st_ino == own_namespace.st_ino;
}

/*
 * By the kernel's word for both: the parent is the one that the maker was in, the owner who he was.
 * Where that cannot be had (a parent out of this process's sight), it is not so.
 */
static bool is_contained(int ns_fd)
{
	scope_fd int parent_fd = ioctl(ns_fd, NS_GET_PARENT);
	struct stat parent;
	uid_t owner;

	if (parent_fd < 0 || fstat(parent_fd, &parent) < 0 || !is_own(&parent))
		return false;
	return ioctl(ns_fd, NS_GET_OWNER_UID, &owner) == 0 && owner == 0;
}

int subject_read_userns(int thread_fd, struct subject *subject)
{
	scope_fd int ns_fd = -1;
	struct stat ns;

	if (fstatat(thread_fd, "ns/user", &ns, 0) < 0)
		return -errno;
	subject->initial_userns = is_own(&ns);
	if (subject->initial_userns)
		return 0;
	ns_fd = openat(thread_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	if (ns_fd < 0)
		return -errno;
	subject->contained_userns = is_contained(ns_fd);
	return 0;
}
