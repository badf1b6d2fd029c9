#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Many at once, and little to work with: thousands of handles, many readers, few descriptors for the
# server, a memory limit not much larger than the model.

load ../lib

setup() {
	common_setup
	chmod 755 "$T"
	mkdir tree m
	local i
	for i in {1..64}; do
		random_file "tree/$i" $((100000 + i * 1000))
	done
	make_vault vault 2>said
	"$MODELVAULT" import vault tree 2>>said
	"$MODELVAULT" grant vault user:mvalice user:mvbob read '**' >/dev/null 2>>said
	# hold.py COUNT GO PATH...: opens COUNT times, says how many it got and why no more; holds until GO.
	cat >hold.py <<'PY'
import os, sys, time
count, go, paths = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
held, why = [], "all"
for i in range(count):
    try:
        held.append(os.open(paths[i % len(paths)], os.O_RDONLY))
    except OSError as error:
        why = os.strerror(error.errno)
        break
wrong = sum(len(os.pread(fd, 10, 50000)) != 10 for fd in held)
print("held", len(held), "wrong", wrong, why, flush=True)
while not os.path.exists(go):
    time.sleep(0.02)
PY
}

teardown() {
	local pid
	touch "$T/go"
	for pid in "${holders[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	[ ! -d "${cgroup:-/nowhere}" ] || leave_cgroup
	common_teardown
}

status_of() { "$MODELVAULT" status vault --json | jq -r "select(.kind == \"vault\").$1"; }
has_handles() { [ "$(status_of handles)" = "$1" ]; }

@test "thousands of handles, in one process and in many; each file is open once" {
	root_only "a second user is served by root's server only"
	local many=$((FULL ? 10000 : 2000)) pid i
	mounted vault m 2>>said
	pid=$(status_of pid)
	(ulimit -n $((many + 100)) && as_user mvalice python3 hold.py "$many" "$T/go" m/tree/{1..64}) \
		>one 2>&1 3>&- &
	holders+=($!)
	for i in {1..20}; do
		as_user mvbob python3 hold.py $((many / 20)) "$T/go" m/tree/{1..64} >"many$i" 2>&1 3>&- &
		holders+=($!)
	done
	wait_for 60 grep -q held one
	for i in {1..20}; do
		wait_for 60 grep -q held "many$i"
		[ "$(cat "many$i")" = "held $((many / 20)) wrong 0 all" ]
	done
	[ "$(cat one)" = "held $many wrong 0 all" ]
	has_handles $((many * 2))
	# The objects of 64 files are 64 descriptors.
	[ "$(ls -l "/proc/$pid/fd" | grep -c "$T/vault/objects/../")" -le 64 ]
	"$MODELVAULT" revoke vault 1 2>revoked
	grep -q "$((many * 2)) open handles ended" revoked
	touch go
	wait_for 20 has_handles 0
	"$MODELVAULT" audit vault verify
}

@test "a server with few descriptors refuses what it cannot open, says why, and recovers" {
	root_only "a second user is served by root's server only"
	(ulimit -n 64 && "$MODELVAULT" mount vault m 2>>said)
	as_user mvalice python3 hold.py 64 "$T/go" m/tree/{1..64} >one 2>&1 3>&- &
	holders+=($!)
	wait_for 20 grep -q held one
	cat one
	grep -Eq '^held ([1-9]|[1-5][0-9]) wrong 0 Too many open files in system$' one
	# It lives: what is open is read and opened by others, and commands are answered.
	as_user mvbob cmp m/tree/1 tree/1
	"$MODELVAULT" status vault >/dev/null
	"$MODELVAULT" audit vault query --json --outcome error --order newest --limit 1 |
		jq -e '.action == "open" and .reason == "no-resources" and .uid == 5001'
	touch go
	wait_for 20 has_handles 0
	for i in {1..64}; do
		as_user mvbob cmp "m/tree/$i" "tree/$i"
	done
	"$MODELVAULT" audit vault verify
}

@test "64 readers at once, of one file and of 64, see the right bytes" {
	root_only "a second user is served by root's server only"
	local i pids=()
	mounted vault m 2>>said
	for i in {1..64}; do
		as_user mvalice cmp m/tree/7 tree/7 3>&- &
		pids+=($!)
	done
	for i in {1..64}; do
		as_user mvbob cmp "m/tree/$i" "tree/$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(status_of opens_allowed)" -ge 128 ]
}

# enter_cgroup MIB: a memory cgroup by hand, for this shell and all that it starts.
enter_cgroup() {
	cgroup=/sys/fs/cgroup/memory/modelvault-test.$$
	mkdir "$cgroup" 2>/dev/null && [ -f "$cgroup/memory.limit_in_bytes" ] ||
		{ rmdir "$cgroup" 2>/dev/null; skip "no memory cgroup (v1) can be made here"; }
	echo $(($1 * 1048576)) >"$cgroup/memory.limit_in_bytes"
	echo $BASHPID >"$cgroup/cgroup.procs"
}

leave_cgroup() {
	local pid
	while read -r pid; do
		echo "$pid" >/sys/fs/cgroup/memory/cgroup.procs 2>/dev/null || true
	done <"$cgroup/cgroup.procs"
	rmdir "$cgroup" 2>/dev/null || true
}

@test "a model of three quarters of the memory is read and mapped, by the server's cgroup too" {
	root_only "it needs root"
	local mib=$((FULL ? 768 : 192)) dirty
	head -c $((mib * 1048576)) /dev/urandom >model
	"$MODELVAULT" import vault model 2>>said
	sync -f vault
	enter_cgroup $((mib * 4 / 3))
	mounted vault m 2>>said
	as_user mvalice cmp m/model model
	as_user mvalice python3 -c 'import mmap, os, sys
fd, plain = os.open(sys.argv[1], os.O_RDONLY), open(sys.argv[2], "rb")
pages = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
for at in range(0, len(pages), 1 << 20):
    assert pages[at:at + (1 << 20)] == plain.read(1 << 20)' m/model model
	as_user mvalice cmp m/model model
	[ "$(awk '$1 == "oom_kill" { print $2 }' "$cgroup/memory.oom_control")" = 0 ]
	# The cache holds the plaintext, not the objects beside it.
	object=$("$MODELVAULT" ls vault model --json | jq -r .file_id)
	wait_for 15 eval '[ "$(fincore -b -n -o RES vault/objects/*/'"$object"')" -le $((16 * 1048576)) ]'
	"$MODELVAULT" umount m
	leave_cgroup
}
