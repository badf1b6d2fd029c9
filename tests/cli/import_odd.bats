#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Sources that are odd, and disks that are full: what can be taken in is, the rest is named.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	"$MODELVAULT" grant v any read '**' >rule 2>>said
}

import() { "$MODELVAULT" import v "$@"; }

# sound: every row has its object, every object its row, nothing is left over.
sound() {
	[ -z "$(ls -A "$1/objects/.new")" ]
	diff <("$MODELVAULT" ls "$1" --json | jq -r 'select(.file_id) | .file_id' | sort -u) \
		<(find "$(readlink -f "$1/objects")" -type f -printf '%f\n' | sort)
}

@test "a hub cache: relative links into blobs stay links, and lead there in a mount" {
	local c=hub/models--org--name
	mkdir -p $c/blobs $c/snapshots/rev $c/refs
	random_file $c/blobs/aaaa 3000000
	echo '{}' >$c/blobs/bbbb
	ln -s ../../blobs/aaaa $c/snapshots/rev/model.safetensors
	ln -s ../../blobs/bbbb $c/snapshots/rev/config.json
	echo -n rev >$c/refs/main
	exits 0 import hub
	mounted v m
	cmp m/$c/snapshots/rev/model.safetensors $c/blobs/aaaa
	[ "$(readlink m/$c/snapshots/rev/config.json)" = ../../blobs/bbbb ]
	diff -r --no-dereference hub m/hub
}

@test "attributes, sparse files, times before 1970, modes" {
	mkdir odd
	random_file odd/x 5000
	setfattr -n user.a -v 1 odd/x
	setfattr -n user.b -v 0x00ff odd/x
	setfattr -n trusted.t -v no odd/x 2>>said || true
	setfattr -n user.d -v dir odd
	truncate -s 50M odd/sparse
	printf end | dd of=odd/sparse bs=1 seek=52428797 conv=notrunc status=none
	touch -d '1960-01-02 03:04:05.5' odd/x
	chmod 711 odd/x
	chmod 751 odd
	exits 0 import odd
	"$MODELVAULT" export v odd out 2>>said
	cmp odd/sparse out/sparse
	[ "$(stat -c '%a %y' odd/x)" = "$(stat -c '%a %y' out/x)" ]
	[ "$(getfattr -d -m - --absolute-names out/x | sed 1d)" = "$(getfattr -d -m '^user\.' --absolute-names odd/x | sed 1d)" ]
	[ "$(getfattr -d -m - --absolute-names out | sed 1d)" = "$(getfattr -d -m '^user\.' --absolute-names odd | sed 1d)" ]
	[ "$(stat -c %a out)" = 751 ]
}

@test "pipes, sockets, devices, what cannot be read or opened: named, the rest goes in" {
	mkdir -m 755 k
	echo fine >k/fine
	echo secret >k/secret
	chmod 600 k/secret
	mkdir -m 700 k/shut
	mkfifo k/pipe
	mknod k/null c 1 3
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("k/socket")'
	mounted v m -o allow_other
	rm -f -- k/x
	# an admin who is not root
	exits 1 import k
	for name in pipe null socket; do [[ $output == *"import: k/$name: it is a socket, pipe or device"* ]]; done
	[[ $output == *"2 files,"*"3 FAILED"* ]]
	"$MODELVAULT" rm v -r k
	make_vault "$T/own" 2>>said
	chown -R 5001 own own.key
	exits 1 as_user mvalice env MODELVAULT_KEY_FILE="$T/own.key" XDG_RUNTIME_DIR="$T/none" XDG_STATE_HOME="$T/own" \
		"$MODELVAULT" import "$T/own" "$T/k"
	[[ $output == *"k/secret: permission denied"* && $output == *"k/shut: permission denied"* && $output == *"1 file,"* ]]
}

@test "what vanishes or turns into a pipe while it is looked at keeps nobody waiting" {
	local i
	mkdir w
	for i in {1..400}; do echo "$i" >w/$i; done
	(for i in {400..1}; do rm -f w/"$i"; mkfifo w/"$i"; done) &
	local changer=$!
	run timeout 30 "$MODELVAULT" import v w
	[ "$status" -le 1 ]
	wait $changer
	exits 0 "$MODELVAULT" verify v
	sound v
}

@test "deeper than the vault goes: one line, and all above is in" {
	local here=$PWD
	mkdir deep
	cd deep
	python3 - <<-'PY'
		import os
		for i in range(1100):
		    os.mkdir("x"); open("f", "w").write("f"); os.chdir("x")
	PY
	cd "$here"
	exits 1 import deep
	[ "$(grep -c 'import: deep' <<<"$output")" -eq 1 ]
	[[ $output == *"it lies deeper than a vault goes"* && $output == *"1 FAILED"* ]]
	exits 0 "$MODELVAULT" export v deep out
	sound v
	find deep -depth -delete
}

@test "no room for the objects: named, nothing half, the next run goes on" {
	local i
	mkdir small src
	mount -t tmpfs -o size=8m none small
	"$MODELVAULT" init w --objects "$T/small/objects" --new-key-file w.key 2>>said
	export MODELVAULT_KEY_FILE=$T/w.key
	for i in 1 2 3 4; do random_file src/$i 3000000; done
	exits 1 "$MODELVAULT" import w src --remove-source
	[[ $output == *"No space left on device; make room"* ]]
	[ -z "$(ls -A small/objects/.new)" ]
	[ "$(($(find src -type f | wc -l) + $("$MODELVAULT" ls w --json | grep -c '"type":"file"')))" -eq 4 ]
	mount -o remount,size=40m small
	exits 0 "$MODELVAULT" import w src --remove-source
	[ ! -e src ]
	exits 0 "$MODELVAULT" verify w
}

@test "no room for the databases: named, nothing half, the next run goes on" {
	local i
	mkdir small src
	mount -t tmpfs -o size=24m none small
	"$MODELVAULT" init small/w --objects "$T/objects" --new-key-file w.key 2>>said
	export MODELVAULT_KEY_FILE=$T/w.key
	for i in {1..200}; do echo "$i" >src/$i; done
	# all but some hundred KiB
	head -c "$(($(stat -f -c '%a*%S' small) - 300000))" /dev/zero >small/fill
	exits 1 "$MODELVAULT" import small/w src
	[[ $output == *"make room"* || $output == *"No space left"* || $output == *"full"* ]]
	[ "$(ls src | wc -l)" -eq 200 ]
	rm small/fill
	exits 0 "$MODELVAULT" import small/w src
	[ "$("$MODELVAULT" ls small/w --json | grep -c '"type":"file"')" -eq 200 ]
	[ -z "$(ls -A objects/.new)" ]
	[ "$(find objects -type f | wc -l)" -eq 200 ]
	exits 0 "$MODELVAULT" verify small/w
	"$MODELVAULT" audit small/w verify
}
