#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What an auditor asks, as DESIGN says it is answered: every filter, the fields of the JSON in their
# order, and the proof that the trail is whole; every edit of it is found and named.
load ../lib

# One vault with a known history for all tests, which only read it or work on copies.
setup_file() {
	common_setup
	export F=$T
	mkdir "$F/llama"
	echo weights >"$F/llama/one"
	echo weights2 >"$F/llama/two"
	make_vault "$F/vault" 2>"$F/said"
	sed -n 's/^audit key fingerprint: //p' "$F/said" >"$F/fingerprint"
	[ -s "$F/fingerprint" ] || "$MODELVAULT" audit "$F/vault" verify --json | jq -r .fingerprint >"$F/fingerprint"
	"$MODELVAULT" import "$F/vault" "$F/llama"
	"$MODELVAULT" grant "$F/vault" user:mvalice read one
	mounted "$F/vault" "$F/m"
	as_user mvalice cat "$F/m/llama/one"
	as_user mvalice cat "$F/m/llama/one"
	as_user mvalice cat "$F/m/llama/two" || true
	as_user mvbob head -c 1 "$F/m/llama/one" || true
	unmounted "$F/m"
}

teardown_file() { T=$F common_teardown; }

setup() {
	common_setup
	cp -a "$F/vault" "$T/vault"
	export MODELVAULT_KEY_FILE=$F/vault.key MODELVAULT_STATE_DIR=$T/state
}

audit() { "$MODELVAULT" audit "$T/vault" "$@"; }
counts() { [ "$(audit "${@:2}" --count)" = "$1" ] || { audit "${@:2}"; return 1; }; }

@test "filters: user, path, action, outcome, rule, exe, alone and together" {
	counts 2 --action open --outcome allow
	counts 2 --action open --outcome deny
	counts 2 --action close
	counts 3 --user mvalice --action open
	counts 3 --user 5001 --action open
	counts 1 --user mvbob
	counts 0 --user mvcarol
	counts 4 --group "$(id -g mvalice)" --action open
	counts 4 --path 'llama/*' --action open
	counts 1 --path two --user mvalice
	counts 0 --path three
	counts 2 --rule 1 --action open
	counts 1 --exe /usr/bin/head --action open
	counts 3 --exe '*/cat' --action open
	counts 1 --action grant --path '**' || counts 2 --action grant
	[ "$(audit query --count)" = "$(audit --count)" ]
}

@test "a program's name and a file's are one word each of a line, whatever they are" {
	local program="$T/x reason=rule-allow rule=7 user=root"
	export MODELVAULT_KEY_FILE=$F/vault.key
	cp /bin/cat "$program"
	echo text >"y (done) count=9"
	"$MODELVAULT" import "$T/vault" "y (done) count=9"
	mounted "$T/vault" "$T/m"
	run python3 -c 'import os, sys; os.initgroups("mvbob", 100); os.setgid(100); os.setuid(5002); os.execv(sys.argv[1], ["cat", sys.argv[2]])' \
		"$program" "$T/m/y (done) count=9"
	unmounted "$T/m"
	run audit --user mvbob --limit 1 --order newest
	[[ $output == *" exe='$program' path='y (done) count=9' reason=no-rule" ]]
}

@test "limit and order" {
	total=$(audit --count)
	run -0 audit --limit 2
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == "1 "* && ${lines[1]} == "2 "* ]]
	run -0 audit --order newest --limit 2 --json
	[ "$(jq -s '.[0].seq - .[1].seq' <<<"$output")" = 1 ]
	audit --json | jq -se --argjson total "$total" 'map(.seq) == (map(.seq) | sort) and length >= $total'
	run -0 audit --order newest --action open --limit 1 --json
	[ "$(jq -r .user <<<"$output")" = mvbob ]
	[ "$(audit --count --limit 3)" = 3 ]
}

@test "since and until" {
	counts 0 --since 2100-01-01
	counts 0 --until 2020-01-01
	[ "$(audit --since 2020-01-01 --until 2100-01-01 --count)" = "$(audit --count)" ]
	time=$(audit --action open --json --limit 1 | jq -r .time)
	seq=$(audit --action open --json --limit 1 | jq -r .seq)
	[ "$(audit --since "$time" --json --limit 1 | jq .seq)" = "$seq" ]
	[ "$(audit --until "$time" --json --order newest --limit 1 | jq .seq)" -ge $((seq - 1)) ]
	[ "$(audit --until "$time" --json --order newest --limit 1 | jq .seq)" -le "$seq" ]
	counts 0 --since '2100-01-01 18:00'
}

