#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-tidy on everything that ships: the checks that find faults, none that are about taste.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

# Taken out, with the reason:
#   easily-swappable-parameters, reserved-identifier, narrowing-conversions   taste, or -W has it
#   implicit-widening-of-multiplication-result      sizes are bounded in geometry.h before they are multiplied
#   sizeof-expression                               arrays of pointers are sized by their element
#   not-null-terminated-result                      keys and nonces are not strings
#   concurrency-mt-unsafe                           flags strerror and getenv, which glibc makes safe enough
#   insecureAPI.DeprecatedOrUnsafeBufferHandling    wants memcpy_s, which glibc does not have
#   assignment-in-if-condition                      the house style of take() and scope
#   unix.Malloc, deadcode.DeadStores                do not follow __attribute__((cleanup))
#   core.uninitialized, CallAndMessage, NonNull..., UndefinedBinary...   assume that a call that
#       returns 0 or -errno may return 1 and have written nothing; UBSan and -Wall see real ones
#   branch-clone                                    two reasons may have one answer
#   cert-err34-c                                    atoi is forbidden (forbidden.pl); it also flags sscanf, which
#       reads only what the kernel, our lock file or our server wrote, with its count checked
CHECKS='-*,bugprone-*,clang-analyzer-*,cert-fio38-c,cert-flp30-c'
CHECKS+=',-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier'
CHECKS+=',-bugprone-implicit-widening-of-multiplication-result,-bugprone-sizeof-expression'
CHECKS+=',-bugprone-not-null-terminated-result'
CHECKS+=',-bugprone-narrowing-conversions,-bugprone-assignment-in-if-condition'
CHECKS+=',-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-unix.Malloc'
CHECKS+=',-clang-analyzer-deadcode.DeadStores,-clang-analyzer-core.uninitialized*,-clang-analyzer-core.CallAndMessage'
CHECKS+=',-clang-analyzer-core.NonNullParamChecker,-clang-analyzer-core.UndefinedBinaryOperatorResult'
CHECKS+=',-bugprone-branch-clone'

check() {
	local flags
	command -v clang-tidy >/dev/null || complain 'clang-tidy is missing: tests/install-packages analyse'
	read -ra flags <<<"$(pkg-config --cflags fuse3 openssl sqlite3 jansson)"
	files '*.c' -- fs keystore policy | xargs -r -d '\n' -P 2 -I FILE clang-tidy --quiet "--checks=$CHECKS" \
		FILE -- -std=gnu17 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 '-DMODELVAULT_VERSION="lint"' -I. \
		"${flags[@]}" 2>/dev/null | grep -E '^[^ ]+:[0-9]+:[0-9]+: (warning|error): ' |
		sed "s,^$PWD/,," | sort -u | each_complaint
}

self_test() {
	must_complain fs/a.c < <(printf 'int f(int *p)\n{\n\tif (p)\n\t\treturn 0;\n\treturn *p;\n}\n')
	must_accept fs/b.c < <(printf 'int f(int a)\n{\n\treturn a;\n}\n')
}

lint_main "$@"
