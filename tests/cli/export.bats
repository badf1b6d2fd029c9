#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# export: only what the rules allow, whole or not at all, on record.
load ../lib

setup() {
	common_setup
	make_vault "$T/v"
	mkdir -p src/sub
	random_file src/file 2200001
	echo two >src/sub/two
	ln -s file src/link
	"$MODELVAULT" import v src
}

@test "without a rule nothing leaves, a slot secret or not" {
	exits 3 "$MODELVAULT" export v src/file out
	[[ $output == *"no-rule"* && $output == *"modelvault explain"* ]]
	[ ! -e out ]
	exits 3 "$MODELVAULT" export v src out
	[ -z "$(find out -type f)" ]
	run "$MODELVAULT" audit v query --action export --json
	grep -q '"outcome":"deny".*"reason":"no-rule"' <<<"$output"
}

@test "what a refusal says to ask can be copied: a file's name is one word there" {
	local name="x'; touch made; '" asked
	echo text >"$name"
	"$MODELVAULT" import v "$name" 2>/dev/null
	refused "$MODELVAULT" export v "$name" out
	asked=$(sed -n 's/.*`modelvault \(.*\)` says by what.*/\1/p' <<<"$output")
	run bash -c "$MODELVAULT $asked"
	[[ $output == *no-rule* ]]
	[ ! -e made ]
}

@test "a file to a name, into a directory, to standard output" {
	"$MODELVAULT" grant v user:root read '**'
	mkdir dir
	exits 0 "$MODELVAULT" export v src/file name
	exits 0 "$MODELVAULT" export v /src/file dir
	"$MODELVAULT" export v src/file - | cmp - src/file
	cmp src/file name
	cmp src/file dir/file
	run "$MODELVAULT" audit v query --action export --json
	grep -q '"path":"src/file".*"outcome":"allow".*"bytes":2200001' <<<"$output"
}

@test "nothing is overwritten" {
	"$MODELVAULT" grant v user:root read '**'
	echo mine >name
	exits 1 "$MODELVAULT" export v src/file name
	[ "$(cat name)" = mine ]
	ln -s "$T/elsewhere" away
	exits 1 "$MODELVAULT" export v src/file away
	[ ! -e elsewhere ]
}

@test "not there is 6, a directory to standard output 2" {
	exits 6 "$MODELVAULT" export v nope out
	exits 2 "$MODELVAULT" export v src -
}

@test "damage: exit 5, and no part of the file is left" {
	"$MODELVAULT" grant v user:root read '**'
	local object
	object=$(find v/objects -type f -size +1M)
	printf X | dd of="$object" bs=1 seek=1500000 conv=notrunc status=none
	exits 5 "$MODELVAULT" export v src/file out
	[[ $output == *"chunk-tag"* ]]
	[ ! -e out ]
	[ -z "$(find . -maxdepth 1 -name '*.part')" ]
	exits 5 "$MODELVAULT" export v src dir
	[ "$(cat dir/sub/two)" = two ]
	[ ! -e dir/file ]
	"$MODELVAULT" export v src/file - >piece || true
	cmp -n "$(stat -c %s piece)" piece src/file
}

@test "a reader that goes away is no success" {
	"$MODELVAULT" grant v user:root read '**'
	set +o pipefail
	"$MODELVAULT" export v src/file - 2>err | head -c 10 >/dev/null
	[ "${PIPESTATUS[0]}" -eq 1 ]
	[ -s err ]
}

@test "from a served vault: each by his own rules" {
	mounted v m -o allow_other
	"$MODELVAULT" grant v user:mvalice read 'src/sub/**'
	mkdir -m 777 out
	exits 0 as_user mvalice "$MODELVAULT" export "$T/v" src/sub/two "$T/out/two"
	[ "$(cat out/two)" = two ]
	exits 3 as_user mvalice "$MODELVAULT" export "$T/v" src/file "$T/out/file"
	exits 3 as_user mvbob "$MODELVAULT" export "$T/v" src/sub/two "$T/out/three"
	exits 3 "$MODELVAULT" export v src/sub/two "$T/out/three"
	[ "$(ls out)" = two ]
	as_user mvalice "$MODELVAULT" export "$T/v" src/sub/two - | grep -qx two
}

@test "what it says of a tree, and of options that contradict each other" {
	"$MODELVAULT" grant v user:root read '**'
	exits 0 "$MODELVAULT" export v src out
	[[ $output == "2 files, 2.1 MiB exported." ]]
	exits 2 "$MODELVAULT" export v src out --skip --replace
}
