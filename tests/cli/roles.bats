#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# role: who is in which, what is said, every slip of the hand with the line that helps, and the last
# holder of a role over the vault.
load ../lib

setup() {
	common_setup
	make_vault v 2>/dev/null
}

role() { "$MODELVAULT" role v "$@"; }

@test "role add, list and remove: lines, JSON, records" {
	run -0 --separate-stderr role add vision user:mvalice group:mvteam user:4242
	[ -z "$output" ]
	[ "$stderr" = "role vision: add user mvalice (5001), group mvteam (6001), user 4242; it has 3 members now, and 0 rules for it" ]
	run -0 role list
	[ "$output" = "admin user:root#0
auditor user:root#0
custodian user:root#0
vision user:4242
vision user:mvalice#5001
vision group:mvteam#6001" ] || { [ "${lines[3]}" = "vision user:4242" ] && [ "${#lines[@]}" = 6 ]; }
	run -0 --separate-stderr role list vision --json
	jq -se '. == [{role: "vision", member: "user:4242", number: 4242, stale: false},
		{role: "vision", member: "user:mvalice", number: 5001, stale: false},
		{role: "vision", member: "group:mvteam", number: 6001, stale: false}]' <<<"$output"
	# There already: said, and nothing is done.
	run -0 --separate-stderr role add vision user:mvalice
	[ "$stderr" = "user mvalice (5001) is in role vision already" ]
	[ "$("$MODELVAULT" audit v --action role --count)" = 2 ]
	"$MODELVAULT" grant v role:vision read x 2>/dev/null
	run -0 --separate-stderr role remove vision user:5001 group:mvteam
	[ "$stderr" = "role vision: remove user 5001, group mvteam (6001); it has 1 member now, and 1 rule for it" ]
	run -0 --separate-stderr role remove vision user:4242
	[ "$stderr" = "role vision: remove user 4242; it has no members left and is gone, and 1 rule for it matches nobody" ]
	run -6 role list vision
	"$MODELVAULT" audit v --action role --json |
		jq -se 'length == 6 and all(.outcome == "allow") and (.[1].detail | endswith(": role vision: add user mvalice (5001), group mvteam (6001), user 4242"))'
}

