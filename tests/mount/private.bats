#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Names that a caller may not see: an outsider who walks everything, asks for every true name in
# every way there is and for one beside it that is not there, must be told the same. Users with some
# grants see exactly what they should.

load ../lib

setup() {
	common_setup
	root_only "a second user is served by root's server only"
	export MODELVAULT_KEY_FILE=$T/vault.key
	mkdir -p tree/vision/resnet/1 tree/vision/vit tree/secret/deep/deeper tree/hub
	echo weights >tree/vision/resnet/1/model.bin
	echo config >tree/vision/resnet/config.json
	echo other >tree/vision/vit/model.bin
	echo hidden >tree/secret/file
	echo 'hidden deeper' >tree/secret/deep/deeper/file
	echo 'two names' >tree/vision/both
	ln tree/vision/both tree/secret/both
	ln -s ../secret/file tree/vision/link
	ln -s nowhere tree/secret/dangling
	ln -s deep tree/secret/link
	setfattr -n user.x -v y tree/secret/file
	mkfifo line
}

# a_vault [init options]: of the tree, mounted.
a_vault() {
	make_vault "$T/vault" "$@" 2>>said
	(cd tree && "$MODELVAULT" import ../vault vision secret hub 2>>../said)
	mounted vault m 2>>said
}
grant() { "$MODELVAULT" grant vault "$@" 2>/dev/null; }
deny() { "$MODELVAULT" deny vault "$@" 2>/dev/null; }
names() { "$MODELVAULT" ls vault --json | jq -r .path; }

# seen_by USER: everything that he finds below the mount, in one line.
seen_by() { (cd m && as_user "$1" find . -mindepth 1 -printf '%P%y\n' | sort | tr '\n' ' '); }

# no_trace USER PATH...: to him these true names below the mount are as absent as one beside them.
no_trace() {
	local user=$1 name absent
	shift
	for name; do
		absent=$(dirname "m/$name")/absent-name
		as_user "$user" "$TOOLS/name_ways" "m/$name" /etc/passwd >hidden.out
		as_user "$user" "$TOOLS/name_ways" "$absent" /etc/passwd >absent.out
		[ "$(wc -l <hidden.out)" -gt 90 ]
		diff hidden.out absent.out || { echo "$user can tell that $name is there"; return 1; }
		! grep -q '^stat.*done' hidden.out
	done
}

# as_gone USER HIDDEN GONE HIDE REMOVE: what a descriptor that he holds says of HIDDEN after the
# command HIDE is what it says of GONE after REMOVE.
as_gone() {
	as_user "$1" "$TOOLS/name_ways" --held "m/$2" "touch $T/ready; until [ -e $T/go ]; do sleep 0.02; done" >hidden.out &
	wait_for 5 test -e ready
	$4
	touch go
	wait $! || { echo "cannot hold $2"; return 1; }
	rm -f go ready
	as_user "$1" "$TOOLS/name_ways" --held "m/$3" "touch $T/ready; until [ -e $T/go ]; do sleep 0.02; done" >absent.out &
	wait_for 5 test -e ready
	$5
	touch go
	wait $! || { echo "cannot hold $3"; return 1; }
	rm -f go ready
	diff hidden.out absent.out || { echo "$1 can tell that $2 is there, by what he holds"; return 1; }
}

@test "private: to an outsider there is nothing but the root" {
	local path before
	a_vault --private
	grant user:mvalice read 'vision/**'
	[ -z "$(seen_by mvbob)" ]
	[ -z "$(seen_by root)" ]
	mapfile -t paths < <(names)
	[ "${#paths[@]}" -ge 15 ]
	no_trace mvbob "${paths[@]%/}"
	# Nor do numbers tell how much there is, or that it changes.
	before=$(as_user mvbob stat -c '%h %s %b %Y %Z %X' m; as_user mvbob stat -f -c '%a %b %c %d %f' m)
	[[ $before == *$'\n0 0 0 0 0' ]]
	sleep 1.1
	"$MODELVAULT" mkdir vault more more/and 2>>said
	"$MODELVAULT" mv vault secret/file more/file 2>>said
	[ "$(as_user mvbob stat -c '%h %s %b %Y %Z %X' m; as_user mvbob stat -f -c '%a %b %c %d %f' m)" = "$before" ]
}

