#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Debian's PyTorch and numpy, and a reader of safetensors, unchanged: a granted user's tensors are
# those of the plaintext in every way of loading; another user's program says that it is refused.
load ../lib
load runtime

# Ways that work on a read-only mount, each with the file that it takes.
TORCH=(load:weights.pt load:legacy.pt jit:scripted.pt private:raw.f32 memmap:raw.f32 mmap:raw.f32
	npy:array.npy npz:arrays.npz workers:raw.f32)

setup_file() {
	"$TESTS/install-packages" python3-torch python3-numpy
	common_setup
	mkdir plain plain/models
	python "$TESTS/tools/torch_model.py" make plain/models
	python "$TESTS/tools/safetensors_read.py" make plain/models/model.safetensors
	mv plain/models/model.safetensors.digests .
	SNAPSHOT=$(hub_tree plain/hub plain/models/{weights.pt,scripted.pt,model.safetensors})
	export SNAPSHOT MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault
	"$MODELVAULT" import vault plain/models plain/hub
	mounted vault m
	"$MODELVAULT" grant vault user:mvalice read '**'
	cp "$TESTS/tools/torch_model.py" "$TESTS/tools/safetensors_read.py" .
}
teardown_file() { common_teardown; }
setup() { cd "$T" || return 1; }
teardown() { :; }

# python SCRIPT...: Debian's, for which the packages are; nothing is written beside the script.
python() { PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore /usr/bin/python3 "$@"; }

# as NAME SCRIPT ARGUMENT...
as() {
	local user=$1 script=$2
	shift 2
	as_user "$user" env PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore /usr/bin/python3 "$T/$script" "$@"
}

# loaded DIR WAY:FILE...: as mvalice through the mount, the same as from the plaintext.
loaded() {
	local dir=$1
	shift
	python torch_model.py "plain/$dir" "$@" >expected
	[ "$(wc -l <expected)" -ge $((2 * $#)) ]
	same_as expected as mvalice torch_model.py "$T/m/$dir" "$@"
}

@test "PyTorch and numpy load what they loaded from the plaintext, in every way" {
	loaded models "${TORCH[@]}"
}

@test "four workers of a DataLoader share one descriptor, and each is on record" {
	loaded models workers:blocks.f32
	grep -q '^4 workers' expected
	"$MODELVAULT" audit vault query --json --user mvalice --path models/blocks.f32 >records
	[ "$(jq -s '[.[] | select(.outcome == "allow") | .pid] | unique | length' records)" -eq 5 ]
}

@test "what wants to write into the file is told that the mount is read-only" {
	fails_with 'Read-only file system' as mvalice torch_model.py "$T/m/models" shared:raw.f32
}

@test "torch.load maps the file where this version of it can" {
	if python torch_model.py plain/models load-mapped:weights.pt >/dev/null 2>words; then
		loaded models load-mapped:weights.pt
	else
		grep -q "'mmap' is an invalid keyword" words
	fi
}

@test "a safetensors file, mapped, shared and private, gives the tensors that were written" {
	for way in shared private; do
		same_as model.safetensors.digests as mvalice safetensors_read.py "$way" "$T/m/models/model.safetensors"
	done
}

@test "a Hugging Face cache loads through its snapshot" {
	[ "$(readlink "m/hub/$SNAPSHOT/weights.pt")" = "$(readlink "plain/hub/$SNAPSHOT/weights.pt")" ]
	loaded "hub/$SNAPSHOT" load:weights.pt jit:scripted.pt
	same_as model.safetensors.digests as mvalice safetensors_read.py shared "$T/m/hub/$SNAPSHOT/model.safetensors"
}

@test "on a mount of one's own, made without root, they load the same" {
	own_namespace
	local own=(inside setpriv --reuid mvalice --regid 100 --init-groups env -u XDG_RUNTIME_DIR
		HOME="$T/own" XDG_STATE_HOME="$T/own" MODELVAULT_KEY_FILE="$T/own/key")
	install -d -o mvalice own own/m
	"${own[@]}" "$MODELVAULT" init own/vault --new-key-file own/key
	"${own[@]}" "$MODELVAULT" import own/vault plain/models
	"${own[@]}" "$MODELVAULT" mount own/vault own/m
	"${own[@]}" "$MODELVAULT" grant own/vault user:mvalice read '**'
	python torch_model.py plain/models "${TORCH[@]}" >expected
	same_as expected "${own[@]}" PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore \
		/usr/bin/python3 torch_model.py own/m/models "${TORCH[@]}"
	"${own[@]}" "$MODELVAULT" umount own/m
}

@test "a user without a rule gets the library's own words for permission denied" {
	local way
	run as mvbob torch_model.py "$T/m/models" "${TORCH[@]}"
	[ "$status" -eq 1 ]
	for way in "${TORCH[@]%:*}"; do
		# The reader of scripted models gives no reason.
		grep -E "^$way: .*($([ "$way" = jit ] && echo 'open file failed' || echo 'Permission denied'))" <<<"$output"
	done
	[ "$(grep -c '^[a-z]*: ' <<<"$output")" -eq ${#TORCH[@]} ]
	fails_with 'Permission denied' as mvbob safetensors_read.py shared "$T/m/models/model.safetensors"
	fails_with 'Permission denied' as mvbob torch_model.py "$T/m/hub/$SNAPSHOT" load:weights.pt
	[ "$("$MODELVAULT" audit vault query --action open --outcome allow --user mvbob --count)" -eq 0 ]
}
