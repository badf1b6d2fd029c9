#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Who gets in, who does not, and what the trail says about it by the time the answer arrives.

load ../lib

setup() {
	common_setup
	mkdir -p tree/public tree/secret
	echo 'for those with a rule' >tree/public/file
	echo 'another' >tree/public/other
	echo 'one file, two names' >tree/public/both
	ln tree/public/both tree/secret/both
	random_file tree/large 3000000
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree/public tree/secret tree/large 2>/dev/null
	mounted vault m 2>/dev/null
	F=$T/m/public/file
}

teardown() {
	local device
	for device in $(losetup -n -O NAME -j "$T/m/large" 2>/dev/null); do
		losetup -d "$device"
	done
	mountpoint -q "$T/merged" && umount -l "$T/merged"
	common_teardown
}

# They print the number of the rule.
grant() { "$MODELVAULT" grant vault "$@" 2>/dev/null; }
deny() { "$MODELVAULT" deny vault "$@" 2>/dev/null; }

# last FILTER...: the newest record that fits, as JSON.
last() { "$MODELVAULT" audit vault query --json --order newest --limit 1 "$@"; }
count() { "$MODELVAULT" audit vault query --count "$@"; }

# says JSON FILTER: that jq filter holds for the record.
says() {
	[ -n "$1" ] && jq -e "$2" <<<"$1" >/dev/null || { echo "record is not $2: $1"; return 1; }
}

@test "without a rule everybody is refused, root too, and the record says no-rule" {
	root_only "a second user is served by root's server only"
	refused cat "$F"
	says "$(last)" '.outcome == "deny" and .reason == "no-rule" and .uid == 0 and .rule == null'
	refused as_user mvalice cat "$F"
	says "$(last)" '.outcome == "deny" and .reason == "no-rule" and .uid == 5001'
}

@test "a granted user reads, others do not, root does not" {
	root_only "a second user is served by root's server only"
	grant user:mvalice read 'public/**'
	allowed as_user mvalice cat "$F"
	[ "$output" = 'for those with a rule' ]
	refused as_user mvbob cat "$F"
	refused cat "$F"
	refused as_user mvalice cat "$T/m/large"
	# Names and sizes are visible to whoever reaches the mount.
	allowed as_user mvbob ls -l "$T/m/public"
}

@test "the record of an open has uid, gid, pid, exe, path, rule and reason" {
	root_only "a second user is served by root's server only"
	local rule pid record
	rule=$(grant user:mvalice read 'public/**')
	pid=$(as_user mvalice sh -c 'echo $$; exec cat "$0" >/dev/null' "$F")
	record=$(last --action open)
	says "$record" ".pid == $pid and .uid == 5001 and .user == \"mvalice\" and .gid == 100"
	says "$record" ".rule == $rule and .reason == \"rule-allow\" and .outcome == \"allow\""
	says "$record" '.path == "public/file" and .perm == "read" and .via == "mount"'
	says "$record" ".exe == \"$(readlink -f /bin/cat)\" and (.file_id | length) == 32"
	pid=$(as_user mvbob sh -c 'echo $$; exec head -c1 "$0" 2>/dev/null' "$F") || true
	record=$(last --action open)
	says "$record" ".pid == $pid and .uid == 5002 and .outcome == \"deny\" and .reason == \"no-rule\""
	says "$record" ".exe == \"$(readlink -f /usr/bin/head)\" and .path == \"public/file\" and .rule == null"
}

@test "the record is there when the answer arrives" {
	root_only "a second user is served by root's server only"
	local i
	grant user:mvalice read 'public/**'
	for i in {1..25}; do
		as_user mvbob cat "$F" 2>/dev/null && false
		[ "$(count --user mvbob --action open --outcome deny)" = "$i" ]
		exec 7< <(as_user mvalice sh -c 'exec 3<"$0" && echo open && read -r' "$F" <&8 8<&-)
		read -r <&7
		[ "$(count --user mvalice --action open --outcome allow)" = "$i" ]
		exec 7<&-
	done 8< <(exec sleep 60 2>/dev/null 3>&-)
}

@test "the record of a close has the bytes that were served" {
	grant user:mvalice read large
	as_user mvalice cat "$T/m/large" | cmp - tree/large
	wait_for 5 test "$(count --action close --user mvalice)" = 1
	says "$(last --action close)" '.bytes == 3000000 and .uid == 5001 and .path == "large" and .duration_ms >= 0'
}

