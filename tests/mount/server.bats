#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The life of a server: how it starts, who may ask it what, how it ends, and what it does when the
# trail cannot be written.

load ../lib

setup() {
	common_setup
	mkdir tree
	echo 'plain text' >tree/file
	random_file tree/large 300000
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree 2>/dev/null
	mkdir m
}

teardown() {
	[ ! -f "$T/holder.pid" ] || kill -KILL "$(cat "$T/holder.pid")" 2>/dev/null || true
	common_teardown
	# The teardown of all leaves other file systems alone.
	if [ -d "$T" ]; then
		as_root rm -rf "$T"
	fi
}

grant() { "$MODELVAULT" grant vault "$@" 2>/dev/null; }
last() { "$MODELVAULT" audit vault query --json --order newest --limit 1 "$@"; }

says() {
	[ -n "$1" ] && jq -e "$2" <<<"$1" >/dev/null || { echo "record is not $2: $1"; return 1; }
}

server_pid() { "$MODELVAULT" status vault --json | jq -r 'select(.kind == "vault").pid'; }

has_open() { find "/proc/$(cat "$T/holder.pid")/fd" -lname "*$1" 2>/dev/null | grep -q .; }

# hold FILE: keeps it open as root until the test ends.
hold() {
	tail -f "$1" >/dev/null 3>&- &
	echo $! >"$T/holder.pid"
	wait_for 5 has_open "$1"
	wait_for 5 sh -c 'find "/proc/$1/fd" -lname "*/$2" | grep -q .' sh $! "$1"
}

@test "mount answers when it returns, umount when all is gone" {
	"$MODELVAULT" mount vault m
	mountpoint -q m
	[ "$(ls m)" = tree ]
	exits 0 "$MODELVAULT" umount m
	run ! mountpoint -q m
	[ -z "$(servers_of "$T/vault")" ]
	# The vault is free at once.
	"$MODELVAULT" ls vault >/dev/null
	for _ in 1 2 3 4 5; do
		"$MODELVAULT" mount vault m
		"$MODELVAULT" umount m
	done
}

@test "mounting a vault in which no rule allows anything says so" {
	[ -z "$("$MODELVAULT" mount vault m 2>said)" ]
	[[ $(cat said) == *"no rule allows anything yet"*"modelvault grant"* ]]
}

@test "umount of a busy mount lists the holders" {
	mounted vault m 2>/dev/null
	grant "user:$OWNER" read '**'
	hold m/tree/file
	exits 7 "$MODELVAULT" umount m
	[[ $output == *"busy"*"pid $(cat holder.pid)"*"tree/file"* ]]
	[ "$(cat m/tree/file)" = 'plain text' ]
	kill "$(cat holder.pid)"
	wait_for 5 "$MODELVAULT" umount m
	mounted vault m 2>/dev/null
	(cd m && exec sleep 60 >/dev/null 2>&1 3>&-) &
	echo $! >holder.pid
	exits 7 "$MODELVAULT" umount m
	[[ $output == *"working directory"* ]]
}

@test "a mount point must be an empty directory that is not one already" {
	exits 6 "$MODELVAULT" mount vault absent
	[[ $output == *absent*"make the directory"* ]]
	touch m/something
	exits 1 "$MODELVAULT" mount vault m
	[[ $output == *"not empty"* ]]
	rm m/something
	exits 2 "$MODELVAULT" mount vault tree/file
	exits 2 "$MODELVAULT" mount vault vault/objects
	exits 2 "$MODELVAULT" mount vault
	exits 2 "$MODELVAULT" mount vault m -o nonsense
	mounted vault m 2>/dev/null
	exits 7 "$MODELVAULT" mount vault m
	[[ $output == *"mount point already"* ]]
	exits 6 "$MODELVAULT" umount tree
	[ "$(ls m)" = tree ]
}

@test "what is no vault, or has another key, is not mounted" {
	exits 6 "$MODELVAULT" mount nowhere m
	[[ $output == *nowhere* ]]
	run "$MODELVAULT" mount tree m
	[ "$status" -ne 0 ]
	[[ $output == *"not a vault"* ]]
	"$MODELVAULT" init other --new-key-file other.key 2>/dev/null
	exits 4 "$MODELVAULT" mount vault m --key-file other.key
	exits 6 "$MODELVAULT" mount vault m --key-file absent.key
	run ! mountpoint -q m
	[ -z "$(servers_of "$T/vault")" ]
}

