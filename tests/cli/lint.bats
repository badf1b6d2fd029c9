#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# rules lint and rules suggest: what is odd in the rules, one finding each, and nothing of what is not.
load ../lib

setup() {
	common_setup
	mkdir -p "$T/llama" "$T/hub/models--x/blobs" "$T/hub/models--x/snapshots/abc"
	echo 1 >"$T/llama/one"
	echo 2 >"$T/llama/two"
	echo 3 >"$T/hub/models--x/blobs/b1"
	ln -s ../../blobs/b1 "$T/hub/models--x/snapshots/abc/model.bin"
	make_vault "$T/vault" 2>/dev/null
	"$MODELVAULT" import "$T/vault" "$T/llama" "$T/hub" 2>/dev/null
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/vault" "$@"; }

# linted EXPECTED...: "LINE CHECK" of every finding in $T/rules, in order.
linted() {
	run "$MODELVAULT" rules "$T/vault" lint "$T/rules" --json
	printf '%s\n' "${lines[@]}" | sed -n 's/^{/{/p' | jq -r '"\(.line) \(.check)"' >"$T/found"
	printf '%s\n' "$@" | sed '/^$/d' | diff - "$T/found" || { printf '%s\n' "${lines[@]}"; false; }
	[ "$status" -eq $(($# > 0)) ]
}

@test "lint: nothing odd is exit 0 and no word" {
	cat >"$T/rules" <<-'RULES'
		grant user:mvalice read 'llama/**'
		grant user:mvbob read llama/one
		grant group:mvteam read 'hub/**'
		deny user:mvbob read llama/two
		grant unit:infer.service userns:contained read 'llama/**'
		deny any write '**'
	RULES
	linted
	run -0 --separate-stderr mv_ rules import "$T/rules"
	run -0 --separate-stderr mv_ rules lint
	[ -z "$output$stderr" ]
}

@test "lint: rules that another one makes needless" {
	cat >"$T/rules" <<-'RULES'
		grant user:mvalice read 'llama/**'
		grant user:mvalice read llama/one
		grant user:mvalice read 'llama/**'
		grant user:mvalice read,list 'llama/*'
		grant user:mvalice user:mvbob read llama/one
		grant user:mvalice exe:/bin/sh read llama/two --hours 09:00-18:00
		grant user:mvbob read '**' --until 2099-01-01
		grant user:mvbob read 'llama/**'
		deny group:mvteam read 'llama/t*'
		grant group:mvteam read llama/two
		grant group:mvteam user:5003 read llama/two
		deny any read llama/one --hours 09:00-18:00
		grant user:5003 read llama/one
		deny group:mvteam read llama/two
		grant unit:'a*' read 'llama/**'
		grant unit:abc exe:/bin/true read llama/one
	RULES
	run "$MODELVAULT" rules "$T/vault" lint "$T/rules" --json
	jq -r 'select(.check == "shadowed" or .check == "denied") | "\(.line) \(.check) \(.text)"' \
		<<<"$(grep ^{ <<<"$output")" >"$T/found"
	diff - "$T/found" <<-'FOUND'
		2 shadowed does nothing: line 1 allows all of it already
		3 shadowed does nothing: line 1 allows all of it already
		6 shadowed does nothing: line 1 allows all of it already
		10 denied does nothing: line 9 denies all of it
		11 shadowed does nothing: line 10 allows all of it already
		11 denied does nothing: line 9 denies all of it
		14 shadowed does nothing: line 9 denies all of it already
		16 shadowed does nothing: line 15 allows all of it already
	FOUND
}

@test "lint: who and what is not there, or is more than it seems" {
	mkdir -p "$T/prog"
	cp /bin/true "$T/prog/mine"
	chmod 777 "$T/prog"
	cat >"$T/rules" <<-RULES
		grant user:mvalice#4242 read llama/one
		grant role:nobodys read llama/one
		grant any read **
		grant unit:'*' exe:/bin/true read llama/one
		grant user:mvalice exe:/no/such/program read llama/one
		grant user:mvalice exe:$T/prog/mine read llama/two
		grant user:mvalice exe:/lib64/ld-linux-x86-64.so.2 read llama/two
		grant user:mvbob read llama
		grant user:mvbob read nothing
		grant user:mvbob#5002 read llama/one --until 2020-01-01T00:00:00Z
		no rule
		grant loginuid:mvbob read llama/two
		grant loginuid:mvbob group:mvteam read llama/two
		deny loginuid:mvbob read llama/one
	RULES
	run -1 "$MODELVAULT" rules "$T/vault" lint "$T/rules" --json
	jq -r 'select(.check != "shadowed") | "\(.line) \(.check)"' <<<"$(grep ^{ <<<"$output")" >"$T/found"
	diff - "$T/found" <<-'FOUND'
		11 syntax
		1 stale
		2 empty-role
		3 everybody
		4 any-unit
		5 exe-gone
		6 exe-unsafe
		7 interpreter
		8 no-file
		9 no-file
		10 expired
		12 login-alone
	FOUND
	jq -se 'all(.[]; keys_unsorted == ["rule","line","check","text"] and .rule == null and (.text | length > 5))' \
		<<<"$(grep ^{ <<<"$output")"
	run -1 --separate-stderr "$MODELVAULT" rules "$T/vault" lint "$T/rules"
	[[ ${lines[0]} == "$T/rules:11: syntax: no begins no rule"* ]]
	[[ $stderr == *"findings" ]]
}

@test "lint: links whose files stay closed, and the pattern that covers both" {
	echo "grant user:mvalice read 'hub/models--x/snapshots/**'" >"$T/rules"
	linted "1 link-targets"
	run -0 --separate-stderr mv_ rules import "$T/rules"
	run -1 --separate-stderr mv_ rules lint
	[ "$output" = "rule 1: link-targets: matches 1 link whose files stay closed, as hub/models--x/snapshots/abc/model.bin to hub/models--x/blobs/b1: a link gives nothing; 'hub/models--x/**' covers both" ]
	[ "$stderr" = "1 finding" ]
	echo "grant user:mvalice user:mvbob read 'hub/models--x/blobs/*'" >>"$T/rules"
	linted "1 no-file"
	sed -i 's/^.*blobs.*$/grant user:mvbob read hub\/models--x\/blobs\/*/' "$T/rules"
	linted "1 link-targets"
}

@test "lint: needs some role, changes nothing, says which words there are" {
	run -2 mv_ rules lint a b
	run -2 mv_ rules lint --replace
	run -6 mv_ rules lint "$T/nowhere"
	before=$(mv_ audit --count)
	echo 'deny any read x' | run -1 mv_ rules lint -
	[ "$(mv_ audit --count)" = "$before" ]
}
