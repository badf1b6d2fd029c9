# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Frame of the lint tests. A test defines check (complains about the tree in the current directory)
# and self_test (small bad files that check must complain about) and ends with: lint_main "$@".
#   x.sh [TREE]       exit 0, or 1 with file:line: what, and why the rule is there
#   x.sh --self-test  proves that the test can fail
set -u
shopt -s lastpipe
LINT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
complaints=0

complain() {
	echo "$*"
	complaints=$((complaints + 1))
}

# each_complaint [WHY]: every line of stdin is one. Made to end a pipe (lastpipe).
each_complaint() {
	local line
	while IFS= read -r line; do
		[ -z "$line" ] || complain "$line${1:+: $1}"
	done
}

# files PATTERN... [-- FOLDER...]: files of the tree with such names, without what was built.
files() {
	local names=() folders=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		names+=(-o -name "$1")
		shift
	done
	[ $# -eq 0 ] || shift
	for folder in "${@:-.}"; do
		[ ! -d "$folder" ] || folders+=("$folder")
	done
	[ ${#folders[@]} -gt 0 ] || return 0
	find "${folders[@]}" \( -name build -o -name .git -o -name node_modules -o -name __pycache__ \) -prune \
		-o -type f \( "${names[@]:1}" \) -print | sed 's,^\./,,' | sort
}

# code FILE: C without comments, lines kept. strings FILE: its string literals as line:text.
code() { perl "$LINT_DIR/strip.pl" code "$1"; }
strings_of() { perl "$LINT_DIR/strip.pl" strings "$1"; }

# must_complain FILE: with this file (its text on stdin) the tree is bad; must_accept: it is good.
must_complain() {
	plant "$1"
	(complaints=0; check; [ $complaints -eq 0 ]) >output 2>&1 &&
		{ echo "does not notice a bad $1:"; cat "$1"; exit 1; }
	rm -f "$1"
}
must_accept() {
	plant "$1"
	(complaints=0; check; [ $complaints -eq 0 ]) >output 2>&1 ||
		{ echo "refuses a good $1:"; cat "$1" output; exit 1; }
	rm -f "$1"
}
plant() { mkdir -p "$(dirname "$1")"; cat >"$1"; }

lint_main() {
	if [ "${1:-}" = --self-test ]; then
		scratch=$(mktemp -d)
		trap 'rm -rf "$scratch"' EXIT
		cd "$scratch" || exit 1
		self_test
		exit 0
	fi
	cd "${1:-$LINT_DIR/../..}" || exit 1
	check
	[ $complaints -eq 0 ]
}
