/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - a short list of names and values; its rows. */
#include "keystore/settings.h"

#include <errno.h>

#include "keystore/base/bytes.h"

struct settings {
	size_t count;
	struct {
		char *name, *value;
	} list[SETTINGS_MAX];
};

int setting_check(const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);

	if (name_len == 0 || name_len > SETTING_NAME_MAX || value_len > SETTING_VALUE_MAX)
		return -EINVAL;
	return utf8_is_valid(name, name_len) && utf8_is_valid(value, value_len) ? 0 : -EINVAL;
}

static int load_setting(void *arg, const struct db_value *values, bool intact)
{
	scope_free char *name = NULL;
	scope_free char *value = NULL;

	if (!intact || values[0].type != DB_TEXT || values[1].type != DB_TEXT)
		return 0;
	if (values[0].len > SETTING_NAME_MAX || values[1].len > SETTING_VALUE_MAX)
		return 0;
	name = strndup(values[0].data, values[0].len);
	value = strndup(values[1].data, values[1].len);
	if (!name || !value)
		return -ENOMEM;
	return settings_set(arg, name, value);
}

int settings_load(struct sealed_rows *rows, struct settings **ret_settings)
{
	scope(settings_free) struct settings *settings = calloc(1, sizeof(*settings));
	int r;

	if (!settings)
		return -ENOMEM;
	r = sealed_rows_each(rows, "setting", load_setting, settings);
	if (r < 0)
		return r;
	*ret_settings = take(&settings);
	return 0;
}

struct settings *settings_free(struct settings *settings)
{
	if (!settings)
		return NULL;
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->list[i].name);
		free(settings->list[i].value);
	}
	free(settings);
	return NULL;
}

static size_t find(const struct settings *settings, const char *name)
{
	size_t i = 0;

	while (i < settings->count && strcmp(settings->list[i].name, name) != 0)
		i++;
	return i;
}

const char *settings_find(const struct settings *settings, const char *name)
{
	size_t i = find(settings, name);

	return i < settings->count ? settings->list[i].value : NULL;
}

int setting_put(struct sealed_rows *rows, const char *name, const char *value)
{
	const struct db_value values[] = {db_text(name), db_text(value)};

	return sealed_rows_put(rows, "setting", values);
}

int settings_set(struct settings *settings, const char *name, const char *value)
{
	scope_free char *new_name = strdup(name);
	scope_free char *new_value = strdup(value);
	size_t i = find(settings, name);

	if (!new_name || !new_value)
		return -ENOMEM;
	if (i == SETTINGS_MAX)
		return -ENOSPC;
	if (i == settings->count) {
		settings->list[i].name = take(&new_name);
		settings->count++;
	}
	free(settings->list[i].value);
	settings->list[i].value = take(&new_value);
	return 0;
}

int settings_copy(const struct settings *settings, struct settings **ret_copy)
{
	scope(settings_free) struct settings *copy = calloc(1, sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < settings->count; i++) {
		r = settings_set(copy, settings->list[i].name, settings->list[i].value);
		if (r < 0)
			return r;
	}
	*ret_copy = take(&copy);
	return 0;
}
