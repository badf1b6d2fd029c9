#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# No key leaves the locked memory of a server: its whole memory, the files that it writes, its output
# and a forced core are searched for keys that tests/reader computes from the key file alone. The scan
# is shown to find: the keys are in the locked pages, and in what the test itself plants.
load ../lib

# What opens everything for ever, as opposed to what is derived from it for one purpose or one file.
ROOT_KEYS='secret|master|kek|dek|kek-wrap|audit-key-wrap|anchor|row-mac|seal-mac'

setup() {
	common_setup
	make_vault "$T/vault" 2>"$T/said"
	mkdir "$T/source"
	random_file "$T/source/small" 5000
	random_file "$T/source/large" 30000000
	"$MODELVAULT" import "$T/vault" "$T/source/small" "$T/source/large" 2>>"$T/said"
	"$MODELVAULT" grant "$T/vault" "user:$OWNER" read '**' 2>>"$T/said"
}

teardown() {
	rm -f "$T/knob"
	common_teardown
}

keys() { "$TESTS/reader/modelvault_reader.py" "$T/vault" --key-file "$T/vault.key" keys; }
key_scan() { "$TESTS/tools/key_scan.py" "$@"; }
server_of_vault() { servers_of "$T/vault" | head -n 1; }

# scanned PID: key_scan of its memory in $output, for the keys of when this was first asked.
scanned() {
	[ -e "$T/keys" ] || keys >"$T/keys"
	run -0 key_scan memory "$1" <"$T/keys"
	echo "$output"
}

# only_locked: nothing of what matters in $output is outside the locked pages.
only_locked() {
	! grep -E "^bare ($ROOT_KEYS) " <<<"$output"
}

# keys_leave SERVER: now that all handles are closed, and no file's keys are left in the end. Judged by when
# the memory was looked at, not by when it was searched through.
keys_leave() {
	local closed=$SECONDS looked
	while true; do
		looked=$SECONDS
		scanned "$1"
		grep -E "^(locked|bare) (dek|chunk|header|root) " <<<"$output" || break
		[ $((looked - closed)) -lt 15 ]
		sleep 0.2
	done
	grep -E "^locked master " <<<"$output"
}

# tests/SKIPS: a sanitizer maps terabytes of its own.
@test "keys of an idle server are in locked pages only" {
	root_only "a server hides its memory and its links from its own user"
	[ -z "$SANITIZE" ] || skip "the shadow memory of a sanitizer is too large to search"
	mounted "$T/vault" "$T/m" >"$T/said" 2>&1
	cmp "$T/m/small" "$T/source/small"
	cmp "$T/m/large" "$T/source/large"
	"$MODELVAULT" deny "$T/vault" user:mvbob read x 2>/dev/null
	random_file "$T/source/new" 100000
	"$MODELVAULT" import "$T/vault" "$T/source/new" 2>/dev/null
	"$MODELVAULT" verify "$T/vault"
	# One stays open with reads on it that the page cache did not answer.
	exec 7<"$T/m/new"
	head -c 4096 <&7 >/dev/null
	wait_for 5 eval '"$MODELVAULT" audit "$T/vault" --action close --count | grep -qx 2'
	scanned "$(server_of_vault)"
	exec 7<&-
	only_locked
	for kind in master kek chunk root; do
		grep -E "^locked $kind " <<<"$output"
	done
	# Known and documented (contrib/docs/threat-model.md): key schedules of open files.
	echo "# outside: $(grep ^bare <<<"$output" | cut -d' ' -f2 | sort -u | xargs)" >&3
}

@test "some seconds after its last handle a file's keys are out of memory" {
	root_only "a server hides its memory and its links from its own user"
	[ -z "$SANITIZE" ] || skip "the shadow memory of a sanitizer is too large to search"
	mounted "$T/vault" "$T/m" >"$T/said" 2>&1
	server=$(server_of_vault)
	# The control: while one is open, its keys are there.
	exec 7<"$T/m/large"
	cat "$T/m/small" "$T/m/large" >/dev/null
	scanned "$server"
	for kind in 'locked chunk' 'locked header' 'locked root' 'bare chunk'; do
		grep "^$kind " <<<"$output"
	done
	exec 7<&-
	wait_for 5 eval '"$MODELVAULT" audit "$T/vault" --action close --count | grep -qx 3'
	keys_leave "$server"
}

