#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The contract of explain: a line for every obstacle with the detail that differs, what would have to
# change, who may ask what; and of why: the same for the caller's own last refusal.
load ../lib

setup() {
	common_setup
	mkdir -p "$T/m1/deep" "$T/other"
	echo 1 >"$T/m1/one"
	echo 2 >"$T/m1/deep/two"
	echo 3 >"$T/other/three"
	make_vault "$T/vault" --timezone UTC 2>/dev/null
	"$MODELVAULT" import "$T/vault" "$T/m1" "$T/other" 2>/dev/null
	CAT=$(realpath "$(command -v cat)")
	ENV=$(realpath "$(command -v env)")
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/vault" "$@"; }
quietly() { "$@" >/dev/null 2>&1; }

# line PATH OPTIONS...: what explain says of the one rule, then the verdict's reason, then what helps.
line() {
	"$MODELVAULT" explain "$T/vault" m1/one --user mvbob "$@" 2>/dev/null >out || [ $? -eq 3 ]
	sed 's/^rule [0-9]* (\(.*\)) \(allow\|deny\|learn\) .*/\1/; s/^\(allow\|deny\)[^(]*(\([a-z-]*\):.*/\1 \2/' out
}

# says RULE OPTIONS -- LINE...: grants or denies RULE, asks with OPTIONS, compares, takes it back.
says() {
	local number words=$1 verb=grant
	shift
	case $words in deny\ *) verb=deny words=${words#deny } ;; esac
	number=$(eval "mv_ $verb $words" 2>/dev/null) || { echo "not granted: $words"; return 1; }
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	line "${options[@]}" | sed "s/rule $number\b/rule N/g" >got
	printf '%s\n' "$@" >expected
	diff expected got || { echo "$words ${options[*]}"; return 1; }
	mv_ revoke "$number" >/dev/null 2>&1
}

@test "explain: every obstacle, in full words, with what differs and what would help" {
	grant="it would be allowed if: grant $T/vault user:mvbob read m1/one"
	or_grant="or if: grant $T/vault user:mvbob read m1/one"
	says "user:mvbob read 'm1/**'" -- matches 'allow rule-allow'
	says "user:mvbob list m1/one" -- 'for list, asked for read' 'deny no-rule' "$grant"
	says "user:mvbob read three" -- 'other paths, not m1/one' 'deny no-rule' "$grant"
	says "user:mvalice read one" -- 'user mvalice (5001), asked for mvbob (5002)' 'deny no-rule' "$grant"
	says "group:mvteam read one" -- 'group mvteam (6001), user is in 100' 'deny no-rule' "$grant"
	mv_ role add training user:mvalice 2>/dev/null
	says "role:training read one" -- 'role training, which mvbob (5002) does not hold' 'deny no-rule' "$grant"
	says "loginuid:mvalice read one" -- 'needs --loginuid mvalice (5001)' 'deny no-rule' \
		'it would be allowed if: logged in as mvalice (rule N)' "$or_grant"
	says "loginuid:mvalice read one" --loginuid mvcarol -- 'logged in as mvalice (5001), asked for 5003' \
		'deny no-rule' 'it would be allowed if: logged in as mvalice (rule N)' "$or_grant"
	says "loginuid:mvalice read one" --loginuid 5001 -- matches 'allow rule-allow'
	says "exe:$CAT read one" -- "needs --exe $CAT" 'deny exe-differs' \
		"it would be allowed if: run by $CAT (rule N)" "$or_grant"
	says "exe:$CAT read one" --exe "$ENV" -- "run by $CAT, asked for $ENV" 'deny exe-differs' \
		"it would be allowed if: run by $CAT (rule N)" "$or_grant"
	says "exe:$CAT read one" --exe "$CAT" -- matches 'allow rule-allow'
	says "unit:infer.service read one" -- 'needs --unit infer.service' 'deny unit-differs' \
		'it would be allowed if: in infer.service (rule N)' "$or_grant"
	says "unit:infer.service read one" --unit batch.service -- \
		'unit infer.service, asked for batch.service' 'deny unit-differs' \
		'it would be allowed if: in infer.service (rule N)' "$or_grant"
	says "unit:'inf*' read one" --unit /system.slice/infer.service -- matches 'allow rule-allow'
	hash=$(sha256sum "$CAT" | cut -c1-64)
	says "sha256:$hash read one" -- "needs --sha256 $hash" 'deny hash-unknown' \
		"it would be allowed if: run by a program of content $hash (rule N)" "$or_grant"
	says "sha256:$hash read one" --exe "$CAT" -- matches 'allow rule-allow'
	says "sha256:$hash read one" --sha256 "@$CAT" -- matches 'allow rule-allow'
	other=$(sha256sum "$ENV" | cut -c1-64)
	says "sha256:$hash read one" --sha256 "$other" -- "content $hash, asked for $other" \
		'deny hash-differs' "it would be allowed if: run by a program of content $hash (rule N)" "$or_grant"
	says "user:mvbob read one --from 2040-01-01" -- 'begins 2040-01-01 00:00 UTC' 'deny not-yet' \
		'it would be allowed if: from 2040-01-01 00:00 UTC on (rule N)' "$or_grant"
	says "user:mvbob read one --until 2040-01-01" --at 2040-01-01 -- \
		'expired 2040-01-01 00:00 UTC' 'deny expired' "$grant"
	says "user:mvbob read one --hours 09:00-18:00" --at '2040-01-02 20:15' -- \
		'between 09:00 and 18:00, it is 20:15' 'deny outside-hours' \
		'it would be allowed if: within hours of rule N (09:00-18:00), next from 2040-01-03 09:00 UTC' "$or_grant"
	says "user:mvbob read one --days mon-fri --hours 09:00-18:00" --at '2040-01-07 10:00' -- \
		'mon-fri between 09:00 and 18:00, it is sat 10:00' 'deny outside-hours' \
		'it would be allowed if: within hours of rule N (mon-fri 09:00-18:00), next from 2040-01-09 09:00 UTC' "$or_grant"
	says "unit:box userns:contained read one" -- "in a container's user namespace, needs --userns contained" \
		'deny no-rule' "$grant"
	says "unit:box userns:contained read one" --userns contained --unit box -- matches 'allow rule-allow'
	says "user:mvbob read one" --userns contained --unit box -- \
		"for callers in a container's user namespace only rules with unit: and userns:contained count" \
		'deny user-namespace' "it would be allowed if: grant $T/vault unit:box userns:contained read m1/one"
	# A path that became one that others can change: granted while it was root's alone.
	own=$(mktemp -d /run/modelvault-explain.XXXXXX)
	chmod 755 "$own"
	cp "$CAT" "$own/cat"
	mv_ grant "exe:$own/cat" read one >/dev/null 2>&1
	chmod 777 "$own"
	line --exe "$own/cat" >got
	rm -r "$own"
	diff got - <<-LINES
		run by $own/cat, asked for $own/cat (others than root can change $own)
		deny exe-differs
		$grant
	LINES
}

@test "explain: denies in the way are named, with what is missing beside them" {
	says "deny user:mvbob read one" -- matches 'deny rule-deny' \
		"it would be allowed if: revoke rule N (deny user:mvbob#5002 read one), and grant $T/vault user:mvbob read m1/one"
	mv_ grant user:mvbob read 'm1/**' 2>/dev/null
	says "deny any read one --hours 10:00-11:00" --at '2040-01-02 10:30' -- matches matches 'deny rule-deny' \
		'it would be allowed if: revoke rule N (deny any read one --hours 10:00-11:00)' \
		'or if: from 2040-01-02 11:00 UTC on, when no deny applies'
	mv_ deny user:mvbob read one 2>/dev/null
	mv_ deny group:100 read 'm1/*' 2>/dev/null
	deny=$(mv_ rules | sed -n 's/^\([0-9]*\) \(deny .*\)/rule \1 (\2)/p' | paste -sd' ' | sed 's/ rule/ and rule/')
	run -3 mv_ explain m1/one --user mvbob
	[ "${lines[-1]}" = "it would be allowed if: revoke $deny" ]
	[[ $deny == *' and rule '* ]]
}

@test "explain: budgets are shown as they are used, and when the period ends" {
	root_only "a second user is served by root's server only"
	mv_ grant user:mvbob read one --max-opens 2/day --max-bytes 1M/week 2>/dev/null
	line >/dev/null
	[[ $(head -n 1 out) == "rule 1 (matches: 0 of 2 opens used this day; 0 of 1M bytes used this week, the file has 2) "* ]]
	mounted "$T/vault" "$T/m"
	allowed as_user mvbob cat "$T/m/m1/one"
	allowed as_user mvbob cat "$T/m/m1/one"
	refused as_user mvbob cat "$T/m/m1/one"
	run -3 mv_ explain m1/one --user mvbob
	[[ ${lines[0]} == "rule 1 (used up: 2 of 2 opens used this day; 4 of 1M bytes used this week, the file has 2) "* ]]
	[[ ${lines[1]} == "deny (over-budget: "* ]]
	tomorrow=$(TZ=UTC date -d tomorrow +%Y-%m-%d)
	[ "${lines[2]}" = "it would be allowed if: from $tomorrow 00:00 UTC on, when its budget begins anew (rule 1)" ]
	# Who has not used any of it, and tomorrow.
	run -0 mv_ explain m1/one --user mvbob --at "$tomorrow"
	run -0 as_user mvbob "$MODELVAULT" why "$T/m/m1/one"
	[[ $output == *over-budget*"from $tomorrow 00:00 UTC on"* ]]
}

@test "explain: each name of a hard-linked file is shown with the rule that covers it" {
	ln "$T/m1/one" "$T/other/link"
	mkdir "$T/both" && mv "$T/m1" "$T/other" "$T/both"
	"$MODELVAULT" import "$T/vault" "$T/both" 2>/dev/null
	mv_ grant user:mvbob read 'both/m1/**' 2>/dev/null
	run -3 --separate-stderr mv_ explain both/m1/one --user mvbob
	[ "${lines[0]}" = "rule 1 (other paths, not both/other/link (of its 2 names 1 is matched)) allow user:mvbob#5002 read 'both/m1/**'" ]
	[ "$(sed -n '2,3p' <<<"$output" | sort | paste -sd,)" = \
		'name both/m1/one: allowed by rule 1 (rule-allow),name both/other/link: refused (no-rule)' ]
	[ "${lines[4]}" = "it would be allowed if: grant $T/vault user:mvbob read both/other/link" ]
	mv_ grant user:mvbob read link 2>/dev/null
	run -0 --separate-stderr mv_ explain both/m1/one --user mvbob --json
	jq -se 'map(.kind) == ["rule", "rule", "name", "name", "verdict"] 
		and (.[2:4] | sort_by(.path) | map([.path, .rule, .verdict]) ==
			[["both/m1/one", 1, "allow"], ["both/other/link", 2, "allow"]]) and .[4].verdict == "allow" and .[4].would_help == []' <<<"$output"
}

@test "explain: rules of others for other paths are left out of the text, never of the JSON" {
	mv_ grant user:mvalice read three 2>/dev/null
	mv_ grant user:mvbob read three 2>/dev/null
	mv_ grant user:mvalice read one 2>/dev/null
	run -3 --separate-stderr mv_ explain m1/one --user mvbob
	[ "$(grep -c '^rule' <<<"$output")" = 2 ]
	[ "$stderr" = '1 more rule of others and for other paths: --all shows it' ]
	run -3 --separate-stderr mv_ explain m1/one --user mvbob --all
	[ "$(grep -c '^rule' <<<"$output")" = 3 ]
	[ -z "$stderr" ]
	run -3 mv_ explain m1/one --user mvbob --json
	jq -se 'length == 4 and .[0] == {"kind":"rule","rule":1,"effect":"allow","words":"allow user:mvalice#5001 read three",
		"obstacle":"path differs","detail":"other paths, not m1/one","matches":false}
		and .[2].obstacle == "subject differs"
		and (.[3] | keys_unsorted) == ["kind","verdict","rule","reason","would_help"]' <<<"$output"
}

