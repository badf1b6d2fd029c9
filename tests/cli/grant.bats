#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What grant and deny take beside who, what and which: times and budgets, programs, roles; every slip
# of the hand with the line that helps; and --dry-run of all that changes rules.
load ../lib

setup() {
	common_setup
	mkdir -p vision llama
	echo 1 >vision/a.onnx
	echo 2 >vision/b.onnx
	echo 3 >llama/c
	ln vision/b.onnx llama/b
	make_vault v 2>/dev/null
	"$MODELVAULT" import v vision llama 2>/dev/null
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/v" "$@"; }
# nothing_changed: no rule, and no record of one.
nothing_changed() {
	[ -z "$(mv_ rules)" ]
	[ "$(mv_ audit --action grant --count)" = 0 ]
	[ "$(mv_ audit --action deny --count)" = 0 ]
}

@test "grant: every condition is stored, in one order, and said in full words with absolute times" {
	run -0 --separate-stderr mv_ grant --note "for the paper" user:mvalice --days mon-fri read 'vision/**' \
		--max-bytes 200G/day --until 2127-03-01 --max-opens 5/day --hours 09:00-18:00 --from '2127-01-01 08:00'
	[ "$output" = 1 ]
	[ "$stderr" = "rule 1 allows user mvalice (5001) to read 'vision/**' from 2127-01-01 08:00 UTC until \
2127-03-01 00:00 UTC, between 09:00 and 18:00 (UTC), mon-fri, at most 5 opens a day for each user, at most 200G a \
day for each user (note: 'for the paper'); it matches 2 files now" ]
	[ "$(mv_ rules | sed 's/  # .*//')" = "1 allow user:mvalice#5001 read 'vision/**' --from 2127-01-01T08:00:00Z --until \
2127-03-01T00:00:00Z --hours 09:00-18:00 --days mon-fri --max-opens 5/day --max-bytes 200G/day --note 'for the paper'" ]
	# A duration becomes the time at which it ends.
	run -0 --separate-stderr mv_ grant any read x --for 8h
	local end
	end=$(mv_ rules | sed -n 's/^2 .* --until \([^ ]*\).*/\1/p')
	(($(date -d "$end" +%s) - $(date +%s) <= 8 * 3600 + 1 && $(date -d "$end" +%s) - $(date +%s) > 8 * 3600 - 60))
	# A deny has times too.
	mv_ deny any read x --hours 22:00-06:00 --days fri-mon 2>/dev/null
	[[ $(mv_ rules | tail -n1) == "3 deny any read x --hours 22:00-06:00 --days "* ]]
}

@test "grant: a mistyped condition is exit 2, with the line that helps, and nothing is granted" {
	while IFS='|' read -r words line; do
		eval "run -2 --separate-stderr mv_ grant any $words"
		[ -z "$output" ]
		[ "$stderr" = "modelvault: grant: $line" ] || { echo "$words: $stderr"; false; }
	done <<-'CASES'
		read x --until 8h|--until 8h: that is a duration, which --for takes; a time is 2027-03-01, '2027-03-01 18:00' or 2027-03-01T18:00:00Z
		read x --until 2027-02-30|--until 2027-02-30: there is no day 2027-02-30; that month ends with 2027-02-28
		read x --for 2127-01-01|--for 2127-01-01: that is a time, which --until takes
		read x --for 8|--for 8: 8 of what? 8m, 8h, 8d or 8w
		read x --for 8hours|--for 8hours: did you mean 8h?
		read x --for 8h --until 2127-01-01|--for 8h: an end is set already: --until or --for, one of them, once
		read x --hours 9-18|--hours 9-18: did you mean 09:00-18:00?
		read x --hours 09:00-09:00|--hours 09:00-09:00: begins and ends at the same minute; without --hours it is the whole day
		read x --days monday-friday|--days monday-friday: did you mean mon-fri?
		read x --max-opens 5|--max-opens 5: in what time? 5/hour, 5/day or 5/week
		read x --max-bytes 200GB/day|--max-bytes 200GB/day: did you mean 200G/day?
		read x --note ''|--note '': the note is empty
		write x --max-opens 5/day|--max-opens counts what is read: it stands with a rule that allows read
		read x --until 2020-01-01|--until 2020-01-01 00:00 UTC is over already
		read x --from 2127-01-02 --until 2127-01-01|--until 2127-01-01 00:00 UTC is not after --from 2127-01-02 00:00 UTC
		read x --json|--json goes with --dry-run
	CASES
	run -2 mv_ grant any read x --until "$(date -u +%F)"
	[[ $output == *" is over already, when that day began: did you mean --until $(date -u -d tomorrow +%F)?" ]]
	run -2 mv_ deny any read x --max-bytes 1G/day
	[[ $output == "modelvault: deny: --max-bytes counts what is read: it stands with a rule that allows read" ]]
	run -2 mv_ grant any read x --untl 2127-01-01
	[[ $output == *"unknown option '--untl'"* ]]
	run -2 mv_ grant any read x --hours 09:00-18:00 --hours 10:00-11:00
	nothing_changed
}

@test "grant exe: a program that is there and root's alone; else the line that helps" {
	run -6 --separate-stderr mv_ grant exe:/usr/bin/nothing-here read x
	[ "$stderr" = "modelvault: grant: exe:/usr/bin/nothing-here: there is no such program on this machine; give its path here" ]
	mkdir -m 755 bin
	cp /bin/true bin/mine
	run -1 --separate-stderr mv_ grant "exe:$T/bin/mine" read x
	[ "$stderr" = "modelvault: grant: exe:$T/bin/mine: others than root can change /tmp, and so what runs there; \
sha256:@$T/bin/mine allows what it contains now" ]
	run -1 mv_ grant exe:/usr/bin read x
	[[ $output == *"no regular file"* ]]
	run -2 mv_ grant exe:true read x
	nothing_changed
	# A deny by it is made, with a remark.
	run -0 --separate-stderr mv_ deny "exe:$T/bin/mine" read x
	[ "$output" = 1 ]
	[[ ${stderr_lines[0]} == "exe:$T/bin/mine: others than root can change /tmp: who can may run the same program"* ]]
	run -6 mv_ deny exe:/usr/bin/nothing-here read x
	# What runs whatever it is told is remarked on; what does not is not.
	run -0 --separate-stderr mv_ grant exe:/bin/sh read x
	[[ ${stderr_lines[0]} == "exe:/bin/sh runs what it is told:"* ]]
	run -0 --separate-stderr mv_ grant exe:/bin/true read x
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "grant sha256:@FILE: the client hashes its own file" {
	local hash
	hash=$(sha256sum <"$MODELVAULT" | cut -d' ' -f1)
	run -0 --separate-stderr mv_ grant "sha256:@$MODELVAULT" user:mvalice read x
	[ "$(mv_ rules)" = "1 allow sha256:$hash user:mvalice#5001 read x" ]
	mounted v m 2>/dev/null
	echo mine >own
	chmod 600 own
	"$MODELVAULT" deny m sha256:@own read y 2>/dev/null
	[[ $(mv_ rules) == *"2 deny sha256:$(sha256sum <own | cut -d' ' -f1) read y" ]]
	run -6 --separate-stderr "$MODELVAULT" grant m sha256:@absent read x
	[ "$stderr" = "modelvault: grant: sha256:@absent: No such file or directory" ]
	run -1 "$MODELVAULT" grant m sha256:@/bin read x
	run -2 "$MODELVAULT" grant m sha256:@ read x
	mkfifo pipe
	run -1 timeout 10 "$MODELVAULT" grant m sha256:@pipe read x
	[[ $output == *"no regular file"* ]]
	# A pattern of that form is a pattern.
	run -0 --separate-stderr "$MODELVAULT" grant m any read sha256:@own
	[[ $(mv_ rules) == *"3 allow any read sha256:@own" ]]
	[ "$(mv_ rules | wc -l)" = 3 ]
}

@test "grant role: one that has members; else the line that helps" {
	mv_ role add vision user:mvalice 2>/dev/null
	run -6 --separate-stderr mv_ grant role:visoin read x
	[ "$stderr" = "modelvault: grant: there is no role visoin; did you mean vision? \`modelvault role $T/v add visoin user:NAME\` makes it" ]
	run -6 --separate-stderr mv_ deny role:llama read x
	[ "$stderr" = "modelvault: deny: there is no role llama; \`modelvault role $T/v add llama user:NAME\` makes it" ]
	nothing_changed
	run -0 --separate-stderr mv_ grant role:vision read x
	[ "$stderr" = "rule 1 allows role vision to read x; it matches 0 files now" ]
	run -0 mv_ grant role:admin read x
}

@test "dry runs of grant, deny and revoke: who would gain and lose what, and nothing is changed" {
	run -0 --separate-stderr mv_ grant group:mvteam read 'vision/**' --dry-run
	# b.onnx has a second name, which the rule does not match.
	[ "$output" = "would grant: a rule that allows group mvteam (6001) to read 'vision/**'
would gain: user mvalice (5001): read 1 file, as vision/a.onnx
would gain: user mvcarol (5003): read 1 file, as vision/a.onnx
nothing was changed: 2 users would gain, 0 would lose, 0 open handles would end" ]
	[ -z "$stderr" ]
	run -0 mv_ grant user:mvbob exe:/bin/true unit:a.service read a.onnx --hours 09:00-18:00 --for 1d --max-opens 1/day --dry-run
	[ "${lines[1]}" = "would gain: user mvbob (5002): read 1 file, as vision/a.onnx (with its program, unit, hours, dates, budget)" ]
	nothing_changed
	mv_ grant user:mvbob user:4242 read '**' 2>/dev/null
	mv_ grant group:mvteam read llama/c 2>/dev/null
	run -0 mv_ deny any read '*.onnx' --dry-run
	[ "$output" = "would deny: a rule that denies everybody to read '*.onnx'
would lose: user 4242: read 2 files, as vision/a.onnx
would lose: user mvbob (5002): read 2 files, as vision/a.onnx
nothing was changed: 0 users would gain, 2 would lose, 0 open handles would end" ]
	run -0 --separate-stderr mv_ revoke 1 --dry-run --json
	jq -se 'map(.kind) == ["rule", "loss", "loss", "total"]
		and .[0].change == "remove" and .[0].rule == 1 and .[0].effect == "allow"
		and .[1] == {kind: "loss", user: null, uid: 4242, perm: "read", files: 3, path: "llama/b", with: []}
		and .[2].user == "mvbob" and .[3] == {kind: "total", gain: 0, lose: 2, end: 0, whole: true, refused: null}' <<<"$output"
	# Covered by another rule already.
	run -0 mv_ grant user:mvbob read 'vision/**' --dry-run
	[ "${lines[1]}" = "nothing was changed: 0 users would gain, 0 would lose, 0 open handles would end" ]
	run -0 mv_ grant any read '**' --dry-run --json
	jq -se 'any(.kind == "gain" and .user == null and .uid == null) and any(.kind == "gain" and .user == "root")
		and all(.kind != "gain" or .user != "mvbob")' <<<"$output"
	# The exceptions of a deny, and names that are hidden.
	run -0 mv_ deny user:mvbob list 'llama/**' --dry-run
	[ "${lines[1]}" = "would lose: user mvbob (5002): list 2 files, as llama/b" ]
	[ "$(mv_ rules | wc -l)" = 2 ]
	[ "$(mv_ audit --action deny --count)" = 0 ]
	[ "$(mv_ audit --action revoke --count)" = 0 ]
	run -2 mv_ revoke 1 --json
}

@test "dry runs of list: a directory that is denied hides what is below it" {
	sees() { mv_ explain "$1" --user mvbob --perm list >/dev/null; }
	# One file has a name elsewhere.
	run -0 mv_ deny user:mvbob list llama --dry-run
	[ "${lines[1]}" = "would lose: user mvbob (5002): list 1 file, as llama/c" ]
	mv_ deny user:mvbob list llama 2>/dev/null
	sees llama/b
	run ! sees llama/c
	run -0 mv_ deny user:mvbob list /vision --hours 09:00-18:00 --dry-run
	[ "${lines[1]}" = "would lose: user mvbob (5002): list 2 files, as vision/a.onnx (with its hours)" ]
	run -0 mv_ deny user:mvbob list vision --dry-run
	[ "${lines[1]}" = "would lose: user mvbob (5002): list 2 files, as vision/a.onnx" ]
	mv_ deny user:mvbob list vision 2>/dev/null
	run ! sees vision/b.onnx
	run -0 mv_ deny user:mvbob list '*.onnx' --dry-run
	[ "${lines[1]}" = "nothing was changed: 0 users would gain, 0 would lose, 0 open handles would end" ]
	run -0 mv_ revoke 1 --dry-run
	[ "${lines[1]}" = "would gain: user mvbob (5002): list 2 files, as llama/b" ]
}

@test "dry runs: some names of a file by allow and others by learn is no access" {
	local nothing="nothing was changed: 0 users would gain, 0 would lose, 0 open handles would end"
	mv_ grant user:mvbob unit:a.service read '**' 2>/dev/null
	run -0 mv_ mode learn user:mvbob llama/b --for 1h --dry-run
	[ "${lines[1]}" = "$nothing" ]
	mv_ revoke 1 2>/dev/null
	mv_ mode learn user:mvbob llama/b --for 1h 2>/dev/null
	run -0 mv_ grant user:mvbob read vision/b.onnx --dry-run
	[ "${lines[1]}" = "$nothing" ]
	mv_ grant user:mvbob read vision/b.onnx 2>/dev/null
	run -0 mv_ revoke 3 --dry-run
	[ "${lines[1]}" = "$nothing" ]
	# What one of the two gives for every name counts, whatever the other gives for some.
	run -0 mv_ grant user:mvbob read llama/b --dry-run
	[ "${lines[1]}" = "would gain: user mvbob (5002): read 1 file, as llama/b" ]
	run -0 mv_ mode learn user:mvbob vision/b.onnx --for 1h --dry-run
	[[ ${lines[1]} == "would gain: user mvbob (5002): read 1 file, as vision/b.onnx (with its "* ]]
	mv_ mode learn user:mvbob vision/b.onnx --for 1h 2>/dev/null
	run -0 mv_ revoke 3 --dry-run
	[ "${lines[1]}" = "$nothing" ]
	run -0 mv_ revoke 2 --dry-run
	[[ ${lines[1]} == "would lose: user mvbob (5002): read 1 file, as llama/b (with its "* ]]
}

@test "revoke --user: by a login too, and what is left, with the role it is by" {
	"$MODELVAULT" role v add vision user:mvalice 2>/dev/null
	mv_ grant loginuid:mvalice read llama/c 2>/dev/null
	mv_ grant role:vision read 'vision/**' --max-opens 5/day 2>/dev/null
	mv_ grant user:mvalice read x --until 2127-01-01 2>/dev/null
	run -0 --separate-stderr mv_ revoke --user mvalice
	[ "$(mv_ rules)" = "2 allow role:vision read 'vision/**' --max-opens 5/day" ]
	[ "${stderr_lines[-1]}" = "mvalice may still read by: rule 2 allows role vision to read 'vision/**' at most 5 opens a day for each user (as one of vision)" ]
}

# said WORDS LINE: the command is done, and that is one of its lines. said_only: all of them.
said() {
	eval "run -0 --separate-stderr mv_ $1"
	[[ $'\n'$stderr$'\n' == *$'\n'"$2"$'\n'* ]] || { echo "$1: $stderr"; return 1; }
}
said_only() { said "$@" && [ "$stderr" = "$2" ]; }

@test "grant and deny: a pattern that matches nothing, or less than it seems to, gets a line with the right one" {
	mkdir -p vision/deep/er
	echo 5 >vision/deep/er/e.onnx
	"$MODELVAULT" import v vision 2>/dev/null
	said "deny user:mvbob read vision" "vision is a directory: did you mean 'vision/**', which is what is in it?"
	said "deny user:mvbob read vision --dry-run" \
		"vision is a directory: did you mean 'vision/**', which is what is in it?"
	said "grant user:mvbob read Vision" "no file matches Vision: did you mean 'vision/**'?"
	said "grant user:mvbob read 'visoin/**'" "no file matches 'visoin/**': did you mean 'vision/**'?"
	said "grant user:mvbob read vision/a.onx" "no file matches vision/a.onx: did you mean vision/a.onnx?"
	said "grant user:mvbob read 'models/vision/**'" "no file matches 'models/vision/**': did you mean 'vision/**'?"
	said "grant user:mvbob read '$T/v/vision/**'" "no file matches '$T/v/vision/**': did you mean 'vision/**'?"
	said "grant user:mvbob read ' llama/**'" "no file matches ' llama/**': did you mean 'llama/**'?"
	said "grant user:mvbob read 'er/**'" "no file matches 'er/**': did you mean '**/er/**'?"
	said "deny user:mvbob read 'vision/{a,b}.onnx'" \
		"no file matches 'vision/{a,b}.onnx': '{' and ',' stand for themselves in a pattern: make a rule of each"
	said "deny user:mvbob read 'vision/*'" "it does not match 1 file deeper down: 'vision/**' does"
	said "deny user:mvcarol read '*'" "'*' is every name at any depth; '/*' is those at the root alone"
	# Nothing of the kind is there: nothing is guessed. And what matches is told as before.
	said_only "deny user:mvbob read nothing/like/it" \
		"rule 12 denies user mvbob (5002) to read nothing/like/it; it matches 0 files now"
	said_only "deny user:mvbob read 'llama/*'" "rule 13 denies user mvbob (5002) to read 'llama/*'; it matches 2 files now"
	run -0 --separate-stderr mv_ mode learn user:mvalice llama --for 1d
	[[ $stderr == *"llama is a directory: did you mean 'llama/**', which is what is in it?"* ]]
}

@test "grant and deny: a rule that does nothing, or more than it seems to, says so at once" {
	mv_ deny user:mvbob read 'vision/**' 2>/dev/null
	said "grant user:mvbob read vision/a.onnx --days mon-fri" "it does nothing: rule 1 denies all of it"
	said "deny user:mvbob read vision/a.onnx" "it does nothing: rule 1 denies all of it already"
	said_only "grant user:mvalice read 'vision/**' --days mon-fri" \
		"rule 4 allows user mvalice (5001) to read 'vision/**' mon-fri (UTC); it matches 2 files now"
	said "grant user:mvalice read 'vision/**' --days mon-fri --note again" \
		"it does nothing: rule 4 allows all of it already"
	said "grant user:mvcarol unit:'*' read llama/c" "unit:'*' is every process: name the unit"
	said "grant user:mvcarol write llama/c" "mounts are read-only in this version: write changes nothing yet"
	said "grant user:mvcarol read 'llama/**' --max-bytes 1/day" \
		"2 of these files are larger than all of --max-bytes, 1 bytes, and not to be read by it"
	said_only "grant user:mvcarol read 'llama/**' --max-bytes 2/day" \
		"rule 9 allows user mvcarol (5003) to read 'llama/**' at most 2 bytes a day for each user; it matches 2 files now"
}