@test "a group rule looks at the credentials that the process has" {
	root_only "a second user is served by root's server only"
	grant group:mvteam read 'public/**'
	allowed as_user mvalice cat "$F"
	allowed as_user mvcarol cat "$F"
	refused as_user mvbob cat "$F"
	# A supplementary group counts, whoever has it, and one that was dropped does not.
	allowed setpriv --reuid 5002 --regid 5002 --groups 17,6001,9000 cat "$F"
	allowed setpriv --reuid 5002 --regid 6001 --clear-groups cat "$F"
	refused setpriv --reuid 5001 --regid 5001 --clear-groups cat "$F"
	# A program of his own that sets its group does not leave the one that he has behind.
	deny group:5001 read 'public/**'
	cp /bin/cat setter && chown 5001:6001 setter && chmod 2755 setter
	refused setpriv --reuid 5001 --regid 5001 --groups 6001 ./setter "$F"
	allowed setpriv --reuid 5001 --regid 5002 --groups 6001 ./setter "$F"
	# Hundreds of groups are read to the last one.
	allowed setpriv --reuid 5002 --regid 5002 --groups "$(seq -s, 20000 20900),6001,$(seq -s, 30000 30090)" \
		cat "$F"
	refused setpriv --reuid 5002 --regid 5002 --groups "$(seq -s, 20000 20900),60010,600" cat "$F"
}

@test "deny wins over any number of allows" {
	root_only "a second user is served by root's server only"
	local rule
	grant any read '**'
	grant user:mvalice read 'public/**'
	rule=$(deny group:mvteam read public/file)
	refused as_user mvalice cat "$F"
	says "$(last)" ".reason == \"rule-deny\" and .rule == $rule"
	allowed as_user mvbob cat "$F"
	allowed as_user mvalice cat "$T/m/public/other"
}

@test "a file with a denied name is denied by every name" {
	grant user:mvalice read '**'
	deny user:mvalice read 'secret/**'
	refused as_user mvalice cat "$T/m/secret/both"
	refused as_user mvalice cat "$T/m/public/both"
	says "$(last)" '.reason == "rule-deny"'
	allowed as_user mvalice cat "$F"
}

@test "a file is allowed only when all its names are" {
	grant user:mvalice read 'public/**'
	refused as_user mvalice cat "$T/m/public/both"
	says "$(last)" '.reason == "no-rule"'
	grant user:mvalice read 'secret/**'
	allowed as_user mvalice cat "$T/m/public/both"
}

@test "deny list hides a name" {
	root_only "a second user is served by root's server only"
	deny user:mvbob list 'secret/**'
	run as_user mvbob ls "$T/m"
	[[ $output != *secret* ]]
	run as_user mvbob stat "$T/m/secret/both"
	[[ $output == *"No such file"* ]]
	allowed as_user mvalice stat "$T/m/secret/both"
}

@test "errors of one user's opens do not let in another" {
	root_only "a second user is served by root's server only"
	local id
	grant user:mvalice read '**'
	id=$("$MODELVAULT" ls vault --json public | jq -r 'select(.path == "public/other").file_id')
	dd if=/dev/urandom of="vault/objects/${id:0:2}/$id" bs=4096 count=1 seek=1 conv=notrunc status=none
	damaged as_user mvalice cat "$T/m/public/other"
	says "$(last --action integrity)" '.outcome == "error" and .path == "public/other" and .uid == 5001'
	mv "vault/objects/${id:0:2}/$id" kept
	damaged as_user mvalice cat "$T/m/public/other"
	mkdir "vault/objects/${id:0:2}/$id"
	damaged as_user mvalice cat "$T/m/public/other"
	rmdir "vault/objects/${id:0:2}/$id"
	mkfifo "vault/objects/${id:0:2}/$id"
	damaged timeout 10 setpriv --reuid 5001 --clear-groups cat "$T/m/public/other"
	refused as_user mvbob "$TOOLS/open_ways" often 300 "$F"
	refused as_user mvbob cat "$T/m/public/other"
	refused as_user mvbob cat "$F"
	[ "$(count --user mvbob --action open --outcome deny)" -ge 2 ]
	allowed as_user mvalice cat "$F"
}

@test "an open by a thread is recorded with its process" {
	local pid
	grant user:mvalice read 'public/**'
	pid=$(as_user mvalice sh -c 'echo $$; exec "$1" thread "$2" >/dev/null' - "$TOOLS/open_ways" "$F")
	says "$(last --action open)" ".pid == $pid and .outcome == \"allow\" and .exe == \"$TOOLS/open_ways\""
	exits 3 as_user mvbob "$TOOLS/open_ways" thread "$F"
}

@test "a caller in a pid namespace of his own is seen with the server's number for him" {
	root_only "it needs root"
	grant user:5001 read 'public/**'
	allowed unshare -p -f setpriv --reuid 5001 --regid 5001 --clear-groups cat "$F"
	says "$(last --action open)" '.pid > 2 and .uid == 5001 and .exe == "/usr/bin/cat"'
	refused unshare -p -f setpriv --reuid 5002 --regid 5002 --clear-groups cat "$F"
	says "$(last --action open)" '.pid > 2 and .uid == 5002 and .exe == "/usr/bin/cat"'
}

