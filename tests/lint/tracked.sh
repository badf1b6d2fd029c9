#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Nothing that was built is tracked, and the top level has the folders of the layout and no others.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

tracked() { git -c safe.directory='*' ls-files; }

check() {
	[ -e .git ] || { echo 'not a git checkout'; exit 77; }
	tracked | grep -E '(^|/)(build|node_modules|__pycache__)/|\.(o|d|a|so|gcda|gcno|pyc|orig|rej|swp)$' |
		each_complaint 'a build product is tracked: git rm --cached, and see .gitignore'
	tracked | sed -n 's,^\([^/]*\)/.*,\1,p' | sort -u | grep -vxE 'fs|keystore|policy|tests|contrib|\..*' |
		each_complaint 'the top level is fs keystore policy tests contrib and nothing else'
}

plant_and_add() { plant "$1" </dev/null; git add -f "$1"; }

self_test() {
	git init -q .
	plant_and_add fs/a.c
	(check; [ $complaints -eq 0 ]) || { echo 'refuses a good tree'; exit 1; }
	for bad in build/modelvault fs/a.o tests/__pycache__/x.pyc misc/x.c; do
		plant_and_add "$bad"
		(check; [ $complaints -eq 0 ]) >/dev/null && { echo "does not notice $bad"; exit 1; }
		git rm -q --cached "$bad"
	done
}

lint_main "$@"