@test "private: who has some grants sees that, and the way to it, exactly" {
	a_vault --private
	grant user:mvalice read vision/resnet/1/model.bin
	[ "$(seen_by mvalice)" = "vision/resnet/1/model.binf vision/resnet/1d vision/resnetd visiond " ]
	[ -z "$(seen_by mvbob)" ]
	grant group:mvteam read '*.json'
	[ "$(seen_by mvalice)" = "vision/resnet/1/model.binf vision/resnet/1d vision/resnet/config.jsonf vision/resnetd visiond " ]
	[ "$(seen_by mvcarol)" = "vision/resnet/config.jsonf vision/resnetd visiond " ]
	# A pattern that nothing matches shows nothing.
	grant user:mvbob read 'hub/**/x' read '*.onnx' 2>/dev/null || grant user:mvbob read 'hub/**/x'
	grant user:mvbob read '*.onnx'
	[ -z "$(seen_by mvbob)" ]
	# A link by its own name; what it leads to is another matter.
	grant user:mvbob list vision/link
	[ "$(seen_by mvbob)" = "vision/linkl visiond " ]
	[ "$(as_user mvbob readlink m/vision/link)" = ../secret/file ]
	run as_user mvbob cat m/vision/link
	[[ $output == *"No such file"* ]]
	no_trace mvbob secret secret/file vision/vit vision/both
	# A file with two names is seen when both are.
	grant user:mvbob list vision/both
	no_trace mvbob vision/both secret/both
	grant user:mvbob list secret/both
	[ "$(seen_by mvbob)" = "secret/bothf secretd vision/bothf vision/linkl visiond " ]
	no_trace mvbob secret/file secret/deep
	# A deny on the way hides what it leads to.
	deny user:mvalice list vision/resnet
	[ -z "$(seen_by mvalice)" ]
	no_trace mvalice vision vision/resnet vision/resnet/1/model.bin
}

@test "private: a directory that is allowed shows by and by what is allowed in it" {
	a_vault --private
	grant user:mvalice list 'secret/**'
	deny user:mvalice list 'deep'
	[ "$(seen_by mvalice)" = "secret/danglingl secret/filef secret/linkl secretd " ]
	refused as_user mvalice cat m/secret/file
	no_trace mvalice secret/deep secret/deep/deeper vision
	"$MODELVAULT" revoke vault 2 2>>said
	[ "$(seen_by mvalice)" = "secret/danglingl secret/deep/deeper/filef secret/deep/deeperd secret/deepd secret/filef secret/linkl secretd " ]
}

@test "private: names that a program of some content may see, it sees at its first look" {
	a_vault --private
	cp /bin/cat /bin/ls /usr/bin/find .
	chmod 755 cat ls find
	grant "sha256:$(sha256sum <cat | cut -d' ' -f1)" read 'secret/**'
	grant "sha256:$(sha256sum <ls | cut -d' ' -f1)" list 'secret/**'
	[ "$(as_user mvbob ./cat m/secret/file)" = hidden ]
	[ "$(as_user mvbob ./ls m)" = secret ]
	[ "$(as_user mvbob ./find m)" = m ]
	no_trace mvbob secret/file
}

@test "public with deny any list: hidden from everybody, without a trace" {
	local before
	a_vault
	[[ "$(seen_by mvbob)" == *secret/deep/deeper/filef* ]]
	deny any list 'secret/**'
	mapfile -t paths < <(names | grep ^secret)
	no_trace mvbob "${paths[@]%/}"
	no_trace root secret secret/file
	[ "$(seen_by mvbob)" = "hubd vision/linkl vision/resnet/1/model.binf vision/resnet/1d vision/resnet/config.jsonf vision/resnetd vision/vit/model.binf vision/vitd visiond " ]
	# Nothing is counted that is not shown.
	[ "$(stat -f -c %c m)" = 0 ]
	before=$(stat -c '%h %s %Y %Z' m m/vision)
	sleep 1.1
	"$MODELVAULT" mkdir vault secret/new secret/new/er 2>>said
	"$MODELVAULT" mv vault secret/file secret/new/file 2>>said
	[ "$(stat -c '%h %s %Y %Z' m m/vision)" = "$before" ]
}

@test "a deny of list holds at once for names that the kernel knows" {
	local i
	a_vault
	for i in 1 2 3 4 5; do
		as_user mvbob ls -lR m >all
		grep -q deeper all
		# Its attributes and the names on the way are the kernel's for a second from here.
		as_user mvbob stat m/secret/deep/deeper m/secret/file >all
		deny any list 'secret/**' >rule
		run as_user mvbob stat m/secret/deep/deeper m/secret m/secret/deep m/secret/file
		[[ $output != *Size* ]]
		no_trace mvbob secret secret/file secret/deep/deeper
		! as_user mvbob ls -lR m | grep -q secret
		"$MODELVAULT" revoke vault "$(cat rule)" 2>>said
	done
	# What stays is seen by others all the while.
	deny user:mvbob list 'secret/**'
	[[ "$(seen_by mvalice)" == *secret/deep/deeper/filef* ]]
	no_trace mvbob secret/deep
}

