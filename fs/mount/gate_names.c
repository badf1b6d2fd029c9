/* SPDX-License-Identifier: Apache-2.0 */
/* gate_names.c - names changed: what the kernel believes of them in all mounts is taken back. */
#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

static void forget_attributes(struct session *session, uint64_t ino)
{
	uint64_t id = ino ? node_of_directory(session->nodes, ino) : 0;

	if (id)
		fuse_lowlevel_notify_inval_inode(session->fuse, id, 0, 0);
}

/*
 * Never by fuse_lowlevel_notify_inval_entry: that takes the directory's lock, which any user can
 * hold for as long as he likes (getdents(2) into a page that his own FUSE does not deliver), and
 * gate->enacting with it: then no rule could be taken back.
 */
void gate_names_changed(struct gate *gate, uint64_t parent, uint64_t gone)
{
	/* enacting keeps sessions alive while their kernel side is told. */
	pthread_mutex_lock(&gate->enacting);
	for (struct session *session = gate->sessions; session; session = session->next) {
		forget_attributes(session, parent);
		forget_attributes(session, gone);
	}
	pthread_mutex_unlock(&gate->enacting);
}

/* Is inode a directory at or below the one that moved? */
static bool lies_below(struct keystore *keystore, uint64_t ino, uint64_t moved)
{
	struct entry_info info = {.parent = ino};

	for (unsigned depth = 0; ino && depth <= LIMIT_DEPTH; depth++) {
		if (ino == moved)
			return true;
		if (keystore_stat(keystore, ino, &info) < 0 || info.kind != ENTRY_DIRECTORY)
			return false;
		ino = info.parent;
	}
	return false;
}

static void mark_moved(struct session *session, uint64_t moved)
{
	int64_t until_ns = clock_monotonic_ns() + MOVED_NS;
	scope_free uint64_t *inos = NULL;
	size_t count;

	if (node_shared_inodes(session->nodes, &inos, &count) < 0) {
		log_warning("%s: a moved directory shows under its old name for a second",
			session->mountpoint);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!lies_below(session->gate->backend.keystore, inos[i], moved))
			continue;
		node_mark_moved(session->nodes, inos[i], until_ns);
		forget_attributes(session, inos[i]);
	}
}

void gate_directory_moved(struct gate *gate, uint64_t ino)
{
	pthread_mutex_lock(&gate->enacting);
	for (struct session *session = gate->sessions; session; session = session->next)
		mark_moved(session, ino);
	pthread_mutex_unlock(&gate->enacting);
}