@test "json: the fields of the contract in their order, null for unknown, times with nine digits" {
	run -0 audit --json
	fields='["seq","time","segment","uid","user","gid","loginuid","pid","exe","sha256","unit","userns","action","path","file_id","outcome","rule","reason","perm","bytes","duration_ms","count","via","detail","chain"]'
	# The contract names the fields, not their order.
	jq -se --argjson fields "$fields" 'map(keys | map(select(endswith("_b64") | not)) | sort) | unique == [$fields | sort]' <<<"$output"
	jq -se 'map(.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z$")) | all' <<<"$output"
	jq -se 'map(.chain | test("^[0-9a-f]{64}$")) | all' <<<"$output"
	jq -se 'map(.outcome) | unique - ["allow", "deny", "error"] == []' <<<"$output"
	jq -se 'map(select(.action == "open"))[0] | .uid == 5001 and .user == "mvalice" and .path == "llama/one"
		and .outcome == "allow" and .rule == 1 and .reason == "rule-allow" and .perm == "read" and .via == "mount"
		and (.file_id | test("^[0-9a-f]{32}$")) and .exe == "/usr/bin/cat" and .count == 1 and .pid > 0
		and .bytes == null and (.sha256 == null or (.sha256 | test("^[0-9a-f]{64}$")))' <<<"$output"
	jq -se 'map(select(.action == "close"))[0] | .bytes == 8 and .duration_ms >= 0 and .uid == 5001' <<<"$output"
	jq -se 'map(select(.action == "open" and .uid == 5002))[0] | .outcome == "deny" and .reason == "no-rule" and .rule == null' <<<"$output"
	[ "$(audit --count --json)" = "{\"count\":$(audit --count)}" ]
}

@test "mistyped questions are exit 2 and say what is possible" {
	for words in '--outcome allowed' '--action opened' '--order up' '--limit many' '--limit -1' '--rule x' \
		'--since yesterdayish' '--until 2026-13-01' '--user nobodyhere' '--group nobodyhere' 'ask' '--path [a'; do
		# shellcheck disable=SC2086  # an option and its value
		run -2 audit $words
		[[ $output == "modelvault: audit"* ]]
	done
}

@test "verify: whole, with neither key nor server, and with both" {
	unset MODELVAULT_KEY_FILE
	run -0 audit verify
	[[ $output == "whole: "*" first key $(<"$F/fingerprint")" ]]
	run -0 audit verify --json
	jq -e --arg f "$(<"$F/fingerprint")" '.whole == true and .broken_seq == null and .problem == null
		and .fingerprint == $f and .records == .last_seq and .first_seq == 1 and .segments >= 1' <<<"$output"
	before=$(find "$T/vault" -type f -exec sha256sum {} + | sort)
	audit verify
	[ "$before" = "$(find "$T/vault" -type f -exec sha256sum {} + | sort)" ]
	export MODELVAULT_KEY_FILE=$F/vault.key
	mounted "$T/vault" "$T/m"
	run -0 audit verify
	run -0 "$MODELVAULT" audit "$T/m" verify --public-key "$(<"$F/fingerprint")"
	run -3 as_user mvbob "$MODELVAULT" audit "$T/m" verify
}

@test "verify: a copy on read-only media, and one that the auditor may only read" {
	mkdir "$T/medium" "$T/copies"
	mount -t tmpfs none "$T/medium"
	install -m 644 "$T/vault/audit.db" "$T/medium/a trail%20?#.db"
	install -m 644 "$T/vault/audit.db" "$T/copies/audit.db"
	# The newest records of a trail that is being written lie in its log.
	mounted "$T/vault" "$T/m"
	as_user mvbob head -c 1 "$T/m/llama/one" || true
	cp "$T/vault/audit.db" "$T/medium/written.db"
	cp "$T/vault/audit.db-wal" "$T/medium/written.db-wal"
	[ -s "$T/medium/written.db-wal" ]
	mount -o remount,ro "$T/medium"
	run -0 "$MODELVAULT" audit "$T/nowhere" verify --trail "$T/medium/a trail%20?#.db"
	[[ $output == "whole: "* ]]
	for file in "$T/copies/audit.db" "$T/medium/a trail%20?#.db"; do
		run -0 as_user mvbob "$MODELVAULT" audit "$T/nowhere" verify --trail "$file"
		[[ $output == "whole: "* ]]
	done
	run -1 "$MODELVAULT" audit "$T/nowhere" verify --trail "$T/medium/written.db"
	[[ $output == *"records lie in $T/medium/written.db-wal"* ]]
	# To the auditor's own directory, as that message says.
	install -d -o mvbob "$T/auditor"
	install -o mvbob "$T/medium"/written.db* "$T/auditor"
	run -0 as_user mvbob "$MODELVAULT" audit "$T/nowhere" verify --trail "$T/auditor/written.db"
	umount "$T/medium"
}

