#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What was lost comes back: a backup that is made while everything goes on, and every way to a
# working vault again, with the loss told.
load ../lib

setup() {
	common_setup
	export MODELVAULT_STATE_DIR=$T/state
	make_vault "$T/vault" 2>"$T/said"
	mkdir "$T/tree"
	for i in $(seq 12); do head -c "$((i * 1500))" /dev/urandom >"$T/tree/$i"; done
	"$MODELVAULT" import "$T/vault" "$T/tree" 2>>"$T/said"
	"$MODELVAULT" grant "$T/vault" user:root read '**' 2>>"$T/said"
}

# works VAULT [DIRECTORY]: it is whole, and a mount of it shows this tree.
works() {
	"$MODELVAULT" verify "$1" >"$T/works" 2>&1 && "$MODELVAULT" audit "$1" verify >>"$T/works" 2>&1 &&
		mounted "$1" "$T/mount" >>"$T/works" 2>&1 || { cat "$T/works"; return 1; }
	diff -r "${2:-$T/tree}" "$T/mount/tree"
	unmounted "$T/mount"
}
last_record() { "$MODELVAULT" audit "$1" query --action "$2" --json | tail -n 1 | jq -r .detail; }
objects_in() { find "$1/objects" -path '*/objects/??/*' -type f | wc -l; }

