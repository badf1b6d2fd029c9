#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Bad input is normal: every complaint is one line that says what, where and what to do next, with
# the documented exit code; nothing changes, nothing hangs, nothing reaches a terminal raw.
load ../lib

setup_file() {
	common_setup
	export F=$T MODELVAULT_STATE_DIR=$T/state MODELVAULT_KEY_FILE=$T/key
	mkdir state empty full private tree
	touch full/x
	chmod 700 private
	echo hello >tree/file
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree/file 2>/dev/null
}
teardown_file() { common_teardown; }
setup() {
	cd "$F" || return 1
	export MODELVAULT_KEY_FILE=$F/vault.key
	T=$(mktemp -d "$F/test.XXXXXX")
	chmod 755 "$T"
}
teardown() {
	local mountpoint
	while read -r mountpoint; do
		timeout 10 "$MODELVAULT" umount "$mountpoint" 2>/dev/null || umount -l "$mountpoint"
	done < <(mounts_below "$T")
	rm -rf --one-file-system "$T"
}

# says CODE PATTERN COMMAND...: that exit code, within seconds, nothing on standard output, and one line
# on standard error that fits the pattern and has no control byte.
says() {
	local code=$1 pattern=$2
	shift 2
	if declare -F "$1" >/dev/null; then
		run --separate-stderr "$@" </dev/null
	else
		run --separate-stderr timeout 20 "$@" </dev/null
	fi
	# shellcheck disable=SC2053,SC2154  # a pattern is meant; run sets stderr_lines
	if [ "$status" -ne "$code" ] || [ -n "$output" ] || [[ $stderr != $pattern ]] ||
		[ "${#stderr_lines[@]}" -ne 1 ] || grep -aq '[[:cntrl:]]' <<<"$stderr"; then
		printf 'exit %s, not %s: %.300q: %.300s\n%.300q\n' "$status" "$code" "$*" "$output" "$stderr"
		return 1
	fi
}

# every_command WORD...: the names of all commands that take a VAULT first.
every_command() { "$MODELVAULT" help | sed -nE 's/^  ([a-z]+) +\[?VAULT.*/\1/p'; }

copy_of_vault() {
	rm -rf "$T/broken"
	cp -a vault "$T/broken"
}

# --- VAULT ---

@test "what is no vault is exit 6 for every command, and says so" {
	local command operands
	ln -s loop "$T/loop"
	mkfifo "$T/fifo"
	for command in $(every_command); do
		operands=(x)
		case $command in
		init | restore) continue ;; # there it may be missing
		accept) operands=(--database) ;;
		mount) operands=("$T/empty") ; mkdir -p "$T/empty" ;;
		grant | deny) operands=(any read x) ;;
		ls | rules | status | audit | recover) operands=() ;;
		export | mv) operands=(x "$T/out") ;;
		import) operands=(tree/file) ;;
		key) operands=(slots) ;;
		explain) operands=(x --user root) ;;
		revoke) operands=(1) ;;
		esac
		says 6 "*missing: there is no such vault; \`modelvault init missing\` makes one" \
			"$MODELVAULT" "$command" missing "${operands[@]}"
		says 6 "*empty is not a vault and not the mount point of one; *" \
			"$MODELVAULT" "$command" empty "${operands[@]}"
	done
	says 6 "*tree/file is not a vault*" "$MODELVAULT" ls tree/file
	says 6 "*fifo is not a vault*" "$MODELVAULT" ls "$T/fifo"
	says 6 "*/dev/null is not a vault*" "$MODELVAULT" ls /dev/null
	says 6 "*'': there is no such vault*" "$MODELVAULT" ls ""
	says 6 "*'@' stands for \$MODELVAULT, which is not set*" "$MODELVAULT" ls @
	says 1 "*Too many levels*" "$MODELVAULT" ls "$T/loop"
	says 1 "*name too long*" "$MODELVAULT" ls "$(printf 'x%.0s' {1..300})"
	says 1 "*Not a directory*" "$MODELVAULT" ls tree/file/below
	says 3 "*permission denied; ask its owner*" as_user mvbob "$MODELVAULT" ls "$F/private"
	says 4 "*locked and no server has it: give --key-file F*" as_user mvbob "$MODELVAULT" ls "$F/vault"
	says 6 '*a\\nb\\x1b\[31m: there is no such vault*' "$MODELVAULT" ls $'a\nb\e[31m'
	says 6 '*\\xff\\xc2\\x9b: there is no such vault*' "$MODELVAULT" ls $'\xff\xc2\x9b'
}

