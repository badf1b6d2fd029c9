/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode_set.c - `mode VAULT set SETTING=VALUE`. Each is on record before it holds, and holds in the
 * server at once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/mode_verbs.h"
#include "fs/cmd/rule_edit.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/vault_act.h"
#include "policy/time_zone.h"

struct setting_change {
	const char *name, *value;
	bool moves_hours; /* by which the caller might read more */
	/* Brings the stored value into force. */
	void (*apply)(struct vault *vault, struct verb_call *call, const char *value);
};

static int store_setting(struct vault *vault, struct verb_call *call, void *arg)
{
	const struct setting_change *change = arg;
	int r;

	r = keystore_set_setting(vault->keystore, change->name, change->value);
	if (r < 0)
		complain(call->output, "keystore.db cannot be written (%s); nothing was changed",
			result_text(r));
	else
		change->apply(vault, call, change->value);
	return r;
}

static int change_locked(
	struct vault *vault, struct verb_call *call, const struct setting_change *change)
{
	char words[256];
	struct vault_act act = {.action = AUDIT_MODE,
		.words = words,
		.run = store_setting,
		.arg = (void *)(uintptr_t)change};
	int code = EXIT_DONE, r;

	snprintf(words, sizeof(words), "set %s=%s", change->name, change->value);
	if (change->moves_hours)
		code = rule_edit_judge_zone(vault, call, words, &act.reason);
	if (code != EXIT_DONE)
		return code;
	if (verb_flag(call, "dry-run")) {
		say(call->output, "would %s\n", words);
		return EXIT_DONE;
	}
	r = vault_act_unlocked(vault, call, &act);
	vault_write_anchor(vault);
	return exit_code_of(r);
}

/* Between its two records. Exit code. */
static int change_setting(
	struct vault *vault, struct verb_call *call, const struct setting_change *change)
{
	int code;

	pthread_mutex_lock(&vault->changing);
	code = change_locked(vault, call, change);
	pthread_mutex_unlock(&vault->changing);
	if (code == EXIT_DONE && !verb_flag(call, "dry-run"))
		remark(call->output, "%s=%s", change->name, change->value);
	return code;
}

static void apply_audit(struct vault *vault, struct verb_call *call, const char *value)
{
	(void)call, (void)value;
	if (vault->server)
		server_apply_audit_level(vault->server);
	else
		audit_set_level(vault->audit, vault_audit_setting(vault));
}

/* Less evidence is for those to allow who need it, as well. */
static int set_audit(struct vault *vault, struct verb_call *call, const char *value)
{
	const struct setting_change change = {AUDIT_SETTING, value, false, apply_audit};
	enum audit_level level;
	int code = EXIT_DONE;

	if (audit_level_from_word(value, &level) < 0) {
		complain(call->output,
			"mode: audit=%s is no level: best-effort, required or required,sync",
			value);
		return EXIT_USAGE;
	}
	if (level == vault_audit_setting(vault)) {
		remark(call->output, "audit=%s as it was", value);
		return EXIT_DONE;
	}
	if (level < vault_audit_setting(vault))
		code = caller_must_hold(
			vault, call, ROLE_AUDITOR, "mode set audit, to something less strict");
	return code == EXIT_DONE ? change_setting(vault, call, &change) : code;
}

static void apply_timezone(struct vault *vault, struct verb_call *call, const char *value)
{
	struct gate_effect effect;

	if (time_zone_set(value) < 0)
		complain(call->output, "the zone is stored, but cannot be read any more");
	/* Hours that were, may not be. */
	gate_enact(vault->gate, NULL, &effect);
	if (effect.ended)
		remark(call->output, "%llu open handle%s ended", (unsigned long long)effect.ended,
			plural(effect.ended));
}

static int set_timezone(struct vault *vault, struct verb_call *call, const char *value)
{
	const struct setting_change change = {"timezone", value, true, apply_timezone};

	if (strlen(value) > 128 || time_zone_check(value) < 0) {
		complain(call->output,
			"mode: timezone '%s' is not known on this machine: UTC, or a name such as "
			"Europe/Berlin; the package tzdata has them",
			value);
		return EXIT_USAGE;
	}
	return change_setting(vault, call, &change);
}

static int set_private(struct vault *vault, struct verb_call *call, const char *value)
{
	bool is_private = strcmp(value, "yes") == 0;
	struct gate_effect effect;
	struct rule_edit edit = {.command = "mode",
		.action = AUDIT_MODE,
		.edit = {.set_private = true, .is_private = is_private},
		.taking_away = is_private,
		.words = is_private ? "set private=yes" : "set private=no"};
	int code;

	if (!is_private && strcmp(value, "no") != 0) {
		complain(call->output, "mode: private=%s: yes or no", value);
		return EXIT_USAGE;
	}
	pthread_mutex_lock(&vault->changing);
	code = rule_edit_perform(vault, call, &edit, &effect, NULL);
	pthread_mutex_unlock(&vault->changing);
	if (code == EXIT_DONE && !verb_flag(call, "dry-run"))
		remark(call->output, "private=%s: names are %s", value,
			is_private ? "seen by those only whom a rule allows anything"
				   : "visible unless a rule denies list");
	return code;
}

int mode_set_verb(struct vault *vault, struct verb_call *call)
{
	static const struct {
		const char *name;
		int (*set)(struct vault *vault, struct verb_call *call, const char *value);
	} settings[] = {{"audit", set_audit}, {"timezone", set_timezone}, {"private", set_private}};
	const char *text = verb_operand(call, 1, NULL), *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	int code = caller_must_hold(vault, call, ROLE_ADMIN, "mode set");

	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (equals && strlen(settings[i].name) == len &&
			memcmp(settings[i].name, text, len) == 0)
			return settings[i].set(vault, call, equals + 1);
	complain(call->output,
		"mode: '%s' is no setting with a value: audit=required|required,sync|best-effort, "
		"timezone=ZONE and private=yes|no are",
		text);
	return EXIT_USAGE;
}
