#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The arrows of the layout: which part may include which, where a foreign library may be named, and
# where SQL may stand. The folder listing is the architecture only as long as this holds.
# shellcheck source=tests/lint/lint.bash
. "$(dirname "$0")/lint.bash"

BASE='keystore/base/*.h'
ARROWS='every arrow points down (README, layout): move the code, or hand the thing in from above'

# named_by HEADER...: what these facades themselves include; whoever may use a facade may name those.
named_by() { for h in "$@"; do [ ! -f "$h" ] || sed -n 's/^#include "\(.*\)"/\1/p' "$h"; done; }

# may_include FILE: the patterns of headers that it may include.
may_include() {
	case $1 in
	keystore/base/*) echo "$BASE" ;;
	keystore/*) echo "keystore/*.h" ;;
	policy/*) echo "policy/*.h $BASE" ;;
	fs/format/*) echo "fs/format/*.h $BASE keystore/aead.h keystore/derive.h" ;;
	fs/mount/*) echo "fs/mount/*.h fs/format/*.h $BASE keystore/keystore.h policy/policy.h" \
		"policy/audit.h $(named_by keystore/keystore.h policy/policy.h policy/audit.h | tr '\n' ' ')" ;;
	fs/control/*) echo "fs/control/*.h $BASE" ;;
	fs/cmd/*) echo "*.h" ;;
	esac
}

check_arrows() {
	local file=$1 included pattern patterns ok
	set -f
	read -ra patterns <<<"$(may_include "$file")"
	set +f
	while IFS= read -r included; do
		ok=
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053  # a pattern, and its * may cross a slash for *.h alone
			[[ $included == $pattern ]] && ok=1
		done
		case $file,$included in
		keystore/base/*,*) ;;
		*,fs/cmd/*) [[ $file == fs/cmd/* ]] || ok= ;;
		esac
		[[ $included != *_private.h || ${included%/*} == "${file%/*}" ]] || ok=
		[[ $included == */* ]] || ok=
		[ -n "$ok" ] || complain "$file: includes \"$included\": $ARROWS"
	done < <(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file")
}

# quarantine HEADER-REGEX ALLOWED-REGEX
quarantine() {
	files '*.c' '*.h' -- fs keystore policy | grep -vE "^($2)\$" | xargs -r -d '\n' \
		grep -nHE "^[ \t]*#[ \t]*include[ \t]*[<\"]$1" /dev/null | cut -d: -f1,2,3 |
		each_complaint "this library is in quarantine: only $2 may name it"
}

check() {
	local file
	while IFS= read -r file; do
		check_arrows "$file"
	done < <(files '*.c' '*.h' -- fs keystore policy)
	quarantine 'sqlite3' 'keystore/base/db\.c'
	quarantine 'openssl/' \
		'keystore/base/(secret|digest)\.c|keystore/(aead|derive|passphrase_kdf)\.c|policy/audit_sign\.c'
	quarantine '(fuse|fuse3/|fuse_[a-z]*)' 'fs/mount/.*'
	quarantine 'jansson' 'keystore/base/json\.c'
	while IFS= read -r file; do
		strings_of "$file" | grep -E ':.*\b(SELECT|INSERT (OR [A-Z]+ )?INTO|UPDATE |DELETE FROM)' |
			sed "s,^,$file:," |
			each_complaint 'SQL stands only in *_store.c, schema.c and base/db*.c, sealed_rows.c: a second store must be one more file'
	done < <(files '*.c' '*.h' -- fs keystore policy |
		grep -vE '^keystore/base/(db|sealed_rows)[a-z_]*\.c$|^keystore/schema\.c$|_store\.c$')
}

self_test() {
	must_complain keystore/base/a.c <<<'#include "keystore/aead.h"'
	must_complain keystore/a.c <<<'#include "policy/policy.h"'
	must_complain policy/a.c <<<'#include "keystore/keystore.h"'
	must_complain policy/a.h <<<'#include "fs/format/chunk.h"'
	must_complain fs/format/a.c <<<'#include "keystore/keystore.h"'
	must_complain fs/mount/a.c <<<'#include "keystore/file_key.h"'
	must_complain fs/mount/a.c <<<'#include "fs/cmd/cmd.h"'
	must_complain fs/control/a.c <<<'#include "fs/mount/mount.h"'
	must_complain fs/mount/a.c <<<'#include "keystore/keystore_private.h"'
	must_complain fs/cmd/a.c <<<'#include "policy/policy_private.h"'
	must_complain keystore/a.c <<<'#include "aead.h"'
	must_complain keystore/key_store.c <<<'#include <sqlite3.h>'
	must_complain policy/audit.c <<<'# include <openssl/evp.h>'
	must_complain fs/cmd/mount.c <<<'#include <fuse_lowlevel.h>'
	must_complain fs/cmd/ls.c <<<'#include <jansson.h>'
	must_complain fs/cmd/ls.c <<<'char *q = "SELECT name FROM node";'
	must_complain policy/rule.c <<<'char *q = "DELETE FROM rule";'
	must_accept fs/mount/b.c <<<'#include "policy/policy.h"'
	must_accept keystore/key_store.c <<<'char *q = "UPDATE key SET x = 1"; /* SELECT */'
	must_accept keystore/base/db.c <<<'#include <sqlite3.h>'
	must_accept fs/cmd/b.c <<<'/* SELECT */ #include "keystore/rotate.h"'
}

lint_main "$@"
