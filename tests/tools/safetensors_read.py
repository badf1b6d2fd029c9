#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""safetensors_read.py make FILE: writes a file of random tensors in that format, and FILE.digests.
safetensors_read.py shared|private FILE: maps it as the library's readers do (Rust's and numpy's
shared and read-only, torch's a private copy) and prints the digest of every tensor.
"""
import hashlib
import json
import mmap
import os
import sys

TENSORS = {"embed": ("F32", 4, [1000, 768]), "half": ("BF16", 2, [3, 5, 7]), "none": ("I64", 8, [0]),
           "flag": ("BOOL", 1, [1]), "w/é": ("F16", 2, [2048, 2048]), "scalar": ("F64", 8, [])}


def digests(header, data):
    for name, tensor in sorted(header.items()):
        if name != "__metadata__":
            begin, end = tensor["data_offsets"]
            digest = hashlib.sha256(data[begin:end]).hexdigest()
            yield f"{name} {tensor['dtype']} {tensor['shape']} {digest}\n"


def make(path):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, size, shape) in TENSORS.items():
        for dim in shape:
            size *= dim
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += os.urandom(size)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)
    with open(path + ".digests", "w", encoding="utf-8") as file:
        file.writelines(digests(header, data))


def read(path, flags, protection):
    with open(path, "rb") as file:
        pages = memoryview(mmap.mmap(file.fileno(), 0, flags=flags, prot=protection))
    length = int.from_bytes(pages[:8], "little")
    header, data = json.loads(bytes(pages[8:8 + length])), pages[8 + length:]
    for tensor in header.values():
        if tensor.get("data_offsets", [0, 0])[1] > len(data):
            sys.exit(f"{path}: shorter than its header says")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.writelines(digests(header, data))


if sys.argv[1] == "make":
    make(sys.argv[2])
elif sys.argv[1] == "shared":
    read(sys.argv[2], mmap.MAP_SHARED, mmap.PROT_READ)
else:
    read(sys.argv[2], mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
