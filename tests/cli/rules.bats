#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The contract of grant, deny, revoke, rules, explain and why: what stands on which stream, exit codes,
# words of the refusal of every mistyped form, shape of the JSON; and usage errors of every command.
load ../lib

setup() {
	common_setup
	mkdir -p "$T/llama/deep" "$T/secret"
	echo 1 >"$T/llama/one"
	echo 2 >"$T/llama/deep/two"
	echo 3 >"$T/secret/three"
	make_vault "$T/vault" 2>/dev/null
	"$MODELVAULT" import "$T/vault" "$T/llama" "$T/secret" 2>/dev/null
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/vault" "$@"; }

@test "grant and deny: the number alone on stdout, the rule in words with its matches on stderr" {
	run -0 --separate-stderr mv_ grant user:mvalice read 'llama/**'
	[ "$output" = 1 ]
	[ "$stderr" = "rule 1 allows user mvalice (5001) to read llama/**; it matches 2 files now" ] ||
		[ "$stderr" = "rule 1 allows user mvalice (5001) to read 'llama/**'; it matches 2 files now" ]
	run -0 --separate-stderr mv_ deny group:mvteam user:5002 read,list three
	[ "$output" = 2 ]
	[[ $stderr == "rule 2 denies "*"mvteam (6001)"*"three; it matches 1 file"* && $stderr == *5002* ]] || { echo "$stderr"; false; }
	run -0 --separate-stderr mv_ grant any list '*.bin'
	[ "$output" = 3 ]
	[[ $stderr == *"matches 0 files now" ]]
	# A number is never given again.
	mv_ revoke 3 2>/dev/null
	[ "$(mv_ grant any list '*.bin' 2>/dev/null)" = 4 ]
}

@test "mistyped rules: exit 2, one line that says what to write instead, nothing granted" {
	while IFS='|' read -r words hint; do
		eval "run -2 --separate-stderr mv_ grant $words"
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "modelvault: grant: "*"$hint"* ]] || { echo "$words: $stderr"; false; }
	done <<-'CASES'
		usr:mvalice read x|did you mean user:mvalice?
		mvalice read x|did you mean user:mvalice?
		user: read x|a name or a number follows
		user:4294967295 read x|between 0 and 4294967294
		user:007 read x|without zeros before it
		any user:mvalice read x|no other subject
		user:mvalice raed x|did you mean read?
		user:mvalice read,exec x|read, write, list
		user:mvalice read,read x|did you mean read?
		user:mvalice read,no x|each once
		user:mvalice READ x|did you mean read?
		user:mvalice x|no permissions before it
		read x|no subject before it
		user:mvalice read x y|in quotes
		user:mvalice read ''|** is everything
		user:mvalice read '[a'|without its ']'
		user:mvalice read ../x|no names in a vault
		user:mvalice read 'a\'|pattern
	CASES
	for name in user:nobodyhere group:nobodyhere; do
		run -6 mv_ grant $name read x
		[[ $output == *"$name: there is no such"*"on this machine"* ]]
	done
	[ -z "$(mv_ rules)" ]
	! mv_ audit --json | jq -e 'select(.action == "grant")'
}

@test "rules: the words of grant, and one object a rule with --json" {
	mv_ grant user:mvalice group:6001 read,list 'a b/**' 2>/dev/null
	mv_ deny any write "it's" 2>/dev/null
	run -0 mv_ rules
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == "1 allow user:mvalice#5001 group:mvteam#6001 read,list 'a b/**'" ]] ||
		[[ ${lines[0]} == "1 allow user:mvalice#5001 group:6001 read,list 'a b/**'" ]]
	[[ ${lines[1]} == "2 deny any write "* ]]
	run -0 mv_ rules list --json
	jq -se 'length == 2 and (map(keys_unsorted[0:4]) | unique == [["rule","effect","perms","pattern"]])
		and .[0].rule == 1 and .[0].effect == "allow" and .[0].perms == "read,list"
		and .[0].pattern == "a b/**" and (.[0].subjects | length) == 2
		and .[0].subjects[0] == "user:mvalice" and .[0].numbers == [5001, 6001]
		and .[1].subjects == ["any"] and .[1].numbers == [null] and .[0].stale == false
		and .[0].created_by == 0 and (.[0].created | test("^[0-9T:-]+\\.[0-9]{9}Z$"))
		and .[1].effect == "deny" and .[1].pattern == "it'"'"'s"' <<<"$output"
	run -2 mv_ rules lst
	[[ $output == *"'lst' is not known"* ]]
}

@test "what rules prints can be granted again as it stands" {
	mv_ grant user:mvalice group:mvteam read,list 'a b/[x-z]*' 2>/dev/null
	mv_ deny user:4242 read "it's \\*" 2>/dev/null
	mv_ rules >"$T/before"
	while read -r number effect rest; do
		verb=grant
		[ "$effect" = allow ] || verb=deny
		eval "mv_ $verb $rest" 2>/dev/null
		mv_ revoke "$number" 2>/dev/null
	done <"$T/before"
	diff <(cut -d' ' -f2- "$T/before") <(mv_ rules | cut -d' ' -f2-)
}