@test "backup: of a served vault, and again with what is new" {
	mounted "$T/vault" "$T/m" 2>>"$T/said"
	run -0 "$MODELVAULT" backup "$T/vault" "$T/b"
	[[ $output == *"12 files: 12 objects copied"*"is complete"* ]]
	[ "$(cat "$T/b/backup")" = "modelvault-backup 1 $(cut -d' ' -f3 "$T/vault/id") complete" ]
	[ ! -e "$T/b/audit.key" ]
	[ "$(ls "$T/vault")" = "audit.db
audit.db-shm
audit.db-wal
audit.key
id
keystore.copy
keystore.db
keystore.db-shm
keystore.db-wal
lock
objects
reserve" ]
	"$MODELVAULT" rm "$T/vault" tree/3
	random_file "$T/new" 50000
	"$MODELVAULT" import "$T/vault" "$T/new" 2>/dev/null
	run -0 "$MODELVAULT" backup "$T/vault" "$T/b"
	[[ $output == *"12 files: 1 object copied"*"11 there already"* ]]
	[ "$(objects_in "$T/b")" = 12 ]
	[[ "$(last_record "$T/vault" backup)" == "done epoch "*": to $T/b: 12 files, 1 objects copied ("*"), 11 present" ]]
	[ "$("$MODELVAULT" audit "$T/vault" --action backup --count)" = 4 ]
}

@test "backup: refuses what is no place for one" {
	mkdir "$T/full"
	echo mine >"$T/full/file"
	exits 1 "$MODELVAULT" backup "$T/vault" "$T/full"
	[[ $output == *"not empty and no backup"* ]]
	exits 1 "$MODELVAULT" backup "$T/vault" "$T/vault/objects/b"
	[[ $output == *"in the vault itself"* ]]
	[ ! -e "$T/vault/objects/b" ]
	exits 1 "$MODELVAULT" backup "$T/vault" "$T/no/such/b"
	exits 2 "$MODELVAULT" backup "$T/vault"
	make_vault "$T/other" 2>/dev/null
	"$MODELVAULT" backup "$T/other" "$T/b" 2>/dev/null
	exits 1 "$MODELVAULT" backup "$T/vault" "$T/b" --key-file "$T/vault.key"
	[[ $output == *"another vault's"* ]]
	[ "$(cat "$T/full/file")" = mine ]
}

@test "backup: while files come, go and are destroyed, every file in it has its object" {
	mkdir "$T/many"
	for i in $(seq 300); do echo "$i" >"$T/many/$i"; done
	"$MODELVAULT" import "$T/vault" "$T/many" 2>>"$T/said"
	mounted "$T/vault" "$T/m" 2>>"$T/said"
	"$MODELVAULT" backup "$T/vault" "$T/b" 2>"$T/said" 3>&- &
	backup=$!
	# Some are copied, most are not yet.
	wait_for 5 eval '[ "$(objects_in "$T/b" 2>/dev/null)" -gt 5 ]'
	"$MODELVAULT" rm "$T/vault" -r many
	"$MODELVAULT" key "$T/vault" destroy tree/12 2>/dev/null
	wait $backup
	grep -q 'is complete' "$T/said"
	unmounted "$T/m"
	export MODELVAULT_STATE_DIR=$T/elsewhere
	"$MODELVAULT" accept "$T/b" --database 2>"$T/said"
	run -0 "$MODELVAULT" verify "$T/b"
	[[ $output == *" 0 damaged" ]]
}

@test "backup: a server that is told to end does not wait for it" {
	random_file "$T/large" 3000000
	mkdir "$T/many"
	for i in $(seq 60); do cp "$T/large" "$T/many/$i"; done
	"$MODELVAULT" import "$T/vault" "$T/many" 2>>"$T/said"
	mounted "$T/vault" "$T/m" 2>>"$T/said"
	server=$(servers_of "$T/vault" | head -n 1)
	"$MODELVAULT" backup "$T/vault" "$T/b" 2>"$T/words" 3>&- &
	backup=$!
	wait_for 5 eval '[ "$(objects_in "$T/b" 2>/dev/null)" -gt 2 ]'
	kill "$server"
	wait_for 10 eval '! kill -0 "$server" 2>/dev/null'
	if wait $backup; then return 1; fi
	[ "$(objects_in "$T/b")" -lt 72 ]
	run -0 "$MODELVAULT" backup "$T/vault" "$T/b"
	[[ $output == *"72 files:"*"is complete"* ]]
}

@test "backup: files whose object is lost are counted, and the rest is there" {
	rm "$(find "$T/vault/objects" -path '*/objects/??/*' -type f | head -n 1)"
	exits 1 "$MODELVAULT" backup "$T/vault" "$T/b"
	[[ $output == *"1 file of the vault has no object"*"verify"* ]]
	[ "$(objects_in "$T/b")" = 11 ]
	grep -q ' complete$' "$T/b/backup"
}

@test "backup: killed at any step it is incomplete and goes on, or whole" {
	n=3 step=11 kills=0
	[ -z "${FULL:-}" ] || n=1 step=1
	while :; do
		status=0
		strace -f -qq -o "$T/calls" -e trace=fsync,renameat,renameat2,rename,unlinkat \
			-e inject=fsync,renameat,renameat2,rename,unlinkat:signal=KILL:when=$n \
			"$MODELVAULT" backup "$T/vault" "$T/b" >/dev/null 2>&1 || status=$?
		[ $status = 137 ] || break
		if [ -e "$T/b/id" ]; then
			cp -a "$T/b" "$T/c"
			MODELVAULT_STATE_DIR=$T/e$n "$MODELVAULT" accept "$T/c" --database 2>/dev/null
			MODELVAULT_STATE_DIR=$T/e$n "$MODELVAULT" verify "$T/c" >/dev/null
			rm -r "$T/c"
		elif [ -d "$T/b" ]; then
			exits 1 "$MODELVAULT" restore "$T/r" "$T/b"
			[[ ! -e $T/b/backup || $output == *incomplete* || $output == *"no backup"* ]]
		fi
		"$MODELVAULT" verify "$T/vault" >/dev/null
		[ -z "$(find "$T/vault" -maxdepth 1 -name '*.backup*')" ]
		[ $((n % 2)) = 1 ] || rm -rf "$T/b"
		n=$((n + step)) kills=$((kills + 1))
	done
	[ $status = 0 ]
	echo "# $kills kills over $n calls" >&3
	[ $kills -gt 2 ]
	[ "$(objects_in "$T/b")" = 12 ]
}

@test "a backup is served beside its vault once it is accepted" {
	"$MODELVAULT" backup "$T/vault" "$T/b" 2>/dev/null
	mounted "$T/vault" "$T/m" 2>/dev/null
	exits 5 "$MODELVAULT" ls "$T/b"
	[[ $output == *"a backup has no audit.key"*"accept $T/b --database"* ]]
	run -0 "$MODELVAULT" accept "$T/b" --database
	[[ $output == *"audit key fingerprint: "*"the old one is kept as $T/b/audit-"* ]]
	"$MODELVAULT" audit "$T/b" verify --trail "$T"/b/audit-*.db
	[[ "$(last_record "$T/b" accept)" == "database; "*"the trail before this one is audit-"* ]]
	works "$T/b"
	cmp "$T/m/tree/5" "$T/tree/5"
	# It is a vault of its own now, and no place for a backup.
	exits 1 "$MODELVAULT" backup "$T/vault" "$T/b"
}

@test "backup: objects elsewhere are beside the database in it" {
	make_vault "$T/two" --objects "$T/objects" 2>/dev/null
	"$MODELVAULT" import "$T/two" "$T/tree" 2>/dev/null
	"$MODELVAULT" grant "$T/two" user:root read '**' 2>/dev/null
	"$MODELVAULT" backup "$T/two" "$T/b" 2>/dev/null
	rm -r "$T/two" "$T/objects"
	"$MODELVAULT" restore "$T/two" "$T/b" >"$T/said" 2>&1
	[ "$(objects_in "$T/two")" = 12 ]
	works "$T/two"
}

@test "keystore.db is lost, broken or edited: recover" {
	for way in lost broken edited; do
		case $way in
		lost) rm "$T/vault/keystore.db" ;;
		broken) head -c 100000 /dev/urandom >"$T/vault/keystore.db" ;;
		edited) sqlite3 "$T/vault/keystore.db" "UPDATE seal SET policy_epoch = 1" ;;
		esac
		run ! "$MODELVAULT" ls "$T/vault"
		[[ $output == *"modelvault recover $T/vault"* ]]
		run -0 "$MODELVAULT" recover "$T/vault"
		[[ $output == *"as keystore.copy was on 20"*"what changed after that is lost"* ]]
		works "$T/vault"
		[[ "$(last_record "$T/vault" restore)" == "recovered from keystore.copy of 20"* ]]
	done
	[ "$(find "$T/vault" -path '*/before-recover-*/keystore.db' | wc -l)" -ge 1 ]
	exits 1 "$MODELVAULT" recover "$T/vault"
	[[ $output == *"is whole"* ]]
	exits 4 "$MODELVAULT" recover "$T/vault" --passphrase-fd 5 5< <(echo wrong)
}

