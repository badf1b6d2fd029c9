#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The service unit, without a systemd that runs: what systemd-analyze says of it, and its command
# started as the unit says, with a manager's socket and credentials. And the messages to syslog.

load ../lib

UNIT=$TESTS/../contrib/systemd/modelvault@.service

setup() {
	root_only "a unit of root's systemd"
	common_setup
	mkdir tree m credentials run
	echo 'plain text' >tree/file
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree 2>/dev/null
	"$MODELVAULT" grant vault "user:$OWNER" user:mvalice read '**' 2>/dev/null
	unset MODELVAULT_KEY_FILE
	cp vault.key credentials/modelvault
	own_namespace
	# A machine that has just started: /run is empty.
	inside mount -t tmpfs -o mode=755 none /run
}

# listen SOCKET FILE: datagrams that arrive there, as lines.
listen() {
	nsenter -t "$(cat namespace)" -m -- "$TESTS/tools/datagrams.py" "$1" "$T/$2" 3>&- &
	echo $! >>"$T/listeners"
	wait_for 5 grep -qs listening "$T/$2"
}

teardown() {
	[ ! -f "$T/listeners" ] || xargs kill <"$T/listeners" 2>/dev/null || true
	common_teardown
}

setting() { sed -n "s/^$1=//p" "$UNIT"; }

# exec_start: the unit's command as systemd makes it: ${X} is one word, perhaps an empty one.
exec_start() {
	local VAULT=$T/vault MOUNTPOINT=$T/m OPTIONS=${OPTIONS:-} word
	for word in $(setting ExecStart); do
		case $word in
		/usr/local/bin/modelvault) echo "$MODELVAULT" ;;
		\$\{VAULT\}) echo "$VAULT" ;;
		\$\{MOUNTPOINT\}) echo "$MOUNTPOINT" ;;
		\$\{OPTIONS\}) echo "$OPTIONS" ;;
		*) echo "$word" ;;
		esac
	done
}

# start [WRAPPER...]: as the unit says, with its capabilities and umask (its limits are higher than
# this machine may allow); output in `said`.
start() {
	local command capabilities
	mapfile -t command < <(exec_start)
	capabilities=$(setting CapabilityBoundingSet | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
	(
		umask "$(setting UMask)"
		export CREDENTIALS_DIRECTORY=$T/credentials NOTIFY_SOCKET=${SOCKET-$T/notify}
		exec nsenter -t "$(cat namespace)" -m --wdns=/ prlimit --core=0 "$@" setpriv --bounding-set="-all,$capabilities" \
			--inh-caps=-all --no-new-privs "${command[@]}" >"$T/said" 2>&1 3>&-
	) &
	echo $! >server
}

is_ready() { wait_for 20 grep -q READY=1 told || { cat said; return 1; }; }

# stop: as systemd does; leaves the exit code in $status.
stop() {
	kill "$(cat server)"
	status=0
	wait "$(cat server)" || status=$?
}

@test "the unit is accepted by systemd-analyze and gives the service no mount namespace" {
	sed "s,/usr/local/bin/modelvault,$MODELVAULT," "$UNIT" >modelvault@.service
	run systemd-analyze verify --man=no "$T/modelvault@.service"
	[ "$status" -eq 0 ]
	[ -z "$output" ] || { echo "$output"; return 1; }
	run grep -nE '^(Private(Mounts|Tmp|Devices|IPC|Network|Users|PIDs)|Protect(System|Home|Kernel|Control|Proc)|ProcSubset|(ReadOnly|ReadWrite|Inaccessible|Exec|NoExec|Bind|BindReadOnly)Paths|TemporaryFileSystem|Root|Mount|LogNamespace|DynamicUser|Extension)' "$UNIT"
	[ "$status" -eq 1 ]
	# The check can fail.
	sed -i 's/^Type=notify/Type=what/; s/^ExecStart=/ExecStart=nowhere /' modelvault@.service
	run systemd-analyze verify --man=no "$T/modelvault@.service"
	[ -n "$output" ]
}

@test "the unit's command says when it is ready, serves others, and stops cleanly" {
	listen "$T/notify" told
	start
	is_ready
	grep -qxF "READY=1\nSTATUS=Serving $T/vault at $T/m" told
	# Ready means that it answers.
	[ "$(inside_as mvalice cat "$T/m/tree/file")" = 'plain text' ]
	# In spite of the umask everybody finds the socket.
	exits 0 inside_as mvalice "$MODELVAULT" explain "$T/vault" tree/file --user mvalice
	refused inside_as mvbob cat "$T/m/tree/file"
	[ "$(inside_as mvbob "$MODELVAULT" why "$T/m/tree/file" --json | jq -r .reason)" = no-rule ]
	stop
	[ "$status" -eq 143 ]
	[[ " $(setting SuccessExitStatus) " == *" 143 "* ]]
	grep -qF 'STOPPING=1\nSTATUS=Unmounting' told
	run ! inside findmnt -rn "$T/m"
	[ "$("$MODELVAULT" audit vault query --key-file vault.key --action stop --json | jq -r .detail)" = 'by signal' ]
}

@test "a server that was killed is started again by the same command, and clears what it left" {
	listen "$T/notify" told
	start
	is_ready
	kill -KILL "$(cat server)"
	wait "$(cat server)" || true
	run inside ls "$T/m"
	[ "$status" -ne 0 ]
	start
	wait_for 20 sh -c '[ "$(grep -c READY=1 told)" = 2 ]'
	[ "$(inside_as mvalice cat "$T/m/tree/file")" = 'plain text' ]
	[ "$(inside findmnt -rno TARGET "$T/m" | wc -l)" = 1 ]
	stop
}

@test "plain umount of the unit's mount ends it with 0" {
	listen "$T/notify" told
	start
	is_ready
	inside umount "$T/m"
	wait "$(cat server)"
	grep -q STOPPING=1 told
}

@test "the credential may be a passphrase; a wrong one is exit 4, which is not tried again" {
	rm -r vault vault.key
	printf 'correct horse\n' >credentials/modelvault
	"$MODELVAULT" init vault --new-passphrase-file credentials/modelvault 2>/dev/null
	listen "$T/notify" told
	start
	is_ready
	stop
	[ "$status" -eq 143 ]
	echo 'wrong horse' >credentials/modelvault
	start
	status=0
	wait "$(cat server)" || status=$?
	[ "$status" -eq 4 ]
	[[ " $(setting RestartPreventExitStatus) " == *" 4 "* ]]
	[ "$(grep -c READY=1 told)" = 1 ]
}

@test "a manager's socket in the abstract space is told, one that is not there is no obstacle" {
	SOCKET=@modelvault-test-$$
	listen "$SOCKET" told
	start
	is_ready
	stop
	for SOCKET in "$T/nobody" nonsense '@' "$T/$(printf '%0200d' 0)"; do
		start
		wait_for 20 inside mountpoint -q "$T/m"
		wait_for 5 grep -q 'warning: the service manager could not be told' said
		stop
		[ "$status" -eq 143 ]
	done
}

@test "in the background nobody is told, and -f is refused where a server is" {
	listen "$T/notify" told
	NOTIFY_SOCKET=$T/notify inside "$MODELVAULT" mount vault m --key-file vault.key 2>/dev/null
	mkdir second
	exits 7 inside "$MODELVAULT" mount vault second -f
	[[ $output == *"has a server already"*"without -f"* ]]
	inside "$MODELVAULT" umount m
	[ "$(cat told)" = listening ]
}

@test "every system call of a server at work is one that the unit allows" {
	[ -z "$SANITIZE" ] || skip "a sanitizer has system calls of its own"
	listen "$T/notify" told
	start strace -f -qq -o "$T/calls" -s 0
	is_ready
	inside_as mvalice cat "$T/m/tree/file" >/dev/null
	run inside_as mvbob cat "$T/m/tree/file"
	inside "$MODELVAULT" grant vault exe:/bin/cat read tree 2>/dev/null ||
		inside "$MODELVAULT" grant vault user:mvcarol read tree 2>/dev/null
	inside "$MODELVAULT" verify vault >/dev/null
	inside "$MODELVAULT" status vault >/dev/null
	inside "$MODELVAULT" revoke vault --user mvcarol 2>/dev/null || true
	pkill -P "$(cat server)"
	wait "$(cat server)" || true
	# The filter holds from the start of the program: what execs it is systemd.
	sed -nE '1,/execve\(.*modelvault/d; s/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' calls | sort -u >used
	[ "$(wc -l <used)" -gt 40 ]
	allowed_calls "$(setting SystemCallFilter)" | sort -u >allowed
	run comm -23 used allowed
	[ -z "$output" ] || { echo "$output"; return 1; }
}

# allowed_calls "@SET...": the names in the sets, the sets in them too.
allowed_calls() {
	local word
	for word in $1; do
		case $word in
		@*) allowed_calls "$(systemd-analyze --no-pager syscall-filter "$word" | sed -nE 's/^ +([@a-z0-9_-]+)$/\1/p')" ;;
		*) echo "$word" ;;
		esac
	done
}