@test "explain: every rule considered, the verdict last, exit 0 or 3, and what enforcement does" {
	mv_ grant user:mvalice read 'llama/**' 2>/dev/null
	mv_ deny user:mvalice read two 2>/dev/null
	run -0 mv_ explain llama/one --user mvalice
	[[ ${lines[-1]} == "allow by rule 1 (rule-allow"* ]]
	run -3 mv_ explain llama/deep/two --user mvalice
	[[ ${lines[-2]} == "deny by rule 2 (rule-deny"* ]]
	[[ ${lines[-1]} == "it would be allowed if: revoke rule 2 (deny user:mvalice#5001 read two)" ]]
	run -3 mv_ explain secret/three --user mvalice
	[[ ${lines[-2]} == "deny (no-rule"* ]]
	[[ ${lines[-1]} == "it would be allowed if: grant $T/vault user:mvalice read secret/three" ]]
	run -0 mv_ explain secret/three --user mvalice --perm list
	run -3 mv_ explain /llama/one --user 5002 --perm read
	run -3 --separate-stderr mv_ explain llama/deep/two --user 5001 --json
	jq -se 'length == 3 and (map(.kind) == ["rule", "rule", "verdict"])
		and .[0].rule == 1 and .[1].rule == 2 and .[1].matches == true
		and (.[2] | del(.would_help)) == {"kind":"verdict","verdict":"deny","rule":2,"reason":"rule-deny"}' <<<"$output"
	run -3 --separate-stderr mv_ explain secret/three --user mvbob --json
	jq -se '.[-1] | del(.would_help) == {"kind":"verdict","verdict":"deny","rule":null,"reason":"no-rule"}' <<<"$output"
	run -6 mv_ explain nowhere --user mvalice
	run -6 mv_ explain llama/one --user nobodyhere
	run -2 mv_ explain llama/one
	run -2 mv_ explain llama/one --user mvalice --perm exec
	run -2 mv_ explain llama/one --user mvalice --perm read,list
	mounted "$T/vault" "$T/m"
	for path in llama/one llama/deep/two secret/three; do
		for user in mvalice mvbob; do
			if mv_ explain $path --user $user >/dev/null; then
				allowed as_user $user cat "$T/m/$path"
			else
				refused as_user $user cat "$T/m/$path"
			fi
		done
	done
	# About himself anybody may ask, about others not.
	run -0 as_user mvalice "$MODELVAULT" explain "$T/m" llama/one --user mvalice
	run -3 as_user mvalice "$MODELVAULT" explain "$T/m" llama/one --user mvbob
	[[ $output == *"role"* ]]
}

@test "explain: of a link, what it leads to decides, as it does for who opens it" {
	ln -s ../llama/one "$T/secret/link"
	ln -s ./link "$T/secret/second"
	ln -s /etc/passwd "$T/secret/absolute"
	ln -s ../../outside "$T/secret/above"
	ln -s nothing "$T/secret/dangling"
	ln -s loop "$T/secret/loop"
	"$MODELVAULT" import "$T/vault" "$T/secret" 2>/dev/null
	mv_ grant user:mvalice read 'secret/**' 2>/dev/null
	run -3 --separate-stderr mv_ explain secret/second --user mvalice
	[ "$stderr" = 'secret/second is a symbolic link; what counts is llama/one' ]
	mv_ grant user:mvbob read 'llama/**' 2>/dev/null
	run -0 mv_ explain secret/link --user mvbob
	run -0 --separate-stderr mv_ explain secret/second --user mvbob --json
	[ "$(jq -rs '.[-1].verdict' <<<"$output")" = allow ]
	run -1 mv_ explain secret/absolute --user mvalice
	[[ $output == *'leads out of the vault'* ]]
	run -1 mv_ explain secret/above --user mvalice
	[[ $output == *'leads out of the vault'* ]]
	run -6 mv_ explain secret/dangling --user mvalice
	run -1 mv_ explain secret/loop --user mvalice
	[[ $output == *'Too many levels'* ]]
}

