#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Learning, and changes of all rules or settings at once, while they are mounted: a learn rule lets in
# whom no rule lets in, says so on record, and ends; what is changed holds at once.
load ../lib

setup() {
	common_setup
	make_vault "$T/v" 2>"$T/said"
	mkdir -p llama/sub other
	for i in 1 2 3 4; do random_file "llama/$i" 5000; done
	random_file other/x 100000
	random_file other/y 100000
	"$MODELVAULT" import v llama other 2>>said
	mounted v m 2>>said
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/v" "$@"; }

# reads_on FILE: mvalice opens it and reads until he is refused, and returns once he has.
reads_on() {
	as_user mvalice python3 - "$1" 3>&- <<-'READS' &
		import os, sys, time
		fd = os.open(sys.argv[1], os.O_RDONLY)
		os.pread(fd, 4096, 0)
		for i in range(300):
		    try:
		        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
		        os.pread(fd, 4096, 4096 * (i % 20))
		    except OSError as e:
		        sys.exit(e.errno)
		    time.sleep(0.05)
		sys.exit(0)
	READS
	reader=$!
	wait_for 5 holds_open "$1"
}
# EACCES is what the reader ended with.
reader_was_refused() {
	local code=0
	wait "$reader" || code=$?
	[ "$code" -eq 13 ] || { echo "the reader ended with $code"; return 1; }
}
holds_open() { mv_ status --json | jq -se --arg p "${1#m/}" 'any(.[]; .path? == $p)' >/dev/null; }

@test "learn: lets in whom no rule lets in, on record as learned; not others, not for writing" {
	root_only "other users' opens"
	refused as_user mvalice cat m/llama/1
	mv_ mode learn user:mvalice 'llama/**' --for 1h 2>>said
	allowed as_user mvalice cat m/llama/1
	refused as_user mvalice cat m/other/x
	refused as_user mvbob cat m/llama/1
	mv_ grant user:mvalice read llama/2 >number 2>>said
	allowed as_user mvalice cat m/llama/2
	mv_ audit --json --action open | jq -se --argjson rule "$(cat number)" '
		[.[] | select(.user == "mvalice" and .outcome == "allow") | [.path, .reason, .rule]]
		== [["llama/1", "learned", 1], ["llama/2", "rule-allow", $rule]]'
}

@test "learn: never against a deny, and a deny that comes later bites" {
	root_only "other users' opens"
	mv_ mode learn user:mvalice '**' --for 1h 2>>said
	mv_ deny group:mvteam read llama/3 2>>said
	refused as_user mvalice cat m/llama/3
	reads_on m/llama/4
	mv_ deny user:mvalice read llama/4 2>>said
	reader_was_refused
	mv_ audit --json --path llama/3 --outcome deny | jq -e '.reason == "rule-deny"'
}

@test "learn: ends by the clock, for the open handle as well" {
	root_only "other users' opens"
	mv_ mode learn user:mvalice '**' --for 3s 2>>said
	reads_on m/other/x
	reader_was_refused
	refused as_user mvalice cat m/other/x
	run -0 mv_ mode --json
	jq -e '.mode == "enforce"' <<<"$output"
	[[ $(mv_ rules) == *"# expired" ]]
}

@test "mode enforce: ends all learning at once, open handles included" {
	root_only "other users' opens"
	mv_ mode learn user:mvalice 'llama/**' --for 1h 2>>said
	mv_ mode learn user:mvalice user:mvbob 'other/**' --for 1h 2>>said
	mv_ grant user:mvbob read other/y 2>>said
	reads_on m/other/x
	allowed as_user mvbob cat m/other/y
	run -0 --separate-stderr mv_ mode enforce
	[ "$stderr" = "2 learn rules ended; 1 open handle ended" ]
	reader_was_refused
	refused as_user mvalice cat m/llama/1
	allowed as_user mvbob cat m/other/y
}

@test "suggest: what was learned as lines, no wider than half of a directory; then nothing is left" {
	root_only "other users' opens"
	mv_ mode learn user:mvalice user:mvbob '**' --for 1h 2>>said
	allowed as_user mvalice cat m/llama/1 m/llama/2 m/llama/3 m/other/x
	allowed as_user mvbob cat m/llama/1
	refused as_user mvcarol cat m/llama/1
	exe=$(readlink -f /usr/bin/cat)
	run -0 --separate-stderr mv_ rules suggest
	[ "${lines[0]}" = "# modelvault rules 1" ]
	[ "$(grep -v '^#' <<<"$output")" = "grant user:mvalice#5001 exe:$exe read 'llama/**'
grant user:mvalice#5001 exe:$exe read other/x
grant user:mvbob#5002 exe:$exe read llama/1" ]
	[[ ${lines[1]} == "# 3 opens of 3 files, "* ]]
	run -0 mv_ rules suggest --json
	jq -se --arg exe "$exe" 'length == 3 and .[0].user == "mvalice" and .[0].exe == $exe and .[0].unit == null
		and .[0].files == 3 and .[0].pattern == "llama/**" and .[0].words == "grant user:mvalice#5001 exe:\($exe) read '"'llama/**'"'"' <<<"$output"
	run -0 mv_ rules suggest --refused
	[ "$(grep -v '^#' <<<"$output")" = "grant user:mvcarol#5003 exe:$exe read llama/1" ]
	run -0 --separate-stderr mv_ rules suggest --since 2099-01-01
	[ -z "$output" ]
	mv_ rules suggest | mv_ rules import -
	mv_ mode enforce
	allowed as_user mvalice cat m/llama/4
	refused as_user mvalice cat m/other/y
	run -0 --separate-stderr mv_ rules suggest
	[ "$stderr" = "nothing was learned that no rule allows" ]
}

@test "import --replace while it is mounted: in force when it returns, open handles included" {
	root_only "other users' opens"
	printf 'grant user:mvalice read other/x\ngrant user:mvbob read llama/1\n' >rules
	run -0 mv_ rules import rules
	reads_on m/other/x
	sed -i 1d rules
	run -0 --separate-stderr mv_ rules import rules --replace
	[ "${stderr_lines[-1]}" = "0 rules added, 1 removed, 1 as it was" ]
	reader_was_refused
	refused as_user mvalice cat m/other/x
	allowed as_user mvbob cat m/llama/1
	# Whole or not at all.
	printf 'grant user:mvalice read other/x\nno rule\n' >rules
	run -2 mv_ rules import rules --replace
	refused as_user mvalice cat m/other/x
	allowed as_user mvbob cat m/llama/1
}

@test "what needs a role: import, learn, enforce, set, less audit" {
	root_only "other users' commands"
	chmod 755 .
	echo 'deny any read x' >rules
	for words in "rules $T/v import rules" "rules $T/v lint" "rules $T/v export" "rules $T/v suggest" "mode $T/v" \
		"mode $T/v enforce" "mode $T/v learn user:mvbob x --for 1h" "mode $T/v set private=yes"; do
		# shellcheck disable=SC2086
		run -3 as_user mvalice "$MODELVAULT" $words
	done
	[ -z "$(mv_ rules)" ]
	# Who only audits, or keeps keys, looks and changes nothing.
	mv_ role add auditor user:mvcarol 2>>said
	mv_ role add custodian user:mvbob 2>>said
	for words in "rules v import rules" "mode v enforce" "mode v learn user:mvbob x --for 1h" "mode v set private=yes"; do
		# shellcheck disable=SC2086
		run -3 as_user mvcarol "$MODELVAULT" $words
		# shellcheck disable=SC2086
		run -3 as_user mvbob "$MODELVAULT" $words
	done
	run -3 as_user mvbob "$MODELVAULT" rules v suggest
	run -0 as_user mvcarol "$MODELVAULT" rules v suggest --refused
	run -0 as_user mvcarol "$MODELVAULT" rules v lint
	run -0 as_user mvbob "$MODELVAULT" mode v
	[ -z "$(mv_ rules)" ]
	# An admin who is nothing else: no learning, no less evidence, nothing for himself.
	mv_ role add admin user:mvalice 2>>said
	echo 'learn user:mvbob read x --for 1h' >learning
	echo 'grant user:mvbob read x' >grants
	run -3 as_user mvalice "$MODELVAULT" mode v learn user:mvbob x --for 1h
	[[ $output == *"custodian"* ]]
	run -3 as_user mvalice "$MODELVAULT" rules v import learning
	[[ $output == *"custodian"* ]]
	run -0 as_user mvalice "$MODELVAULT" mode v set audit=required,sync
	run -3 as_user mvalice "$MODELVAULT" mode v set audit=required
	[[ $output == *"auditor"* ]]
	run -3 as_user mvalice "$MODELVAULT" rules v suggest --refused
	run -0 as_user mvalice "$MODELVAULT" rules v suggest
	run -0 as_user mvalice "$MODELVAULT" rules v import grants
	sed -i 's/mvbob/mvalice/' grants
	run -3 as_user mvalice "$MODELVAULT" rules v import grants --replace
	[[ $output == *"self-grant"* ]]
	mv_ role add custodian user:mvalice 2>>said
	run -0 as_user mvalice "$MODELVAULT" rules v import learning
	run -3 as_user mvalice "$MODELVAULT" mode v learn user:mvalice x --for 1h
	[[ $output == *"self-grant"* ]]
	[ "$(mv_ mode --json | jq -r .audit)" = required,sync ]
	[ "$(mv_ rules | cut -d' ' -f-4)" = $'1 allow user:mvbob#5002 read\n2 learn user:mvbob#5002 read' ]
}

@test "a request's text must be a sealed memory file, and nothing else is waited for" {
	mkfifo fifo
	python3 - "$(socket_of "$T/v")" "$(stat -c %d:%i "$T/v")" fifo <<-'PY'
		import array, fcntl, os, socket, sys
		def ask(fds, word="import", code=b"exit=2"):
		    with socket.socket(socket.AF_UNIX) as s:
		        s.settimeout(5)
		        s.connect(sys.argv[1])
		        text = "v=1\nverb=rules\nvault=%s\narg=%s\narg=some%%20file\n\n" % (sys.argv[2], word)
		        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
		        s.sendmsg([text.encode()], rights)
		        answer = b""
		        while b"exit=" not in answer:
		            part = s.recv(4096)
		            assert part
		            answer += part
		        assert code in answer, answer
		def memory(text, seals, flags=os.MFD_ALLOW_SEALING):
		    fd = os.memfd_create("x", flags)
		    os.write(fd, text)
		    if seals:
		        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
		    return fd
		whole = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
		rule = b"deny any read x\n"
		for word in "import", "lint":
		    ask([], word)
		    ask([os.open(sys.argv[3], os.O_RDWR)], word)
		    ask([os.open("/etc/passwd", os.O_RDONLY)], word)
		    ask([memory(rule, 0)], word)
		    ask([memory(rule, 0, 0)], word)
		    for missing in fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_GROW, fcntl.F_SEAL_WRITE:
		        ask([memory(rule, whole & ~missing)], word)
		    large = os.memfd_create("x", os.MFD_ALLOW_SEALING)
		    os.ftruncate(large, (256 << 20) + 1)
		    fcntl.fcntl(large, fcntl.F_ADD_SEALS, whole)
		    ask([large], word)
		ask([memory(rule, whole)], "import", b"exit=0")
	PY
	[ "$(mv_ rules)" = "1 deny any read x" ]
}

@test "mode set in a server: timezone moves hours, audit holds for mounts, a mount may ask for more" {
	mv_ rules import - <<<"grant user:$OWNER read 'llama/**' --hours $(TZ=Asia/Tokyo date -d '-1 hour' +%H:%M)-$(TZ=Asia/Tokyo date -d '+1 hour' +%H:%M)"
	mv_ mode set timezone=Asia/Tokyo
	allowed cat m/llama/1
	mv_ mode set timezone=America/New_York
	refused cat m/llama/1
	mkdir m2
	run -3 mv_ mount "$T/m2" -o audit=best-effort
	[[ $output == *"less than the vault's audit=required"* ]]
	run -2 mv_ mount "$T/m2" -o audit=never
	run -0 mv_ mount "$T/m2" -o audit=required,sync
	[ "$(mv_ mode --json | jq -r .audit_in_force)" = required,sync ]
	unmounted m2
	wait_for 5 level_is required
	mv_ mode set audit=best-effort
	[ "$(mv_ mode --json | jq -r .audit_in_force)" = best-effort ]
	run -0 mv_ mount "$T/m2" -o audit=required
	[ "$(mv_ mode --json | jq -r '.audit + " " + .audit_in_force')" = "best-effort required" ]
	unmounted m2
	# Sealed: it is there after a start.
	unmounted m
	[ "$(mv_ mode --json | jq -r '.audit + " " + .timezone')" = "best-effort America/New_York" ]
}
level_is() { [ "$(mv_ mode --json | jq -r .audit_in_force)" = "$1" ]; }
