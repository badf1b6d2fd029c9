#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The mount survives: who uses it, who is cut off, servers that are ended, killed or hang.

load ../lib

setup() {
	common_setup
	chmod 755 "$T"
	mkdir tree m
	echo 'plain text' >tree/file
	random_file tree/large 3000000
	make_vault vault 2>said
	"$MODELVAULT" import vault tree 2>>said
	cat >use.py <<'PY'
# use.py WAY PATH TOLD: uses PATH in that way until it is ended; when told, says what it still gets.
import mmap, os, signal, sys, time
way, path, told = sys.argv[1:]
if way == "cwd":
    os.chdir(path)
if way == "root":
    os.chroot(path)
fd = os.open(path, os.O_RDONLY) if way in ("open", "map", "read") else -1
pages = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ) if way in ("map", "read") else None
if pages:
    sum(pages[at] for at in range(0, len(pages), 4096))
if way == "map":
    os.close(fd)
if way == "stubborn":
    fd = os.open(path, os.O_RDONLY)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", os.getpid(), flush=True)
while way != "read" or not os.path.exists(told):
    time.sleep(0.05)
for at in (0, 1 << 20):
    try:
        print("read", len(os.pread(fd, 100, at)), flush=True)
    except OSError as error:
        print("read", os.strerror(error.errno), flush=True)
    if os.fork() == 0:
        os._exit(pages[at] & 0)
    print("touch", os.wait()[1], flush=True)
PY
}

teardown() {
	local pid
	for pid in "${users[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	[ -z "${stopped:-}" ] || kill -CONT "$stopped" 2>/dev/null || true
	common_teardown
}

server_pid() { "$MODELVAULT" status "$1" --json | jq -r 'select(.kind == "vault").pid'; }
count() { "$MODELVAULT" audit vault query --count "$@"; }
grant() { "$MODELVAULT" grant vault "$@" 2>>said; }

# unpaired: the opens and closes on record that have no partner, of each process that has some.
unpaired() {
	"$MODELVAULT" audit vault query --json | jq -rs 'map(select(.outcome == "allow"))
		| map(select(.action == "open" or .action == "close")) | group_by(.pid)[]
		| select((map(select(.action == "open")) | length) * 2 != length)[]
		| "\(.seq) \(.time) \(.action) pid \(.pid) \(.path)"'
}

# use NAME WAY PATH [as_user NAME]: a process that uses PATH, $user from now on.
use() {
	local name=$1 way=$2 path=$3
	shift 3
	"$@" python3 use.py "$way" "$path" "$T/told" >"$name.out" 2>&1 3>&- &
	wait_for 10 grep -q ready "$name.out"
	user=$(sed -n 's/^ready //p' "$name.out")
	users+=("$user")
}

@test "mount points with different options show the same tree, and each change when a command returns" {
	local at
	mkdir m2 m3
	mounted vault m 2>>said
	mounted vault m2 -o cache=none 2>>said
	mounted vault m3 -o cache=open,threads=2,cache-idle=1s 2>>said
	grant "user:$OWNER" read '**'
	for at in m m2 m3; do
		diff -r tree "$at/tree"
	done
	echo more >more
	"$MODELVAULT" import vault more 2>>said
	for at in m m2 m3; do
		cmp more "$at/more"
	done
	"$MODELVAULT" rm vault tree/file
	for at in m m2 m3; do
		[ ! -e "$at/tree/file" ]
	done
	"$MODELVAULT" revoke vault 1 2>>said
	for at in m m2 m3; do
		refused cat "$at/more"
	done
	unmounted m2
	ls m/tree m3/tree
}

