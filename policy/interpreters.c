/* SPDX-License-Identifier: Apache-2.0 */
/* interpreters.c - the list of them. */
#include "policy/interpreters.h"

#include <stddef.h>
#include <string.h>

#include "keystore/base/scope.h"

/* Languages, shells, and what runs another program in its own place or out of its own file. */
static const char *const names[] = {"python", "pypy", "ipython", "perl", "ruby", "node", "nodejs",
	"deno", "bun", "java", "php", "lua", "luajit", "tclsh", "wish", "guile", "julia", "Rscript",
	"R", "octave", "ghci", "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh",
	"tcsh", "rbash", "busybox", "toybox", "awk", "gawk", "mawk", "nawk", "sed", "env", "sudo",
	"su", "doas", "pkexec", "runuser", "setpriv", "chroot", "unshare", "nsenter", "bwrap",
	"timeout", "nice", "nohup", "setsid", "stdbuf", "xargs", "find", "strace", "gdb", "vim",
	"emacs", "make", "qemu-x86_64", "qemu-aarch64", "ld.so"};

/* "3.11", "-3", "3.11-config" is none: nothing, or digits, dots and dashes. */
static bool is_version(const char *text)
{
	return text[strspn(text, "0123456789.-")] == '\0';
}

bool is_interpreter(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	/* The dynamic loader: ld-linux-x86-64.so.2, ld-2.31.so, ld-musl-x86_64.so.1. */
	if (strncmp(name, "ld-", 3) == 0 && strstr(name, ".so"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(name, names[i], len) == 0 && is_version(name + len))
			return true;
	}
	return false;
}
