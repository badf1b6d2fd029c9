#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# mv and mkdir: names as mv(1) and mkdir(1) make them, what they refuse, and their records.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	mkdir -p a/b/c
	echo one >a/one
	echo two >a/b/two
	ln a/one a/b/other
	ln -s ../one a/b/link
	"$MODELVAULT" import v a 2>>said
	"$MODELVAULT" grant v user:root read '**' >rule 2>>said
}

mv_() { "$MODELVAULT" mv v "$@"; }
mkdir_() { "$MODELVAULT" mkdir v "$@"; }
names() { "$MODELVAULT" ls v "$@" | sort | tr '\n' ' '; }
content() { "$MODELVAULT" export v "$1" -; }

@test "mv: a file, a directory with all in it, several into one" {
	exits 0 mv_ a/one a/uno
	[ -z "$output" ]
	[ "$(content a/uno)" = one ]
	[ "$(content a/b/other)" = one ]
	exits 6 mv_ a/one elsewhere
	[[ $output == *"a/one to elsewhere: no such name"* ]]
	exits 0 mv_ /a/b/ z
	[ "$(names)" = "a/ a/uno z/ z/c/ z/link z/other z/two " ]
	exits 0 mkdir_ d
	exits 0 mv_ a/uno z d
	[ "$(names d)" = "d/uno d/z/ d/z/c/ d/z/link d/z/other d/z/two " ]
	exits 2 mv_ a d nowhere
	exits 0 mv_ d/z/two /
	[ "$(content two)" = two ]
	# The tree is sound also for who loads it anew.
	exits 0 "$MODELVAULT" verify v
}

@test "mv: nothing is replaced without --replace, a directory never" {
	exits 1 mv_ a/one a/b/two
	[[ $output == *"--replace"* ]]
	[ "$(content a/b/two)" = two ]
	exits 0 mv_ a/one a/b/two --replace
	[ "$(content a/b/two)" = one ]
	[ "$(find v/objects -type f | wc -l)" -eq 1 ]
	exits 1 mv_ a/b/two a/b/other --replace
	[[ $output == *"one file"* ]]
	exits 1 mv_ a/b/two a/b/two --replace
	echo x >c
	"$MODELVAULT" import v c 2>>said
	exits 1 mv_ c a/b --replace
	[[ $output == *"directory"* ]]
	exits 1 mv_ a/b c --replace
	[ "$(content c)" = x ]
	exits 0 mv_ a/b/link c --replace
	[ "$(names c)" = "c " ]
	exits 0 "$MODELVAULT" verify v
}

@test "mv: not into itself, not the root, not to a name that may not be" {
	exits 1 mv_ a a/b/c
	[[ $output == *"into itself"* ]]
	exits 1 mv_ / x
	exits 1 mv_ a/one a/..
	exits 1 mv_ a/one "$(printf 'x%.0s' {1..256})"
	exits 1 mv_ a/one nodir/x
	exits 1 mv_ a/one a/b/two/x
	exits 0 mv_ a/one "$(printf 'x%.0s' {1..255})"
	exits 2 mv_ a
}

@test "mv: admins only, each on record" {
	mounted v m
	exits 3 as_user mvalice "$MODELVAULT" mv "$T/v" a/one a/x
	exits 3 as_user mvalice "$MODELVAULT" mkdir "$T/v" x
	exits 0 mv_ a/one a/x
	exits 1 mv_ a/x a/b/two
	run "$MODELVAULT" audit v --action move --json
	[ "$(jq -rs 'map("\(.path) \(.outcome) \(.reason) \(.detail)") | .[]' <<<"$output")" = \
"a/one allow role intent, to a/x
a/one allow role done, to a/x
a/x allow role intent, to a/b/two
a/x error role failed, to a/b/two" ]
	"$MODELVAULT" audit v verify
}

@test "mkdir: one, several, with -p those above too" {
	exits 0 mkdir_ n /n/m/
	exits 1 mkdir_ n
	[[ $output == *"n: it is there already"* ]]
	exits 6 mkdir_ p/q
	[[ $output == *"-p"* ]]
	exits 0 mkdir_ -p p/q/r n p/q
	exits 1 mkdir_ -p a/one
	exits 1 mkdir_ -p a/one/x
	exits 1 mkdir_ ..
	exits 1 mkdir_ -p x/../y
	exits 1 mkdir_ /
	exits 1 mkdir_ n new
	[ "$(names n)" = "n/m/ " ]
	[ "$(names p)" = "p/q/ p/q/r/ " ]
	[ "$(names new)" = "" ]
	run "$MODELVAULT" audit v --action mkdir --json
	grep -q '"path":"n/m".*"outcome":"allow".*"detail":"done"' <<<"$output"
}
