// SPDX-License-Identifier: Apache-2.0
//
// node_read.js FILE...: prints the SHA-256 of each file for every way that node itself reads one.
// With UV_USE_IO_URING=1 a thread of the kernel opens and reads for it.
const crypto = require('crypto');
const fs = require('fs');

async function atOffsets(file) {
	const handle = await fs.promises.open(file);
	const bytes = Buffer.alloc((await handle.stat()).size);
	// All at once, as loaders of safetensors and GGUF in JavaScript do.
	const reads = [];
	for (let at = 0; at < bytes.length; at += 777777)
		reads.push(handle.read(bytes, at, Math.min(777777, bytes.length - at), at));
	await Promise.all(reads);
	await handle.close();
	return bytes;
}

async function streamed(file) {
	const parts = [];
	for await (const part of fs.createReadStream(file, {highWaterMark: 300000}))
		parts.push(part);
	return Buffer.concat(parts);
}

(async () => {
	for (const file of process.argv.slice(2))
		for (const read of [fs.readFileSync, fs.promises.readFile, atOffsets, streamed])
			console.log(crypto.createHash('sha256').update(await read(file)).digest('hex'));
})().catch((error) => {
	console.error(String(error.message || error));
	process.exit(1);
});
