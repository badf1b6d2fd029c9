#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# llama.cpp (node-llama-cpp and its prebuilt binary from npm) on a GGUF that is made here: the tokens and
# the embedding are, bit for bit, those of the plaintext, with the file mapped and with it read.
load ../lib
load runtime

# The last version for the node of Debian 12.
RUNTIME=3.6.0

setup_file() {
	"$TESTS/install-packages" python3-numpy
	command -v node >/dev/null || "$TESTS/install-packages" nodejs
	need_npm "node-llama-cpp@$RUNTIME" "@node-llama-cpp/linux-$(node -p process.arch)@$RUNTIME"
	cp "$TESTS/tools/llama_infer.mjs" "$NPM/infer.mjs"
	common_setup
	mkdir models
	/usr/bin/python3 "$TESTS/tools/gguf_make.py" models/noise.gguf
	infer mvalice models/noise.gguf >plain
	export MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault
	"$MODELVAULT" import vault models
	SNAPSHOT=$(hub_tree hub models/noise.gguf)
	export SNAPSHOT
	"$MODELVAULT" import vault hub
	mounted vault m
	"$MODELVAULT" grant vault user:mvalice read '**'
}
teardown_file() {
	common_teardown
	rm -rf --one-file-system "${NPM:?}"
}
setup() { cd "$T" || return 1; }
teardown() { :; }

# infer USER FILE [nommap]
infer() {
	local user=$1 file=$2
	shift 2
	as_user "$user" node "$NPM/infer.mjs" "$(realpath -s "$file")" "$@"
}

# traced USER FILE [nommap]: the same; which calls went to the file is in ./trace.
traced() {
	local user=$1 file=$2
	shift 2
	: >trace
	chmod 666 trace
	as_user "$user" strace -f -y -o trace -e trace=openat,mmap,read,readv,pread64,fadvise64,mremap,munmap \
		node "$NPM/infer.mjs" "$(realpath -s "$file")" "$@"
}

@test "llama.cpp maps the file, populated at once, and says what it said on the plaintext" {
	[ "$(wc -w <plain)" -eq 49 ]
	same_as plain traced mvalice m/models/noise.gguf
	grep -qE 'mmap\(NULL, [0-9]{8}, PROT_READ, MAP_SHARED\|MAP_POPULATE, [0-9]+<.*/m/models/noise.gguf>' trace
}

@test "llama.cpp reads the file instead, and says the same" {
	same_as plain traced mvalice m/models/noise.gguf nommap
	! grep -E 'mmap\(.*noise.gguf>' trace
	grep -qE 'read[v64]*\([0-9]+<.*/m/models/noise.gguf>' trace
}

@test "through the snapshot of a Hugging Face cache it says the same" {
	same_as plain infer mvalice "m/hub/$SNAPSHOT/noise.gguf"
}

@test "with pages that are dropped at each open it says the same" {
	mounted vault open -o cache=open
	same_as plain infer mvalice open/models/noise.gguf
	unmounted open
}

@test "where nothing is cached it reads; what it cannot map it says" {
	mounted vault none -o cache=none
	same_as plain infer mvalice none/models/noise.gguf nommap
	fails_with 'Failed to load model' infer mvalice none/models/noise.gguf
	unmounted none
}

@test "another user is refused in the runtime's words, and after revoke so is the first" {
	fails_with 'EACCES: permission denied' infer mvbob m/models/noise.gguf
	fails_with 'EACCES: permission denied' infer mvbob m/models/noise.gguf nommap
	"$MODELVAULT" revoke vault --user mvalice
	fails_with 'EACCES: permission denied' infer mvalice m/models/noise.gguf
}
