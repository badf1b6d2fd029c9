/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_helper.c - SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE], as mount(8) calls a
 * helper, becomes a call of `mount`: where the key is becomes an option of its own, what the tables
 * of mount(8) are told is left out, the rest is for `mount` to know or to refuse.
 */
#include "fs/cmd/mount_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/mount_options.h"
#include "fs/cmd/options.h"
#include "keystore/base/bytes.h"
#include "keystore/base/scope.h"

/* Exit codes of mount(8). */
enum {
	HELPER_DONE = 0,
	HELPER_USAGE = 1,
	HELPER_SYSTEM = 2,
	HELPER_INTERRUPTED = 8,
	HELPER_FAILED = 32,
};

struct helper {
	const char *source, *directory, *namespace;
	bool sloppy, fake, verbose;
	bool audit_required; /* audit=required was given */
	bool sync; /* by itself: as mount(8) parts audit=required,sync, or of all mounts */
	struct buffer given;   /* every -o, with commas */
	struct buffer options; /* for `mount`, with commas */
	char *key_file, *passphrase_file;
	struct output output;
};

bool is_mount_helper(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;

	return strcmp(name, "mount.modelvault") == 0 || strcmp(name, "mount.fuse.modelvault") == 0;
}

static void helper_done(struct helper *helper)
{
	buffer_done(&helper->given);
	buffer_done(&helper->options);
	free(helper->key_file);
	free(helper->passphrase_file);
}

/* ---- options ---- */

/*
 * What speaks to mount(8), to systemd or to nobody here: nothing is written, so that times and
 * syncing have no meaning; rw is what mount(8) says whenever ro is not given.
 */