hide() { deny user:mvbob list 'secret/**' >rule; }
show() { "$MODELVAULT" revoke vault "$(cat rule)" 2>>said; }
remove() { "$MODELVAULT" rm vault -r "$removed" 2>>said; }

@test "what is held of a name that is hidden tells no more than of one that is gone" {
	local removed
	mkdir -p tree/secret/held/child tree/secret/held/below/deeper tree/hub/gone/child tree/hub/gone/below/deeper
	echo x >tree/hub/file
	ln -s x tree/hub/link
	ln -s x tree/secret/link2
	chmod 777 .
	a_vault
	removed=hub/gone
	as_gone mvbob secret/held hub/gone hide remove
	show
	removed=hub/file
	as_gone mvbob secret/file hub/file hide remove
	# What is below a denied directory is cut off with it, though no rule denies it itself.
	show
	hide() { deny user:mvbob list secret >rule; }
	mkdir -p again/child again/below/deeper
	(cd tree && mkdir -p hub/gone && "$MODELVAULT" import ../vault hub --skip 2>>../said)
	removed=hub/gone
	as_gone mvbob secret/held hub/gone hide remove
}

@test "what others look at is not told to who holds it" {
	a_vault
	deny user:mvbob list x
	as_user mvbob sh -c 'exec 5<m/secret 6<m; echo held; read -r _; exec stat -L /proc/self/fd/5' <line >out 2>&1 &
	exec 9>line
	wait_for 5 grep -q held out
	deny user:mvbob list 'secret/**'
	# He who may see it keeps the kernel's knowledge of it fresh.
	for _ in {1..40}; do as_user mvalice stat m/secret/deep m/secret >/dev/null; done
	echo go >&9
	wait $! && return 1
	grep -q "Stale file handle" out
}

@test "who has a file open reads on when its name is hidden" {
	a_vault
	grant user:mvalice read '**'
	exec 9<>line
	exec 7< <(as_user mvalice sh -c 'exec 5<m/secret/file; echo open; read -r _; stat -L -c %s /proc/self/fd/5; cat <&5' <&9)
	read -r <&7
	deny user:mvalice list 'secret/**'
	echo go >&9
	[ "$(cat <&7)" = $'7\nhidden' ]
	no_trace mvalice secret/file
}

@test "the program tells an outsider no names either" {
	local name absent words
	a_vault --private
	grant user:mvalice read 'vision/**'
	for name in secret secret/file secret/file/x secret/deep/deeper/file vision/link "secret/$(printf 'n%.0s' {1..300})"; do
		absent=$(dirname "$name")/absent-name absent=${absent#./}
		for words in "export vault @ -" "export vault @ $T/out" "ls vault @" "verify vault @" "why m/@" "mv vault @ x" "rm vault @" "key vault destroy @"; do
			# shellcheck disable=SC2086  # words
			run as_user mvbob "$MODELVAULT" ${words//@/$name}
			[ "$status" -ne 0 ]
			echo "$status ${output//$name/NAME}" >hidden.out
			# shellcheck disable=SC2086
			run as_user mvbob "$MODELVAULT" ${words//@/$absent}
			echo "$status ${output//$absent/NAME}" >absent.out
			diff hidden.out absent.out || { echo "'$words' tells that $name is there"; return 1; }
		done
	done
	for words in "status vault" "rules vault" "audit vault" "umount m" "role vault list"; do
		# shellcheck disable=SC2086
		run as_user mvbob "$MODELVAULT" $words
		[ "$status" -ne 0 ]
		[[ $output != *secret* && $output != *vision* ]]
	done
}

@test "explain tells an outsider no names either" {
	local words
	a_vault --private
	for words in "" "--perm list"; do
		# shellcheck disable=SC2086  # words
		run as_user mvbob "$MODELVAULT" explain vault secret/file --user mvbob $words
		[ "$status" -eq 6 ]
		[[ $output == *"secret/file: no such name"* ]]
	done
}

@test "private: it is a setting like others: sealed, and kept by a broken seal" {
	a_vault --private
	unmounted m
	sqlite3 vault/keystore.db "UPDATE setting SET value = 'no' WHERE name = 'private'"
	mounted vault m 2>>said || true
	[ -z "$(seen_by mvbob)" ]
}
