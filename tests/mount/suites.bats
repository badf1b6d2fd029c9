#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Every suite and every chunk size from end to end, files of more than 1 TB, and what an open reads.
load ../lib

# The whole product of suites and chunk sizes takes longer, and under a sanitizer a few are enough.
export BATS_TEST_TIMEOUT=300
[ -z "$SANITIZE" ] || FULL=

SUITES="aes-256-gcm aes-256-ocb chacha20-poly1305"

# files_for CHUNK: of sizes around a chunk, and around a group of chunks where that is not too much.
files_for() {
	local size
	rm -rf "$T/plain"
	mkdir "$T/plain"
	for size in 0 1 $(($1 - 1)) "$1" $(($1 + 1)) $((3 * $1 + 77)); do
		random_file "$T/plain/$size" "$size"
	done
	[ "$1" -gt 16384 ] || random_file "$T/plain/group" $((128 * $1 + 1))
}

# end_to_end SUITE CHUNK: init, import, mount, read, ls, verify, export.
end_to_end() {
	local file
	rm -rf "$T/vault" "$T/vault.key" "$T/out"
	make_vault "$T/vault" --cipher "$1" --chunk "$2"
	"$MODELVAULT" import "$T/vault" "$T/plain"
	"$MODELVAULT" grant "$T/vault" "user:$OWNER" read '**'
	mounted "$T/vault" "$T/m"
	diff -r "$T/plain" "$T/m/plain"
	for file in "$T"/plain/*; do
		"$TOOLS/read_ways" pread "$T/m/plain/${file##*/}" "$file"
	done
	unmounted "$T/m"
	[ "$("$MODELVAULT" ls "$T/vault" --json | jq -r 'select(.type == "file").cipher' | sort -u)" = "$1" ]
	# The header says of what kind the object is.
	while IFS= read -r file; do
		[ $((1 << $(od -An -tu1 -j 13 -N 1 "$file"))) = "$2" ] || return
	done < <(find "$T/vault/objects" -type f)
	"$MODELVAULT" verify "$T/vault"
	"$MODELVAULT" export "$T/vault" plain "$T/out"
	diff -r "$T/plain" "$T/out"
}

@test "every suite and every chunk size from 4 KiB to 1 MiB, from init to export" {
	local suites=($SUITES) done=0 chunk suite turn=0
	for chunk in 4096 8192 16384 32768 65536 131072 262144 524288 1048576; do
		files_for $chunk
		# Each chunk size with one suite in turn; FULL=1: with all.
		for suite in ${FULL:+$SUITES} ${suites[FULL ? 3 : turn % 3]}; do
			echo "$suite, $chunk"
			end_to_end "$suite" $chunk
			done=$((done + 1))
		done
		turn=$((turn + 1))
	done
	[ $done -eq $((FULL ? 27 : 9)) ]
}

@test "init refuses other suites and chunk sizes" {
	for chunk in 2048 4095 5000 2097152 0 x -4096 ''; do
		exits 2 "$MODELVAULT" init "$T/v" --new-key-file "$T/k" --chunk "$chunk"
	done
	for suite in aes-128-gcm AES-256-GCM none ''; do
		exits 2 "$MODELVAULT" init "$T/v" --new-key-file "$T/k" --cipher "$suite"
	done
	[ ! -e "$T/v" ]
}

server_of_vault() { servers_of "$T/vault" | head -n 1; }
memory_kb() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }

# A little more than 1 TB in each chunk size, sealed at the beginning, at bounds of groups, in the middle
# and at the end; all else was never sealed.
make_huge() {
	local suite=0 log2 chunk last
	make_vault "$T/vault"
	mkdir "$T/out"
	for log2 in 12 14 20; do
		suite=$((suite + 1)) chunk=$((1 << log2))
		last=$(((1100000000001 - 1) / chunk))
		SEALED[log2]=0,1,127,128,$((last / 2)),$((last / 2 + 1)),$((last - 2)),$last
		echo "huge-$log2 $suite $log2 1100000000001 ${SEALED[log2]} -"
	done >"$T/list"
	"$TOOLS/seal_objects" "$T/vault" "$T/vault.key" "$T/out" <"$T/list"
	"$MODELVAULT" grant "$T/vault" "user:$OWNER" read '**'
	mounted "$T/vault" "$T/m"
}

