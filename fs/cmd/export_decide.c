/* SPDX-License-Identifier: Apache-2.0 */
/* export_decide.c - the rules' word on a path, as an open of it would get. */
#include "fs/cmd/export_decide.h"

#include <errno.h>

struct decision export_decide(struct vault *vault, const struct verb_call *call,
	const struct name_list *names, enum permission permission)
{
	const struct decision failed = {.verdict = VERDICT_DENY, .reason = REASON_NO_RESOURCES};
	scope_free struct path_name *paths = NULL;
	struct inquiry inquiry = {
		.subject = call->caller,
		.name_count = names->count,
		.permission = permission,
	};

	paths = calloc(names->count, sizeof(*paths));
	if (!paths || !names->count)
		return failed;
	for (size_t i = 0; i < names->count; i++)
		paths[i] = (struct path_name){names->names[i].path, names->names[i].len};
	inquiry.names = paths;
	return policy_inquire(vault->policy, &inquiry);
}

/* The root has no name that a pattern could match. */
bool export_may_see(struct vault *vault, const struct verb_call *call, uint64_t ino)
{
	struct name_list names = {0};
	bool may;

	if (ino == ROOT_INO)
		return true;
	may = keystore_names(vault->keystore, ino, &names) == 0 &&
	      export_decide(vault, call, &names, PERMISSION_LIST).verdict == VERDICT_ALLOW;
	name_list_done(&names);
	return may;
}

int export_find(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info)
{
	scope_free char *shown = NULL;
	struct entry_info info;
	int r;

	r = keystore_resolve(vault->keystore, path, len, &info);
	if (r == 0 && export_may_see(vault, call, info.ino)) {
		*ret_info = info;
		return EXIT_DONE;
	}
	if (r == 0)
		r = -ENOENT;
	shown = text_for_terminal(path, len);
	complain(call->output,
		"export: %s: %s in this vault; `modelvault ls %s` shows what is there",
		shown ? shown : "", r == -ENOENT ? "no such name" : result_text(r),
		vault->place.path);
	return r == -ENOTDIR ? EXIT_NOT_FOUND : exit_code_of(r);
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
