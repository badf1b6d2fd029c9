#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Commands that only tell: version, help, status, key; and that the manual page tells the same.
load ../lib

MANUAL=$TESTS/../contrib/man/modelvault.1

commands() { "$MODELVAULT" help | sed -nE 's/^  ([a-z]+) .*/\1/p'; }

# section COMMAND: what the page says of it, up to the next command.
section() { awk -v c="$1" '/^\.It Cm [a-z]+( (Ar|Oo|Op)|$)/ { on = $3 == c } on' "$MANUAL"; }

@test "version and help need no vault" {
	run -0 "$MODELVAULT" version
	[[ $output =~ ^modelvault\ [0-9]+\.[0-9]+ ]]
	run -0 --separate-stderr "$MODELVAULT" --help
	[[ $output == *"Exit codes: 0 done"* ]]
	[ -z "$stderr" ]
	exits 2 "$MODELVAULT" help nothing
	exits 2 "$MODELVAULT" nothing
	exits 2 "$MODELVAULT"
}

@test "every command and every option stands in the manual page" {
	local command option seen=0
	for command in $(commands); do
		grep -qE "^\.It Cm $command( |$)" "$MANUAL" || { echo "the page has no $command"; return 1; }
		for option in $("$MODELVAULT" help "$command" | sed -nE 's/^  -(-?[a-z0-9-]+).*/\1/p'); do
			section "$command" | grep -qE "Fl ${option}( |$)" ||
				{ echo "the page has no $option of $command"; return 1; }
			seen=$((seen + 1))
		done
	done
	[ "$seen" -gt 20 ]
}

@test "key slots lists the ways to unlock, to a custodian" {
	make_vault v
	run -0 "$MODELVAULT" key v slots
	[[ $output =~ ^1\ key-file\ since\ 20 ]]
	"$MODELVAULT" key v slots --json | jq -e '.slot == 1 and .kind == "key-file" and (.created | endswith("Z"))'
	exits 2 "$MODELVAULT" key v nothing
	mounted v m
	exits 3 as_user mvbob "$MODELVAULT" key "$T/v" slots
	[[ $output == *custodian* ]]
}

@test "status shows mounts and who has what open" {
	make_vault v
	echo text >file
	"$MODELVAULT" import v file
	run -0 "$MODELVAULT" status v
	[[ $output == *"1 file, 5 bytes; not mounted"* ]]
	mounted v m
	"$MODELVAULT" grant v user:mvalice read file
	coproc HOLDER { as_user mvalice sh -c 'exec 4<"$0"; echo; read -r _' "$T/m/file"; }
	read -r -u "${HOLDER[0]}"
	for vault in v m; do
		run -0 "$MODELVAULT" status "$vault"
		[[ $output == *"mounted on $T/m"* && $output == *"open: file by pid "*" uid 5001 "* ]]
	done
	"$MODELVAULT" status v --json | jq -es 'map(select(.kind == "vault"))[0] | .served and .files == 1 and .handles == 1'
	echo >&"${HOLDER[1]}"
	exits 3 as_user mvbob "$MODELVAULT" status "$T/v"
	# Of all vaults that are mounted; the exit code is also that of others on this machine.
	run "$MODELVAULT" status
	[[ $output == *"$T/v"* ]]
}
