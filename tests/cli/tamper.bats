#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Somebody writes into the vault's directory without holding a key: rows of keystore.db, whole older
# databases, bytes of objects. Nothing of it is believed: what is refused, and with which reason.
load ../lib

# One vault for all tests of this file; each test works on a copy, with the anchor of the same moment.
setup_file() {
	common_setup
	export F=$T MODELVAULT_STATE_DIR=$T/state
	mkdir -p "$F/source/d"
	random_file "$F/source/one" 40000
	random_file "$F/source/d/two" 40000
	ln -s one "$F/source/link"
	setfattr -n user.note -v kept "$F/source/d/two"
	make_vault "$F/vault" --chunk 4K
	# Files of one import come in any order; d/two shall have the last row of each table.
	"$MODELVAULT" import "$F/vault" "$F/source/one" "$F/source/link"
	"$MODELVAULT" import "$F/vault" "$F/source/d"
	"$MODELVAULT" grant "$F/vault" user:root read '**'
}

teardown_file() {
	T=$F common_teardown
}

setup() {
	common_setup
	export MODELVAULT_KEY_FILE=$F/vault.key MODELVAULT_STATE_DIR=$T/state
	mkdir "$T/m"
	anew
}

anew() {
	! mountpoint -q "$T/m" || "$MODELVAULT" umount "$T/m" || umount -l "$T/m"
	# A mount namespace that somebody made meanwhile keeps the mount, and with it the server.
	wait_for 3 eval '[ -z "$(servers_of "$T/vault")" ]' || kill $(servers_of "$T/vault")
	wait_for 10 eval '[ -z "$(servers_of "$T/vault")" ]'
	rm -rf "$T/vault" "$T/state"
	cp -a "$F/vault" "$T/vault"
	cp -a "$F/state" "$T/state"
}

served() { "$MODELVAULT" mount "$T/vault" "$T/m" 2>"$T/said"; }


sql() { sqlite3 -cmd '.timeout 5000' "$T/vault/keystore.db" "$@"; }

columns_of() { sql "SELECT name FROM pragma_table_info('$1')"; }

# edit TABLE COLUMN: another value of the same type in its last row.
edit() {
	sql "PRAGMA ignore_check_constraints=1; UPDATE $1 SET $2 = CASE typeof($2)
		WHEN 'integer' THEN CASE '$2' WHEN 'bucket' THEN ($2 + 1) & 255 ELSE $2 + 1 END
		WHEN 'text' THEN $2 || 'x'
		WHEN 'blob' THEN randomblob(length($2))
		ELSE (SELECT CASE type WHEN 'BLOB' THEN x'41' ELSE '/x' END
			FROM pragma_table_info('$1') WHERE name = '$2') END
		WHERE rowid = (SELECT max(rowid) FROM $1)"
}

# ended: by umount, which no broken seal may prevent.
ended() {
	"$MODELVAULT" umount "$T/m" || return
	wait_for 10 eval '[ -z "$(servers_of "$T/vault")" ]'
}

# refusals: the reasons on record, each once. The slot's holder may always ask; a reader whom the change
# meets between open and close is ended as revoked.
refusals() {
	"$MODELVAULT" audit "$T/vault" --json | jq -r 'select(.outcome != "allow" and .reason != "revoked") | .reason' |
		sort -u | xargs
}

readable() { cmp "$T/m/$1" "$F/source/$1"; }
unreadable() { ! cat "$T/m/$1" >/dev/null 2>&1; }

# nothing_false: what can still be read is what was imported under that name.
nothing_false() {
	local path
	for path in one d/two; do
		! cat "$T/m/$path" >"$T/out" 2>/dev/null || cmp "$T/out" "$F/source/$path" || return
	done
}

@test "served: an edit in any column of a policy table refuses every open as seal-broken" {
	for table in vault slot setting rule role seal; do
		for column in $(columns_of $table); do
			echo "$table.$column"
			anew
			served
			readable one
			edit $table "$column"
			wait_for 2 unreadable d/two
			refused cat "$T/m/d/two"
			refused cat "$T/m/one"
			[ "$(refusals)" = seal-broken ]
			run -5 "$MODELVAULT" verify "$T/vault"
		done
	done
}

