#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Ordinary tools on a mount do as on the plaintext: what they copy, archive, count, compare and find is
# the same, and what they may not read they name, skip and report, as for any unreadable file.
load ../lib
load runtime

setup_file() {
	"$TESTS/install-packages" rsync attr
	common_setup
	chmod 777 .
	mkdir plain
	make_tree
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault
	"$MODELVAULT" import vault plain
	mounted vault m
	"$MODELVAULT" grant vault user:mvalice read 'plain/**'
}
teardown_file() { common_teardown; }
setup() {
	cd "$T" || return 1
	as_user mvalice mkdir -m 755 out
}
teardown() { rm -rf --one-file-system "${T:?}/out"; }

make_tree() (
	cd plain || exit
	mkdir -p model/deep/er 'two words' empty-dir
	random_file model/weights.bin 20000000
	random_file model/deep/er/odd 1234567
	random_file 'two words/a b' 16385
	printf 'the only line with needle in it\n' >model/deep/config.json
	: >empty
	# Zeros that lie on the disk, zeros that do not, and some of each.
	head -c 3000000 /dev/zero >zeros
	truncate -s 5000000 hole
	random_file holes 100000 && truncate -s 9000000 holes && printf end >>holes
	ln model/weights.bin model/deep/hard
	ln -s ../model/weights.bin 'two words/link'
	ln -s nowhere dangling
	setfattr -n user.origin -v 'made here' model/weights.bin
	chmod 444 empty
	chmod 755 zeros
	touch -d '2001-02-03T04:05:06.123456789Z' model/weights.bin model/deep
)

alice() { as_user mvalice "$@"; }

