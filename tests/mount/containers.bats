#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# contrib/docs/containers.md, line by line, with unshare and nsenter in the place of a container
# runtime: the test's own mount namespace is the host, where srv is a shared mount as systemd makes
# all of them; `container` is what a runtime does (own mounts, processes, cgroups).

load ../lib

setup() {
	root_only "namespaces that need root"
	common_setup
	mkdir tree srv
	echo 'plain text' >tree/file
	random_file tree/large 3000000
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree 2>/dev/null
	"$MODELVAULT" grant vault user:mvalice read '**' 2>/dev/null
	own_namespace
	inside mount --bind srv srv
	inside mount --make-shared srv
	mkdir srv/models
}

teardown() {
	[ ! -f "$T/containers" ] || xargs kill -KILL <"$T/containers" 2>/dev/null || true
	[ ! -f "$T/cgroup" ] || remove_cgroup
	common_teardown
}

# container NAME PROPAGATION [UNSHARE-OPTIONS...]: its first process sleeps; in_container NAME
# COMMAND... is docker exec, as root; user_in NAME UID GIDS COMMAND... with --user and --group-add.
container() {
	local name=$1 propagation=$2
	shift 2
	nsenter -t "$(cat "$T/namespace")" -m -- unshare -m -u -i -p -f --kill-child --mount-proc \
		--propagation "$propagation" "$@" sleep 600 3>&- &
	echo $! >>"$T/containers"
	wait_for 5 first_process $!
	first_process $! >"$T/$name.pid"
}
first_process() {
	local pid
	pid=$(pgrep -P "$1") && grep -qx sleep "/proc/$pid/comm" && echo "$pid"
}
in_container() {
	local pid
	pid=$(cat "$T/$1.pid")
	shift
	nsenter -t "$pid" -m -u -i -p --wdns=/ -- "$@"
}
user_in() {
	local name=$1 uid=$2 gids=$3
	shift 3
	in_container "$name" setpriv --reuid "$uid" --regid "${gids%%,*}" --groups "$gids" \
		--inh-caps=-all --bounding-set=-all --no-new-privs -- "$@"
}

host_mount() { inside "$MODELVAULT" mount "$T/vault" "$T/srv/models" "$@" 2>/dev/null; }
last() { inside "$MODELVAULT" audit "$T/vault" query --json --order newest --limit 1 --action open; }

@test "the parent bound as a slave: mounts made later, and again, reach a container that runs" {
	container c slave
	run ! in_container c ls "$T/srv/models/tree"
	host_mount
	[ "$(user_in c 5001 5001 cat "$T/srv/models/tree/file")" = 'plain text' ]
	inside "$MODELVAULT" umount srv/models
	run ! in_container c mountpoint -q "$T/srv/models"
	host_mount
	[ "$(user_in c 5001 5001 cat "$T/srv/models/tree/file")" = 'plain text' ]
	# Nothing of the container's own gets out.
	in_container c mount -t tmpfs none /mnt
	run ! inside findmnt -rn -t tmpfs /mnt
}

@test "after a server died a mount made again reaches the container too" {
	local pid
	host_mount
	container c slave
	pid=$(servers_of "$T/vault" | head -n 1)
	kill -KILL "$pid"
	wait_for 5 sh -c '! kill -0 "$1" 2>/dev/null' sh "$pid"
	run user_in c 5001 5001 cat "$T/srv/models/tree/file"
	[ "$status" -ne 0 ]
	inside "$MODELVAULT" umount srv/models 2>/dev/null
	host_mount
	[ "$(user_in c 5001 5001 cat "$T/srv/models/tree/file")" = 'plain text' ]
}

@test "bound privately a container keeps the old mount: it sees no other, and the server stays for it" {
	host_mount
	container c private
	exits 0 inside "$MODELVAULT" umount srv/models
	[[ $output == *"another mount namespace"*"process $(servers_of "$T/vault" | head -n 1)"* ]]
	# Here it is gone, there it is not: rules still decide, and revocation still bites.
	run ! inside mountpoint -q "$T/srv/models"
	[ "$(user_in c 5001 5001 cat "$T/srv/models/tree/file")" = 'plain text' ]
	inside "$MODELVAULT" revoke "$T/vault" 1 2>/dev/null
	refused user_in c 5001 5001 cat "$T/srv/models/tree/file"
	[ -n "$(servers_of "$T/vault")" ]
	# With the container the last view goes, and the server with it.
	kill -KILL "$(cat c.pid)"
	wait_for 10 sh -c '! kill -0 "$1" 2>/dev/null' sh "$(servers_of "$T/vault" | head -n 1)"
}

