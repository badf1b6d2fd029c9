/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault.h - a vault opened by this process: it holds the lock, the master key, the only write
 * connections, the trail's head and the one rule set.
 */
#ifndef FS_CMD_VAULT_H
#define FS_CMD_VAULT_H

#include <pthread.h>

#include "fs/cmd/command.h"
#include "fs/mount/mount.h"

#define VAULT_ID_TEXT 33

/* Where a vault is and how its server is reached; found without a key. */
struct vault_place {
	char *path; /* absolute */
	uint8_t id[ID_SIZE];
	char id_text[VAULT_ID_TEXT];
	char socket_text[VAULT_ID_TEXT]; /* names its server's socket: id_text, but for a backup */
	uint32_t owner;			 /* uid of the directory */
	uint64_t dev, ino;		 /* of the directory: which vault is meant */
};

/*
 * VAULT as the user wrote it: a vault directory, a mount point of one, or "@" for $MODELVAULT.
 * -ENOENT: nothing there, or no vault; -EDESTADDRREQ: a path below a mount point; -EUCLEAN: a vault
 * whose `id` is damaged. Complains.
 */
int vault_locate(const char *operand, struct vault_place *ret_place, struct output *output);
void vault_place_done(struct vault_place *place);
/*
 * Says in a request which vault is meant (field `vault`, "DEV:INO"), unless it does already: a
 * server that was reached by another directory's `id` file must not change its own vault.
 */
int vault_place_name(const struct vault_place *place, struct message *request);
#define TIME_NAME_SIZE 24
/* Now, for a file's name: "20261122T050000". */
void vault_time_name(char ret_text[TIME_NAME_SIZE]);
/* Is this the vault that the request means? */
bool vault_place_is_meant(const struct vault_place *place, const struct message *request);

struct export_slots;
struct path_locks;
struct server;

struct vault {
	struct vault_place place;
	int lock_fd;
	struct keystore *keystore;
	struct policy *policy;
	struct audit *audit;
	struct object_store *objects;
	struct gate *gate;
	struct export_slots *export_slots;
	struct path_locks *path_locks;
	uint32_t slot;	       /* which slot opened it */
	bool whole;	       /* everything came up and was believed */
	struct server *server; /* NULL in a command's own process */
	/* One act on keys or names at a time. A change of rules never waits for one. */
	pthread_mutex_t acting;
	pthread_mutex_t changing; /* one change of rules at a time */
	/* After either of these: the anchor is written, or gets another key. */
	pthread_mutex_t anchoring;
	struct vault_acceptance *acceptance; /* while opening: what else would be refused */
	struct unsaved_change *unsaved;	     /* in force, not on disk; guarded by changing */
};

/*
 * Takes the lock, unlocks, opens everything. Complains about what fails; returns an exit code.
 * *ret_vault is set only for EXIT_DONE.
 */
int vault_open(const struct vault_place *place, const struct unlock_secrets *secrets,
	struct vault **ret_vault, struct output *output);
/*
 * The same for one who says that the databases are what he wants: an anchor that has seen newer
 * ones does not refuse, a trail that cannot be continued is set aside and a new one begun. What was
 * so is told in *ret_acceptance, and is the caller's to record; the anchor follows when the vault
 * closes.
 */
struct vault_acceptance {
	char older[192];     /* what the anchor had seen, in words; "" when it agrees */
	char old_trail[128]; /* the file name that the old trail has now; "" when it goes on */
	uint8_t fingerprint[DIGEST_SIZE]; /* of the new one */
};
int vault_open_accepting(const struct vault_place *place, const struct unlock_secrets *secrets,
	struct vault_acceptance *ret_acceptance, struct vault **ret_vault, struct output *output);
/* Writes the copy and the anchor, closes, releases the lock. NULL is accepted. */
struct vault *vault_close(struct vault *vault);

/* What the parts below may use of the vault. Borrowed. */
struct backend vault_backend(const struct vault *vault);
/* The anchor outside the vault: highest epochs, and the trail's head now. Failures are logged. */
void vault_write_anchor(struct vault *vault);
/* How the trail's private key is wrapped: under a key derived from the master key. */
struct audit_key_wrapper vault_key_wrapper(struct keystore *keystore);

/* Takes the exclusive lock on the vault (OFD). Descriptor, or -EBUSY with the holder's pid. */
int vault_lock(const char *path, pid_t *ret_holder);

/* The pid that the lock file names, or 0: for messages. */
pid_t vault_holder(const char *path);

/* Records an administrative act and waits for the disk. The event's caller part is filled here. */
int vault_record(struct vault *vault, const struct verb_call *call, struct audit_event *event);
struct audit_event vault_event(const struct verb_call *call, enum audit_action action);

/*
 * A change of rules: intent on record, rows stored, in force, done on record. taking_away: acts in
 * memory first, whatever the disk says. 0; -errno and nothing changed; or, when taking away, 1: in
 * force but not saved (complained about), and *change is taken and kept until it can be.
 */
struct change_record {
	enum audit_action action;
	enum reason reason; /* REASON_NONE: what gave the caller the right */
	const char *words;
};
int vault_change_rules(struct vault *vault, const struct verb_call *call,
	const struct change_record *record, struct policy_change **change, bool taking_away,
	struct gate_effect *ret_effect);

/* Saves what is in force only, with `changing` held. 0: nothing is left; else why not. */
int vault_save_changes(struct vault *vault);
/*
 * After a failure with this result: true when a part of the reserve was given back to the disk, so
 * that another attempt makes sense. Only for what takes access away.
 */
bool vault_make_room(struct vault *vault, int result);
/* What to do about this result, to stand behind a complaint; "" when that is not known. */
const char *room_hint(int result);
/* How many changes are in force only. Takes `changing`. */
unsigned vault_unsaved_changes(struct vault *vault);
/* How strict the trail is at the least, as it is sealed (`mode VAULT set audit=LEVEL`). */
#define AUDIT_SETTING "audit"
enum audit_level vault_audit_setting(const struct vault *vault);

/* Gives up what could not be saved, into the log. */
void vault_drop_changes(struct vault *vault);

/* Refuses what names nothing: resolves PATH (bytes) in the catalogue; complains. */
int vault_resolve(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info);

/* The runtime directory where servers of this uid have their sockets: /run/modelvault for root. */
int socket_path_of(uint32_t uid, const char *id_text, char *ret_path, size_t size);

/* The caller as a subject: of a peer's process, or of this process. subject_done it. */
int subject_of_process(uint32_t uid, uint32_t gid, pid_t pid, struct subject *ret_subject);

SCOPE_FUNCTION(struct vault *, vault_close);

#endif
