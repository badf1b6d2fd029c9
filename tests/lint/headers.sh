#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every header compiles alone: who includes it need not know what to include before it. And every
# file begins with its licence.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

check() {
	local header text flags
	read -ra flags <<<"$(pkg-config --cflags fuse3 openssl sqlite3 jansson)"
	while IFS= read -r header; do
		text=$(gcc -std=gnu17 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -I. "${flags[@]}" -Wall -Wextra \
			-Werror -fsyntax-only -include "./$header" -x c /dev/null 2>&1) ||
			complain "$header: does not compile alone: ${text%%$'\n'*}"
	done < <(files '*.h')
	files '*.c' '*.h' '*.sh' '*.bash' '*.bats' '*.pl' '*.py' | while IFS= read -r header; do
		head -n 2 "$header" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$header"
	done | each_complaint 'the first line names the licence: SPDX-License-Identifier: Apache-2.0'
}

self_test() {
	local spdx='/* SPDX-License-Identifier: Apache-2.0 */'
	must_complain fs/a.h < <(printf '%s\nint f(size_t n);\n' "$spdx")
	must_complain fs/b.c <<<'int b;'
	must_accept fs/c.h < <(printf '%s\n#include <stddef.h>\nint f(size_t n);\n' "$spdx")
}

lint_main "$@"
