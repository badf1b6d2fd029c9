#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What a mount shows: the same bytes, names and attributes as were imported, in every way that
# programs read; and nothing in it can be changed. One vault serves the whole file.

load ../lib

# Around one chunk, one group of 128 chunks, and more than one READ of the kernel.
SIZES="0 1 4095 4096 16383 16384 16385 2097151 2097152 2097153 5000003"

make_plain() {
	local size
	mkdir plain plain/names plain/many plain/links
	for size in $SIZES; do
		random_file "plain/$size" "$size"
	done
	random_file plain/40MB 40000000
	random_file plain/zeros 0
	truncate -s 3000000 plain/zeros
	# Symbolic links are quicker to import than files, and names are what counts here.
	(
		cd plain/many || exit
		seq -f 'file %03.0f of many' 200 | tr '\n' '\0' | xargs -0 touch
		perl -e 'symlink "to $_", sprintf "link %04d of many", $_ or die for 1 .. 4800'
	)
	chmod 640 plain/4096
	chmod 755 plain/4095
	touch -d '2001-02-03T04:05:06.123456789Z' plain/4096 plain/names
}

# All bytes but NUL and '/' as names of their own, and the longest name there can be.
make_names() {
	perl -e '
		chdir "plain/names" or die;
		for my $byte (1 .. 255) {
			next if $byte == 47 || $byte == 46;
			open my $file, ">", chr $byte or die; print $file "byte $byte";
		}
		for ("two words", " lead", "trail ", "new\nline", "-dash", "x" x 255, "\xff\xfe",
			"*?[a]", "\\", "\xc3\xa9", "e\xcc\x81", "...") {
			open my $file, ">", $_ or die; print $file $_;
		}'
}

make_links() {
	(
		cd plain/links || exit
		echo linked >one
		ln one two
		mkdir below
		ln one below/three
		ln -s one soft
		ln -s ../5000003 up
		ln -s nowhere dangling
		ln -s "$(printf 'a%.0s' {1..4000})" long
		setfattr -n user.model -v llama one
		setfattr -n user.empty one
	)
}

setup_file() {
	common_setup
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_plain
	make_names
	make_links
	make_vault vault
	"$MODELVAULT" import vault plain
	mounted vault m
	"$MODELVAULT" grant vault "user:$OWNER" user:mvalice read '**'
}
teardown_file() { common_teardown; }
setup() { cd "$T" || return 1; }
teardown() { :; }

# every_size WAY: one way, all sizes.
every_size() {
	local size
	for size in $SIZES 40MB zeros; do
		"$TOOLS/read_ways" "$1" "m/plain/$size" "plain/$size"
	done
}

@test "read gives the plaintext" { every_size read; }
@test "pread at random offsets, behind the end too, gives the plaintext" { every_size pread; }
@test "readv and preadv give the plaintext" { every_size readv; }
@test "a shared mapping shows the plaintext, then zeros to the page's end" { every_size mmap-shared; }
@test "a private mapping shows the plaintext and keeps writes to itself" { every_size mmap-private; }
@test "MAP_POPULATE gives the plaintext" { every_size mmap-populate; }
@test "a mapping touched at random shows the plaintext" { every_size mmap-random; }
@test "sendfile gives the plaintext" { every_size sendfile; }
@test "splice gives the plaintext" { every_size splice; }
@test "O_DIRECT gives the plaintext" { every_size direct; }
@test "threads that read in parallel get the plaintext" { every_size threads; }
@test "processes that read in parallel, also by one descriptor, get the plaintext" { every_size processes; }
@test "there is data from end to end, and one hole behind it" { every_size seek; }

@test "io_uring gives the plaintext: inline, by worker threads, by a polling thread" {
	local how size
	for how in plain worker sqpoll; do
		for size in 0 1 16385 5000003; do
			"$TOOLS/read_uring" $how "m/plain/$size" "plain/$size"
		done
		as_user mvalice "$TOOLS/read_uring" $how "$T/m/plain/2097153" "$T/plain/2097153"
	done
}

# ciphertext_cached VAULT: how many bytes of its objects lie in the kernel's page cache.
ciphertext_cached() {
	find "$1/objects" -type f -exec fincore -b -n -o RES {} + | awk '{ sum += $1 } END { print sum + 0 }'
}

@test "ciphertext leaves the page cache soon after it was read: a model takes its size once" {
	local before
	sync -f vault/objects
	as_root sh -c "echo 3 >/proc/sys/vm/drop_caches"
	before=$(ciphertext_cached vault)
	cat m/plain/40MB | cmp - plain/40MB
	# At most what readahead brought beyond and what waits to be dropped together.
	[ "$(ciphertext_cached vault)" -lt $((before + 14000000)) ]
	# The reader is closed some seconds after the file.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(ciphertext_cached vault)" -gt $((before + 3000000)) ] || break
		sleep 1
	done
	[ "$(ciphertext_cached vault)" -le $((before + 3000000)) ]
}

