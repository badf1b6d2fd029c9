#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# rules export and import: what is exported comes back as the same rules, a file with one bad line
# changes nothing, and an import is one change with one pair of records.
load ../lib

setup() {
	common_setup
	mkdir -p "$T/llama"
	echo 1 >"$T/llama/one"
	make_vault "$T/vault" 2>/dev/null
	"$MODELVAULT" import "$T/vault" "$T/llama" 2>/dev/null
}

mv_() { local verb=$1; shift; "$MODELVAULT" "$verb" "$T/vault" "$@"; }

# A rule of every kind; what no grant takes any more (a name with another number, one that is over) too.
all_kinds() {
	cat <<-'RULES'
		# modelvault rules 1
		grant any list '**'
		grant user:mvalice#5001 user:4711 group:mvteam#6001 read 'llama/**'
		grant user:mvalice#4242 loginuid:mvbob#5002 read,write,list $'it\'s \\*\t\xff'
		grant role:ml-ops exe:/usr/bin/tritonserver unit:'infer@*' read 'a b/[x-z]?'
		deny unit:docker-1.scope userns:contained read '**'
		grant sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 read x
		grant user:mvbob#5002 read y --from 2020-01-01T00:00:00Z --until 2021-01-01T00:00:00Z
		grant user:mvbob#5002 read y --hours 22:00-06:00 --days mon-fri,sun --max-opens 5/day --max-bytes 200G/week --note $'it\'s \u00fc'
		deny user:mvbob#5002 write y --until 2099-01-01T00:00:00.5Z --note 'x y'
	RULES
}

@test "export and import: the very same rules, in order, of every kind" {
	all_kinds | sed "s/\\\\u00fc/$(printf '\303\274')/; s/T00:00:00.5Z/T00:00:01Z/; s/unit:'infer@\*'/'unit:infer@*'/" >"$T/rules"
	run -0 --separate-stderr mv_ rules import "$T/rules"
	[ "$stderr" = "9 rules added, 0 removed, 0 as they were" ]
	[ -z "$output" ]
	mv_ rules export >"$T/exported"
	diff "$T/rules" "$T/exported"
	run -0 --separate-stderr mv_ rules import "$T/exported"
	[ "$stderr" = "0 rules added, 0 removed, 9 as they were" ]
	# Into another vault, through standard input; rules that stand there twice are two again.
	mv_ deny any read secret 2>/dev/null
	mv_ deny any read secret 2>/dev/null
	mv_ rules export >"$T/exported"
	(
		make_vault "$T/other" 2>/dev/null
		run -0 "$MODELVAULT" rules "$T/other" import - <"$T/exported"
		"$MODELVAULT" rules "$T/other" export | diff "$T/exported" -
		run -0 "$MODELVAULT" rules "$T/other" import - --replace <"$T/exported"
		[[ $output == "0 rules added, 0 removed, 11 as they were" ]]
	)
}

@test "import: people's lines, as the commands take them" {
	printf '%s\r\n' '# by hand' '' "  grant	user:mvalice  read  llama/**   --for 2h  # until lunch" \
		'allow --note "two words" group:mvteam read,list *.bin' 'deny any list secret' \
		'grant user:5002 read --max-opens=5/day x --hours=09:00-18:00' |
		head -c -2 >"$T/rules"
	run -0 mv_ rules import "$T/rules"
	run -0 mv_ rules export
	[ "${#lines[@]}" -eq 5 ]
	[[ ${lines[1]} == "grant user:mvalice#5001 read 'llama/**' --until 20"*Z ]]
	[ "${lines[2]}" = "grant group:mvteam#6001 read,list '*.bin' --note 'two words'" ]
	[ "${lines[3]}" = "deny any list secret" ]
	[ "${lines[4]}" = "grant user:5002 read x --hours 09:00-18:00 --max-opens 5/day" ]
}

