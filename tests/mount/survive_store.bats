#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Objects in a store that answers short, fails, is full or hangs: every read gives exactly the right
# bytes or EIO and a record, and works again when the store does; who reads something else, or
# asks the server for something, does not notice.

load ../lib

setup() {
	common_setup
	chmod 755 "$T"
	mkdir m
	random_file a 3000000
	random_file b 700000
	: >empty
	make_vault vault --objects "$T/store" 2>said
	"$MODELVAULT" import vault a b empty 2>>said
	"$MODELVAULT" grant vault "user:$OWNER" user:mvalice read '**' >/dev/null 2>>said
	"$TOOLS/fault_fs" "$T/store" "$T/fault" 2>>said 3>&- &
	wait_for 5 mountpoint -q store
	# read_at.py FILE PLAIN SEED COUNT: reads at random offsets; bytes that are wrong or too few end it.
	cat >read_at.py <<'PY'
import errno, os, random, sys
path, plain, seed, count = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3]), int(sys.argv[4])
random.seed(seed)
good = failed = 0
while True:
    try:
        fd = os.open(path, os.O_RDONLY)
        break
    except OSError as error:
        if error.errno != errno.EIO or count < 100:
            sys.exit("open: " + os.strerror(error.errno))
for _ in range(count):
    at = random.randrange(len(plain))
    want = random.choice((1, 100, 4096, 65536, 400000))
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        got = os.pread(fd, want, at)
    except OSError as error:
        if error.errno != errno.EIO:
            sys.exit("read: " + os.strerror(error.errno))
        failed += 1
        continue
    # A read of several pages may end before the first that fails, never inside one.
    if got != plain[at:at + len(got)] or (len(got) < min(want, len(plain) - at) and (at + len(got)) % 4096):
        sys.exit("wrong: %d bytes of %d at %d" % (len(got), want, at))
    if len(got) < min(want, len(plain) - at):
        failed += 1
    else:
        good += 1
print("good" if good else "none", "failed" if failed else "none")
PY
}

teardown() {
	local pid
	rm -f "$T/fault"
	for pid in "${readers[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	common_teardown
}

count() { "$MODELVAULT" audit vault query --count "$@"; }
server_pid() { "$MODELVAULT" status vault --json | jq -r 'select(.kind == "vault").pid'; }

# object_of PATH: its name in the store.
object_of() { "$MODELVAULT" ls vault "$1" --json | jq -r .file_id; }

# reads FAULT EXPECTED: what read_at says of an open file while the store has that fault.
reads() {
	echo "$1" >fault
	run timeout 60 python3 read_at.py m/a a 7 15
	rm fault
	echo "$1: $output"
	[ "$output" = "$2" ]
}

# each_fault MOUNT-OPTIONS: EIO, with records, only where the store gives nothing to work with.
each_fault() {
	local records
	mounted vault m -o "$1" 2>>said
	reads short 'good none'
	reads eintr 'good none'
	reads few 'good none'
	[ "$(count --action integrity)" = 0 ]
	for fault in none eio eintrs; do
		records=$(count --action integrity)
		# Open and seal index come from before, or the open itself is refused.
		echo "$fault" >fault
		run timeout 60 python3 read_at.py m/a a 8 6
		rm fault
		echo "$fault: $output"
		[[ $output == 'none failed' || $output == 'open: Input/output error' ]]
		[ "$(count --action integrity)" -gt "$records" ]
		"$MODELVAULT" audit vault query --action integrity --order newest --limit 1 --json |
			jq -e '.reason == "integrity" and (.detail | startswith("io")) and .path == "a"'
		# Nothing of it stays.
		[ "$(timeout 60 python3 read_at.py m/a a 9 6)" = 'good none' ]
		cmp m/a a
		cmp m/b b
	done
}

@test "a store that answers short, EINTR, EIO or nothing: the right bytes or EIO, and then all is well" {
	each_fault cache=open
}

@test "the same where nothing is cached" {
	each_fault cache=none
}

@test "faults that come and go while four users read: never a wrong byte, never a failure after" {
	local i pids=()
	mounted vault m 2>>said
	for i in 1 2 3 4; do
		timeout 100 python3 read_at.py m/a a "$i" $((FULL ? 4000 : 400)) >"out$i" 2>&1 3>&- &
		pids+=($!)
	done
	while kill -0 "${pids[0]}" 2>/dev/null; do
		for fault in short eio eintr none few; do
			echo "$fault" >fault.new && mv fault.new fault
			sleep 0.05
			rm -f fault
			sleep 0.05
		done
	done
	for i in 1 2 3 4; do
		wait "${pids[$((i - 1))]}" || { cat "out$i"; return 1; }
		grep -q '^good' "out$i"
	done
	cmp m/a a
}

@test "an object that cannot be opened is EIO with a record, and is opened when it can be" {
	mounted vault m 2>>said
	echo "noopen $(object_of a)" >fault
	damaged cat m/a
	cmp m/b b
	rm fault
	cmp m/a a
}

# hang_readers COUNT [NAME]: so many processes wait for the object of a, or of NAME.
hang_readers() {
	local i
	for ((i = 0; i < $1; i++)); do
		cat "m/${2:-a}" >/dev/null 2>&1 3>&- &
		readers+=($!)
	done
}

