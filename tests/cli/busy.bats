#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Two commands on one path come one after the other; the second waits 5 s, then says who is at it.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	mkdir -p d/e
	echo x >d/e/x
	"$MODELVAULT" import v d 2>>said
	"$MODELVAULT" grant v any read '**' >rule 2>>said
	mkfifo slow
}

# slow_import NAME: an import of NAME that goes on until fd 9 is closed.
slow_import() {
	"$MODELVAULT" import v - --to "$1" <slow 2>slow.said 9>&- 3>&- &
	IMPORT=$!
	exec 9>slow
	echo begins >&9
}

# waited START: 5 s have passed since, more or less.
waited() { [ "$((SECONDS - $1))" -ge 4 ] && [ "$((SECONDS - $1))" -le 15 ]; }

@test "a served vault: on the path, above it, below it; others go on" {
	mounted v m
	slow_import d/e/new
	wait_for 5 eval 'find v/objects/.new -type f | grep -q .'
	local start=$SECONDS
	exits 7 "$MODELVAULT" import v - --to d/e/new <d/e/x
	waited "$start"
	[[ $output == *"d/e/new: busy: import of d/e/new by process $IMPORT (uid 0)"* ]]
	exits 7 "$MODELVAULT" rm v -r d
	[[ $output == *"rm: d: busy: import of d/e/new"* ]]
	[ "$(cat m/d/e/x)" = x ]
	start=$SECONDS
	exits 0 "$MODELVAULT" rm v d/e/x
	exits 0 "$MODELVAULT" mkdir v d/f
	exits 0 "$MODELVAULT" import v d/e/x --to d/e
	[ "$((SECONDS - start))" -le 4 ]
	# The next one gets it as soon as it is free.
	"$MODELVAULT" mv v d/e z >moved 2>&1 9>&- &
	sleep 1
	echo ends >&9
	exec 9>&-
	wait $IMPORT
	wait $!
	[ "$(cat m/z/new)" = $'begins\nends' ]
}

@test "a vault that nobody serves is busy as a whole" {
	slow_import new
	wait_for 5 eval 'find v/objects/.new -type f | grep -q .'
	local start=$SECONDS
	exits 7 "$MODELVAULT" ls v
	waited "$start"
	[[ $output == *"in use by process $IMPORT"* ]]
	"$MODELVAULT" mkdir v later >made 2>&1 9>&- &
	sleep 1
	exec 9>&-
	wait $IMPORT
	wait $!
	"$MODELVAULT" ls v | grep -q '^later/'
}

# still_at PID: the command has not ended when a rule has been taken back.
still_at() {
	"$MODELVAULT" revoke v "$("$MODELVAULT" grant v any read nothing 2>/dev/null)" 2>>said
	kill -0 "$1"
}

@test "a revoke waits for no rm of many files, and for no rekey" {
	mkdir many
	for i in $(seq 500); do echo "$i" >"many/$i"; done
	"$MODELVAULT" import v many 2>>said
	echo 'correct horse' >pass
	"$MODELVAULT" key v add --new-passphrase-file pass 2>>said
	mounted v m
	"$MODELVAULT" rm v -r many 3>&- &
	wait_for 10 eval '[ "$(ls m/many | wc -l)" -lt 500 ]'
	still_at $!
	wait $!
	# Each passphrase that is tried takes a third of a second or more.
	for i in 1 2 3; do echo "$i" >"wrong.$i"; done
	"$MODELVAULT" key v rekey --key-file v.key --passphrase-file wrong.1 --passphrase-file wrong.2 \
		--passphrase-file wrong.3 --passphrase-file pass 2>>said 3>&- &
	wait_for 10 eval '"$MODELVAULT" audit v --action key --json | grep -q "intent.*rekey"'
	still_at $!
	wait $!
	unmounted m
	"$MODELVAULT" verify v --passphrase-file pass >>said
}