@test "an unprivileged user reads all of it too" {
	local size
	for size in $SIZES; do
		as_user mvalice cat "m/plain/$size" | cmp - "plain/$size"
	done
}

@test "dd with odd block sizes, tail -c, head -c, od agree" {
	local file block
	for file in 16385 2097153 5000003; do
		for block in 333 4097 65537; do
			dd if="m/plain/$file" bs=$block status=none | cmp - "plain/$file"
			cmp <(dd if="m/plain/$file" bs=$block skip=3 count=7 status=none) \
				<(dd if="plain/$file" bs=$block skip=3 count=7 status=none)
		done
		cmp <(tail -c 12345 "m/plain/$file") <(tail -c 12345 "plain/$file")
		cmp <(tail -c +16380 "m/plain/$file") <(tail -c +16380 "plain/$file")
		cmp <(head -c 16390 "m/plain/$file") <(head -c 16390 "plain/$file")
		cmp <(od -An -tx1 -j 16000 -N 800 "m/plain/$file") <(od -An -tx1 -j 16000 -N 800 "plain/$file")
	done
	# Nothing behind the end, and no error either.
	[ -z "$(dd if=m/plain/16385 bs=1 skip=16385 count=5 status=none)" ]
	[ -z "$(dd if=m/plain/4095 bs=4096 skip=9 count=1 status=none 2>/dev/null)" ]
}

