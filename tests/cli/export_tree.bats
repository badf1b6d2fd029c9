#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# export of whole trees: all that import takes comes back, nothing half is ever seen, a second run
# goes on where the first was cut off.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	"$MODELVAULT" grant v any read '**' >rule 2>>said
	# As with cp -r, the tree goes into a directory that is there: so a second run goes to the same place.
	mkdir out
}

# linked: the names of each file that has several, a line a file.
linked() { find . -type f -links +1 -printf '%i %p\n' | sort | awk '{ names[$1] = names[$1] " " $2 } END { for (i in names) print names[i] }' | sort; }

# print TREE: everything of it that a tree has but its bytes.
print() { (cd "$1" && find . -printf '%p %y %m %U %G %T@ %l\n' | sort && linked); }
attributes() { (cd "$1" && find . -type f -o -type d | sort | while read -r f; do getfattr --absolute-names -d -m - "$f" 2>/dev/null; done); }

same_tree() {
	diff -r --no-dereference "$1" "$2"
	[ "$(print "$1")" = "$(print "$2")" ] || { diff <(print "$1") <(print "$2"); return 1; }
	[ "$(attributes "$1")" = "$(attributes "$2")" ]
}

# A cache of the hub's kind, and what else a tree may hold.
make_tree() {
	local c=tree/models--org--name i
	mkdir -p $c/blobs $c/refs $c/snapshots/0123 tree/shut tree/empty
	for i in 1 2 3; do random_file $c/blobs/$i $((i * 400001)); ln -s ../../blobs/$i $c/snapshots/0123/file$i; done
	echo 0123 >$c/refs/main
	: >tree/nil
	ln tree/$'nil' $c/snapshots/same
	random_file tree/a 70000
	ln tree/a $c/refs/b
	ln tree/a tree/c
	ln -s /nowhere tree/dangling
	echo x >tree/$'\x01\x7f\xff\n *?[\\'
	echo y >"tree/$(printf 'x%.0s' {1..255})"
	echo z >tree/shut/z
	chmod 4750 tree/a
	chown 5001:6001 tree/a tree/empty
	chown -h 5002:6001 tree/dangling
	setfattr -n user.origin -v 'some where' tree/a
	setfattr -n user.dir -v 1 tree/shut
	touch -d '2001-02-03 04:05:06.789012345' tree/a tree/nil
	touch -h -d '2002-02-03 04:05:06' tree/dangling $c/snapshots/0123/file1
	chmod 555 tree/shut
	find tree -type d -exec touch -d '2003-03-04 05:06:07.800000001' {} +
}

@test "all of a tree comes back: links, names, modes, owners, times, attributes" {
	make_tree
	"$MODELVAULT" import v tree 2>>said
	exits 0 "$MODELVAULT" export v tree out
	same_tree tree out/tree
	exits 0 "$MODELVAULT" export v tree new
	same_tree tree new
	exits 0 "$MODELVAULT" export v tree out
	[[ $output == "0 files, 0 bytes exported, "*" were there already." ]]
	same_tree tree out/tree
	[ -z "$(find . -name '.modelvault-*')" ]
}

@test "the same from a server, to a user who is not root" {
	make_tree
	"$MODELVAULT" import v tree 2>>said
	mounted v m -o allow_other
	exits 0 "$MODELVAULT" export v tree out
	same_tree tree out/tree
	mkdir -m 777 his
	exits 0 as_user mvalice "$MODELVAULT" export "$T/v" tree "$T/his/tree"
	diff -r --no-dereference tree his/tree
	[ "$(stat -c '%a %u %Y' his/tree/a)" = "750 5001 $(stat -c %Y tree/a)" ]
	[ "$(stat -c '%a %h' his/tree/shut)" = "555 2" ]
	[ "$(stat -c %i his/tree/a)" = "$(stat -c %i his/tree/c)" ]
}

@test "something else of a name: an error, left, or replaced" {
	make_tree
	"$MODELVAULT" import v tree 2>>said
	"$MODELVAULT" export v tree out 2>>said
	echo mine >out/tree/a.new && mv out/tree/a.new out/tree/a
	ln -sfn elsewhere out/tree/dangling
	rm out/tree/nil && mkdir out/tree/nil
	exits 1 "$MODELVAULT" export v tree out
	[[ $output == *"out/tree/a: something else is there"* && $output == *"out/tree/dangling: "* && $output == *"3 FAILED"* ]]
	[ "$(cat out/tree/a)" = mine ]
	exits 0 "$MODELVAULT" export v tree out --skip
	[ "$(cat out/tree/a)" = mine ]
	[ "$(readlink out/tree/dangling)" = elsewhere ]
	exits 1 "$MODELVAULT" export v tree out --replace
	[[ $output == *"out/tree/nil: Is a directory"* ]]
	rmdir out/tree/nil
	exits 0 "$MODELVAULT" export v tree out --replace
	find out/tree -type d -exec touch -d '2003-03-04 05:06:07.800000001' {} +
	same_tree tree out/tree
	[ -z "$(find . -name '.modelvault-*')" ]
}

