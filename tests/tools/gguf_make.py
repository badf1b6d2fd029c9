#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gguf_make.py FILE: writes a small llama model of random weights as GGUF version 3, the same bytes
each time. Its vocabulary is the 256 bytes and three marks; what it says is noise, but each word of
it depends on every weight, so that a wrong byte shows.
"""
import struct
import sys

import numpy

LAYERS, WIDTH, HEADS, HIDDEN, CONTEXT = 4, 256, 8, 768, 512
UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
ALIGNMENT = 32

TOKENS = [(b"<unk>", UNKNOWN), (b"<s>", CONTROL), (b"</s>", CONTROL)]
TOKENS += [(b"<0x%02X>" % byte, BYTE) for byte in range(256)]
TOKENS += [("▁".encode(), NORMAL)]


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, what):
    pack = {UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}
    return string(what) if kind == STRING else struct.pack(pack[kind], what)


def entry(key, kind, what):
    return string(key) + struct.pack("<I", kind) + value(kind, what)


def array(key, kind, items):
    head = string(key) + struct.pack("<IIQ", ARRAY, kind, len(items))
    return head + b"".join(value(kind, item) for item in items)


def metadata():
    return [
        entry("general.architecture", STRING, "llama"),
        entry("general.name", STRING, "noise"),
        entry("general.alignment", UINT32, ALIGNMENT),
        entry("general.file_type", UINT32, 0),
        entry("llama.context_length", UINT32, CONTEXT),
        entry("llama.embedding_length", UINT32, WIDTH),
        entry("llama.block_count", UINT32, LAYERS),
        entry("llama.feed_forward_length", UINT32, HIDDEN),
        entry("llama.attention.head_count", UINT32, HEADS),
        entry("llama.attention.head_count_kv", UINT32, HEADS),
        entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        entry("llama.rope.dimension_count", UINT32, WIDTH // HEADS),
        entry("tokenizer.ggml.model", STRING, "llama"),
        array("tokenizer.ggml.tokens", STRING, [text for text, _ in TOKENS]),
        array("tokenizer.ggml.scores", FLOAT32, [0.0] * len(TOKENS)),
        array("tokenizer.ggml.token_type", INT32, [kind for _, kind in TOKENS]),
        entry("tokenizer.ggml.unknown_token_id", UINT32, 0),
        entry("tokenizer.ggml.bos_token_id", UINT32, 1),
        entry("tokenizer.ggml.eos_token_id", UINT32, 2),
        entry("tokenizer.ggml.add_bos_token", BOOL, True),
    ]


def shapes():
    """Name and shape of every tensor, rows first."""
    yield "token_embd.weight", (len(TOKENS), WIDTH)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", (WIDTH,)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"{block}{name}.weight", (WIDTH, WIDTH)
        yield block + "ffn_norm.weight", (WIDTH,)
        yield block + "ffn_gate.weight", (HIDDEN, WIDTH)
        yield block + "ffn_up.weight", (HIDDEN, WIDTH)
        yield block + "ffn_down.weight", (WIDTH, HIDDEN)
    yield "output_norm.weight", (WIDTH,)
    yield "output.weight", (len(TOKENS), WIDTH)


def padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


def main(path):
    random = numpy.random.RandomState(7)
    infos, tensors, offset = [], [], 0
    for name, shape in shapes():
        weights = random.standard_normal(shape).astype("<f4") * numpy.float32(0.08)
        if len(shape) == 1:
            weights = weights + numpy.float32(1)
        data = padded(weights.tobytes())
        # The fastest dimension comes first; type 0 is 32-bit floats.
        dims = struct.pack(f"<{len(shape)}Q", *reversed(shape))
        infos.append(string(name) + struct.pack("<I", len(shape)) + dims + struct.pack("<IQ", 0, offset))
        tensors.append(data)
        offset += len(data)
    words = metadata()
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(words)) + b"".join(words + infos)
    with open(path, "wb") as file:
        file.write(padded(head) + b"".join(tensors))


main(sys.argv[1])
