#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# import --remove-source: a source goes when its object was read back from the disk, and only then.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	"$MODELVAULT" grant v any read '**' >rule 2>>said
}

take_in() { "$MODELVAULT" import v "$@" --remove-source; }

make_tree() {
	mkdir -p tree/a/b tree/empty
	random_file tree/a/one 3000000
	: >tree/a/nil
	ln tree/a/one tree/a/b/two
	ln tree/a/one tree/three
	ln -s ../one tree/a/b/link
	ln -s /nowhere tree/dangling
	touch -d '2003-03-04 05:06:07.800000001' tree tree/a tree/a/b tree/empty
	cp -a tree kept
}

@test "the tree goes, and is in the vault whole" {
	make_tree
	exits 0 take_in tree
	[[ $output == *"2 files,"*" 10 sources removed"* ]]
	[ ! -e tree ]
	"$MODELVAULT" export v tree tree 2>>said
	diff -r --no-dereference kept tree
	[ "$(stat -c '%i' tree/three)" = "$(stat -c '%i' tree/a/one)" ]
	[ "$(stat -c %y tree tree/a tree/a/b tree/empty)" = "$(stat -c %y kept kept/a kept/a/b kept/empty)" ]
}

@test "through a server; from inside the directory; contents alone" {
	make_tree
	mounted v m
	cd tree
	exits 0 "$MODELVAULT" import ../v a ./three --remove-source
	[ "$(ls)" = "$(printf 'dangling\nempty')" ]
	cd ..
	exits 0 take_in tree/. --to rest
	[ -d tree ]
	[ -z "$(ls -A tree)" ]
	cmp m/a/b/two kept/three
	[ -d m/rest/empty ]
}

@test "what was in already goes too, once it was compared" {
	make_tree
	"$MODELVAULT" import v tree 2>>said
	# same size, same time, other bytes
	printf X | dd of=tree/three bs=1 seek=1234567 conv=notrunc status=none
	touch -r kept/three tree/three
	exits 1 take_in tree
	[[ $output == *"tree/"*"another file of this name, size and time"* ]]
	cmp tree/three tree/a/one
	[ ! -e tree/a/nil ]
	[ ! -e tree/dangling ]
	[ ! -e tree/empty ]
	rm -r tree && cp -a kept tree
	exits 0 take_in tree
	[ ! -e tree ]
}

@test "an admin who compares what he may not read with a guess of his does so on record" {
	root_only "a second user is served by root's server only"
	local guess
	echo 4711 >pin
	"$MODELVAULT" import v pin 2>>said
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	mounted v m 2>>said
	"$MODELVAULT" role m add admin user:mvalice 2>>said
	for guess in 4710 4711; do
		echo $guess >guess && touch -r pin guess && mkdir -p mine && cp -p guess mine/pin
		chown -R mvalice mine
		run as_user mvalice "$MODELVAULT" import "$T/m" "$T/mine/pin" --remove-source
	done
	refused as_user mvalice cat "$T/m/pin"
	run "$MODELVAULT" audit m --user mvalice --action import --path pin --json
	[ "$(jq -r .detail <<<"$output" | grep compared)" = $'compared with a source: another\ncompared with a source: the same' ]
}

@test "an object that does not read back keeps its source" {
	random_file f 3000000
	"$MODELVAULT" import v f 2>>said
	object=$(find v/objects -type f -size +1M)
	printf X | dd of="$object" bs=1 seek=1500000 conv=notrunc status=none
	exits 5 take_in f
	[[ $output == *"f: its object was read back"* ]]
	[ -f f ]
}

@test "a source that changes meanwhile is left, named, exit 1" {
	local i
	mkdir tree
	random_file tree/big 60000000
	random_file tree/other 1000
	mounted v m
	# by a write, a touch, a chmod, another file of the name: while it is read or checked
	for change in 'printf X | dd of=tree/big bs=1 conv=notrunc status=none' 'touch tree/big' \
		'chmod 640 tree/big' 'cp -a tree/big tree/new && mv tree/new tree/big'; do
		take_in tree --replace >out 2>&1 &
		local import=$!
		wait_for 5 eval 'find v/objects -type f -size +1M | grep -q .'
		eval "$change"
		local status=0
		wait $import || status=$?
		[ "$status" -eq 1 ]
		grep -q 'tree/big: ' out
		[ -f tree/big ]
		# Only what was read before the change came in.
		"$MODELVAULT" rm v -r tree 2>>said || true
	done
}

@test "a source that changes in the last moment is left; who would write it then waits" {
	local import status
	random_file f 1000
	mounted v m
	trace() {
		: >calls
		strace -f -qq -o calls -e "trace=fcntl,$1" -e "inject=$1:delay_$2" "$MODELVAULT" import v f \
			--remove-source --replace >out 2>&1 3>&- &
		import=$!
		wait_for 20 grep -q 'F_SETLEASE, F_RDLCK' calls
	}
	# When it was seen that nobody has it open to write: the look at it comes last.
	trace fcntl exit=500000
	chmod 640 f
	status=0
	wait $import || status=$?
	[ "$status" -eq 1 ]
	cat out
	grep -q 'f: it is in the vault, but changed meanwhile, and was left where it is$' out
	[ -f f ]
	# What is written is never lost with the name: it waits until that is gone.
	trace unlinkat enter=2000000
	run ! dd if=/dev/zero of=f bs=1 count=1 conv=notrunc,nocreat oflag=nonblock
	[[ $output == *"temporarily unavailable"* ]]
	[ -f f ]
	dd if=/dev/zero of=f bs=1 count=1 conv=notrunc,nocreat &
	wait $import
	[ ! -e f ]
	"$MODELVAULT" verify v
}

@test "who has it open to write keeps it" {
	random_file f 1000
	exec 9>>f
	exits 1 take_in f
	[[ $output == *"open to write"* ]]
	[ -f f ]
	exec 9>&-
	exits 0 take_in f
	[ ! -e f ]
}

@test "nothing outside is touched: links, skipped files, what cannot be imported" {
	mkdir -p tree/sub outside
	echo x >outside/x
	ln -s ../outside tree/away
	echo skip >tree/skip
	"$MODELVAULT" import v tree/skip --to tree 2>>said
	echo other >tree/skip
	mkfifo tree/sub/pipe
	echo y >tree/sub/y
	exits 1 take_in tree --skip
	[[ $output == *"tree/sub/pipe"* ]]
	[ -f outside/x ]
	[ ! -e tree/away ]
	[ -f tree/skip ]
	[ -p tree/sub/pipe ]
	[ ! -e tree/sub/y ]
	exits 2 take_in - --to z </dev/null
	exits 2 take_in tree --dereference
}

@test "killed at any moment, every file is in the vault or where it was" {
	local i n=8
	[ -z "${FULL:-}" ] || n=100
	for ((i = 0; i < n; i++)); do
		rm -rf tree kept
		make_tree
		"$MODELVAULT" import v tree --to "$i" --remove-source 2>/dev/null &
		sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
		kill -KILL $! 2>/dev/null || true
		wait $! || true
		[ ! -e tree ] || exits 0 take_in tree --to "$i"
		[ ! -e tree ]
		rm -rf back && "$MODELVAULT" export v "$i/tree" back 2>>said
		diff -r --no-dereference kept back
	done
	exits 0 "$MODELVAULT" verify v
}
