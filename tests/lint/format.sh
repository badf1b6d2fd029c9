#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every C file is as clang-format leaves it, so that a diff shows what changed and nothing else.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

check() {
	command -v clang-format >/dev/null || complain 'clang-format is missing: tests/install-packages test'
	files '*.c' '*.h' | xargs -r -d '\n' clang-format --dry-run -Werror 2>&1 |
		sed -n 's/^\([^ ]*:[0-9]*\):[0-9]*: error:.*/\1/p' | sort -t: -k1,1 -k2,2n | sort -u -t: -k1,1 -s |
		each_complaint 'first of the places that clang-format -i would change'
}

self_test() {
	cp "$LINT_DIR/../../.clang-format" .
	must_complain fs/a.c <<<'int  f(void) { return 0; }'
	must_accept fs/b.c < <(printf 'int f(void)\n{\n\treturn 0;\n}\n')
}

lint_main "$@"
