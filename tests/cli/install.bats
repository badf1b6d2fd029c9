#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What `make install` leaves on a machine, and that `make uninstall` takes it away; completion in
# bash, driven as the shell drives it.

load ../lib

in_tree() { make -s -C "$TESTS/.." "$@" >/dev/null; }

# complete WORD...: the last one is being typed. Candidates in $output, sorted.
complete() {
	# shellcheck disable=SC2016  # for the other shell
	run bash -c '. "$1"; shift; COMP_WORDS=(modelvault "$@") COMP_CWORD=$#
		_modelvault; printf "%s\n" "${COMPREPLY[@]}" | LC_ALL=C sort' \
		- "$TESTS/../build/completion/modelvault" "$@"
}
offers() { [ "${output//$'\n'/ }" = "$*" ] || { echo "not '$*' but '${output//$'\n'/ }'"; return 1; }; }

@test "make install puts everything in its place, and uninstall leaves nothing" {
	local d=$T/root
	in_tree install DESTDIR="$d" PREFIX=/opt/mv SBINDIR=/usr/sbin
	[ "$("$d/opt/mv/bin/modelvault" version)" = "$("$MODELVAULT" version)" ]
	[ "$(readlink "$d/usr/sbin/mount.modelvault")" = /opt/mv/bin/modelvault ]
	[ "$(readlink "$d/usr/sbin/mount.fuse.modelvault")" = /opt/mv/bin/modelvault ]
	for file in man/man1/modelvault.1 man/man5/modelvault-policy.5 man/man8/mount.modelvault.8 doc/modelvault/README.md \
		doc/modelvault/contrib/docs/threat-model.md bash-completion/completions/modelvault; do
		[ -s "$d/opt/mv/share/$file" ]
	done
	grep -qxF 'ExecStart=/opt/mv/bin/modelvault mount ${VAULT} ${MOUNTPOINT} -f -o ${OPTIONS}' \
		"$d/opt/mv/lib/systemd/system/modelvault@.service"
	run ! grep -rq @TABLE@ "$d/opt/mv/share/bash-completion"
	# Every link of the README leads somewhere there too.
	while read -r file; do
		[[ $file == contrib/man/* ]] || [ -e "$d/opt/mv/share/doc/modelvault/$file" ]
	done < <(grep -oE '\]\([^)#:]+\)' "$d/opt/mv/share/doc/modelvault/README.md" | tr -d '()]')
	in_tree uninstall DESTDIR="$d" PREFIX=/opt/mv SBINDIR=/usr/sbin
	[ -z "$(find "$d" ! -type d)" ]
	# Where the machine's own programs are, the helper goes to /sbin.
	in_tree install DESTDIR="$d" PREFIX=/usr
	[ "$(readlink "$d$(realpath /sbin)/mount.modelvault")" = /usr/bin/modelvault ]
}

@test "an ordinary user installs below his home, and nothing goes elsewhere" {
	mkdir -p home/tree/build
	(cd "$TESTS/.." && cp -a Makefile README.md LICENSE keystore policy fs contrib "$T/home/tree" &&
		cp -a build/{obj,completion,modelvault,libmodelvault.a,flags,objects} "$T/home/tree/build")
	chown -R mvalice home
	run as_user mvalice make -s -C home/tree install PREFIX="$T/home/.local"
	[ "$status" -eq 0 ]
	[[ $output == *"mount(8) looks for"*SBINDIR=/sbin* ]]
	[ -L home/.local/sbin/mount.modelvault ]
	as_user mvalice "$T/home/.local/bin/modelvault" version
}

@test "completion: commands, and nothing that is internal" {
	complete ''
	[ "$output" = "$("$MODELVAULT" help --table | cut -f 1 | grep -vxF '*' | LC_ALL=C sort)" ]
	complete umou
	offers umount
	complete help gran
	offers grant
}

@test "completion: the options of the command, with those for unlocking" {
	local command
	complete import /v --rep
	offers --replace
	for command in import ls audit version; do
		complete "$command" /v -
		# shellcheck disable=SC2046  # one word per option
		offers $("$MODELVAULT" help --table | awk -F '\t' -v c="$command" '$1 == c || $1 == "*" { print $3 }' |
			tr -d = | tr ' ' '\n' | grep . | LC_ALL=C sort -u)
	done
}

@test "completion: what stands behind an option" {
	touch some.key 'a b.key'
	mkdir dir
	complete init v --cipher aes
	offers aes-256-gcm aes-256-ocb
	complete ls v --key-file s
	offers some.key
	complete ls v --key-file = s
	offers some.key
	complete ls v --key-file 'a '
	offers 'a b.key'
	complete init v --objects ''
	offers dir
	complete explain v p --user mvali
	offers mvalice
	complete audit v query --outcome d
	offers deny
	complete audit v query --order ''
	offers newest oldest
	complete mount v m -o cache
	offers cache-idle= cache=keep cache=none cache=open
	complete mount v m -o ro,no
	offers ro,noexec
	complete mount v m -o audit=r
	offers audit=required
	complete grant v --days mon-
	offers mon-fri
	complete grant v --max-opens 10/
	offers 10/day 10/hour 10/week
	complete explain v p --userns ''
	offers contained
}

@test "completion: operands by the words of the help" {
	mkdir -p vault other/sub
	touch source
	complete mount v
	offers vault
	complete mount --key-file k ot
	offers other
	complete mount vault ot
	offers other
	complete import vault s
	offers source
	complete audit vault que
	offers query
	complete key vault slo
	offers slots
	complete grant vault user
	offers user: userns:contained
	complete grant vault user : mvali
	offers mvalice
	complete grant vault user :
	[[ $output == *mvalice* ]]
	complete grant vault group : mvt
	offers mvteam
	complete grant vault user:x r
	offers read role:
	complete grant vault ro
	offers role:
	complete grant vault loginuid : mvali
	offers mvalice
	touch program
	complete grant vault exe : prog
	offers program
	complete role vault ''
	offers add list remove
	complete role vault add vision us
	offers user:
	complete rules vault ''
	offers export import lint list suggest
	complete rules vault import so
	offers source
	complete mode vault ''
	offers enforce learn set
	complete mode vault set private=
	offers 'private=no private=yes'
	complete key vault ''
	offers add destroy rekey remove rotate slots
}

@test "completion: mount points, and paths of a vault that is mounted, without a key" {
	mkdir -p models/llama 'models/a b'
	echo x >models/llama/file.gguf
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault models 2>/dev/null
	mounted vault m 2>/dev/null
	unset MODELVAULT_KEY_FILE
	complete umount "$T"
	offers "$T/m"
	complete ls "$T/m" mod
	offers models/
	complete rm vault models/
	offers 'models/a b/ models/llama/'
	complete grant vault user:mvalice read models/llama/f
	offers models/llama/file.gguf
	cd /
	complete verify "$T/m" models/l
	offers models/llama/
	MODELVAULT=$T/vault complete ls @ mod
	offers models/
	cd "$T"
	unmounted m
	complete ls vault mod
	offers ''
}