@test "recover: objects that the copy does not know are kept and counted" {
	cp "$T/vault/keystore.copy" "$T/older"
	random_file "$T/new" 5000
	"$MODELVAULT" import "$T/vault" "$T/new" 2>/dev/null
	cp "$T/older" "$T/vault/keystore.copy"
	rm "$T/vault/keystore.db" "$T/vault/id"
	run -0 "$MODELVAULT" recover "$T/vault"
	[[ $output == *"1 object belong"*"kept in"* ]]
	[ "$(find "$T/vault/objects/" -path '*/.before-recover-*' -type f | wc -l)" = 1 ]
	works "$T/vault"
}

@test "keystore.db and keystore.copy are lost, then all of the vault: restore" {
	"$MODELVAULT" backup "$T/vault" "$T/b" 2>/dev/null
	rm "$T/vault"/keystore.*
	exits 6 "$MODELVAULT" recover "$T/vault"
	[[ $output == *"modelvault restore $T/vault BACKUP"* ]]
	run -0 "$MODELVAULT" restore "$T/vault" "$T/b"
	[[ $output == *"12 there already"*"trail of $T/vault is whole and goes on"* ]]
	works "$T/vault"
	rm -r "$T/vault"
	run -0 "$MODELVAULT" restore "$T/vault" "$T/b"
	[[ $output == *"12 objects copied"*"audit key fingerprint"*"a new one begins"* ]]
	works "$T/vault"
	"$MODELVAULT" audit "$T/vault" verify --trail "$T"/vault/audit-2*.db
	[[ "$(last_record "$T/vault" restore)" == "restored from $T/b"* ]]
}

