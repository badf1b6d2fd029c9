/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - fronts (run_) and verbs (verb_) of all commands, for the table in commands.c. Each
 * returns an exit code.
 */
#ifndef FS_CMD_COMMANDS_H
#define FS_CMD_COMMANDS_H

#include "fs/cmd/command.h"

/* cmd_init.c */
int run_init(struct invocation *invocation);
/* cmd_mount.c */
int run_mount(struct invocation *invocation);
int verb_mount(struct vault *vault, struct verb_call *call);
/* cmd_umount.c */
int run_umount(struct invocation *invocation);
int verb_umount(struct vault *vault, struct verb_call *call);
/* cmd_status.c */
int run_status(struct invocation *invocation);
int verb_status(struct vault *vault, struct verb_call *call);
/* cmd_import.c */
int run_import(struct invocation *invocation);
/* verb_import.c: between our own processes */
int verb_import_begin(struct vault *vault, struct verb_call *call);
int verb_import_entry(struct vault *vault, struct verb_call *call);
int verb_import_end(struct vault *vault, struct verb_call *call);
/* cmd_export.c */
int run_export(struct invocation *invocation);
/* verb_export.c, verb_export_file.c: between our own processes */
int verb_export_look(struct vault *vault, struct verb_call *call);
int verb_export_file(struct vault *vault, struct verb_call *call);
/* cmd_ls.c */
int verb_ls(struct vault *vault, struct verb_call *call);
/* cmd_rm.c */
int verb_rm(struct vault *vault, struct verb_call *call);
/* cmd_mv.c */
int verb_mv(struct vault *vault, struct verb_call *call);
/* cmd_mkdir.c */
int verb_mkdir(struct vault *vault, struct verb_call *call);
/* cmd_grant.c */
int run_grant(struct invocation *invocation);
int verb_grant(struct vault *vault, struct verb_call *call);
int verb_deny(struct vault *vault, struct verb_call *call);
/* cmd_revoke.c */
int run_revoke(struct invocation *invocation);
int verb_revoke(struct vault *vault, struct verb_call *call);
/* cmd_role.c */
int verb_role(struct vault *vault, struct verb_call *call);
/* cmd_rules.c */
int run_rules(struct invocation *invocation);
int verb_rules(struct vault *vault, struct verb_call *call);
/* cmd_mode.c */
int verb_mode(struct vault *vault, struct verb_call *call);
/* cmd_explain.c */
int run_explain(struct invocation *invocation);
int verb_explain(struct vault *vault, struct verb_call *call);
/* cmd_why.c */
int run_why(struct invocation *invocation);
/* verb_why.c */
int verb_why(struct vault *vault, struct verb_call *call);
/* cmd_who.c */
int verb_who(struct vault *vault, struct verb_call *call);
/* cmd_audit.c */
int run_audit(struct invocation *invocation);
int verb_audit(struct vault *vault, struct verb_call *call);
/* cmd_key.c */
int run_key(struct invocation *invocation);
int verb_key(struct vault *vault, struct verb_call *call);
/* cmd_backup.c */
int run_backup(struct invocation *invocation);
int verb_backup(struct vault *vault, struct verb_call *call);
/* cmd_restore.c */
int run_restore(struct invocation *invocation);
/* cmd_recover.c */
int run_recover(struct invocation *invocation);
/* cmd_accept.c */
int run_accept(struct invocation *invocation);
/* vault_clock.c */
int verb_accept(struct vault *vault, struct verb_call *call);
/* cmd_verify.c */
int verb_verify(struct vault *vault, struct verb_call *call);
/* cmd_help.c */
int run_help(struct invocation *invocation);
int run_version(struct invocation *invocation);

#endif
