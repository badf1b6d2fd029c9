#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Ways to unlock and new keys, of a vault that nobody serves: what they do, what they say, what they
# leave behind, and that a kill at any write leaves a vault that opens.
load ../lib
# Under FULL=1 every call is tried.
export BATS_TEST_TIMEOUT=900

setup() {
	common_setup
	export MODELVAULT_STATE_DIR=$T/state
	make_vault "$T/vault" 2>"$T/said"
	mkdir "$T/tree"
	for i in $(seq 30); do echo "file $i" >"$T/tree/$i"; done
	ln "$T/tree/1" "$T/tree/other-name"
	"$MODELVAULT" import "$T/vault" "$T/tree" 2>>"$T/said"
}

key() { "$MODELVAULT" key "$T/vault" "$@"; }
sql() { sqlite3 "$T/vault/keystore.db" "$1"; }
details() { "$MODELVAULT" audit "$T/vault" --action key --json | jq -r .detail; }

# wraps: everything in keystore.db that is wrapped, in hexadecimal.
wraps() {
	sql "SELECT hex(wrapped_dek) FROM file UNION SELECT hex(wrapped) FROM kek UNION SELECT hex(wrapped) FROM slot"
}

# left_of BEFORE: how many of these wraps, but for those still in use, stand in any file of the keystore.
left_of() {
	wraps >"$T/now"
	python3 - "$1" "$T/now" "$T/vault"/keystore.* <<-'PY'
		import sys
		gone = set(open(sys.argv[1])) - set(open(sys.argv[2]))
		data = b"".join(open(name, "rb").read() for name in sys.argv[3:])
		print(sum(bytes.fromhex(line) in data for line in gone), len(gone))
	PY
}

# whole [SECRET...]: the vault opens with this secret, every file of it too, and the trail is whole.
whole() {
	"$MODELVAULT" verify "$T/vault" "$@" >"$T/whole" 2>&1 &&
		"$MODELVAULT" audit "$T/vault" verify >>"$T/whole" 2>&1 && return
	cat "$T/whole"
	return 1
}

