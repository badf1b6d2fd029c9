#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Names that move or go while the rules stay: who could read more is said and recorded, and nobody
# lets himself in that way.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	mkdir -p a/sub b c
	echo one >a/one
	echo two >a/sub/two
	echo both >a/both
	ln a/both c/both
	echo three >b/three
	"$MODELVAULT" import v a b c 2>>said
	sleep 0.1
	mounted v m 2>>said
}

grant() { "$MODELVAULT" grant v "$@" 2>/dev/null; }
deny() { "$MODELVAULT" deny v "$@" 2>/dev/null; }
mv_() { "$MODELVAULT" mv v "$@"; }
# last FILTER: of the newest record of an action.
last() { "$MODELVAULT" audit v --action "$1" --order newest --limit 1 --json | jq -r "$2"; }
# admin: mvalice too, from now on: then root alone may not let himself in.
second_admin() {
	"$MODELVAULT" role v add admin user:mvalice 2>>said ||
		skip "roles are not there yet"
}

@test "mv says by which rules more can be read, and records it" {
	grant user:mvbob read 'b/**' >rule
	exits 0 mv_ a/one b/one
	[[ $output == *"reaches it now: rule $(cat rule) allows user mvbob (5002) to read 'b/**'"* ]]
	[ "$(last move .detail)" = "done, to b/one; would-widen: rule $(cat rule)" ]
	[ "$(last move .reason)" = role ]
	[ "$(as_user mvbob cat m/b/one)" = one ]
	# Back again nobody gains by it.
	exits 0 mv_ b/one a
	[ -z "$output" ]
	[ "$(last move .detail)" = "done, to a/one" ]
	# A directory by all that is below it.
	exits 0 mv_ //a//sub/ b//dir
	[[ $output == *"rule $(cat rule) allows"* ]]
	[ "$(last move .detail)" = "done, to b//dir; would-widen: rule $(cat rule)" ]
	[ "$(as_user mvbob cat m/b/dir/two)" = two ]
}

@test "mv --dry-run shows it and does nothing" {
	local before
	grant user:mvbob read 'b/**' >rule
	before=$("$MODELVAULT" audit v --count)
	exits 0 mv_ a/one a/sub b --dry-run
	[[ $output == *"would move a/one to b/one"* && $output == *"would move a/sub to b/sub"* ]]
	[[ $output == *"rule $(cat rule) allows"* ]]
	[ "$("$MODELVAULT" audit v --count)" = "$before" ]
	[ "$("$MODELVAULT" ls v b | tr '\n' ' ')" = "b/three " ]
}

@test "mv: a deny that lets go widens, a file's other names count" {
	grant user:mvbob read '**' >/dev/null
	deny user:mvbob read 'a/**' >rule
	refused as_user mvbob cat m/a/both
	refused as_user mvbob cat m/c/both
	exits 0 mv_ a/both b/both
	[[ $output == *"does not reach it any more: rule $(cat rule) denies user mvbob"* ]]
	[ "$(as_user mvbob cat m/c/both)" = both ]
	# Nothing gained while another name is still denied.
	exits 0 mv_ b/both a/both
	exits 0 mv_ c/both a/again
	exits 0 mv_ a/again c/again
	[ -z "$output" ]
}

@test "rm and --replace of one name of several: those who see the others" {
	grant user:mvbob read 'c/**' >rule
	refused as_user mvbob cat m/c/both
	exits 0 "$MODELVAULT" rm v a/both
	[[ $output == *"rule $(cat rule) allows user mvbob"* ]]
	[ "$("$MODELVAULT" audit v --action remove --order newest --limit 2 --json | jq -r .detail | tail -n 1)" = \
		"intent; would-widen: rule $(cat rule)" ]
	[ "$(as_user mvbob cat m/c/both)" = both ]
	exits 0 "$MODELVAULT" rm v c/both
	[ -z "$output" ]
	mkdir d && ln a/both d/both
	"$MODELVAULT" import v a d --skip 2>>said
	grant user:mvcarol read 'd/**' >rule
	exits 0 mv_ a/one a/both --replace
	[[ $output == *"rule $(cat rule) allows user mvcarol"* ]]
	[ "$(as_user mvcarol cat m/d/both)" = both ]
	mkdir e && ln a/both e/both
	(cd e && "$MODELVAULT" import ../v both --to a --replace 2>>../said)
}