@test "a vault that another process holds without answering is busy, and that process is named" {
	local pid
	mounted vault m 2>/dev/null
	mkdir second
	pid=$(server_pid)
	mv "$(socket_of vault)" "$(socket_of vault).hidden"
	exits 7 "$MODELVAULT" mount vault second
	[[ $output == *"process $pid"* ]]
	exits 7 "$MODELVAULT" umount m
	mountpoint -q m
	run ! mountpoint -q second
	mv "$(socket_of vault).hidden" "$(socket_of vault)"
	"$MODELVAULT" umount m
}

@test "a second mount point is added by the same server" {
	local pid
	mkdir second
	mounted vault m 2>/dev/null
	grant "user:$OWNER" read '**'
	pid=$(server_pid)
	# No key is needed: the server has it.
	exits 0 env -u MODELVAULT_KEY_FILE "$MODELVAULT" mount vault second
	[[ $output == "mounted on $T/second. Unmount with: modelvault umount $T/second" ]]
	[ "$(server_pid)" = "$pid" ]
	[ "$("$MODELVAULT" status vault --json | jq -r 'select(.kind == "mount").mountpoint' | sort | tr '\n' ' ')" = \
		"$T/m $T/second " ]
	[ "$(cat m/tree/file second/tree/file | sort -u)" = 'plain text' ]
	"$MODELVAULT" umount m
	[ "$(cat second/tree/file)" = 'plain text' ]
	"$MODELVAULT" revoke vault 1 2>/dev/null
	refused cat second/tree/file
	"$MODELVAULT" umount second
	wait_for 2 process_ended "$pid"
}

@test "of ten mounts at once one makes the server" {
	local i pids=()
	mkdir at{1..10}
	for i in {1..10}; do
		"$MODELVAULT" mount vault "at$i" 2>>said 3>&- &
		pids+=($!)
	done
	for i in {1..10}; do
		# One that came while the first was starting may say busy; it has mounted nothing then.
		wait "${pids[$((i - 1))]}" && mountpoint -q "at$i" || run ! mountpoint -q "at$i"
	done
	[ "$(servers_of "$T/vault" | wc -l)" = 1 ]
	[ "$("$MODELVAULT" status vault --json | grep -c '"kind":"mount"')" = "$(mounts_below "$T" | wc -l)" ]
	[ "$(mounts_below "$T" | wc -l)" -ge 1 ]
	[ "$("$MODELVAULT" audit vault query --action start --count)" = 1 ]
}

@test "with a server, commands need no key but a role" {
	root_only "a second user is served by root's server only"
	mounted vault m 2>/dev/null
	chmod 755 vault
	unset MODELVAULT_KEY_FILE
	"$MODELVAULT" grant vault user:mvalice read '**' 2>/dev/null
	"$MODELVAULT" rules m | grep -q mvalice
	exits 3 as_user mvbob "$MODELVAULT" grant "$T/vault" user:mvbob read '**'
	says "$(last)" '.outcome == "deny" and .reason == "no-role" and .uid == 5002 and .via == "socket"'
	says "$(last)" '.action == "command" and .detail == "grant" and .pid > 0'
	exits 3 as_user mvbob "$MODELVAULT" revoke "$T/m" 1
	says "$(last)" '.outcome == "deny" and .reason == "no-role" and .uid == 5002 and .detail == "revoke"'
	exits 3 as_user mvbob "$MODELVAULT" audit "$T/m" query
	exits 3 as_user mvbob "$MODELVAULT" umount "$T/m"
	exits 3 as_user mvbob "$MODELVAULT" rm "$T/m" tree/file
	# The key file does not help against a role: the server decides by who asks.
	cp vault.key stolen.key
	chown mvbob stolen.key
	exits 3 as_user mvbob "$MODELVAULT" rules "$T/m" --key-file "$T/stolen.key"
	[ "$("$MODELVAULT" rules vault | wc -l)" = 1 ]
	mountpoint -q m
}

