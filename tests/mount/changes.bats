#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Changes of the tree while it is mounted: each shows in every mount when its command returns, and
# who has a file open is decided anew under its new name.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	mkdir -p a/b/c
	random_file a/one 3000000
	random_file a/b/two 100000
	"$MODELVAULT" import v a 2>>said
	"$MODELVAULT" grant v any read '**' >rule 2>>said
	chmod 755 .
	for m in m1 m2 m3; do mounted v $m; done 2>>said
}

# walk: makes the kernel know every name of every mount.
walk() { find m1 m2 m3 -ls >/dev/null; }

@test "mv of a file: the new name is there and the old is not, in every mount" {
	walk
	"$MODELVAULT" mv v a/one a/b/uno
	for m in m1 m2 m3; do
		cmp a/one $m/a/b/uno
		[ ! -e $m/a/one ]
		[ "$(ls $m/a)" = b ]
	done
}

@test "mv of a directory: no old name leads into it" {
	for m in m1 m2 m3; do run ! stat $m/z; done
	walk
	"$MODELVAULT" mv v a/b z
	run ! stat m2/a/b/c
	for m in m1 m2; do
		run ! cat $m/a/b/two
		run ! ls $m/a/b
		run ! stat $m/a/b
		run ! stat $m/a/b/c
		cmp a/b/two $m/z/two
		[ "$(ls $m/z)" = $'c\ntwo' ]
		[ -d $m/z/c ]
	done
	# the new name first
	[ -d m3/z/c ]
	cmp a/b/two m3/z/two
	run ! stat m3/a/b/two
	run ! stat m3/a/b/c
	[ "$(ls m3)" = $'a\nz' ]
}

@test "mv of a directory again and again, read by both names meanwhile" {
	local i from=a/b to=z
	for i in 1 2 3 4 5 6; do
		walk
		"$MODELVAULT" mv v $from $to
		for m in m1 m2 m3; do
			run ! cat $m/$from/two
			cmp a/b/two $m/$to/two
		done
		read -r from to <<<"$to $from"
	done
}

@test "who stands in a moved directory goes on there" {
	(cd m1/a/b && "$MODELVAULT" mv "$T/v" a/b z && sleep 1.2 && cmp two "$T/a/b/two" && [ "$(ls)" = $'c\ntwo' ])
}

@test "import, rm and mkdir show in every mount" {
	for m in m1 m2 m3; do run ! stat $m/new $m/a/dir; done
	echo new >new
	walk
	"$MODELVAULT" import v new 2>>said
	"$MODELVAULT" mkdir v a/dir
	for m in m1 m2 m3; do [ "$(cat $m/new) $(ls $m)" = $'new a\nnew' ]; [ -d $m/a/dir ]; done
	"$MODELVAULT" rm v new a/dir
	for m in m1 m2 m3; do [ ! -e $m/new ]; [ ! -e $m/a/dir ]; [ "$(ls $m)" = a ]; done
}

@test "grant and revoke bite in every mount" {
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	for m in m1 m2 m3; do refused as_user mvalice cat $m/a/one; done
	local rule
	rule=$("$MODELVAULT" grant v user:mvalice read 'a/**' 2>>said)
	for m in m1 m2 m3; do allowed as_user mvalice cmp "$T/a/one" "$T/$m/a/one"; done
	"$MODELVAULT" revoke v "$rule" 2>>said
	for m in m1 m2 m3; do refused as_user mvalice cat $m/a/one; done
}

# has_open PATH: mvalice does, and is $reader.
has_open() {
	mkfifo go
	# One process: another one's first read would be decided by itself.
	as_user mvalice python3 -c 'import os, sys
f = os.open(sys.argv[1], os.O_RDONLY)
os.read(f, 10)
print("ready", flush=True)
open("go").read()
while os.read(f, 1 << 16): pass' "$1" >out 2>err &
	reader=$!
	wait_for 20 grep -q ready out
}
reads_no_more() {
	local status=0
	echo >go
	wait "$reader" || status=$?
	[ "$status" -ne 0 ]
}

@test "rules go by the new name at once, for who has it open too" {
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	"$MODELVAULT" mkdir v open shut
	"$MODELVAULT" grant v user:mvalice read 'open/**' 2>>said
	"$MODELVAULT" mv v a/one open
	allowed as_user mvalice cat m1/open/one
	has_open m2/open/one
	"$MODELVAULT" mv v open/one open/uno
	allowed as_user mvalice cat m3/open/uno
	"$MODELVAULT" mv v open/uno shut
	refused as_user mvalice cat m1/shut/uno
	reads_no_more
	[ -s err ]
	"$MODELVAULT" mv v shut/uno open
	allowed as_user mvalice cat m1/open/uno
}

@test "a further name that comes by import counts at once, for who has the file open too" {
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	"$MODELVAULT" grant v user:mvalice read 'a/**' 2>>said
	has_open m2/a/one
	mkdir z
	ln a/one z/one
	"$MODELVAULT" import v a z --skip 2>>said
	refused as_user mvalice cat m1/a/one
	reads_no_more
	grep -q PermissionError err
	[ "$("$MODELVAULT" audit v query --action revoked --count)" = 1 ]
	# A name that is allowed too ends nothing.
	"$MODELVAULT" grant v "user:$OWNER" read 'a/b/**' 2>>said
	exec 9<m1/a/b/two
	ln a/b/two a/b/zwei
	"$MODELVAULT" import v a --skip 2>>said
	cmp a/b/two <(cat <&9)
	exec 9<&-
}

@test "another name that no rule allows takes the file away" {
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	mkdir -p h
	echo linked >h/x
	ln h/x h/y
	"$MODELVAULT" import v h 2>>said
	"$MODELVAULT" grant v user:mvalice read 'h/**' 2>>said
	allowed as_user mvalice cat m1/h/x
	"$MODELVAULT" mv v h/y a
	refused as_user mvalice cat m1/h/x
	"$MODELVAULT" mv v a/y h
	allowed as_user mvalice cat m2/h/x
}

# replace_f [COMMAND...]: f is replaced while fd 9 has it open; what fd 9 gives is compared.
replaced_while_open() {
	cp f old
	exec 9<m1/f
	head -c 1000 <&9 >got
	random_file f 5000000
	"$@"
	"$MODELVAULT" grant v user:mvbob read 'x/**' >other 2>>said
	sleep 1.3
	[ "$(stat -L -c %s /dev/fd/9)" = "$(stat -c %s old)" ]
	cat <&9 >>got
	cmp got old
	cmp f m1/f
	cmp f m2/f
}

@test "who has a replaced file open keeps its bytes, also beyond other changes" {
	random_file f 4000000
	"$MODELVAULT" import v f 2>>said
	replaced_while_open "$MODELVAULT" import v f --replace
	exec 9<&-
	# and by mv
	random_file f 4000000
	"$MODELVAULT" import v f --replace 2>>said
	put() { "$MODELVAULT" import v f --to new && "$MODELVAULT" mv v new/f f --replace; }
	replaced_while_open put 2>>said
	# A rule that is taken back ends him all the same.
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	exec 9<&-
	"$MODELVAULT" audit v --action revoked --json | grep -q '"path":"f"'
}
