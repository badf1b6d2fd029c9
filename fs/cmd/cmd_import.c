/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_import.c - `import VAULT SRC... [--to DIR] [--replace|--skip] [--remove-source]
 * [--dereference]`. This process opens the sources; who holds the vault reads them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/import_tree.h"
#include "fs/cmd/progress.h"

/* Deep trees hold one descriptor a level. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The path in the vault without slashes around it; NULL: out of memory. */
static char *trimmed(const char *path)
{
	size_t len;

	path += strspn(path, "/");
	len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	return strndup(path, len);
}

static int check_operands(
	const struct invocation *invocation, bool *ret_stdin, struct output *output)
{
	size_t inputs = 0;

	for (size_t i = 1; i < invocation->operand_count; i++)
		inputs += strcmp(invocation->operands[i], "-") == 0;
	*ret_stdin = inputs > 0;
	if (inputs && invocation->operand_count > 2) {
		complain(output, "import: '-' (standard input) must be the only source; "
				 "write ./- for a file of that name");
		return EXIT_USAGE;
	}
	if (inputs && !invocation_option(invocation, "to")) {
		complain(output, "import: what shall the file be called? add --to NAME");
		return EXIT_USAGE;
	}
	if (message_has(invocation->request, "skip") &&
		message_has(invocation->request, "replace")) {
		complain(output, "import: --skip and --replace cannot both be meant");
		return EXIT_USAGE;
	}
	if (message_has(invocation->request, "remove-source") &&
		(inputs || message_has(invocation->request, "dereference"))) {
		complain(output, "import: --remove-source is for files and links as they stand: "
				 "neither for '-' nor with --dereference");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static struct importer_options options_of(
	const struct invocation *invocation, const char *destination)
{
	struct importer_options options = {.destination = destination};

	options.remove_source = message_has(invocation->request, "remove-source");
	if (message_has(invocation->request, "skip"))
		options.existing = EXISTING_SKIP;
	if (message_has(invocation->request, "replace"))
		options.existing = EXISTING_REPLACE;
	return options;
}

static int import_stdin(struct invocation *invocation, struct vault_access *access, char *path,
	struct output *output)
{
	scope(importer_free) struct importer *importer = NULL;
	char *slash = strrchr(path, '/');
	scope_free char *directory = slash ? strndup(path, (size_t)(slash - path)) : strdup("");
	struct importer_options options = options_of(invocation, directory);
	struct stat attr = {0};
	struct import_entry *entry;
	int code, r;

	r = directory ? importer_new(access, &options, &importer) : -ENOMEM;
	if (r < 0) {
		complain(output, "import: %s", result_text(r));
		return EXIT_FAILED;
	}
	code = importer_begin(importer);
	if (code != EXIT_DONE)
		return code;
	entry = import_entry_new("stream", "standard input", path, strlen(path), &attr);
	if (entry)
		entry->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (entry && entry->fd >= 0) {
		importer_send(importer, entry);
	} else {
		importer_complain(importer, "standard input", result_text(-errno));
		import_entry_free(entry);
	}
	return importer_end(importer);
}

/* What would import the vault into itself, and what is not there, before anything is done. */
static int check_sources(
	const struct invocation *invocation, const struct import_tree *tree, struct output *output)
{
	for (size_t i = 1; i < invocation->operand_count; i++) {
		const char *source = invocation->operands[i];
		int r = import_tree_is_own(tree, source);

		if (r > 0) {
			complain(output, "import: %s belongs to this vault; choose another source",
				source);
			return EXIT_USAGE;
		}
		if (r == -ENOENT && invocation->operand_count == 2) {
			complain(output, "import: %s: there is no such file", source);
			return EXIT_NOT_FOUND;
		}
	}
	return EXIT_DONE;
}

static int import_sources(struct invocation *invocation, struct vault_access *access,
	struct import_tree *tree, const char *destination, struct output *output)
{
	scope(importer_free) struct importer *importer = NULL;
	struct importer_options options = options_of(invocation, destination);
	int code, r;

	/* A lease on a source is not given up for who waits to write it. */
	if (options.remove_source)
		signal(SIGIO, SIG_IGN);
	for (size_t i = 1; i < invocation->operand_count && progress_is_wanted(); i++)
		options.total += import_tree_count(tree, invocation->operands[i]);
	r = importer_new(access, &options, &importer);
	if (r < 0) {
		complain(output, "import: %s", result_text(r));
		return EXIT_FAILED;
	}
	code = importer_begin(importer);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 1; i < invocation->operand_count && !importer_is_stopped(importer); i++)
		import_tree_send(tree, importer, invocation->operands[i], destination);
	import_tree_finish(tree, importer);
	return importer_end(importer);
}

static int import_trees(struct invocation *invocation, struct vault_access *access,
	const char *destination, struct output *output)
{
	bool dereference = message_has(invocation->request, "dereference");
	scope(import_tree_free) struct import_tree *tree = NULL;
	int code, r;

	r = import_tree_new(access_place(access), dereference, &tree);
	if (r < 0) {
		complain(output, "import: %s", result_text(r));
		return EXIT_FAILED;
	}
	code = check_sources(invocation, tree, output);
	if (code != EXIT_DONE)
		return code;
	return import_sources(invocation, access, tree, destination, output);
}

int run_import(struct invocation *invocation)
{
	scope(access_close) struct vault_access *access = NULL;
	struct output output = output_to_terminal();
	const char *to = invocation_option(invocation, "to");
	scope_free char *destination = trimmed(to ? to : "");
	bool from_stdin;
	int code;

	code = check_operands(invocation, &from_stdin, &output);
	if (code != EXIT_DONE)
		return code;
	if (!destination || (from_stdin && !*destination)) {
		complain(&output, "import: --to names no file");
		return EXIT_USAGE;
	}
	raise_descriptor_limit();
	code = access_open(invocation, &access, &output);
	if (code != EXIT_DONE)
		return code;
	if (from_stdin)
		return import_stdin(invocation, access, destination, &output);
	return import_trees(invocation, access, destination, &output);
}