# listed DIR: everything about what is in it that a copy should keep: type, mode, links, size, time,
# target, and the bytes.
listed() {
	(cd "$1" && find . -printf '%P|%y|%m|%s|%T@|%l\n' | sed -E '/\|d\|/s/\|[0-9]+(\|[0-9.]+\|)$/\1/' | LC_ALL=C sort &&
		find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
}

# copied DIR: it equals the tree that was imported.
copied() {
	listed plain >expected
	[ "$(wc -l <expected)" -ge 24 ]
	listed "$1" >found
	diff expected found
}

# same_lines COMMAND...: as same, in any order: directories are read in different ones.
same_lines() { same bash -c '"$@" | LC_ALL=C sort' - "$@"; }

# same COMMAND...: prints the same, as mvalice, run in m/plain and in plain.
same() {
	(cd plain && alice "$@") >expected
	(cd m/plain && alice "$@") >found
	[ -s expected ]
	cmp expected found
}

@test "cp -a copies bytes, modes, times, links and extended attributes" {
	alice cp -a m/plain out/copy
	copied out/copy
	[ out/copy/model/weights.bin -ef out/copy/model/deep/hard ]
	[ "$(getfattr --only-values -n user.origin out/copy/model/weights.bin)" = 'made here' ]
	alice cp -a --reflink=auto --sparse=always m/plain out/sparse
	copied out/sparse
	alice cp -aL m/plain/model out/followed
	cmp out/followed/deep/hard plain/model/weights.bin
}

@test "tar archives the very bytes that it archives from the plaintext" {
	same tar -cf - --sort=name --format=posix --pax-option=delete=atime,delete=ctime .
}

@test "tar -S archives what is in sparse and in dense files alike" {
	local detection
	for detection in '' --hole-detection=raw --hole-detection=seek; do
		mkdir "out/x$detection"
		# shellcheck disable=SC2086  # perhaps no word
		alice tar -C m/plain --format=posix -cSf - $detection . | tar -C "out/x$detection" -xpf -
		copied "out/x$detection"
	done
}

@test "rsync -a copies, finds nothing to do the second time, and compares by checksum" {
	alice rsync -aH m/plain/ out/copy/
	copied out/copy
	[ out/copy/model/weights.bin -ef out/copy/model/deep/hard ]
	[ -z "$(alice rsync -aH --out-format=%n m/plain/ out/copy/)" ]
	[ -z "$(alice rsync -a --checksum --out-format=%n m/plain/ plain/ --dry-run | grep -v '/$')" ]
	# The same size and time, another byte: only --checksum can tell.
	printf X | alice dd of=out/copy/model/deep/er/odd bs=1 seek=700000 conv=notrunc status=none
	alice touch -r plain/model/deep/er/odd out/copy/model/deep/er/odd
	[ "$(alice rsync -aH --checksum --out-format=%n m/plain/ out/copy/)" = model/deep/er/odd ]
	alice rsync -aSW --inplace --no-whole-file m/plain/ out/copy/
	copied out/copy
}

@test "find, du, ls, stat and wc count the same" {
	same_lines find . -type f -size +1M -printf '%P %s\n'
	same_lines find . -links +1 -type f -printf '%P %n\n'
	same_lines find . -noleaf -type d -printf '%P %m\n'
	same_lines find -L . -type f -newermt 2000-01-01 ! -newermt 2002-01-01
	same_lines find . -empty
	same du -b empty zeros hole holes model/weights.bin model/deep/er/odd
	same stat -c '%n %s %f %Y %h' empty zeros model/weights.bin dangling
	same bash -c 'ls -lRG --time-style=full-iso | grep -vE "^(total|d)"'
	same bash -c 'cat model/weights.bin | wc -c; wc -c <holes; wc -l model/deep/config.json; head -c 100 hole | wc -c'
	same bash -c 'tail -c 777 model/weights.bin'
}

@test "sha256sum, cmp, diff and grep compare and search the same" {
	same bash -c 'find . -type f -print0 | sort -z | xargs -0 sha256sum'
	same bash -c 'find . -type f -print0 | sort -z | xargs -0 b2sum'
	alice diff -r --no-dereference plain m/plain
	alice cmp plain/holes m/plain/holes
	same_lines grep -r needle .
	same_lines grep -rlaP '\x00{100}' .
}

@test "dd reads with O_DIRECT and in odd blocks" {
	local file
	for file in model/weights.bin zeros holes empty 'two words/a b'; do
		same bash -c 'dd if="$1" iflag=direct bs=1M status=none | sha256sum' bash "$file"
		same bash -c 'dd if="$1" iflag=direct bs=4k status=none | sha256sum' bash "$file"
		same bash -c 'dd if="$1" bs=777777 status=none | sha256sum' bash "$file"
		same bash -c 'dd if="$1" iflag=nocache,skip_bytes,count_bytes skip=12345 count=4000000 status=none | sha256sum' bash "$file"
	done
}

@test "what packs and sends reads the same" {
	same bash -c 'gzip -1nc model/deep/er/odd | sha256sum'
	same bash -c 'perl -MDigest::SHA -e "print Digest::SHA->new(256)->addfile(shift)->hexdigest" holes'
	same bash -c 'cd model && /usr/bin/python3 -c "
import shutil, sys
with open(\"weights.bin\", \"rb\") as f: shutil.copyfileobj(f, sys.stdout.buffer)" | sha256sum'
}

@test "tools that meet a file without a rule name it, go on, and fail" {
	"$MODELVAULT" deny vault user:mvalice read plain/model/deep/er/odd 2>said >rule
	fails_with 'Permission denied' alice cp -a m/plain out/copy
	cmp plain/zeros out/copy/zeros
	[ ! -s out/copy/model/deep/er/odd ]
	run alice bash -c 'tar -C m/plain -cf - . >out/tar'
	[ "$status" -eq 2 ]
	[[ $output == *'odd: Cannot open: Permission denied'* ]]
	run alice rsync -a m/plain/ out/rsync/
	[ "$status" -eq 23 ]
	[[ $output == *'odd": Permission denied'* ]]
	fails_with 'odd: Permission denied' alice grep -r needle m/plain
	fails_with 'odd: Permission denied' alice bash -c 'find m/plain -type f -exec sha256sum {} +'
	fails_with 'odd: Permission denied' alice diff -r plain m/plain
	fails_with 'Permission denied' alice dd if=m/plain/model/deep/er/odd iflag=direct of=/dev/null
	"$MODELVAULT" revoke vault "$(cat rule)"
	alice sha256sum m/plain/model/deep/er/odd
}

@test "a user without a rule gets no byte from any of them" {
	local command
	as_user mvbob mkdir -p "$T/bob" && chmod 777 bob
	for command in 'cp -a m/plain bob/copy' 'rsync -a m/plain/ bob/rsync/' 'tar -C m -cf - plain | tar -C bob -xf -' \
		'cat m/plain/zeros' 'dd if=m/plain/zeros iflag=direct'; do
		fails_with 'Permission denied' as_user mvbob bash -o pipefail -c "$command"
	done
	[ -z "$(find bob -type f -size +0)" ]
	[ "$("$MODELVAULT" audit vault query --action open --outcome allow --user mvbob --count)" -eq 0 ]
}
