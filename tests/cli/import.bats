#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# import: names as by cp -r, everything a tree holds, resuming, and what is refused.
load ../lib

setup() {
	common_setup
	make_vault "$T/v"
	"$MODELVAULT" grant v user:root read '**'
}

# out: the vault's root, exported to $T/out.
out() { rm -rf out && "$MODELVAULT" export v / out; }

make_tree() {
	mkdir -p models/deep/er models/empty
	random_file models/one 100000
	random_file models/deep/er/chunked 2200001
	: >models/deep/nil
	ln -s ../one models/deep/link
	ln -s /nowhere models/dangling
	touch -d '2001-02-03 04:05:06.789012345' models/one
	chmod 640 models/one
	chmod 711 models/deep
	touch -d '2002-03-04 05:06:07.800000001' models/deep models/empty models
}

@test "a tree comes back as it was" {
	make_tree
	exits 0 "$MODELVAULT" import v models
	[[ $output == *"3 files"* && $output == *"modelvault mount"* ]]
	out
	diff -r --no-dereference models out/models
	[ "$(stat -c '%a %y' models/one)" = "$(stat -c '%a %y' out/models/one)" ]
	[ "$(stat -c '%a %y' models/deep)" = "$(stat -c '%a %y' out/models/deep)" ]
	[ "$(stat -c %Y models)" = "$(stat -c %Y out/models)" ]
	[ -d out/models/empty ]
	[ "$(readlink out/models/dangling)" = /nowhere ]
}

@test "names are those of cp -r" {
	make_tree
	exits 0 "$MODELVAULT" import v models --to a/b
	exits 0 "$MODELVAULT" import v models/. --to c
	exits 0 "$MODELVAULT" import v models/one models/deep/ --to /d/
	out
	diff -r --no-dereference models out/a/b/models
	diff -r --no-dereference models out/c
	cmp models/one out/d/one
	diff -r --no-dereference models/deep out/d/deep
}

@test "any byte in a name, and 255 of them" {
	mkdir n
	local odd long
	odd=$'\x01\x7f\xff\n *?[\\' long=$(printf 'x%.0s' {1..255})
	echo 1 >"n/$odd"
	echo 2 >"n/$long"
	exits 0 "$MODELVAULT" import v n
	out
	[ "$(cat "out/n/$odd")" = 1 ]
	[ "$(cat "out/n/$long")" = 2 ]
}

@test "hard links stay one file" {
	mkdir h
	random_file h/a 5000
	ln h/a h/b
	exits 0 "$MODELVAULT" import v h
	run "$MODELVAULT" ls v h --json
	[ "$(grep -o '"file_id":[^,]*' <<<"$output" | sort -u | wc -l)" -eq 1 ]
	exits 0 "$MODELVAULT" import v h
	[[ $output == *"0 files"* ]]
}

@test "--dereference follows links, and a loop of them ends" {
	mkdir d
	echo x >real
	ln -s ../real d/l
	ln -s . d/loop
	exits 1 "$MODELVAULT" import v d --dereference
	[[ $output == *"d/loop"* ]]
	out
	[ ! -L out/d/l ]
	[ "$(cat out/d/l)" = x ]
}

@test "a second run reads nothing that is in" {
	make_tree
	exits 0 "$MODELVAULT" import v models
	local before
	before=$("$MODELVAULT" ls v models --json)
	exits 0 "$MODELVAULT" import v models
	[[ $output == *"0 files, 0 bytes"* && $output == *"3 were there already"* ]]
	[ "$("$MODELVAULT" ls v models --json)" = "$before" ]
}

@test "another file of the name: refused, skipped or replaced" {
	echo old >f
	exits 0 "$MODELVAULT" import v f
	echo newer >f
	exits 1 "$MODELVAULT" import v f
	[[ $output == *"f: "*"--replace"* ]]
	exits 0 "$MODELVAULT" import v f --skip
	[ "$("$MODELVAULT" export v f -)" = old ]
	exits 0 "$MODELVAULT" import v f --replace
	[ "$("$MODELVAULT" export v f -)" = newer ]
	[ "$(find v/objects -type f | wc -l)" -eq 1 ]
	exits 2 "$MODELVAULT" import v f --skip --replace
}

@test "standard input" {
	random_file big 3000001
	exits 0 "$MODELVAULT" import v - --to a/b/name < <(cat big)
	"$MODELVAULT" export v a/b/name - | cmp - big
	exits 2 "$MODELVAULT" import v - </dev/null
	exits 2 "$MODELVAULT" import v - big --to x </dev/null
}

@test "what is no file is named, and the rest goes on" {
	mkdir k
	mkfifo k/pipe
	echo x >k/file
	exits 1 "$MODELVAULT" import v k
	[[ $output == *"k/pipe"* && $output == *"1 file,"* ]]
	exits 1 "$MODELVAULT" import v k/file missing
	[[ $output == *"missing"* ]]
	exits 6 "$MODELVAULT" import v missing
}

@test "the vault is not imported into itself" {
	exits 2 "$MODELVAULT" import v v
	exits 2 "$MODELVAULT" import v v/objects
	mkdir -p around/sub
	mounted v around/m
	exits 2 "$MODELVAULT" import v around/m
	exits 1 "$MODELVAULT" import v around
	[[ $output == *"around/m"* ]]
	[ -d around/m/around/sub ]
}

@test "into a served vault: seen when the command returns, by admins only" {
	make_tree
	mounted v m
	exits 0 "$MODELVAULT" import v models
	[[ $output != *"modelvault mount"* ]]
	cmp models/deep/er/chunked m/models/deep/er/chunked
	echo 2 >models/two
	exits 0 "$MODELVAULT" import v models
	[ "$(cat m/models/two)" = 2 ]
	random_file piped 2000000
	exits 0 "$MODELVAULT" import v - --to piped < <(cat piped)
	cmp piped m/piped
	exits 3 as_user mvalice "$MODELVAULT" import "$T/v" /etc/passwd
}

@test "who has a replaced file open goes on reading it" {
	random_file f 4000000
	cp f old
	"$MODELVAULT" import v f
	mounted v m
	exec 9<m/f
	random_file f 5000000
	exits 0 "$MODELVAULT" import v f --replace
	cmp - old <&9
	exec 9<&-
	cmp f m/f
}

@test "killed on the way: nothing half, and the next run goes on" {
	mkdir many
	for i in {1..300}; do random_file "many/$i" 3000; done
	"$MODELVAULT" import v many 2>/dev/null &
	sleep 0.15
	kill -KILL $!
	wait $! || true
	exits 0 "$MODELVAULT" import v many
	out
	diff -r many out/many
	[ "$(find v/objects/.new -type f | wc -l)" -eq 0 ]
	[ "$(find v/objects -type f | wc -l)" -eq 300 ]
	exits 0 "$MODELVAULT" verify v
}

@test "on record: the intent, each file, the end" {
	echo x >f
	"$MODELVAULT" import v f --to d
	run "$MODELVAULT" audit v query --action import --json
	[ "$status" -eq 0 ]
	grep -q '"detail":"intent"' <<<"$output"
	grep -q '"path":"d/f".*"bytes":2' <<<"$output"
	grep -q '"detail":"done: 1 file, 2 bytes, 0 failed"' <<<"$output"
}
