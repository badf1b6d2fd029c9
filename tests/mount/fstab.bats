#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# mount.modelvault as mount(8) runs it. Each test has a mount namespace of its own in which /sbin
# has the helper, so that nothing is installed on this machine; `inside` runs a command in it.

load ../lib

setup() {
	root_only "mount(8) and fstab are root's"
	common_setup
	local target=/usr/sbin
	mkdir tree m other sbin
	echo 'plain text' >tree/file
	make_vault vault 2>/dev/null
	"$MODELVAULT" import vault tree 2>/dev/null
	"$MODELVAULT" grant vault "user:$OWNER" user:mvalice read '**' 2>/dev/null
	unset MODELVAULT_KEY_FILE
	own_namespace
	[ "$(realpath /sbin)" = "$target" ] || target=/sbin
	# Links to what stands there, and the helpers.
	mkdir real
	inside mount --bind "$target" "$T/real"
	inside mount -t tmpfs none "$target"
	inside cp -as "$T/real/." "$target/"
	inside ln -sf "$MODELVAULT" "$target/mount.modelvault"
	inside ln -sf "$MODELVAULT" "$target/mount.fuse.modelvault"
}

no_server() { [ -z "$(servers_of "$T")" ]; }
is_mounted() { inside findmnt -rn "$T/${1:-m}" >/dev/null; }
options_of() { inside findmnt -rno VFS-OPTIONS "$T/m"; }
helper() { inside /sbin/mount.modelvault "$@"; }

# fstab LINE...: the table of `mount -T`.
fstab() { printf '%s\n' "$@" >"$T/fstab"; }

@test "mount -t modelvault mounts, and plain umount ends the server with its records" {
	run --separate-stderr inside mount -t modelvault "$T/vault" "$T/m" -o "key-file=$T/vault.key"
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(inside cat "$T/m/tree/file")" = 'plain text' ]
	[ "$(inside findmnt -rno FSTYPE,SOURCE "$T/m")" = "fuse.modelvault $T/vault" ]
	[[ ,$(options_of), == *,ro,* && ,$(options_of), == *,nosuid,* && ,$(options_of), != *,noexec,* ]]
	inside umount "$T/m"
	wait_for 5 no_server
	run "$MODELVAULT" audit vault query --key-file vault.key --json
	[ "$(jq -r .action <<<"$output" | grep -xE 'start|mount|umount|stop' | tail -4 | tr '\n' ' ')" = \
		'start mount umount stop ' ]
	# At once again, and by the type that /proc/mounts shows.
	inside mount -t fuse.modelvault "$T/vault" "$T/m" -o "key-file=$T/vault.key"
	inside umount "$T/m"
	inside mount -t modelvault "$T/vault" "$T/m" -o "key-file=$T/vault.key"
	is_mounted
	inside umount "$T/m"
}

@test "lines of fstab: mount -a, by mount point, twice, and umount -a" {
	printf 'a long passphrase' >word
	"$MODELVAULT" init second --new-passphrase-file word 2>/dev/null
	"$MODELVAULT" grant second any read '**' --passphrase-file word 2>/dev/null
	mkdir late
	fstab "# models" \
		"$T/vault $T/m modelvault defaults,nofail,_netdev,noatime,key-file=$T/vault.key,cache=open,x-systemd.requires-mounts-for=/srv 0 0" \
		"$T/second $T/other modelvault ro,noexec,passphrase-file=$T/word,threads=4,comment=words 0 0" \
		"$T/vault $T/late modelvault noauto,key-file=$T/vault.key 0 0"
	inside mount -T "$T/fstab" -a -t modelvault
	is_mounted m
	is_mounted other
	run ! is_mounted late
	[ "$(inside cat "$T/m/tree/file")" = 'plain text' ]
	[[ ,$(inside findmnt -rno VFS-OPTIONS "$T/other"), == *,noexec,* ]]
	# What is mounted is left alone; what is noauto comes when it is named.
	run inside mount -T "$T/fstab" -a -t modelvault
	[ "$status" -eq 0 ]
	[ "$(inside findmnt -rn -o TARGET -t fuse.modelvault | wc -l)" = 2 ]
	inside mount -T "$T/fstab" "$T/late"
	[ "$(inside cat "$T/late/tree/file")" = 'plain text' ]
	inside umount -a -t fuse.modelvault
	run ! is_mounted m
	run ! is_mounted late
	wait_for 5 no_server
}

