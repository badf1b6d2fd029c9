/* SPDX-License-Identifier: Apache-2.0 */
/* permission.h - what a rule can allow or deny on a path: a set of bits, and its text "read,list".
 */
#ifndef POLICY_PERMISSION_H
#define POLICY_PERMISSION_H

enum permission {
	PERMISSION_READ = 1 << 0,
	PERMISSION_WRITE = 1 << 1,
	PERMISSION_LIST = 1 << 2,
};
#define PERMISSION_COUNT 3
#define PERMISSION_ALL	 ((1u << PERMISSION_COUNT) - 1)

/* "read,write,list" in any order, each once; -EINVAL otherwise. */
int permissions_from_text(const char *text, unsigned *ret_permissions);
#define PERMISSIONS_TEXT_SIZE 32
/* In table order: "read,write,list". */
void permissions_to_text(unsigned permissions, char ret_text[PERMISSIONS_TEXT_SIZE]);

#endif
