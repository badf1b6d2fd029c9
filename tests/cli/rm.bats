#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What rm takes away, what it says when there is nothing to take, and its records.
load ../lib

setup() {
	common_setup
	make_vault "$T/vault" 2>"$T/said"
	mkdir -p "$T/tree/below" "$T/tree/empty"
	echo one >"$T/tree/one"
	echo two >"$T/tree/below/two"
	"$MODELVAULT" import "$T/vault" "$T/tree" 2>>"$T/said"
}

rm_() { "$MODELVAULT" rm "$T/vault" "$@"; }
details() { "$MODELVAULT" audit "$T/vault" --action remove --json | jq -rs 'map("\(.path) \(.outcome) \(.count) \(.detail)") | .[]'; }

@test "rm: exit 6 when nothing of it is there, 1 when only some is" {
	for names in nope 'nope tree/nope nowhere/x'; do
		# shellcheck disable=SC2086  # names
		run -6 rm_ $names
		[[ $output == *"nope: no such name"* && $output != *"trail"* ]]
	done
	run -1 rm_ nope tree/one
	run -6 rm_ tree/one
	echo one >"$T/tree/one"
	"$MODELVAULT" import "$T/vault" "$T/tree/one" --to tree 2>/dev/null
	run -1 rm_ tree/one nope
	run -0 "$MODELVAULT" ls "$T/vault" tree
	[[ $output == *below* && $output != *one* ]]
	run -1 rm_ tree nope
	[[ $output == *"-r removes all of it"* ]]
	[ "$(details | grep -c '^nope error 1 failed$')" = 5 ]
	"$MODELVAULT" audit "$T/vault" verify
}

@test "rm: a directory only when it is empty, or with -r" {
	run -0 rm_ tree/empty
	run -1 rm_ tree/below
	run -0 rm_ -r tree
	[ -z "$("$MODELVAULT" ls "$T/vault")" ]
	[ "$(details)" = "tree/empty allow 1 intent
tree/empty allow 1 done
tree/below allow 1 intent
tree/below error 1 failed
tree allow 1 intent, recursive
tree allow 2 done" ]
	[ -z "$(find "$T/vault/objects" -type f)" ]
}
