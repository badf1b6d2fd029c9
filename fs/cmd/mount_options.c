/* SPDX-License-Identifier: Apache-2.0 */
/* mount_options.c - strict: an option that is not known is refused by name. */
#include "fs/cmd/mount_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/options.h"

static int parse_cache(const char *value, struct session_options *options)
{
	static const char *const modes[] = {
		[CACHE_KEEP] = "keep", [CACHE_OPEN] = "open", [CACHE_NONE] = "none"};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(value, modes[i]) == 0) {
			options->cache = (enum cache_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

/*
 * Of "audit=required,sync" the second word comes by itself, perhaps not even next: mount(8) sorts
 * options.
 */
static int parse_audit(const char *value, struct session_options *options)
{
	enum audit_level level;
	int r = audit_level_from_word(value, &level);

	if (r == 0 && (int)level > options->audit)
		options->audit = (int)level;
	return r;
}

/* "90s", "10m", "2h"; a bare number is seconds. */
static int parse_duration(const char *value, int64_t *ret_ms)
{
	size_t len = strlen(value);
	uint64_t factor = 1000, number;
	char digits[16];
	int r;

	if (!len || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, value, len + 1);
	switch (digits[len - 1]) {
	case 'h':
		factor *= 60;
		/* fall through */
	case 'm':
		factor *= 60;
		/* fall through */
	case 's':
		digits[len - 1] = '\0';
	}
	r = number_from_text(digits, 1000000000, &number);
	if (r == 0)
		*ret_ms = (int64_t)(number * factor);
	return r;
}

static int parse_word(const char *word, struct session_options *options)
{
	uint64_t number;
	int r;

	/* What every mount is, or may be told to be by who tells all of them. */
	if (strcmp(word, "ro") == 0 || strcmp(word, "nosuid") == 0 || strcmp(word, "nodev") == 0)
		return 0;
	if (strcmp(word, "noexec") == 0 || strcmp(word, "exec") == 0) {
		options->noexec = *word == 'n';
		return 0;
	}
	if (strcmp(word, "allow_other") == 0) {
		options->allow_other = true;
		return 0;
	}
	if (strncmp(word, "cache=", 6) == 0)
		return parse_cache(word + 6, options);
	if (strncmp(word, "cache-idle=", 11) == 0)
		return parse_duration(word + 11, &options->cache_idle_ms);
	if (strncmp(word, "threads=", 8) == 0) {
		r = number_from_text(word + 8, 64, &number);
		if (r == 0 && !number)
			r = -EINVAL;
		if (r == 0)
			options->threads = (unsigned)number;
		return r;
	}
	if (strcmp(word, "sync") == 0) {
		options->audit = AUDIT_REQUIRED_SYNC;
		return 0;
	}
	if (strncmp(word, "audit=", 6) == 0)
		return parse_audit(word + 6, options);
	if (strcmp(word, "isolation=user") == 0)
		return 0;
	return -ENOENT;
}

bool mount_option_is_known(const char *word)
{
	struct session_options options = {0};

	return parse_word(word, &options) != -ENOENT;
}

int mount_options_parse(
	const char *text, struct session_options *ret_options, struct output *output)
{
	struct session_options options = {
		.allow_other = geteuid() == 0, .cache = CACHE_KEEP, .audit = -1};
	scope_free char *copy = strdup(text ? text : "");
	char *save, *word;
	int r;

	if (!copy)
		return EXIT_FAILED;
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		r = parse_word(word, &options);
		if (r == -ENOENT)
			complain(output,
				"mount: option '%s' is not known; ro, noexec, allow_other, "
				"cache=keep|open|none, cache-idle=10m, threads=N and "
				"audit=required[,sync] are",
				word);
		else if (r < 0 && strncmp(word, "audit=", 6) == 0)
			complain(output,
				"mount: option '%s' has a value that cannot be; audit=required, "
				"audit=required,sync and audit=best-effort are",
				word);
		else if (r < 0)
			complain(output, "mount: option '%s' has a value that cannot be", word);
		if (r < 0)
			return EXIT_USAGE;
	}
	*ret_options = options;
	return EXIT_DONE;
}
