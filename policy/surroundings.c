/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surroundings.c - what the words of rules ask of the system about one caller.
 *
 * Exe: words. A path that names another file by a glance is done with; one that names the caller's
 * is walked with care. Only when there are many paths are the glances kept, for a second: a file
 * put in the place of one of those is then noticed a second late, where it had to be refused or
 * allowed by that very path.
 */
#include "policy/surroundings_private.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "keystore/base/clock.h"

#define PATHS_PLAIN   64       /* so many are looked at anew each time: 5 us each */
#define GLANCE_AGE_NS NS_PER_S /* how long a miss is believed when there are more */

enum naming { NAMES_ANOTHER, NAMES_SAFELY, NAMES_UNSAFELY };

static bool is_exe_of(const struct subject *subject, const struct exe_file *file)
{
	return file->ino == subject->exe_ino && file->dev == subject->exe_dev;
}

static enum naming look_closely(const char *path, const struct subject *subject)
{
	struct exe_file file;
	int r = exe_path_resolve(path, &file, NULL);

	switch (r) {
	case 0:
		return is_exe_of(subject, &file) ? NAMES_SAFELY : NAMES_ANOTHER;
	case -EPERM:
		return is_exe_of(subject, &file) ? NAMES_UNSAFELY : NAMES_ANOTHER;
	case -ENOENT:
	case -ENOTDIR:
		return NAMES_ANOTHER;
	case -ENOTSUP:
		/* Could be any file of that file system, or of one mounted beneath it. */
		return file.dev == subject->exe_dev ||
				       (subject->exe && strcmp(path, subject->exe) == 0)
			       ? NAMES_UNSAFELY
			       : NAMES_ANOTHER;
	}
	/* Not known: no reason to allow, and none to let a deny go. */
	return NAMES_UNSAFELY;
}

static bool is_another(const char *path, const struct subject *subject)
{
	struct exe_file file;
	int r = exe_path_glance(path, &file);

	return r == -ENOENT || (r == 0 && !is_exe_of(subject, &file));
}

static void add_exe(struct looked_at *looked, uint32_t index, enum naming naming)
{
	struct surroundings *found = &looked->surroundings;

	if (naming == NAMES_SAFELY && found->exe_count < SURROUNDINGS_EXES)
		looked->exes[found->exe_count++] = index;
	else if (naming == NAMES_UNSAFELY && found->unsafe_exe_count < SURROUNDINGS_EXES)
		looked->unsafe_exes[found->unsafe_exe_count++] = index;
	else if (naming != NAMES_ANOTHER)
		found->exes_overflow = true;
}

/* ---- many paths ---- */

/* What the paths of one set of rules named lately. Guarded by the lock. */
static pthread_mutex_t glances_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct ruleset *ruleset; /* a reference, so that no other has its address */
	int64_t taken_ns;
	struct exe_file *files;
} glances;

/* For a path that must be looked at each time; no device has this number. */
static const struct exe_file unknown_file = {UINT64_MAX, UINT64_MAX};

static struct exe_file glance(const char *path)
{
	struct exe_file file;
	int r = exe_path_glance(path, &file);

	if (r == -EAGAIN)
		r = exe_path_resolve(path, &file, NULL);
	if (r == 0 || r == -EPERM)
		return file;
	return r == -ENOENT || r == -ENOTDIR ? (struct exe_file){0, 0} : unknown_file;
}

static int glances_renew(const struct ruleset *ruleset, size_t count)
{
	int64_t now_ns = clock_monotonic_ns();

	if (glances.ruleset == ruleset && now_ns - glances.taken_ns < GLANCE_AGE_NS)
		return 0;
	if (glances.ruleset != ruleset) {
		free(glances.files);
		ruleset_unref(glances.ruleset);
		glances.ruleset = NULL;
		glances.files = calloc(count, sizeof(*glances.files));
		if (!glances.files)
			return -ENOMEM;
		glances.ruleset = ruleset_ref((struct ruleset *)(uintptr_t)ruleset);
	}
	for (size_t i = 0; i < count; i++)
		glances.files[i] = glance(ruleset_exe_path(ruleset, i));
	glances.taken_ns = now_ns;
	return 0;
}