@test "an author who could read more is refused; the only one there is, is recorded" {
	grant user:root read 'b/**' >rule
	# By a slot, without a server.
	unmounted m
	exits 0 mv_ a/one b/one
	[[ $output == *"rule $(cat rule) allows user root"* ]]
	[ "$(last move .reason)" = slot ]
	exits 0 mv_ b/one a/one
	mounted v m 2>>said
	# He alone holds every role.
	exits 0 mv_ a/one b/one
	[[ $output == *"self-grant"* ]]
	[ "$(last move .reason)" = self-grant ]
	[ "$(last move .outcome)" = allow ]
	exits 0 mv_ b/one a/one
	second_admin
	exits 3 mv_ a/one b/one
	[[ $output == *"self-grant"* && $output == *"another admin"* ]]
	[ "$(last move '"\(.outcome) \(.reason) \(.detail)"')" = \
		"deny self-grant refused, to b/one; would-widen: rule $(cat rule)" ]
	exits 0 mv_ a/one b/one --dry-run
	[[ $output == *"self-grant"* && $output == *"would move"* ]]
	[ "$("$MODELVAULT" ls v b)" = b/three ]
	exits 0 as_user mvalice "$MODELVAULT" mv "$T/v" a/one b/one
	[ "$(cat m/b/one)" = one ]
	# A name that kept him out does not go by his own hand either.
	grant user:root read 'c/**' >/dev/null || as_user mvalice "$MODELVAULT" grant "$T/v" user:root read 'c/**' 2>>said
	refused cat m/c/both
	exits 3 "$MODELVAULT" rm v a/both
	[ "$(last remove '"\(.outcome) \(.reason)"')" = "deny self-grant" ]
	echo x >both
	exits 3 "$MODELVAULT" import v both --to a --replace
	exits 3 mv_ b/three a/both --replace
	refused cat m/c/both
	exits 0 as_user mvalice "$MODELVAULT" rm "$T/v" a/both
	[ "$(cat m/c/both)" = both ]
}

@test "a further name only takes away" {
	grant user:mvbob read 'c/**' 'x/**' 2>/dev/null || grant user:mvbob read '{a,c}/**' || true
	grant user:mvbob read 'c/**' >/dev/null
	grant user:mvbob read 'a/**' >/dev/null
	[ "$(as_user mvbob cat m/c/both)" = both ]
	mkdir h && ln a/both h/both
	"$MODELVAULT" import v a c h --skip 2>>said
	[ "$("$MODELVAULT" ls v -l --json | jq -r 'select(.path == "h/both").file_id')" = \
		"$("$MODELVAULT" ls v -l --json | jq -r 'select(.path == "c/both").file_id')" ]
	refused as_user mvbob cat m/c/both
}

@test "a Hugging Face cache: rules go by the blobs, links give nothing" {
	local model=hub/models--x hash=0123456789abcdef
	mkdir -p "$model/blobs" "$model/snapshots/rev1" "$model/refs"
	echo '{}' >"$model/blobs/$hash"
	echo rev1 >"$model/refs/main"
	ln -s "../../blobs/$hash" "$model/snapshots/rev1/config.json"
	"$MODELVAULT" import v hub 2>>said
	grant user:mvalice read 'hub/**' >/dev/null
	grant user:mvbob read 'hub/**/snapshots/**' >/dev/null
	[ "$(as_user mvalice cat "m/$model/snapshots/rev1/config.json")" = '{}' ]
	refused as_user mvbob cat "m/$model/snapshots/rev1/config.json"
	[ "$(as_user mvbob readlink "m/$model/snapshots/rev1/config.json")" = "../../blobs/$hash" ]
	grant user:mvbob read 'hub/models--x/blobs/**' >/dev/null
	[ "$(as_user mvbob cat "m/$model/snapshots/rev1/config.json")" = '{}' ]
	unmounted m
	# In a private vault the links show by their own names, and lead nowhere.
	make_vault "$T/p" --private 2>>said
	"$MODELVAULT" import p hub 2>>said
	mounted p m 2>>said
	"$MODELVAULT" grant p user:mvalice read 'hub/**' >/dev/null 2>&1
	"$MODELVAULT" grant p user:mvbob read 'hub/**/snapshots/**' >/dev/null 2>&1
	[ "$(as_user mvalice cat "m/$model/snapshots/rev1/config.json")" = '{}' ]
	[ "$(cd m && as_user mvbob find . -name '*.json' -o -name blobs)" = "./$model/snapshots/rev1/config.json" ]
	run as_user mvbob cat "m/$model/snapshots/rev1/config.json"
	[[ $output == *"No such file"* ]]
}