@test "umount of a busy mount lists all who use it, in every way" {
	root_only "a second user is served by root's server only"
	local cwd root open map
	mounted vault m 2>>said
	grant "user:$OWNER" read '**'
	use cwd cwd "$T/m/tree"
	cwd=$user
	use root root "$T/m"
	root=$user
	use open open "$T/m/tree/file"
	open=$user
	use map map "$T/m/tree/large"
	map=$user
	exits 7 "$MODELVAULT" umount m
	[[ $output == *"pid $cwd (uid 0, python3"*"): working directory"* ]]
	[[ $output == *"pid $root (uid 0, python3"*"): "*"root directory"* ]]
	[[ $output == *"pid $open (uid 0, "*") has tree/file open"* ]]
	[[ $output == *"pid $map (uid 0, "*") has tree/large open"* ]]
	[[ $output == *"--kill"*"--force"* ]]
	# What the server cannot know: a descriptor that came by fork and outlived its opener.
	(exec 7<m/tree/file; (exec sleep 60 >/dev/null 2>&1 3>&-) & echo $! >pid)
	users+=("$(cat pid)")
	wait_for 5 eval '"$MODELVAULT" umount m 2>&1 | grep -q "pid $(cat pid) (uid 0, sleep): open file"'
	[ "$(cat m/tree/file)" = 'plain text' ]
}

@test "umount --kill ends them, first by asking, and leaves the server to its other mounts" {
	root_only "a second user is served by root's server only"
	local pid stubborn
	mkdir other
	mounted vault m 2>>said
	mounted vault other 2>>said
	grant "user:$OWNER" user:mvalice read '**'
	pid=$(server_pid vault)
	use cwd cwd "$T/m"
	use map map "$T/m/tree/large" as_user mvalice
	use stubborn stubborn "$T/m/tree/file"
	stubborn=$user
	use beside open "$T/other/tree/file"
	started=$SECONDS
	run "$MODELVAULT" umount --kill m
	[ "$status" = 0 ]
	[ $((SECONDS - started)) -le 6 ]
	[[ $output == *"pid $stubborn: killed"* ]]
	run ! mountpoint -q m
	process_ended "$stubborn"
	[ "$(server_pid vault)" = "$pid" ]
	kill -0 "$user"
	[ "$(cat other/tree/file)" = 'plain text' ]
	exits 2 "$MODELVAULT" umount --kill --force other
	# Without the right to, nothing is ended and nothing unmounted.
	exits 3 as_user mvbob "$MODELVAULT" umount --kill "$T/other"
	kill -0 "$user"
}

@test "umount --force cuts off descriptors and mappings, and nobody elsewhere" {
	mkdir other
	mounted vault m 2>>said
	mounted vault other 2>>said
	grant "user:$OWNER" user:mvalice read '**'
	use reader read "$T/m/tree/large" as_user mvalice
	use cwd cwd "$T/m"
	timeout 10 "$MODELVAULT" umount --force m 2>forced
	grep -q '^1 open handle ended' forced
	run ! mountpoint -q m
	touch told
	wait_for 10 eval '[ $(wc -l <reader.out) = 5 ]'
	# SIGBUS is 7; what read says is the end of the handle or of the connection.
	[ "$(grep -c '^touch 7$' reader.out)" = 2 ]
	[ "$(grep -cE '^read (Permission denied|Transport endpoint is not connected|Software caused connection abort)$' reader.out)" = 2 ]
	[ "$(cat other/tree/file)" = 'plain text' ]
	[ "$(count --action umount)" = 1 ]
	"$MODELVAULT" audit vault query --action umount --json | jq -e '.uid == '"$EUID"' and .detail == "'"$T"'/m"'
	[ "$(count --action close --user mvalice)" -ge 1 ]
	mounted vault m 2>>said
	cmp m/tree/large tree/large
}

