/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore.h - the facade of the keystore: one keystore.db, its slots, keys and catalogue. Opening
 * needs no secret; everything but id and slots needs keystore_unlock. Thread-safe unless said
 * otherwise: one reader-writer lock over the catalogue in memory, one mutex over the database.
 *
 * Key hierarchy: slot secret -> master key -> {KEK wrapping key, row, seal, anchor, audit keys};
 * KEK (random, wrapped) -> DEK of each file (random, wrapped under the KEK, AAD "modelvault/1/dek",
 * vault id, file id, KEK number u32).
 */
#ifndef KEYSTORE_KEYSTORE_H
#define KEYSTORE_KEYSTORE_H

#include "keystore/base/sealed_rows.h"
#include "keystore/catalogue.h"
#include "keystore/provider.h"

struct keystore;

/* ---- life ---- */

struct keystore_options {
	const char *objects; /* absolute path of the objects directory, or NULL: VAULT/objects */
	uint32_t suite;	     /* what new files get */
	uint32_t chunk_log2;
	const char *timezone; /* "UTC" or a tzdata name; checked by the caller */
};

/*
 * Makes vault_dir/keystore.db with one slot for these secrets and an empty catalogue: root
 * directory 0755 owned by the caller. -EEXIST when there is one.
 */
int keystore_create(const char *vault_dir, const struct keystore_options *options,
	const struct unlock_secrets *secrets, struct keystore **ret_keystore);
/* Opens an existing one, locked. -ENOENT, -EUCLEAN (no such database), -EPROTONOSUPPORT. */
int keystore_open(const char *vault_dir, struct keystore **ret_keystore);
struct keystore *keystore_close(struct keystore *keystore);

/*
 * Tries every slot that the secrets apply to; then checks the seal and loads the catalogue.
 * -EKEYREJECTED: none fits. -ENOKEY: no slot of such a kind. -EBADMSG: the seal is broken.
 * A broken catalogue row alone is no failure: that inode is `damaged`. *ret_slot: which opened.
 */
int keystore_unlock(
	struct keystore *keystore, const struct unlock_secrets *secrets, uint32_t *ret_slot);
bool keystore_is_unlocked(const struct keystore *keystore);

/* Of the vault; known without unlocking, believed only after. */
const uint8_t *keystore_vault_id(const struct keystore *keystore);
/* Absolute path of the objects directory; believed only after unlocking. */
const char *keystore_objects_path(const struct keystore *keystore);

/* The rows, the database and its lock, for policy's tables in the same database. */
struct sealed_rows *keystore_rows(struct keystore *keystore);
/* Hold while using keystore_rows; no other keystore function may be called meanwhile. */
void keystore_lock_rows(struct keystore *keystore);
void keystore_unlock_rows(struct keystore *keystore);

/*
 * Looks whether the file is still the one that was opened, and whether another connection has
 * committed (PRAGMA data_version), and then checks the seal again. 0: nothing new or still intact.
 * -EBADMSG: broken: from now on every keystore_file_key is -EBADMSG and keystore_is_broken is true.
 * -ESTALE: an older state was put back: the same.
 */
int keystore_watch(struct keystore *keystore);
bool keystore_is_broken(const struct keystore *keystore);
/* True when the last check found every row of every table as it was sealed. */
bool keystore_is_intact(struct keystore *keystore);

/* A key derived from the master key, for the audit trail's wrapped private key and the like. */
int keystore_wrap(struct keystore *keystore, const void *aad, size_t aad_len,
	const struct secret *secret, uint8_t *ret_wrapped);
int keystore_unwrap(struct keystore *keystore, const void *aad, size_t aad_len,
	const uint8_t *wrapped, size_t wrapped_len, struct secret **ret_secret);

/*
 * Parses a key file's bytes, at least LIMIT_KEY_FILE_MIN: one trailing newline beyond that many is
 * not part of the key. -EINVAL otherwise.
 */
int key_file_parse(const void *bytes, size_t len, struct secret **ret_key);

/* ---- slots ---- */

struct slot_info {
	uint32_t number;
	char kind[32];
	int64_t created_ns;
};
/* Calls each(arg, slot) in order of numbers; a non-zero result ends and is returned. */
int keystore_slots(
	struct keystore *keystore, int (*each)(void *arg, const struct slot_info *slot), void *arg);

/*
 * One more way to unlock. -ENOKEY: the secrets are of no kind; -ENOSPC: LIMIT_SLOTS are there.
 * keystore_settle is due after the removals.
 */
int keystore_add_slot(
	struct keystore *keystore, const struct unlock_secrets *secrets, uint32_t *ret_number);
/* -ENOENT: no such slot. -EPERM: the last one is never removed. */
int keystore_remove_slot(struct keystore *keystore, uint32_t number);

/* ---- new keys (contrib/docs/keystore.md, "Changing keys"); keystore_settle is due after ---- */

/*
 * A new KEK and every DEK under it, the old KEK gone. -EBADMSG: rows are damaged, nothing was
 * changed.
 */
