#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Rules that hold for a time, so often, with a certain program, in a certain unit: what an open gets,
# what becomes of files that are open when a rule turns, and what the record says.

load ../lib

mv_() { "$MODELVAULT" "$@"; }

setup() {
	root_only "other users open here, and only root's server serves them"
	common_setup
	make_vault "$T/v" --timezone UTC >/dev/null 2>&1
	mkdir models
	head -c 300000 /dev/urandom >models/a
	head -c 200000 /dev/urandom >models/b
	mv_ import v models 2>/dev/null
	# Moved by `shift_clocks WALL BOOT` (seconds); both alike is time that goes by.
	head -c 16 /dev/zero >clocks
	mkdir /run/mvtest.$$ && cp /bin/cat /run/mvtest.$$/reader
}

teardown() {
	local unit
	rm -rf /run/mvtest.$$ /dev/shm/mvtest.$$
	common_teardown
	for unit in /sys/fs/cgroup/systemd/mvtest.$$ /sys/fs/cgroup/unified/mvtest.$$ /sys/fs/cgroup/mvtest.$$; do
		[ ! -d "$unit" ] || rmdir "$unit"/* "$unit" 2>/dev/null || true
	done
}

shift_clocks() { python3 -c "import struct,sys; open('clocks','r+b').write(struct.pack('<qq', *(int(float(x)*10**9) for x in sys.argv[1:])))" "$@"; }

# The server's clocks, and those of commands about it.
shifted() {
	env CLOCK_SHIFT="$T/clocks" LD_PRELOAD="$TOOLS/clock_shift.so" ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}" "$@"
}
mounted_shifted() {
	mkdir -p "$T/m"
	shifted "$MODELVAULT" mount v "$T/m" "$@" 2>/dev/null
	mountpoint -q "$T/m"
}

# last_reason USER: of the user's last open.
last_reason() { mv_ audit v query --user "$1" --action open --order newest --limit 1 --json | python3 -c 'import json,sys; r=json.loads(sys.stdin.readline()); print(r["outcome"], r["reason"], r["rule"])'; }

reads() { as_user "$1" head -c 1000 "$T/m/models/$2" >/dev/null; }

@test "until: allowed before, refused after, and who had it open serves no more; on record" {
	mounted_shifted
	mv_ grant v user:mvalice read 'models/**' --for 1h --note "a trial" 2>words
	grep -q "until .*UTC" words && grep -q "a trial" words
	allowed reads mvalice a
	as_user mvalice bash -c 'exec 5<"$1"; echo open >"$2"; while [ ! -e "$3" ]; do sleep 0.05; done; head -c 10 <&5 >/dev/null; echo $? >"$2"' \
		- "$T/m/models/b" "$T/said" "$T/go" 2>/dev/null &
	touch said && chmod 666 said
	wait_for 5 grep -q open said
	shift_clocks 3700 3700
	wait_for 5 grep -q '"action": *"revoked"' <(mv_ audit v query --action revoked --json) || mv_ audit v query --action revoked --json
	touch go
	wait_for 5 grep -q 1 said
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny expired None" ]
	# Time went by: nobody set the clock.
	run mv_ audit v query --action clock --count
	[ "$output" = 0 ]
}

@test "from: not yet, then allowed, by the vault's time zone" {
	mounted_shifted
	local soon
	soon=$(date -u -d '+2 hours' '+%Y-%m-%d %H:%M')
	mv_ grant v user:mvalice read 'models/**' --from "$soon" 2>/dev/null
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny not-yet None" ]
	shift_clocks 7260 7260
	allowed reads mvalice a
}

@test "hours and days: outside of them refused, also across midnight" {
	mounted_shifted
	# From half an hour ago to half an hour from now.
	mv_ grant v user:mvalice read 'models/**' --hours "$(date -u -d -30min +%H:%M)-$(date -u -d +30min +%H:%M)" 2>/dev/null
	allowed reads mvalice a
	shift_clocks 3600 3600
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny outside-hours None" ]
	shift_clocks 86400 86400
	allowed reads mvalice a
	mv_ deny v user:mvalice read 'models/a' --days "$(LC_ALL=C date -u -d '+1 day' +%a | tr A-Z a-z)" 2>/dev/null
	refused reads mvalice a
	allowed reads mvalice b
}

@test "hours: in another time zone they end at another time, for who has it open too" {
	mounted_shifted
	mv_ mode v set timezone=UTC 2>/dev/null
	# Ten hours and more are left of it, and in a zone two hours east of the other end one.
	mv_ grant v user:mvalice read 'models/**' --hours "$(date -u -d '-2 hours' +%H:%M)-$(date -u -d '+10 hours' +%H:%M)" 2>/dev/null
	touch said && chmod 666 said
	as_user mvalice bash -c 'exec 5<"$1"; echo open >"$2"; while [ ! -e "$3" ]; do sleep 0.05; done; head -c 10 <&5 >/dev/null; echo $? >"$2"' \
		- "$T/m/models/b" "$T/said" "$T/go" 2>/dev/null 3>&- &
	wait_for 5 grep -q open said
	sleep 0.5
	mv_ mode v set timezone=Etc/GMT-9 2>/dev/null
	allowed reads mvalice a
	[ "$(mv_ audit v query --action revoked --count)" = 0 ]
	shift_clocks 3700 3700
	refused reads mvalice a
	wait_for 5 one_is_revoked
	touch go
	wait_for 5 grep -qx 1 said
}
one_is_revoked() { [ "$(mv_ audit v query --action revoked --count)" = 1 ]; }

@test "max-opens: per user, kept over a remount and kill -9, and full again tomorrow" {
	mounted_shifted
	mv_ grant v user:mvalice user:mvbob read 'models/**' --max-opens 3/day 2>/dev/null
	allowed reads mvalice a
	mv_ umount "$T/m"
	mounted_shifted
	allowed reads mvalice a
	kill -KILL "$(sed -n 's/^pid //p' v/lock)"
	umount -l "$T/m"
	wait_for 5 mounted_shifted
	allowed reads mvalice b
	refused reads mvalice b
	[ "$(last_reason mvalice)" = "deny over-budget None" ]
	refused reads mvalice a
	# What mvalice used is not mvbob's.
	for _ in 1 2 3; do allowed reads mvbob a; done
	refused reads mvbob a
	# Who reads without an open of his own is not counted: looking is free.
	allowed as_user mvalice stat "$T/m/models/a"
	shift_clocks 86400 86400
	allowed reads mvalice a
	# Back: what was used is not given again.
	run mv_ explain v models/a --user mvalice
	[ "$status" -eq 0 ]
}

@test "max-bytes: the file's size counts once an open; another rule without a budget goes on" {
	mounted_shifted
	mv_ grant v user:mvalice read 'models/**' --max-bytes 500K/day 2>/dev/null
	allowed reads mvalice a
	allowed reads mvalice b
	refused reads mvalice b
	[ "$(last_reason mvalice)" = "deny over-budget None" ]
	mv_ grant v user:mvalice read models/b 2>/dev/null
	allowed reads mvalice b
	refused reads mvalice a
}

@test "two at once get the last open of a budget once" {
	mounted_shifted
	mv_ grant v group:mvteam read 'models/**' --max-opens 5/day 2>/dev/null
	as_user mvalice bash -c 'for i in {1..20}; do cat "$1" >/dev/null 2>&1 && echo ok & done; wait' - "$T/m/models/a" >out
	[ "$(grep -c ok out)" = 5 ]
}

@test "an open that is learned is charged to no budget, though its rule lets in to one of the names" {
	mkdir in out
	cp models/a in/shared && cp models/b in/alone && ln in/shared out/
	mv_ import v in out 2>/dev/null
	mounted_shifted
	mv_ grant v user:mvalice read 'in/**' --max-opens 1/day >number 2>/dev/null
	mv_ mode v learn user:mvalice '**' --for 1h 2>/dev/null
	allowed as_user mvalice cat "$T/m/in/shared"
	[[ $(last_reason mvalice) == "allow learned "* ]]
	allowed as_user mvalice cat "$T/m/in/alone"
	[ "$(last_reason mvalice)" = "allow rule-allow $(cat number)" ]
	allowed as_user mvalice cat "$T/m/in/alone"
	[[ $(last_reason mvalice) == "allow learned "* ]]
	# Also when another process reads what was opened.
	allowed as_user mvalice bash -c 'exec 5<"$1"; head -c 1 <&5 >/dev/null; :' - "$T/m/models/b"
	[ "$(mv_ audit v query --action read --json | jq -r .reason)" = learned ]
}

# holds FILE: mvalice has it open; does_read FILE: lets her go on, and says whether she can.
holds() {
	rm -f "$T/$1.go"
	as_user mvalice bash -c 'exec 5<"$1"; echo open; for i in {1..400}; do [ ! -e "$2" ] || break; sleep 0.05; done; head -c 10 <&5 >/dev/null && echo goes on; echo ended' \
		- "$T/m/models/$1" "$T/$1.go" >"$1.said" 2>/dev/null 3>&- &
	PIDS+=($!)
	wait_for 5 grep -q open "$1.said"
}
does_read() {
	touch "$1.go"
	wait_for 10 grep -q ended "$1.said" || return 2
	grep -q "goes on" "$1.said"
}

@test "a budget that is used up ends nothing that was counted, and keeps nothing that was not" {
	head -c 100000 /dev/urandom >models/c
	mv_ import v models --skip 2>/dev/null
	mounted_shifted
	mv_ grant v user:mvalice read 'models/**' --max-opens 2/day >number 2>/dev/null
	holds a
	holds c
	mv_ grant v user:mvbob read other 2>/dev/null
	[ "$(mv_ audit v query --action revoked --count)" = 0 ]
	# Let in by another rule, then by learning; without these his budget would have refused it.
	mv_ grant v user:mvalice read models/b >other 2>/dev/null
	holds b
	mv_ revoke v "$(cat other)" --dry-run >words 2>&1
	grep -q "1 open handle would end" words
	mv_ revoke v "$(cat other)" 2>words
	grep -q "1 open handle ended" words
	run -1 does_read b
	mv_ mode v learn user:mvalice '**' --for 1h 2>/dev/null
	holds b
	mv_ mode v enforce 2>words
	grep -q "1 open handle ended" words
	run -1 does_read b
	# What was counted is still open, until its rule goes.
	does_read c
	[ "$(mv_ audit v query --action revoked --json | jq -rs 'map(.path) | unique | join(" ")')" = models/b ]
	mv_ revoke v "$(cat number)" 2>words
	grep -q "1 open handle ended" words
	run -1 does_read a
}

@test "a revoked rule with a budget leaves no count, and one who has it open keeps it" {
	mounted_shifted
	mv_ grant v user:mvalice read 'models/**' --max-opens 1/day 2>/dev/null
	allowed reads mvalice a
	refused reads mvalice a
	[ "$(sqlite3 v/keystore.db 'SELECT rule, opens FROM usage')" = "1|1" ]
	mv_ revoke v 1 2>/dev/null
	[ "$(sqlite3 v/keystore.db 'SELECT count(*) FROM usage')" = 0 ]
	mv_ grant v user:mvalice read 'models/**' --max-opens 1/day 2>/dev/null
	allowed reads mvalice a
}

@test "the clock is set: timed allows wait for an admin, others go on, denies hold; on record, over a remount" {
	mounted_shifted
	mv_ grant v user:mvalice read models/a --for 10d 2>/dev/null
	mv_ grant v user:mvalice read models/b 2>/dev/null
	mv_ grant v user:mvbob read 'models/**' 2>/dev/null
	mv_ deny v user:mvbob read models/b --for 10d 2>/dev/null
	allowed reads mvalice a
	shift_clocks -7200 0
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny clock-step None" ]
	allowed reads mvalice b
	allowed reads mvbob a
	refused reads mvbob b
	wait_for 5 bash -c '"$1" audit "$2" query --action clock | grep -q .' - "$MODELVAULT" "$T/v"
	mv_ umount "$T/m"
	shift_clocks 0 0
	mounted_shifted
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny clock-step None" ]
	run -3 as_user mvalice "$MODELVAULT" accept "$T/m" --clock
	run -0 mv_ accept v --clock
	[[ $output == *"the clock is accepted; it shows 20"* ]]
	allowed reads mvalice a
	run -0 mv_ accept v --clock
	[[ $output == *"is not doubted"* ]]
}

@test "a clock that stands before the last record is not believed at the start" {
	mv_ grant v user:mvalice read models/a --until 2100-01-01 2>/dev/null
	shift_clocks -86400 0
	mounted_shifted
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny clock-step None" ]
}

@test "sha256: this content and no other, also at the first open; the record has it" {
	local reader=/run/mvtest.$$/reader hash
	hash=$(sha256sum $reader | cut -c1-64)
	mounted_shifted
	mv_ grant v user:mvalice sha256:@$reader read 'models/**' 2>/dev/null
	mv_ rules v | grep -q "sha256:$hash"
	allowed as_user mvalice $reader "$T/m/models/a"
	mv_ audit v query --user mvalice --action open --outcome allow --json | grep -q "$hash"
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny hash-differs None" ]
	# Where it lies does not matter: a copy is the same content.
	cp $reader "$T/copy" && chmod 755 "$T/copy"
	allowed as_user mvalice "$T/copy" "$T/m/models/a"
	printf x >>"$T/copy"
	refused as_user mvalice "$T/copy" "$T/m/models/a"
}

@test "sha256: what an open was allowed by stands in its record, however short before it was known" {
	mounted_shifted
	for i in {1..60}; do
		{ cat /run/mvtest.$$/reader; echo "$i"; } >/run/mvtest.$$/$i
		chmod 755 /run/mvtest.$$/$i
		echo "grant user:mvalice sha256:$(sha256sum /run/mvtest.$$/$i | cut -c1-64) read 'models/**'"
	done >rules
	mv_ rules v import rules 2>/dev/null
	for i in {1..60}; do
		as_user mvalice /run/mvtest.$$/$i "$T/m/models/a" >/dev/null
	done
	mv_ audit v query --user mvalice --action open --outcome allow --json | jq -se 'length == 60 and all(.sha256)'
}

@test "sha256: a user with many programs that take long keeps no other waiting but for his turn" {
	local i pids=()
	mkdir "$T/large" && chmod 777 "$T/large"
	cp /run/mvtest.$$/reader own && echo x >>own && chmod 755 own
	for i in {1..70}; do
		cp /run/mvtest.$$/reader "$T/large/$i" && truncate -s 1900M "$T/large/$i" && chmod 755 "$T/large/$i"
	done
	mounted_shifted
	mv_ grant v user:mvbob sha256:@own read 'models/**' 2>/dev/null
	# It is for everybody, so everybody's program has to be looked at.
	mv_ grant v "sha256:$(printf '0%.0s' {1..64})" read 'models/**' 2>/dev/null
	for i in {1..70}; do
		as_user mvalice "$T/large/$i" "$T/m/models/a" >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	wait_for 20 more_than_64_are_refused
	allowed timeout 30 setpriv --reuid mvbob --regid 100 --clear-groups "$T/own" "$T/m/models/a" >/dev/null
	kill -KILL "${pids[@]}" 2>/dev/null || true
	wait "${pids[@]}" 2>/dev/null || true
}
# Those beyond the user's share are, at once; then all of it is taken.
more_than_64_are_refused() { [ "$(mv_ audit v query --user mvalice --outcome deny --count)" -ge 3 ]; }

@test "sha256: whose hash cannot be had keeps what another rule gave him: open files, attributes, exports" {
	local own=/dev/shm/mvtest.$$
	cp models/b models/c
	setfattr -n user.card -v 'what it is' models/c || skip "no extended attributes on this file system"
	mv_ import v models --skip 2>/dev/null
	mounted_shifted
	mkdir $own exported && cp /bin/bash /bin/getfattr "$MODELVAULT" $own/ && chown -R mvalice $own exported
	mv_ grant v user:mvalice "sha256:$(printf '0%.0s' {1..64})" read 'models/**' 2>/dev/null
	refused as_user mvalice $own/bash -c 'read -r <"$1"' - "$T/m/models/a"
	[ "$(last_reason mvalice)" = "deny hash-unknown None" ]
	mv_ grant v user:mvalice read 'models/**' 2>/dev/null
	as_user mvalice $own/bash -c 'exec 5<"$1"; echo open; while [ ! -e "$2" ]; do sleep 0.05; done; read -rN 10 <&5 && echo goes on' \
		- "$T/m/models/a" "$T/go" >said 2>/dev/null 3>&- &
	wait_for 5 grep -q open said
	mv_ grant v user:mvbob read other 2>words
	run ! grep -q "handle ended" words
	touch go
	wait $!
	grep -q "goes on" said
	[ "$(as_user mvalice $own/getfattr --only-values -n user.card "$T/m/models/c")" = 'what it is' ]
	allowed as_user mvalice $own/modelvault export v models/c exported
	cmp models/c exported/c
	# A deny that could be meant bites.
	as_user mvalice $own/bash -c 'exec 5<"$1"; echo open; while [ ! -e "$2" ]; do sleep 0.05; done; read -rN 10 <&5 && echo goes on' \
		- "$T/m/models/a" "$T/stop" >said 2>/dev/null 3>&- &
	wait_for 5 grep -q open said
	mv_ deny v "sha256:$(printf '1%.0s' {1..64})" read 'models/**' 2>/dev/null
	touch stop
	wait $! || true
	run ! grep -q "goes on" said
}

@test "sha256: a deny holds for a program that cannot be hashed, and why says so" {
	local large=/run/mvtest.$$/large
	cp /run/mvtest.$$/reader $large && truncate -s 3G $large
	mounted_shifted
	mv_ deny v user:mvalice "sha256:$(printf '0%.0s' {1..64})" read 'models/**' 2>/dev/null
	mv_ grant v user:mvalice read 'models/**' 2>/dev/null
	refused as_user mvalice $large "$T/m/models/a"
	[ "$(last_reason mvalice)" = "deny rule-deny 1" ]
	run -0 as_user mvalice "$MODELVAULT" why "$T/m/models/a" --json
	jq -e '.allowed_now == false and (.would_help | any(test("rule 1")))' <<<"$output"
	mv_ revoke v 1 2>/dev/null
	run -0 as_user mvalice "$MODELVAULT" why "$T/m/models/a" --json
	jq -e '.allowed_now' <<<"$output"
}

@test "exe: the file that the path names; replaced, the process is told to restart" {
	local reader=/run/mvtest.$$/reader
	mounted_shifted
	mv_ grant v user:mvalice exe:$reader read 'models/**' 2>/dev/null
	allowed as_user mvalice $reader "$T/m/models/a"
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny exe-differs None" ]
	cp $reader "$T/copy" && chmod 755 "$T/copy"
	refused as_user mvalice "$T/copy" "$T/m/models/a"
	# An old process of a program that was replaced meanwhile.
	mkfifo fifo && chmod 666 fifo
	touch out && chmod 666 out
	as_user mvalice $reader fifo "$T/m/models/a" >/dev/null 2>out &
	local pid=$! code=0
	exec 8>fifo
	cp /bin/cat /run/mvtest.$$/new && mv /run/mvtest.$$/new $reader
	exec 8>&-
	wait $pid || code=$?
	[ $code -ne 0 ]
	grep -q "Permission denied" out
	[ "$(last_reason mvalice)" = "deny exe-replaced None" ]
	allowed as_user mvalice $reader "$T/m/models/a"
	# Writable by others: it never matches, and a new grant of it is refused with the directory.
	chmod 777 /run/mvtest.$$
	refused as_user mvalice $reader "$T/m/models/a"
	run -1 mv_ grant v user:mvalice exe:$reader read 'models/**'
	[[ $output == *"/run/mvtest.$$"*"sha256:@$reader"* ]]
}

@test "unit: a connection is its maker's, not of the next process with his number" {
	local unit=/sys/fs/cgroup/systemd/mvtest.$$ socket
	[ -d /sys/fs/cgroup/systemd ] || unit=/sys/fs/cgroup/mvtest.$$
	mkdir -p $unit/infer.service
	mounted_shifted
	mv_ grant v user:mvalice unit:infer.service read 'models/**' 2>/dev/null
	socket=$(socket_of "$T/v")
	allowed bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' $unit/infer.service setpriv --reuid mvalice --regid 100 --init-groups \
		"$MODELVAULT" export v models/a - >/dev/null
	run "$TESTS/tools/pid_again.py" "$socket" "$(stat -c %d:%i v)" models/a mvalice $unit/infer.service
	[ "$output" = 3 ]
}

@test "unit: root's own counts, one that its user could have made does not" {
	local unit=/sys/fs/cgroup/systemd/mvtest.$$
	[ -d /sys/fs/cgroup/systemd ] || unit=/sys/fs/cgroup/mvtest.$$
	mkdir -p $unit/infer.service
	mounted_shifted
	mv_ grant v user:mvalice unit:infer.service read 'models/**' 2>/dev/null
	refused reads mvalice a
	[ "$(last_reason mvalice)" = "deny unit-differs None" ]
	in_unit() { bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$unit/infer.service" setpriv --reuid mvalice --regid 100 --init-groups "$@"; }
	allowed in_unit cat "$T/m/models/a"
	mv_ audit v query --user mvalice --unit '*infer.service' | grep -q allow
	chown mvalice $unit/infer.service/cgroup.procs
	refused in_unit cat "$T/m/models/a"
	chown root $unit/infer.service/cgroup.procs
	allowed in_unit cat "$T/m/models/a"
}

@test "a contained user namespace: by unit and userns:contained alone, and nobody's name counts in it" {
	local unit=/sys/fs/cgroup/systemd/mvtest.$$
	[ -d /sys/fs/cgroup/systemd ] || unit=/sys/fs/cgroup/mvtest.$$
	mkdir -p $unit/pod
	mounted_shifted
	mv_ grant v any read 'models/**' 2>/dev/null
	contained() { bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$unit/pod" unshare -U --map-root-user "$@"; }
	refused contained cat "$T/m/models/a"
	mv_ grant v unit:pod userns:contained read 'models/a' 2>/dev/null
	allowed contained cat "$T/m/models/a"
	refused contained cat "$T/m/models/b"
	# A user's own namespace is none of root's.
	run bash -c 'echo $$ >"$0/cgroup.procs"; exec setpriv --reuid mvalice --regid 100 --init-groups unshare -U --map-root-user cat "$1"' "$unit/pod" "$T/m/models/a"
	[ "$status" -ne 0 ]
	mv_ deny v any read 'models/a' 2>/dev/null
	refused contained cat "$T/m/models/a"
}

@test "contained callers have one budget together, whichever of their users they say they are" {
	local unit=/sys/fs/cgroup/systemd/mvtest.$$ pid uid
	[ -d /sys/fs/cgroup/systemd ] || unit=/sys/fs/cgroup/mvtest.$$
	mkdir -p $unit/pod
	mounted_shifted
	mv_ grant v unit:pod userns:contained read 'models/**' --max-opens 2/day 2>/dev/null
	unshare -U sleep 60 3>&- &
	pid=$!
	wait_for 5 namespace_differs $pid
	echo "0 100000 10" >/proc/$pid/uid_map
	echo "0 100000 10" >/proc/$pid/gid_map
	inside_uid() {
		local uid=$1
		shift
		bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' $unit/pod nsenter -t $pid -U -S "$uid" -G "$uid" -- "$@" >/dev/null
	}
	allowed inside_uid 1 cat "$T/m/models/a"
	allowed inside_uid 2 cat "$T/m/models/a"
	for uid in 1 2 3 4; do
		refused inside_uid $uid cat "$T/m/models/a"
	done
	kill $pid
	[ "$(mv_ audit v query --action open --outcome deny --json | jq -r .reason | sort -u)" = user-namespace ]
	mv_ explain v models/a --user 100003 --userns contained --unit pod | grep -q '2 of 2 opens used'
}
namespace_differs() { [ "$(readlink /proc/"$1"/ns/user)" != "$(readlink /proc/self/ns/user)" ]; }

@test "exe: who has thousands of files open does not keep a change, and others' reads, waiting" {
	local path start i
	[ -z "${SANITIZE:-}" ] || skip "sanitizers: this is about time"
	for path in $(find -L /usr/bin -maxdepth 1 -type f -user root ! -perm /022 | head -60); do
		echo "grant user:9999 exe:$path read x"
	done >rules
	mounted_shifted
	mv_ rules v import rules 2>/dev/null
	mv_ grant v user:mvalice read 'models/**' 2>/dev/null
	mkfifo -m 666 hold && exec 8<>hold
	for i in 1 2 3 4; do
		as_user mvalice python3 -c 'if True:
			import os, sys
			held = [os.open(sys.argv[1], os.O_RDONLY) for i in range(1000)]
			print("held", flush=True)
			sys.stdin.read()' "$T/m/models/a" <hold >held.$i 2>/dev/null 3>&- 8>&- &
	done
	wait_for 60 test -s held.1 -a -s held.2 -a -s held.3 -a -s held.4
	start=${EPOCHREALTIME/./}
	mv_ grant v user:9998 read x 2>/dev/null
	[ $((${EPOCHREALTIME/./} - start)) -lt 600000 ]
	mv_ deny v user:mvalice read 'models/**' 2>said
	grep -q '4000 open handles ended' said
	exec 8>&-
}
