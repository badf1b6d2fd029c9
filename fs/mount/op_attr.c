/* SPDX-License-Identifier: Apache-2.0 */
/* op_attr.c - attributes, link targets, access(2), statfs and extended attributes. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/scope.h"

static int find_inode(struct session *session, fuse_ino_t id, struct entry_info *ret_info)
{
	struct node_info node;
	int r;

	r = node_find(session->nodes, id, &node);
	if (r < 0 || node.moved)
		return -ESTALE;
	r = keystore_stat(session->gate->backend.keystore, node.ino, ret_info);
	if (r == -ENOENT && handle_find_replaced(session->gate->handles, node.ino, ret_info)) {
		ret_info->nlink = 0;
		return 0;
	}
	/* Removed since the LOOKUP: walk again, and find that out by name. */
	return r == -ENOENT ? -ESTALE : r;
}

/* What is hidden is as what is gone. *ret_hides: then nothing of it may be kept. */
static int entry_of_node(
	fuse_req_t request, fuse_ino_t id, struct entry_info *ret_info, bool *ret_hides)
{
	scope_onlooker struct onlooker onlooker;
	int r;

	r = find_inode(session_of(request), id, ret_info);
	onlooker_begin(request, &onlooker);
	if (r == 0 && !onlooker_sees(&onlooker, ret_info->ino))
		r = -ESTALE;
	if (r == 0 && ret_info->nlink)
		onlooker_veil(&onlooker, ret_info);
	*ret_hides = onlooker.hides;
	return r;
}

void op_getattr(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct entry_info info;
	struct stat attr;
	bool hides;
	int r;

	(void)fi;
	r = entry_of_node(request, id, &info, &hides);
	if (r < 0)
		return answer_error(request, r);
	stat_of_entry(&info, &attr);
	fuse_reply_attr(request, &attr, hides ? 0 : ATTR_TIMEOUT_S);
}

void op_readlink(fuse_req_t request, fuse_ino_t id)
{
	struct session *session = session_of(request);
	scope_free char *target = NULL;
	struct entry_info info;
	size_t len;
	bool hides;
	int r;

	r = entry_of_node(request, id, &info, &hides);
	if (r == 0 && info.damaged)
		r = -EIO;
	if (r == 0)
		r = keystore_link_target(session->gate->backend.keystore, info.ino, &target, &len);
	if (r < 0)
		return answer_error(request, r);
	fuse_reply_readlink(request, target);
}

void op_access(fuse_req_t request, fuse_ino_t id, int mask)
{
	struct entry_info info;
	bool hides;
	int r;

	r = entry_of_node(request, id, &info, &hides);
	if (r == 0 && (mask & W_OK))
		r = -EROFS;
	if (r == 0 && info.kind == ENTRY_FILE && (mask & R_OK))
		r = gate_may_read(request, info.ino);
	if (r == 0 && info.kind == ENTRY_FILE && (mask & X_OK) && !(info.mode & 0111))
		r = -EACCES;
	answer_error(request, r);
}

void op_statfs(fuse_req_t request, fuse_ino_t id)
{
	struct gate *gate = session_of(request)->gate;
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(gate->backend.policy);
	struct statvfs answer = {
		.f_bsize = PAGE_BYTES, .f_frsize = PAGE_BYTES, .f_namemax = LIMIT_NAME};
	struct catalogue_counts counts;
	uint64_t bytes, available;
	int r;

	(void)id;
	/* How many files there are, and how much they take, tells of hidden ones. */
	if (!ruleset_is_private(ruleset)) {
		r = object_store_space(gate->backend.objects, &bytes, &available);
		if (r < 0)
			return answer_error(request, r);
		answer.f_blocks = bytes / PAGE_BYTES;
		answer.f_bfree = answer.f_bavail = available / PAGE_BYTES;
	}
	if (!ruleset_hides_names(ruleset)) {
		keystore_counts(gate->backend.keystore, &counts);
		answer.f_files = counts.files + counts.directories + counts.symlinks;
	}
	fuse_reply_statfs(request, &answer);
}

void op_getxattr(fuse_req_t request, fuse_ino_t id, const char *name, size_t size)
{
	struct session *session = session_of(request);
	scope_free void *value = NULL;
	struct entry_info info;
	ssize_t len;
	bool hides;
	int r;

	r = entry_of_node(request, id, &info, &hides);
	if (r == 0 && info.damaged)
		r = -EIO;
	if (r == 0 && size > LIMIT_XATTR_VALUE)
		size = LIMIT_XATTR_VALUE;
	if (r == 0 && size) {
		value = malloc(size);
		if (!value)
			r = -ENOMEM;
	}
	if (r < 0)
		return answer_error(request, r);
	len = keystore_xattr(session->gate->backend.keystore, info.ino, name, value, size);
	/* A value is content. Asked last: ls(1) looks for attributes that no file has. */
	if (len >= 0 && info.kind == ENTRY_FILE &&
		(size ? gate_give_value(request, &info, name) : gate_may_read(request, info.ino)) <
			0)
		len = -EACCES;
	if (len < 0)
		return answer_error(request, (int)len);
	if (size)
		fuse_reply_buf(request, value, (size_t)len);
	else
		fuse_reply_xattr(request, (size_t)len);
}

void op_listxattr(fuse_req_t request, fuse_ino_t id, size_t size)
{
	struct session *session = session_of(request);
	scope_free void *list = NULL;
	struct entry_info info;
	ssize_t len;
	bool hides;
	int r;

	r = entry_of_node(request, id, &info, &hides);
	if (r == 0 && size > LIMIT_XATTR_VALUE)
		size = LIMIT_XATTR_VALUE; /* XATTR_LIST_MAX is the same */
	if (r == 0 && size) {
		list = malloc(size);
		if (!list)
			r = -ENOMEM;
	}
	if (r < 0)
		return answer_error(request, r);
	len = keystore_xattr_names(session->gate->backend.keystore, info.ino, list, size);
	if (len < 0)
		return answer_error(request, (int)len);
	if (size)
		fuse_reply_buf(request, list, (size_t)len);
	else
		fuse_reply_xattr(request, (size_t)len);
}
