# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# Shell verbs for the bats files: `load ../lib`. tests/run gives MODELVAULT (the program under test),
# TESTS (this directory), TOOLS (built from tests/tools) and makes the users mvalice (5001), mvbob
# (5002), mvcarol (5003) and the group mvteam (6001: mvalice, mvcarol). A file with a setup or
# teardown of its own calls common_setup and common_teardown in them.

# For the program $MODELVAULT is the vault that `@` means, so the children must not see ours.
export PROGRAM_UNDER_TEST="${PROGRAM_UNDER_TEST:-${MODELVAULT:?run me by tests/run}}"
MODELVAULT=$PROGRAM_UNDER_TEST
export -n MODELVAULT
export TESTS="${TESTS:?run me by tests/run}" LC_ALL=C.UTF-8
unset MODELVAULT_KEY_FILE CREDENTIALS_DIRECTORY
bats_require_minimum_version 1.5.0

# T is this test's own directory; everybody may walk through it, and teardown empties it.
common_setup() {
	T=$(mktemp -d /tmp/modelvault-test.XXXXXX)
	chmod 755 "$T"
	export T
	cd "$T" || return 1
}

# Who runs the tests, and so the program: root, or in tests/run's group mount-user mvalice, an ordinary
# user (tests/as-user). Rules for the one who reads as himself are rules for $OWNER.
export OWNER
OWNER=$(id -un)

# root_only REASON: first in a test that an ordinary user cannot do or that makes no sense for him: his
# server sees and serves nobody but himself. Such tests stand in tests/SKIPS too.
root_only() { [ "$EUID" -eq 0 ] || skip "$1"; }

# process_ended PID: gone, or dead and not yet waited for. Its links in /proc may be closed to us.
process_ended() { ! grep -qsE '^State:.[^ZX]' "/proc/$1/status"; }

# as_root COMMAND...: for what a test has to prepare, in the second pass too.
as_root() {
	if [ "$EUID" -eq 0 ]; then
		"$@"
	else
		setpriv --reuid 0 --regid 0 --clear-groups -- "$@"
	fi
}

# socket_of VAULT: where its server listens.
socket_of() {
	local directory=/run/modelvault
	[ "$EUID" -eq 0 ] || directory=/tmp/modelvault-$EUID
	echo "$directory/$(cut -d' ' -f3 "$1/id").sock"
}

setup() { common_setup; }
teardown() { common_teardown; }

# mounts_below DIR: mount points at or below DIR, the deepest first.
mounts_below() {
	awk -v d="$1" '{ gsub(/\\040/, " ", $5) } $5 == d || index($5, d "/") == 1 { print $5 }' \
		/proc/self/mountinfo | sort -r
}

# servers_of DIR: pids of programs under test that were started with a path below DIR or hold one open.
servers_of() {
	local proc pid
	if [ "$EUID" -ne 0 ]; then
		# A server hides its links from the very user who runs it; the lock names it.
		find "$1" -maxdepth 3 -xdev -name lock -exec sed -n 's/^pid //p' {} + 2>/dev/null | while read -r pid; do
			process_ended "$pid" || ! grep -qsx modelvault "/proc/$pid/comm" || echo "$pid"
		done
		return
	fi
	find /proc/[0-9]*/exe -maxdepth 0 -lname "$PROGRAM_UNDER_TEST*" 2>/dev/null | while read -r proc; do
		proc=${proc%/exe}
		if tr '\0' '\n' <"$proc/cmdline" 2>/dev/null | grep -qF "$1" ||
			find "$proc/fd" -lname "$1/*" 2>/dev/null | grep -q .; then
			echo "${proc#/proc/}"
		fi
	done
}

common_teardown() {
	local mountpoint pid
	cd / || return 1
	[ -n "${T:-}" ] && [ -d "$T" ] || return 0
	while read -r mountpoint; do
		timeout 10 fusermount3 -u "$mountpoint" 2>/dev/null || as_root umount -l "$mountpoint"
	done < <(mounts_below "$T")
	for pid in $(servers_of "$T"); do
		kill "$pid" 2>/dev/null
	done
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -n "$(servers_of "$T")" ] || break
		sleep 0.2
	done
	for pid in $(servers_of "$T"); do
		kill -KILL "$pid" 2>/dev/null
	done
	[ ! -f "$T/namespace" ] || kill -KILL "$(cat "$T/namespace")" 2>/dev/null || true
	forget_vaults
	as_root rm -rf --one-file-system "$T"
}

