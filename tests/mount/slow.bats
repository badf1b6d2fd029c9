#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A revocation that meets READs which the backing store has not answered yet.
load ../lib

setup() {
	root_only "a second user is served by root's server only"
	common_setup
	random_file model 3000000
	make_vault vault 2>said
	"$MODELVAULT" import vault model 2>>said
	rule=$("$MODELVAULT" grant vault user:mvbob read '**' 2>>said)
	"$MODELVAULT" grant vault user:mvalice read '**' 2>>said
	"$TOOLS/fault_fs" "$T/vault/objects" "$T/hold" 2>>said 3>&- &
	wait_for 5 mountpoint -q vault/objects
	# Reads one page and, when it is told again, says how many pages it gets by read and by mapping.
	cat >reader.py <<'PY'
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
pages = None
if sys.argv[2] != "none":
    pages = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ)

def is_read(at):
    try:
        return len(os.pread(fd, 4096, at)) > 0
    except PermissionError:
        return False

def is_mapped(at):
    child = os.fork()
    if child == 0:
        os._exit(0 if pages[at] >= 0 else 1)
    return os.waitpid(child, 0)[1] == 0

def count():
    some = range(0, min(size, 1 << 20), 4096)
    return sum(map(is_read, some)), sum(map(is_mapped, some)) if pages else 0

print("before", *count(), flush=True)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
sys.stdin.readline()
print("began", is_read(0), flush=True)
sys.stdin.readline()
print("after", *count(), flush=True)
PY
}

teardown() {
	rm -f "$T/hold"
	[ -z "${reader:-}" ] || kill "$reader" 2>/dev/null || true
	common_teardown
}

# read_is_held CACHE: mvbob has read everything, and a READ of his is not answered until hold is gone.
read_is_held() {
	mounted vault m -o "cache=$1" 2>>said
	mkfifo go
	exec 6<>go
	as_user mvbob python3 reader.py "$T/m/model" "$1" <&6 >read 2>&1 3>&- 6>&- &
	reader=$!
	wait_for 10 grep -q before read
	touch hold
	echo >&6
	wait_for 10 test -e hold.waiting
}

# nothing_is_left: of all that mvbob could read before; and others read on.
nothing_is_left() {
	echo >&6
	wait $reader
	cat read
	grep -Ex 'before 256 (256|0)' read
	grep -x 'after 0 0' read
	as_user mvalice cmp m/model model
}

revoke_waits_for_read() {
	read_is_held "$1"
	"$MODELVAULT" revoke vault "$rule" 2>revoked 3>&- 6>&- &
	revoke=$!
	# In force at once for what begins now, though the read that began before keeps revoke waiting.
	wait_for 5 eval '"$MODELVAULT" audit vault --action revoked --count | grep -qx 1'
	sleep 0.5
	kill -0 $revoke
	refused as_user mvbob head -c 1 m/model
	rm hold
	wait $revoke
	grep -q '; 1 open handle ended$' revoked
	nothing_is_left
}

@test "revoke returns when a read that had begun is answered, and no page of it stays" {
	revoke_waits_for_read keep
}

@test "the same where nothing is cached" {
	revoke_waits_for_read none
}

store_hangs() {
	read_is_held "$1"
	started=$SECONDS
	run -1 timeout 30 "$MODELVAULT" revoke vault "$rule"
	[ $((SECONDS - started)) -le 15 ]
	[[ $output == *"in force and saved, but reads that had begun are still being answered: 1"* ]]
	refused as_user mvbob head -c 1 m/model
	# The server is not held up by it.
	timeout 5 "$MODELVAULT" status vault >/dev/null
	rm hold
	sleep 0.5
	nothing_is_left
}

@test "a store that hangs: revoke is in force, stops waiting and says so" {
	store_hangs none
}

@test "the same with pages cached: they go when the store answers" {
	store_hangs keep
}

@test "mv to where its reader may not read: waits as a revoke does" {
	"$MODELVAULT" deny vault user:mvbob read other >denied 2>>said
	read_is_held keep
	"$MODELVAULT" mv vault model other 3>&- 6>&- &
	move=$!
	wait_for 5 eval '"$MODELVAULT" audit vault --action revoked --count | grep -qx 1'
	sleep 0.5
	kill -0 $move
	rm hold
	wait $move
	echo >&6
	wait $reader
	grep -x 'after 0 0' read
	as_user mvalice cmp m/other model
}

@test "what goes while it is verified or exported is no damage, and no refusal" {
	"$MODELVAULT" grant vault user:root read '**' 2>>said
	echo x >second
	"$MODELVAULT" import vault second 2>>said
	mounted vault m 2>>said
	touch hold
	"$MODELVAULT" verify vault >verified 2>&1 3>&- &
	verify=$!
	wait_for 10 test -e hold.waiting
	"$MODELVAULT" rm vault second
	rm hold
	wait $verify
	grep -q '^1 file, .* 0 damaged' verified
	rm hold.waiting
	echo "hang $(basename "$(find vault/objects -type f -size +1M)")" >hold
	"$MODELVAULT" export vault model out 2>exported 3>&- &
	export=$!
	wait_for 10 test -e hold.waiting
	random_file model 2000000
	# Its row is there at once; the old object goes when the store answers.
	"$MODELVAULT" import vault model --replace 2>>said 3>&- &
	import=$!
	is_replaced() { "$MODELVAULT" ls vault model --json | grep -q '"size":2000000'; }
	wait_for 10 is_replaced
	rm hold
	r=0
	wait $export || r=$?
	wait $import
	cat exported
	[ $r -eq 6 ]
	grep -q 'model: it was removed or replaced meanwhile' exported
	[ ! -e out ]
	[ "$("$MODELVAULT" audit vault --action integrity --count)" = 0 ]
	[ "$("$MODELVAULT" audit vault --outcome deny --count)" = 0 ]
}