@test "slots: added, each opens; removed, it opens nothing and is nowhere any more" {
	echo 'correct horse' >"$T/pass"
	[ "$(key add --new-key-file "$T/second.key" 2>"$T/said")" = 2 ]
	grep -q 'slot 2: the new key file unlocks' "$T/said"
	[ "$(key add --new-passphrase-file "$T/pass" 2>/dev/null)" = 3 ]
	[ "$(key add --new-passphrase-fd 5 5< <(echo other) 2>/dev/null)" = 4 ]
	whole --key-file "$T/second.key"
	whole --passphrase-file "$T/pass"
	whole --passphrase-fd 5 5< <(echo other) || true
	[ "$(key slots | cut -d' ' -f1,2)" = "1 key-file
2 key-file
3 passphrase
4 passphrase" ]
	wraps >"$T/before"
	[ "$(key remove 1 2>"$T/said")" = 1 ]
	grep -q 'the one that this command itself came by' "$T/said"
	[ "$(left_of "$T/before")" = "0 1" ]
	exits 4 key slots
	export MODELVAULT_KEY_FILE=$T/second.key
	key remove 3 2>/dev/null
	key remove 4 2>/dev/null
	exits 1 key remove 2
	[[ $output == *"the last one"* && $output == *"add"* ]]
	exits 6 key remove 1
	[ "$(details | sed 's/epoch [0-9]*: //' | tail -n 6)" = "intent remove slot 4
done remove slot 4
intent remove slot 2
failed remove slot 2
intent remove slot 1
failed remove slot 1" ]
	whole
}

@test "slots: nothing is added when the secret is no good, and no key file is left" {
	exits 2 key add --new-key-file "$T/vault/inside"
	: >"$T/empty"
	exits 4 key add --new-passphrase-file "$T/empty"
	exits 1 key add --new-key-file "$T/vault.key"
	exits 2 key add more
	exits 2 key remove
	exits 2 key remove one
	exits 2 key nonsense
	exits 2 key slots --key-file "$T/vault.key" --key-file "$T/vault.key"
	exits 4 key add --new-key-file "$T/new" --key-file <(head -c 32 /dev/urandom)
	[ ! -e "$T/new" ]
	[ "$(key slots | wc -l)" = 1 ]
}

@test "rotate: every file under a new KEK, nothing of the old one left" {
	wraps >"$T/before"
	run -0 key rotate
	[[ $output == "30 file keys wrapped under a new key-encryption key"* ]]
	[ "$(left_of "$T/before")" = "0 31" ]
	[ "$(sql 'SELECT group_concat(number) FROM kek')" = 2 ]
	whole
	key rotate 2>/dev/null
	[ "$(sql 'SELECT DISTINCT kek FROM file')" = 3 ]
	whole
	[ "$(details)" = "intent epoch 3: rotate
done epoch 3: rotate: 30 file keys
intent epoch 3: rotate
done epoch 3: rotate: 30 file keys" ]
}

@test "rotate and rekey: refused over rows that somebody edited" {
	sql "UPDATE file SET size = size + 1 WHERE ino = (SELECT max(ino) FROM file)"
	wraps >"$T/before"
	for word in rotate rekey; do
		exits 5 key $word
		[[ $output == *"rows of keystore.db are damaged"*"nothing was changed"* ]]
	done
	wraps | cmp - "$T/before"
}

@test "rekey: takes the secret of every slot, and then everything is new" {
	echo 'correct horse' >"$T/pass"
	key add --new-key-file "$T/second.key" 2>/dev/null
	key add --new-passphrase-file "$T/pass" 2>/dev/null
	wraps >"$T/before"
	sql 'SELECT hex(mac) FROM name' >"$T/macs"
	exits 4 key rekey
	[[ $output == *"opens slots 2, 3"*"remove N"* ]]
	run -4 env MODELVAULT_KEY_FILE= "$MODELVAULT" key "$T/vault" rekey
	[[ $output == *'rekey needs the secret of every slot: give --key-file F,'* ]]
	exits 4 key rekey --key-file "$T/second.key" --passphrase-file "$T/pass"
	[[ $output == *"opens slot 1,"* ]]
	wraps | cmp - "$T/before"
	cp "$T/vault/keystore.db" "$T/older"
	key rekey --key-file "$T/vault.key" --key-file "$T/second.key" --passphrase-file "$T/pass" 2>/dev/null
	# Slots and KEK; files keep their wraps under the KEK.
	[ "$(left_of "$T/before")" = "0 4" ]
	! sql 'SELECT hex(mac) FROM name' | grep -qxFf "$T/macs"
	[ ! -e "$T/vault/audit.key.next" ]
	[ "$(ls "$T/state")" = "$(cut -d' ' -f3 <"$T/vault/id")" ]
	whole --key-file "$T/vault.key"
	whole --key-file "$T/second.key"
	whole --passphrase-file "$T/pass"
	exits 2 key slots --key-file "$T/vault.key" --key-file "$T/second.key"
	[[ $output == *"given twice"* ]]
	[ "$(key slots | cut -d' ' -f1 | xargs)" = "1 2 3" ]
	# A rekeyed vault does not take its older self back.
	cp "$T/older" "$T/vault/keystore.db"
	exits 5 key slots
}

@test "destroy: the file under all its names" {
	wraps >"$T/before"
	exits 6 key destroy nope
	exits 1 key destroy tree
	[[ $output == *"no file"* ]]
	run -0 key destroy tree/1
	[[ $output == *"its key, and 2 names"*"tree/1"*"tree/other-name"* ]]
	[ "$(left_of "$T/before")" = "0 1" ]
	[ "$("$MODELVAULT" ls "$T/vault" tree | wc -l)" = 29 ]
	[ "$(find "$T/vault/objects" -type f | wc -l)" = 29 ]
	exits 1 key destroy tree/2 tree/1 tree/3
	[ "$(find "$T/vault/objects" -type f | wc -l)" = 27 ]
	whole
	"$MODELVAULT" audit "$T/vault" --action key --json >"$T/records"
	[ "$(jq -rs '.[1] | "\(.path) \(.detail)"' "$T/records")" = "tree/1 done epoch 3: destroy: 2 names" ]
	[ "$(jq -rs '.[1].file_id' "$T/records")" != null ]
}

# killed_at N COMMAND...: kills it at its Nth call that writes; 1 when it does not come to that.
CALLS=pwrite64,fdatasync,fsync,ftruncate,rename,renameat,unlink,unlinkat
killed_at() {
	local n=$1 status=0
	shift
	strace -f -qq -o "$T/calls" -e trace=$CALLS -e inject=$CALLS:signal=KILL:when="$n" "$@" >/dev/null 2>&1 || status=$?
	case $status in
	137) return ;;
	0) return 1 ;;
	esac
	echo "exit $status at call $n"
	return 2
}

# survives COMMAND...: the vault opens with both keys after a kill at every call (FULL=1), or at some.
survives() {
	local n=1 step=1 kills=0
	[ -n "${FULL:-}" ] || step=41
	cp -a "$T/vault" "$T/pristine"
	cp -a "$T/state" "$T/pristine.state"
	while :; do
		status=0
		killed_at "$n" "$@" || status=$?
		[ $status != 1 ] || break
		[ $status = 0 ]
		for secret in "$T/vault.key" "$T/second.key"; do
			whole --key-file "$secret" || { echo "killed at call $n of: $*"; tail -n 3 "$T/calls"; return 1; }
		done
		[ ! -e "$T/vault/audit.key.next" ]
		"$MODELVAULT" import "$T/vault" "$T/vault.key" --to "n$n" 2>/dev/null
		rm -r "$T/vault" "$T/state"
		cp -a "$T/pristine" "$T/vault"
		cp -a "$T/pristine.state" "$T/state"
		n=$((n + step)) kills=$((kills + 1))
	done
	echo "# $kills kills over $n calls" >&3
	[ "$kills" -gt 2 ]
}

@test "killed while it rotates, the vault opens and every file" {
	key add --new-key-file "$T/second.key" 2>/dev/null
	survives "$MODELVAULT" key "$T/vault" rotate
}

@test "killed while it changes the master key, the vault opens and every file" {
	key add --new-key-file "$T/second.key" 2>/dev/null
	survives "$MODELVAULT" key "$T/vault" rekey --key-file "$T/vault.key" --key-file "$T/second.key"
}

@test "killed while it removes a slot or destroys a file, the vault opens" {
	key add --new-key-file "$T/second.key" 2>/dev/null
	key add --new-key-file "$T/third.key" 2>/dev/null
	survives "$MODELVAULT" key "$T/vault" remove 3
	rm -r "$T/pristine" "$T/pristine.state"
	survives "$MODELVAULT" key "$T/vault" destroy tree/1
}
