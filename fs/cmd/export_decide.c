/* SPDX-License-Identifier: Apache-2.0 */
/* export_decide.c - the rules' word on a path, as an open of it would get. */
#include "fs/cmd/export_decide.h"

#include <errno.h>

#include "fs/cmd/vault_sight.h"

static struct path_name *paths_of(const struct name_list *names)
{
	struct path_name *paths = names->count ? calloc(names->count, sizeof(*paths)) : NULL;

	for (size_t i = 0; paths && i < names->count; i++)
		paths[i] = (struct path_name){names->names[i].path, names->names[i].len};
	return paths;
}

struct decision export_decide(struct vault *vault, const struct verb_call *call,
	const struct name_list *names, uint64_t size, struct charged_rules *charged)
{
	scope_free struct path_name *paths = paths_of(names);
	struct decision decision;
	struct inquiry inquiry = {
		.subject = call->caller,
		.names = paths,
		.name_count = names->count,
		.permission = PERMISSION_READ,
		.asks_budgets = charged->count <= CHARGED_MAX,
		.size = size,
		.charged = charged,
	};

	if (!paths)
		return (struct decision){.reason = REASON_NO_RESOURCES};
	decision = policy_inquire(vault->policy, &inquiry);
	inquiry.hash_failed = true;
	return decision.wants_hash ? policy_inquire(vault->policy, &inquiry) : decision;
}

struct decision export_admit(struct vault *vault, const struct verb_call *call,
	const struct name_list *names, uint64_t size, struct charged_rules *ret_charged)
{
	scope_free struct path_name *paths = paths_of(names);
	__attribute__((cleanup(subject_done))) struct subject caller = {0};
	struct inquiry inquiry = {
		.subject = &caller,
		.names = paths,
		.name_count = names->count,
		.permission = PERMISSION_READ,
		.asks_budgets = true,
		.size = size,
		.charged = ret_charged,
	};
	struct decision decision;

	if (!paths || subject_copy(call->caller, &caller) < 0)
		return (struct decision){.reason = REASON_NO_RESOURCES};
	decision = policy_admit(vault->policy, &inquiry);
	if (!decision.wants_hash)
		return decision;
	inquiry.hash_failed = !policy_await_hash(vault->policy, &caller);
	return policy_admit(vault->policy, &inquiry);
}

bool export_may_see(struct vault *vault, const struct verb_call *call, uint64_t ino)
{
	scope_viewer struct viewer viewer = {0};

	vault_viewer_begin(vault, call, &viewer);
	return viewer_sees(&viewer, ino);
}

int export_find(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info)
{
	scope_free char *shown = NULL;
	struct entry_info info;
	int r;

	r = vault_find_seen(vault, call, path, len, &info);
	if (r == 0) {
		*ret_info = info;
		return EXIT_DONE;
	}
	shown = text_for_terminal(path, len);
	complain(call->output,
		"export: %s: %s in this vault; `modelvault ls %s` shows what is there",
		shown ? shown : "", r == -ENOENT ? "no such name" : result_text(r),
		vault->place.path);
	return exit_code_of(r);
}

static int add_xattr(struct keystore *keystore, uint64_t ino, const char *name, struct buffer *to)
{
	scope_free void *value = malloc(LIMIT_XATTR_VALUE);
	ssize_t len;

	if (!value)
		return -ENOMEM;
	len = keystore_xattr(keystore, ino, name, value, LIMIT_XATTR_VALUE);
	if (len < 0)
		return len == -ENODATA ? 0 : (int)len;
	buffer_add(to, name, strlen(name) + 1);
	buffer_add_u32(to, (uint32_t)len);
	buffer_add(to, value, (size_t)len);
	return to->failed ? -ENOMEM : 0;
}

int export_xattrs(struct keystore *keystore, uint64_t ino, struct buffer *ret_xattrs)
{
	scope_free char *names = NULL;
	ssize_t len;
	int r = 0;

	len = keystore_xattr_names(keystore, ino, NULL, 0);
	if (len <= 0)
		return (int)len;
	names = malloc((size_t)len);
	if (!names)
		return -ENOMEM;
	len = keystore_xattr_names(keystore, ino, names, (size_t)len);
	if (len < 0)
		return len == -ERANGE ? -EAGAIN : (int)len;
	for (const char *name = names; name < names + len && r == 0; name += strlen(name) + 1)
		r = add_xattr(keystore, ino, name, ret_xattrs);
	return r;
}