@test "sha256sum of the whole tree agrees" {
	cmp <(cd plain && find . -type f -print0 | sort -z | xargs -0 sha256sum) \
		<(cd m/plain && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# listing DIR: every name with type, links, mode, owner, time to the nanosecond, target, size.
listing() { (cd "$1" && find . -printf '%p\t%y\t%n\t%m\t%U\t%G\t%T@\t%l\t' \( -type d -printf '\0' -o -printf '%s\0' \) | sort -z); }

@test "names, types, modes, owners, times, link counts and targets are those of the source" {
	# What a directory counts as its links is its own affair on ext4; below 2 it would be wrong.
	diff -a <(listing plain | tr '\0' '\n') <(listing m/plain | tr '\0' '\n')
}

@test "cp -a and tar make the same tree again" {
	cp -a m/plain copied
	diff -r --no-dereference plain copied
	diff -a <(listing plain | tr '\0' '\n') <(listing copied | tr '\0' '\n')
	[ "$(stat -c %i copied/links/one)" = "$(stat -c %i copied/links/below/three)" ]
	[ "$(getfattr --only-values -n user.model copied/links/one)" = llama ]
	mkdir untarred
	tar -C m -cf - plain | tar -C untarred -xf -
	diff -r --no-dereference plain untarred/plain
	# Sparse detection must not take data for holes.
	tar -C m -S -cf - plain/5000003 | tar -C untarred -xf -
	cmp plain/5000003 untarred/plain/5000003
	rm -rf copied untarred
}

@test "rsync makes the same tree again and then finds nothing to do" {
	rsync -aHX m/plain/ synced/
	diff -r --no-dereference plain synced
	[ -z "$(rsync -aHXi --checksum m/plain/ synced/)" ]
	rm -rf synced
}

@test "ls -la shows . and .. once, and find enters every directory" {
	run ls -la m/plain/links
	[ "$(grep -c ' \.$' <<<"$output")" = 1 ]
	[ "$(grep -c ' \.\.$' <<<"$output")" = 1 ]
	[ "$(stat -c %i m/plain/links/..)" = "$(stat -c %i m/plain)" ]
	[ "$(find m -type d | wc -l)" = 6 ]
	[ "$(find m -noleaf -type d | wc -l)" = 6 ]
	[ "$(find m/plain -type f | wc -l)" = "$(find plain -type f | wc -l)" ]
}

@test "a directory of 5000 names lists each of them once" {
	cmp <(ls -f plain/many | sort) <(ls -f m/plain/many | sort)
	[ "$(ls m/plain/many | wc -l)" = 5000 ]
	# Through small buffers, and from the start again on the same descriptor.
	perl -e '
		opendir my $d, "m/plain/many" or die;
		my @first = readdir $d; rewinddir $d; my @again = readdir $d;
		exit !(@first == 5002 && "@first" eq "@again");'
}

@test "seekdir goes on where telldir stood" {
	perl -e '
		opendir my $d, "m/plain/many" or die;
		readdir $d for 1 .. 1234; my $at = telldir $d;
		my @rest = readdir $d; seekdir $d, $at;
		my @again = readdir $d;
		exit !(@rest == 5002 - 1234 && "@rest" eq "@again");'
}

@test "names of every byte, spaces, newlines, 255 bytes can be opened" {
	(
		cd m/plain/names || exit
		for name in 'two words' ' lead' 'trail ' $'new\nline' '-dash' $'\xff\xfe' '*?[a]' '\' ...; do
			[ "$(cat "./$name")" = "$name" ]
		done
		[ "$(cat "$(printf 'x%.0s' {1..255})")" = "$(printf 'x%.0s' {1..255})" ]
		[ "$(cat $'\x01')" = 'byte 1' ]
		[ "$(cat $'\xfe')" = 'byte 254' ]
	)
	run cat "m/plain/names/$(printf 'x%.0s' {1..256})"
	[[ $output == *"File name too long"* ]]
	run cat m/plain/names/absent
	[[ $output == *"No such file"* ]]
	run cat m/plain/4096/below
	[[ $output == *"Not a directory"* ]]
}

@test "symbolic links are kept and followed" {
	[ "$(readlink m/plain/links/soft)" = one ]
	[ "$(cat m/plain/links/soft)" = linked ]
	cmp m/plain/links/up plain/5000003
	[ "$(readlink m/plain/links/long | wc -c)" = 4001 ]
	[ "$(stat -c %s m/plain/links/soft)" = 3 ]
	run cat m/plain/links/dangling
	[[ $output == *"No such file"* ]]
}

@test "hard links share inode and count" {
	[ "$(stat -c '%i %h' m/plain/links/one)" = "$(stat -c '%i %h' m/plain/links/two)" ]
	[ "$(stat -c '%i' m/plain/links/one)" = "$(stat -c '%i' m/plain/links/below/three)" ]
	[ "$(stat -c %h m/plain/links/one)" = 3 ]
	[ m/plain/links/one -ef m/plain/links/below/three ]
	run ! test m/plain/links/one -ef m/plain/1
	# For everybody, also after somebody else has opened it.
	as_user mvalice cat m/plain/links/one >/dev/null
	[ "$(stat -c %i m/plain/links/one)" = "$(as_user mvalice stat -c %i m/plain/links/two)" ]
}

@test "extended attributes are kept" {
	[ "$(getfattr --only-values -n user.model m/plain/links/one)" = llama ]
	[ "$(getfattr --only-values -n user.empty m/plain/links/two)" = '' ]
	cmp <(cd plain/links && getfattr -d one) <(cd m/plain/links && getfattr -d one)
	run getfattr -n user.absent m/plain/links/one
	[[ $output == *"No such attribute"* ]]
	[ -z "$(getfattr -d m/plain/4096)" ]
}

@test "statfs tells the space of the objects and the longest name" {
	[ "$(stat -f -c %l m)" = 255 ]
	[ "$(stat -f -c %b m)" -gt 0 ]
	[ "$(stat -f -c %a m)" -le "$(stat -f -c %b m)" ]
	# Files, directories and links without the root; the hard links are one file.
	[ "$(stat -f -c %c m)" = "$(find m -mindepth 1 -printf '%i\n' | sort -u | wc -l)" ]
	df m >/dev/null
}

@test "st_blocks says that there are no holes" {
	[ "$(stat -c %b m/plain/5000003)" = $(((5000003 + 511) / 512)) ] ||
		[ "$(stat -c %b m/plain/5000003)" = $(((5000003 + 4095) / 4096 * 8)) ]
	[ "$(stat -c %b m/plain/zeros)" -ge $((3000000 / 512)) ]
}

@test "access(2) answers as an open would" {
	root_only "a second user is served by root's server only"
	test -r m/plain/4096
	test -x m/plain/4095
	run ! test -w m/plain/4096
	as_user mvalice test -r m/plain/4096
	run ! as_user mvbob test -r m/plain/4096
	run ! as_user mvalice test -w m/plain/4096
	as_user mvbob test -x m/plain/links
}

@test "nothing can be changed: every call answers EROFS" {
	"$TOOLS/write_ways" m/plain 1
	"$TOOLS/write_ways" m/plain/links one
	as_user mvalice "$TOOLS/write_ways" m/plain/links one
}

@test "nothing can be changed after root has remounted it read-write" {
	root_only "it needs root"
	mount -i -o remount,rw m
	grep -q " $T/m rw" /proc/self/mountinfo
	"$TOOLS/write_ways" m/plain 1
	"$TOOLS/write_ways" m/plain/links one
	mount -i -o remount,ro m
	cmp plain/1 m/plain/1
	[ "$(cat m/plain/links/one)" = linked ]
}

@test "a file on the mount is not executed as setuid and devices do nothing" {
	grep " $T/m " /proc/self/mountinfo | grep -q nosuid
	grep " $T/m " /proc/self/mountinfo | grep -q nodev
}
