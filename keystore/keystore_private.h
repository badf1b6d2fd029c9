/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_private.h - the state behind keystore.h, shared by its files: keystore.c (life),
 * keystore_create.c, keystore_watch.c, keystore_copy.c, keystore_tree.c (reading the tree),
 * keystore_change.c, keystore_file.c and keystore_rename.c (changing it).
 */
#ifndef KEYSTORE_KEYSTORE_PRIVATE_H
#define KEYSTORE_KEYSTORE_PRIVATE_H

#include "keystore/catalogue_private.h"
#include "keystore/file_key.h"
#include "keystore/gone_keys.h"
#include "keystore/keystore.h"
#include "keystore/settings.h"

#include <pthread.h>
#include <stdatomic.h>

#define KEYSTORE_FILE_NAME "keystore.db"
#define KEYSTORE_COPY_NAME "keystore.copy"
#define KEYSTORE_FORMAT	   1

struct keystore {
	/* Set by open, constant afterwards. */
	char *vault_dir;
	uint8_t vault_id[ID_SIZE];
	/* Set by open, again by unlock (then from a row that the seal covers), constant afterwards.
	 */
	char *objects;

	/*
	 * Guards the database: db, rows and what follows. Taken before tree_lock. Whoever changes
	 * the tree or the settings holds both, so holding either is enough to read them.
	 */
	pthread_mutex_t rows_lock;
	struct db *db;
	struct sealed_rows *rows;
	int64_t data_version;
	uint64_t epochs[SEALED_EPOCHS];	       /* the last ones known to be sound */
	uint64_t copied_epochs[SEALED_EPOCHS]; /* of keystore.copy; 0: unknown */
	/* Keys that are gone may still lie in the log or in keystore.copy. keystore_unsettle. */
	bool unsettled;
	struct gone_keys gone;

	/* Guards what is read without the database. Held for memory operations only. */
	pthread_rwlock_t tree_lock;
	struct catalogue *catalogue;
	struct kek_ring *keks;
	struct settings *settings;
	struct secret *master; /* exchanged with both locks held, as the tree is */

	atomic_bool unlocked;
	atomic_bool broken; /* never goes back: a restart looks again */
};

/* ---- keystore.c ---- */

/* Opens the database of that file name in vault_dir, which must be a keystore. */
int keystore_open_file(
	const char *vault_dir, const char *file_name, struct keystore **ret_keystore);
/* Everything of unlocking after the master key is known. Takes it over. */
int keystore_unlock_master(struct keystore *keystore, struct secret *master);
/* 0, -ENOKEY while locked, -EBADMSG once broken. */
int keystore_usable(const struct keystore *keystore);

/* ---- keystore_watch.c ---- */

/* Checks the seal and loads KEKs, settings and catalogue anew. The caller holds rows_lock. */
int keystore_load(struct keystore *keystore);

/* ---- keystore_copy.c ---- */

/*
 * keystore_settle is due: this wrapped key went, or NULL: some did, or the one of an inode whose
 * rows are not what was loaded. The caller holds rows_lock.
 */
void keystore_unsettle(struct keystore *keystore, const uint8_t wrap[DEK_WRAPPED_SIZE]);
/* The same for the key of a file. */
void keystore_unsettle_file(struct keystore *keystore, const struct inode *inode);
/* keystore_settle; the caller holds rows_lock. */
int keystore_settle_locked(struct keystore *keystore);

/* ---- keystore_change.c; the caller holds rows_lock ---- */

/* A change of one directory: what it becomes, and the entry in question. */
struct change {
	struct keystore *keystore;
	struct sealed_rows *rows;
	struct inode *parent;
	struct entry_info parent_info; /* with new times */
	struct name *old_name;	       /* the entry of that name, or NULL */
	int64_t now_ns;
};

int change_init(struct change *change, struct keystore *keystore, uint64_t parent, const void *name,
	size_t len);
/* Whether one more entry may lie in the parent, and room for it in memory. */
int change_reserve(struct change *change, size_t name_len);
/* Commits when r is 0, else aborts; the result of it all. */
int change_commit(struct change *change, int r);
int change_put_parent(const struct change *change);
/* With tree_lock held for writing, after the commit. */
void change_touch_parent(const struct change *change);
/* A new inode in memory, with the next number. */
int change_make_inode(struct change *change, const struct new_entry *entry, enum entry_kind kind,
	struct inode **ret_inode);
/* All rows of a new inode with one name, and the parent's. */
int change_put_entry(
	struct change *change, const struct inode *inode, const struct name *name, uint64_t cookie);
/* Stores a new inode under a new name and, when that went well, takes it over. */
int change_add_entry(struct change *change, const struct new_entry *entry, struct inode **inode);

/* ---- keystore_file.c; the caller holds rows_lock ---- */

/* Rows for an inode that loses one name; *ret_last: it was the last and everything of it goes. */
int change_put_loss(struct change *change, const struct inode *inode, bool *ret_last);
/*
 * The same in memory, with tree_lock held for writing and the name off the inode. *ret_old_id is
 * written when a file goes.
 */
void change_apply_loss(struct change *change, struct inode *inode, uint8_t ret_old_id[ID_SIZE]);

#endif