@test "served: an edit in any column of a catalogue table costs that file alone, as row-damaged" {
	for table in inode name xattr file; do
		for column in $(columns_of $table); do
			echo "$table.$column"
			anew
			served
			readable one
			edit $table "$column"
			sleep 0.2
			nothing_false
			readable one
			case $table.$column in
			# The file is no longer where it was, or without its attribute; verify says so.
			name.parent | name.name | xattr.ino) ;;
			*) damaged cat "$T/m/d/two"; [ "$(refusals)" = row-damaged ] ;;
			esac
			run -5 "$MODELVAULT" verify "$T/vault"
		done
	done
}

@test "served: an edited key of keys costs every file below it" {
	for column in $(columns_of kek); do
		anew
		served
		edit kek "$column"
		wait_for 2 unreadable one
		damaged cat "$T/m/one"
		damaged cat "$T/m/d/two"
		[ "$(refusals)" = row-damaged ]
	done
}

@test "not served: an edit in any column is found when the vault is mounted" {
	for table in vault slot setting rule role seal kek inode name xattr file; do
		for column in $(columns_of $table); do
			echo "$table.$column"
			anew
			edit $table "$column"
			status=0
			served || status=$?
			case $status in
			0) ;;
			# vault.format says that a newer program made it; the others are no slot or no seal.
			1) [ $table.$column = vault.format ]; continue ;;
			4) [ $table = slot ]; continue ;;
			5) [ $table = vault ] || [ $table = seal ]; continue ;;
			*) false ;;
			esac
			nothing_false
			case $table in
			vault | slot | setting | rule | role)
				refused cat "$T/m/one"
				refused cat "$T/m/d/two"
				[ "$(refusals)" = seal-broken ] ;;
			esac
			run -5 "$MODELVAULT" verify "$T/vault"
		done
	done
}

@test "a row taken out of any table is missed" {
	for table in vault slot setting rule role seal kek inode name xattr file; do
		for how in served unserved; do
			echo "$table, $how"
			anew
			[ $how = unserved ] || served
			sql "DELETE FROM $table WHERE rowid = (SELECT max(rowid) FROM $table)"
			if [ $how = served ]; then
				sleep 0.2
			else
				status=0
				served || status=$?
				[ $status -eq 0 ] || { [[ $status =~ ^[45]$ ]] && continue; }
			fi
			nothing_false
			case $table in
			vault | slot | setting | rule | role | seal) refused cat "$T/m/one" ;;
			name | xattr) readable one ;;
			kek) damaged cat "$T/m/one" ;;
			*) readable one; damaged cat "$T/m/d/two" ;;
			esac
			run -5 "$MODELVAULT" verify "$T/vault"
		done
	done
}

# rows_of TABLE FILE: its rows as INSERTs.
rows_of() { sql ".mode insert $1" "SELECT * FROM $1"; }

@test "a rule that was revoked does not come back with its old row" {
	cp "$T/vault/keystore.db" "$T/before.db"
	"$MODELVAULT" revoke "$T/vault" 1
	served
	refused cat "$T/m/one"
	sql "ATTACH '$T/before.db' AS old; INSERT INTO rule SELECT * FROM old.rule"
	sleep 0.2
	refused cat "$T/m/one"
	[[ $(refusals) == *seal-broken* ]]
	ended
	served
	refused cat "$T/m/one"
}

@test "a file that was replaced does not come back with its old rows and object" {
	cp -a "$T/vault" "$T/before"
	cp "$F/source/d/two" "$T/one"
	"$MODELVAULT" import "$T/vault" "$T/one" --replace
	cp -a "$T/before/objects/." "$T/vault/objects/"
	sql "ATTACH '$T/before/keystore.db' AS old; PRAGMA foreign_keys=0;
		INSERT OR REPLACE INTO inode SELECT * FROM old.inode;
		INSERT OR REPLACE INTO file SELECT * FROM old.file;
		INSERT OR REPLACE INTO name SELECT * FROM old.name"
	served
	damaged cat "$T/m/one"
	[ "$(refusals)" = row-damaged ]
	run -5 "$MODELVAULT" verify "$T/vault"
	[[ $output == *one* ]]
}

