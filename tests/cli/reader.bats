#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The second reader, written from contrib/docs alone, gets from a vault what was put into it, in every
# suite and chunk size, and refuses what was tampered with: the documents are complete and true.
load ../lib

reader() { "$TESTS/reader/modelvault_reader.py" "$@"; }

# sample DIR [SIZE...]: sizes around the bounds of chunks, pages and groups of both small and large chunks.
sample() {
	local size dir=$1
	shift
	mkdir -p "$dir/deep/er"
	for size in "${@:-1}"; do
		random_file "$dir/$size" "$size"
	done
	random_file "$dir/deep/er/$(printf 'nicht \303\244 ascii \377')" 3000
	ln -s ../0 "$dir/deep/link"
}

# the_same DIR [unlock options]: the reader's list and contents are those of DIR, imported as `models`.
the_same() {
	local dir=$1 path
	shift
	reader "$T/vault" "$@" ls | LC_ALL=C sort >"$T/listed"
	(cd "$dir/.." && find models -printf '%y %s %p\n' | sed -E 's/^d [0-9]+/directory 0/; s/^f/file/; s/^l/link/' |
		LC_ALL=C sort) >"$T/expected"
	cmp "$T/listed" "$T/expected" || return
	while IFS= read -r -d '' path; do
		reader "$T/vault" "$@" cat "${path#"$dir/../"}" | cmp - "$path" || return
	done < <(find "$dir/../models" -type f -print0)
}

@test "every suite and chunk size is read as it was written" {
	sample "$T/models" 0 4096 16385 524289 2200000
	for suite in aes-256-gcm aes-256-ocb chacha20-poly1305; do
		for chunk in 4K 16K 1M; do
			echo "$suite, $chunk"
			rm -rf "$T/vault"
			make_vault "$T/vault" --cipher $suite --chunk $chunk
			"$MODELVAULT" import "$T/vault" "$T/models"
			the_same "$T/models" --key-file "$T/vault.key"
			rm "$T/vault.key"
		done
	done
}

@test "a passphrase opens for the reader what it opens for the program" {
	sample "$T/models" 1 4095 4096 4097 16383 16384 524288 2200000
	echo 'correct horse battery staple' >"$T/passphrase"
	"$MODELVAULT" init "$T/vault" --new-passphrase-file "$T/passphrase"
	"$MODELVAULT" import "$T/vault" "$T/models" --passphrase-file "$T/passphrase"
	reader "$T/vault" --passphrase-file "$T/passphrase" cat models/2200000 | cmp - "$T/models/2200000"
	[ "$(reader "$T/vault" --passphrase-file "$T/passphrase" ls | wc -l)" = "$(find "$T/models" | wc -l)" ]
	echo wrong >"$T/passphrase"
	run -1 reader "$T/vault" --passphrase-file "$T/passphrase" ls
	[[ $output == *"no slot opens"* ]]
}

@test "a vault in use, with its log not yet in the database, is read too" {
	sample "$T/models" 1 4097 524288
	make_vault "$T/vault"
	mounted "$T/vault" "$T/m"
	"$MODELVAULT" import "$T/vault" "$T/models"
	the_same "$T/models" --key-file "$T/vault.key"
	"$MODELVAULT" rm "$T/vault" models/1
	rm "$T/models/1"
	the_same "$T/models" --key-file "$T/vault.key"
}

@test "what was tampered with is refused" {
	mkdir "$T/models"
	random_file "$T/models/one" 20000
	random_file "$T/models/two" 20000
	make_vault "$T/vault"
	"$MODELVAULT" import "$T/vault" "$T/models"
	"$MODELVAULT" grant "$T/vault" user:root read one
	cp -a "$T/vault" "$T/good"
	id=$("$MODELVAULT" ls "$T/vault" --json | jq -r 'select(.path == "models/one") | .file_id')
	object=$T/vault/objects/${id:0:2}/$id
	for offset in 0 200 4096 4120 8192 28000 28191 28192 32768 36864 36895; do
		run -0 reader "$T/vault" --key-file "$T/vault.key" cat models/one
		printf '\377' | cmp -s -n 1 -i 0:$offset - "$object" && byte='\0' || byte='\377'
		printf $byte | dd of="$object" bs=1 seek=$offset conv=notrunc status=none
		run -1 eval 'reader "$T/vault" --key-file "$T/vault.key" cat models/one >/dev/null'
		cp "$T/good/objects/${id:0:2}/$id" "$object"
	done
	for change in "UPDATE file SET size = size - 1" "UPDATE rule SET words = 'x'" "DELETE FROM role" \
		"UPDATE name SET name = x'41' WHERE name = CAST('one' AS BLOB)" \
		"UPDATE seal SET policy_epoch = policy_epoch + 1" "DELETE FROM xattr; DELETE FROM setting"; do
		sqlite3 "$T/vault/keystore.db" "$change"
		run -1 reader "$T/vault" --key-file "$T/vault.key" ls
		rm -rf "$T/vault"
		cp -a "$T/good" "$T/vault"
	done
	"$MODELVAULT" grant "$T/vault" any read x
	cp "$T/good/keystore.db" "$T/vault/keystore.db"
	run -1 reader "$T/vault" --key-file "$T/vault.key" ls
	[[ $output == *"older than its anchor"* ]]
}
