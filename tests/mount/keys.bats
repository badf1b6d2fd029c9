#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Changes of keys in a running server: readers go on, what is destroyed ends, and nothing that went is
# found in the server's memory or in the vault's files.
load ../lib

setup() {
	common_setup
	make_vault "$T/vault" 2>"$T/said"
	mkdir "$T/tree"
	random_file "$T/tree/large" 20000000
	for i in $(seq 40); do random_file "$T/tree/$i" 3000; done
	ln "$T/tree/large" "$T/tree/second-name"
	"$MODELVAULT" import "$T/vault" "$T/tree" 2>>"$T/said"
	"$MODELVAULT" grant "$T/vault" "user:$OWNER" read '**' 2>>"$T/said"
	mounted "$T/vault" "$T/m" -o cache=none 2>>"$T/said"
}

key() { "$MODELVAULT" key "$T/vault" "$@"; }
reader() { "$TESTS/reader/modelvault_reader.py" "$T/vault" --key-file "$T/vault.key" "$@"; }
server() { servers_of "$T/vault" | head -n 1; }

# read_on FILE: reads and compares for as long as the file is there; a failure is left in $T/failed.
read_on() {
	while [ -e "$1" ]; do
		cmp "$T/m/tree/large" "$T/tree/large" >>"$T/failed" 2>&1 || echo "large: $?" >>"$T/failed"
		cmp "$T/m/tree/7" "$T/tree/7" >>"$T/failed" 2>&1 || echo "7: $?" >>"$T/failed"
	done
}

@test "rotate and rekey while files are read: no reader notices" {
	touch "$T/going"
	read_on "$T/going" 3>&- &
	one=$!
	exec 7<"$T/m/tree/large"
	head -c 100000 <&7 | cmp -n 100000 - "$T/tree/large"
	for _ in 1 2 3; do
		run -0 key rotate
		[[ $output == "41 file keys wrapped"* ]]
		run -0 key rekey --key-file "$T/vault.key"
	done
	cmp <(tail -c +100001 "$T/tree/large") - <&7
	exec 7<&-
	rm "$T/going"
	wait $one
	[ ! -s "$T/failed" ] || { cat "$T/failed"; false; }
	"$MODELVAULT" grant "$T/vault" user:mvbob read '**' 2>/dev/null
	"$MODELVAULT" import "$T/vault" "$T/tree/1" --to new 2>/dev/null
	cmp "$T/m/new/1" "$T/tree/1"
	[ "$EUID" -ne 0 ] || cmp <(as_user mvbob cat "$T/m/tree/9") "$T/tree/9"
	unmounted "$T/m" 2>/dev/null
	"$MODELVAULT" verify "$T/vault"
	"$MODELVAULT" audit "$T/vault" verify
	# The trail is signed under the new master key from segment to segment.
	mounted "$T/vault" "$T/m" 2>/dev/null
	"$MODELVAULT" audit "$T/vault" verify
	[ "$("$MODELVAULT" audit "$T/vault" --action key --count)" = 12 ]
}

@test "a rekey whose server is killed at once is the one or the other" {
	for _ in 1 2 3; do
		key rekey --key-file "$T/vault.key" 2>/dev/null &
		sleep 0.0"$((RANDOM % 9))"
		kill -KILL "$(server)"
		wait $! || true
		umount -l "$T/m"
		run -0 "$MODELVAULT" verify "$T/vault"
		[[ $output == *" 0 damaged" ]]
		mounted "$T/vault" "$T/m" -o cache=none 2>/dev/null
	done
	cmp "$T/m/tree/large" "$T/tree/large"
}

@test "slots of a served vault: by role, and the secret stays out of sight" {
	root_only "it needs root"
	echo 'a very peculiar passphrase' >"$T/pass"
	strace -f -o "$T/calls" -s 200 -e trace=sendmsg,recvmsg,read,write,pread64,pwrite64,preadv,preadv2,pwritev,pwritev2 -p "$(server)" 2>"$T/traced" 3>&- &
	wait_for 5 grep -q attached "$T/traced"
	[ "$(key add --new-passphrase-file "$T/pass" 2>/dev/null)" = 2 ]
	kill $!
	wait $! || true
	# It comes in a memory file that the server reads and overwrites; never in a message or a file.
	[ "$(grep -c peculiar "$T/calls")" = 1 ]
	grep peculiar "$T/calls" | grep -q pread
	! grep -qr peculiar "$T/vault" /proc/"$(server)"/fd/ 2>/dev/null
	run -0 key remove 1
	[[ $output == *"the one that opened the running server"* ]]
	cmp "$T/m/tree/3" "$T/tree/3"
	[ "$(key slots | cut -d' ' -f1,2)" = "2 passphrase" ]
	for word in slots rotate 'remove 2' 'destroy tree/1'; do
		# shellcheck disable=SC2086  # a word and its operand
		refused as_user mvbob "$MODELVAULT" key "$T/vault" $word
	done
	refused as_user mvbob "$MODELVAULT" key "$T/vault" add --new-passphrase-file "$T/pass"
	unmounted "$T/m" 2>/dev/null
	exits 4 "$MODELVAULT" ls "$T/vault"
	"$MODELVAULT" ls "$T/vault" --passphrase-file "$T/pass"
}