@test "a server in a pid namespace of its own refuses who it cannot see" {
	root_only "it needs root"
	local unshare server
	grant any read '**'
	unmounted m
	# Its mount is in a mount namespace of its own too, because of its own /proc.
	unshare -p -f --kill-child --mount-proc \
		sh -c 'umount -l -a -t fuse,fuse.modelvault; exec "$@"' - "$MODELVAULT" mount vault m -f 2>said 3>&- &
	unshare=$!
	wait_for 10 grep -q '^mounted' said
	grep -q 'pid namespace of its own' said
	server=$(pgrep -P "$unshare")
	refused cat "/proc/$server/root$F"
	# Nor is he let in at the socket.
	exits 3 "$MODELVAULT" rules vault
	# Those within are seen.
	allowed nsenter -t "$server" -p -m cat "$F"
	nsenter -t "$server" -p -m "$MODELVAULT" audit "$T/vault" query --json --action open >records
	says "$(sed -n 1p records)" '.outcome == "deny" and .reason == "pid-unknown" and .pid == null'
	says "$(sed -n 2p records)" '.outcome == "allow" and .pid > 1 and .uid == 0'
	kill "$server"
	wait "$unshare" || true
}

@test "a server does not start with the /proc of another pid namespace" {
	root_only "it needs root"
	unmounted m
	exits 3 timeout 10 unshare -p -f --kill-child "$MODELVAULT" mount vault m
	[[ $output == *"/proc"* ]]
	run ! mountpoint -q m
}

@test "a user namespace gives nobody anything" {
	grant user:mvalice read '**'
	grant "user:$OWNER" read '**'
	allowed as_user mvalice cat "$F"
	refused as_user mvalice unshare -Ur cat "$F"
	says "$(last --action open)" ".reason == \"user-namespace\" and .uid == 5001 and .outcome == \"deny\""
	refused as_user mvalice unshare -U cat "$F"
	refused as_user mvbob unshare -Ur cat "$F"
	refused unshare -Ur cat "$F"
	refused as_user mvalice unshare -Urm cat "$F"
	refused as_user mvalice unshare -Urpf --mount-proc cat "$F"
	says "$(last --action open)" ".reason == \"user-namespace\" and .uid == 5001"
}

@test "a program that shows another's executable is refused" {
	grant user:mvalice read 'public/**'
	# Where the kernel lets her, in a user namespace, the forgery works...
	exits 3 as_user mvalice unshare -Ur "$TOOLS/open_ways" forged /usr/bin/cat "$F"
	# ...and the trail shows both that and why it was of no use.
	says "$(last --action open)" ".reason == \"user-namespace\" and .exe == \"/usr/bin/cat\""
	# Outside of one it does not.
	exits 1 as_user mvalice "$TOOLS/open_ways" forged /usr/bin/cat "$F"
	[[ $output == *"forge: Operation not permitted"* ]]
}

@test "a program shown by memory that a user namespace shares is believed: a limit" {
	grant exe:/usr/bin/cat read 'public/**'
	# The one who shares the memory is in the user namespace, and may; who opens is not.
	exits 0 as_user mvalice "$TOOLS/open_ways" shared /usr/bin/cat "$F"
	says "$(last --action open)" '.outcome == "allow" and .exe == "/usr/bin/cat"'
	# What a rule for a user, or a unit, says does not hang by it.
	deny user:mvalice exe:/usr/bin/true read 'public/**'
	exits 0 as_user mvalice "$TOOLS/open_ways" shared /usr/bin/cat "$F"
	deny user:mvalice read 'public/**'
	exits 3 as_user mvalice "$TOOLS/open_ways" shared /usr/bin/cat "$F"
}

@test "a login that a process gives itself is believed: a limit" {
	root_only "who runs the tests himself may be logged in"
	local take='echo 5002 >/proc/self/loginuid && cat "$0"'
	[ "$(cat /proc/self/loginuid)" = 4294967295 ] || skip "the tests were logged in for"
	run -0 "$MODELVAULT" grant m loginuid:mvbob read 'public/**'
	[[ $output == *"may take any login; a user: or group: beside it says whose"* ]]
	exits 1 as_user mvalice cat "$F"
	exits 0 as_user mvalice bash -c "$take" "$F"
	run -0 "$MODELVAULT" revoke m 1
	grant loginuid:mvbob user:mvbob read 'public/**'
	exits 1 as_user mvalice bash -c "$take" "$F"
}

