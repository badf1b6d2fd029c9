/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - the sealed table setting (names and values, text) and its copy in memory. */
#ifndef KEYSTORE_SETTINGS_H
#define KEYSTORE_SETTINGS_H

#include "keystore/base/sealed_rows.h"

#define SETTING_NAME_MAX  64
#define SETTING_VALUE_MAX 4096
#define SETTINGS_MAX	  256

struct settings;

/* Intact rows only; others make sealed_rows' owner refuse anyway. */
int settings_load(struct sealed_rows *rows, struct settings **ret_settings);
struct settings *settings_free(struct settings *settings);
/* NULL when never set. Lives until the next change. */
const char *settings_find(const struct settings *settings, const char *name);
/* -EINVAL for a name or value that is empty (names), too long or no UTF-8. */
int setting_check(const char *name, const char *value);
/* Within a change of rows. */
int setting_put(struct sealed_rows *rows, const char *name, const char *value);
int settings_copy(const struct settings *settings, struct settings **ret_copy);
/* In memory. -ENOMEM leaves it as it was. */
int settings_set(struct settings *settings, const char *name, const char *value);

SCOPE_FUNCTION(struct settings *, settings_free);

#endif