@test "umount in a namespace with a copy of the mount says that the copy is still there" {
	host_mount
	container c private
	run in_container c "$MODELVAULT" umount "$T/srv/models"
	[ "$status" -eq 7 ]
	[[ $output == *"a copy that this mount namespace has: \`umount $T/srv/models\` takes it away" ]]
	run ! inside mountpoint -q "$T/srv/models"
	in_container c umount "$T/srv/models"
	wait_for 10 eval '[ -z "$(servers_of "$T/vault")" ]'
}

@test "numbers decide, not the container's names" {
	container c slave
	host_mount
	# Another table of users: in there 5002 is called mvalice.
	printf 'root:x:0:0::/:/bin/sh\nmvalice:x:5002:5002::/:/bin/sh\n' >passwd
	in_container c mount --bind "$T/passwd" /etc/passwd
	refused in_container c setpriv --reuid mvalice --clear-groups cat "$T/srv/models/tree/file"
	[ "$(last | jq -r '"\(.uid) \(.user) \(.reason)"')" = '5002 mvbob no-rule' ]
	allowed user_in c 5001 5001 cat "$T/srv/models/tree/file"
	"$MODELVAULT" grant vault group:mvteam read '**' 2>/dev/null
	# --group-add is what a rule for a group needs; a number without a name will do.
	refused user_in c 7777 7777 cat "$T/srv/models/tree/file"
	allowed user_in c 7777 7777,6001 cat "$T/srv/models/tree/file"
	# Root in a container is uid 0 without a rule.
	refused in_container c cat "$T/srv/models/tree/file"
	# The record's process is the host's number.
	[ "$(last | jq .pid)" -gt "$(cat c.pid)" ] || [ "$(last | jq .pid)" -gt 100 ]
}

@test "an open file in a container ends with the rule, and a reader in another goes on" {
	local pid
	chmod 777 .
	container c slave
	container d slave
	host_mount
	"$MODELVAULT" grant vault user:mvbob read '**' 2>/dev/null
	user_in c 5001 5001 sh -c "exec 5<'$T/srv/models/tree/large'; head -c 10 <&5 >/dev/null
		touch '$T/open'; while head -c 1 <&5 >/dev/null; do sleep 0.1; done; exit 9" 2>/dev/null 3>&- &
	pid=$!
	wait_for 10 test -e open
	inside "$MODELVAULT" revoke vault 1 2>/dev/null
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 9 ]
	allowed user_in d 5002 5002 sha256sum "$T/srv/models/tree/large"
}

@test "a user namespace of its own is refused, made by root or not" {
	# As a runtime of root's does that maps the users of its containers.
	container c slave -U
	echo '0 100000 1' >"/proc/$(cat c.pid)/uid_map"
	echo '0 100000 1' >"/proc/$(cat c.pid)/gid_map"
	host_mount
	"$MODELVAULT" grant vault any read '**' 2>/dev/null
	allowed inside_as mvbob cat "$T/srv/models/tree/file"
	run nsenter -t "$(cat c.pid)" -U -m -S 0 -G 0 -- cat "$T/srv/models/tree/file"
	[[ $output == *"Permission denied"* ]] || { echo "$output"; return 1; }
	[ "$(last | jq -r '"\(.uid) \(.reason)"')" = '100000 user-namespace' ]
	refused inside_as mvalice unshare -Urm cat "$T/srv/models/tree/file"
	[ "$(last | jq -r '"\(.uid) \(.reason)"')" = '5001 user-namespace' ]
}

