#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A local user without any rule who tries to hang the server, or to keep an admin from taking a rule
# back. His means: a FUSE of his own that never answers, and as many connections as he likes.

load ../lib

setup() {
	common_setup
	mkdir -p tree/dir/below hung
	echo 'for those with a rule' >tree/file
	echo 'below' >tree/dir/below/file
	random_file tree/large 3000000
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree/file tree/dir tree/large 2>/dev/null
	mounted vault m 2>/dev/null
	R=$("$MODELVAULT" grant vault user:mvalice read '**' 2>/dev/null)
	S=$(socket_of vault)
	V=$(stat -c %d:%i vault)
	PIDS=()
}

teardown() {
	local pid
	for pid in "${PIDS[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	umount -l "$T/hung" 2>/dev/null
	common_teardown
}

# hanging CALL: mvbob's file hung/f, where CALL is never answered.
hanging() {
	"$TOOLS/hang_fuse" "$T/hung" 5002 100 "$1" 3>&- &
	PIDS+=($!)
	wait_for 5 grep -qF " $T/hung " /proc/mounts
}

# bob HANG_WITH-ARGUMENTS...: at work in the background, his answers in the file `answers`.
bob() {
	setpriv --reuid 5002 --regid 100 --clear-groups "$TOOLS/hang_with" "$@" >answers 2>&1 3>&- &
	PIDS+=($!)
}

# request FIELD...: TEXT becomes a control message to this server.
request() { printf -v TEXT '%s\n' v=1 "$@" "vault=$V" ''; }

@test "who holds a directory's lock stops no revocation" {
	root_only "a second user is served by root's server only"
	hanging read
	bob getdents "$T/m" "$T/hung/f"
	sleep 0.5
	as_user mvalice cat m/file
	cp tree/file more
	timeout 10 "$MODELVAULT" import vault more
	timeout 10 "$MODELVAULT" rm vault more
	timeout 10 "$MODELVAULT" revoke vault "$R"
	refused as_user mvalice timeout 10 cat m/file
}

@test "what was removed is gone at once, and what replaces it is there at once" {
	local i
	ln -s file tree/link
	"$MODELVAULT" import vault tree/link
	"$MODELVAULT" grant vault "user:$OWNER" read '**'
	for i in 1 2 3; do
		[ "$(cat m/dir/below/file)" = below ]
		[ "$(readlink m/link)" = file ]
		"$MODELVAULT" rm vault -r dir link
		[ ! -e m/dir ]
		[ ! -L m/link ]
		run cat m/dir/below/file
		[[ $output == *"No such file"* ]]
		ln -sfn "other$i" tree/link
		"$MODELVAULT" import vault tree/dir tree/link
		[ "$(readlink m/link)" = "other$i" ]
		[ "$(cat m/dir/below/file)" = below ]
		"$MODELVAULT" rm vault link
		ln -sfn file tree/link
		"$MODELVAULT" import vault tree/link
	done
}

@test "a passed descriptor whose close hangs shuts nobody else out" {
	root_only "a second user is served by root's server only"
	hanging flush
	request verb=ls
	# The descriptor goes with the last byte: of a message that never becomes whole.
	bob pass "$S" "$T/hung/f" "${TEXT}x" 0
	sleep 1
	timeout 10 "$MODELVAULT" status vault
	timeout 10 "$MODELVAULT" revoke vault "$R"
	# Nor is the vault kept from its next server.
	timeout 20 "$MODELVAULT" umount m
	timeout 20 "$MODELVAULT" mount vault m
	timeout 20 "$MODELVAULT" umount m
}

@test "a descriptor that hangs when it is looked at is decided on all the same" {
	root_only "a second user is served by root's server only"
	hanging getattr
	request verb=export-file path=file
	bob pass "$S" "$T/hung/f" "$TEXT" 5
	wait_for 5 grep -q 'exit=3' answers
	timeout 20 "$MODELVAULT" umount m
}

@test "a reader who stopped reading keeps no server from ending" {
	as_user mvalice "$MODELVAULT" export vault large - 3>&- > >(exec sleep 20 >/dev/null 2>&1 3>&-) &
	PIDS+=($!)
	sleep 1
	timeout 20 "$MODELVAULT" umount m
	timeout 20 "$MODELVAULT" mount vault m
}