@test "a vault that somebody holds is exit 7 and names the process" {
	local holder
	copy_of_vault
	mkfifo "$T/go"
	MODELVAULT_STATE_DIR=$T "$MODELVAULT" import "$T/broken" - --to x <"$T/go" 3>&- &
	holder=$!
	exec 5>"$T/go"
	wait_for 5 grep -q "pid $holder" "$T/broken/lock"
	says 7 "*is in use by process $holder;*" "$MODELVAULT" ls "$T/broken"
	exec 5>&-
	wait $holder
}

@test "a vault or a database of a newer format is named, not touched" {
	copy_of_vault
	sed -i 's/modelvault 1/modelvault 2/' "$T/broken/id"
	says 1 "*was made by a newer modelvault; use that version" "$MODELVAULT" rules "$T/broken"
	for database in keystore audit; do
		copy_of_vault
		sqlite3 "$T/broken/$database.db" "PRAGMA user_version = 99" >/dev/null
		says 1 "*made by a newer modelvault; use that version" "$MODELVAULT" rules "$T/broken"
	done
}

# breaks HOW FILE: does that to the copy's file.
breaks() {
	local file=$T/broken/$2
	case $1 in
	missing) rm -rf "$file" ;;
	empty) rm -rf "$file"; : >"$file" ;;
	truncated) truncate -s 20 "$file" ;;
	garbage) rm -rf "$file"; head -c 8192 /dev/urandom >"$file" ;;
	directory) rm -rf "$file"; mkdir "$file" ;;
	fifo) rm -rf "$file"; mkfifo "$file" ;;
	link) mv "$file" "$file.moved"; ln -s "${file##*/}.moved" "$file" ;;
	esac
}

@test "a broken vault is named with the file that is broken, and exit 5" {
	local how file pattern code
	for file in id keystore.db audit.db audit.key; do
		for how in missing empty truncated garbage directory fifo link; do
			case $file/$how in id/link | audit.key/link) continue ;; esac
			case $file in
			id) pattern="*file id*damaged*" ;;
			keystore.db) pattern="*keystore.db *keystore.copy, the last good state*" ;;
			*) pattern="*audit trail cannot be continued*verify*" ;;
			esac
			echo "$file $how"
			copy_of_vault
			breaks $how $file
			says 5 "$pattern" env MODELVAULT_STATE_DIR="$T" "$MODELVAULT" rules "$T/broken"
		done
	done
	for how in directory link; do
		copy_of_vault
		breaks $how lock
		says 1 "*/lock: *" "$MODELVAULT" rules "$T/broken"
	done
	for how in missing empty fifo; do
		copy_of_vault
		breaks $how objects
		code=1
		[ $how != missing ] || code=6
		says $code "*objects directory *; mount it or put it back" "$MODELVAULT" rules "$T/broken"
	done
	# What can be made anew is.
	for file in lock reserve keystore.copy; do
		copy_of_vault
		breaks garbage $file
		run -0 env MODELVAULT_STATE_DIR="$T/$file" "$MODELVAULT" rules "$T/broken"
	done
}

@test "an older vault put back is told from a restore that was meant" {
	copy_of_vault
	"$MODELVAULT" grant vault any list x 2>/dev/null
	says 5 "*keystore.db is older than this machine has seen *accept*--database*" \
		"$MODELVAULT" rules "$T/broken"
}

@test "a vault on a read-only file system says that it must be writable" {
	mkdir "$T/disk"
	mount -t tmpfs -o size=8m modelvault-test "$T/disk"
	cp -a vault "$T/disk/vault"
	mount -o remount,ro "$T/disk"
	says 1 "*Read-only file system; a vault is opened where it can be written" \
		"$MODELVAULT" rules "$T/disk/vault"
	says 1 "*Read-only file system*" "$MODELVAULT" init "$T/disk/new" --new-key-file "$T/k"
	[ ! -e "$T/k" ]
	umount "$T/disk"
}

# --- MOUNTPOINT ---