@test "one wrong line does not keep mount -a from the others" {
	fstab "$T/nowhere $T/other modelvault key-file=$T/vault.key 0 0" \
		"$T/vault $T/m modelvault key-file=$T/vault.key 0 0"
	run inside mount -T "$T/fstab" -a
	[ "$status" -eq 64 ]
	[[ $output == *"$T/nowhere"*"no such vault"* ]]
	is_mounted
}

@test "standard options are honoured or ignored, others refused by name" {
	local word
	for word in rw defaults auto noauto nofail user users owner group _netdev relatime noatime \
		nodiratime strictatime lazytime sync async nosuid nodev comment=a x-a.b=c user=root silent; do
		exits 0 helper "$T/vault" "$T/m" -f -o "$word"
	done
	for word in bind uid=5 umask=022 nosymfollow context=a loop default_permissions fsname=x cache=some threads=0; do
		exits 1 helper "$T/vault" "$T/m" -f -o "ro,$word,noatime"
		[[ $output == *"'$word'"* ]]
		exits 1 helper "$T/vault" "$T/m" -o "key-file=$T/vault.key,$word"
	done
	exits 0 helper "$T/vault" "$T/m" -f -o suid
	[[ $output == *"'suid' is ignored"*nosuid* ]]
	run ! is_mounted
	exits 0 helper "$T/vault" "$T/m" -o rw,noexec -o "exec,key-file=$T/vault.key"
	[[ ,$(options_of), == *,nosuid,nodev,* && ,$(options_of), != *,noexec,* ]]
	inside umount "$T/m"
	exits 0 inside mount -t modelvault -o "user,key-file=$T/vault.key" "$T/vault" "$T/m"
	[[ ,$(options_of), == *,noexec,* ]]
}

@test "flags: -f pretends, -s lets unknown options pass, -v talks, -n and -t are heard" {
	exits 0 inside mount -f -t modelvault "$T/vault" "$T/m" -o "key-file=$T/absent"
	run ! is_mounted
	exits 0 helper -fv "$T/vault" "$T/m"
	[[ $output == *"would be mounted"* ]]
	exits 0 helper "$T/vault" "$T/m" -s -f -o wsize=5,ro
	exits 1 helper "$T/vault" "$T/m" -s -f -o wsize=5,threads=0
	exits 1 helper "$T/vault" "$T/m" -f -t ext4
	exits 0 helper "$T/vault" "$T/m" -n -v -s -t fuse.modelvault -o "wsize=5,key-file=$T/vault.key"
	[[ $output == *"'wsize=5' is left out"*"mounted on $T/m"* ]]
	is_mounted
}

@test "exit codes are those of mount(8)" {
	exits 1 helper "$T/vault"
	[[ $output == *usage* ]]
	exits 1 helper
	exits 1 helper "$T/vault" "$T/m" "$T/other"
	exits 1 helper "$T/vault" "$T/m" -q
	exits 1 helper "$T/vault" "$T/m" -o key-file=relative
	[[ $output == *absolute* ]]
	exits 1 helper "$T/vault" "$T/m" -o remount
	exits 2 helper "$T/vault" "$T/m" -N /nowhere
	exits 32 helper "$T/nowhere" "$T/m" -o "key-file=$T/vault.key"
	exits 32 helper "$T/vault" "$T/absent" -o "key-file=$T/vault.key"
	head -c 40 /dev/urandom >wrong.key
	exits 32 helper "$T/vault" "$T/m" -o "key-file=$T/wrong.key"
	exits 32 inside mount -t modelvault "$T/vault" "$T/m" -o "key-file=$T/wrong.key"
	# Without a terminal and without a key it does not wait for one.
	exits 32 timeout 20 setsid -w nsenter -t "$(cat namespace)" -m /sbin/mount.modelvault "$T/vault" "$T/m" </dev/null
	[[ $output == *"is locked"*"-o key-file="* ]]
	exits 0 helper "$T/vault" "$T/m" -o "key-file=$T/vault.key"
	exits 32 helper "$T/vault" "$T/m" -o "key-file=$T/vault.key"
}