@test "many uids of one person leave root a connection" {
	local uid
	for uid in 70001 70002 70003 70004 70005; do
		for _ in {1..16}; do
			setpriv --reuid "$uid" --regid 100 --clear-groups \
				"$TOOLS/hang_with" pass "$S" /dev/null x 25 >/dev/null 2>&1 3>&- &
			PIDS+=($!)
		done
	done
	sleep 2
	timeout 10 "$MODELVAULT" revoke vault "$R"
}

@test "the value of an extended attribute is for readers" {
	root_only "a second user is served by root's server only"
	touch tree/file
	setfattr -n user.recipe -v secret tree/file
	"$MODELVAULT" import vault tree/file --replace
	[ "$(as_user mvalice getfattr --only-values -n user.recipe m/file)" = secret ]
	refused as_user mvbob getfattr --only-values -n user.recipe m/file
	run as_user mvbob getfattr -n user.absent m/file
	[[ $output == *"No such attribute"* ]]
}

@test "a user's server has root end no process but his own" {
	local victim
	root_only "it is root who asks another user's server"
	mkdir his && chown mvbob his
	as_user mvbob "$MODELVAULT" init "$T/his/vault" --new-key-file "$T/his/key" 2>/dev/null
	sleep 60 3>&- &
	PIDS+=($!)
	victim=$!
	names_to_end "$victim"
	exits 0 "$MODELVAULT" revoke his/vault 1 --kill
	kill -0 "$victim"
	setpriv --reuid mvbob --clear-groups sleep 60 3>&- &
	PIDS+=($!)
	victim=$!
	wait_for 5 grep -qx sleep "/proc/$victim/comm"
	names_to_end "$victim"
	exits 0 "$MODELVAULT" revoke his/vault 1 --kill
	[[ $output == *"pid $victim: asked to end"* ]]
	rm -rf /tmp/modelvault-5002
}
# names_to_end PID: what mvbob's server answers from now on.
names_to_end() {
	[ ! -s server ] || kill -KILL "$(cat server)"
	rm -f listening
	rm -rf /tmp/modelvault-5002
	setpriv --reuid mvbob --clear-groups "$TESTS/tools/false_server.py" \
		"/tmp/modelvault-5002/$(cut -d' ' -f3 his/vault/id).sock" "$1" >listening 3>&- &
	echo $! >server
	PIDS+=($!)
	wait_for 5 grep -qs listening listening
}

@test "a server that is ended in a storm of opens ends with a record" {
	local pid i
	for i in 1 2 3 4 5; do
		"$TOOLS/open_storm" "$T/m/file" 5001 2>/dev/null 3>&- &
		PIDS+=($!)
		"$TOOLS/open_storm" "$T/m/file" 5002 2>/dev/null 3>&- &
		PIDS+=($!)
		sleep 0.5
		pid=$(sed 's/pid //' vault/lock)
		kill -TERM "$pid"
		wait_for 10 test ! -d "/proc/$pid"
		[ "$("$MODELVAULT" audit vault query --action stop --count)" -eq "$i" ]
		timeout 20 "$MODELVAULT" mount vault m
	done
}

@test "an answer to a name that comes after the mount has gone harms nobody" {
	root_only "root alone may trace a server"
	local pid
	"$MODELVAULT" umount m 2>/dev/null
	wait_for 10 test ! -S "$S"
	# What is used after it was freed is not what it was. Leaks cannot be looked for in who is traced.
	MALLOC_PERTURB_=165 ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" "$MODELVAULT" mount vault m 2>/dev/null
	pid=$(sed 's/pid //' vault/lock)
	strace -f -qq -o calls -e trace=writev -e inject=writev:delay_enter=1000000 -p "$pid" 2>traced 3>&- &
	PIDS+=($!)
	wait_for 10 grep -q "^TracerPid:.*[1-9]" "/proc/$pid/status"
	stat m/dir >/dev/null 2>&1 3>&- &
	PIDS+=($!)
	wait_for 10 grep -q writev calls
	"$MODELVAULT" umount --force m 2>/dev/null
	wait_for 10 test ! -d "/proc/$pid"
	grep -q 'writev(.* = -1 ENOENT' calls
	[ "$("$MODELVAULT" audit vault query --order newest --limit 1 --json | jq -r .action)" = stop ]
}
