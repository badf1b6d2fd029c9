#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Every way in which a rule is mistyped gets one line that says what would be right, exit 2, and
# nothing is changed. A line of a table: the command with its words | the line.
load ../lib

setup_file() {
	common_setup
	export F=$T MODELVAULT_STATE_DIR=$T/state MODELVAULT_KEY_FILE=$T/vault.key
	mkdir state vision
	echo 1 >vision/a.onnx
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault vision 2>/dev/null
	"$MODELVAULT" role vault add vision user:mvalice 2>/dev/null
}
teardown_file() { common_teardown; }
setup() {
	cd "$F" || return 1
	export MODELVAULT_KEY_FILE=$F/vault.key
}
teardown() { :; }

# The vault that @ means.
mv_at() { env MODELVAULT="$F/vault" "$MODELVAULT" "$@" </dev/null; }

# table [CODE]: of lines COMMAND|LINE on standard input.
table() {
	local code=${1:-2} words line
	while IFS='|' read -r words line; do
		words=${words//¦/|}
		eval "run --separate-stderr mv_at $words"
		# shellcheck disable=SC2154  # set by run
		if [ "$status" != "$code" ] || [ -n "$output" ] || [ "$stderr" != "modelvault: ${line//¦/|}" ]; then
			printf '%s: exit %s\n%s\n' "$words" "$status" "$output$stderr"
			return 1
		fi
	done
}
# unchanged: no rule, and one role of one member.
unchanged() {
	[ -z "$("$MODELVAULT" rules vault)" ]
	[ "$("$MODELVAULT" role vault list vision)" = "vision user:mvalice#5001" ]
}
ORDER="SUBJECT... PERMS PATTERN, as in user:alice read 'llama/**'"

@test "grant and deny: too few words, and VAULT left out" {
	table <<-CASES
		grant @|grant: nothing is said: $ORDER
		grant @ role:vision 'vision/**'|grant: 'vision/**' has no permissions before it: read, write or list
		grant @ role:vision|grant: role:vision is followed by no permissions and no pattern: as in read 'llama/**'
		grant @ role:vision read|grant: read is followed by no pattern: say which files, '**' for all
		grant @ read x|grant: read has no subject before it: user:NAME, group:NAME, role:NAME, exe:PATH, sha256:HEX, unit:NAME, loginuid:NAME, userns:contained or any
		grant @ read|grant: read stands alone: SUBJECT... PERMS PATTERN, as in user:alice read 'llama/**'
		deny @ user:mvbob|deny: user:mvbob is followed by no permissions and no pattern: as in read 'llama/**'
		grant role:vision read x|grant: VAULT is missing before role:vision: a vault's directory or mount point, or @ for \$MODELVAULT: modelvault grant @ role:vision ...
		grant role:vision read|grant: VAULT is missing before role:vision: a vault's directory or mount point, or @ for \$MODELVAULT: modelvault grant @ role:vision ...
		deny user:mvbob|deny: VAULT is missing before user:mvbob: a vault's directory or mount point, or @ for \$MODELVAULT: modelvault deny @ user:mvbob
		grant mvalice read x|grant: VAULT is missing before mvalice: a vault's directory or mount point, or @ for \$MODELVAULT: modelvault grant @ mvalice ...
		role add vision user:mvbob|role: VAULT is missing before add: a vault's directory or mount point, or @ for \$MODELVAULT: modelvault role @ add ...
		rules lint|rules: VAULT is missing before lint: a vault's directory or mount point, or @ for \$MODELVAULT: modelvault rules @ lint
		revoke 1|revoke: VAULT is missing before 1: a vault's directory or mount point, or @ for \$MODELVAULT: modelvault revoke @ 1
	CASES
	unchanged
}