@test "a descriptor given to another user reads nothing that is not cached" {
	root_only "a second user is served by root's server only"
	grant user:5001 user:5002 read large
	# Even to one who could open it himself: the record would name the wrong one.
	exits 3 "$TOOLS/open_ways" passed 5001 5003 m/large
	says "$(last --action read)" '.outcome == "deny" and .reason == "handle-user" and .uid == 5003 and .path == "large"'
	exits 3 "$TOOLS/open_ways" passed 5001 5002 m/large
	exits 3 "$TOOLS/open_ways" passed 5001 0 m/large
	says "$(last --action read)" '.reason == "handle-user" and .uid == 0 and .pid > 0'
	exits 0 "$TOOLS/open_ways" passed 5001 5001 m/large
}

@test "a forked child reads by its parent's descriptor, and that is recorded once" {
	grant user:mvalice read large
	as_user mvalice bash -c 'exec 3<"$0"; (dd bs=4096 count=1 <&3; dd bs=4096 skip=400 count=1 <&3;
		echo done) 2>/dev/null >/dev/null' "$T/m/large"
	# bash opened; two dd's of its child read: two processes, one record each.
	[ "$(count --action open --user mvalice)" = 1 ]
	[ "$(count --action read --user mvalice --outcome allow)" = 2 ]
	says "$(last --action open)" '.exe | endswith("/bash")'
	as_user mvalice perl -e 'open my $f, "<", $ARGV[0] or die; binmode $f;
		if (!fork) { for my $at (700, 100, 500) { sysseek $f, $at * 4096, 0; sysread $f, my $b, 9000
			or exit 1 } exit 0 } wait; exit $? != 0' "$T/m/large"
	[ "$(count --action read --user mvalice --outcome allow)" = 3 ]
	says "$(last --action read)" '.detail | test("another process")'
}

@test "a descriptor stays good when its process becomes another program" {
	local pid
	grant user:mvalice read 'public/**'
	pid=$(as_user mvalice bash -c 'exec 3<"$0"; echo $$; exec cat <&3 >/dev/null' "$F")
	# The record is that of the program that opened; nothing else was opened.
	says "$(last --action open)" ".exe == \"$(readlink -f /bin/bash)\" and .outcome == \"allow\" and .pid == $pid"
	[ "$(count --action open --user mvalice)" = 1 ]
}

@test "the kernel does not read for everybody through a loop device" {
	root_only "a second user is served by root's server only"
	local device
	grant "user:$OWNER" read large
	allowed sha256sum m/large
	as_root sh -c "echo 3 >/proc/sys/vm/drop_caches"
	device=$(losetup -f -r --show m/large)
	run dd if="$device" of=/dev/null bs=1M status=none
	[ "$status" -ne 0 ]
	says "$(last --action read --outcome deny)" '.reason == "kernel-thread" and .path == "large"'
	losetup -d "$device"
	allowed sha256sum m/large
}

@test "who reads through an overlay gets no more than his own rights" {
	root_only "it needs root"
	grant "user:$OWNER" read 'public/**'
	mkdir upper work merged
	mount -t overlay overlay -o "lowerdir=$T/m,upperdir=$T/upper,workdir=$T/work" merged
	chmod 755 upper merged
	refused as_user mvbob cat "$T/merged/public/file"
	says "$(last --action open)" '.outcome == "deny"'
	# Nor does a cache that root has filled answer for him.
	run cat merged/public/file
	refused as_user mvbob cat "$T/merged/public/file"
}

@test "the pages that one user has read are not shown to another" {
	grant user:mvalice read large
	as_user mvalice cat "$T/m/large" | cmp - tree/large
	exec 5< <(as_user mvalice sh -c 'exec 4<"$0"; cat <&4 >/dev/null; echo; sleep 20' "$T/m/large" 2>/dev/null 3>&-)
	read -r <&5
	refused as_user mvbob cat "$T/m/large"
	refused as_user mvbob "$TOOLS/open_ways" often 50 "$T/m/large"
	refused as_user mvbob "$TOOLS/read_uring" sqpoll "$T/m/large" /dev/null
	exec 5<&-
}

@test "setuid programs are seen as who they are" {
	root_only "a second user is served by root's server only"
	grant user:mvalice read 'public/**'
	cp "$(command -v cat)" suid-cat
	chown mvalice suid-cat
	chmod 4755 suid-cat
	# The file system user id is mvalice's now; her rights are those of the program.
	allowed setpriv --reuid 5002 --regid 5002 --clear-groups ./suid-cat "$F"
	chown mvbob suid-cat
	chmod 4755 suid-cat
	refused setpriv --reuid 5001 --regid 5001 --clear-groups ./suid-cat "$F"
}

@test "why tells a refused user his own refusal and nobody else's" {
	root_only "a second user is served by root's server only"
	refused as_user mvbob cat "$F"
	run as_user mvbob "$MODELVAULT" why "$F"
	[[ $output == *no-rule* ]]
	run as_user mvalice "$MODELVAULT" why "$F"
	[[ $output == *"no refusal"* ]]
}
