#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# mode: what it shows, the words it takes, and that every setting is on record before it holds.
load ../lib

setup() {
	common_setup
	make_vault "$T/vault" --timezone UTC 2>/dev/null
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/vault" "$@"; }

@test "mode: shown in words and as one object" {
	run -0 --separate-stderr "$MODELVAULT" mode "$T/vault"
	[ "${lines[0]}" = "mode      enforce" ]
	[ "${lines[1]}" = "audit     required" ]
	run -0 --separate-stderr mv_ mode --json
	jq -se 'length == 1 and .[0] == {"mode":"enforce","learning":[],"audit":"required",
		"audit_in_force":"required","timezone":"UTC","private":false,"clock":"trusted"}' <<<"$output"
	run -0 --separate-stderr mv_ mode learn user:mvalice exe:/usr/bin/cat 'llama/**' --for 2h --note 'first look'
	[ "$output" = 1 ]
	[[ ${stderr_lines[0]} == "rule 1 learns from and allows user mvalice (5001) "*"to read 'llama/**' until "* ]]
	run -0 mv_ mode --json
	jq -e '.mode == "learn" and .learning == [1]' <<<"$output"
	run -0 mv_ rules list --json
	jq -e '.effect == "learn" and .perms == "read" and .note == "first look" and .until != null' <<<"$output"
	run -0 --separate-stderr mv_ mode enforce
	[[ $stderr == "1 learn rule ended; 0 open handles ended" ]]
	[ -z "$(mv_ rules)" ]
	run -0 --separate-stderr mv_ mode enforce
	[[ $stderr == "nothing is being learned" ]]
	mv_ audit --json --action mode | jq -se 'length == 4 and (map(.detail | split(" ")[0]) == ["intent","done","intent","done"])'
}

@test "mode: words that are none, and learning that would be too much" {
	while IFS='|' read -r words hint; do
		eval "run -2 --separate-stderr mv_ mode $words"
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "modelvault: mode"*"$hint"* ]] || { echo "$words: $stderr"; false; }
	done <<-'CASES'
		lern|'lern' is not known; did you mean learn?
		enforce x|mode VAULT enforce
		learn|learn SUBJECT
		learn user:mvalice x|--for 8h
		learn user:mvalice x --for 8d|7 days at most
		learn any x --for 1h|learning is for somebody
		learn user:mvalice read,list x --for 1h|reading is all that is learned
		learn user:mvalice '[a' --for 1h|without its ']'
		learn user:mvalice x --for 1|1m, 1h, 1d or 1w
		enforce --for 1h|--for does not go with that
		set|set audit=LEVEL
		set audit|is no setting with a value
		set colour=red|is no setting with a value
		set audit=sometimes|best-effort, required or required,sync
		set timezone=Middle/Earth|not known on this machine
		set timezone=../../etc/passwd|not known on this machine
		set private=maybe|yes or no
	CASES
	[ -z "$(mv_ rules)" ]
	! mv_ audit --json --action mode | grep -q .
}

@test "mode set: stored, sealed, on record between intent and done" {
	run -0 mv_ mode set audit=required,sync
	run -0 mv_ mode set timezone=Europe/Berlin
	run -0 mv_ mode set private=yes
	run -0 mv_ mode --json
	jq -e '.audit == "required,sync" and .audit_in_force == "required,sync"
		and .timezone == "Europe/Berlin" and .private' <<<"$output"
	mv_ rules import - <<<"deny any read x --until '2030-07-01 12:00'"
	mv_ rules export | grep -F 'until 2030-07-01T10:00:00Z'
	run -0 mv_ mode set audit=best-effort
	run -0 mv_ mode set private=no
	run -0 mv_ mode --json
	jq -e '.audit == "best-effort" and (.private | not)' <<<"$output"
	mv_ audit --json --action mode | jq -se '[.[].detail | sub(" epoch [0-9]+"; "")] == [
		"intent: set audit=required,sync", "done: set audit=required,sync",
		"intent: set timezone=Europe/Berlin", "done: set timezone=Europe/Berlin",
		"intent: set private=yes", "done: set private=yes",
		"intent: set audit=best-effort", "done: set audit=best-effort",
		"intent: set private=no", "done: set private=no"]'
}
