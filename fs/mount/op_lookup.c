/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_lookup.c - names become nodes. Only a directory's entry is cached: each walk asks which node a
 * file has and which link a name is. What is below a directory that is gone or was moved is
 * answered ESTALE, and the kernel then walks the path again without believing any entry.
 */
#include <errno.h>
#include <string.h>

#include "fs/mount/mount_private.h"

/* The entry of a name, and the node that the kernel gets for it. */
static int find_entry(fuse_req_t request, const struct node_info *directory, const char *name,
	struct entry_info *ret_info, struct node_info *ret_node)
{
	struct session *session = session_of(request);
	struct keystore *keystore = session->gate->backend.keystore;
	const struct fuse_ctx *ctx = fuse_req_ctx(request);
	int r;

	r = keystore_lookup(keystore, directory->ino, name, strlen(name), ret_info);
	if (r == -ENOENT && keystore_stat(keystore, directory->ino, ret_info) == -ENOENT)
		r = -ESTALE;
	if (r == 0 && directory->moved)
		r = -ESTALE;
	if (r < 0)
		return r;
	return node_lookup(
		session->nodes, ret_info->ino, ret_info->kind, ctx->uid, ctx->pid, ret_node);
}

static void answer_entry(fuse_req_t request, const struct onlooker *onlooker,
	struct entry_info *info, const struct node_info *node)
{
	struct session *session = session_of(request);
	struct fuse_entry_param entry = {0};

	entry.ino = node->id;
	entry.generation = 0; /* ids are never reused */
	onlooker_veil(onlooker, info);
	stat_of_entry(info, &entry.attr);
	/* Hidden names differ from caller to caller: then nothing may be kept for all. */
	entry.attr_timeout = onlooker->hides ? 0 : ATTR_TIMEOUT_S;
	entry.entry_timeout =
		info->kind != ENTRY_DIRECTORY || onlooker->hides ? 0 : DIRECTORY_TIMEOUT_S;
	/* Whatever comes of it, the request is gone with its answer. */
	if (fuse_reply_entry(request, &entry) == -ENOENT)
		node_forget(session->nodes, node->id, 1);
}

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct session *session = session_of(request);
	scope_onlooker struct onlooker onlooker = {0};
	struct node_info directory, node = {0};
	struct entry_info info;
	int r;

	r = node_find(session->nodes, parent, &directory);
	if (r < 0)
		return answer_error(request, r);
	r = find_entry(request, &directory, name, &info, &node);
	/* After the node lost its mark: see begin_hiding. */
	onlooker_begin(request, &onlooker);
	if (!onlooker_may_walk(&onlooker, directory.ino))
		r = -ESTALE;
	else if (r == 0 && !onlooker_sees_entry(&onlooker, info.ino))
		r = -ENOENT;
	if (r == 0)
		return answer_entry(request, &onlooker, &info, &node);
	if (node.id)
		node_forget(session->nodes, node.id, 1);
	answer_error(request, r);
}

void op_forget(fuse_req_t request, fuse_ino_t id, uint64_t count)
{
	node_forget(session_of(request)->nodes, id, count);
	fuse_reply_none(request);
}

void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(session_of(request)->nodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(request);
}