@test "two files cannot exchange their rows" {
	for columns in file_id,root,wrapped_dek mac file_id,suite,chunk_log2,size,generation,state,root,kek,wrapped_dek,mac; do
		for how in served unserved; do
			anew
			[ $how = unserved ] || served
			# Both at once, by the way of a copy; file_id is unique.
			sql "CREATE TEMP TABLE f AS SELECT * FROM file; UPDATE file SET file_id = randomblob(16);
				UPDATE file SET ($columns) = (SELECT $columns FROM f WHERE f.ino != file.ino)"
			[ $how = served ] || served
			sleep 0.2
			damaged cat "$T/m/one"
			damaged cat "$T/m/d/two"
			[ "$(refusals)" = row-damaged ]
		done
	done
	anew
	sql "CREATE TEMP TABLE n AS SELECT * FROM name WHERE ino IN (SELECT ino FROM file);
		UPDATE name SET ino = (SELECT ino FROM n WHERE n.ino != name.ino) WHERE ino IN (SELECT ino FROM n)"
	served
	damaged cat "$T/m/one"
	damaged cat "$T/m/d/two"
}

@test "an older keystore.db is noticed by the anchor, served and not" {
	cp "$T/vault/keystore.db" "$T/before.db"
	"$MODELVAULT" deny "$T/vault" user:root read one
	cp "$T/before.db" "$T/vault/keystore.db"
	run -5 "$MODELVAULT" mount "$T/vault" "$T/m"
	[[ $output == *older* ]]
	anew
	cp "$T/vault/keystore.db" "$T/before.db"
	served
	"$MODELVAULT" deny "$T/vault" user:root read one
	refused cat "$T/m/one"
	# Page by page into the served file, as `sqlite3 .restore` does.
	sql ".restore $T/before.db" || cp "$T/before.db" "$T/vault/keystore.db"
	sleep 0.3
	refused cat "$T/m/one"
	refused cat "$T/m/d/two"
}

@test "an older audit.db does not fit its key, and with its key is noticed by the anchor" {
	cp "$T/vault/audit.db" "$T/vault/audit.key" "$T"
	served
	readable one
	ended
	cp "$T/audit.db" "$T/vault/audit.db"
	run -5 "$MODELVAULT" mount "$T/vault" "$T/m"
	[[ $output == *"trail cannot be continued"* ]]
	cp "$T/audit.key" "$T/vault/audit.key"
	run -5 "$MODELVAULT" mount "$T/vault" "$T/m"
	[[ $output == *audit.db* && $output == *older* ]]
}

@test "an anchor that was edited is not believed, and not taken for none" {
	anchor=$(find "$T/state" -type f -name '[0-9a-f]*')
	printf X | dd of="$anchor" bs=1 seek=40 conv=notrunc status=none
	run -5 "$MODELVAULT" mount "$T/vault" "$T/m"
	[[ $output == *"${anchor##*/}"* ]]
}

@test "another vault's database is refused, even one that the same key file opens" {
	"$MODELVAULT" init "$T/other" --new-passphrase-file <(echo another secret)
	cp "$T/other/keystore.db" "$T/vault/keystore.db"
	run -5 "$MODELVAULT" mount "$T/vault" "$T/m"
	[[ $output == *"another vault"* ]]
	# Its rules into ours: rows of a vault in which everybody may read.
	anew
	"$MODELVAULT" grant "$T/other" any read '**' --passphrase-file <(echo another secret)
	sql "ATTACH '$T/other/keystore.db' AS other; INSERT OR REPLACE INTO rule SELECT * FROM other.rule"
	served
	refused as_user mvbob cat "$T/m/one"
	refused cat "$T/m/one"
	[ "$(refusals)" = seal-broken ]
}

# --- objects --------------------------------------------------------------------------------------

# object_of PATH: where its ciphertext is.
object_of() {
	local id
	id=$("$MODELVAULT" ls "$T/vault" --json | jq -r "select(.path == \"$1\") | .file_id")
	echo "$T/vault/objects/${id:0:2}/$id"
}

# flip FILE OFFSET: one bit; a negative offset counts from the end.
flip() {
	local byte offset=$2
	[ "$offset" -ge 0 ] || offset=$(($(stat -c %s "$1") + offset))
	byte=$(od -An -tu1 -j "$offset" -N 1 "$1")
	printf "\\x$(printf %x $((byte ^ 4)))" | dd of="$1" bs=1 seek="$offset" conv=notrunc status=none
}