static bool is_ignored(const char *word)
{
	static const char *const words[] = {"rw", "defaults", "auto", "noauto", "nofail", "user",
		"nouser", "users", "nousers", "owner", "noowner", "group", "nogroup", "_netdev",
		"atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime",
		"strictatime", "nostrictatime", "lazytime", "nolazytime", "async", "sync",
		"dirsync", "mand", "nomand", "iversion", "noiversion", "silent", "loud"};
	static const char *const prefixes[] = {"x-", "X-", "comment=", "user=", "helper="};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (strncmp(word, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

/* key-file=PATH and the like: from a table that is read at boot, anywhere. */
static int take_path(struct helper *helper, const char *word, const char *name, char **path)
{
	const char *value = word + strlen(name);

	if (*value != '/') {
		complain(&helper->output, "mount: option '%s' needs an absolute path", word);
		return HELPER_USAGE;
	}
	free(*path);
	*path = strdup(value);
	return *path ? HELPER_DONE : HELPER_SYSTEM;
}

static int take_word(struct helper *helper, const char *word)
{
	if (strncmp(word, "key-file=", 9) == 0)
		return take_path(helper, word, "key-file=", &helper->key_file);
	if (strncmp(word, "passphrase-file=", 16) == 0)
		return take_path(helper, word, "passphrase-file=", &helper->passphrase_file);
	if (strcmp(word, "remount") == 0) {
		complain(&helper->output,
			"mount: option 'remount' cannot be done: the options of a mount are "
			"settled when it is made; umount %s and mount it again",
			helper->directory);
		return HELPER_USAGE;
	}
	if (strcmp(word, "suid") == 0 || strcmp(word, "dev") == 0) {
		remark(&helper->output,
			"modelvault: mount: option '%s' is ignored: every mount is nosuid and "
			"nodev",
			word);
		return HELPER_DONE;
	}
	helper->sync = helper->sync || strcmp(word, "sync") == 0;
	helper->audit_required = helper->audit_required || strcmp(word, "audit=required") == 0;
	if (is_ignored(word))
		return HELPER_DONE;
	if (helper->sloppy && !mount_option_is_known(word)) {
		if (helper->verbose)
			remark(&helper->output, "modelvault: mount: option '%s' is left out (-s)",
				word);
		return HELPER_DONE;
	}
	if (!mount_option_is_known(word)) {
		complain(&helper->output,
			"mount: option '%s' is not known; key-file=F, passphrase-file=F, ro, "
			"noexec, "
			"allow_other, cache=keep|open|none, cache-idle=10m and threads=N are",
			word);
		return HELPER_USAGE;
	}
	if (helper->options.len)
		buffer_add_text(&helper->options, ",");
	buffer_add_text(&helper->options, word);
	return helper->options.failed ? HELPER_SYSTEM : HELPER_DONE;
}

/* Words are parted by commas; a comma between double quotes is part of a word, the quotes are not.
 */
static int take_options(struct helper *helper, const char *text)
{
	bool quoted = false;
	int code = HELPER_DONE;

	while (*text && code == HELPER_DONE) {
		scope_buffer struct buffer word = {0};

		for (; *text && (quoted || *text != ','); text++) {
			if (*text == '"')
				quoted = !quoted;
			else
				buffer_add_u8(&word, (uint8_t)*text);
		}
		if (*text)
			text++;
		if (word.failed)
			return HELPER_SYSTEM;
		if (word.len)
			code = take_word(helper, buffer_text(&word));
	}
	return code;
}

/*
 * mount(8) parts "audit=required,sync" at the comma, and may put its words anywhere. What was meant
 * by a sync that is there for other reasons cannot be told: evidence is not weakened silently.
 */
static int join_audit(struct helper *helper)
{
	if (helper->audit_required && helper->sync)
		buffer_add_text(&helper->options, ",sync");
	return helper->options.failed ? HELPER_SYSTEM : HELPER_DONE;
}

/* ---- the command line ---- */

static const char usage_line[] = "usage: mount.modelvault VAULT MOUNTPOINT [-sfnv] [-N NAMESPACE] "
				 "[-o OPTIONS] [-t modelvault]";
static const char usage_caller[] =
	"It is run by mount(8): mount -t modelvault VAULT MOUNTPOINT -o key-file=F";

static int usage(struct helper *helper)
{
	remark(&helper->output, "%s", usage_line);
	remark(&helper->output, "%s", usage_caller);
	return HELPER_USAGE;
}

static int take_flag(struct helper *helper, int flag)
{
	switch (flag) {
	case 's':
		helper->sloppy = true;
		return HELPER_DONE;
	case 'f':
		helper->fake = true;
		return HELPER_DONE;
	case 'n': /* no mtab is written anyway */
		return HELPER_DONE;
	case 'v':
		helper->verbose = true;
		return HELPER_DONE;
	case 'N':
		helper->namespace = optarg;
		return HELPER_DONE;
	case 'o':
		if (helper->given.len)
			buffer_add_text(&helper->given, ",");
		buffer_add_text(&helper->given, optarg);
		return HELPER_DONE;
	case 't':
		if (strcmp(optarg, "modelvault") == 0 || strcmp(optarg, "fuse.modelvault") == 0)
			return HELPER_DONE;
		complain(&helper->output, "mount: type '%s' is not modelvault", optarg);
		return HELPER_USAGE;
	default:
		return usage(helper);
	}
}

static int parse(struct helper *helper, int argc, char **argv)
{
	int code = HELPER_DONE, flag;

	while (code == HELPER_DONE && (flag = getopt(argc, argv, "sfnvN:o:t:")) >= 0)
		code = take_flag(helper, flag);
	if (code != HELPER_DONE)
		return code;
	if (argc - optind != 2)
		return usage(helper);
	helper->source = argv[optind];
	helper->directory = argv[optind + 1];
	/* Last: what the words mean depends on -s. */
	if (helper->given.failed)
		return HELPER_SYSTEM;
	code = take_options(helper, buffer_text(&helper->given));
	return code == HELPER_DONE ? join_audit(helper) : code;
}

/* ---- the work ---- */

/* A process's number or the file of a namespace; vault and key are looked up there too. */
static int enter_namespace(struct helper *helper)
{
	scope_free char *path = NULL;
	scope_fd int fd = -1;
	int r = 0;

	if (helper->namespace[strspn(helper->namespace, "0123456789")])
		path = strdup(helper->namespace);
	else if (asprintf(&path, "/proc/%s/ns/mnt", helper->namespace) < 0)
		path = NULL;
	if (!path)
		return HELPER_SYSTEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNS) < 0)
		r = -errno;
	if (r < 0) {
		complain(&helper->output, "mount: namespace %s: %s", helper->namespace,
			strerror(-r));
		return HELPER_SYSTEM;
	}
	return HELPER_DONE;
}

static int exit_code_for_mount(int code)
{
	switch (code) {
	case EXIT_DONE:
		return HELPER_DONE;
	case EXIT_USAGE:
		return HELPER_USAGE;
	case 128 + SIGINT:
		return HELPER_INTERRUPTED;
	default:
		return HELPER_FAILED;
	}
}

static int call_mount(struct helper *helper)
{
	const struct command *command = command_find("mount");
	char *args[9], **end = args;
	struct invocation invocation;
	int code;

	if (helper->options.len) {
		*end++ = (char *)"-o";
		*end++ = (char *)buffer_text(&helper->options);
	}
	if (helper->key_file) {
		*end++ = (char *)"--key-file";
		*end++ = helper->key_file;
	}
	if (helper->passphrase_file) {
		*end++ = (char *)"--passphrase-file";
		*end++ = helper->passphrase_file;
	}
	*end++ = (char *)"--";
	*end++ = (char *)helper->source;
	*end++ = (char *)helper->directory;
	code = options_parse(command, (int)(end - args), args, &invocation, &helper->output);
	if (code != EXIT_DONE)
		return HELPER_USAGE;
	/* mount(8) says nothing when all is well, and has options of its own. */
	if ((!helper->verbose && message_add_text(invocation.request, "quiet", "") < 0) ||
		message_add_text(invocation.request, "by-mount", "") < 0)
		code = HELPER_SYSTEM;
	else
		code = exit_code_for_mount(command->run(&invocation));
	invocation_done(&invocation);
	return code;
}

static void leave_interrupted(int signal)
{
	(void)signal;
	_exit(HELPER_INTERRUPTED);
}

/* Nothing is mounted: only what can be told from the words is told. */
static int pretend(struct helper *helper)
{
	struct session_options options;

	if (mount_options_parse(buffer_text(&helper->options), &options, &helper->output) !=
		EXIT_DONE)
		return HELPER_USAGE;
	if (helper->verbose)
		remark(&helper->output, "%s would be mounted on %s", helper->source,
			helper->directory);
	return HELPER_DONE;
}

int mount_helper(int argc, char **argv)
{
	const struct sigaction interrupted = {.sa_handler = leave_interrupted};
	struct helper helper = {.output = output_to_terminal()};
	int code;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		say(&helper.output, "%s\n%s\n", usage_line, usage_caller);
		return output_check(HELPER_DONE, &helper.output);
	}
	sigaction(SIGINT, &interrupted, NULL);
	code = parse(&helper, argc, argv);
	if (code == HELPER_DONE && helper.namespace)
		code = enter_namespace(&helper);
	if (code == HELPER_DONE)
		code = helper.fake ? pretend(&helper) : call_mount(&helper);
	helper_done(&helper);
	return code;
}