@test "a mount point that cannot be one is named with what to do" {
	cd "$T"
	mkdir m second full
	touch full/x file
	says 6 "*'missing': No such file or directory; make the directory first" "$MODELVAULT" mount "$F/vault" missing
	says 6 "*'': No such file*" "$MODELVAULT" mount "$F/vault" ""
	says 1 "*full is not empty*choose an empty directory" "$MODELVAULT" mount "$F/vault" full
	says 2 "*file is not a directory*" "$MODELVAULT" mount "$F/vault" file
	says 2 "*inside the vault*" "$MODELVAULT" mount "$F/vault" "$F/vault/objects"
	says 7 "*/ is a mount point already; choose another directory" "$MODELVAULT" mount "$F/vault" /
	"$MODELVAULT" mount "$F/vault" m 2>/dev/null
	says 7 "*m is a mount point already; \`modelvault umount *" "$MODELVAULT" mount "$F/vault" m
	"$MODELVAULT" mkdir "$F/vault" hollow
	says 2 "*m/hollow is on a mount of $F/vault; choose another place" "$MODELVAULT" mount "$F/vault" m/hollow
	says 3 "*mount: refused: it needs the role admin" as_user mvbob "$MODELVAULT" mount "$F/vault" second
	says 6 "*second is not the mount point of a vault; \`modelvault status\` lists them" "$MODELVAULT" umount second
	says 2 "*option 'rw' *" "$MODELVAULT" mount "$F/vault" second -o rw
	says 2 "*option 'cache=x' has a value that cannot be*" "$MODELVAULT" mount "$F/vault" second -o cache=x
	says 2 "*option 'threads=0' *" "$MODELVAULT" mount "$F/vault" second -o threads=0
	"$MODELVAULT" rm "$F/vault" -r hollow
	"$MODELVAULT" umount m
}

@test "nothing of a vault is kept on its own mount, or read from it" {
	cd "$T"
	mkdir m other
	"$MODELVAULT" grant "$F/vault" user:root read '**' >rule 2>/dev/null
	"$MODELVAULT" mount "$F/vault" m 2>/dev/null
	"$MODELVAULT" init other/vault --new-key-file other/key 2>/dev/null
	says 2 "*m/new is on a mount of the vault *; choose another place" "$MODELVAULT" init m/new --new-key-file k
	says 2 "*m/a/b is on a mount *" "$MODELVAULT" init new --objects m/a/b --new-key-file k
	says 2 "*belongs to this vault*" "$MODELVAULT" import "$F/vault" m/file --to again
	says 2 "*belongs to this vault*" "$MODELVAULT" import "$F/vault" m --to again
	says 1 "*export: m/new: Read-only file system*" "$MODELVAULT" export "$F/vault" file m/new
	[ ! -e new ]
	[ ! -e k ]
	"$MODELVAULT" umount m
	# With a key that seems to lie on the vault's own mount: a bind mount of the key's directory.
	says 4 "*key file $F/vault/objects/x is inside the vault, or on a mount of it; move it elsewhere" \
		"$MODELVAULT" rules "$F/vault" --key-file "$F/vault/objects/x"
	"$MODELVAULT" revoke "$F/vault" "$(cat rule)" 2>/dev/null
}

@test "a path below a mount point in the place of VAULT gets the right spelling" {
	cd "$T"
	mkdir m
	"$MODELVAULT" mount "$F/vault" m 2>/dev/null
	says 2 "*write VAULT and path apart: $T/m file" "$MODELVAULT" ls m/file
	says 2 "*write VAULT and path apart: $T/m no/such" "$MODELVAULT" verify "$T/m/no/such"
	says 2 "*in the vault it is file: give that" "$MODELVAULT" ls m "$T/m/file"
	"$MODELVAULT" umount m
}

# --- names ---

