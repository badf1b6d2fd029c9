/* SPDX-License-Identifier: Apache-2.0 */
/* op_open.c - OPEN goes to the gate; RELEASE ends the handle. */
#include <errno.h>
#include <fcntl.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"

void op_open(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct session *session = session_of(request);
	struct node_info node;
	int r;

	r = node_find(session->nodes, id, &node);
	if (r < 0)
		return answer_error(request, -ESTALE);
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC))
		return answer_error(request, -EROFS);
	gate_open(request, &node, fi);
}

void op_release(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct session *session = session_of(request);
	struct handle *handle = handle_remove(session->gate->handles, fi->fh);

	node_idle(session->nodes, id, clock_monotonic_ns());
	if (handle)
		gate_close(session->gate, handle);
	fuse_reply_err(request, 0);
}