@test "killed again and again: never a part of a file, and the next run goes on" {
	local i
	mkdir tree
	for i in {1..12}; do random_file tree/$i 3000000; done
	"$MODELVAULT" import v tree 2>>said
	mounted v m
	for i in 1 2 3 4 5; do
		"$MODELVAULT" export v tree out 2>/dev/null &
		sleep 0.0$((i * 2 - 1))
		kill -KILL $! || true
		wait $! || true
		(cd out && find . -type f -exec cmp {} ../{} \;) >>differences 2>&1
	done
	exits 0 "$MODELVAULT" export v tree out
	diff -r tree out/tree
	[ "$(ls -A out/tree | wc -l)" -eq 12 ]
	[ ! -s differences ]
}

@test "a full disk: named, nothing half, and what is there is not written again" {
	local i
	mkdir tree small
	for i in 1 2 3 4; do random_file tree/$i 3000000; done
	"$MODELVAULT" import v tree 2>>said
	mount -t tmpfs -o size=8m none small
	exits 1 "$MODELVAULT" export v tree small
	[[ $output == *"No space left"*"make room"* ]]
	(cd small/tree && find . -type f -exec cmp {} ../../tree/{} \;)
	mount -o remount,size=20m small
	exits 0 "$MODELVAULT" export v tree small
	[[ $output == *" were there already"* ]]
	diff -r tree small/tree
}

@test "a revocation on the way ends it, with no part left" {
	mkdir tree
	random_file tree/big 60000000
	"$MODELVAULT" import v tree 2>>said
	mounted v m -o allow_other
	mkdir -m 777 his
	mkfifo -m 666 slow
	as_user mvalice "$MODELVAULT" export "$T/v" tree/big - >slow 2>err 3>&- &
	local exporter=$!
	exec 9<slow
	head -c 1000000 <&9 >/dev/null
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	cat <&9 | wc -c >left
	exec 9<&-
	local status=0
	wait $exporter || status=$?
	[ "$status" -eq 3 ] || { echo "exit $status: $(cat err)"; return 1; }
	[ "$(cat left)" -lt 50000000 ]
	exits 3 as_user mvalice "$MODELVAULT" export "$T/v" tree/big "$T/his/big"
	[ -z "$(ls -A his)" ]
}

@test "a revocation on the way ends it, though a budget that is used up would have let him in" {
	mkdir tree
	random_file tree/big 60000000
	"$MODELVAULT" import v tree 2>>said
	"$MODELVAULT" revoke v "$(cat rule)" 2>>said
	mounted v m -o allow_other
	"$MODELVAULT" grant v user:mvalice read 'tree/**' --max-opens 1/day 2>>said
	# That it is used up by this very export does not end it.
	as_user mvalice "$MODELVAULT" export "$T/v" tree/big - | cmp - tree/big
	"$MODELVAULT" grant v user:mvalice read tree/big >other 2>>said
	mkfifo -m 666 slow
	as_user mvalice "$MODELVAULT" export "$T/v" tree/big - >slow 2>err 3>&- &
	local exporter=$! status=0
	exec 9<slow
	head -c 1000000 <&9 >/dev/null
	"$MODELVAULT" revoke v "$(cat other)" 2>>said
	cat <&9 | wc -c >left
	exec 9<&-
	wait $exporter || status=$?
	[ "$status" -eq 3 ] || { echo "exit $status: $(cat err)"; return 1; }
	grep -q over-budget err
	[ "$(cat left)" -lt 50000000 ]
}

@test "a deny by content on the way ends it too, when the program's is not known" {
	mkdir tree mem
	random_file tree/big 60000000
	"$MODELVAULT" import v tree 2>>said
	mounted v m -o allow_other
	# Where files may change unseen nothing of a user's is hashed.
	mount -t tmpfs tmpfs mem
	cp "$MODELVAULT" mem/program && chown mvalice mem/program && chmod 755 mem/program
	mkfifo -m 666 slow
	as_user mvalice "$T/mem/program" export "$T/v" tree/big - >slow 2>err 3>&- &
	local exporter=$!
	exec 9<slow
	head -c 1000000 <&9 >/dev/null
	"$MODELVAULT" deny v user:mvalice "sha256:$(printf '0%.0s' {1..64})" read '**' 2>>said
	cat <&9 | wc -c >left
	exec 9<&-
	local status=0
	wait $exporter || status=$?
	[ "$status" -eq 3 ] || { echo "exit $status: $(cat err)"; return 1; }
	grep -q rule-deny err
	[ "$(cat left)" -lt 50000000 ]
	umount mem
}

@test "who never reads holds his own slots and nobody else's" {
	local i
	mkdir tree
	random_file tree/big 5000000
	"$MODELVAULT" import v tree 2>>said
	mounted v m -o allow_other
	: >reading
	for i in {1..9}; do
		as_user mvalice bash -c 'while [ -e "$2" ]; do sleep 0.2; done < <("$0" export "$1" tree/big - 2>/dev/null)' \
			"$MODELVAULT" "$T/v" "$T/reading" 3>&- &
	done
	sleep 1
	exits 7 as_user mvalice "$MODELVAULT" export "$T/v" tree/big -
	[[ $output == *"8 exports under way"* ]]
	as_user mvbob "$MODELVAULT" export "$T/v" tree/big - | cmp - tree/big
	timeout 20 "$MODELVAULT" umount m
	rm reading
}