@test "names with control bytes are never shown raw, in no output" {
	local command
	cd "$T"
	mkdir evil m
	touch evil/$'new\nline' evil/$'\e[31mred' evil/$'\xff\xc2\x9b31m' evil/$'tab\t\r' evil/$'\x7f'
	"$MODELVAULT" import "$F/vault" evil 2>/dev/null
	"$MODELVAULT" mount "$F/vault" m 2>/dev/null
	"$MODELVAULT" grant "$F/vault" user:mvbob read $'evil/\e\[31mred' >rule 2>said
	as_user mvbob cat "m/evil/"$'\e[31mred' >/dev/null
	as_user mvalice cat "m/evil/"$'new\nline' 2>/dev/null || true
	for command in "ls" "ls -l" "ls --json" rules "rules --json" audit "audit --json" status verify \
		"explain evil --user mvbob"; do
		# shellcheck disable=SC2086  # a command and its options
		set -- $command
		"$MODELVAULT" "$1" "$F/vault" "${@:2}" >>said 2>&1 || [ "$1" = explain ]
	done
	"$MODELVAULT" explain "$F/vault" evil/$'new\nline' --user mvbob >>said 2>&1 || true
	"$MODELVAULT" export "$F/vault" evil out >>said 2>&1 || true
	"$MODELVAULT" rm "$F/vault" evil/$'absent\e[1m' >>said 2>&1 || true
	grep -q '\\x1b\[31mred' said
	# Neither C0 nor DEL nor C1, nor bytes that are no UTF-8.
	tr -d '\n' <said >joined
	run ! grep -aqP '[\x00-\x1f\x7f]' joined
	iconv -f UTF-8 -t UTF-8 joined >/dev/null
	run ! grep -qP '\xc2[\x80-\x9f]' joined
	"$MODELVAULT" umount m
	"$MODELVAULT" revoke "$F/vault" "$(cat rule)" 2>/dev/null
	"$MODELVAULT" rm "$F/vault" -r evil
}

@test "paths that name nothing, climb out or are too long are exit 6, or 1 where one is made" {
	local path
	for path in absent .. ../x file/../file ./file "$(printf 'x%.0s' {1..256})" $'a\nb' $'\xff' "$(printf 'd/%.0s' {1..2000})"; do
		says 6 "*no such name in this vault*" "$MODELVAULT" ls vault "$path"
		says 6 "*" "$MODELVAULT" rm vault -r "$path"
		says 6 "*" "$MODELVAULT" explain vault "$path" --user root
	done
	for path in .. ../b a//../b "$(printf 'x%.0s' {1..256})"; do
		says 1 "*its name may not be in a vault*" "$MODELVAULT" import vault tree/file --to "$path"
	done
	says 1 "*root of the vault cannot be removed" "$MODELVAULT" rm vault -r /
	"$MODELVAULT" rm vault -r a
	[ "$("$MODELVAULT" ls vault)" = file ]
}

# --- keys ---

@test "a key file that opens nothing is exit 4, or 6 when it is not there" {
	cd "$T"
	head -c 31 /dev/urandom >short
	: >empty
	head -c 9000 /dev/urandom >long
	head -c 32 /dev/urandom >wrong
	printf '\n' >newline
	head -c 5000 /dev/zero | tr '\0' a >longwords
	echo words >words
	mkdir directory
	ln -s loop loop
	chmod 600 short empty long wrong newline longwords words
	says 4 "*key file short: too short; a key file has at least 32 bytes" "$MODELVAULT" ls "$F/vault" --key-file short
	says 4 "*key file empty: it is empty*" "$MODELVAULT" ls "$F/vault" --key-file empty
	says 4 "*key file long: more than 8192 bytes*" "$MODELVAULT" ls "$F/vault" --key-file long
	says 4 "*key file /dev/zero: more than*" "$MODELVAULT" ls "$F/vault" --key-file /dev/zero
	says 4 "*key file directory: Is a directory*" "$MODELVAULT" ls "$F/vault" --key-file directory
	says 4 "*key file loop: Too many levels*" "$MODELVAULT" ls "$F/vault" --key-file loop
	says 4 "*wrong key: it opens no slot of this vault*" "$MODELVAULT" ls "$F/vault" --key-file wrong
	says 4 "*no slot for this kind of key*" "$MODELVAULT" ls "$F/vault" --passphrase-file words
	says 4 "*passphrase file newline: it is empty*" "$MODELVAULT" ls "$F/vault" --passphrase-file newline
	says 4 "*passphrase file longwords: more than 4096 bytes*" "$MODELVAULT" ls "$F/vault" --passphrase-file longwords
	says 4 "*descriptor 99: not the number of an open descriptor" "$MODELVAULT" ls "$F/vault" --passphrase-fd 99
	says 4 "*descriptor x: not the number*" "$MODELVAULT" ls "$F/vault" --passphrase-fd x
	says 6 "*key file 'absent': there is no such*" "$MODELVAULT" ls "$F/vault" --key-file absent
	says 6 "*key file '': there is no such*" "$MODELVAULT" ls "$F/vault" --key-file ""
	says 4 "*locked and no server has it*" env MODELVAULT_KEY_FILE= "$MODELVAULT" ls "$F/vault"
	# From a pipe all the same, and with a word when everybody can read the key.
	run -0 "$MODELVAULT" ls "$F/vault" --key-file <(sleep 0.2; cat "$F/vault.key")
	install -m 644 "$F/vault.key" world
	run -0 --separate-stderr "$MODELVAULT" ls "$F/vault" --key-file world
	[[ $stderr == *"world can be read by every user; \`chmod go= world\`" ]]
	run -0 --separate-stderr "$MODELVAULT" ls "$F/vault" --key-file "$F/vault.key"
	[ -z "$stderr" ]
}