@test "role: what is mistyped is said with what would be right, and nothing is changed" {
	role add vision user:mvalice 2>/dev/null
	while IFS='|' read -r code words line; do
		eval "run -$code --separate-stderr role $words"
		[ -z "$output" ]
		[ "$stderr" = "modelvault: role: $line" ] || { echo "$words: $stderr"; false; }
	done <<-CASES
		2|add vision mvbob|'mvbob': did you mean user:mvbob?
		2|add vision mvteam|'mvteam': did you mean group:mvteam?
		2|add vision nobodyhere|'nobodyhere' is no member: user:NAME or group:NAME
		2|add vision usr:mvbob|'usr:mvbob': did you mean user:mvbob?
		2|add vision role:admin|'role:admin' is no member: a role has user:NAME and group:NAME
		2|add vision user:|user: is not complete: a name or a number follows, as in user:NAME
		6|add vision user:nobodyhere|user:nobodyhere: there is no such user on this machine; a number is taken as it is
		6|add vision user:mvbob group:nobodyhere|group:nobodyhere: there is no such group on this machine; a number is taken as it is
		2|add user:mvbob vision|'user:mvbob' is a member; the role comes first, as in role VAULT add vision user:alice
		2|add role:vision user:mvbob|here a role is named without 'role:': vision
		2|add Vision user:mvbob|'Vision' is no name of a role: a-z, 0-9, - and _, at most 32, the first a letter or digit; did you mean vision?
		2|add a/b user:mvbob|'a/b' is no name of a role: a-z, 0-9, - and _, at most 32, the first a letter or digit
		2|add vision|add whom? role VAULT add vision user:NAME or group:NAME
		2|add|add whom? role VAULT add ROLE user:NAME or group:NAME
		2|ad vision user:mvbob|'ad' is not known; did you mean add?
		2|list vision admin|list takes one role, or none for all
		2|show|'show' is not known; did you mean list?
		2|frobnicate|'frobnicate' is not known; list, add ROLE MEMBER... and remove ROLE MEMBER... are
		6|list visoin|there is no role visoin; did you mean vision?
		6|remove visoin user:mvalice|there is no role visoin; did you mean vision?
		6|list other|there is no role other; \`modelvault role $T/v list\` shows which are
		6|remove vision user:mvbob|user mvbob (5002) is not in role vision; \`modelvault role $T/v list vision\` shows who is. Nothing was changed
		6|remove vision user:mvalice user:mvbob|user mvbob (5002) is not in role vision; \`modelvault role $T/v list vision\` shows who is. Nothing was changed
		2|list --dry-run|--dry-run goes with add and remove
		2|add vision user:mvbob --json|--json goes with list and --dry-run
	CASES
	[ "$(role list | grep -v root)" = "vision user:mvalice#5001" ]
	# A new role whose name is near another's.
	run -0 --separate-stderr role add visoin user:mvbob
	[ "${stderr_lines[0]}" = "visoin is a new role; there is a role vision too" ]
}

@test "role: the last holder of each role over the vault stays, and that is on record" {
	for name in admin auditor custodian; do
		run -3 --separate-stderr role remove $name user:root
		[[ $stderr == "modelvault: role: refused: $name would have no holder left (last-holder); add another first:"* ]]
		role add $name user:mvalice 2>/dev/null
		run -0 role remove $name user:root
		run -3 role remove $name user:mvalice
		# Nobody is in this group: it holds nothing.
		role add $name group:4242 2>/dev/null
		run -3 role remove $name user:mvalice
		role add $name group:mvteam 2>/dev/null
		run -0 role remove $name user:mvalice
	done
	[ "$("$MODELVAULT" audit v --action role --outcome deny --count)" = 9 ]
	"$MODELVAULT" audit v --action role --outcome deny --json | jq -se 'all(.reason == "last-holder")'
}

@test "role: a user who is gone is stale, and is removed by the name that he had" {
	useradd -M -N -u 5999 -s /usr/sbin/nologin mvgone
	role add vision user:mvgone user:mvbob 2>/dev/null
	userdel mvgone
	[ "$(role list vision)" = "vision user:mvbob#5002
vision user:mvgone#5999  # stale: the name has another number now" ]
	role list vision --json | jq -se '.[1].stale and (.[0].stale | not)'
	run -0 --separate-stderr role remove vision user:mvgone
	[[ $stderr == "role vision: remove user mvgone (5999);"* ]]
	role add vision user:5999 2>/dev/null
	run -0 role remove vision user:5999
}

@test "role --dry-run: who would gain and lose by it, and nothing is changed" {
	mkdir vision
	echo 1 >vision/a
	"$MODELVAULT" import v vision 2>/dev/null
	role add vision user:mvalice 2>/dev/null
	"$MODELVAULT" grant v role:vision read 'vision/**' 2>/dev/null
	run -0 role add vision group:mvteam --dry-run
	[ "$output" = "would change: role vision: add group mvteam (6001)
would gain: user mvcarol (5003): read 1 file, as vision/a
nothing was changed: 1 user would gain, 0 would lose, 0 open handles would end" ]
	run -0 --separate-stderr role remove vision user:mvalice --dry-run --json
	jq -se '. == [{kind: "change", words: "role vision: remove user mvalice (5001)"},
		{kind: "loss", user: "mvalice", uid: 5001, perm: "read", files: 1, path: "vision/a", with: []},
		{kind: "total", gain: 0, lose: 1, end: 0, whole: true, refused: null}]' <<<"$output"
	run -0 --separate-stderr role remove admin user:root --dry-run
	[[ $stderr == *"it would be refused: admin would have no holder left (last-holder)"* ]]
	[ "$(role list vision)" = "vision user:mvalice#5001" ]
	[ "$("$MODELVAULT" audit v --action role --count)" = 2 ]
}
