#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Calls that this code does not make, and why; and notes to self that do not belong in a tree.
# tests/unit is free to make them: its input is its own, and it runs under the sanitizers.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

check() {
	local file
	while IFS= read -r file; do
		code "$file" | perl "$LINT_DIR/forbidden.pl" "$file"
	done < <(files '*.c' '*.h' -- fs keystore policy tests | grep -v '^tests/unit/') | each_complaint
	files '*.c' '*.h' '*.sh' '*.bash' '*.bats' Makefile -- . | grep -v '^tests/lint/forbidden' |
		xargs -r -d '\n' grep -nHwE 'TODO|FIXME|XXX' /dev/null | cut -d: -f1,2 |
		each_complaint 'a note to self: do it, or open an issue'
}

self_test() {
	local call
	for call in 'strcpy(a, b)' 'strcat(a, b)' 'sprintf(a, "x")' 'vsprintf(a, f, v)' 'system("ls")' \
		'popen("ls", "r")' 'atoi("1")' 'alloca(7)' 'gets(a)' 'mktemp(a)' 'memset(key, 0, 32)' \
		'memset(&self->passphrase, 0, n)' 'open(p, O_RDONLY)' 'openat(fd, p,\n\tO_RDONLY)' \
		'socket(AF_UNIX, SOCK_STREAM, 0)' 'accept(fd, NULL, NULL)' 'pipe(fds)' 'dup(fd)' \
		'memfd_create("x", 0)' 'fopen(p, "r")' 'fcntl(fd, F_DUPFD, 3)' 'recvmsg(fd, &m, 0)'; do
		must_complain keystore/a.c < <(printf 'int f(void)\n{\n\t%b;\n}\n' "$call")
	done
	must_complain policy/a.c <<<'/* TODO: later */'
	must_complain tests/run.sh <<<'# FIXME'
	must_accept keystore/b.c <<'C'
/* strcpy(a, b) is not used; open(p, O_RDONLY) neither */
int f(void)
{
	snprintf(a, sizeof(a), "system(\"x\")");
	self->open(p, O_RDONLY);
	node_open(p);
	memset(&event, 0, sizeof(event));
	openat(fd, p, O_RDONLY | flags_of(x) |
		O_CLOEXEC);
	fopen(p, "re");
	accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	pipe2(fds, O_CLOEXEC | O_NONBLOCK);
	fcntl(fd, F_DUPFD_CLOEXEC, 3);
}
C
}

lint_main "$@"