@test "a pipe into which nobody writes is no key file for ever" {
	mkfifo "$T/pipe"
	says 4 "*key file $T/pipe: a pipe into which nobody writes" "$MODELVAULT" ls vault --key-file "$T/pipe"
}

@test "init refuses what it cannot make a vault of, and leaves nothing behind" {
	cd "$T"
	: >empty
	mkdir full none
	touch full/x
	says 6 "*make the directory above it first" "$MODELVAULT" init no/vault --new-key-file k
	says 6 "*'' names no directory for the vault" "$MODELVAULT" init "" --new-key-file k
	says 1 "*is a vault already and is left alone" "$MODELVAULT" init "$F/vault" --new-key-file k
	says 1 "*full is not empty*" "$MODELVAULT" init full --new-key-file k
	says 1 "*Not a directory*" "$MODELVAULT" init empty --new-key-file k
	says 1 "*is there already and is left alone; choose another name" "$MODELVAULT" init v --new-key-file empty
	says 6 "*new key file 'no/k'*" "$MODELVAULT" init v --new-key-file no/k
	says 2 "*no way to unlock was given*" "$MODELVAULT" init v
	says 2 "*exactly one of*" "$MODELVAULT" init v --new-key-file k --new-passphrase-file empty
	says 4 "*new passphrase empty: it is empty*" "$MODELVAULT" init v --new-passphrase-file empty
	says 2 "*cipher 'rot13' is not known; aes-256-gcm, *" "$MODELVAULT" init v --new-key-file k --cipher rot13
	for size in 5000 '' 0 2M 99999999999999999999 -4K 4k; do
		says 2 "*chunk '$size': a power of two from 4K to 1M" "$MODELVAULT" init v --new-key-file k --chunk "$size"
	done
	says 1 "*objects in $T/empty: Not a directory; nothing was made" "$MODELVAULT" init v --new-key-file k --objects empty
	says 1 "*objects in $T/no/o: No such file*" "$MODELVAULT" init v --new-key-file k --objects no/o
	[ ! -e k ]
	[ ! -e v ]
}

# --- subjects, patterns, rules, times ---

@test "unknown users and groups, and numbers out of range" {
	local word
	for word in user:nobodyhere user:-1 user:1e3 user:+5 group:none group:-1 user:mvalice:x $'user:\e[1m'; do
		says 6 "*there is no such *" "$MODELVAULT" grant vault "$word" read '**'
	done
	for word in user:4294967295 user:99999999999 group:4294967295 user:007; do
		says 2 "*the number is between 0 and 4294967294, without zeros before it" \
			"$MODELVAULT" grant vault "$word" read '**'
	done
	for word in user: user group: anyone '' :; do
		says 2 "*" "$MODELVAULT" grant vault "$word" read '**'
	done
	for word in nobodyhere -1 4294967295 ''; do
		says 6 "*there is no user *" "$MODELVAULT" explain vault file --user "$word"
		says 6 "*there is no user *" "$MODELVAULT" revoke vault --user "$word"
	done
	run ! grep -qv list <("$MODELVAULT" rules vault)
}

