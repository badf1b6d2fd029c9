/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_own.h - acts that a command does itself, on a vault that nobody serves and by the right of
 * a slot's secret: what is lost is put back, or taken as it is. All of them end with
 * vault_own_close.
 */
#ifndef FS_CMD_VAULT_OWN_H
#define FS_CMD_VAULT_OWN_H

#include "fs/cmd/vault.h"

/* Refuses (EXIT_BUSY) when somebody holds the vault. */
int vault_own_check(const struct vault_place *place, const char *what, struct output *output);
/*
 * Opens the vault accepting it as it is, keeps objects of unknown files aside, puts it on record
 * with detail and what was accepted, tells of both, renews the anchor and closes. Exit code.
 */
int vault_own_accept(const struct vault_place *place, const struct unlock_secrets *secrets,
	enum audit_action action, const char *detail, struct output *output);

#endif
