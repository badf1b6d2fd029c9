// SPDX-License-Identifier: Apache-2.0
//
// onnx_external.js DIR: writes DIR/external.onnx, y = softmax((x * w1) * w2) for x of [1,256], whose
// two weights of [256,256] lie in DIR/external.data: what onnxruntime maps tensor by tensor. The
// bytes are those of onnx.proto3 (field numbers in the comments), ir_version 8, opset 13.
const fs = require('fs');
const path = require('path');

const N = 256, BYTES = N * N * 4, FLOAT = 1, EXTERNAL = 1;

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
// TensorProto: dims 1, data_type 2, name 8, external_data 13, data_location 14
const weight = (name, offset) => block(5, number(1, N), number(1, N), number(2, FLOAT), block(8, name),
	entry('location', 'external.data'), entry('offset', String(offset)), entry('length', String(BYTES)),
	number(14, EXTERNAL));
// NodeProto: input 1, output 2, op_type 4
const node = (type, inputs, output) =>
	block(1, ...inputs.map((name) => block(1, name)), block(2, output), block(4, type));
// ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 } } } }
const value = (field, name) => block(field, block(1, name),
	block(2, block(1, number(1, FLOAT), block(2, block(1, number(1, 1)), block(1, number(1, N))))));

// GraphProto: node 1, name 2, initializer 5, input 11, output 12
const graph = block(7, node('MatMul', ['x', 'w1'], 'a'), node('MatMul', ['a', 'w2'], 'b'),
	node('Softmax', ['b'], 'y'), block(2, 'external'), weight('w1', 0), weight('w2', BYTES),
	value(11, 'x'), value(12, 'y'));
// ModelProto: ir_version 1, graph 7, opset_import 8 { domain 1, version 2 }
const model = Buffer.concat([number(1, 8), graph, block(8, block(1, ''), number(2, 13))]);

const weights = new Float32Array(2 * N * N);
weights.forEach((_, i) => { weights[i] = ((i * 2654435761) % 4093) / 4093 - 0.5; });
const dir = process.argv[2];
fs.writeFileSync(path.join(dir, 'external.data'), Buffer.from(weights.buffer));
fs.writeFileSync(path.join(dir, 'external.onnx'), model);
