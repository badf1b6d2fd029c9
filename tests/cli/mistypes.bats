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

@test "grant: words in another order, several where one is meant, and plain English" {
	table <<-CASES
		grant @ role:vision read write x|grant: read: several permissions are one word, with commas: read,write
		grant @ role:vision read, write x|grant: read,: several permissions are one word, with commas: read,write
		grant @ role:vision read and write x|grant: read: several permissions are one word, with commas: read,write
		grant @ role:vision rw x|grant: rw are no permissions: did you mean read,write?
		grant @ role:vision reads x|grant: reads are no permissions: did you mean read?
		grant @ role:vision 'vision/**' read|grant: 'vision/**' stands before read: the permissions come first, then the pattern: read 'vision/**'
		grant @ read role:vision x|grant: role:vision stands behind read: subjects come first, as in user:alice read 'llama/**'
		grant @ role:vision read a b|grant: b is one word too many: behind read stands one pattern; what has blanks or a '*', a --note too, stands in quotes so that the shell leaves it whole
		grant @ role:vision read a --note for us|grant: us is one word too many: behind read stands one pattern; what has blanks or a '*', a --note too, stands in quotes so that the shell leaves it whole
		grant @ 'vision/**' role:vision read|grant: 'vision/**' stands first: subjects, permissions, and the pattern last: role:vision read 'vision/**'
		grant @ role:vision read+list x|grant: read+list are no permissions: did you mean read,list?
		grant @ role:vision perm=read x|grant: perm=read are no permissions: did you mean read?
		grant @ role:vision execute x|grant: execute are no permissions: did you mean read?
		grant @ role:vision except user:mvbob read x|grant: except: an exception is a rule of its own, and deny wins: modelvault deny VAULT user:mvbob read 'PATTERN'
		grant @ role:vision read x except user:mvbob|grant: except: an exception is a rule of its own, and deny wins: modelvault deny VAULT user:mvbob read 'PATTERN'
		grant @ role:vision read x but not mvbob|grant: but: an exception is a rule of its own, and deny wins: modelvault deny VAULT user:NAME read 'PATTERN'
		grant @ role:vision read x until 2127-03-01|grant: until is no word of a rule, but an option: did you mean --until 2127-03-01?
		grant @ role:vision read x on weekdays|grant: on is no word of a rule: which days is an option, --days mon-fri
		grant @ role:vision read x weekdays|grant: weekdays is no word of a rule: which days is an option, --days mon-fri
		grant @ role:vision read x from infer.service|grant: from is no word of a rule: from which service or program is a subject word, unit:NAME or exe:PATH; --from takes a time
		grant @ role:vision read x from 2127-01-01|grant: from is no word of a rule, but an option: did you mean --from 2127-01-01?
		grant @ role:vision read x only|grant: only is no word of a rule: leave it out; nothing is allowed that no rule allows
		grant @ role:vision and user:mvbob read x|grant: and is no word of a rule: subjects stand one behind the other: those of one kind are alternatives, several kinds must all be met
		grant @ team vision reads 'vision/**' on weekdays from the inference service only, except bob, until March|grant: on is no word of a rule: which days is an option, --days mon-fri
		grant @ team vision read 'vision/**'|grant: team is not complete: did you mean role:vision or group:vision, in one word?
		grant @ role vision read 'vision/**'|grant: role is not complete: did you mean role:vision, in one word?
	CASES
	unchanged
}

