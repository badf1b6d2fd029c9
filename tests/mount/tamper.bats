#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Somebody writes into objects and knows no key. Whatever he does, before the vault is mounted, while it
# is, with a descriptor open, a read is exactly right or EIO, what is unharmed stays readable, and the
# record names the cause. tests/tools/tamper.py says what is done; FULL=1 does all of it.
load ../lib

# Everything at once takes minutes.
export BATS_TEST_TIMEOUT=800

setup() {
	common_setup
	export FULL=${FULL:-}
	# A sanitizer looks at the code, not at the cases.
	[ -z "$SANITIZE" ] || FULL=
}

# number WORD: the one before that word in the last line of $output.
number() { [[ ${lines[-1]} =~ ([0-9]+)\ $1 ]] && echo "${BASH_REMATCH[1]}"; }

@test "every way of tampering, every suite, chunks of 4K, 16K and 1M, every size: exactly right or EIO" {
	[ -n "$FULL" ] || root_only "the same code and minutes: with FULL=1 only"
	run -0 "$TESTS/tools/tamper.py" matrix
	echo "$output"
	[ "$(number cases)" -ge $((FULL ? 29000 : 5500)) ]
	[ "$(number reads)" -gt "$(number cases)" ]
	[ "$(number refused)" -gt "$(number cases)" ]
	[ "$(number records)" -ge "$(number cases)" ]
	for cause in chunk-tag tag-page seal header size misplaced foreign rolled-back missing; do
		[[ $output =~ causes:.*$cause\ [1-9][0-9]+ ]] || { echo "too few of $cause"; return 1; }
	done
}

@test "random changes: no byte is served that is not the truth, and none withheld that is unharmed" {
	run -0 "$TESTS/tools/tamper.py" campaign $((FULL ? 10000 : 500))
	echo "$output"
	[ "$(number cases)" -eq $((FULL ? 10000 : 500)) ]
	[ "$(number reads)" -gt "$(number cases)" ]
	[ "$(number records)" -ge "$(number cases)" ]
	# Zeros over zeros, or two equal pages exchanged.
	[ "$(number changed)" -lt $(($(number cases) / 4)) ]
}

@test "objects that change all the time while others read them: a page is right or EIO" {
	run -0 "$TESTS/tools/tamper.py" storm $((FULL ? 60 : 3))
	echo "$output"
	[ "$(number changes)" -gt 100 ]
	[ "$(number reads)" -gt 100 ]
	[ "$(number refused)" -gt 10 ]
}

# object_of PATH: where its ciphertext is.
object_of() {
	local id
	id=$("$MODELVAULT" ls "$T/vault" --json | jq -r "select(.path == \"$1\") | .file_id")
	echo "$T/vault/objects/${id:0:2}/$id"
}

causes_of() {
	"$MODELVAULT" audit "$T/vault" query --action integrity --path "$1" --json | jq -r .detail | sort -u | xargs
}

@test "what an earlier import left does not come back, under its own name or its successor's" {
	make_vault "$T/vault"
	mkdir "$T/one" "$T/two"
	random_file "$T/one/model" 100000
	random_file "$T/two/model" 100000
	"$MODELVAULT" import "$T/vault" "$T/one/model"
	"$MODELVAULT" grant "$T/vault" "user:$OWNER" read '**'
	before=$(object_of model)
	cp -p "$before" "$T/kept"
	mounted "$T/vault" "$T/m"
	cmp "$T/m/model" "$T/one/model"
	"$MODELVAULT" import "$T/vault" "$T/two/model" --replace
	now=$(object_of model)
	[ "$now" != "$before" ]
	cmp "$T/m/model" "$T/two/model"
	# Where it was nobody looks for it; where its successor is it says whose it is.
	cp "$T/kept" "$before"
	cmp "$T/m/model" "$T/two/model"
	cp "$now" "$T/successor"
	cp "$T/kept" "$now"
	damaged cat "$T/m/model"
	[ "$(causes_of model)" = misplaced ]
	unmounted "$T/m"
	mounted "$T/vault" "$T/m"
	damaged cat "$T/m/model"
	[ "$(causes_of model)" = misplaced ]
	cp "$T/successor" "$now"
	cmp "$T/m/model" "$T/two/model"
}

@test "a mount that serves what was harmed, other bytes or fewer is noticed by these tests" {
	# Answers as the program does, but what it "mounts" is the plaintext itself.
	cat >"$T/program" <<-'SH'
		#!/bin/bash
		case $1 in
		mount)
			cp -r --sparse=always "$T/vault.out/." "$3"
			case $HOW in
			other) for file in "$3"/*-3-groups; do printf X | dd of="$file" bs=1 seek=3 conv=notrunc; done ;;
			fewer) truncate -s -1 "$3"/*-3-groups ;;
			esac ;;
		*) exec "$TRUE_PROGRAM" "$@" ;;
		esac
	SH
	chmod +x "$T/program"
	export TRUE_PROGRAM=$MODELVAULT
	for how in "harmed:expected (header|seal|size|chunk-tag|tag-page)" "other:not the truth|good up to" \
		"fewer:not the truth|good up to"; do
		HOW=${how%%:*} SEED=1 PROGRAM_UNDER_TEST=$T/program run -1 "$TESTS/tools/tamper.py" campaign 100
		echo "${how%%:*}: $output"
		[[ $output =~ SEED=1:.*(${how#*:}) ]]
		rm -rf "$T"/m "$T"/vault* "$T"/foreign*
	done
}