@test "malformed permissions, patterns and rule numbers" {
	local word
	for word in '' frobnicate read=no; do
		says 2 "*are no permissions: read, write, list, *" "$MODELVAULT" grant vault any "$word" '**'
	done
	for word in READ 'read,' ',read' 'read write' read,read execute; do
		says 2 "*are no permissions: did you mean read*" "$MODELVAULT" grant vault any "$word" '**'
	done
	# shellcheck disable=SC1003  # backslashes are meant
	for word in '' / // . .. ../x a/../b '[' '[a' '[]' '[z-a]' "\\" 'a\' '***' 'a**b' "$(printf 'a/%.0s' {1..3000})"; do
		says 2 "*is no pattern: *" "$MODELVAULT" grant vault any read "$word"
	done
	for word in x 1x '' 99999999999999999999 1.5; do
		says 2 "*is no rule number*" "$MODELVAULT" revoke vault "$word"
	done
	says 6 "*there is no rule 999; nothing was revoked; *" "$MODELVAULT" revoke vault 999
	says 2 "*--perm is one of read, write and list*" "$MODELVAULT" explain vault file --user root --perm x
}

@test "malformed times, numbers and words of audit" {
	local word
	for word in '' yesterday 2026-13-01 2026-02-30 2026-01-01T25:00:00Z 1e9; do
		says 2 "*" "$MODELVAULT" audit vault --since "$word"
		says 2 "*" "$MODELVAULT" audit vault --until "$word"
	done
	for word in '' -1 x 99999999999999999999; do
		says 2 "*" "$MODELVAULT" audit vault --limit "$word"
		says 2 "*" "$MODELVAULT" audit vault --rule "$word"
	done
	says 2 "*" "$MODELVAULT" audit vault --order sideways
	says 2 "*" "$MODELVAULT" audit vault --outcome perhaps
	says 2 "*" "$MODELVAULT" audit vault --action nothing-known
	says 2 "*" "$MODELVAULT" audit vault nonsense
}

# --- the command line itself: driven by `modelvault help`, so that new commands are covered ---

@test "every command: unknown options, values that are missing or too many, an option given twice" {
	local command option
	for command in $("$MODELVAULT" help | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
		for option in --no-such -Z --=x ---x $'--\e[1m'; do
			says 2 "*unknown option '*'; \`modelvault help $command\` lists them" "$MODELVAULT" "$command" "$option"
		done
		run -0 --separate-stderr "$MODELVAULT" "$command" --help
		[[ $output == "modelvault $command "* ]]
		[ -z "$stderr" ]
		run -0 "$MODELVAULT" "$command" vault one two --help
		[[ $output == "modelvault $command "* ]]
		while read -r option; do
			case $option in
			*VALUE)
				option=${option% VALUE}
				says 2 "*option '$option' needs a value" "$MODELVAULT" "$command" vault "$option"
				says 2 "*option '$option' is given twice; give it once" \
					"$MODELVAULT" "$command" vault "$option" 1 "$option" 2
				;;
			--*)
				says 2 "*option '$option' takes no value" "$MODELVAULT" "$command" vault "$option=1"
				;;
			esac
		done < <("$MODELVAULT" help "$command" | sed -nE 's/^  (-.*)/\1/p')
	done
	says 2 "*there is no command 'frobnicate'; did you mean *" "$MODELVAULT" frobnicate
	says 2 "*there is no command '\\\\x1b\[1m'*" "$MODELVAULT" $'\e[1m'
	says 2 "*there is no command ''*" "$MODELVAULT" ''
	says 2 "*no command; \`modelvault help\` lists them" "$MODELVAULT"
	says 2 "*there is no command 'x'*" "$MODELVAULT" help x
}

@test "after -- everything is an operand, and options may stand anywhere" {
	says 6 "*--json: there is no such vault*" "$MODELVAULT" ls -- --json
	says 6 "*--user: no such name*" "$MODELVAULT" ls vault -- --user
	[ "$("$MODELVAULT" ls --json -- vault | jq -r .path)" = file ]
	[ "$("$MODELVAULT" ls vault --json file | jq -r .path)" = file ]
}