# own_dev: a /dev of this test's own, so that it can have a /dev/log.
own_dev() {
	local node
	mkdir dev
	inside mount -t tmpfs -o mode=755 none "$T/dev"
	for node in 'null 1 3' 'zero 1 5' 'random 1 8' 'urandom 1 9' 'tty 5 0' 'fuse 10 229'; do
		# shellcheck disable=SC2086  # name, major, minor
		set -- $node
		inside mknod -m 666 "$T/dev/$1" c "$2" "$3"
	done
	inside ln -s /proc/self/fd "$T/dev/fd"
	inside mount --move "$T/dev" /dev
}

@test "in the background messages go to syslog, and go on when syslog was restarted" {
	own_dev
	listen /dev/log logged
	inside "$MODELVAULT" mount vault m --key-file vault.key 2>said
	[[ $(cat said) == *"mounted on"* ]]
	local pid
	pid=$(servers_of "$T/vault" | head -1)
	wait_for 5 grep -q "serving $T/vault at $T/m" logged
	grep -qE "^<30>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} modelvault\[$pid\]: serving" logged
	# Errors that come when the terminal is long gone.
	sqlite3 vault/keystore.db 'UPDATE seal SET mac = zeroblob(32)'
	wait_for 10 grep -qE "^<27>.* modelvault\[$pid\]: $T/vault: keystore.db was changed from outside" logged
	kill "$(tail -1 listeners)"
	wait_for 5 sh -c '! kill -0 "$1" 2>/dev/null' sh "$(tail -1 listeners)"
	listen /dev/log again
	inside umount m
	wait_for 10 grep -qE "modelvault\[$pid\]: $T/vault: the server ends: last mount gone" again
	[ "$(cat said)" = "$(head -1 said)" ]
}

@test "without a syslog the background server runs all the same" {
	own_dev
	inside "$MODELVAULT" mount vault m --key-file vault.key 2>/dev/null
	[ "$(inside cat m/tree/file)" = 'plain text' ]
	inside "$MODELVAULT" umount m
}
