// SPDX-License-Identifier: Apache-2.0
//
// onnx_infer.js MODEL...: runs each model once on a fixed input and writes the raw bytes of every
// output to standard output, so that two runs can be compared bit by bit. One line a model on
// standard error. onnxruntime-node is found through NODE_PATH.
//
// onnxruntime sends usage data and leaves files unless this is set before it is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1';
const ort = require('onnxruntime-node');
const fs = require('fs');

// Dimensions that the model leaves open: a batch of one, and a size that image models take.
function shapeOf(metadata) {
	return metadata.shape.map((dim, i) => (typeof dim === 'number' && dim > 0 ? dim : i === 0 ? 1 : 192));
}

function inputOf(metadata) {
	const shape = shapeOf(metadata);
	const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
	data.forEach((_, i) => { data[i] = ((i * 7919) % 1009) / 1009 - 0.5; });
	return new ort.Tensor('float32', data, shape);
}

async function infer(path) {
	const session = await ort.InferenceSession.create(path, {
		executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1,
	});
	const feeds = {};
	for (const metadata of session.inputMetadata)
		feeds[metadata.name] = inputOf(metadata);
	const results = await session.run(feeds);
	for (const name of session.outputNames) {
		const { data, dims } = results[name];
		fs.writeSync(1, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
		const first = Array.from(data.slice(0, 3), (value) => value.toPrecision(9)).join(' ');
		console.error(`${path}: ${name} [${dims}] = ${first} ...`);
	}
}

(async () => {
	for (const path of process.argv.slice(2))
		await infer(path);
})().catch((error) => {
	console.error(String(error.message || error));
	process.exit(1);
});
