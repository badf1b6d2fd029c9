#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What rm takes away, what it says when there is nothing to take, and its records.
load ../lib

setup() {
	common_setup
	make_vault "$T/vault" 2>"$T/said"
	mkdir -p "$T/tree/below" "$T/tree/empty"
	echo one >"$T/tree/one"
	echo two >"$T/tree/below/two"
	"$MODELVAULT" import "$T/vault" "$T/tree" 2>>"$T/said"
}

rm_() { "$MODELVAULT" rm "$T/vault" "$@"; }
details() { "$MODELVAULT" audit "$T/vault" --action remove --json | jq -rs 'map("\(.path) \(.outcome) \(.count) \(.detail)") | .[]'; }

@test "rm: exit 6 when nothing of it is there, 1 when only some is" {
	for names in nope 'nope tree/nope nowhere/x'; do
		# shellcheck disable=SC2086  # names
		run -6 rm_ $names
		[[ $output == *"nope: no such name"* && $output != *"trail"* ]]
	done
	run -1 rm_ nope tree/one
	run -6 rm_ tree/one
	echo one >"$T/tree/one"
	"$MODELVAULT" import "$T/vault" "$T/tree/one" --to tree 2>/dev/null
	run -1 rm_ tree/one nope
	run -0 "$MODELVAULT" ls "$T/vault" tree
	[[ $output == *below* && $output != *one* ]]
	run -1 rm_ tree nope
	[[ $output == *"-r removes all of it"* ]]
	[ "$(details | grep -c '^nope error 1 failed$')" = 5 ]
	"$MODELVAULT" audit "$T/vault" verify
}

@test "rm: a directory only when it is empty, or with -r" {
	run -0 rm_ tree/empty
	run -1 rm_ tree/below
	run -0 rm_ -r tree
	[ -z "$("$MODELVAULT" ls "$T/vault")" ]
	[ "$(details)" = "tree/empty allow 1 intent
tree/empty allow 1 done
tree/below allow 1 intent
tree/below error 1 failed
tree allow 1 intent, recursive
tree allow 2 done" ]
	[ -z "$(find "$T/vault/objects" -type f)" ]
}

# keys_in FILE...: how often the wrapped keys in $T/wraps (one hexadecimal number a line) stand in the files.
keys_in() {
	python3 - "$T/wraps" "$@" <<-'PY'
		import sys
		data = b"".join(open(name, "rb").read() for name in sys.argv[2:])
		print(sum(data.count(bytes.fromhex(line)) for line in open(sys.argv[1])))
	PY
}
wraps_of() { sqlite3 "$T/vault/keystore.db" "SELECT hex(wrapped_dek) FROM file"; }

@test "rm: many names are one renewed copy, and no key of theirs is left" {
	mkdir "$T/many"
	for i in $(seq 300); do echo "$i" >"$T/many/$i"; done
	"$MODELVAULT" import "$T/vault" "$T/many" 2>/dev/null
	wraps_of >"$T/before"
	mounted "$T/vault" "$T/m" 2>/dev/null
	# The control: the key is found while it is there.
	cp "$T/before" "$T/wraps"
	[ "$(keys_in "$T/vault/keystore.db" "$T/vault/keystore.copy")" -ge 300 ]
	copy=$(stat -c %i "$T/vault/keystore.copy")
	strace -f -o "$T/calls" -e trace=rename -p "$(servers_of "$T/vault" | head -n 1)" 2>"$T/traced" 3>&- &
	wait_for 5 grep -q attached "$T/traced"
	"$MODELVAULT" rm "$T/vault" -r many
	kill $!
	wait $! || true
	[ "$(grep -c 'keystore.copy"' "$T/calls")" = 1 ]
	[ "$(stat -c %i "$T/vault/keystore.copy")" != "$copy" ]
	wraps_of >"$T/after"
	grep -vxFf "$T/after" "$T/before" >"$T/wraps"
	[ "$(wc -l <"$T/wraps")" = 300 ]
	[ "$(keys_in "$T/vault"/keystore.*)" = 0 ]
}

@test "rm: what a kill left in the log and the copy goes with the next command" {
	wraps_of >"$T/before"
	run -137 strace -f -o "$T/calls" -e trace=rename -e inject=rename:signal=KILL "$MODELVAULT" rm "$T/vault" tree/one
	wraps_of >"$T/after"
	grep -vxFf "$T/after" "$T/before" >"$T/wraps"
	[ "$(wc -l <"$T/wraps")" = 1 ]
	[ "$(keys_in "$T/vault"/keystore.*)" -ge 1 ]
	"$MODELVAULT" ls "$T/vault"
	[ "$(keys_in "$T/vault"/keystore.*)" = 0 ]
}