int keystore_rotate(struct keystore *keystore, uint64_t *ret_files);

/*
 * A new master key. prepare makes it and a new wrap for every slot, which takes a secret that opens
 * the old one: -EKEYREJECTED names the slots for which none was offered. Then the caller writes
 * what depends on the master key elsewhere, wrapped by keystore_rekey_wrap (as keystore_wrap will
 * do it), beside the old; commit puts the new master key in force. Nobody else may change keys
 * meanwhile.
 */
struct rekey_offer {
	const struct unlock_secrets *secrets;
	size_t count;
	uint32_t missing[LIMIT_SLOTS];
	size_t missing_count;
};
struct keystore_rekey;
int keystore_rekey_prepare(
	struct keystore *keystore, struct rekey_offer *offer, struct keystore_rekey **ret_rekey);
int keystore_rekey_wrap(const struct keystore_rekey *rekey, const void *aad, size_t aad_len,
	const struct secret *secret, uint8_t *ret_wrapped);
int keystore_rekey_commit(struct keystore *keystore, struct keystore_rekey *rekey);
struct keystore_rekey *keystore_rekey_free(struct keystore_rekey *rekey);

/* ---- settings (sealed) ---- */

/* -ENOENT when never set. The caller frees. Names and values are UTF-8 text. */
int keystore_setting(struct keystore *keystore, const char *name, char **ret_value);
int keystore_set_setting(struct keystore *keystore, const char *name, const char *value);

/* ---- the tree, reading ---- */

int keystore_stat(struct keystore *keystore, uint64_t ino, struct entry_info *ret_info);
/* One component below directory `parent`. -ENOENT, -ENOTDIR. */
int keystore_lookup(struct keystore *keystore, uint64_t parent, const void *name, size_t len,
	struct entry_info *ret_info);
/*
 * A path from the root, bytes, '/'-separated, leading and double slashes ignored, "" is the root;
 * "." and ".." are names that never exist. Symlinks are not followed. -ENOENT, -ENOTDIR,
 * -ENAMETOOLONG.
 */
int keystore_resolve(
	struct keystore *keystore, const void *path, size_t len, struct entry_info *ret_info);
/* The target of a link: malloc'ed bytes and a NUL. */
int keystore_link_target(
	struct keystore *keystore, uint64_t ino, char **ret_target, size_t *ret_len);

/*
 * The entries of a directory in a stable order: each(arg, cookie, name, len, info) for those after
 * `cookie` (0: from the start; cookies stay valid while entries come and go: an entry's cookie
 * never changes and new ones come later). A non-zero result of each ends the walk and is not an
 * error. each runs with the tree locked for reading: it must be short, must not keep info or name,
 * and must call no function of this header.
 */
int keystore_list(struct keystore *keystore, uint64_t ino, uint64_t cookie,
	int (*each)(void *arg, uint64_t cookie, const char *name, size_t len,
		const struct entry_info *info),
	void *arg);

/*
 * All names of an inode as paths from the root without leading '/', one allocation. -EBADMSG when
 * one of them cannot be followed up to the root (tampered rows): never a shorter list.
 */
struct name_list {
	size_t count;
	struct {
		const char *path; /* NUL follows, not counted */
		size_t len;
	} * names;
};
int keystore_names(struct keystore *keystore, uint64_t ino, struct name_list *ret_names);
void name_list_done(struct name_list *names);

/* Extended attributes of an inode. value NULL asks the size. -ENODATA, -ERANGE. */
ssize_t keystore_xattr(
	struct keystore *keystore, uint64_t ino, const char *name, void *value, size_t size);
/* Names, each followed by a NUL; as listxattr(2). */
ssize_t keystore_xattr_names(struct keystore *keystore, uint64_t ino, void *list, size_t size);

/* The root itself is not counted. */
struct catalogue_counts {
	uint64_t files, directories, symlinks, bytes;
};
void keystore_counts(struct keystore *keystore, struct catalogue_counts *ret_counts);
/* True when a file of this id is in the catalogue (for collecting objects). */
bool keystore_knows_file(struct keystore *keystore, const uint8_t file_id[ID_SIZE]);

/* ---- keys ---- */

/* The file's DEK. -EBADMSG: keystore broken, row damaged or the wrap does not open. -ENOENT. */
int keystore_file_key(struct keystore *keystore, uint64_t ino, struct secret **ret_dek);

/* ---- the tree, changing: each function is one durable transaction, visible when it returns ----
 */

struct new_entry {
	uint64_t parent;
	const void *name;
	size_t name_len;
	uint32_t mode, uid, gid;
	int64_t mtime_ns;
	const void *xattrs; /* pairs: name NUL, value length u32, value; or NULL */
	size_t xattrs_len;
};
/* -EINVAL for a name that may not be (empty, ".", "..", '/', NUL, > 255 bytes), -EEXIST, -ENOTDIR,
 * -ELOOP beyond LIMIT_DEPTH. */