# forget_vaults: what the vaults below $T left outside: anchors, and sockets of killed servers.
forget_vaults() {
	local id
	while read -r id; do
		for id in $(sed -n 's/^modelvault 1 \([0-9a-f ]*\)$/\1/p' "$id"); do
			rm -f "/tmp/modelvault-$EUID/$id.sock"
			[ "$EUID" -ne 0 ] || rm -f "/var/lib/modelvault/$id" "/run/modelvault/$id.sock"
		done
	done < <(find "$T" -maxdepth 4 -xdev -type f -name id)
	return 0
}

# make_vault DIR [init options]: a vault unlocked by DIR.key, which later commands find by themselves.
make_vault() {
	local vault=$1
	shift
	"$MODELVAULT" init "$vault" --new-key-file "$vault.key" "$@" || return
	export MODELVAULT_KEY_FILE=$vault.key
}

# mounted VAULT MOUNTPOINT [mount options]: mounts, and fails when the mount does not answer.
mounted() {
	local vault=$1 mountpoint=$2
	shift 2
	mkdir -p "$mountpoint"
	"$MODELVAULT" mount "$vault" "$mountpoint" "$@" || return
	timeout 10 mountpoint -q "$mountpoint" || { echo "$mountpoint is not mounted"; return 1; }
}

# unmounted MOUNTPOINT: umount, and fails when something is still there.
unmounted() {
	"$MODELVAULT" umount "$1" || return
	! mountpoint -q "$1" || { echo "$1 is still mounted"; return 1; }
}

# as_user NAME COMMAND...: as that user with his groups and nothing of root's; no login shell needed.
as_user() { AT='' user_at "$@"; }
# inside_as NAME COMMAND...: the same in the test's own mount namespace.
inside_as() { AT=inside user_at "$@"; }
user_at() {
	local name=$1 gid
	shift
	gid=$(id -g "$name") || return
	$AT setpriv --reuid "$name" --regid "$gid" --init-groups --inh-caps=-all --bounding-set=-all \
		--no-new-privs -- env -u MODELVAULT_KEY_FILE HOME=/nonexistent USER="$name" LOGNAME="$name" "$@"
}

# own_namespace [PROPAGATION]: a mount namespace for this test, where `inside` runs a command; it ends
# with the test. What others have mounted is let go there: a copy would keep their mounts alive. Its
# /dev/fuse may be opened by everybody, as udev makes it; some machines differ.
own_namespace() {
	unshare -m --propagation "${1:-private}" \
		sh -c 'umount -l -a -t fuse,fuse.modelvault; exec sleep 600' 3>&- &
	echo $! >"$T/namespace"
	wait_for 5 grep -qx sleep "/proc/$!/comm"
	[ "$(stat -c %a /dev/fuse)" != 666 ] || return 0
	mknod "$T/fuse" c 10 229
	chmod 666 "$T/fuse"
	inside mount --bind "$T/fuse" /dev/fuse
}
inside() { nsenter -t "$(cat "$T/namespace")" -m --wdns="$PWD" -- "$@"; }

# The next ones take a command, perhaps as_user NAME COMMAND..., and leave $status and $output.
allowed() {
	run "$@"
	[ "$status" -eq 0 ] || { echo "should be allowed: $*: exit $status: $output"; return 1; }
}

# refused: by the policy, that is EACCES from the mount or exit 3 from the program.
refused() {
	run "$@"
	[ "$status" -ne 0 ] || { echo "should be refused: $*"; return 1; }
	[ "$status" -eq 3 ] || [[ $output == *"Permission denied"* ]] ||
		{ echo "failed, but was not refused: $*: exit $status: $output"; return 1; }
}

# damaged: EIO from the mount or exit 5 from the program.
damaged() {
	run "$@"
	[ "$status" -ne 0 ] || { echo "should be found damaged: $*"; return 1; }
	[ "$status" -eq 5 ] || [[ $output == *"Input/output error"* ]] ||
		{ echo "failed, but not as damage: $*: exit $status: $output"; return 1; }
}

# exits N COMMAND...: exactly that exit code.
exits() {
	local expected=$1
	shift
	run "$@"
	[ "$status" -eq "$expected" ] || { echo "exit $status, not $expected: $*: $output"; return 1; }
}

# random_file PATH BYTES: not compressible, different each time.
random_file() { head -c "$2" /dev/urandom >"$1"; }

# wait_for SECONDS COMMAND...: until it succeeds; fails after SECONDS.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { echo "waited in vain: $*"; return 1; }
		sleep 0.05
	done
}
