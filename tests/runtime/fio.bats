#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# fio on a mount: files that fio itself laid out, each block with a checksum of its own, are read back by
# every engine, buffered and with O_DIRECT, and fio verifies every block that it gets.
load ../lib
load runtime

SIZE=$((16 << 20))
ENGINES=(psync pvsync2 mmap libaio io_uring posixaio splice)

setup_file() {
	"$TESTS/install-packages" fio
	common_setup
	chmod 777 .
	mkdir plain
	lay 4k plain/4k
	lay 64k plain/64k
	cp plain/64k plain/changed
	printf X | dd of=plain/changed bs=1 seek=$((SIZE / 2 + 5000)) conv=notrunc status=none
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault
	"$MODELVAULT" import vault plain
	mounted vault m
	mounted vault none -o cache=none
	"$MODELVAULT" grant vault user:mvalice read '**'
}
teardown_file() { common_teardown; }
setup() { cd "$T" || return 1; }
teardown() { :; }

# lay BLOCK FILE: SIZE bytes of random blocks with their checksums.
lay() {
	fio --name=lay --filename="$2" --rw=write --bs="$1" --size="$SIZE" --ioengine=psync --iodepth=1 \
		--verify=crc32c --do_verify=0 --randseed="$RANDOM" >/dev/null
}

# verified USER FILE OPTIONS ENGINE...: every engine reads the whole file in order and at random, each
# with nothing cached, and checks every block. What fio found is in ./report, and shown when it failed.
verified() {
	local user=$1 file=$2 options=$3 block=${2##*/} engine order
	shift 3
	[[ $block == *k ]] || block=64k
	{
		printf '%s\n' '[global]' "filename=$T/$file" "size=$SIZE" "bs=$block" iodepth=8 stonewall \
			verify=crc32c verify_fatal=1 allow_file_create=0
		for engine in "$@"; do
			for order in read randread; do
				# shellcheck disable=SC2086  # one word per option
				printf '%s\n' "[$engine-$order]" "ioengine=$engine" "rw=$order" $options
			done
		done
	} >job
	if ! as_user "$user" fio --readonly --output-format=json --output="$T/report" job >said 2>&1; then
		cat said
		grep -E '^fio|^verify|"jobname"|"error"' report
		return 1
	fi
	[ "$(whole_reads)" -eq $((2 * $#)) ]
}

# whole_reads: how many jobs of ./report had no error and read every block.
whole_reads() {
	jq --argjson size "$SIZE" '[.jobs[] | select(.error == 0 and .read.io_bytes == $size)] | length' report
}

@test "fio verifies every block, with every engine" {
	verified mvalice m/plain/64k direct=0 "${ENGINES[@]}"
	verified mvalice m/plain/4k direct=0 psync libaio io_uring
}

@test "fio verifies every block with O_DIRECT, with every engine" {
	verified mvalice m/plain/64k direct=1 "${ENGINES[@]}"
	verified mvalice m/plain/4k direct=1 psync libaio io_uring
}

@test "fio verifies every block with registered files and buffers, and a kernel thread that submits" {
	verified mvalice m/plain/64k 'direct=0 registerfiles=1 fixedbufs=1 sqthread_poll=1' io_uring
	verified mvalice m/plain/64k 'direct=1 registerfiles=1 fixedbufs=1 sqthread_poll=1' io_uring
}

@test "fio verifies every block where nothing is cached; shared mappings are not to be had there" {
	verified mvalice none/plain/64k direct=0 psync pvsync2 libaio io_uring posixaio
	fails_with '"error" : 19' verified mvalice none/plain/64k direct=0 mmap
}

@test "four processes of fio read one file at a time" {
	run verified mvalice m/plain/64k 'direct=0 numjobs=4' psync
	[ "$(whole_reads)" -eq 8 ]
}

@test "fio finds one changed byte" {
	fails_with 'crc32c: verify failed' verified mvalice m/plain/changed direct=0 psync
	fails_with 'crc32c: verify failed' verified mvalice m/plain/changed direct=1 io_uring
}

@test "fio is refused as a user without a rule, and cannot write as one with a rule" {
	fails_with 'Permission denied' verified mvbob m/plain/64k direct=0 psync
	fails_with 'Permission denied' verified mvbob m/plain/64k direct=1 io_uring
	fails_with 'Read-only file system' as_user mvalice fio --name=w --filename="$T/m/plain/64k" --rw=write --bs=4k --size=4k
}