int keystore_mkdir(struct keystore *keystore, const struct new_entry *entry, uint64_t *ret_ino);
int keystore_symlink(struct keystore *keystore, const struct new_entry *entry, const void *target,
	size_t target_len, uint64_t *ret_ino);
/* Adding entries sets a directory's time to now; this puts back the one that it came with. */
int keystore_set_mtime(struct keystore *keystore, uint64_t ino, int64_t mtime_ns);
/* Another name for a file. */
int keystore_link(struct keystore *keystore, const struct new_entry *entry, uint64_t ino);

/* What a new file needs before its object can be written. */
struct new_file {
	uint8_t file_id[ID_SIZE];
	uint32_t suite, chunk_log2;
	uint32_t generation; /* 1 */
	struct secret *dek;
};
/* A fresh id and DEK, nothing stored. */
int keystore_new_file(struct keystore *keystore, struct new_file *ret_file);
void new_file_done(struct new_file *file);
/*
 * Puts a complete, published object into the tree. With replace a file of that name is replaced:
 * its inode keeps other names; *ret_old_id (may be NULL) is the file id that lost its last name, or
 * all zero (keystore_settle is then due). Without: -EEXIST.
 */
int keystore_add_file(struct keystore *keystore, const struct new_entry *entry,
	const struct new_file *file, uint64_t size, const uint8_t root[DIGEST_SIZE], bool replace,
	uint8_t ret_old_id[ID_SIZE], uint64_t *ret_ino);
/*
 * Removes one name. A file whose last name goes loses its key in the same transaction; what lies of
 * it in the log and in keystore.copy goes with the next keystore_settle. *ret_old_id as above; it
 * is zero too for a damaged file, whose id may be another's. A directory must be empty
 * (-ENOTEMPTY).
 */
int keystore_remove(struct keystore *keystore, uint64_t parent, const void *name, size_t len,
	uint8_t ret_old_id[ID_SIZE]);

/* A name in a directory. */
struct entry_name {
	uint64_t parent;
	const void *name;
	size_t len;
};
/*
 * Moves a name, and with a directory all that is below. With replace a file or link of the new name
 * is replaced; *ret_old_id (may be NULL) as in keystore_add_file. -EEXIST without replace, or when
 * both names are of one inode; -EISDIR: a directory is never replaced; -ENOTDIR: nor anything by
 * one. -EINVAL: a directory into itself.
 */
int keystore_rename(struct keystore *keystore, const struct entry_name *from,
	const struct entry_name *to, bool replace, uint8_t ret_old_id[ID_SIZE]);

/* The directories that lost a name, one for each name; the caller frees. */
struct destroyed_file {
	uint64_t *parents;
	size_t count;
};
/*
 * Removes a file: all its names, its rows, its key, in one transaction; keystore_settle is due.
 * -ENOENT; -EINVAL: no file; -EBADMSG: damaged.
 */
int keystore_destroy(struct keystore *keystore, uint64_t ino, struct destroyed_file *ret_destroyed);

/* ---- safety ---- */

/*
 * After keystore_remove and a replacing keystore_add_file, once for any number of them and before
 * anybody is told that they are done: database, log and keystore.copy are made anew, so that no
 * wrapped key of a file that went is left. Nothing to do, no cost. After an error it may be called
 * again; keystore_copy does it too.
 */
int keystore_settle(struct keystore *keystore);
/*
 * Writes vault_dir/keystore.copy anew when anything changed since the last time. While rows are
 * damaged it stays as it is, the last good state, but for keys that were removed meanwhile.
 */
int keystore_copy(struct keystore *keystore);

/*
 * The database at one moment, as a file without a name, and the ids of all files in it that are not
 * damaged, for a backup; one at a time. In it objects lie in `objects` beside the database.
 */
struct keystore_snapshot {
	int fd;
	uint8_t (*ids)[ID_SIZE];
	size_t count;
};
int keystore_take_snapshot(struct keystore *keystore, struct keystore_snapshot *ret_snapshot);
void keystore_snapshot_done(struct keystore_snapshot *snapshot);
/*
 * keystore_open of another file in vault_dir: keystore.copy, or what was put beside to be judged.
 */
int keystore_open_named(const char *vault_dir, const char *name, struct keystore **ret_keystore);
/* A consistent copy of the keystore or trail at path to to_dir/to_name, replaced atomically. */
int keystore_copy_database(const char *path, const char *to_dir, const char *to_name);

struct anchor {
	uint64_t epochs[SEALED_EPOCHS];
	uint64_t audit_segment, audit_seq;
};
/*
 * The anchor outside the vault (/var/lib/modelvault/ID, or $XDG_STATE_HOME/modelvault/ID without
 * root). read: -ENOENT when there is none, -EBADMSG when its MAC is not ours.
 */
int keystore_anchor_read(struct keystore *keystore, struct anchor *ret_anchor);
int keystore_anchor_write(struct keystore *keystore, const struct anchor *anchor);

SCOPE_FUNCTION(struct keystore *, keystore_close);
SCOPE_FUNCTION(struct keystore_rekey *, keystore_rekey_free);

#endif
