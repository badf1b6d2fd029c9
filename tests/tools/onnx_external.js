// SPDX-License-Identifier: Apache-2.0
//
// onnx_external.js DIR: writes models y = softmax(x * w1 * w2 ...) of random weights.
//   external.onnx, external.data   two weights of [256,256] in a file of their own, which onnxruntime
//                                  maps tensor by tensor
//   large.onnx, large.data         the same with four of [2304,2304]: 85 MB
//   whole.onnx                     the same four inside the model: onnxruntime reads 85 MB
// The bytes are those of onnx.proto3 (field numbers in the comments), ir_version 8, opset 13.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const FLOAT = 1, EXTERNAL = 1;
const dir = process.argv[2];

function varint(number) {
	const bytes = [];
	for (; number > 127; number = Math.floor(number / 128))
		bytes.push((number % 128) | 128);
	return Buffer.from([...bytes, number]);
}
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const block = (field, ...parts) => {
	const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
	return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
};

const entry = (key, value) => block(13, block(1, key), block(2, value));
// TensorProto: dims 1, data_type 2, name 8, raw_data 9, external_data 13, data_location 14
const tensor = (n, name, ...where) => block(5, number(1, n), number(1, n), number(2, FLOAT), block(8, name), ...where);
const outside = (file, offset, length) => [entry('location', file), entry('offset', String(offset)),
	entry('length', String(length)), number(14, EXTERNAL)];
// NodeProto: input 1, output 2, op_type 4
const node = (type, inputs, output) =>
	block(1, ...inputs.map((name) => block(1, name)), block(2, output), block(4, type));
// ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 } } } }
const value = (n, field, name) => block(field, block(1, name),
	block(2, block(1, number(1, FLOAT), block(2, block(1, number(1, 1)), block(1, number(1, n))))));

// Random, and such that the outputs are neither zeros nor ones, whatever the width.
function weight(n) {
	const bits = new Uint32Array(crypto.randomBytes(n * n * 4).buffer);
	return Buffer.from(Float32Array.from(bits, (x) => (x / 2 ** 32 - 0.5) * Math.sqrt(12 / n)).buffer);
}

function write(model, n, weights, data) {
	const bytes = n * n * 4, names = weights.map((_, i) => `w${i + 1}`);
	const nodes = names.map((name, i) => node('MatMul', [i ? `a${i}` : 'x', name], `a${i + 1}`));
	const tensors = weights.map((w, i) => tensor(n, names[i], ...(data ? outside(data, i * bytes, bytes) : [block(9, w)])));
	// GraphProto: node 1, name 2, initializer 5, input 11, output 12
	const graph = block(7, ...nodes, node('Softmax', [`a${weights.length}`], 'y'), block(2, 'random'), ...tensors,
		value(n, 11, 'x'), value(n, 12, 'y'));
	// ModelProto: ir_version 1, graph 7, opset_import 8 { domain 1, version 2 }
	fs.writeFileSync(path.join(dir, model), Buffer.concat([number(1, 8), graph, block(8, block(1, ''), number(2, 13))]));
	if (data)
		fs.writeFileSync(path.join(dir, data), Buffer.concat(weights));
}

write('external.onnx', 256, [weight(256), weight(256)], 'external.data');
const large = [1, 2, 3, 4].map(() => weight(2304));
write('large.onnx', 2304, large, 'large.data');
write('whole.onnx', 2304, large);
