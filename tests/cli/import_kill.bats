#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# import killed at random instants, its server too: the next run reads nothing that is in, leaves
# nothing behind, and the tree is the source. FULL=1: 200 instants, else 12, half of them each.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	"$MODELVAULT" grant v any read '**' >rule 2>>said
	ROUNDS=6
	[ -z "${FULL:-}" ] || ROUNDS=100
	local i
	mkdir -p src/sub/deep src/empty
	for i in {1..40}; do random_file src/$i $((i * 2000)); done
	for i in 1 2 3; do random_file src/sub/big$i 3000000; done
	: >src/sub/nil
	ln src/1 src/sub/deep/one
	ln src/1 src/sub/deep/uno
	ln -s ../../1 src/sub/deep/link
	touch -d '2003-03-04 05:06:07.800000001' src src/sub src/sub/deep src/empty
}

sound() {
	[ -z "$(ls -A v/objects/.new)" ]
	diff <("$MODELVAULT" ls v --json | jq -r 'select(.file_id) | .file_id' | sort -u) \
		<(find v/objects -type f -printf '%f\n' | sort)
}

print() { (cd "$1" && find . -printf '%p %y %m %n %T@ %l\n' | sort); }

# The second run, with every read of a source written down.
second_run() {
	"$MODELVAULT" ls v --json 2>/dev/null | jq -r 'select(.type == "file") | .path' | sort >in || true
	strace -f -y -qq -e trace=read,pread64,preadv,preadv2 -o trace "$MODELVAULT" import v src 2>said2
	grep -o "<$T/src/[^>]*>" trace | sed "s,^<$T/,,; s,>\$,," | sort -u >read
	[ -z "$(comm -12 in read)" ] || { echo "read again: $(comm -12 in read)"; return 1; }
	sound
}

@test "the command alone" {
	local round
	for ((round = 0; round < ROUNDS; round++)); do
		"$MODELVAULT" import v src 2>/dev/null &
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))$((RANDOM % 10))"
		kill -KILL $! 2>/dev/null || true
		wait $! || true
		second_run
		"$MODELVAULT" export v src out 2>>said
		diff -r --no-dereference src out
		diff <(print src) <(print out)
		rm -r out
		"$MODELVAULT" rm v -r src
	done
	exits 0 "$MODELVAULT" verify v
}

@test "the server, or the command, or both" {
	local round server
	for ((round = 0; round < ROUNDS; round++)); do
		mounted v m 2>>said
		server=$(sed -n 's/^pid //p' v/lock)
		"$MODELVAULT" import v src 2>/dev/null &
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))$((RANDOM % 10))"
		[ $((round % 3)) -eq 0 ] || kill -KILL "$server"
		[ $((round % 3)) -eq 1 ] || kill -KILL $! 2>/dev/null || true
		wait $! || true
		if [ $((round % 3)) -eq 0 ]; then
			timeout 20 "$MODELVAULT" umount m
		else
			umount -l m
		fi
		wait_for 10 eval '! kill -0 '"$server"' 2>/dev/null'
		second_run
		"$MODELVAULT" export v src out 2>>said
		diff -r --no-dereference src out
		diff <(print src) <(print out)
		rm -r out
		"$MODELVAULT" rm v -r src
	done
	exits 0 "$MODELVAULT" verify v
	"$MODELVAULT" audit v verify
}
