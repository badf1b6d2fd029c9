#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The examples of modelvault-policy(5), typed as they stand, print what the page shows: in a mount
# namespace with users, a program and a vault of those names. Lines may be folded differently, dates
# are those of the same days 56 years later, and what says when it is now is not compared.
load ../lib

PAGE=$TESTS/../contrib/man/modelvault-policy.5

setup() {
	root_only "the examples are root's"
	common_setup
	own_namespace
	make_users
	make_units
	make_places
}

teardown() {
	[ -z "${UNITS:-}" ] || rmdir "$UNITS"/* "$UNITS" || true
	[ -z "${T:-}" ] || [ ! -e "$T/namespace" ] || by_root "modelvault umount /srv/models --force" || true
	common_teardown
}

make_users() {
	{
		cat /etc/passwd
		printf '%s:x:%s:100::/nonexistent:/usr/sbin/nologin\n' alice 1001 bob 1002 carol 1003 dave 1004 triton 990
	} | awk -F: '$1 !~ /^mv/' >passwd
	{
		awk -F: '$1 !~ /^mv/' /etc/group
		echo ml:x:2001:alice,carol
	} >group
	inside mount --bind passwd /etc/passwd
	inside mount --bind group /etc/group
}

# The units of the examples run: of one that does not grant says so.
make_units() {
	UNITS=/sys/fs/cgroup/systemd
	[ -d "$UNITS" ] || UNITS=/sys/fs/cgroup
	UNITS+=/mvmanual.$$
	mkdir -p "$UNITS"/{infer,triton}.service
}

make_places() {
	mkdir -p srv/models opt in/vision in/serving/1 in/llama in/hub/models--x--y/blobs in/hub/models--x--y/snapshots/main
	inside mount --bind srv /srv
	inside mount -t tmpfs -o mode=755 none /opt
	inside install -D /bin/cat /opt/tritonserver/bin/tritonserver
	echo 1 >in/vision/resnet.onnx
	echo 2 >in/vision/clip.onnx
	echo 3 >in/serving/1/model.plan
	echo 4 >in/llama/8b.gguf
	echo 5 >in/hub/models--x--y/blobs/9c3a
	ln -s ../../blobs/9c3a in/hub/models--x--y/snapshots/main/model.safetensors
	by_root "modelvault init @ --new-key-file /srv/vault.key --timezone UTC && cd $T/in &&
		modelvault import @ vision serving llama hub && modelvault mount @ /srv/models" &>said
}

# by_root COMMAND: for a shell there.
by_root() {
	inside env PATH="${PROGRAM_UNDER_TEST%/*}:$PATH" MODELVAULT=/srv/vault MODELVAULT_KEY_FILE=/srv/vault.key \
		MODELVAULT_STATE_DIR="$T/state" bash -o pipefail -c "$1" 3>&-
}

# The literal blocks of the section.
blocks() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$PAGE" | sed -n '/^\.Bd/,/^\.Ed/p' |
		sed '/^\.[BE]d/d; s/\\e/\\/g; s/^\\&//; s/2026-/2082-/g; s/2027-/2083-/g'
}

# compare COMMAND EXPECTED: as words with one blank between.
compare() {
	local said expected
	said=$(by_root "$1" 2>&1 | tr -s ' \n' ' ')
	expected=$(tr -s ' \n' ' ' <<<"$2")
	if [[ $1 == *' learn '* ]]; then
		said=$(sed -E 's/[0-9-]{10} [0-9:]{5,8} UTC/WHEN/g' <<<"$said")
		expected=$(sed -E 's/[0-9-]{10} [0-9:]{5,8} UTC/WHEN/g' <<<"$expected")
	fi
	[ "${said% }" = "${expected% }" ] || { printf '# %s\nprints: %s\nthe page: %s\n' "$1" "$said" "$expected"; return 1; }
}

@test "every example prints what the page shows" {
	local line command='' expected='' more='' ran=0
	while IFS= read -r line; do
		if [ -n "$more" ]; then
			command+=" ${line#"${line%%[! ]*}"}"
		elif [[ $line == '# '* ]]; then
			[ -z "$command" ] || compare "$command" "$expected"
			command=${line#\# } expected='' ran=$((ran + 1))
		else
			expected+=$line$'\n'
			continue
		fi
		more=''
		[[ $command != *\\ ]] || { more=1 command=${command% \\}; }
	done < <(blocks)
	compare "$command" "$expected"
	echo "$ran commands"
	[ "$ran" -ge 30 ]
}

@test "an output that differs is noticed" {
	run -1 compare "echo one two" "one three"
	compare "echo one two" $'one\n    two'
}