@test "a request's secrets must be memory files" {
	mkfifo "$T/fifo"
	cp "$T/vault.key" "$T/same.key"
	python3 - "$(socket_of "$T/vault")" "$(stat -c %d:%i "$T/vault")" "$T/vault.key" "$T/fifo" <<-'PY'
		import array, os, socket, sys
		def ask(fd, fields):
		    with socket.socket(socket.AF_UNIX) as s:
		        s.settimeout(5)
		        s.connect(sys.argv[1])
		        text = "v=1\nverb=key\nvault=%s\narg=add\n%s\n" % (sys.argv[2], fields)
		        fds = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fd))] if fd else []
		        s.sendmsg([text.encode()], fds)
		        answer = b""
		        while b"exit=" not in answer:
		            part = s.recv(4096)
		            assert part
		            answer += part
		        assert b"exit=2" in answer, answer
		ask([os.open(sys.argv[3], os.O_RDONLY)], "secret=key-file\n")
		ask([os.open(sys.argv[3], os.O_RDWR)], "secret=key-file\n")
		ask([os.open(sys.argv[4], os.O_RDWR)], "secret=passphrase\n")
		ask([], "secret=passphrase\n")
		ask([], "")
		memory = os.memfd_create("x", os.MFD_ALLOW_SEALING)
		os.write(memory, b"x" * 64)
		ask([memory], "")
		ask([memory], "secret=other\n")
		ask([memory, memory], "secret=key-file\nsecret=key-file\n")
		ask([os.memfd_create("y", os.MFD_ALLOW_SEALING)], "secret=key-file\n")
	PY
	[ "$(key slots | wc -l)" = 1 ]
	cmp "$T/vault.key" "$T/same.key"
}

# keys_of FILE: lines for key_scan of all keys of one file of the tree, from the vault as it is now.
keys_of() {
	local id
	id=$("$MODELVAULT" ls "$T/vault" --json "tree/$1" | jq -r .file_id)
	reader keys | grep -E "^(dek|chunk|header|root) [^ ]*$id"
}

# tests/SKIPS: a sanitizer maps terabytes of its own.
@test "destroy: open handles and mappings end, and the key is nowhere" {
	root_only "a server hides its memory and its links from its own user"
	[ -z "$SANITIZE" ] || skip "the shadow memory of a sanitizer is too large to search"
	exec 7<"$T/m/tree/large"
	head -c 500000 <&7 >/dev/null
	keys_of large >"$T/keys"
	[ "$(wc -l <"$T/keys")" -ge 2 ]
	wrap=$(sqlite3 "$T/vault/keystore.db" "SELECT hex(wrapped_dek) FROM file ORDER BY size DESC LIMIT 1")
	in_files() {
		python3 -c 'import sys; w = bytes.fromhex(sys.argv[1]); print(sum(open(f, "rb").read().count(w) for f in sys.argv[2:]))' \
			"$wrap" "$T/vault"/keystore.*
	}
	# The control: all of it is found while it is there.
	"$TESTS/tools/key_scan.py" memory "$(server)" <"$T/keys" | grep -q .
	[ "$(in_files)" -ge 1 ]
	run -0 key destroy tree/large
	[[ $output == *"its key, and 2 names"* ]]
	run ! head -c 1000 <&7
	exec 7<&-
	[ ! -e "$T/m/tree/large" ]
	[ ! -e "$T/m/tree/second-name" ]
	[ -z "$("$TESTS/tools/key_scan.py" memory "$(server)" <"$T/keys")" ]
	[ "$(in_files)" = 0 ]
	[ "$(find "$T/vault/objects" -type f | wc -l)" = 40 ]
	[ "$("$MODELVAULT" audit "$T/vault" --action revoked --count)" = 1 ]
}