@test "revoke: in force at once, says what it took and by what the user may still read" {
	mv_ grant user:mvalice read 'llama/**' 2>/dev/null
	mv_ grant user:mvalice read three 2>/dev/null
	mv_ grant group:mvteam read one 2>/dev/null
	mv_ grant user:mvalice user:mvbob read two 2>/dev/null
	mounted "$T/vault" "$T/m"
	allowed as_user mvalice cat "$T/m/secret/three"
	run -6 --separate-stderr mv_ revoke 1 99
	[[ $stderr == *"there is no rule 99; nothing was revoked"* ]]
	[ "$(mv_ rules | wc -l)" -eq 4 ]
	run -2 mv_ revoke
	run -2 mv_ revoke one
	run -2 mv_ revoke 1 --user mvalice
	run -6 mv_ revoke --user nobodyhere
	# Rule 4 names somebody else too: left, said, and not done in full.
	run -1 --separate-stderr mv_ revoke --user mvalice
	[ -z "$output" ]
	[[ $stderr == *"rule 4 names other users too"* ]]
	[[ $stderr == *"mvalice may still read by: rule 3"*"mvalice may still read by: rule 4"* ]]
	[[ $stderr != *"may still read by: rule 1"* ]]
	refused as_user mvalice cat "$T/m/secret/three"
	allowed as_user mvalice cat "$T/m/llama/one"
	[ "$(mv_ rules | cut -d' ' -f1 | xargs)" = "3 4" ]
	run -0 mv_ revoke 3 4
	refused as_user mvalice cat "$T/m/llama/one"
	run -6 mv_ revoke --user mvalice
	[[ $output == *"no rule lets mvalice read anything any more"* ]]
}

@test "why: one's own last refusal there, with the rule and what would have to change" {
	mv_ grant user:mvalice read '**' 2>/dev/null
	mv_ deny user:mvalice read three 2>/dev/null
	mounted "$T/vault" "$T/m"
	refused as_user mvalice cat "$T/m/secret/three"
	refused as_user mvbob cat "$T/m/secret/three"
	run -0 as_user mvalice "$MODELVAULT" why "$T/m/secret/three"
	[[ $output == *"rule-deny"*"(rule 2)"*"revoke rule 2"* ]]
	run -0 as_user mvbob "$MODELVAULT" why "$T/m/secret/three"
	[[ $output == *"no-rule"*"grant"* ]]
	run -0 as_user mvbob "$MODELVAULT" why "$T/m/secret/three" --json
	jq -e '.path == "secret/three" and .reason == "no-rule" and .rule == null and (.remedy | length) > 0' <<<"$output"
	# By a link, as the snapshots of a hub cache are: what was refused is the file that it leads to.
	ln -s "$T/m/secret/three" "$T/link"
	run -0 as_user mvbob "$MODELVAULT" why "$T/link"
	[[ $output == *"no-rule"* ]]
	run -6 as_user mvcarol "$MODELVAULT" why "$T/m/secret/three"
	[[ $output == *"no refusal of yours"* ]]
	run -6 as_user mvalice "$MODELVAULT" why "$T/m/llama/one"
	run -6 "$MODELVAULT" why "$T"
	[[ $output == *"not in a mount"* ]]
}

@test "who holds no role changes and asks nothing" {
	mounted "$T/vault" "$T/m"
	for command in "grant user:mvbob read x" "deny any read x" "revoke 1" rules audit status ls "rm llama/one" \
		verify "key slots"; do
		# shellcheck disable=SC2086  # a command and its words
		set -- $command
		verb=$1
		shift
		run -3 as_user mvbob "$MODELVAULT" "$verb" "$T/m" "$@"
		[[ $output == *"refused: it needs"*"role"* ]]
	done
	[ -z "$(mv_ rules)" ]
	[ "$(mv_ audit --action command --user mvbob --outcome deny --count)" -ge 1 ]
}

@test "usage errors of every command are exit 2, with help on stderr and nothing on stdout" {
	mapfile -t commands < <("$MODELVAULT" help | awk '/^  [a-z]/ { print $1 }')
	[ "${#commands[@]}" -ge 17 ]
	for command in "${commands[@]}"; do
		echo "$command"
		run -2 --separate-stderr "$MODELVAULT" "$command" --no-such-option
		[ -z "$output" ]
		[[ $stderr == *"unknown option '--no-such-option'"* ]]
		run -2 --separate-stderr "$MODELVAULT" "$command" -Z
		case $command in
		help | version | status) ;;
		*)
			run -2 --separate-stderr "$MODELVAULT" "$command"
			[ -z "$output" ]
			[[ $stderr == *"missing"*"usage: modelvault $command"* ]]
			;;
		esac
		case $command in
		# As many operands as one likes.
		import | rm | mv | mkdir | grant | deny | revoke | role | mode | verify | key) ;;
		*)
			run -2 --separate-stderr "$MODELVAULT" "$command" "$T/vault" a b c d e
			[ -z "$output" ]
			[[ $stderr == *"one operand too many"* ]]
			;;
		esac
	done
	run -2 "$MODELVAULT"
	run -2 "$MODELVAULT" grnt "$T/vault"
	[[ $output == *"did you mean 'grant'?"* ]]
	run -2 "$MODELVAULT" audit "$T/vault" --limit
	run -2 "$MODELVAULT" audit "$T/vault" --count=3
	run -2 "$MODELVAULT" init "$T/new"
}
