#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Taking access back from those who have the file open and mapped, while others go on reading it.

load ../lib

setup() {
	common_setup
	mkdir tree
	random_file tree/model 6000000
	random_file tree/other 100000
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree 2>/dev/null
	mounted vault m 2>/dev/null
	F=$T/m/tree/model
}

teardown() {
	local name
	for name in "$T"/*.pid; do
		[ ! -f "$name" ] || kill -KILL "$(cat "$name")" 2>/dev/null || true
	done
	common_teardown
}

grant() { "$MODELVAULT" grant vault "$@" 2>/dev/null; }
count() { "$MODELVAULT" audit vault query --count "$@"; }

# works NAME: in the second pass nobody but the server's own user can read at all.
works() { [ "$EUID" -eq 0 ] || [ "$1" = "$OWNER" ]; }

# hammer NAME: that user reads in all ways from now on; returns when he has read everything once.
hammer() {
	local name=$1 in out
	works "$name" || return 0
	mkfifo "$name.in" "$name.out"
	as_user "$name" "$TOOLS/hammer" "$F" "$T/tree/model" <"$name.in" >"$name.out" 2>"$name.err" 3>&- &
	echo $! >"$name.pid"
	exec {in}>"$name.in" {out}<"$name.out"
	declare -g "in_$name=$in" "out_$name=$out"
	answer_of "$name"
	[ "$answer" = ready ]
}

answer_of() {
	local name=$1 out=out_$1
	read -r -t 20 answer <&"${!out}" || { echo "$name says nothing: $(cat "$name.err")"; return 1; }
}

ask() {
	local in=in_$1
	echo "$2" >&"${!in}"
	answer_of "$1"
}

# What began after a mark is counted anew.
mark() { ! works "$1" || { ask "$1" mark && [ "$answer" = marked ]; }; }

# counted PATTERN...: the counts of the last answer, a word each, as in read_ok=+ (more than none).
counted() {
	local word
	for word in "$@"; do
		[[ " $answer " =~ \ ${word/%+/[1-9][0-9]*}\  ]] || { echo "not $word: $answer"; return 1; }
	done
}

# reads_on NAME: since the mark everything worked, and there was something.
reads_on() {
	local kind
	works "$1" || return 0
	ask "$1" stats
	for kind in read touch open; do
		counted ${kind}_ok=+ ${kind}_denied=0 ${kind}_failed=0 ${kind}_wrong=0
	done
}

# is_cut_off NAME: since the mark every read was EACCES, every touch SIGBUS, every open EACCES.
is_cut_off() {
	local kind
	ask "$1" stats
	for kind in read touch open; do
		counted ${kind}_ok=0 ${kind}_denied=+ ${kind}_failed=0 ${kind}_wrong=0
	done
}

# works_anew NAME: since the mark new opens work. What was open before has ended: it asks in vain,
# though it may find pages that the new ones of the same user have read (or an EIO of theirs).
works_anew() {
	ask "$1" stats
	counted open_ok=+ open_denied=0 open_failed=0 open_wrong=0 read_denied=+ read_wrong=0 touch_wrong=0
}

# both_at_work: mvalice and mvbob, by the rules 1 and 2.
both_at_work() {
	grant user:mvalice read 'tree/**' >rule1
	grant user:mvbob read 'tree/**' >rule2
	hammer mvalice
	hammer mvbob
	sleep 0.3
	reads_on mvalice
	reads_on mvbob
	mark mvbob
}

@test "revoke ends one user's descriptors and mappings at once; the other reads on" {
	both_at_work
	"$MODELVAULT" revoke vault "$(cat rule1)" 2>said
	mark mvalice
	grep -Eq '; (1 open handle|[0-9]+ open handles) ended$' said
	sleep 0.7
	is_cut_off mvalice
	reads_on mvbob
	# And so it stays, while the other's reads fill the page cache.
	mark mvalice
	mark mvbob
	sleep 0.7
	is_cut_off mvalice
	reads_on mvbob
	[ "$(count --action revoked --user mvalice)" -ge 1 ]
	[ "$(count --action revoked --user mvbob)" = 0 ]
}

@test "revoke --user does the same and says what is left" {
	both_at_work
	run "$MODELVAULT" revoke vault --user mvalice
	[ "$status" = 0 ]
	mark mvalice
	[[ $output == *"no rule lets mvalice read anything any more"* ]]
	sleep 0.4
	is_cut_off mvalice
	reads_on mvbob
}

@test "deny does the same" {
	both_at_work
	"$MODELVAULT" deny vault user:mvalice read tree/model 2>/dev/null
	mark mvalice
	sleep 0.4
	is_cut_off mvalice
	reads_on mvbob
	as_user mvalice cat "$T/m/tree/other" | cmp - tree/other
}

@test "revoking a group's rule ends its members and nobody else" {
	root_only "a second user is served by root's server only"
	local rule
	rule=$(grant group:mvteam read 'tree/**')
	grant user:mvbob user:mvcarol read 'tree/**'
	hammer mvalice
	hammer mvbob
	hammer mvcarol
	mark mvbob
	mark mvcarol
	"$MODELVAULT" revoke vault "$rule" 2>/dev/null
	mark mvalice
	sleep 0.5
	is_cut_off mvalice
	# mvcarol has another rule, by which she may still read: nothing happens to her.
	reads_on mvcarol
	reads_on mvbob
}

@test "a grant after a revoke serves new opens; what was open has ended" {
	both_at_work
	"$MODELVAULT" revoke vault "$(cat rule1)" 2>/dev/null
	sleep 0.1
	grant user:mvalice read 'tree/**'
	mark mvalice
	sleep 0.5
	works_anew mvalice
	reads_on mvbob
	as_user mvalice cat "$F" | cmp - tree/model
}

@test "revoke and grant, again and again, disturb nobody else" {
	local rule i
	both_at_work
	rule=$(cat rule1)
	for i in {1..8}; do
		"$MODELVAULT" revoke vault "$rule" 2>/dev/null
		mark mvalice
		refused as_user mvalice cat "$F"
		rule=$(grant user:mvalice read 'tree/**')
	done
	mark mvalice
	sleep 0.3
	works_anew mvalice
	reads_on mvbob
}

@test "a revoke is in force for a reader who has nothing cached, and for an idle mapping" {
	grant user:mvalice read 'tree/**' >rule1
	mkfifo go
	exec 6<>go
	# Opens, reads one page, waits, then reads that page and another one.
	as_user mvalice perl -e 'open my $f, "<", $ARGV[0] or die; binmode $f; sysread $f, my $b, 4096;
		$| = 1; print "open\n"; <STDIN>;
		for my $at (0, 3000000) { sysseek $f, $at, 0; my $n = sysread $f, $b, 4096;
			print defined $n ? "read $n\n" : "$!\n" }' "$F" <&6 >said 3>&- &
	wait_for 10 grep -q open said
	"$MODELVAULT" revoke vault "$(cat rule1)" 2>/dev/null
	echo go >&6
	wait $!
	[ "$(sed -n 2,3p said)" = $'Permission denied\nPermission denied' ]
	[ "$(count --action revoked --user mvalice)" = 1 ]
}

@test "of opens that are under way when a revoke returns none serves afterwards" {
	local i rule pid
	for i in {1..6}; do
		rule=$(grant user:mvalice read 'tree/**')
		# Opens without pause, keeps each, and tells when a read of any succeeds after the mark.
		as_user mvalice perl -e 'my @kept; my $end = $ARGV[1];
			for (;;) { my $after = -e $end; my $ok = 0;
				if (open my $f, "<", $ARGV[0]) { push @kept, $f; shift @kept if @kept > 50 }
				for my $f (@kept) { sysseek $f, int(rand 1000) * 4096, 0;
					my $b; my $n = sysread $f, $b, 100; $ok++ if defined $n }
				print "served $ok after the revoke\n" if $after && $ok;
				exit if $after }' "$F" "$T/end" >said 2>&1 3>&- &
		pid=$!
		sleep "0.$i"
		"$MODELVAULT" revoke vault "$rule" 2>/dev/null
		touch end
		wait "$pid"
		[ ! -s said ] || { cat said; return 1; }
		rm end
	done
}

@test "eight users who open one file 2000 times each see no error" {
	root_only "a second user is served by root's server only"
	grant any read 'tree/**'
	"$TOOLS/storm" "$F" "$T/tree/model" 7001 8 2000
	[ "$(count --action open --outcome allow)" = 16000 ]
	"$MODELVAULT" audit vault verify
}

@test "a storm of refused users does not disturb an allowed one" {
	root_only "a second user is served by root's server only"
	grant user:7001 read 'tree/**'
	hammered() { "$TOOLS/storm" "$F" "$T/tree/model" 7002 3 5 2>/dev/null; }
	while :; do hammered || true; done 3>&- &
	echo $! >storm.pid
	"$TOOLS/storm" "$F" "$T/tree/model" 7001 1 1500
	kill "$(cat storm.pid)"
	[ "$(count --user 7001 --outcome deny)" = 0 ]
	[ "$(count --user 7002 --outcome deny)" -ge 1 ]
}
