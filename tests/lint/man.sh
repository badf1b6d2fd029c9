#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The manual page has every command and every option of the program's own table (`help --table`), and
# none that is not in it; an example shows each command. In the section COMMANDS an item of the outer
# list that begins with Cm is a command; Fl in it names options, an item "Fl -user Ar x , Fl -exe
# Ar y" several.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"
PAGE=contrib/man/modelvault.1

# documented: COMMAND TAB OPTION, a line each; OPTION is empty for the command itself.
documented() {
	perl -ne '
		if (/^\.Sh (.*)/) { $section = $1; $depth = 0; $command = "" }
		next if ($section // "") ne "COMMANDS";
		$depth++ if /^\.Bl/;
		$depth-- if /^\.El/;
		$command = "" if !$depth;
		if ($depth == 1 && /^\.It Cm ([a-z]+)/) { $command = $1; print "$command\t\n" }
		next if !/^\./ || !$command;
		print "$command\t$1\n" while /\bFl ("?-?[a-z][a-z0-9-]*)/g;
	' "$PAGE" | sed 's/\t-/\t--/; s/\t\([a-z]\)$/\t-\1/' | sort -u
}

# built: the same of the program. Options of all commands stand in a section of their own.
built() {
	build/modelvault help --table | awk -F '\t' '$1 != "*" {
		print $1 "\t"
		n = split($3, options, " ")
		for (i = 1; i <= n; i++) { sub(/=$/, "", options[i]); print $1 "\t" options[i] }
	}' | sort -u
}

# common: what every command takes that may have to unlock.
common() { build/modelvault help --table | sed -n 's/^\*\t\t//p' | tr -d '=' | tr ' ' '\n'; }

check() {
	local command option
	[ -x build/modelvault ] || return 0
	while IFS=$'\t' read -r command option; do
		complain "$PAGE: ${option:-the command} of \`modelvault $command\` is not in it: nobody can look it up"
	done < <(comm -23 <(built) <(documented))
	while IFS=$'\t' read -r command option; do
		complain "$PAGE: $command ${option:+$option }is in it, but not in the program: it would be tried in vain"
	done < <(comm -13 <(built) <(documented) | grep -vE "	($(common | paste -sd '|'))\$")
	for option in $(common); do
		grep -qE "^\.It Fl ${option#-}\b" "$PAGE" || complain "$PAGE: $option, of all commands, is not in it"
	done
	while IFS= read -r command; do
		sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$PAGE" | grep -qE "modelvault $command\b" ||
			complain "$PAGE: no example of \`modelvault $command\`: a page is read from there"
	done < <(built | cut -f 1 | sort -u)
}

self_test() {
	plant build/modelvault < <(printf '#!/bin/sh\nprintf "init\\tV\\t--new=\\nls\\tV\\t-l --json\\n*\\t\\t--key=\\n"\n')
	chmod +x build/modelvault
	plant good < <(printf '.Sh X\n.It Fl -key Ar f\n.Sh COMMANDS\n.Bl\n.It Cm init Ar v\n.Bl\n.It Fl -new Ar n\n.El\n.It Cm ls Oo Fl l Oc Op Fl -json\n.El\n.Sh EXAMPLES\nmodelvault init\nmodelvault ls\n')
	must_accept "$PAGE" <good
	must_complain "$PAGE" < <(sed '/-new/d' good)
	must_complain "$PAGE" < <(sed 's/Oo Fl l Oc//' good)
	must_complain "$PAGE" < <(sed 's/Fl -json/Fl -json Fl -yaml/' good)
	must_complain "$PAGE" < <(sed 's/^.It Cm ls.*/&\n.It Cm dance/' good)
	must_complain "$PAGE" < <(sed 's/^.It Cm init/.It Cm initiate/' good)
	must_complain "$PAGE" < <(sed '/-key/d' good)
	must_complain "$PAGE" < <(sed '/modelvault ls/d' good)
}

lint_main "$@"