@test "umount --force of the last mount ends the server, and takes the mount from one that hangs" {
	local pid
	mounted vault m 2>>said
	grant "user:$OWNER" read '**'
	use cwd cwd "$T/m"
	pid=$(server_pid vault)
	timeout 10 "$MODELVAULT" umount --force m 2>>said
	wait_for 5 process_ended "$pid"
	mounted vault m 2>>said
	use again cwd "$T/m"
	stopped=$(server_pid vault)
	kill -STOP "$stopped"
	started=$SECONDS
	run timeout 20 "$MODELVAULT" umount --force "$T/m"
	[ "$status" = 0 ]
	[[ $output == *"does not answer"*"process $stopped is still there"* ]]
	[ $((SECONDS - started)) -le 8 ]
	run ! mountpoint -q m
	kill -CONT "$stopped"
	# For an ordinary user the mount is out of the tree, but nobody cuts the connection: the server
	# goes on for who is inside, and no longer.
	[ "$EUID" -eq 0 ] || kill "$user"
	wait_for 10 process_ended "$stopped"
}

@test "a killed server: what is left says so, and the next mount clears it" {
	local pid id
	mounted vault m 2>>said
	grant "user:$OWNER" read '**'
	use open open "$T/m/tree/file"
	use cwd cwd "$T/m"
	pid=$(server_pid vault)
	kill -KILL "$pid"
	wait_for 5 process_ended "$pid"
	# Half an import, a socket, a lock: what a killed server may leave.
	touch vault/objects/.new/0123456789abcdef0123456789abcdef
	id=$(cut -d' ' -f3 vault/id)
	[ -S "$(socket_of vault)" ]
	run "$MODELVAULT" status
	[ "$status" = 1 ]
	[[ $output == *"$T/vault: its server is dead; \`modelvault umount $T/m\` clears it"* ]]
	run "$MODELVAULT" status vault
	[[ $output == *"$T/vault: its server is dead"* ]]
	run "$MODELVAULT" why m/tree/file
	[ "$status" = 1 ]
	[[ $output == *"the server of $T/m is dead"* ]]
	[ "$("$MODELVAULT" ls vault tree/file | tail -n 1)" = tree/file ]
	run "$MODELVAULT" mount vault m
	[ "$status" = 0 ]
	[[ $output == *"the server of $T/m was dead; the mount was cleared"* ]]
	cmp m/tree/large tree/large
	[ ! -e vault/objects/.new/0123456789abcdef0123456789abcdef ]
	[ "$(mounts_below "$T" | wc -l)" = 1 ]
	"$MODELVAULT" audit vault verify
	# Dead ones of another vault are cleared too.
	kill -KILL "$(server_pid vault)"
	"$MODELVAULT" init vault2 --new-key-file key2 2>>said
	wait_for 5 eval '! ls m 2>/dev/null'
	"$MODELVAULT" mount vault2 m --key-file key2 2>>said
	[ "$(server_pid vault2)" != "$pid" ]
}

@test "umount of a server that ends before it has heard it clears the mount" {
	local pid asking
	mounted vault m 2>>said
	pid=$(server_pid vault)
	kill -STOP "$pid"
	"$MODELVAULT" umount m >out 2>&1 3>&- &
	asking=$!
	# It stands in the queue of the socket.
	wait_for 5 eval '[ "$(grep -cF "$(basename "$(socket_of vault)")" /proc/net/unix)" -gt 1 ]'
	kill -KILL "$pid"
	wait "$asking"
	cat out
	grep -q "the server of $T/m was dead; the mount was cleared" out
	[ -z "$(mounts_below "$T")" ]
}

