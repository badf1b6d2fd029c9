/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - locals that own something free it when their scope ends; take(&p) lets ownership leave.
 */
#ifndef KEYSTORE_BASE_SCOPE_H
#define KEYSTORE_BASE_SCOPE_H

#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Declares `scope_NAME`-style cleanup for a pointer type whose free function accepts NULL. */
#define SCOPE_FUNCTION(type, free_function)                     \
	static inline void free_function##_scope(type *pointer) \
	{                                                       \
		if (*pointer)                                   \
			free_function(*pointer);                \
	}                                                       \
	struct scope_semicolon_##free_function

static inline void scope_free_(void *pointer)
{
	free(*(void **)pointer);
}

static inline void scope_close_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define scope_free __attribute__((cleanup(scope_free_)))
#define scope_fd   __attribute__((cleanup(scope_close_)))
/* For SCOPE_FUNCTION types: `scope(db_close) struct db *db = NULL;` */
#define scope(free_function) __attribute__((cleanup(free_function##_scope)))

/* Returns *pointer and leaves NULL: the scope no longer owns it. */
#define take(pointer)                                         \
	({                                                    \
		__typeof__(pointer) take_from_ = (pointer);   \
		__typeof__(*take_from_) taken_ = *take_from_; \
		*take_from_ = NULL;                           \
		taken_;                                       \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