@test "the same while the store hangs in closing another file" {
	root_only "a server hides its memory and its links from its own user"
	[ -z "$SANITIZE" ] || skip "the shadow memory of a sanitizer is too large to search"
	"$TOOLS/fault_fs" "$T/vault/objects" "$T/knob" 2>>"$T/said" 3>&- &
	wait_for 5 mountpoint -q "$T/vault/objects"
	mounted "$T/vault" "$T/m" >"$T/said" 2>&1
	cat "$T/m/small" "$T/m/large" >/dev/null
	wait_for 5 eval '"$MODELVAULT" audit "$T/vault" --action close --count | grep -qx 2'
	# It was closed first, and its descriptor is closed first. The other reader asks the store too.
	keys >"$T/keys"
	echo "dead $("$MODELVAULT" ls "$T/vault" --json small | jq -r .file_id)" >"$T/knob"
	keys_leave "$(server_of_vault)"
	wait_for 5 test -e "$T/knob.waiting"
	rm "$T/knob"
}

@test "the scan of memory finds a key in a process that does not lock" {
	[ -z "$SANITIZE" ] || skip "the shadow memory of a sanitizer is too large to search"
	# Held in the middle of a string, in hexadecimal, and as half of a key schedule would be.
	python3 -c '
import sys, time
kept = [b"x" * 3 + bytes.fromhex(line.split()[2])[16:] + b"y" for line in sys.stdin if line.startswith("dek")]
print("ready", flush=True)
time.sleep(60)' < <(keys) >"$T/ready" 3>&- &
	holder=$!
	wait_for 5 grep -q ready "$T/ready"
	scanned $holder
	kill $holder
	grep '^bare dek ' <<<"$output"
	! only_locked
}

@test "no key in the databases, their logs and copies, the trail, or any output" {
	root_only "a server hides its memory and its links from its own user"
	"$MODELVAULT" import "$T/vault" "$T/source" --to more >>"$T/said" 2>&1
	mounted "$T/vault" "$T/m" >>"$T/said" 2>&1
	cat "$T/m/small" >/dev/null
	as_user mvbob cat "$T/m/small" >>"$T/said" 2>&1 || true
	pid=$(server_of_vault)
	cp "/proc/$pid/cmdline" "$T/argv"
	cp "/proc/$pid/environ" "$T/environ"
	for command in status rules audit 'key slots' verify 'ls -l'; do
		# shellcheck disable=SC2086  # a command and its word
		set -- $command
		one=$1
		shift
		"$MODELVAULT" "$one" "$T/vault" "$@" >>"$T/said" 2>&1
	done
	# As copies: the logs go when the server does.
	cp -r "$T/vault" "$T/during"
	for name in keystore.db audit.db audit.key keystore.copy audit.db-wal; do
		[ -s "$T/during/$name" ]
	done
	files=("$T/said" "$T/argv" "$T/environ")
	for log in /var/log/syslog /var/log/messages /var/log/daemon.log; do
		[ ! -r "$log" ] || files+=("$log")
	done
	if command -v journalctl >/dev/null; then
		journalctl --since -10min >"$T/journal" 2>/dev/null || true
		files+=("$T/journal")
	fi
	unmounted "$T/m" 2>>"$T/said"
	mapfile -t -O "${#files[@]}" files < <(find "$T/vault" "$T/during" -type f ! -path '*/objects/*')
	run -0 key_scan files "${files[@]}" < <(keys)
	[ -z "$output" ] || { echo "$output"; false; }
}

@test "the scan of files finds raw and hexadecimal keys, across block boundaries too" {
	keys | awk '$1 == "kek" { printf "%s", toupper($3) }' >"$T/hex"
	{ head -c $(((1 << 24) - 7)) /dev/zero; keys | awk '$1 == "dek" { printf "%s", $3; exit }' | perl -ne 'print pack "H*", $_'; } >"$T/raw"
	run -0 key_scan files "$T/hex" "$T/raw" < <(keys)
	grep -q "^found kek $T/hex" <<<"$output"
	grep -q "^found dek $T/raw 2" <<<"$output"
}

