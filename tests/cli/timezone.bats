#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The one time zone of a vault: given at init or the machine's own, sealed, and there when it is opened.
load ../lib

# make [OPTION...]: a vault in the directory vault.
make() {
	rm -rf vault key
	"$MODELVAULT" init vault --new-key-file key "$@"
}

zone_of_vault() { sqlite3 vault/keystore.db "SELECT value FROM setting WHERE name = 'timezone'"; }

# on_machine TARGET TEXT COMMAND...: where /etc/localtime leads to TARGET and /etc/timezone says TEXT.
on_machine() {
	rm -rf etc
	mkdir etc
	cp /etc/passwd /etc/group /etc/nsswitch.conf etc
	[ -z "$1" ] || ln -s "$1" etc/localtime
	[ -z "$2" ] || echo "$2" >etc/timezone
	shift 2
	unshare -m bash -c 'mount --bind etc /etc && exec "$@"' - "$@"
}

@test "init takes UTC and the names of zones, and nothing else" {
	local zone
	for zone in UTC Europe/Berlin America/Argentina/Buenos_Aires Etc/GMT+5; do
		run -0 --separate-stderr make --timezone "$zone"
		[[ $stderr == *", time zone $zone; uid "* ]]
		[ "$(zone_of_vault)" = "$zone" ]
	done
	rm -r vault key
	for zone in '' utc Europe Europe/Nowhere CET-1CEST EST5 UTC0 /usr/share/zoneinfo/Europe/Berlin \
		../zoneinfo/Europe/Berlin Europe/../Europe/Berlin localtime right/Europe/Berlin zone.tab; do
		run -2 --separate-stderr "$MODELVAULT" init vault --new-key-file key --timezone "$zone"
		[[ $stderr == *"timezone '$zone' is not known on this machine: UTC, or a name such as Europe/Berlin"* ]]
		[ ! -e vault ]
		[ ! -e key ]
	done
}

@test "without --timezone it is the machine's own, when that is one" {
	local target text expected
	while read -r target text expected; do
		rm -rf vault key
		run -0 on_machine "${target#-}" "${text#-}" "$MODELVAULT" init vault --new-key-file key </dev/null
		[ "$(zone_of_vault)" = "$expected" ] || { echo "$target $text: $(zone_of_vault)"; false; }
	done <<-'END'
		/usr/share/zoneinfo/Asia/Tokyo Europe/Berlin Asia/Tokyo
		../usr/share/zoneinfo/Asia/Tokyo - Asia/Tokyo
		/usr/share/zoneinfo/Etc/UTC - UTC
		- Europe/Berlin Europe/Berlin
		- Etc/UTC UTC
		- Europe/Nowhere UTC
		- - UTC
		/usr/share/zoneinfo/Europe/Nowhere Europe/Berlin Europe/Berlin
	END
}

@test "a vault whose zone is not known on the machine is not opened; UTC needs no database" {
	export MODELVAULT_KEY_FILE=$T/key
	make --timezone Europe/Berlin 2>/dev/null
	"$MODELVAULT" ls vault
	run -1 --separate-stderr env TZDIR="$T" "$MODELVAULT" ls vault
	[[ $stderr == *"vault: the vault's time zone Europe/Berlin is not known on this machine"*"install the package tzdata" ]]
	mkdir mount
	run -1 --separate-stderr env TZDIR="$T" "$MODELVAULT" mount vault mount
	[[ $stderr == *"is not known on this machine"* ]]
	make --timezone UTC 2>/dev/null
	env TZDIR="$T" "$MODELVAULT" ls vault
}
