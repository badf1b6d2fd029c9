#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# VAULT/reserve: what takes access away is saved on a full disk too, and nothing else is.

load ../lib

# A disk of its own that can be filled to the last block, and root's last blocks too.
setup() {
	common_setup
	mkdir disk m
	truncate -s 24M image
	mkfs.ext4 -q -m 0 -O ^has_journal image
	as_root mount -o loop image disk
	as_root chmod 777 disk
	echo 'plain text' >file
	make_vault disk/vault 2>/dev/null
	"$MODELVAULT" import disk/vault file 2>/dev/null
	mounted disk/vault m 2>/dev/null
	"$MODELVAULT" grant disk/vault user:mvalice read '**' 2>/dev/null
	"$MODELVAULT" grant disk/vault user:mvbob read '**' 2>/dev/null
}

teardown() {
	common_teardown
	[ ! -d "$T" ] || as_root rm -rf "$T"
}

reserved() { stat -c %s "$T/disk/vault/reserve"; }
is_whole() { [ "$(reserved)" = 1048576 ]; }

# fill_disk: with the opens of a user who is refused, until the trail takes no more either.
fill_disk() {
	local i refusals=0
	cat /dev/zero >"$T/disk/filler" 2>/dev/null || true
	# A log that is begun anew has room once more: until it is refused several times in a row.
	for i in {1..6000}; do
		if as_user mvalice cat "$T/m/file" >/dev/null 2>&1; then
			refusals=0
			continue
		fi
		cat /dev/zero >>"$T/disk/filler" 2>/dev/null || true
		refusals=$((refusals + 1))
		[ "$refusals" -lt 5 ] || break
	done
	refused as_user mvalice cat "$T/m/file"
}

server_pid() { sed 's/pid //' disk/vault/lock; }

@test "init makes it of real blocks, and a vault without one gets one" {
	is_whole
	[ "$(stat -c %b disk/vault/reserve)" -ge 2048 ]
	[ "$(stat -c %a disk/vault/reserve)" = 600 ]
	rm disk/vault/reserve
	wait_for 5 is_whole
	"$MODELVAULT" umount m
	rm disk/vault/reserve
	"$MODELVAULT" rules disk/vault >/dev/null
	is_whole
	# What has its name and is something else is told of, and left alone.
	ln -sf "$T/file" disk/vault/reserve
	run -0 "$MODELVAULT" rules disk/vault
	[[ $output == *"reserve cannot be made"* ]]
	[ "$(cat file)" = 'plain text' ]
}

@test "a revoke and a deny on a full disk are saved, and survive a kill" {
	fill_disk
	exits 0 "$MODELVAULT" revoke disk/vault 2
	[[ $output != *"NOT saved"* ]]
	exits 0 "$MODELVAULT" deny disk/vault user:mvalice read '**'
	kill -KILL "$(server_pid)"
	"$MODELVAULT" umount m
	run ! is_whole
	# Read with the disk as full as it was.
	run -0 "$MODELVAULT" rules disk/vault
	[[ $output == *"deny user:mvalice"* && $output != *mvbob* ]]
	rm disk/filler
	"$MODELVAULT" mount disk/vault m 2>/dev/null
	refused as_user mvalice cat m/file
	refused as_user mvbob cat m/file
	"$MODELVAULT" audit disk/vault query --action revoke | grep -q '(done'
	"$MODELVAULT" audit disk/vault verify
	wait_for 5 is_whole
}

@test "what gives access gets none of it" {
	"$MODELVAULT" deny disk/vault user:mvcarol read '**' 2>/dev/null
	"$MODELVAULT" role disk/vault add guests user:mvbob user:mvcarol 2>/dev/null
	fill_disk
	exits 1 "$MODELVAULT" grant disk/vault user:mvcarol read '**'
	[[ $output == *"nothing was changed; make room on its disk" ]]
	# Lifting a deny, and making somebody one of a role, may give it.
	exits 1 "$MODELVAULT" revoke disk/vault 3
	[[ $output == *"nothing was changed; make room on its disk" ]]
	exits 1 "$MODELVAULT" role disk/vault add guests user:mvalice
	[[ $output == *"nothing was changed; make room on its disk" ]]
	refused as_user mvalice cat m/file
	is_whole
	# Leaving one that nothing is denied to takes it away.
	exits 0 "$MODELVAULT" role disk/vault remove guests user:mvcarol
	[[ $output != *"NOT saved"* ]]
	"$MODELVAULT" umount m
	[[ $("$MODELVAULT" role disk/vault list guests) == "guests user:mvbob#5002" ]]
}

@test "many revokes on a full disk are saved one by one, also when room that comes free is taken" {
	local i saved=0
	for i in {3..20}; do
		"$MODELVAULT" grant disk/vault user:mvcarol read "file$i" >/dev/null 2>&1
	done
	fill_disk
	for i in {1..20}; do
		cat /dev/zero >>disk/filler 2>/dev/null || true
		exits 0 "$MODELVAULT" revoke disk/vault "$i" || break
		saved=$i
	done
	# A part of eight serves more than one of them.
	[ "$saved" -gt 8 ]
	kill -KILL "$(server_pid)"
	"$MODELVAULT" umount m
	[ "$("$MODELVAULT" rules disk/vault | wc -l)" -le $((20 - saved)) ]
}

@test "a key that is destroyed and a slot that is removed go on a full disk too, and stay gone" {
	"$MODELVAULT" key disk/vault add --new-key-file second.key 2>/dev/null
	fill_disk
	run "$MODELVAULT" key disk/vault remove 2
	[[ $output == *"slot 2 is removed"* ]]
	run "$MODELVAULT" key disk/vault destroy file
	[[ $output == *"file is destroyed"* && $output != *"nothing was changed"* ]]
	run ! as_user mvbob cat m/file
	kill -KILL "$(server_pid)"
	"$MODELVAULT" umount m
	rm disk/filler
	[ -z "$("$MODELVAULT" ls disk/vault)" ]
	exits 4 "$MODELVAULT" ls disk/vault --key-file second.key
	"$MODELVAULT" audit disk/vault query --action key | grep -q '(done.*destroy'
	"$MODELVAULT" audit disk/vault verify
}
