#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Words that are an interface stand in one table of the code, and whoever meets one must find it in
# the pages: reasons (policy/reason.h) in modelvault-policy(5) and in rules.md, with the text of the
# table; findings of `rules lint` (policy/lint.h) in modelvault-policy(5); actions of the trail
# (policy/audit.h) in audit.md, all in the order of their numbers. And no word that is none.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"
PAGE=contrib/man/modelvault-policy.5
RULES=contrib/docs/rules.md
AUDIT=contrib/docs/audit.md

# table_of FILE MACRO: the rows X(NAME, "word", "text"...) of a table, as word TAB text.
table_of() {
	perl -0777 -e '
		my ($file, $macro) = @ARGV;
		open my $in, "<", $file or exit;
		my $code = <$in>;
		$code =~ /^#define \Q$macro\E\(X\)(.*?[^\\])\n(?!.*\\\n\tX)/ms or exit;
		my $rows = $1;
		while ($rows =~ /X\(\w+,[\s\\]*"([^"]*)"((?:[\s\\,]*"(?:[^"\\]|\\.)*")*)/g) {
			my ($word, $rest) = ($1, $2);
			print "$word\t", join("", $rest =~ /"((?:[^"\\]|\\.)*)"/g), "\n";
		}' "$1" "$2"
}

# Of the page: the items of a section, as word TAB text. Of rules.md: the rows of "## Reasons".
items_of() {
	perl -ne '
		BEGIN { $wanted = shift @ARGV }
		if (/^\.Sh (.*)/) { $section = $1; next }
		next if ($section // "") ne $wanted;
		if (/^\.It Li (\S+)/) { $word = $1; $text{$word} = ""; push @words, $word; next }
		if (/^\.El/) { $word = ""; next }
		next if !$word || /^\.\\"/;
		chomp;
		s/^\.(?:Pa|Cm|Ar|Fl|Li|Xr) //;
		$text{$word} .= ($text{$word} ? " " : "") . $_;
		END { print "$_\t$text{$_}\n" for @words }' "$2" "$1"
}
rows_of() { sed -n '/^## Reasons/,/^## [^R]/s/^| `\([a-z-]*\)` | \(.*\) |$/\1\t\2/p' "$1"; }

# compare WHAT FILE: word TAB text, of the code on descriptor 3, of the page on 4; in this order.
compare() {
	local word text other said
	while IFS=$'\t' read -r word text <&3; do
		if ! IFS=$'\t' read -r other said <&4; then
			complain "$2: $1 $word is not in it: who meets the word cannot look it up"
		elif [ "$word" != "$other" ]; then
			complain "$2: $1 $other stands where the code has $word: the same words in the same order"
			return
		elif [[ $said != "$text"* ]]; then
			complain "$2: $1 $word: does not begin with what the program says: $text"
		fi
	done
	! IFS=$'\t' read -r other said <&4 || complain "$2: $1 $other is not in the code"
}

# The list behind "Actions, from 1: ", to the full stop.
actions_of() {
	perl -0777 -ne 'print map { "$_\t\n" } split " ", $1 if /Actions, from 1: ([a-z\s-]*)\./' "$1"
}

check() {
	if [ -f policy/reason.h ]; then
		compare reason "$PAGE" 3< <(table_of policy/reason.h REASON_TABLE) 4< <(items_of "$PAGE" REASONS)
		compare reason "$RULES" 3< <(table_of policy/reason.h REASON_TABLE) 4< <(rows_of "$RULES")
	fi
	[ ! -f policy/lint.h ] ||
		compare finding "$PAGE" 3< <(table_of policy/lint.h LINT_CHECK_TABLE) 4< <(items_of "$PAGE" LINT)
	[ ! -f policy/audit.h ] ||
		compare action "$AUDIT" 3< <(table_of policy/audit.h AUDIT_ACTION_TABLE) 4< <(actions_of "$AUDIT")
}

self_test() {
	plant policy/reason.h < <(printf '#define REASON_TABLE(X) \\\n\tX(A, "none", "no reason")  \\\n\tX(B, "odd", \\\n\t\t"is" \\\n\t\t" odd")\n\nenum reason {\n')
	plant policy/lint.h < <(printf '#define LINT_CHECK_TABLE(X) \\\n\tX(L, "stale") /* a name */ \\\n\tX(M, "wide")\n\nint x;\n')
	plant policy/audit.h < <(printf '#define AUDIT_ACTION_TABLE(X) \\\n\tX(I, "init") \\\n\tX(O, "open")\n\nint y;\n')
	plant page < <(printf '.Sh REASONS\n.Bl\n.It Li none\nno reason\n.It Li odd\nis\nodd, too\n.El\n.Sh LINT\n.Bl\n.It Li stale\na\n.It Li wide\nb\n.El\n')
	plant rules < <(printf '## Reasons\n| word | meaning |\n|---|---|\n| `none` | no reason |\n| `odd` | is odd |\n')
	plant audit < <(printf 'Actions, from 1: init\nopen. Reasons\n')
	plant "$PAGE" <page
	plant "$RULES" <rules
	plant "$AUDIT" <audit
	must_accept unrelated <<<''
	must_complain "$PAGE" < <(sed '/odd/d;/^is$/d' page)
	must_complain "$PAGE" < <(sed 's/^is$/was/' page)
	must_complain "$PAGE" < <(sed '/wide/d;/^b$/d' page)
	must_complain "$PAGE" < <(sed 's/^.It Li wide/.It Li narrow\nc\n&/' page)
	plant "$PAGE" <page
	must_complain "$RULES" < <(sed '/odd/d' rules)
	must_complain "$RULES" < <(printf '%s\n' "$(cat rules)" '| `more` | is not |')
	plant "$RULES" <rules
	must_complain "$AUDIT" <<<'Actions, from 1: open init. Reasons'
	must_complain "$AUDIT" <<<'Actions, from 1: init. Reasons'
}

lint_main "$@"