@test "a command line of megabytes is refused, not half done" {
	local large
	# One argument may have 128 KiB; the whole line 2 MiB and more.
	large=$(head -c 130000 /dev/zero | tr '\0' x)
	says 6 "*" "$MODELVAULT" ls vault "$large"
	says 2 "*" "$MODELVAULT" grant vault any read "$large"
	run timeout 20 "$MODELVAULT" rm vault "$large" "$large" "$large" "$large" "$large" "$large" "$large" \
		"$large" "$large" "$large"
	[ "$status" -ne 0 ]
	[[ $output == *"the command line is too long"* ]]
	# shellcheck disable=SC2046  # many words
	run timeout 20 "$MODELVAULT" rm vault $(seq 5000)
	[ "$status" -ne 0 ]
	[ "$("$MODELVAULT" ls vault)" = file ]
}

# --- standard input, output, error; locale ---

@test "words that cannot be written are exit 1, and a reader who goes ends the command" {
	local command
	for command in "help" "version" "ls vault" "ls vault --json" "audit vault" "audit vault --json" \
		"status vault" "key vault slots"; do
		# shellcheck disable=SC2086  # a command and its operands
		run -1 bash -c '"$@" 2>&1 >/dev/full' - "$MODELVAULT" $command
		[[ $output == *"standard output cannot be written: No space left on device"* ]] || { echo "$command: $output"; false; }
	done
	run bash -c '"$1" audit vault --json | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"' - "$MODELVAULT"
	[ "$status" = 0 ] || [ "$status" = 141 ]
	[ -z "$output" ]
}

@test "closed descriptors do no harm: nothing is written into a database" {
	copy_of_vault
	for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
		bash -c "\"\$1\" rules \"\$2\" $closed" - "$MODELVAULT" "$T/broken" || true
		bash -c "\"\$1\" ls nowhere $closed" - "$MODELVAULT" || true
	done
	run -0 env MODELVAULT_STATE_DIR="$T" "$MODELVAULT" rules "$T/broken"
	run -0 "$MODELVAULT" audit "$T/broken" verify
}

@test "any locale, none, and an empty environment give the same words" {
	local words
	words=$("$MODELVAULT" ls nowhere 2>&1 || true)
	for locale in C POSIX C.UTF-8 xx_YY.nonsense ''; do
		[ "$(LC_ALL=$locale LANG=$locale "$MODELVAULT" ls nowhere 2>&1 || true)" = "$words" ]
	done
	[ "$(env -i "$MODELVAULT" ls nowhere 2>&1 || true)" = "$words" ]
}

# --- a full disk ---

fill() { cat /dev/zero >>"$T/disk/filler" 2>/dev/null || true; }

@test "on a full disk every command that writes fails in one line, loses nothing, and works later" {
	mkdir "$T/disk" "$T/m"
	mount -t tmpfs -o size=7m modelvault-test "$T/disk"
	cd "$T/disk"
	export MODELVAULT_STATE_DIR=$T/state
	"$MODELVAULT" init vault --new-key-file "$T/key" 2>/dev/null
	export MODELVAULT_KEY_FILE=$T/key
	"$MODELVAULT" import vault "$F/tree/file" 2>/dev/null
	"$MODELVAULT" grant vault user:root read '**' 2>/dev/null
	head -c 6000000 /dev/urandom >"$T/large"
	# Too large for what is left: nothing of it is visible, and no object stays.
	run -1 "$MODELVAULT" import vault "$T/large" "$T/large" --to more
	[[ $output == *"large: No space left on device"* ]] || [[ $output == *"large"*"pace"* ]]
	run ! grep -qv -e '^file$' -e '/$' <("$MODELVAULT" ls vault)
	fill
	says 1 "*" "$MODELVAULT" grant vault any read x
	says 1 "*" "$MODELVAULT" init other --new-key-file "$T/otherkey"
	[ ! -e other ]
	[ ! -e "$T/otherkey" ]
	run -1 "$MODELVAULT" import vault "$T/large" --to more
	run "$MODELVAULT" export vault file out
	[ "$status" = 1 ] && { [ ! -e out ] || false; }
	rm filler
	[ "$("$MODELVAULT" rules vault | wc -l)" = 1 ]
	"$MODELVAULT" export vault file - | cmp - "$F/tree/file"
	"$MODELVAULT" verify vault
	"$MODELVAULT" audit vault verify
	"$MODELVAULT" grant vault any read x 2>/dev/null
	cd "$F"
	umount "$T/disk"
}
