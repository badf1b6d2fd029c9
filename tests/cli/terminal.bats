#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Passphrases typed at a real terminal: what is typed is never shown, and whatever ends or stops the
# program there, the terminal echoes afterwards.

load ../lib

setup() {
	common_setup
	printf 'a long passphrase\n' >word
	"$MODELVAULT" init vault --new-passphrase-file word 2>/dev/null
	mkdir m
}

# at_terminal SCRIPT COMMAND...: lines of SCRIPT answered in $lines[], the terminal's text after them.
at_terminal() {
	local script=$1
	shift
	run timeout 60 "$TESTS/tools/terminal.py" "$@" <<<"$script"
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
}
answers() { [ "${lines[*]:0:$#}" = "$*" ] || { echo "not '$*' but: $output"; return 1; }; }

@test "a passphrase that is typed unlocks and is not shown" {
	at_terminal 'wait Passphrase of the vault:
echo
type a long passphrase
exit
echo' "$MODELVAULT" ls vault
	answers seen off typed 0 on
	[[ $output != *"a long passphrase"* ]]
	at_terminal 'wait Passphrase of the vault:
type a wrong one
exit' "$MODELVAULT" ls vault
	answers seen typed 4
}

@test "an interrupt, a quit and a termination at the prompt leave the terminal echoing" {
	at_terminal 'wait Passphrase
echo
key C
exit
echo' "$MODELVAULT" ls vault
	answers seen off typed -2 on
	at_terminal 'wait Passphrase
key \
exit
echo' "$MODELVAULT" ls vault
	answers seen typed -3 on
	at_terminal 'wait Passphrase
signal 15
exit
echo' "$MODELVAULT" ls vault
	answers seen sent -15 on
	at_terminal 'wait Passphrase
key D
exit
echo' "$MODELVAULT" ls vault
	answers seen typed 4 on
	[[ $output == *"is locked"*"--key-file"* ]]
}

@test "stopped at the prompt the terminal echoes; continued it is asked again, silently" {
	# A shell with job control: in a group without one a stop does nothing.
	at_terminal 'wait Passphrase
key Z
wait echoing
wait vault: Passphrase of the vault:
echo
type a long passphrase
exit
echo' bash -mc "'$MODELVAULT' ls vault
		stty -a | grep -qw -- -echo && echo silent || echo echoing
		printf 'vault: '; fg >/dev/null"
	answers seen typed seen seen off typed 0 on
	[[ $output != *silent* ]]
}

@test "mount asks before it goes to the background, and an interrupt there leaves no server" {
	at_terminal 'wait Passphrase
echo
type a long passphrase
exit
echo' "$MODELVAULT" mount vault m
	answers seen off typed 0 on
	mountpoint -q m
	"$MODELVAULT" umount m
	at_terminal 'wait Passphrase
key C
exit
echo' "$MODELVAULT" mount vault m
	answers seen typed -2 on
	[ -z "$(servers_of "$T/vault")" ]
	run ! mountpoint -q m
	at_terminal 'wait Passphrase
type a long passphrase
wait mounted on
key C
exit' "$MODELVAULT" mount vault m -f
	answers seen typed seen typed 130
}

@test "init asks twice and makes nothing when interrupted or when the words differ" {
	at_terminal 'wait New passphrase
type first words
wait Once more
echo
key C
exit
echo' "$MODELVAULT" init new
	answers seen typed seen off typed -2 on
	[ ! -e new/keystore.db ]
	at_terminal 'wait New passphrase
type first words
wait Once more
type other words
exit' "$MODELVAULT" init new
	answers seen typed seen typed 4
	[ ! -e new/keystore.db ]
}

@test "mount.modelvault at a terminal: an interrupt is mount(8)'s 8" {
	ln -s "$MODELVAULT" mount.modelvault
	at_terminal 'wait Passphrase
key C
exit
echo' ./mount.modelvault "$T/vault" "$T/m"
	answers seen typed 8 on
	at_terminal 'wait Passphrase
type a long passphrase
exit' ./mount.modelvault "$T/vault" "$T/m"
	answers seen typed 0
	[ "${#lines[@]}" -le 5 ]
}
