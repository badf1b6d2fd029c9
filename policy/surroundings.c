/* SPDX-License-Identifier: Apache-2.0 */
/* surroundings.c - to be replaced. */
#include "policy/surroundings.h"

void surroundings_look(const struct ruleset *ruleset, const struct subject *subject,
	struct exe_hasher *hasher, struct looked_at *ret_looked)
{
	(void)ruleset, (void)subject, (void)hasher;
	*ret_looked = (struct looked_at){0};
}