/* The paths that may name the caller's executable: their numbers; true: there are more than fit. */
static bool find_candidates(const struct ruleset *ruleset, const struct subject *subject,
	uint32_t candidates[2 * SURROUNDINGS_EXES], size_t *ret_count)
{
	size_t count = ruleset_exe_count(ruleset), found = 0;
	bool overflow = false;

	pthread_mutex_lock(&glances_lock);
	if (glances_renew(ruleset, count) < 0) {
		overflow = true;
		count = 0;
	}
	for (size_t i = 0; i < count; i++) {
		const struct exe_file *file = &glances.files[i];

		if (!is_exe_of(subject, file) && file->dev != unknown_file.dev)
			continue;
		if (found < 2 * SURROUNDINGS_EXES)
			candidates[found++] = (uint32_t)i;
		else
			overflow = true;
	}
	pthread_mutex_unlock(&glances_lock);
	*ret_count = found;
	return overflow;
}

/* ---- one look ---- */

static void look_at_exes(
	const struct ruleset *ruleset, const struct subject *subject, struct looked_at *looked)
{
	size_t count = ruleset_exe_count(ruleset);
	uint32_t candidates[2 * SURROUNDINGS_EXES];

	if (count > PATHS_PLAIN) {
		looked->surroundings.exes_overflow =
			find_candidates(ruleset, subject, candidates, &count);
		for (size_t i = 0; i < count; i++)
			add_exe(looked, candidates[i],
				look_closely(ruleset_exe_path(ruleset, candidates[i]), subject));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *path = ruleset_exe_path(ruleset, i);

		if (!is_another(path, subject))
			add_exe(looked, (uint32_t)i, look_closely(path, subject));
	}
}

static size_t look_at_unit(const struct subject *subject)
{
	if (subject->pid == 0)
		return strlen(subject->unit);
	return unit_trusted_len(subject->unit, subject->unit_hierarchy);
}

void surroundings_look(const struct ruleset *ruleset, const struct subject *subject,
	struct exe_hasher *hasher, struct looked_at *ret_looked)
{
	struct surroundings *found = &ret_looked->surroundings;
	unsigned kinds = ruleset_kinds(ruleset);

	*found = (struct surroundings){
		.exes = ret_looked->exes, .unsafe_exes = ret_looked->unsafe_exes};
	/* In another user namespace /proc/PID/exe is what the caller likes it to be. */
	if ((kinds & KIND_BIT(WORD_EXE)) && subject->initial_userns && subject->exe_ino != 0)
		look_at_exes(ruleset, subject, ret_looked);
	if ((kinds & KIND_BIT(WORD_UNIT)) && subject->unit)
		found->trusted_unit_len = look_at_unit(subject);
	if (kinds & KIND_BIT(WORD_SHA256)) {
		if (hasher && exe_hasher_known(hasher, subject, ret_looked->sha256))
			found->sha256 = ret_looked->sha256;
		found->hash_failed = !hasher;
	}
}

/* ---- a hint for a reason ---- */

/* Is the text that path, but for the " (deleted)" of a file without a name? */
static bool is_text_of(const struct subject *subject, const char *path)
{
	size_t len = strlen(path);

	if (strncmp(subject->exe, path, len) != 0)
		return false;
	return subject->exe[len] == '\0' ||
	       (subject->exe_deleted && strcmp(subject->exe + len, " (deleted)") == 0);
}

static bool was_started_from(const char *path, const struct subject *subject)
{
	scope_free char *real = NULL;
	struct exe_file file = {0, 0};
	int r = exe_path_real(path, &file, &real);

	if ((r == 0 || r == -EPERM) && is_exe_of(subject, &file))
		return false;
	return is_text_of(subject, path) || (real && is_text_of(subject, real));
}

bool surroundings_exe_replaced(const struct ruleset *ruleset, const struct subject *subject)
{
	const char *path;

	if (!subject->exe || !subject->initial_userns)
		return false;
	for (size_t i = 0; (path = ruleset_exe_path(ruleset, i)); i++)
		if (was_started_from(path, subject))
			return true;
	return false;
}
