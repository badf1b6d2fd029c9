/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.h - from accesses to the rules that would allow them, no wider than they must be. Pure:
 * accesses are handed in, and what else there is beside them is asked for.
 */
#ifndef POLICY_SUGGEST_H
#define POLICY_SUGGEST_H

#include "keystore/base/bytes.h"

/* Who, and with what. NULL: any. */
struct suggest_who {
	uint32_t uid;
	bool contained; /* in a container's user namespace, where the uid means nothing */
	const char *exe;
	const char *unit; /* one name */
};

struct suggestion {
	struct suggest_who who;
	const char *pattern;
	size_t files; /* that were opened and that it matches */
	uint64_t opens;
	int64_t first_ns, last_ns;
};

struct suggest;
int suggest_new(struct suggest **ret_suggest);
struct suggest *suggest_free(struct suggest *suggest);

/* An access to the file of this path, `opens` times; 0: another name of a file that was opened. */
int suggest_add(struct suggest *suggest, const struct suggest_who *who, const char *path,
	size_t len, uint64_t opens, int64_t time_ns);
/* Calls each for every file, once for everybody who opened it. A negative result ends. */
int suggest_each_path(struct suggest *suggest,
	int (*each)(void *arg, const struct suggest_who *who, const char *path, size_t len),
	void *arg);

/*
 * Calls each for every suggestion, by uid, program, unit and path. A directory DIR is suggested
 * whole, as DIR and all beneath, when at least two of its files were opened and these are more
 * than half of what it holds at any depth; the widest such directory is taken. A file that no
 * such directory holds is suggested by its own path. The root is never suggested whole.
 * count_files(arg, path, len) says how many files there are at and below a directory.
 */
int suggest_each(struct suggest *suggest,
	uint64_t (*count_files)(void *arg, const char *path, size_t len),
	int (*each)(void *arg, const struct suggestion *suggestion), void *arg);

SCOPE_FUNCTION(struct suggest *, suggest_free);

#endif