# One vault in eight has a key of which a half begins so.
@test "the scan finds keys that begin or end with zeros among many zeros, and soon" {
	keys >"$T/keys"
	python3 - "$T" <<-'PY'
		import sys
		keys = {"begins": b"\0" * 15 + b"b" * 17, "ends": b"e" * 17 + b"\0" * 15}
		with open(sys.argv[1] + "/keys", "a") as file:
		    file.writelines(f"{kind} x {key.hex()}\n" for kind, key in keys.items())
		with open(sys.argv[1] + "/zeros", "wb") as file:
		    for key in keys.values():
		        file.seek(300_000_000, 1)
		        file.write(key)
		    file.truncate(900_000_000)
	PY
	# Of processor time it takes 3 s; two minutes where each zero is compared with each key.
	(ulimit -t 30; key_scan files "$T/zeros" <"$T/keys") >"$T/found"
	sort "$T/found" | diff - <(printf 'found %s %s 2\n' begins "$T/zeros" ends "$T/zeros")
}

@test "a forced crash leaves no core" {
	pattern=$(</proc/sys/kernel/core_pattern)
	ulimit -c unlimited
	mkdir "$T/cores"
	cd "$T/cores"
	sleep 60 3>&- &
	control=$!
	wait_for 5 grep -qx sleep "/proc/$control/comm"
	kill -SEGV $control
	wait $control || true
	# The control: where the pattern is a plain name, a program like any other leaves one.
	case $pattern in
	[/\|]*) ;;
	*) [ -n "$(ls)" ]; rm -f -- * ;;
	esac
	mkdir -p "$T/m"
	# The signal is meant: a sanitizer must not take it for a fault of the program.
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:handle_segv=0" \
		"$MODELVAULT" mount "$T/vault" "$T/m" -f 2>"$T/said" 3>&- &
	server=$!
	wait_for 10 mountpoint -q "$T/m"
	cat "$T/m/small" >/dev/null
	grep -E '^Max core file size +0 +0 ' "/proc/$server/limits"
	kill -SEGV $server
	status=0
	wait $server || status=$?
	[ "$status" -ne 0 ]
	umount -l "$T/m"
	ls -la
	[ -z "$(ls)" ]
	[ -z "$(find "$T" -name '*core*' -newer "$T/said" ! -path "$T/cores" -print)" ]
}

# Needs no mount, which not every machine allows to users: an import that waits for its input holds the
# keys just as a server does.
@test "without privileges too, memory is hidden from the very user who runs the program" {
	root_only "it needs root"
	install -d -o mvalice "$T/own"
	own=(as_user mvalice env HOME="$T/own" XDG_RUNTIME_DIR="$T/own" XDG_STATE_HOME="$T/own")
	"${own[@]}" "$MODELVAULT" init "$T/own/vault" --new-key-file "$T/own/key" 2>"$T/said"
	mkfifo -m 666 "$T/input"
	"${own[@]}" "$MODELVAULT" import "$T/own/vault" - --to x --key-file "$T/own/key" <"$T/input" 3>&- 2>>"$T/said" &
	exec 7>"$T/input"
	echo started >&7
	"${own[@]}" sleep 60.25 3>&- 7>&- &
	wait_for 5 pgrep -u mvalice -f "sleep 60[.]25"
	control=$(pgrep -u mvalice -f "sleep 60[.]25")
	wait_for 5 eval '[ -n "$(servers_of "$T/own/vault")" ]'
	pid=$(servers_of "$T/own/vault" | head -n 1)
	wait_for 5 eval 'find "/proc/$pid/fd" -lname "*keystore.db" | grep -q .'
	[ "$(ps -o euid= -p "$pid" | tr -d ' ')" = 5001 ]
	for file in environ maps smaps; do
		"${own[@]}" head -c 1 "/proc/$control/$file" >/dev/null
	done
	for file in environ maps smaps mem; do
		run ! "${own[@]}" head -c 1 "/proc/$pid/$file"
		[[ $output == *"Permission denied"* ]]
	done
	grep -E '^VmLck:\s+[1-9]' "/proc/$pid/status"
	kill "$control"
	exec 7>&-
	wait_for 5 eval '! kill -0 $pid 2>/dev/null'
}
