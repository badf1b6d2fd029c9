#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# cppcheck on everything that ships.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

# Suppressed, with the reason:
#   missingInclude*, unmatchedSuppression   about cppcheck's own setup
#   memleak, resourceLeak                   it does not know __attribute__((cleanup)); ASan sees leaks
#   uninitvar, legacyUninitvar, uninitdata  it does not follow what a call writes through ret_
#                                           arguments; gcc -Wall and clang-tidy look for it too
#   unknownMacro                            cmocka and SQLite macros
SUPPRESS=(missingInclude missingIncludeSystem unmatchedSuppression memleak resourceLeak
	uninitvar legacyUninitvar uninitdata unknownMacro)

check() {
	command -v cppcheck >/dev/null || complain 'cppcheck is missing: tests/install-packages test'
	files '*.c' -- fs keystore policy | cppcheck --quiet --std=c11 -D_GNU_SOURCE -I. -j2 --file-list=- \
		--enable=warning,portability --inline-suppr --error-exitcode=0 \
		"${SUPPRESS[@]/#/--suppress=}" --template='{file}:{line}: {id}: {message}' 2>&1 |
		grep -E '^[^ ]+:[0-9]+: ' | each_complaint
}

self_test() {
	must_complain fs/a.c < <(printf 'int f(void)\n{\n\tint a[2];\n\n\ta[2] = 0;\n\treturn a[0];\n}\n')
	must_accept fs/b.c < <(printf 'int f(int a)\n{\n\treturn a;\n}\n')
}

lint_main "$@"
