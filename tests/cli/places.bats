#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Where things lie: the key beside its lock, and a vault that is not the one that was meant.
load ../lib

@test "a key file is not made inside the vault that it opens" {
	run -2 "$MODELVAULT" init "$T/vault" --new-key-file "$T/vault/key"
	[[ $output == *"inside"* ]]
	[ ! -e "$T/vault/key" ]
	mkdir "$T/vault"
	ln -s vault "$T/way"
	run -2 "$MODELVAULT" init "$T/vault" --new-key-file "$T/way/key"
	[ -z "$(ls "$T/vault")" ]
}

@test "a key file that was moved into its vault opens nothing" {
	make_vault "$T/vault"
	mv "$T/vault.key" "$T/vault/key"
	run -4 "$MODELVAULT" rules "$T/vault" --key-file "$T/vault/key"
	[[ $output == *"inside the vault"* ]]
	ln -s vault/key "$T/key"
	run -4 "$MODELVAULT" rules "$T/vault" --key-file "$T/key"
	mv "$T/vault/key" "$T/kept"
	run -0 "$MODELVAULT" rules "$T/vault" --key-file "$T/kept"
}

@test "a copy of a served vault is not taken for it" {
	make_vault "$T/vault"
	cp -a "$T/vault" "$T/copy"
	mounted "$T/vault" "$T/m"
	run -0 "$MODELVAULT" rules "$T/vault"
	run -1 "$MODELVAULT" grant "$T/copy" any read '**'
	[[ $output == *"another vault"* ]]
	[ -z "$("$MODELVAULT" rules "$T/vault")" ]
}
