#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Shell scripts pass shellcheck: most of what it warns of is a test that cannot fail. Two more of
# these in bats files: the first of two conditions joined by &&, and a wait in run's subshell, which
# does not know the process.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

# scripts: whatever begins with a shell's #! line, and the sourced *.bash.
scripts() {
	{
		files '*.sh' '*.bash' -- .
		files '*' -- tests contrib .ci | xargs -r -d '\n' grep -lE -m1 '^#!.*\b(ba|da)?sh\b' 2>/dev/null |
			while IFS= read -r file; do
				head -n 1 "$file" | grep -qE '^#!.*\b(ba|da)?sh\b' && echo "$file"
			done
	} | sort -u
}

vacuous() {
	files '*.bats' -- tests | xargs -r -d '\n' grep -nHE \
		'^\s*\[\[? .* \]\]? && \[|^\s*run (-[0-9]+ |! )?wait ' | sed 's/$/ (cannot fail)/'
}

check() {
	vacuous | each_complaint
	command -v shellcheck >/dev/null || complain 'shellcheck is missing: tests/install-packages test'
	scripts | xargs -r -d '\n' shellcheck -x -S warning -f gcc 2>&1 | each_complaint
}

self_test() {
	must_complain tests/a.sh < <(printf '#!/bin/sh\nfor x in $(ls *.c); do [[ -f $x ]]; done\n')
	must_complain contrib/run < <(printf '#!/bin/bash\ncd somewhere\nrm -rf *\n')
	must_complain tests/c.bats < <(printf '@test "x" {\n\t[ 1 = 2 ] && [ 1 = 1 ]\n}\n')
	must_complain tests/d.bats < <(printf '@test "x" {\n\trun ! wait $pid\n}\n')
	must_accept tests/b.sh < <(printf '#!/bin/sh\necho "$1"\n')
}

lint_main "$@"