@test "files beyond 1 TB: read and mapped at the beginning, in the middle and at the end; holes are EIO" {
	root_only "a server hides its memory and its links from its own user"
	local SEALED=() log2 before after pid
	make_huge
	pid=$(server_of_vault)
	before=$(memory_kb "$pid")
	for log2 in 12 14 20; do
		run -0 "$TESTS/tools/read_huge.py" "$T/m/huge-$log2" "$T/out/huge-$log2" $((1 << log2)) "${SEALED[log2]}"
		echo "chunks of 2^$log2: $output"
		[[ $output =~ ^open\ ([0-9]+)\..*\ 16\ right,\ (1[0-9]|2[0-9])\ refused$ ]]
		# The index is a hundred-thousandth of a percent of the file; nothing else may count.
		[ -n "$SANITIZE" ] || [ "${BASH_REMATCH[1]}" -lt 500 ]
	done
	after=$(memory_kb "$pid")
	echo "the server's memory: $before kB before, $after kB after"
	[ -n "$SANITIZE" ] || [ $((after - before)) -lt 32768 ]
	# Each is on record with its cause.
	"$MODELVAULT" audit "$T/vault" query --action integrity --json | jq -r '.detail | split(" ")[0]' |
		sort -u | xargs >"$T/causes"
	[ "$(cat "$T/causes")" = "chunk-tag tag-page" ]
	unmounted "$T/m"
}

# index_of SIZE CHUNK: offset and length of the seal index, by contrib/docs/format.md.
index_of() {
	local groups=$((($1 + 128 * $2 - 1) / (128 * $2)))
	local seals=$(((groups + 127) / 128))
	echo $((4096 + 4096 * groups + ($1 + 4095) / 4096 * 4096 + 4096 * seals)) $((32 * seals))
}

# traced COMMAND...: the reads of objects that the server does meanwhile, as "OFFSET BYTES" lines.
traced() {
	local pid tracer
	rm -f "$T"/trace.* "$T/strace"
	pid=$(server_of_vault)
	strace -ff -y -o "$T/trace" -p "$pid" 2>"$T/strace" -e \
		trace=read,readv,pread64,preadv,preadv2,mmap,sendfile,splice,copy_file_range,io_uring_setup,io_uring_enter &
	tracer=$!
	wait_for 10 grep -qs attached "$T/strace" || return
	"$@"
	kill "$tracer"
	wait "$tracer" || true
	# Everything that touches an object; only positioned reads have the form that is understood.
	cat "$T"/trace.* | grep -E '/objects/[0-9a-f]{2}/|io_uring' |
		sed -E 's/^(pread64|preadv2?)\(.*, ([0-9]+)(, 0)?\) += ([0-9]+)$/\2 \4/' || true
}

opened() { : <"$1"; }
one_byte() { dd if="$1" of=/dev/null bs=1 count=1 status=none; }

@test "an open reads the header and the seal index, and no data" {
	root_only "a server hides its memory and its links from its own user"
	local SEALED=() size index
	make_huge
	for size in 0 1 6288365 300000000; do
		echo "of-$size 1 14 $size 0 -"
	done >"$T/list"
	unmounted "$T/m"
	"$TOOLS/seal_objects" "$T/vault" "$T/vault.key" "$T/out" <"$T/list"
	mounted "$T/vault" "$T/m"
	traced opened "$T/m/of-0" >"$T/reads"
	diff "$T/reads" <(echo "0 4096")
	for size in 1 6288365 300000000; do
		index=$(index_of $size 16384)
		traced opened "$T/m/of-$size" >"$T/reads"
		diff "$T/reads" <(printf '%s\n' "0 4096" "$index")
	done
	for log2 in 12 14 20; do
		index=$(index_of 1100000000001 $((1 << log2)))
		traced opened "$T/m/huge-$log2" >"$T/reads"
		diff "$T/reads" <(printf '%s\n' "0 4096" "$index")
	done
	# The trace does see data when some is read: tag page and chunk, and the seal page.
	traced one_byte "$T/m/of-1" >"$T/reads"
	sort -n "$T/reads" | grep -qx '4096 8192'
	grep -qx '12288 4096' "$T/reads"
}