@test "grant: subjects in the words of others" {
	table <<-CASES
		grant @ role=vision read x|grant: role=vision is no subject: did you mean role:vision?
		grant @ role=vision 'vision/**'|grant: 'vision/**' has no permissions before it: read, write or list
		grant @ unit=infer.service read x|grant: unit=infer.service is no subject: did you mean unit:infer.service?
		grant @ vision read x|grant: vision is no subject: did you mean role:vision?
		grant @ vision|grant: vision is no subject: did you mean role:vision?
		grant @ Vision read x|grant: Vision is no subject: did you mean role:vision?
		grant @ mvalice read x|grant: mvalice is no subject: did you mean user:mvalice?
		grant @ mvteam read x|grant: mvteam is no subject: did you mean group:mvteam?
		grant @ infer.service read x|grant: infer.service is no subject: did you mean unit:infer.service?
		grant @ /bin/true read x|grant: /bin/true is no subject: did you mean exe:/bin/true?
		grant @ User:mvalice read x|grant: User:mvalice is no subject: did you mean user:mvalice?
		grant @ team:vision read x|grant: team:vision: there is a role of that name: did you mean role:vision?
		grant @ role:Vision read x|grant: role:Vision: a role's name is of a-z, 0-9, - and _, at most 32 of them; did you mean role:vision?
		grant @ user:mvalice,mvbob read x|grant: user:mvalice,mvbob: each is a word of its own: user:mvalice user:mvbob
		grant @ role:vision,llama read x|grant: role:vision,llama: each is a word of its own: role:vision role:llama
		grant @ everybody read x|grant: everybody is no subject: did you mean any, which is everybody?
		grant @ everyone read x|grant: everyone is no subject: did you mean any, which is everybody?
		grant @ all read x|grant: all is no subject: did you mean any, which is everybody?
		grant @ '*' read x|grant: '*' is no subject: did you mean any, which is everybody?
		grant @ user:'*' read x|grant: 'user:*' is no subject: did you mean any, which is everybody?
		grant @ any:all read x|grant: any:all is no subject: did you mean any, which is everybody?
		grant @ service:infer.service read x|grant: service:infer.service is no subject: did you mean unit:infer.service?
		grant @ unit:/system.slice/infer.service read x|grant: unit:/system.slice/infer.service: one component of a cgroup's path follows, without '/'; did you mean unit:infer.service?
		grant @ service:infer read x|grant: service:infer is no subject: did you mean unit:infer.service?
		grant @ user: mvalice read x|grant: user: is not complete: did you mean user:mvalice, in one word?
		grant @ unit: infer.service read x|grant: unit: is not complete: did you mean unit:infer.service, in one word?
		grant @ userns read x|grant: userns is not complete: did you mean userns:contained?
		grant @ unit:x.service userns:container read x|grant: userns:container: contained is all that may follow; did you mean userns:contained?
		grant @ sha256sum:@/bin/true read x|grant: sha256sum:@/bin/true is no subject: did you mean sha256:@/bin/true?
		grant @ sha256:/bin/true read x|grant: sha256:/bin/true: 64 lower-case hex digits follow, or @FILE to have FILE hashed; did you mean sha256:@/bin/true?
	CASES
	# There is no such group: what is not there is exit 6, as ever.
	table 6 <<-CASES
		grant @ group:vision read x|grant: group:vision: there is a role of that name: did you mean role:vision?
		grant @ user:Vision read x|grant: user:Vision: there is a role of that name: did you mean role:vision?
		grant @ user:mvteam read x|grant: user:mvteam: there is no such user on this machine; did you mean group:mvteam?
		grant @ group:mvalice read x|grant: group:mvalice: there is no such group on this machine; did you mean user:mvalice?
		grant @ user:MVAlice read x|grant: user:MVAlice: there is no such user on this machine; did you mean user:mvalice?
		grant @ user:mvcaroll read x|grant: user:mvcaroll: there is no such user on this machine; did you mean user:mvcarol?
		role @ add vision user:mvteam|role: user:mvteam: there is no such user on this machine; did you mean group:mvteam?
		grant @ user:no-such-name-at-all read x|grant: user:no-such-name-at-all: there is no such user on this machine; a number is taken as it is
	CASES
	unchanged
}

