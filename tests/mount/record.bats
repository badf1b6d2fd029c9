#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The answer waits for its record: while the trail cannot be committed, no open succeeds, and none is
# refused without a trace either.
load ../lib

@test "no open is answered while its record cannot be committed" {
	root_only "a second user is served by root's server only"
	echo weights >"$T/one"
	make_vault "$T/vault"
	"$MODELVAULT" import "$T/vault" "$T/one"
	"$MODELVAULT" grant "$T/vault" "user:$OWNER" read '**'
	mounted "$T/vault" "$T/m"
	allowed cat "$T/m/one"
	# Another writer holds the trail; that is shorter than the server is ready to wait for it.
	mkfifo "$T/go"
	sqlite3 "$T/vault/audit.db" "BEGIN IMMEDIATE" ".shell touch $T/held" ".shell cat $T/go" "ROLLBACK" 3>&- &
	wait_for 5 test -e "$T/held"
	cat "$T/m/one" >"$T/allowed" 2>&1 3>&- &
	reader=$!
	as_user mvbob cat "$T/m/one" >"$T/refused" 2>&1 3>&- &
	other=$!
	sleep 0.5
	[ ! -s "$T/allowed" ]
	[ ! -s "$T/refused" ]
	kill -0 $reader
	kill -0 $other
	echo >"$T/go"
	wait $reader
	cmp "$T/allowed" "$T/one"
	if wait $other; then return 1; fi
	grep -q 'Permission denied' "$T/refused"
	[ "$("$MODELVAULT" audit "$T/vault" --action open --count)" = 3 ]
}

@test "the value of an extended attribute leaves with a record, or not at all" {
	root_only "a second user is served by root's server only"
	echo weights >"$T/one"
	setfattr -n user.card -v 'what it is' "$T/one" || skip "no extended attributes on this file system"
	make_vault "$T/vault" 2>/dev/null
	"$MODELVAULT" import "$T/vault" "$T/one" 2>/dev/null
	"$MODELVAULT" grant "$T/vault" user:mvalice read '**' 2>/dev/null
	mounted "$T/vault" "$T/m" 2>/dev/null
	[ "$(as_user mvalice getfattr --only-values -n user.card "$T/m/one")" = 'what it is' ]
	run "$MODELVAULT" audit "$T/vault" --action read --json
	[ "$(jq -c '[.uid, .outcome, .reason, .rule, .path, .detail]' <<<"$output")" = \
		'[5001,"allow","rule-allow",1,"one","extended attribute user.card"]' ]
	refused as_user mvbob getfattr --only-values -n user.card "$T/m/one"
	# Looking costs no record.
	as_user mvalice ls -l "$T/m" >/dev/null
	[ "$("$MODELVAULT" audit "$T/vault" --action read --count)" = 1 ]
	# A trail that cannot be written gives nothing.
	mkfifo "$T/go"
	sqlite3 "$T/vault/audit.db" "BEGIN IMMEDIATE" ".shell touch $T/held" ".shell cat $T/go" "ROLLBACK" 3>&- &
	wait_for 5 test -e "$T/held"
	as_user mvalice getfattr --only-values -n user.card "$T/m/one" >"$T/given" 2>/dev/null 3>&- &
	sleep 0.5
	[ ! -s "$T/given" ]
	echo >"$T/go"
	wait $!
	[ "$(cat "$T/given")" = 'what it is' ]
}
