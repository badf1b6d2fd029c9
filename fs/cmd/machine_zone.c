/* SPDX-License-Identifier: Apache-2.0 */
/* machine_zone.c - /etc/localtime is a link into the zone database; Debian also has the name. */
#include "fs/cmd/machine_zone.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "keystore/base/file.h"
#include "keystore/base/scope.h"
#include "policy/time_zone.h"

static bool is_name_of_utc(const char *name)
{
	static const char *const names[] = {
		"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool take_name(const char *name, size_t len, char ret_name[MACHINE_ZONE_SIZE])
{
	if (len >= MACHINE_ZONE_SIZE)
		return false;
	memcpy(ret_name, name, len);
	ret_name[len] = '\0';
	if (is_name_of_utc(ret_name))
		memcpy(ret_name, "UTC", sizeof("UTC"));
	return time_zone_check(ret_name) == 0;
}

static bool zone_of_link(const char *path, char ret_name[MACHINE_ZONE_SIZE])
{
	static const char database[] = "zoneinfo/";
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	const char *name;

	if (len < 0)
		return false;
	target[len] = '\0';
	name = strstr(target, database);
	if (!name)
		return false;
	name += strlen(database);
	return take_name(name, strlen(name), ret_name);
}

static bool zone_of_file(const char *path, char ret_name[MACHINE_ZONE_SIZE])
{
	scope_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[MACHINE_ZONE_SIZE];
	ssize_t len;

	if (fd < 0)
		return false;
	len = file_read_at(fd, text, sizeof(text) - 1, 0);
	if (len < 0)
		return false;
	text[len] = '\0';
	return take_name(text, strcspn(text, " \t\r\n"), ret_name);
}

void machine_zone(char ret_name[MACHINE_ZONE_SIZE])
{
	if (!zone_of_link("/etc/localtime", ret_name) && !zone_of_file("/etc/timezone", ret_name))
		memcpy(ret_name, "UTC", sizeof("UTC"));
}