@test "the helper says how it is called, and the words of a table that it knows" {
	run -0 --separate-stderr helper --help
	[[ $output == 'usage: mount.modelvault VAULT MOUNTPOINT '* ]]
	[ -z "$stderr" ]
	run -1 helper "$T/vault" "$T/m" -o "keyfile=$T/vault.key"
	[[ $output == *"'keyfile=$T/vault.key' is not known; key-file=F, "* ]]
}

@test "remount is refused in clear words and changes nothing" {
	inside mount -t modelvault "$T/vault" "$T/m" -o "key-file=$T/vault.key"
	run inside mount -o remount,noexec "$T/m"
	[ "$status" -ne 0 ]
	[[ $output == *"'remount' cannot be done"*"umount $T/m"* ]]
	[ "$(inside cat "$T/m/tree/file")" = 'plain text' ]
	[[ ,$(options_of), != *,noexec,* ]]
}

@test "a comma in a key file's name is quoted" {
	cp vault.key 'a,b.key'
	inside mount -t modelvault "$T/vault" "$T/m" -o "ro,key-file=\"$T/a,b.key\",noexec"
	[[ ,$(options_of), == *,noexec,* ]]
}

@test "audit=required,sync is what it says, with quotes and without, from a table too" {
	local options
	for options in 'audit=required,sync' 'audit="required,sync"' 'sync,noatime,audit=required'; do
		inside mount -t modelvault "$T/vault" "$T/m" -o "$options,key-file=$T/vault.key"
		[ "$("$MODELVAULT" mode vault --json | jq -r .audit_in_force)" = required,sync ]
		inside umount "$T/m"
		wait_for 5 no_server
		fstab "$T/vault $T/m modelvault $options,key-file=$T/vault.key 0 0"
		inside mount -T "$T/fstab" "$T/m"
		[ "$("$MODELVAULT" mode vault --json | jq -r .audit_in_force)" = required,sync ]
		inside umount "$T/m"
		wait_for 5 no_server
	done
	# For all mounts, and with nothing said of the trail.
	inside mount -t modelvault "$T/vault" "$T/m" -o "sync,key-file=$T/vault.key"
	[ "$("$MODELVAULT" mode vault --json | jq -r .audit_in_force)" = required ]
	run -1 helper "$T/vault" "$T/other" -f -o audit=sync
	[[ $output == *"option 'audit=sync' has a value that cannot be; audit=required, audit=required,sync and audit=best-effort are" ]]
}

@test "mount -N mounts in the other namespace" {
	# From the machine's own namespace, where /sbin has no helper.
	run ! is_mounted
	ln -s "$MODELVAULT" mount.modelvault
	exits 0 ./mount.modelvault "$T/vault" "$T/m" -N "$(cat namespace)" -o "key-file=$T/vault.key"
	is_mounted
	run ! findmnt -rn "$T/m"
	[ "$(inside cat "$T/m/tree/file")" = 'plain text' ]
}

@test "a server elsewhere does not mount where its caller cannot see it" {
	inside mount -t modelvault "$T/vault" "$T/m" -o "key-file=$T/vault.key"
	exits 1 "$MODELVAULT" mount vault other
	[[ $output == *"another mount namespace"*"nsenter -t "* ]]
	run ! is_mounted other
	run ! findmnt -rn "$T/other"
}

@test "an ordinary user's own vault: fstab with user, mounted and unmounted by him" {
	mkdir home
	chown mvalice: home
	as_user mvalice "$MODELVAULT" init "$T/home/vault" --new-key-file "$T/home/key" 2>/dev/null
	as_user mvalice mkdir "$T/home/m"
	fstab "$T/home/vault $T/home/m modelvault noauto,user,key-file=$T/home/key 0 0"
	# mount(8) reads no table but its own for users: it stands at /etc/fstab inside.
	inside touch "$T/home/fstab"
	inside mount --bind "$T/fstab" /etc/fstab
	exits 0 inside setpriv --reuid mvalice --regid "$(id -g mvalice)" --init-groups \
		env HOME="$T/home" mount "$T/home/m"
	[[ $(inside findmnt -rno FS-OPTIONS "$T/home/m") == *user_id=5001* ]]
	[[ ,$(inside findmnt -rno VFS-OPTIONS "$T/home/m"), == *,noexec,* ]]
	exits 0 inside setpriv --reuid mvalice --regid "$(id -g mvalice)" --init-groups umount "$T/home/m"
	wait_for 5 no_server
}
