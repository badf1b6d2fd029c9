/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visibility.h - which names a caller may see: what the gate, export and explain all ask. Where
 * some rule hides names, or the vault is private, a name is seen when the rules allow `list` by all
 * names of its file, or when it is a directory below which there is something that is seen (on the
 * way: looked for in the catalogue itself); and when no directory above it is denied. The root is
 * always seen. A symbolic link is seen by its own name, whatever it leads to.
 */
#ifndef FS_MOUNT_VISIBILITY_H
#define FS_MOUNT_VISIBILITY_H

#include "keystore/keystore.h"
#include "policy/policy.h"

/* One caller at one moment; for one thread. Not to be copied or moved. */
struct viewer {
	struct keystore *keystore;
	struct policy *policy;
	struct policy_view view;
	bool hides; /* false: everybody sees everything, and nothing needs to be asked */
	/* By which he may be allowed something at all; gathered when first wanted. */
	bool gathered;
	uint32_t *rules;
	size_t rule_count;
	/* The hash of his executable matters and is not known: it is waited for, once. */
	bool wants_hash, awaited;
	struct subject hashed; /* he, with the hash that was waited for */
};

/*
 * ruleset NULL: the one in force. Subject is borrowed until the end. The questions below may wait
 * for the hash of his executable, when a rule asks for it: without locks.
 */
void viewer_begin(struct viewer *viewer, struct keystore *keystore, struct policy *policy,
	const struct ruleset *ruleset, const struct subject *subject);
/*
 * A question about somebody who is not there instead: its subject, its time, its surroundings, all
 * borrowed. Nothing is waited for. Also about one after the other.
 */
void viewer_suppose(struct viewer *viewer, const struct question *question);
void viewer_end(struct viewer *viewer);

/*
 * Is it seen? Reasons: default-list, rule-allow, learned, on-the-way; rule-deny (also of a
 * directory above), private-list, or an odd identity's. Nobody sees an inode that is not there.
 */
struct decision viewer_decide(struct viewer *viewer, uint64_t ino);
bool viewer_sees(struct viewer *viewer, uint64_t ino);
/* The same of what lies in a directory that is seen, or whose way is open. */
bool viewer_sees_entry(struct viewer *viewer, uint64_t ino);
/* Is no directory from the root down to this one denied? What is seen below it, then is it, too. */
bool viewer_way_is_open(struct viewer *viewer, uint64_t ino);
/*
 * Takes out of the attributes what would tell of names that are hidden from some: links, and the
 * times that a change of names leaves. The same for all callers.
 */
void viewer_veil(const struct viewer *viewer, struct entry_info *info);
/* How many of the names of what he sees he can reach. */
uint32_t viewer_links(struct viewer *viewer, const struct entry_info *info);

#define scope_viewer __attribute__((cleanup(viewer_end)))

#endif