@test "verify: a pin is the first key or its fingerprint, as words or in a file" {
	key=$(sqlite3 "$T/vault/audit.db" "SELECT lower(hex(public_key)) FROM segment WHERE number = 1")
	for pin in "$key" "$(<"$F/fingerprint")" "$F/fingerprint"; do
		run -0 audit verify --public-key "$pin"
	done
	other=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
	run -5 audit verify --public-key "$other"
	[[ $output == *"another public key"* ]]
	run -2 audit verify --public-key abc
	run -2 audit verify --public-key "${key:1}x"
	# A trail made anew by who has no pinned key: whole in itself, but not this one.
	"$MODELVAULT" init "$T/forged" --new-key-file "$T/forged.key"
	run -0 audit verify --trail "$T/forged/audit.db"
	run -5 audit verify --trail "$T/forged/audit.db" --public-key "$(<"$F/fingerprint")"
}

# broken PATTERN SQL: with that change the trail is broken, exit 5, and the words match.
broken() {
	local seq
	cp "$F/vault/audit.db" "$T/trail.db"
	sqlite3 "$T/trail.db" "$2"
	run -5 audit verify --trail "$T/trail.db"
	# shellcheck disable=SC2053  # a pattern
	[[ $output == *"trail.db: the trail is broken: "$1 ]] || { echo "$2: $output"; return 1; }
	run -5 --separate-stderr audit verify --trail "$T/trail.db" --json
	seq=$(jq .broken_seq <<<"$output")
	# null where it is no record that is wrong.
	[[ $seq =~ ^([0-9]+|null)$ ]]
}

@test "verify: an edit in any column of a record is found and names the record" {
	for column in $(sqlite3 "$F/vault/audit.db" "SELECT name FROM pragma_table_info('record')"); do
		echo "$column"
		broken '*record*[456]*' "UPDATE record SET $column = CASE typeof($column) WHEN 'integer' THEN $column + 1000
			WHEN 'text' THEN $column || 'x' WHEN 'blob' THEN randomblob(length($column))
			ELSE CASE (SELECT type FROM pragma_table_info('record') WHERE name = '$column')
				WHEN 'INTEGER' THEN 1 WHEN 'TEXT' THEN 'x' ELSE zeroblob(32) END END WHERE seq = 5"
	done
}

@test "verify: removed, inserted, exchanged, cut off, and a head, checkpoint or segment that does not fit" {
	last=$(sqlite3 "$F/vault/audit.db" "SELECT max(seq) FROM record")
	columns=$(sqlite3 "$F/vault/audit.db" "SELECT group_concat(name) FROM pragma_table_info('record') WHERE name != 'seq'")
	broken '*record 5 is missing*' "DELETE FROM record WHERE seq = 5"
	broken '*record 1 is missing*' "DELETE FROM record WHERE seq = 1"
	broken "*$last*" "DELETE FROM record WHERE seq = $last"
	broken '*' "DELETE FROM record"
	broken '*record 5*' "UPDATE record SET seq = seq + 100000 WHERE seq > 4; UPDATE record SET seq = seq - 99999 WHERE seq > 100000;
		INSERT INTO record SELECT 5, $columns FROM record WHERE seq = 4"
	broken '*record 5*' "DELETE FROM record WHERE seq = 5; UPDATE record SET seq = seq + 100000 WHERE seq > 5;
		UPDATE record SET seq = seq - 100001 WHERE seq > 100000"
	broken '*record 4*' "UPDATE record SET seq = 100000 WHERE seq = 4; UPDATE record SET seq = 4 WHERE seq = 5;
		UPDATE record SET seq = 5 WHERE seq = 100000"
	broken "*$((last + 1))*" "INSERT INTO record SELECT $((last + 1)), $columns FROM record WHERE seq = $last"
	broken '*head*' "UPDATE head SET signature = randomblob(64)"
	broken '*head*' "DELETE FROM head"
	broken '*' "UPDATE head SET seq = seq - 1; DELETE FROM record WHERE seq = $last"
	broken '*' "UPDATE segment SET public_key = randomblob(32) WHERE number = 1"
	broken '*checkpoint*' "UPDATE checkpoint SET signature = randomblob(64)"
	broken '*checkpoint*' "DELETE FROM checkpoint"
	broken '*' "UPDATE trail SET vault_id = randomblob(16)"
	head -c 5000 "$F/vault/audit.db" >"$T/cut.db"
	run -5 audit verify --trail "$T/cut.db"
	echo not a database >"$T/cut.db"
	run -5 audit verify --trail "$T/cut.db"
	run ! audit verify --trail "$T/nowhere.db"
}