@test "grant: times and days in other forms" {
	local march
	march=$(($(date -u +%Y) + ($(date -u +%-m) >= 3)))-03-01
	table <<-CASES
		grant @ role:vision read x --until 2127-03-01 18:00|grant: --until 2127-03-01 18:00: day and time are one word; quote it: --until '2127-03-01 18:00'
		grant @ --from 2127-03-01 8:00 role:vision read x|grant: --from 2127-03-01 8:00: day and time are one word; quote it: --from '2127-03-01 8:00'
		grant @ role:vision read x --for 3M|grant: --for 3M: months and years are of no one length: --until takes a day, as in 2027-03-01; --for takes m (minutes), h, d and w
		grant @ role:vision read x --for 2months|grant: --for 2months: months and years are of no one length: --until takes a day, as in 2027-03-01; --for takes m (minutes), h, d and w
		grant @ role:vision read x --until 2127-3-1|grant: --until 2127-3-1: did you mean 2127-03-01?
		grant @ role:vision read x --until 2127/03/01|grant: --until 2127/03/01: did you mean 2127-03-01?
		grant @ role:vision read x --until 01.03.2127|grant: --until 01.03.2127: did you mean 2127-03-01?
		grant @ role:vision read x --until 03/01/2127|grant: --until 03/01/2127: did you mean 2127-01-03 or 2127-03-01?
		grant @ role:vision read x --until March|grant: --until March: did you mean $march?
		grant @ role:vision read x --until 'March 2127'|grant: --until 'March 2127': did you mean 2127-03-01?
		grant @ role:vision read x --days weekdays|grant: --days weekdays: did you mean mon-fri?
		grant @ role:vision read x --days weekday|grant: --days weekday: did you mean mon-fri?
		grant @ role:vision read x --days workdays|grant: --days workdays: did you mean mon-fri?
		grant @ role:vision read x --days weekend|grant: --days weekend: did you mean sat,sun?
		explain @ vision/a.onnx --user mvalice --at 2127-03-01 18:00|explain: --at 2127-03-01 18:00: day and time are one word; quote it: --at '2127-03-01 18:00'
	CASES
	unchanged
}

@test "options that are nearly right, or those of other tools" {
	table <<-CASES
		grant @ role:vision read x --day mon-fri|grant: unknown option '--day'; did you mean --days?
		grant @ role:vision read x --untill 2127-03-01|grant: unknown option '--untill'; did you mean --until?
		grant @ role:vision read x -until 2127-03-01|grant: unknown option '-until'; did you mean --until?
		grant @ role:vision read x --max-byte 1G/day|grant: unknown option '--max-byte'; did you mean --max-bytes?
		grant @ role:vision read x --time 09:00-18:00|grant: unknown option '--time'; did you mean --hours?
		grant @ role:vision read x --expires=2127-03-01|grant: unknown option '--expires=2127-03-01'; did you mean --until?
		grant @ role:vision read x --except user:mvbob|grant: unknown option '--except': an exception is a rule of its own, and deny wins: modelvault deny VAULT user:NAME read 'PATTERN'
		grant @ --user mvalice read x|grant: unknown option '--user': who is a word, not an option: user:NAME
		grant @ --read x|grant: unknown option '--read': permissions are a word before the pattern: read 'PATTERN'
		explain @ vision/a.onnx --user mvalice --time 09:00|explain: unknown option '--time'; did you mean --at?
		explain @ vision/a.onnx --usr mvalice|explain: unknown option '--usr'; did you mean --user?
		init x --privat|init: unknown option '--privat'; did you mean --private?
		init x --time Europe/Berlin|init: unknown option '--time'; did you mean --timezone?
		accept @ --clok|accept: unknown option '--clok'; did you mean --clock?
		rm @ -rf x|rm: unknown option '-rf'; did you mean -r?
		mount @ m -o audit=sync|mount: option 'audit=sync' has a value that cannot be; audit=required, audit=required,sync and audit=best-effort are
	CASES
	unchanged
}