@test "a store that hangs for one file hangs its readers only" {
	root_only "a second user is served by root's server only"
	local started
	# Not cached, each reader asks the server: all the threads that there were are kept.
	mounted vault m -o cache=none 2>>said
	head -c 1 m/a >/dev/null
	echo "hang $(object_of a)" >fault
	hang_readers 30
	wait_for 10 test -e fault.waiting
	started=$SECONDS
	sleep 0.5
	timeout 10 cmp m/b b
	for i in 1 2 3 4 5; do
		as_user mvalice timeout 10 cmp m/b b
	done
	timeout 10 ls -l m >/dev/null
	timeout 5 "$MODELVAULT" status vault >/dev/null
	"$MODELVAULT" grant vault user:mvbob read b >/dev/null 2>>said
	as_user mvbob timeout 5 cmp m/b b
	timeout 5 "$MODELVAULT" revoke vault --user mvbob 2>>said
	refused as_user mvbob timeout 5 cat m/b
	timeout 10 "$MODELVAULT" import vault said --to new 2>>imported
	[ $((SECONDS - started)) -le 20 ]
	kill -0 "${readers[@]}"
	rm fault
	for pid in "${readers[@]}"; do
		wait "$pid"
	done
	readers=()
	cmp m/a a
	# The threads that came are gone again.
	wait_for 5 eval '[ "$(ls /proc/$(server_pid)/task | wc -l)" -le 20 ]'
}

@test "a store that is dead: status, revoke and umount --force go on, and the server ends" {
	local pid
	mounted vault m 2>>said
	"$MODELVAULT" grant vault user:mvbob read b >/dev/null 2>>said
	head -c 1 m/a >/dev/null
	pid=$(server_pid)
	echo dead >fault
	hang_readers 10
	wait_for 10 test -e fault.waiting
	timeout 5 "$MODELVAULT" status vault >/dev/null
	timeout 5 "$MODELVAULT" revoke vault 2 2>>said
	timeout 10 "$MODELVAULT" umount --force m 2>>said
	run ! mountpoint -q m
	# Nobody waits for the store any more, and the server is not kept by it.
	for reader in "${readers[@]}"; do
		wait "$reader" || true
	done
	readers=()
	wait_for 10 process_ended "$pid"
	rm fault
	[ "$("$MODELVAULT" audit vault query --order newest --limit 1 --json | jq -r .action)" = stop ]
	mounted vault m 2>>said
	cmp m/a a
}

@test "whoever opens while umount --force waits for a READ is refused, and keeps nothing" {
	cat >opener.py <<'PY'
# opener.py PATH TOLD: opens and maps PATH again and again until it is told, then says what of that it can still read.
import mmap, os, sys, time
path, told = sys.argv[1:]
maps, refused = [], 0
print("ready", flush=True)
while not os.path.exists(told):
    try:
        fd = os.open(path, os.O_RDONLY)
        maps.append(mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ))
        os.close(fd)
        if os.fork() == 0:
            os._exit(maps[-1][0] & 0)
        os.wait()
    except OSError:
        refused += 1
    time.sleep(0.02)
left = 0
for pages in maps:
    if os.fork() == 0:
        os._exit(pages[0] & 0)
    left += os.wait()[1] == 0
print("opened", len(maps) > 0, "refused", refused > 0, "left", left, flush=True)
PY
	mounted vault m 2>>said
	head -c 1 m/a >/dev/null
	echo "hang $(object_of a)" >fault
	hang_readers 1
	wait_for 10 test -e fault.waiting
	python3 opener.py "$T/m/b" "$T/told" >opener.out 2>&1 3>&- &
	readers+=($!)
	wait_for 5 grep -q ready opener.out
	sleep 0.3
	timeout 10 "$MODELVAULT" umount --force m 2>>said
	rm fault
	touch told
	wait_for 10 grep -q opened opener.out
	cat opener.out
	grep -x 'opened True refused True left 0' opener.out
	"$MODELVAULT" audit vault query --action open --json |
		jq -se 'map(select(.path == "b" and .outcome == "deny"))[0].reason == "shutting-down"'
}

@test "SIGTERM while the store hangs: gone within 5 s, with every close on record" {
	root_only "a server hides its memory and its links from its own user"
	local pid started
	mounted vault m 2>>said
	pid=$(server_pid)
	head -c 1 m/a >/dev/null
	echo hang >fault
	hang_readers 12
	# Nobody has had b open: these wait within open(2), and are not allowed yet.
	hang_readers 4 b
	wait_for 10 test -e fault.waiting
	sleep 0.5
	started=$(date +%s%N)
	kill "$pid"
	wait_for 8 process_ended "$pid"
	[ $((($(date +%s%N) - started) / 1000000)) -le 5200 ]
	[ -z "$(grep " $T/m " /proc/self/mountinfo)" ]
	rm fault
	# Readers were answered.
	for reader in "${readers[@]}"; do
		wait "$reader" || true
	done
	readers=()
	"$MODELVAULT" audit vault verify
	"$MODELVAULT" audit vault query --order newest --limit 30
	[ "$(count --action open --outcome allow)" = "$(count --action close)" ]
	[ "$(count --action open --outcome allow --path b)" = 0 ]
	[ "$(count --action umount)" = 1 ]
	[ "$("$MODELVAULT" audit vault query --order newest --limit 1 --json | jq -r .action)" = stop ]
}

@test "an import into a store that is full or fails leaves nothing half, and is made good later" {
	mounted vault m 2>>said
	random_file c 500000
	for fault in enospc eio; do
		echo "$fault" >fault
		exits 1 "$MODELVAULT" import vault c
		rm fault
		[ ! -e m/c ]
		cmp m/a a
	done
	"$MODELVAULT" import vault c 2>>said
	cmp m/c c
	[ -z "$(ls -A store/.new)" ]
	"$MODELVAULT" verify vault
}
