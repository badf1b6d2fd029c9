#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The contract of who: who could read a file today, and by which rule; each line is what explain and
# the mount say of that user too.
load ../lib

setup() {
	common_setup
	mkdir -p "$T/m1"
	echo 1 >"$T/m1/one"
	echo 2 >"$T/m1/two"
	ln -s one "$T/m1/link"
	make_vault "$T/vault" --timezone UTC 2>/dev/null
	"$MODELVAULT" import "$T/vault" "$T/m1" 2>/dev/null
	CAT=$(realpath "$(command -v cat)")
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/vault" "$@"; }
grant() { mv_ grant "$@" >/dev/null 2>&1; }
at() { mv_ who m1/one --at '2040-01-02 12:00' "$@"; }

@test "who: users, programs, units, hours; the last line counts and names who is denied" {
	run -0 --separate-stderr at
	[ "$output" = nobody ]
	grant user:mvbob "exe:$CAT" unit:'infer@*.service' read one --days mon-fri --hours 09:00-18:00
	grant group:mvteam read 'm1/**'
	grant user:4711 read one --hours 14:00-15:00 --until 2040-02-01
	grant user:mvbob read one --from 2040-01-03
	grant unit:box userns:contained read '**'
	mv_ deny user:mvcarol read '**' >/dev/null 2>&1
	run -0 --separate-stderr at
	diff - <(echo "$output") <<-LINES
		4711 by rule 3: until 2040-02-01 00:00 UTC, between 14:00 and 15:00 (UTC), beginning today at 14:00
		mvalice (5001) by rule 2
		mvbob (5002) by rule 1: with $CAT in a unit like infer@*.service, between 09:00 and 18:00 (UTC), mon-fri
		containers by rule 5: in box
		4 ways in all; granted, but denied to mvcarol (5003) by rule 6
	LINES
	[ -z "$stderr" ]
	run -0 at --json
	jq -se --arg cat "$CAT" 'length == 4
		and (map(keys_unsorted) | unique) == [["user","uid","rule","reason","exe","sha256","unit","loginuid","userns","from","words"]]
		and .[0] == {"user":null,"uid":4711,"rule":3,"reason":"rule-allow","exe":null,"sha256":null,"unit":null,"loginuid":null,
			"userns":null,"from":"2040-01-02T14:00:00.000000000Z","words":"until 2040-02-01 00:00 UTC, between 14:00 and 15:00 (UTC)"}
		and .[1].user == "mvalice" and .[1].from == null and .[1].words == ""
		and .[2].exe == $cat and .[2].unit == "infer@*.service"
		and .[3].user == null and .[3].uid == null and .[3].userns == "contained" and .[3].unit == "box"' <<<"$output"
	run -0 mv_ who m1/two --at '2040-01-02 12:00'
	[ "${lines[-1]}" = '2 ways in all; granted, but denied to mvcarol (5003) by rule 6' ]
	run -0 --separate-stderr mv_ who m1/link --at '2040-01-02 12:00'
	[ "$stderr" = 'm1/link is a symbolic link; what counts is m1/one' ]
	[ "${#lines[@]}" -eq 5 ]
}

@test "who: list, write, everybody, and everybody but" {
	run -0 at --perm list --json
	[ "$(jq -rs 'map(.rule == null and .reason == "default-list") | all' <<<"$output")" = true ]
	[ "$(jq -rs 'map(select(.user == "mvbob")) | length' <<<"$output")" = 1 ]
	mv_ deny user:mvbob list one 2>/dev/null
	run -0 at --perm list --json
	[ "$(jq -rs 'map(select(.user == "mvbob")) | length' <<<"$output")" = 0 ]
	run -0 at --perm write
	[ "$output" = nobody ]
	mv_ deny user:mvbob read one 2>/dev/null
	grant any read one
	run -0 at --json
	[ "$(jq -rs 'map(.uid) | contains([0, 5001, 5003])' <<<"$output")" = true ]
	[ "$(jq -rs 'map(.uid) | contains([5002])' <<<"$output")" = false ]
	[ "$(jq -rs 'map(select(.uid == null and .userns == null and .rule == 3)) | length' <<<"$output")" = 1 ]
	run -0 at
	[ "$(grep '^any other user' <<<"$output")" = 'any other user by rule 3' ]
	mv_ deny any read one 2>/dev/null
	run -0 at
	[[ $output == 'nobody; granted, but denied to '* ]]
	run ! grep '^any other user' <<<"$output"
}

@test "who: list is what is seen: below a denied directory, on the way in a private vault" {
	list() { "$MODELVAULT" who "$T/$1" "$2" --perm list --at '2040-01-02 12:00' "${@:3}"; }
	mv_ deny user:mvbob list /m1 2>/dev/null
	list vault m1/one --json >who
	jq -se 'all(.user != "mvbob") and any(.user == "mvalice" and .reason == "default-list")' who
	run -3 mv_ explain m1/one --user mvbob --perm list
	"$MODELVAULT" init "$T/private" --new-key-file "$T/private.key" --private --timezone UTC 2>/dev/null
	export MODELVAULT_KEY_FILE=$T/private.key
	mkdir -p "$T/m2/deep/er"
	echo 1 >"$T/m2/deep/er/one"
	"$MODELVAULT" import "$T/private" "$T/m2" 2>/dev/null
	granted() { "$MODELVAULT" grant "$T/private" "$@" 2>/dev/null; }
	[ "$(list private m2/deep)" = nobody ]
	granted user:mvbob unit:a.service read one
	granted user:mvbob read nothing
	granted user:4711 read one --hours 14:00-15:00
	granted unit:box userns:contained read one
	granted user:mvalice unit:a.service read m2/deep/er/one
	granted user:mvalice list m2/deep
	granted user:mvalice read m2/deep/er/one
	run -0 list private m2/deep
	diff - <(echo "$output") <<-LINES
		4711 (on-the-way), beginning today at 14:00
		mvalice (5001) by rule 6
		mvbob (5002) (on-the-way): in a.service
		containers (on-the-way): in box
		4 ways in all
	LINES
	# By what takes the least.
	run -0 list private m2/deep/er
	[ "${lines[1]}" = 'mvalice (5001) (on-the-way)' ]
	"$MODELVAULT" deny "$T/private" user:mvalice list m2 2>/dev/null
	run -0 list private m2/deep
	[ "${lines[-1]}" = '3 ways in all; granted, but denied to mvalice (5001) by rule 8' ]
	# Everybody sees the root.
	list private / --json | jq -se 'any(.user == "mvcarol") and all(.reason == "default-list")'
}

@test "who: what it says is what explain and the mount say" {
	root_only "a second user is served by root's server only"
	grant user:mvalice read 'm1/**'
	grant group:mvteam "exe:$CAT" read one
	grant user:mvbob read two
	mv_ deny user:mvcarol read two >/dev/null 2>&1
	mounted "$T/vault" "$T/m"
	for path in m1/one m1/two; do
		mv_ who "$path" --json >who
		for user in mvalice mvbob mvcarol; do
			exe=$(jq -rs --arg u $user 'map(select(.user == $u))[0] | .exe // empty' who)
			if [ "$(jq -s --arg u $user 'map(select(.user == $u)) | length' who)" -gt 0 ]; then
				run -0 mv_ explain "$path" --user $user ${exe:+--exe "$exe"}
				allowed as_user $user "$CAT" "$T/m/$path"
			else
				run -3 mv_ explain "$path" --user $user --exe "$CAT"
				refused as_user $user "$CAT" "$T/m/$path"
			fi
		done
	done
}

@test "who: needs admin or auditor, and a name that is there" {
	run -6 mv_ who nowhere
	run -2 mv_ who m1/one --perm exec
	run -2 mv_ who m1/one --at never
	mounted "$T/vault" "$T/m"
	run -3 as_user mvbob "$MODELVAULT" who "$T/m" m1/one
	[[ $output == *'refused: it needs the role admin or auditor' ]]
	mv_ role add auditor user:mvbob 2>/dev/null
	run -0 as_user mvbob "$MODELVAULT" who "$T/m" m1/one
	[ "$output" = nobody ]
}