# make_cgroup NAME: in the hierarchy that tells the unit: systemd's own, else the unified one.
make_cgroup() {
	local root
	root=$(findmnt -rno TARGET,OPTIONS -t cgroup | awk '/name=systemd/ { print $1; exit }')
	[ -n "$root" ] || root=$(findmnt -rno TARGET -t cgroup2 | head -n 1)
	mkdir "$root/$1" "$root/$1/docker-1.scope"
	echo "$root/$1" >"$T/cgroup"
}
remove_cgroup() {
	local cgroup
	cgroup=$(cat "$T/cgroup")
	wait_for 5 sh -c '! grep -q . "$1"/docker-1.scope/cgroup.procs' sh "$cgroup" || true
	rmdir "$cgroup/docker-1.scope" "$cgroup"
}

@test "the record names the container's cgroup, below the parent that the admin chose" {
	local slice=mvtest$$.slice
	make_cgroup "$slice"
	container c slave -C
	host_mount
	# What --cgroup-parent does.
	allowed user_in c 5001 5001 cat "$T/srv/models/tree/file"
	[[ $(last | jq -r .unit) != *"$slice"* ]]
	bash -c 'echo $$ >"$1/docker-1.scope/cgroup.procs"; shift; exec nsenter -t "$@"' - \
		"$(cat cgroup)" "$(cat c.pid)" -m -p --wdns=/ -- \
		setpriv --reuid 5001 --regid 5001 --clear-groups cat "$T/srv/models/tree/file" >/dev/null
	[[ $(last | jq -r .unit) == */$slice/docker-1.scope ]]
	[ "$(inside "$MODELVAULT" audit vault query --action open --unit "*/$slice/*" --count)" = 1 ]
}

@test "a server in a cgroup namespace of its own names cgroups from there" {
	make_cgroup "mvtest$$.slice"
	# shellcheck disable=SC2016  # for the other shell
	bash -c 'echo $$ >"$1/docker-1.scope/cgroup.procs"; exec nsenter -t "$2" -m --wdns="$3" -- \
		unshare -C "$4" mount vault srv/models' - "$(cat cgroup)" "$(cat namespace)" "$T" "$MODELVAULT" 2>/dev/null
	inside_as mvalice cat "$T/srv/models/tree/file" >/dev/null
	[[ $(last | jq -r .unit) == /..* ]]
	inside "$MODELVAULT" umount srv/models
}

@test "a server in a container with the host's processes serves the host and its neighbours" {
	local pid
	container consumer slave
	# hostPID, privileged, Bidirectional.
	nsenter -t "$(cat namespace)" -m --wdns="$T" -- unshare -m --propagation shared \
		"$MODELVAULT" mount vault srv/models -f >said 2>&1 3>&- &
	pid=$!
	echo "$pid" >>containers
	wait_for 10 grep -q '^mounted' said
	[[ $(cat said) != *"pid namespace"* ]]
	wait_for 5 inside mountpoint -q "$T/srv/models"
	[ "$(inside_as mvalice cat "$T/srv/models/tree/file")" = 'plain text' ]
	[ "$(user_in consumer 5001 5001 cat "$T/srv/models/tree/file")" = 'plain text' ]
	# Commands on the host reach it by its socket; another mount point has to be asked for there.
	inside "$MODELVAULT" rules vault >/dev/null
	mkdir srv/more
	exits 1 inside "$MODELVAULT" mount vault srv/more
	[[ $output == *"another mount namespace"* ]]
	# A pod that is deleted: SIGTERM, and the mount is gone everywhere.
	kill "$pid"
	wait "$pid" || [ $? -eq 143 ]
	run ! inside mountpoint -q "$T/srv/models"
	run ! in_container consumer mountpoint -q "$T/srv/models"
}

@test "a server in a container with processes of its own sees nobody outside, says so, and refuses" {
	container consumer slave
	nsenter -t "$(cat namespace)" -m --wdns="$T" -- unshare -m -p -f --kill-child --mount-proc \
		--propagation shared "$MODELVAULT" mount vault srv/models -f >said 2>&1 3>&- &
	echo $! >>containers
	wait_for 10 grep -q '^mounted' said
	[[ $(cat said) == *"pid namespace of its own"*hostPID* ]]
	refused inside_as mvalice cat "$T/srv/models/tree/file"
	refused user_in consumer 5001 5001 cat "$T/srv/models/tree/file"
}