@test "SIGTERM with readers at work, mapped files and somebody inside: gone within 5 s, all on record" {
	local pid i started took opens closes
	mounted vault m 2>>said
	grant user:mvalice "user:$OWNER" read '**'
	pid=$(server_pid vault)
	use cwd cwd "$T/m/tree"
	use reader read "$T/m/tree/large" as_user mvalice
	for i in 1 2 3; do
		as_user mvalice bash -c 'while :; do cat "$0" || exit; done' "$T/m/tree/large" \
			>/dev/null 2>&1 3>&- &
		users+=($!)
	done
	sleep 0.5
	started=$(date +%s%N)
	kill "$pid"
	wait_for 6 process_ended "$pid"
	took=$((($(date +%s%N) - started) / 1000000))
	echo "gone after $took ms; mounts: $(mounts_below "$T")"
	[ "$took" -le 5000 ]
	[ -z "$(mounts_below "$T")" ]
	touch told
	wait_for 10 eval '[ $(wc -l <reader.out) = 5 ]' || { cat reader.out; false; }
	cat reader.out
	[ "$(grep -c '^touch 7$' reader.out)" = 2 ]
	"$MODELVAULT" audit vault verify
	# Each open has its close, and the last word is the stop.
	"$MODELVAULT" audit vault query --order newest --limit 8
	opens=$(count --action open --outcome allow)
	closes=$(count --action close)
	echo "opens: $opens, closes: $closes; without a partner:" && unpaired
	[ "$opens" = "$closes" ]
	[ "$("$MODELVAULT" audit vault query --order newest --limit 1 --json | jq -r .action)" = stop ]
	[ "$(count --action umount)" = 1 ]
}

@test "revoke: --dry-run shows rules and handles, --all takes shared rules, --kill ends who lost" {
	root_only "a second user is served by root's server only"
	local reader other
	mounted vault m 2>>said
	grant user:mvalice read '**'
	grant user:mvalice user:mvbob read 'tree/large'
	grant any read tree/file
	use reader read "$T/m/tree/large" as_user mvalice
	reader=$user
	use other open "$T/m/tree/large" as_user mvbob
	other=$user
	use file open "$T/m/tree/file" as_user mvalice
	run "$MODELVAULT" revoke vault --user mvalice --all --dry-run
	[ "$status" = 0 ]
	[[ $output == *"would revoke: rule 1 "*"would revoke: rule 2 "* ]]
	[[ $output == *"would end: tree/large, open by pid $reader uid 5001"* ]]
	[[ $output == *"would end: tree/large, open by pid $other uid 5002"* ]]
	[[ $output != *"would end: tree/file"* ]]
	[[ $output == *"mvalice may still read by: rule 3 "* ]]
	[ "$("$MODELVAULT" rules vault | wc -l)" = 3 ]
	[ "$(count --action revoke)" = 0 ]
	# Without --all what others have too stays.
	exits 1 "$MODELVAULT" revoke vault --user mvalice --dry-run
	[[ $output == *"rule 2 names other users too"* && $output != *"would end:"* ]]
	exits 2 "$MODELVAULT" revoke vault 1 --all
	run "$MODELVAULT" revoke vault --user mvalice --all --kill
	[ "$status" = 0 ]
	[[ $output == *"2 open handles ended"*"pid $reader: asked to end"* ]]
	process_ended "$reader"
	process_ended "$other"
	kill -0 "$user"
	[ "$("$MODELVAULT" rules vault | wc -l)" = 1 ]
	refused as_user mvbob cat "$T/m/tree/large"
	as_user mvalice cat "$T/m/tree/file"
}

@test "a busy mount: each holder is a line of its own, whatever his program is called" {
	local i
	grant any read '**'
	mounted vault m
	cp /usr/bin/tail $'odd\n  pid 1 (uid 0, x) has y open'
	for i in file large; do
		./odd* -f "m/tree/$i" >/dev/null 3>&- &
		users+=($!)
	done
	open_twice() { [ "$("$MODELVAULT" status vault --json | jq -rs '[.[] | select(.kind == "handle")] | length')" = 2 ]; }
	wait_for 5 open_twice
	exits 7 "$MODELVAULT" umount m
	[ "$(grep -cE "^  pid [0-9]+ \\(uid $EUID, "'.*/odd\\n  pid 1 .*\) has tree/(file|large) open$' <<<"$output")" -eq 2 ]
	run ! grep -E '^  pid 1 ' <<<"$output"
}
