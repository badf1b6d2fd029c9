/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_see.c - names that are hidden from the caller of a request, and the moment from which names
 * are hidden at all. What is hidden is answered as what is gone.
 */
#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

bool gate_hides_names(struct gate *gate)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(gate->backend.policy);

	return ruleset_hides_names(ruleset);
}

void onlooker_begin(fuse_req_t request, struct onlooker *onlooker)
{
	struct backend *backend = &session_of(request)->gate->backend;
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(backend->policy);
	const struct fuse_ctx *ctx = fuse_req_ctx(request);
	struct subject_origin origin = {.uid = ctx->uid, .gid = ctx->gid, .tid = ctx->pid};
	enum reason reason;

	*onlooker = (struct onlooker){.gate = session_of(request)->gate};
	/* Who asks counts only where names differ from caller to caller. */
	if (!ruleset_hides_names(ruleset))
		return;
	onlooker->hides = true;
	onlooker->is_odd = subject_capture(&origin, &onlooker->subject, &reason) < 0;
	viewer_begin(
		&onlooker->viewer, backend->keystore, backend->policy, ruleset, &onlooker->subject);
}

void onlooker_end(struct onlooker *onlooker)
{
	if (!onlooker->hides)
		return;
	viewer_end(&onlooker->viewer);
	subject_done(&onlooker->subject);
}

bool onlooker_may_walk(struct onlooker *onlooker, uint64_t directory)
{
	/* The root has no name that a pattern could match; whoever reaches the mount sees it. */
	if (!onlooker->hides || directory == ROOT_INO)
		return true;
	return !onlooker->is_odd && viewer_way_is_open(&onlooker->viewer, directory);
}

bool onlooker_sees_entry(struct onlooker *onlooker, uint64_t ino)
{
	if (!onlooker->hides || ino == ROOT_INO)
		return true;
	return !onlooker->is_odd && viewer_sees_entry(&onlooker->viewer, ino);
}

bool onlooker_sees(struct onlooker *onlooker, uint64_t ino)
{
	if (!onlooker->hides || ino == ROOT_INO)
		return true;
	if (!onlooker->is_odd && viewer_sees(&onlooker->viewer, ino))
		return true;
	/* Who reads a file goes on, also when its name is hidden meanwhile. */
	return handle_has_user(onlooker->gate->handles, ino, onlooker->subject.uid);
}

void onlooker_veil(const struct onlooker *onlooker, struct entry_info *info)
{
	if (onlooker->hides)
		viewer_veil(&onlooker->viewer, info);
}

bool gate_shows(struct gate *gate, const struct subject *subject, uint64_t ino)
{
	scope_viewer struct viewer viewer = {0};

	if (!gate_hides_names(gate))
		return true;
	if (!subject)
		return false;
	viewer_begin(&viewer, gate->backend.keystore, gate->backend.policy, NULL, subject);
	return viewer_sees(&viewer, ino);
}

/*
 * The kernel may believe the names of directories and all attributes for as long as it was told
 * to. Directories are as if they had been moved: each walk asks for every name on the way.
 */
static void begin_hiding(struct session *session)
{
	scope_free uint64_t *ids = NULL;
	size_t count;

	node_mark_shared_moved(session->nodes, clock_monotonic_ns() + MOVED_NS);
	if (node_ids(session->nodes, &ids, &count) < 0) {
		log_warning(
			"%s: attributes of hidden files show for a second", session->mountpoint);
		return;
	}
	/* Before all pages: attributes alone. */
	for (size_t i = 0; i < count; i++)
		fuse_lowlevel_notify_inval_inode(session->fuse, ids[i], -1, 0);
}

void gate_begin_hiding(struct gate *gate)
{
	for (struct session *session = gate->sessions; session; session = session->next)
		begin_hiding(session);
}