@test "explain: options that say nothing sensible get a line that helps" {
	while IFS='|' read -r code words hint; do
		eval "run -$code --separate-stderr mv_ explain m1/one $words"
		[ -z "$output" ]
		[[ $stderr == "modelvault: explain: "*"$hint"* ]] || { echo "$words: $stderr"; false; }
	done <<-CASES
		2||whose access? \`explain VAULT PATH --user NAME\`
		2|--user mvbob --exe cat|did you mean --exe $(command -v cat)
		6|--user mvbob --exe /nowhere/cat|there is no such file
		1|--user mvbob --exe $T|directory
		2|--user mvbob --sha256 abc|64 hex digits, or @FILE
		6|--user mvbob --sha256 @/nowhere|No such file
		2|--user mvbob --at whenever|in the vault's time zone (UTC)
		2|--user mvbob --at tomorrow|--at tomorrow: did you mean 2
		2|--user mvbob --userns own|--userns contained is all that can be said
		2|--user mvbob --unit /|a unit's name
		6|--user mvbob --loginuid nobodyhere|there is no user nobodyhere
		6|--user nobodyhere|there is no user nobodyhere
		2|--user mvbob --perm exec|one of read, write and list
	CASES
}

@test "explain: list is what is seen: below a denied directory, on the way in a private vault" {
	says_list() { run "$MODELVAULT" explain "$1" "$2" --user mvbob --perm list; }
	mv_ deny user:mvbob list /m1/deep 2>/dev/null
	says_list "$T/vault" m1/deep/two
	[ "$status" -eq 3 ]
	[[ ${lines[-2]} == 'deny by rule 1 (rule-deny'* ]]
	[ "${lines[-1]}" = 'it would be allowed if: revoke rule 1 (deny user:mvbob#5002 list /m1/deep)' ]
	says_list "$T/vault" m1/one
	[[ $output == *'allow (default-list'* ]]
	"$MODELVAULT" init "$T/private" --new-key-file "$T/private.key" --private 2>/dev/null
	export MODELVAULT_KEY_FILE=$T/private.key
	"$MODELVAULT" import "$T/private" "$T/m1" 2>/dev/null
	says_list "$T/private" m1/deep
	[ "$status" -eq 3 ]
	[[ $output == *'deny (private-list'* ]]
	"$MODELVAULT" grant "$T/private" user:mvbob read two 2>/dev/null
	says_list "$T/private" m1/deep
	[ "$status" -eq 0 ]
	[[ $output == *'allow (on-the-way'* ]]
	says_list "$T/private" m1/deep/two
	[[ $output == *'allow by rule 1 (rule-allow'* ]]
	says_list "$T/private" m1/one
	[[ ${lines[-1]} == "it would be allowed if: grant $T/private user:mvbob list m1/one" ]]
}

@test "explain: who holds no role asks about himself only, and learns nothing of others" {
	root_only "a second user is served by root's server only"
	mv_ grant user:mvalice read one 2>/dev/null
	mv_ grant user:mvbob unit:infer.service read one 2>/dev/null
	mv_ deny user:mvbob list 'other/**' 2>/dev/null
	mounted "$T/vault" "$T/m"
	bob() { as_user mvbob "$MODELVAULT" explain "$T/m" "$@"; }
	run -3 --separate-stderr bob m1/one --user mvbob --all
	[ "$(grep -c '^rule' <<<"$output")" = 2 ]
	[[ $output == *'in infer.service (rule 2)'* && $output != *mvalice* ]]
	[ -z "$stderr" ]
	run -3 bob m1/one --user mvbob --json
	[ "$(jq -rs 'map(.rule | tostring) | join(" ")' <<<"$output")" = '2 3 null' ]
	for others in '--user mvalice' '--user mvbob --loginuid mvalice' '--user mvbob --userns contained'; do
		# shellcheck disable=SC2086  # several words
		run -3 bob m1/one $others
		[[ $output == *'it needs the role admin or auditor' ]]
	done
	# What is hidden from him is not there, in the same words as what is not.
	run -6 bob other/three --user mvbob
	hidden=$output
	run -6 bob other/threx --user mvbob
	[ "${hidden//three/threx}" = "$output" ]
	# An auditor is told.
	mv_ role add auditor user:mvbob 2>/dev/null
	run -3 bob other/three --user mvalice
	run -3 bob m1/one --user mvbob
}

@test "why: what was lacking then, by the rules as they are now" {
	root_only "a second user is served by root's server only"
	mounted "$T/vault" "$T/m"
	why() { as_user mvbob "$MODELVAULT" why "$T/m/m1/one" "$@"; }
	refused as_user mvbob cat "$T/m/m1/one"
	run -0 why
	[[ ${lines[0]} == *' UTC: no-rule: no rule allows it; run by '"$CAT"* ]]
	[ "${lines[1]}" = "it would be allowed if: grant $T/vault user:mvbob read m1/one" ]
	run -6 as_user mvcarol "$MODELVAULT" why "$T/m/m1/one"
	[[ $output == *'no refusal of yours'* ]]
	# Granted since; with another program; at another time; denied.
	mv_ grant user:mvbob read one 2>/dev/null
	run -0 why
	[ "${lines[1]}" = 'it would be allowed now by rule 1' ]
	run -0 why --json
	jq -e '.allowed_now and .reason == "no-rule" and .rule == null and .perm == "read"
		and (.exe | endswith("cat")) and .would_help == []' <<<"$output"
	mv_ revoke 1 2>/dev/null
	mv_ grant user:mvbob "exe:$ENV" read one 2>/dev/null
	run -0 why
	[ "${lines[1]}" = "it would be allowed if: run by $ENV (rule 2); or if: grant $T/vault user:mvbob read m1/one" ]
	refused as_user mvbob cat "$T/m/m1/one"
	run -0 why --json
	jq -e '.reason == "exe-differs" and (.allowed_now | not) and (.would_help | length) == 2' <<<"$output"
	mv_ deny user:mvbob read m1/one 2>/dev/null
	refused as_user mvbob cat "$T/m/m1/one"
	run -0 why
	[[ ${lines[0]} == *' UTC: rule-deny: a rule denies it (rule 3); run by '* ]]
	[[ ${lines[1]} == "it would be allowed if: revoke rule 3 (deny user:mvbob#5002 read m1/one), and run by $ENV (rule 2)"* ]]
	# Rules of others are not named, and what is hidden is not there.
	mv_ grant user:mvalice unit:x.service read one 2>/dev/null
	run -0 why
	[[ $output != *x.service* ]]
	mv_ deny user:mvbob list m1 2>/dev/null
	mv_ deny user:mvbob list 'm1/**' 2>/dev/null
	sleep 1
	run -6 why
	[[ $output == *'m1/one: no such name in this vault'* ]]
	run -6 as_user mvbob "$MODELVAULT" why "$T/m/never/was"
	[[ $output == *'never/was: no such name in this vault'* ]]
}

@test "why: the latest of thousands of records is found at once" {
	root_only "a second user is served by root's server only"
	mv_ grant user:mvbob read two 2>/dev/null
	mounted "$T/vault" "$T/m"
	refused as_user mvbob cat "$T/m/m1/one"
	# shellcheck disable=SC2016  # its own
	as_user mvbob bash -c 'for ((i = 0; i < 3000; i++)); do read -r _ <"$1"; done' - "$T/m/m1/deep/two"
	start=$EPOCHREALTIME
	run -0 as_user mvbob "$MODELVAULT" why "$T/m/m1/one"
	[[ $output == *no-rule* ]]
	took=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
	echo "$took ms"
	[ "$took" -lt 1000 ]
}
