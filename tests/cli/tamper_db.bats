#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Somebody without a key writes into keystore.db and audit.db: every column of every table, whole rows,
# whole files; before the vault is mounted and while it is served. tests/tools/tamper_expected.py says what
# must come of each. With FULL=1 in every way of changing, else a slice of them.
load ../lib
[ -z "${FULL:-}" ] || export BATS_TEST_TIMEOUT=800

tamper() { /usr/bin/python3 "$TESTS/tools/tamper_db.py" "$@"; }

# In memory where that is to be had: nothing here is about power failures.
setup_file() {
	F=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/modelvault-test.XXXXXX")
	export F
	chmod 755 "$F"
	tamper make "$F/world"
}

teardown_file() {
	T=$F common_teardown
}

setup() {
	cd "$F" || return 1
}

teardown() {
	! mountpoint -q "$F/world/mount" || umount -l "$F/world/mount"
}

@test "every table of both databases stands in the table of what is expected" { tamper tables "$F/world"; }

@test "keystore.db: vault" { tamper keystore "$F/world" vault; }
@test "keystore.db: slot" { tamper keystore "$F/world" slot; }
@test "keystore.db: setting" { tamper keystore "$F/world" setting; }
@test "keystore.db: rule" { tamper keystore "$F/world" rule; }
@test "keystore.db: role" { tamper keystore "$F/world" role; }
@test "keystore.db: seal" { tamper keystore "$F/world" seal; }
@test "keystore.db: kek" { tamper keystore "$F/world" kek; }
@test "keystore.db: inode" { tamper keystore "$F/world" inode; }
@test "keystore.db: name" { tamper keystore "$F/world" name; }
@test "keystore.db: xattr" { tamper keystore "$F/world" xattr; }
@test "keystore.db: file" { tamper keystore "$F/world" file; }
@test "keystore.db: usage" { tamper keystore "$F/world" usage; }
@test "keystore.db: tables that came since" {
	for table in $(sqlite3 "$F/world/base/vault/keystore.db" "SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT IN ('vault','slot','setting','rule','role','seal','kek','inode','name','xattr','file','usage')
		AND name NOT LIKE 'sqlite%'"); do
		tamper keystore "$F/world" "$table"
	done
}

@test "audit.db: trail" { tamper audit "$F/world" trail; }
@test "audit.db: record" { tamper audit "$F/world" record; }
@test "audit.db: segment" { tamper audit "$F/world" segment; }
@test "audit.db: checkpoint" { tamper audit "$F/world" checkpoint; }
@test "audit.db: head" { tamper audit "$F/world" head; }

@test "whole files exchanged, put back, taken away, spoilt" { tamper files "$F/world"; }

@test "the judge knows an edit that nobody should make: a reader without a rule, wrong bytes" {
	mkdir -p "$F/false/mount/d" "$F/false/source/d"
	echo right >"$F/false/source/one"
	echo wrong >"$F/false/mount/one"
	run -1 /usr/bin/python3 - "$F/false" <<-'PYTHON'
		import os, sys
		sys.path.insert(0, os.environ["TESTS"] + "/tools")
		sys.dont_write_bytecode = True
		import tamper_world
		world = tamper_world.World(sys.argv[1])
		for user in tamper_world.CAROL, tamper_world.ROOT:
		    try:
		        world.read(user, "one")
		    except tamper_world.Bad as bad:
		        print(bad)
		sys.exit(1)
	PYTHON
	[[ $output == *"was answered, whom the rules refuse"* && $output == *"wrong bytes"* ]]
}
