/* SPDX-License-Identifier: Apache-2.0 */
/* provider.c - the table of the kinds of slot. */
#include "keystore/provider.h"

#include <string.h>

#include "keystore/provider_private.h"

const struct provider *const providers[] = {
	&provider_key_file,
	&provider_passphrase,
	NULL,
};

const struct provider *provider_find(const char *name)
{
	for (size_t i = 0; providers[i]; i++)
		if (strcmp(providers[i]->name, name) == 0)
			return providers[i];
	return NULL;
}
