#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# gcc -fanalyzer on everything that ships.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

# Suppressed, since gcc 12 does not follow __attribute__((cleanup)) nor what a call writes through its
# ret_ argument: malloc-leak, fd-leak (ASan and the mount tests see real leaks) and
# use-of-uninitialized-value, null-argument, double-free (-Wmaybe-uninitialized and ASan see real ones).
SUPPRESS=(-Wno-analyzer-malloc-leak -Wno-analyzer-fd-leak -Wno-analyzer-use-of-uninitialized-value
	-Wno-analyzer-null-argument -Wno-analyzer-double-free)

check() {
	local flags
	read -ra flags <<<"$(pkg-config --cflags fuse3 openssl sqlite3 jansson)"
	files '*.c' -- fs keystore policy | xargs -r -d '\n' -P 2 -n 1 gcc -std=gnu17 -D_GNU_SOURCE \
		-DFUSE_USE_VERSION=314 -DMODELVAULT_VERSION='"lint"' -I. "${flags[@]}" -O1 -fanalyzer \
		-fdiagnostics-plain-output "${SUPPRESS[@]}" -c -o /dev/null 2>&1 |
		grep -E '^[^ ]+:[0-9]+:[0-9]+: (warning|error): ' | each_complaint
}

self_test() {
	must_complain fs/a.c < <(printf '#include <stdlib.h>\nvoid f(char *p)\n{\n\tfree(p);\n\t*p = 0;\n}\n')
	must_accept fs/b.c < <(printf 'int f(int a)\n{\n\treturn a;\n}\n')
}

lint_main "$@"