# found CAUSE WHAT: verify names file and cause, the mount answers EIO and records it, the other file is
# served. The size of `one` is 40000 with chunks of 4 KiB: header, tag page, ten data pages, a seal page
# and an index of 32 bytes.
found() {
	echo "$2: $1"
	run -5 "$MODELVAULT" verify "$T/vault"
	[[ $output == *"one: damaged: $1"* ]] || { echo "$output"; return 1; }
	[[ $output != *"two: damaged"* ]] || return 1
	run -5 "$MODELVAULT" verify "$T/vault" one
	run -0 "$MODELVAULT" verify "$T/vault" d/two
	served || return
	damaged cat "$T/m/one" || return
	readable d/two || return
	"$MODELVAULT" audit "$T/vault" --action integrity --path one --json >"$T/records" || return
	jq -e "select(.via == \"mount\" and .outcome == \"error\" and .reason == \"integrity\")
		| .detail | startswith(\"$1\")" "$T/records" || { cat "$T/records"; return 1; }
}

@test "objects: a flipped bit anywhere is found, named and recorded" {
	while read -r cause offset what; do
		anew
		flip "$(object_of one)" "$offset"
		found "$cause" "$what"
	done <<-'CASES'
		header 0 magic
		header 100 header
		header 4000 end of the header page
		tag-page 4096 first nonce
		tag-page 4114 first tag
		tag-page 4125 first generation
		tag-page 8100 unused tag entry
		chunk-tag 8192 first byte of data
		chunk-tag 30000 data
		chunk-tag 48191 last byte of data
		chunk-tag 49151 padding
		seal 49152 seal page
		seal 53000 end of the seal page
		seal 53248 index
		seal -1 last byte
	CASES
}

@test "objects: cut, longer, zeroed, holes" {
	# In words of verify, what was done.
	while read -r cause how; do
		anew
		object=$(object_of one)
		eval "$how"
		found "$cause" "$how"
	done <<-'CASES'
		size truncate -s -1 "$object"
		size truncate -s 20000 "$object"
		size truncate -s 4096 "$object"
		size truncate -s +1 "$object"
		size truncate -s +4096 "$object"
		header : >"$object"; truncate -s 53280 "$object"
		chunk-tag fallocate -p -o 8192 -l 4096 "$object"
		tag-page fallocate -p -o 4096 -l 4096 "$object"
		seal fallocate -p -o 49152 -l 4096 "$object"
	CASES
}

@test "objects: exchanged, moved, missing, another kind of file" {
	while read -r cause how; do
		anew
		object=$(object_of one)
		other=$(object_of d/two)
		eval "$how"
		found "$cause" "$how"
	done <<-'CASES'
		misplaced cp "$other" "$object"
		missing rm "$object"
		missing cp "$object" "$T/kept"; rm "$object"; ln -s "$T/kept" "$object"
		missing rm "$object"; ln -s "$other" "$object"
		missing rm "$object"; mkfifo "$object"
		missing rm "$object"; mkdir "$object"
		missing rm "$object"; mknod "$object" c 1 5
		missing mv "${object%/*}" "$T/shelf"; ln -s "$T/shelf" "${object%/*}"
	CASES
}

@test "objects: an older state of the same file, or another vault's object, is refused" {
	"$MODELVAULT" init "$T/other" --chunk 4K --new-key-file "$T/other.key"
	"$MODELVAULT" import "$T/other" "$F/source/one" --key-file "$T/other.key"
	foreign=$(find "$T/other/objects" -type f)
	cp "$foreign" "$(object_of one)"
	found foreign "another vault's"
}

@test "objects: chunks exchanged within a file are found, with their tag entries too" {
	object=$(object_of one)
	exchange() { # OFFSET OFFSET LENGTH
		dd if="$object" of="$T/a" bs=1 skip="$1" count="$3" status=none
		dd if="$object" of="$T/b" bs=1 skip="$2" count="$3" status=none
		dd if="$T/a" of="$object" bs=1 seek="$2" conv=notrunc status=none
		dd if="$T/b" of="$object" bs=1 seek="$1" conv=notrunc status=none
	}
	exchange 8192 12288 4096
	found chunk-tag "two chunks"
	ended
	exchange 4096 4128 32
	found tag-page "two chunks and their entries"
}

@test "objects: damage behind what was read is found when it is reached, and only there" {
	flip "$(object_of one)" 48000
	served
	cmp <(head -c 4096 "$T/m/one") <(head -c 4096 "$F/source/one") || true
	dd if="$T/m/one" of="$T/out" bs=4096 iflag=direct 2>/dev/null || true
	# Never a byte that is not the file's, never an end before the end without an error.
	cmp -n "$(stat -c %s "$T/out")" "$T/out" "$F/source/one"
	damaged cat "$T/m/one"
	wait_for 2 eval '"$MODELVAULT" audit "$T/vault" --action integrity --json | jq -re .detail | grep -qx "chunk-tag chunk 9"'
}