@test "SIGTERM unmounts, ends clean and says so at the next start" {
	local pid
	mounted vault m 2>/dev/null
	pid=$(server_pid)
	kill "$pid"
	wait_for 10 process_ended "$pid"
	run ! mountpoint -q m
	mounted vault m 2>/dev/null
	says "$(last --action start)" '.detail == "last stop clean"'
	"$MODELVAULT" audit vault verify
}

@test "SIGTERM ends a mount that is in use, open files and all" {
	local pid
	mounted vault m 2>/dev/null
	grant user:mvalice read '**'
	pid=$(server_pid)
	as_user mvalice bash -c 'exec 5<m/tree/file; read -r -u 5 -n 1; touch "$0/open"
		while [ -e "$0/open" ]; do sleep 0.1; done' "$T" >/dev/null 2>&1 3>&- &
	chmod 777 "$T"
	wait_for 5 test -e open
	kill "$pid"
	wait_for 5 process_ended "$pid"
	run ! grep -q " $T/m " /proc/self/mountinfo
	rm -f open
	# Nothing is lost: the close is on record, and the stop was clean.
	[ "$("$MODELVAULT" audit vault query --action close --user mvalice --count)" = 1 ]
	mounted vault m 2>/dev/null
	"$MODELVAULT" audit vault query --action start --order newest --limit 1 | grep -q 'last stop clean'
}

@test "after kill -9 umount clears the mount, and the next start says that the stop was not clean" {
	local pid
	mounted vault m 2>/dev/null
	grant "user:$OWNER" read '**'
	cat m/tree/file
	pid=$(server_pid)
	kill -KILL "$pid"
	wait_for 10 process_ended "$pid"
	run cat m/tree/file
	[[ $output == *"not connected"* ]]
	exits 0 "$MODELVAULT" umount m
	run ! mountpoint -q m
	mounted vault m 2>/dev/null
	[ "$(cat m/tree/file)" = 'plain text' ]
	says "$(last --action start)" '.detail | test("NOT clean")'
	"$MODELVAULT" audit vault verify
}

@test "mount works with stdin and stdout closed, and holds no terminal, directory or pipe" {
	root_only "a server hides its memory and its links from its own user"
	local pid
	"$MODELVAULT" mount vault m <&- >&- 2>/dev/null
	[ "$(ls m)" = tree ]
	pid=$(server_pid)
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	[ "$(readlink "/proc/$pid"/fd/[012] | sort -u)" = /dev/null ]
	[ "$(ps -o tty= -p "$pid")" = '?' ]
	"$MODELVAULT" umount m
	# Nothing of the caller's stays open: a pipe ends with the command.
	[ "$("$MODELVAULT" mount vault m 2>&1 | wc -l)" -ge 1 ]
	"$MODELVAULT" umount m
	"$MODELVAULT" mount vault m <&- >&- 2>&-
	mountpoint -q m
}

@test "mount -f stays until it is unmounted" {
	"$MODELVAULT" mount vault m -f 2>/dev/null 3>&- &
	wait_for 10 mountpoint -q m
	[ "$(ls m)" = tree ]
	"$MODELVAULT" umount m
	wait $!
}

# alice COMMAND...: as mvalice, who may use fusermount3, which as_user's no-new-privs forbids.
alice() {
	inside setpriv --reuid mvalice --regid 100 --init-groups env -u MODELVAULT_KEY_FILE \
		-u XDG_RUNTIME_DIR -u XDG_STATE_HOME HOME="$T/home" USER=mvalice LOGNAME=mvalice "$@"
}