@test "restore: an older backup over a newer vault, and nothing of the newer is lost" {
	"$MODELVAULT" backup "$T/vault" "$T/b" 2>/dev/null
	random_file "$T/new" 5000
	"$MODELVAULT" import "$T/vault" "$T/new" 2>/dev/null
	"$MODELVAULT" rm "$T/vault" tree/2
	cp -a "$T/vault" "$T/newer"
	mounted "$T/vault" "$T/m" 2>/dev/null
	exits 7 "$MODELVAULT" restore "$T/vault" "$T/b"
	unmounted "$T/m"
	run -0 "$MODELVAULT" restore "$T/vault" "$T/b"
	[[ $output == *"1 object copied"*"1 object belong"*"kept in $T/vault/before-restore-"*"anchor renewed"* ]]
	works "$T/vault"
	aside=$(echo "$T/vault"/before-restore-*)
	cmp "$aside/keystore.db" "$T/newer/keystore.db" ||
		sqlite3 "$aside/keystore.db" "SELECT 1 FROM name WHERE name = x'6e6577'" | grep -q 1
	# A second time, and a wrong key, change nothing.
	"$MODELVAULT" restore "$T/vault" "$T/b" >/dev/null 2>&1
	exits 4 "$MODELVAULT" restore "$T/vault" "$T/b" --key-file <(head -c 64 /dev/zero)
	works "$T/vault"
}

@test "restore: refuses what it would harm" {
	"$MODELVAULT" backup "$T/vault" "$T/b" 2>/dev/null
	make_vault "$T/other" 2>/dev/null
	export MODELVAULT_KEY_FILE=$T/vault.key
	exits 1 "$MODELVAULT" restore "$T/other" "$T/b"
	[[ $output == *"another vault"* ]]
	mkdir "$T/full"
	echo mine >"$T/full/file"
	exits 1 "$MODELVAULT" restore "$T/full" "$T/b"
	exits 6 "$MODELVAULT" restore "$T/new" "$T/nowhere"
	exits 1 "$MODELVAULT" restore "$T/b" "$T/b"
	sqlite3 "$T/b/keystore.db" "UPDATE file SET size = 1"
	exits 5 "$MODELVAULT" restore "$T/new" "$T/b"
	[[ $output == *"not whole"* ]]
	works "$T/vault"
}

@test "databases that rsync put back: accept" {
	cp -a "$T/vault" "$T/rsynced"
	"$MODELVAULT" rm "$T/vault" tree/7
	"$MODELVAULT" import "$T/vault" "$T/tree/7" --to tree 2>/dev/null
	rsync -a --checksum --delete "$T/rsynced/" "$T/vault/"
	exits 5 "$MODELVAULT" ls "$T/vault"
	[[ $output == *"keystore.db is older than this machine has seen"*"accept $T/vault --database"* ]]
	exits 2 "$MODELVAULT" accept "$T/vault"
	exits 4 "$MODELVAULT" accept "$T/vault" --database --passphrase-fd 5 5< <(echo wrong)
	run -0 "$MODELVAULT" accept "$T/vault" --database
	[[ $output == *"anchor renewed: keystore.db at epochs"* ]]
	works "$T/vault"
	[[ "$(last_record "$T/vault" accept)" == "database; keystore.db at epochs"* ]]
	# The trail alone.
	cp "$T/rsynced/audit.db" "$T/vault/audit.db"
	rm -f "$T"/vault/audit.db-*
	run ! "$MODELVAULT" ls "$T/vault"
	[[ $output == *"accept $T/vault --database"* ]]
	run -0 "$MODELVAULT" accept "$T/vault" --database
	works "$T/vault"
	# The anchor itself.
	head -c 96 /dev/urandom >"$T/state/$(cut -d' ' -f3 "$T/vault/id")"
	exits 5 "$MODELVAULT" ls "$T/vault"
	run -0 "$MODELVAULT" accept "$T/vault" --database
	works "$T/vault"
}
