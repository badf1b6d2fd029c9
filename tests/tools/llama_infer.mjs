// SPDX-License-Identifier: Apache-2.0
//
// llama_infer.mjs FILE [nommap]: loads a GGUF with llama.cpp, prints the tokens that it finds most
// likely after a fixed text, and the bits of that text's embedding; no randomness, one thread, so that two
// runs can be compared. Run beside node_modules with node-llama-cpp and its prebuilt binary.
import {getLlama} from 'node-llama-cpp';

const TEXT = 'a vault of models', TOKENS = 48;
const [path, how] = process.argv.slice(2);

async function infer() {
	// The binary that was installed, on the processor: nothing is compiled and nothing fetched.
	const llama = await getLlama({gpu: false, build: 'never', skipDownload: true, logLevel: 'error'});
	const model = await llama.loadModel({modelPath: path, gpuLayers: 0, useMmap: how !== 'nommap'});
	const context = await model.createContext({contextSize: 128, threads: 1});
	const tokens = [];
	for await (const token of context.getSequence().evaluate(model.tokenize(TEXT), {temperature: 0})) {
		tokens.push(token);
		if (tokens.length === TOKENS)
			break;
	}
	console.log(tokens.join(' '));
	const embedding = await model.createEmbeddingContext({contextSize: 128, threads: 1});
	const {vector} = await embedding.getEmbeddingFor(TEXT);
	console.log(Buffer.from(new Float64Array(vector).buffer).toString('hex'));
	await llama.dispose();
}

infer().catch((error) => {
	console.error(String(error.message || error));
	process.exit(1);
});
