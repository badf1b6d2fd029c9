#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A command that `modelvault help` shows stands in README.md, in the man page, and in some test:
# what cannot be looked up or is never run does not exist for a user. A command is a line of help
# that begins with blanks and then "modelvault NAME" or NAME, a small word.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

commands() { "$1" help 2>&1 | sed -nE 's/^[ \t]+(modelvault +)?([a-z]+)( .*|\t.*)?$/\2/p' | sort -u; }

check() {
	local program=build/modelvault command
	[ -x "$program" ] || return 0
	[ "$(commands "$program" | wc -l)" -ge 2 ] || complain "$program: help: no command found in it"
	while IFS= read -r command; do
		grep -qwE "$command" README.md 2>/dev/null || complain "README.md: $command is not in it"
		grep -qwE "$command" contrib/man/modelvault.1 2>/dev/null ||
			complain "contrib/man/modelvault.1: $command is not in it"
		files '*.bats' '*.bash' -- tests | xargs -r -d '\n' \
			grep -qE "(\\\$\{?MODELVAULT\}?\"?|modelvault) $command\b" /dev/null ||
			complain "tests: no bats file runs: modelvault $command"
	done < <(commands "$program")
}

self_test() {
	plant build/modelvault < <(printf '#!/bin/sh\nprintf "usage:\\n  modelvault init V\\n  modelvault ls V\\n"\n')
	chmod +x build/modelvault
	plant README.md <<<'init and ls'
	plant contrib/man/modelvault.1 <<<'init and ls'
	must_accept tests/cli/a.bats < <(printf '"$MODELVAULT" init x\n"$MODELVAULT" ls x\n')
	must_complain tests/cli/a.bats < <(printf '"$MODELVAULT" init x\n')
	plant tests/cli/a.bats < <(printf '"$MODELVAULT" init x\n"$MODELVAULT" ls x\n')
	must_complain README.md <<<'only init'
	plant README.md <<<'init and ls'
	must_complain contrib/man/modelvault.1 <<<'only ls'
}

lint_main "$@"
