/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.c - reads /proc/self/mountinfo; no path in it is touched, so a hung mount hangs nobody. */
#include "fs/cmd/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "keystore/base/scope.h"

/* Undoes the kernel's octal escapes (space, tab, newline, backslash), in place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
			text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

struct line {
	char *device, *mountpoint, *type, *source, *options;
};

/* "36 35 98:0 /root /mnt options [optional...] - type source super-options" */
static bool parse_line(char *text, struct line *ret_line)
{
	struct line line = {0};
	char *save, *field;
	int number = 0;

	for (field = strtok_r(text, " \n", &save); field; field = strtok_r(NULL, " \n", &save)) {
		if (++number == 3)
			line.device = field;
		if (number == 5)
			line.mountpoint = field;
		if (number > 6 && strcmp(field, "-") == 0)
			break;
	}
	if (!field)
		return false;
	line.type = strtok_r(NULL, " \n", &save);
	line.source = strtok_r(NULL, " \n", &save);
	line.options = strtok_r(NULL, " \n", &save);
	if (!line.mountpoint || !line.options)
		return false;
	unescape(line.mountpoint);
	unescape(line.source);
	*ret_line = line;
	return true;
}

static dev_t device_of(const char *text)
{
	unsigned major_number, minor_number;

	return sscanf(text, "%u:%u", &major_number, &minor_number) == 2
		       ? makedev(major_number, minor_number)
		       : 0;
}

static uint32_t user_of(const char *options)
{
	const char *user = strstr(options, "user_id=");

	return user ? (uint32_t)strtoul(user + 8, NULL, 10) : UINT32_MAX;
}

int mounts_each(int (*each)(void *arg, const struct mount_entry *entry), void *arg)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	scope_free char *text = NULL;
	size_t capacity = 0;
	struct line line;
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && getline(&text, &capacity, file) > 0) {
		struct mount_entry entry;

		if (!parse_line(text, &line) || strcmp(line.type, "fuse.modelvault") != 0)
			continue;
		entry = (struct mount_entry){.mountpoint = line.mountpoint,
			.source = line.source,
			.device = device_of(line.device),
			.user = user_of(line.options)};
		if (entry.user == 0 || entry.user == geteuid() || geteuid() == 0)
			r = each(arg, &entry);
	}
	fclose(file);
	return r;
}

struct search {
	const char *path;
	char *vault; /* of the last match: the topmost mount */
	dev_t device;
	size_t longest;
	bool below; /* the path itself, or a mount above it */
};

static int match(void *arg, const struct mount_entry *entry)
{
	struct search *search = arg;
	size_t len = strlen(entry->mountpoint);
	bool matches;

	if (search->below)
		matches = strncmp(search->path, entry->mountpoint, len) == 0 &&
			  (search->path[len] == '/' || !search->path[len]) &&
			  len >= search->longest;
	else
		matches = strcmp(search->path, entry->mountpoint) == 0;
	/* Only root's own word, or the caller's, says which vault a mount is of. */
	if (!matches || (entry->user != 0 && entry->user != geteuid()))
		return 0;
	free(search->vault);
	search->vault = strdup(entry->source);
	search->device = entry->device;
	search->longest = len;
	return 0;
}

char *mounts_vault_at(const char *path)
{
	struct search search = {.path = path};

	mounts_each(match, &search);
	return search.vault;
}

dev_t mounts_device_at(const char *path)
{
	struct search search = {.path = path};

	mounts_each(match, &search);
	free(search.vault);
	return search.device;
}

/* With the slashes at its end taken off, "/" not. */
static char *trimmed(const char *operand)
{
	size_t len = strlen(operand);

	while (len > 1 && operand[len - 1] == '/')
		len--;
	return strndup(operand, len);
}

char *mounts_absolute(const char *operand)
{
	scope_free char *path = trimmed(operand), *parent = NULL, *real = NULL;
	char *slash = path ? strrchr(path, '/') : NULL, *absolute = NULL;
	const char *last = slash ? slash + 1 : path;

	if (!path)
		return NULL;
	if (strcmp(path, ".") == 0)
		return getcwd(NULL, 0);
	if (!*last || strcmp(last, "..") == 0 || strcmp(last, ".") == 0)
		return realpath(path, NULL);
	parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	real = parent ? realpath(parent, NULL) : NULL;
	if (real && asprintf(&absolute, "%s/%s", strcmp(real, "/") == 0 ? "" : real, last) < 0)
		absolute = NULL;
	if (absolute && mounts_is_mountpoint(absolute))
		return absolute;
	free(absolute);
	return realpath(path, NULL);
}

char *mounts_vault_above(const char *path, const char **ret_rest)
{
	struct search search = {.path = path, .below = true};

	mounts_each(match, &search);
	if (search.vault)
		*ret_rest = path + search.longest;
	return search.vault;
}

bool mounts_is_mountpoint(const char *path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	scope_free char *text = NULL;
	size_t capacity = 0;
	bool found = false;
	struct line line;

	if (!file)
		return false;
	while (!found && getline(&text, &capacity, file) > 0)
		found = parse_line(text, &line) && strcmp(line.mountpoint, path) == 0;
	fclose(file);
	return found;
}