@test "a user's own vault needs no root and shows nothing to anybody else" {
	root_only "it needs root"
	own_namespace
	mkdir -m 755 home
	echo mine >home/source
	chown -R mvalice home
	cd home
	alice "$MODELVAULT" init v --new-key-file v.key 2>/dev/null
	alice "$MODELVAULT" import v source --key-file v.key 2>/dev/null
	alice mkdir m
	run alice "$MODELVAULT" mount v m --key-file v.key
	echo "$output"
	[ "$status" = 0 ]
	[[ $output != *warning* ]]
	alice mountpoint -q m
	refused alice cat m/source
	alice "$MODELVAULT" grant v user:mvalice read '**' 2>/dev/null
	[ "$(alice cat m/source)" = mine ]
	# Nobody else comes past the mount point, root neither.
	refused inside setpriv --reuid mvbob --clear-groups cat m/source
	refused inside setpriv --reuid mvbob --clear-groups ls m
	refused inside cat m/source
	exits 3 as_user mvbob "$MODELVAULT" grant "$PWD/v" user:mvbob read '**'
	[ "$(alice "$MODELVAULT" audit v query --count --action open)" = 2 ]
	alice "$MODELVAULT" revoke v --user mvalice 2>/dev/null
	refused alice cat m/source
	alice "$MODELVAULT" umount m
	run ! alice mountpoint -q m
	alice "$MODELVAULT" verify v --key-file v.key
}

# --- the trail cannot be written ---

# full_vault: like setup's, on a file system of its own that can be filled.
full_vault() {
	mkdir disk
	as_root mount -t tmpfs -o size=6m,mode=777 modelvault-test "$T/disk"
	"$MODELVAULT" init disk/vault --new-key-file disk.key 2>/dev/null
	export MODELVAULT_KEY_FILE=$T/disk.key
	"$MODELVAULT" import disk/vault tree 2>/dev/null
	mounted disk/vault m 2>/dev/null
	"$MODELVAULT" grant disk/vault user:mvalice user:mvbob read '**' 2>/dev/null
	"$MODELVAULT" grant disk/vault user:mvcarol read '**' 2>/dev/null
}

fill_disk() { cat /dev/zero >>"$T/disk/filler" 2>/dev/null || true; }

# until_refused: opens until the room that the trail has in its files is used up.
until_refused() {
	local i
	for i in {1..2000}; do
		as_user mvalice cat "$T/m/tree/file" >/dev/null 2>&1 || return 0
	done
	echo "never refused"
	return 1
}

@test "when the trail cannot be written opens are refused, and work again when there is room" {
	root_only "a second user is served by root's server only"
	full_vault
	as_user mvalice cat m/tree/file
	fill_disk
	until_refused
	refused as_user mvalice cat m/tree/file
	refused as_user mvbob cat m/tree/file
	# The mount lives, and nothing that gives access is done.
	[ "$(ls m/tree | wc -l)" = 2 ]
	run "$MODELVAULT" grant disk/vault "user:$OWNER" read '**'
	[ "$status" -ne 0 ]
	refused cat m/tree/file
	rm disk/filler
	wait_for 10 as_user mvalice cat m/tree/file
	refused cat m/tree/file
	"$MODELVAULT" audit disk/vault verify

}

saved_revoke() { "$MODELVAULT" audit disk/vault query --action revoke | grep -q '(done'; }

@test "a revoke with a full disk is in force at once, says that it is not saved, and is later" {
	root_only "a second user is served by root's server only"
	full_vault
	as_user mvcarol perl -e '$| = 1; open my $f, "<", $ARGV[0] or die; print "open\n";
		for (1 .. 400) { last if -e $ARGV[1]; select undef, undef, undef, 0.05 }
		my $n = sysread $f, my $b, 100; print defined $n ? "read $n\n" : "$!\n"' \
		"$T/m/tree/file" "$T/go" >said 3>&- &
	wait_for 5 grep -q open said
	fill_disk
	# Without its reserve: tests/mount/reserve.bats has what it is good for.
	rm disk/vault/reserve
	fill_disk
	until_refused
	exits 1 "$MODELVAULT" revoke disk/vault 2
	[[ $output == *"in force, NOT saved"* ]]
	touch go
	wait $!
	grep -q 'Permission denied' said
	rm disk/filler
	wait_for 10 as_user mvalice cat m/tree/file
	refused as_user mvcarol cat m/tree/file
	# Now the server has saved it, or does so in a moment, and the record is there.
	wait_for 10 saved_revoke
	"$MODELVAULT" umount m
	"$MODELVAULT" mount disk/vault m 2>/dev/null
	run ! grep -q mvcarol <("$MODELVAULT" rules disk/vault)
	refused as_user mvcarol cat m/tree/file
}