@test "explain, why, who, role and mode: words that are too many, in another order, or of grant" {
	table <<-CASES
		explain @ vision/a.onnx mvalice|explain: 'mvalice' is one operand too many; for a user: --user mvalice
		explain @ vision/a.onnx user:mvalice|explain: 'user:mvalice' is one operand too many; for a user: --user mvalice
		explain @|explain: which path? explain VAULT PATH --user NAME
		explain @ vision/a.onnx --user user:mvalice|explain: --user user:mvalice: here it stands without 'user:': --user mvalice
		explain @ vision/a.onnx --user role:vision|explain: --user role:vision: a user is meant, one of the role; \`modelvault role VAULT list vision\` shows who they are
		explain @ vision/a.onnx --user mvalice --unit unit:infer.service|explain: --unit unit:infer.service: here it stands without 'unit:': --unit infer.service
		explain @ vision/a.onnx --user mvalice --exe exe:/bin/true|explain: --exe exe:/bin/true: here it stands without 'exe:': --exe /bin/true
		revoke @ --user user:mvalice|revoke: --user user:mvalice: here it stands without 'user:': --user mvalice
		audit @ --user role:vision|audit: --user role:vision: a user is meant, one of the role; \`modelvault role VAULT list vision\` shows who they are
		who @|who: which path? who VAULT PATH
		who @ vision/a.onnx mvalice|who: 'mvalice' is one operand too many; who is about everybody, of one user tells \`modelvault explain @ vision/a.onnx --user mvalice\`
		why @|why: @ is a vault, and not mounted here; a path in a mount is meant
		why @ vision/a.onnx|why: 'vision/a.onnx' is one operand too many: it takes a path in a mount, as in why /MOUNTPOINT/vision/a.onnx, and is about your own last refusal there; of others tells \`modelvault explain @ vision/a.onnx --user NAME\`
		role @ vision add user:mvbob|role: add comes before the role: role VAULT add vision ...
		role @ vision|role: what of the role vision? role VAULT list vision, add vision user:NAME, or remove vision user:NAME
		role @ create llama user:mvbob|role: 'create' is not known; did you mean add?
		role @ delete vision user:mvalice|role: 'delete' is not known; did you mean remove?
		mode @ private=yes|mode: did you mean mode VAULT set private=yes?
		mode @ set timezone Europe/Berlin|mode: did you mean mode VAULT set timezone=Europe/Berlin?
		mode @ set private = yes|mode: did you mean mode VAULT set private=yes?
		mode @ set privte=yes|mode: did you mean mode VAULT set private=yes?
		mode @ lern user:mvbob x --for 1h|mode: 'lern' is not known; did you mean learn?
	CASES
	unchanged
}

@test "explain --exe: a name is that of the system's program, not of a script in front of it" {
	local real
	mkdir shims
	printf '#!/bin/sh\nexec sleep "$@"\n' >shims/sleep
	chmod 755 shims/sleep
	real=/usr/bin/sleep
	[ -x $real ] || real=/bin/sleep
	PATH=$F/shims:$PATH run -2 mv_at explain @ vision/a.onnx --user mvalice --exe sleep
	[ "$output" = "modelvault: explain: --exe sleep is no absolute path; did you mean --exe $real" ]
}

@test "grant and deny: a path below a mount point of the vault gets the right spelling" {
	mkdir m
	"$MODELVAULT" mount vault m 2>/dev/null
	table <<-CASES
		grant @ role:vision read '$F/m/vision/**'|grant: '$F/m/vision/**' is a path below the mount point $F/m; in the vault it is 'vision/**': give that
		grant @ role:vision read $F/m/vision|grant: $F/m/vision is a path below the mount point $F/m; in the vault it is 'vision/**': give that
		grant @ role:vision read $F/m/vision/a.onnx|grant: $F/m/vision/a.onnx is a path below the mount point $F/m; in the vault it is vision/a.onnx: give that
		deny @ role:vision read $F/m|deny: $F/m is a path below the mount point $F/m; in the vault it is '**': give that
		deny @ role:vision read '$F/m/*.onnx'|deny: '$F/m/*.onnx' is a path below the mount point $F/m; in the vault it is '/*.onnx': give that
		mode @ learn user:mvbob '$F/m/vision/**' --for 1h|mode learn: '$F/m/vision/**' is a path below the mount point $F/m; in the vault it is 'vision/**': give that
		why @|why: @ is a vault; a path in its mount is meant, as in why $F/m/NAME
	CASES
	# Elsewhere, and without a mount, it is a pattern of the vault's own.
	run -0 mv_at grant @ role:vision read "$F/vision" --dry-run
	"$MODELVAULT" umount m
	run -0 mv_at grant @ role:vision read "$F/m/vision" --dry-run
	unchanged
}

@test "a file of rules: lines as rules list shows them, and as commands stand in a shell" {
	printf '%s\n' '1 allow any read x' 'modelvault grant @ any read x' 'grant @ any read x' >pasted
	run -2 --separate-stderr mv_at rules @ import pasted
	[ "$stderr" = "modelvault: pasted:1: 1 is a rule's number, as \`rules list\` shows it: take it off; \`rules export\` writes lines that can be read again
modelvault: pasted:2: modelvault begins no rule: take it off, and the vault behind the command: grant user:alice read 'llama/**'
modelvault: pasted:3: @ is a vault, which a line does not name: take it off
modelvault: rules import: nothing was changed" ]
	unchanged
}

@test "dry runs: the totals are there when nothing changes; what is learned is said once" {
	run -0 --separate-stderr mv_at rules @ import /dev/null --dry-run --json
	[ "$output" = '{"kind":"total","gain":0,"lose":0,"end":0,"whole":true,"refused":null}' ]
	run -0 mv_at mode @ learn user:mvbob 'vision/**' --for 1h --dry-run
	[[ ${lines[0]} == "would make: a rule that learns from and allows user mvbob (5002) to read 'vision/**' until "* ]]
	unchanged
}

@test "grant unit: a remark when nothing of that name runs now, with the one that does" {
	local cgroup=/sys/fs/cgroup/systemd/mvmistype.$$
	run -0 --separate-stderr mv_at grant @ unit:mvnothing.service read x --dry-run
	[ "$stderr" = "unit:mvnothing.service: no unit of this name runs here now" ]
	[ -d /sys/fs/cgroup/systemd ] || cgroup=/sys/fs/cgroup/mvmistype.$$
	mkdir -p "$cgroup/mvinfer.service"
	run -0 --separate-stderr mv_at grant @ unit:mvinfer read x --dry-run
	[ "$stderr" = "unit:mvinfer: no unit of this name runs here now; did you mean unit:mvinfer.service?" ]
	run -0 --separate-stderr mv_at grant @ unit:mvinfr.service read x --dry-run
	[[ $stderr == *"did you mean unit:mvinfer.service?" ]]
	run -0 --separate-stderr mv_at grant @ unit:'mvinf*' read x --dry-run
	rmdir "$cgroup/mvinfer.service" "$cgroup"
	[ -z "$stderr" ]
	unchanged
}

@test "explain, who and ls: a path that is not there, with the one that was perhaps meant" {
	table 6 <<-CASES
		explain @ vision/a.onx --user mvalice|vision/a.onx: no such name in this vault; did you mean vision/a.onnx?
		explain @ visoin/a.onx --user mvalice|visoin/a.onx: no such name in this vault; did you mean vision/a.onnx?
		explain @ ./vision/a.onnx --user mvalice|./vision/a.onnx: no such name in this vault; did you mean vision/a.onnx?
		explain @ mnt/vision/a.onnx --user mvalice|mnt/vision/a.onnx: no such name in this vault; did you mean vision/a.onnx?
		explain @ \$F/vault/vision/a.onnx --user mvalice|$F/vault/vision/a.onnx: no such name in this vault; did you mean vision/a.onnx?
		who @ Vision|Vision: no such name in this vault; did you mean vision?
		ls @ visio|visio: no such name in this vault; did you mean vision?
		explain @ 'vision/*' --user mvalice|vision/*: no such name in this vault; \`modelvault ls $F/vault\` shows what is there
		who @ other|other: no such name in this vault; \`modelvault ls $F/vault\` shows what is there
	CASES
	unchanged
}

@test "grant: patterns that are none, with the one that was meant" {
	table <<-CASES
		grant @ role:vision read vision/|grant: vision/ is no pattern: a '/' at the end: write DIR/** for a directory and all beneath; did you mean 'vision/**'?
		grant @ role:vision read './vision/**'|grant: './vision/**' is no pattern: '.' and '..' are no names in a vault; did you mean 'vision/**'?
		grant @ role:vision read 'vision//**'|grant: 'vision//**' is no pattern: an empty name between two slashes; did you mean 'vision/**'?
		grant @ role:vision read 'vision**'|grant: 'vision**' is no pattern: '**' stands alone between slashes: not a**b but a*/**/*b; did you mean 'vision/**'?
		grant @ role:vision read 'vision/**.onnx'|grant: 'vision/**.onnx' is no pattern: '**' stands alone between slashes: not a**b but a*/**/*b; did you mean 'vision/**/*.onnx'?
		grant @ role:vision read 'a/**,b/**'|grant: 'a/**,b/**' is no pattern: '**' stands alone between slashes: not a**b but a*/**/*b; one pattern a rule
		grant @ role:vision read '../vision/**'|grant: '../vision/**' is no pattern: '.' and '..' are no names in a vault
		grant @ role:vision read /|grant: / is no pattern: '/' alone is no pattern: ** is everything
	CASES
	unchanged
}

@test "commands, and words of rules, revoke, why and explain, that are another's or mistyped" {
	table <<-CASES
		allow @ role:vision read x|there is no command 'allow'; did you mean 'grant'?
		Grant @ role:vision read x|there is no command 'Grant'; did you mean 'grant'?
		forbid @ role:vision read x|there is no command 'forbid'; did you mean 'deny'?
		explains @ vision|there is no command 'explains'; did you mean 'explain'?
		rule @|there is no command 'rule'; did you mean 'rules'?
		modes @|there is no command 'modes'; did you mean 'mode'?
		@ grant role:vision read x|there is no command '@': the command comes first: modelvault grant @ ...
		--days mon-fri grant @ role:vision read x|there is no command '--days': the command comes first, options anywhere behind it; \`modelvault help\` lists them
		rules @ imports f|rules: 'imports' is not known; did you mean import?
		rules @ show|rules: 'show' is not known; did you mean list?
		rules @ grant role:vision read x|rules: 'grant' is a command of its own: modelvault grant @ ...
		rules @ delete 1|rules: 'delete' is a command of its own: modelvault revoke @ ...
		revoke @ '#1'|revoke: '#1' is no rule number; did you mean 1?
		revoke @ 1,2|revoke: '1,2' is no rule number; did you mean 1 2?
		revoke @ rule:1|revoke: 'rule:1' is no rule number; did you mean 1?
		revoke @ "user:mvalice read x"|revoke: 'user:mvalice read x' is no rule number; \`modelvault rules $F/vault\` lists them, --user NAME takes all of a user's
		revoke @ user:mvalice|revoke: 'user:mvalice' is no rule number; for all of a user's: --user mvalice
		grant @ role:vision read x --hours 09:00 - 17:00|grant: --hours 09:00 -: the value is one word without blanks, as in --hours 09:00-18:00
		grant @ role:vision read x --days mon - fri|grant: --days mon -: the value is one word without blanks, as in --days mon-fri
		grant @ role:vision read x --max-opens 20 per day|grant: --max-opens 20 per: the value is one word without blanks, as in --max-opens 20/day
		grant @ role:vision --perm read x|grant: unknown option '--perm': permissions are a word before the pattern: read 'PATTERN'
		explain @ vision/a.onnx unit:infer.service --user mvalice|explain: 'unit:infer.service' is one operand too many: did you mean --unit infer.service?
		explain @ vision/a.onnx read --user mvalice|explain: 'read' is one operand too many: did you mean --perm read?
		explain @ vision/a.onnx --user mvalice --at 1.3.2127|explain: --at 1.3.2127: did you mean 2127-03-01?
		explain @ vision/a.onnx --user mvalice --at 'some day'|explain: --at some day: a time is 2027-03-01, '2027-03-01 18:00' in the vault's time zone (UTC), or RFC 3339
	CASES
	table 6 <<-CASES
		revoke @ 7|revoke: there is no rule 7; nothing was revoked; \`modelvault rules $F/vault\` lists them
		why vision/a.onnx|why: vision/a.onnx is not in a mount of a vault; give the path that was refused, as in why /MOUNTPOINT/NAME
		grant @ role:mvteam read x|grant: there is no role mvteam; did you mean group:mvteam? \`modelvault role $F/vault add mvteam user:NAME\` makes it
	CASES
	unchanged
}