@test "import: every bad line is told with what would be right, and nothing is changed" {
	mv_ grant user:mvalice read 'llama/**' 2>/dev/null
	cat >"$T/rules" <<-'RULES'
		grant user:mvbob read x
		gramt user:mvbob read x
		grant user:nobodyhere read x
		grant usr:mvbob read x
		grant user:mvbob raed x
		grant user:mvbob read
		grant user:mvbob read x --untill 2099-01-01
		grant user:mvbob read x --until
		grant user:mvbob read x --hours 9-17
		grant sha256:@prog read x
		learn user:mvbob read x
		learn any read x --for 1h
		learn user:mvbob read x --for 8d
		learn user:mvbob read,list x --for 1h
		grant user:mvbob read 'x
		deny any read x --max-opens 5/day
	RULES
	run -2 --separate-stderr mv_ rules import "$T/rules" --replace
	[ -z "$output" ]
	i=0
	while IFS='|' read -r line hint; do
		[[ ${stderr_lines[i]} == "modelvault: $T/rules:$line: "*"$hint"* ]] || { echo "$line: ${stderr_lines[i]}"; false; }
		i=$((i + 1))
	done <<-'HINTS'
		2|did you mean grant?
		3|no such user
		4|did you mean user:mvbob?
		5|did you mean read?
		6|pattern
		7|did you mean --until?
		8|needs a value
		9|did you mean 09:00-17:00?
		10|sha256sum
		11|--for 8h
		12|learning is for somebody
		13|7 days at most
		14|reading is all
		15|quote it
		16|allows read
	HINTS
	[ "${#stderr_lines[@]}" -eq 16 ]
	[ "${stderr_lines[15]}" = "modelvault: rules import: nothing was changed" ]
	[ "$(mv_ rules)" = "1 allow user:mvalice#5001 read 'llama/**'" ]
	! mv_ audit --json | jq -e 'select(.action == "rules")'
	# Of many the first twenty are told.
	yes bad | head -n 50 >"$T/rules"
	run -2 --separate-stderr mv_ rules import "$T/rules"
	[ "${#stderr_lines[@]}" -eq 22 ]
	[[ ${stderr_lines[20]} == *"30 lines more" ]]
	echo '# modelvault rules 2' >"$T/rules"
	run -2 mv_ rules import "$T/rules"
	[[ $output == *"another version"* ]]
}

@test "import --replace: what is not in the file goes, what is keeps its number; one pair of records" {
	for pattern in a b c d; do mv_ deny any read $pattern 2>/dev/null; done
	printf 'deny any read %s\n' d b e >"$T/rules"
	run -0 --separate-stderr mv_ rules import "$T/rules" --replace
	[ "$stderr" = "1 rule added, 2 removed, 2 as they were" ]
	[ "$(mv_ rules | cut -d' ' -f1,5)" = "$(printf '2 b\n4 d\n5 e')" ]
	sum=$(sha256sum <"$T/rules" | cut -d' ' -f1)
	run -0 mv_ audit --json --action rules
	jq -se --arg sum "$sum" 'length == 2 and (.[0].detail | startswith("intent epoch "))
		and (.[1].detail | startswith("done epoch "))
		and all(.[]; .detail | endswith(": import: 1 rule added, 2 removed, 2 as they were; sha256 \($sum)"))' <<<"$output"
	# Nothing to do leaves no record.
	run -0 mv_ rules import "$T/rules" --replace
	[ "$(mv_ audit --json --action rules | wc -l)" -eq 2 ]
	printf '' >"$T/rules"
	run -0 --separate-stderr mv_ rules import "$T/rules" --replace
	[ "$stderr" = "0 rules added, 3 removed, 0 as they were" ]
	[ "$(mv_ rules export)" = "# modelvault rules 1" ]
}

@test "import: what it needs, and files that are none" {
	run -6 mv_ rules import "$T/nowhere"
	[[ $output == *"no such file"* ]]
	run -1 mv_ rules import "$T"
	run -2 mv_ rules import
	run -2 mv_ rules import a b
	run -2 mv_ rules export --replace
	[[ $output == *"--replace does not go with export"* ]]
	run -2 mv_ rules list --dry-run
	printf 'deny any read x\0y\n' >"$T/rules"
	run -2 mv_ rules import "$T/rules"
	[[ $output == *"NUL"* ]]
	head -c 70000 /dev/zero | tr '\0' x >"$T/rules"
	run -2 mv_ rules import "$T/rules"
	[[ $output == *"longer than 65536 bytes"* ]]
}
