#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What is different for the server of an ordinary user: these tests run in the group mount-user only,
# where the others of this folder run as well.
load ../lib

setup() {
	[ "$EUID" -ne 0 ] || skip "runs in the group mount-user"
	common_setup
	echo 'plain text' >file
	random_file large 5000000
	make_vault vault 2>said
	"$MODELVAULT" import vault file large 2>>said
	"$MODELVAULT" grant vault any read '**' 2>>said
	mkdir m
}
teardown() { [ "$EUID" -eq 0 ] || common_teardown; }

@test "the tests really run without capabilities and with default limits" {
	grep -qx $'CapEff:\t0000000000000000' /proc/self/status
	grep -qx $'CapAmb:\t0000000000000000' /proc/self/status
	grep -qx $'NoNewPrivs:\t0' /proc/self/status
	[ "$(ulimit -n)" = 1024 ]
	[ "$(ulimit -l)" = 8192 ]
	[ "$(id -u)" = 5001 ]
}

@test "he reads by his rules; nobody else comes past the mount point, root neither" {
	mounted vault m 2>>said
	[ "$(cat m/file)" = 'plain text' ]
	cmp m/large large
	refused as_user mvbob cat m/file
	refused as_user mvbob ls m
	refused as_root cat m/file
	refused as_root ls m
	"$MODELVAULT" deny vault user:mvalice read file 2>>said
	refused cat m/file
	"$MODELVAULT" audit vault --json --action open --outcome deny | jq -es 'length == 1 and .[0].uid == 5001'
	unmounted m
}

@test "with 64 KiB of memory to lock, as older systems give, everything works" {
	bash -c 'ulimit -l 64 && "$0" mount vault m' "$MODELVAULT" 2>>said
	[ "$(cat m/file)" = 'plain text' ]
	cmp m/large large
	unmounted m
	bash -c 'ulimit -l 64 && "$0" verify vault' "$MODELVAULT"
}

@test "with no memory to lock it is one clear line" {
	run -1 bash -c 'ulimit -l 0 && "$0" mount vault m' "$MODELVAULT"
	[[ $output == *"no memory can be locked for keys; raise \`ulimit -l\`" ]]
	[ "${#lines[@]}" = 1 ]
	run -1 bash -c 'ulimit -l 0 && "$0" ls vault' "$MODELVAULT"
	[[ $output == *"no memory can be locked for keys"*"ulimit -l"* ]]
	[ "${#lines[@]}" = 1 ]
}

@test "allow_other needs fuse.conf, and then refuses all others by name, on record" {
	run -1 "$MODELVAULT" mount vault m -o allow_other
	[[ $output == *"allow_other needs user_allow_other in /etc/fuse.conf"* ]]
	run ! mountpoint -q m
	as_root sh -c 'echo user_allow_other >/run/user_allow_other.test && mount --bind /run/user_allow_other.test /etc/fuse.conf'
	run -0 "$MODELVAULT" mount vault m -o allow_other
	as_root sh -c 'umount /etc/fuse.conf; rm /run/user_allow_other.test'
	[[ $output == *"only root's server can see who they are; this one refuses them (proc-unreadable)"* ]]
	[ "$(cat m/file)" = 'plain text' ]
	refused as_user mvbob cat m/file
	refused as_root cat m/file
	"$MODELVAULT" audit vault --json --action open --outcome deny |
		jq -es 'map(.reason + "/" + (.uid | tostring)) == ["proc-unreadable/5002", "proc-unreadable/0"]'
	unmounted m
}

@test "a directory for the socket that somebody else made first is refused, XDG_RUNTIME_DIR helps" {
	local squatted=/tmp/modelvault-5001
	# In a namespace of this test, so that nobody else's server is in the way.
	as_root sh -c "mkdir -p $squatted && mount -t tmpfs -o mode=777,uid=5002 squatted $squatted"
	run -1 "$MODELVAULT" mount vault m
	as_root umount $squatted
	[[ ${lines[0]} == *"$squatted, where the control socket belongs, is not this user's own; set XDG_RUNTIME_DIR to a directory that is" ]]
	run ! mountpoint -q m
	mkdir -m 700 run
	export XDG_RUNTIME_DIR=$T/run
	mounted vault m 2>>said
	[ -S run/modelvault/"$(cut -d' ' -f3 vault/id)".sock ]
	"$MODELVAULT" status m
	[ "$(cat m/file)" = 'plain text' ]
	unmounted m
}

@test "what root has mounted is not his, and what is his own no other user unmounts" {
	mounted vault m 2>>said
	exits 6 as_user mvbob "$MODELVAULT" umount "$T/m"
	mountpoint -q m
	as_user mvbob fusermount3 -u "$T/m" 2>>said || true
	mountpoint -q m
	fusermount3 -u m
	run ! mountpoint -q m
	wait_for 10 "$MODELVAULT" ls vault
}

@test "after a kill the next umount clears the dead mount point" {
	local pid
	mounted vault m 2>>said
	pid=$(sed 's/pid //' vault/lock)
	kill -KILL "$pid"
	wait_for 10 test ! -e "/proc/$pid"
	run cat m/file
	[[ $output == *"not connected"* ]]
	exits 0 "$MODELVAULT" umount m
	mounted vault m 2>>said
	[ "$(cat m/file)" = 'plain text' ]
	unmounted m
}

@test "more open files than his limit: refused with a record, and nothing is lost" {
	mounted vault m 2>>said
	perl -e 'my @kept; for (1 .. 900) { open my $f, "<", "m/file" or die "$_: $!\n"; push @kept, $f }'
	[ "$(cat m/file)" = 'plain text' ]
	"$MODELVAULT" audit vault verify
	unmounted m
}

# 128 KiB is what a mount begins with; only root may raise it (contrib/docs/performance.md).
@test "the mount works with the read-ahead that it was given" {
	local device
	mounted vault m -o cache=keep 2>>said
	device=$(awk -v m="$T/m" '$5 == m { print $3 }' /proc/self/mountinfo)
	[ "$(cat "/sys/class/bdi/$device/read_ahead_kb")" = 128 ]
	cmp m/large large
	unmounted m
}
