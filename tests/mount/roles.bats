#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Roles at work: a change of members is a change of what is open. And changes of rules by people who
# would gain by them themselves.
load ../lib

setup() {
	common_setup
	mkdir vision
	random_file vision/a 300000
	random_file vision/b 300000
	export MODELVAULT_KEY_FILE=$T/v.key
	make_vault v 2>/dev/null
	"$MODELVAULT" import v vision 2>/dev/null
	mounted v m 2>/dev/null
	F=$T/m/vision/a
}

teardown() {
	local pid
	for pid in "$T"/*.pid; do
		[ ! -f "$pid" ] || kill -KILL "$(cat "$pid")" 2>/dev/null || true
	done
	common_teardown
}

role() { "$MODELVAULT" role m "$@" 2>said; }
grant() { "$MODELVAULT" grant m "$@" 2>said; }
count() { "$MODELVAULT" audit m query --count "$@"; }
# admin NAME COMMAND...: that user does it, through the server.
admin() {
	local name=$1 command=$2
	shift 2
	as_user "$name" "$MODELVAULT" "$command" "$T/m" "$@"
}

# holding NAME: that user opens the file now, and reads it again each time `reads` asks.
holding() {
	local name=$1
	mkfifo "$name.ask" "$name.answer"
	# shellcheck disable=SC2016  # for the shell of that user
	as_user "$name" bash -c 'exec 5<"$1" || exit 1
		while echo ready; read -r offset; do
			tail -c +"$offset" <&5 | head -c 10 | wc -c
		done' - "$F" <"$name.ask" >"$name.answer" 2>/dev/null 3>&- &
	echo $! >"$name.pid"
	exec {ask}>"$name.ask" {answer}<"$name.answer"
	declare -g "ask_$name=$ask" "answer_$name=$answer"
	read -r -t 10 line <&"$answer"
	[ "$line" = ready ]
}

# reads NAME: does his descriptor still give bytes?
reads() {
	local ask=ask_$1 answer=answer_$1 bytes
	echo 1 >&"${!ask}"
	read -r -t 10 bytes <&"${!answer}"
	read -r -t 10 _ <&"${!answer}"
	[ "$bytes" = 10 ]
}

@test "a role that is left takes the open files with it, before role returns; others read on" {
	root_only "a second user is served by root's server only"
	role add vision user:mvalice user:mvbob
	grant role:vision read 'vision/**'
	holding mvalice
	holding mvbob
	reads mvalice
	run -0 "$MODELVAULT" role m remove vision user:mvalice --dry-run
	[[ $output == *"would lose: user mvalice (5001): read 2 files, as vision/a"*"would end: vision/a, open by pid "*" uid 5001 ("*"1 open handle would end" ]]
	reads mvalice
	role remove vision user:mvalice
	grep -qx '1 open handle ended' said
	run ! reads mvalice
	reads mvbob
	refused as_user mvalice cat "$F"
	allowed as_user mvbob cat "$F"
	[ "$(count --action revoked --user mvalice)" = 1 ]
	role add vision user:mvalice
	allowed as_user mvalice cat "$F"
}

@test "a group in a role: who has it in his credentials, and no longer when the group leaves" {
	root_only "a second user is served by root's server only"
	role add vision group:mvteam
	grant role:vision read a
	holding mvalice
	reads mvalice
	allowed as_user mvcarol cat "$F"
	refused as_user mvbob cat "$F"
	refused as_user mvalice cat "$T/m/vision/b"
	refused setpriv --reuid mvalice --regid mvalice --clear-groups cat "$F" ||
		refused setpriv --reuid mvalice --regid 100 --clear-groups cat "$F"
	role remove vision group:mvteam
	run ! reads mvalice
	refused as_user mvcarol cat "$F"
}

@test "who enters a role that is denied something loses it at once" {
	root_only "a second user is served by root's server only"
	role add guests user:mvbob
	grant any read '**'
	"$MODELVAULT" deny m role:guests read 'vision/**' 2>/dev/null
	holding mvalice
	refused as_user mvbob cat "$F"
	role add guests user:mvalice
	grep -qx '1 open handle ended' said
	run ! reads mvalice
	role remove guests user:mvalice
	allowed as_user mvalice cat "$F"
}

@test "list needs any role, add and remove need admin; a refusal is on record" {
	root_only "a second user is served by root's server only"
	role add auditor user:mvbob
	run -0 admin mvbob role list
	run -3 admin mvbob role add admin user:mvbob
	[ "$output" = "modelvault: role: refused: it needs the role admin" ]
	run -3 admin mvbob role remove auditor user:root
	run -3 admin mvalice role list
	[ "$(count --action command --outcome deny --user mvbob)" = 2 ]
	[ "$(role list | grep -c mvbob)" = 1 ]
}

@test "an admin cannot give himself anything to read; another one can; all of it is on record" {
	root_only "a second user is served by root's server only"
	local words instead own
	role add admin user:mvalice group:mvteam
	role add vision user:mvbob
	grant role:vision read a
	while IFS='|' read -r words instead; do
		# shellcheck disable=SC2086  # one word each
		run -3 --separate-stderr admin mvalice grant $words
		[ -z "$output" ]
		[ "$stderr" = "modelvault: grant: refused: you could read more by it yourself (self-grant); another admin must do it$instead" ] ||
			{ echo "$words: $stderr"; false; }
	done <<-CASES
		user:mvalice read a|
		any read a|, or first deny yourself: modelvault deny $T/v user:mvalice read a
		group:mvteam read b|, or first deny yourself: modelvault deny $T/v user:mvalice read b
		exe:/bin/true read a|, or first deny yourself: modelvault deny $T/v user:mvalice read a
		role:admin read a|, or first deny yourself: modelvault deny $T/v user:mvalice read a
		user:mvalice read a --from 2127-01-01|
	CASES
	run -3 --separate-stderr admin mvalice role add vision user:mvalice
	[[ $stderr == *"role: refused: you could read more by it yourself (self-grant)"* ]]
	# mvcarol is admin by her group.
	run -3 admin mvcarol role add vision group:mvteam
	[ "$(count --outcome deny --action grant)" = 6 ]
	[ "$(count --outcome deny --action role)" = 2 ]
	"$MODELVAULT" audit m --outcome deny --action grant --json | jq -se 'all(.reason == "self-grant")'
	# Not when it is only shown.
	run -0 admin mvalice grant user:mvalice read a --dry-run
	[[ $output == *"it would be refused: you could read more by it yourself (self-grant)"* ]]
	[ "$(count --outcome deny --action grant)" = 6 ]
	refused as_user mvalice cat "$F"
	# For somebody else; and by another for her.
	run -0 admin mvalice grant user:mvbob read b
	run -0 admin mvcarol grant user:mvalice read a
	allowed as_user mvalice cat "$F"
	# What she reads already she may give to all; and a deny that met her stays until another lifts it.
	run -0 admin mvalice grant any read a
	run -0 "$MODELVAULT" deny m user:mvalice read a
	run -3 admin mvalice revoke 5
	[[ $output == *"revoke: refused: you could read more"* ]]
	refused as_user mvalice cat "$F"
	run -0 admin mvcarol revoke 5
	allowed as_user mvalice cat "$F"
	# root is one of several by now.
	run -3 "$MODELVAULT" grant m user:root read b
	# What the refusal says: who denies himself first may give it to all, and cannot take that back.
	run -3 admin mvcarol grant any read b
	run -0 --separate-stderr admin mvcarol deny user:mvcarol read b
	own=$output
	run -0 admin mvcarol grant any read b
	refused as_user mvcarol cat m/vision/b
	run -3 admin mvcarol revoke "$own"
	# Who holds a slot's secret, and nobody serves the vault.
	run -3 "$MODELVAULT" grant m user:root read 'other/**'
	unmounted m
	run -0 "$MODELVAULT" grant v user:root read 'other/**'
	[ "$("$MODELVAULT" audit v --action grant --json --order newest --limit 1 | jq -r .reason)" = slot ]
}

@test "an admin who is neither root nor the server's user does not have it mount where he likes" {
	root_only "a second user is served by root's server only"
	role add admin user:mvalice
	mkdir sbin theirs && chown mvalice theirs
	refused admin mvalice mount "$T/sbin"
	[[ $output == *"mount: refused: it mounts as user 0, who serves the vault"* ]]
	refused admin mvalice mount "$T/theirs"
	[ "$(findmnt -rno TARGET -t fuse.modelvault | grep -c "^$T/")" = 1 ]
	[ "$(count --action command --outcome deny --user mvalice)" = 2 ]
	"$MODELVAULT" mount m theirs 2>said
	# What he may do with the files that are there stays his.
	exits 0 as_user mvalice "$MODELVAULT" umount "$T/theirs"
}

@test "nobody puts all others out of the roles, to be the only one there is" {
	root_only "a second user is served by root's server only"
	local role
	role add admin user:mvalice user:mvbob
	role add auditor user:mvbob
	# None of this is anything to read.
	run -0 admin mvalice role add auditor user:mvalice
	run -0 admin mvalice role add custodian user:mvalice
	for role in admin auditor; do
		run -0 admin mvalice role remove $role user:root user:mvbob
	done
	run -0 admin mvalice role remove custodian user:root --dry-run
	[[ $output == *"it would be refused: you would be the only one left"* ]]
	run -3 admin mvalice role remove custodian user:root
	[ "$output" = "modelvault: role: refused: you would be the only one left with a role over the vault, who may give himself anything to read (self-grant); another admin must do it" ]
	[ "$(admin mvalice audit --action role --outcome deny --json | jq -r .reason)" = self-grant ]
	run -3 admin mvalice grant user:mvalice read '**'
	refused as_user mvalice cat "$F"
	# Who goes himself may leave the other one alone.
	run -0 admin mvalice role add admin user:root
	role remove custodian user:root
	role remove admin user:root
	run -0 admin mvalice grant user:mvalice read '**'
	[[ $output == *"recorded as self-grant"* ]]
}

@test "an admin does not move the hours of a rule for himself by another time zone" {
	root_only "a second user is served by root's server only"
	role add admin user:mvalice user:mvbob
	"$MODELVAULT" mode m set timezone=UTC 2>/dev/null
	grant user:mvalice read a --hours "$(TZ=Asia/Tokyo date -d '-1 hour' +%H:%M)-$(TZ=Asia/Tokyo date -d '+1 hour' +%H:%M)"
	refused as_user mvalice cat "$F"
	run -0 admin mvalice mode set timezone=Asia/Tokyo --dry-run
	[[ $output == *"it would be refused: you could read more by it yourself (self-grant)"* ]]
	run -3 admin mvalice mode set timezone=Asia/Tokyo
	[ "$output" = "modelvault: mode: refused: you could read more by it yourself (self-grant); another admin must do it" ]
	[ "$("$MODELVAULT" audit m --action mode --outcome deny --json | jq -r .detail)" = "set timezone=Asia/Tokyo" ]
	refused as_user mvalice cat "$F"
	run -0 admin mvbob mode set timezone=Asia/Tokyo
	allowed as_user mvalice cat "$F"
}

@test "the only one there is may, and that is on record as self-grant" {
	run -0 --separate-stderr "$MODELVAULT" grant m "user:$OWNER" read '**'
	[ "$output" = 1 ]
	[[ $stderr == *"nobody else has a role over this vault it was done, and recorded as self-grant"* ]]
	allowed cat "$F"
	"$MODELVAULT" audit m --action grant --json | jq -se 'length == 2 and all(.reason == "self-grant" and .outcome == "allow")'
	# What gives him nothing new is recorded as usual.
	run -0 --separate-stderr "$MODELVAULT" grant m any read a
	[[ $stderr != *self-grant* ]]
	[ "$("$MODELVAULT" audit m --action grant --json --order newest --limit 1 | jq -r .reason)" = role ]
}
