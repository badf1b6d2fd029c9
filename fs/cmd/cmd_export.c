/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_export.c - `export VAULT PATH DEST|- [--replace|--skip]`. This process makes files,
 * directories and links; who holds the vault pours verified bytes.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/export_file.h"
#include "fs/cmd/export_tree.h"
#include "fs/cmd/progress.h"
#include "fs/cmd/tree_path.h"

static int export_tree(struct vault_access *access, const char *path, const char *dest,
	enum existing_choice existing, struct output *output)
{
	scope(exporter_free) struct exporter *exporter = NULL;
	scope(export_tree_free) struct export_tree *tree = NULL;
	uint64_t total = 0;
	bool is_tree;
	int r;

	r = exporter_new(access, export_file, &exporter);
	if (r == 0)
		r = export_tree_new(exporter, existing, &tree);
	if (r == 0 && progress_is_wanted())
		total = export_tree_count(tree, path);
	if (r == 0)
		r = exporter_begin(exporter, total);
	if (r < 0) {
		complain(output, "export: %s", result_text(r));
		return EXIT_FAILED;
	}
	is_tree = export_tree_send(tree, path, dest);
	export_tree_finish(tree);
	return exporter_end(exporter, is_tree);
}

static int export_to_stdout(struct vault_access *access, const char *path, struct output *output)
{
	scope(exporter_free) struct exporter *exporter = NULL;
	scope_buffer struct buffer answer = {0};
	struct export_look look;
	int r;

	r = exporter_new(access, export_file, &exporter);
	if (r < 0) {
		complain(output, "export: %s", result_text(r));
		return EXIT_FAILED;
	}
	r = export_line_fetch(
		exporter_line(exporter), path, strlen(path), STDOUT_FILENO, &answer, &look);
	if (r < 0)
		exporter_complain(exporter, "standard output", r);
	return exporter_end(exporter, false);
}

/* DEST that is a directory means a name in it. The root of the vault has none: its contents. */
static int choose_dest(const char *path, const char *dest, struct buffer *ret_dest)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(dest);
	struct stat attr;

	while (len > 1 && dest[len - 1] == '/')
		len--;
	buffer_add(ret_dest, dest, len);
	if (*name && stat(dest, &attr) == 0 && S_ISDIR(attr.st_mode))
		tree_path_push(ret_dest, name, strlen(name));
	return ret_dest->failed ? -ENOMEM : 0;
}

/* Deep trees hold one descriptor a level. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int export_path(struct invocation *invocation, struct vault_access *access,
	enum existing_choice existing, struct output *output)
{
	const char *operand = invocation->operands[1], *dest = invocation->operands[2];
	scope_buffer struct buffer chosen = {0};
	scope_free char *path = NULL;
	size_t len;

	operand += strspn(operand, "/");
	len = strlen(operand);
	while (len && operand[len - 1] == '/')
		len--;
	path = strndup(operand, len);
	if (!path || choose_dest(path, dest, &chosen) < 0) {
		complain(output, "export: out of memory");
		return EXIT_FAILED;
	}
	if (strcmp(dest, "-") == 0)
		return export_to_stdout(access, path, output);
	return export_tree(access, path, buffer_text(&chosen), existing, output);
}

int run_export(struct invocation *invocation)
{
	bool skip = message_has(invocation->request, "skip");
	bool replace = message_has(invocation->request, "replace");
	scope(access_close) struct vault_access *access = NULL;
	struct output output = output_to_terminal();
	int code;

	if (skip && replace) {
		complain(&output, "export: --skip and --replace cannot both be meant");
		return EXIT_USAGE;
	}
	/* A reader of standard output that went away is an error to be told, not an end. */
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	code = access_open(invocation, &access, &output);
	if (code != EXIT_DONE)
		return code;
	return export_path(invocation, access,
		replace ? EXISTING_REPLACE
		: skip	? EXISTING_SKIP
			: EXISTING_IS_ERROR,
		&output);
}
