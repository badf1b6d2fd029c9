/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint.h - what is odd in a set of rules: what does nothing, what gives more than it seems to, what
 * speaks of somebody who is not there. Advice; nothing is decided by it.
 */
#ifndef POLICY_LINT_H
#define POLICY_LINT_H

#include "policy/ruleset.h"

/* X(enumerator, word); the words are an interface. */
#define LINT_CHECK_TABLE(X)                                                                   \
	X(LINT_SYNTAX, "syntax")		 /* the line is no rule */                    \
	X(LINT_SHADOWED, "shadowed")		 /* another rule says all of it already */    \
	X(LINT_DENIED, "denied")		 /* a deny takes all of it */                 \
	X(LINT_EXPIRED, "expired")		 /* over */                                   \
	X(LINT_STALE, "stale")			 /* a name that is not there, or another's */ \
	X(LINT_EMPTY_ROLE, "empty-role")	 /* nobody is in the role */                  \
	X(LINT_EVERYBODY, "everybody")		 /* any may read everything */                \
	X(LINT_ANY_UNIT, "any-unit")		 /* unit: that every unit matches */          \
	X(LINT_INTERPRETER, "interpreter")	 /* exe: of what runs other programs */       \
	X(LINT_EXE_GONE, "exe-gone")		 /* exe: that names nothing here */           \
	X(LINT_EXE_UNSAFE, "exe-unsafe")	 /* exe: that others than root can change */  \
	X(LINT_LOGIN_ALONE, "login-alone")	 /* loginuid: that services can take */       \
	X(LINT_CONTAINER_ROOT, "container-root") /* root here is root of containers, too */   \
	X(LINT_NO_FILE, "no-file")		 /* no file matches now */                    \
	X(LINT_LINK_TARGETS, "link-targets")	 /* links whose files stay closed */

enum lint_check {
#define LINT_CHECK_ENUM(name, word) name,
	LINT_CHECK_TABLE(LINT_CHECK_ENUM)
#undef LINT_CHECK_ENUM
		LINT_CHECKS
};
const char *lint_check_word(enum lint_check check);

struct lint;
/* Borrows the set. noun: what a number is that texts name, "rule" or "line". */
int lint_new(
	const struct ruleset *ruleset, int64_t now_ns, const char *noun, struct lint **ret_lint);
struct lint *lint_free(struct lint *lint);

/*
 * Calls found(arg, check, text) for what the rules alone, the user database and the file system
 * tell about this one: all down to LINT_EXE_UNSAFE. Texts live during the call.
 */
int lint_rule(struct lint *lint, size_t index,
	void (*found)(void *arg, enum lint_check check, const char *text), void *arg);
/* Calls each(arg, index) for the rules whose pattern matches this path, in no certain order. */
void lint_each_matching(struct lint *lint, const char *path, size_t len,
	void (*each)(void *arg, size_t index), void *arg);
/* Does some rule that lets read, for whomever this one is, match the path? */
bool lint_subject_may_read(struct lint *lint, size_t index, const char *path, size_t len);

SCOPE_FUNCTION(struct lint *, lint_free);

#endif
