#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torch_model.py make DIR: writes models of random weights as PyTorch and numpy save them.
torch_model.py DIR WAY:FILE...: loads files of DIR, each in one of the ways of WAYS, and prints the
digest of every tensor and of an output, so that two runs can be compared. What the library says of a
failure goes to standard error, a line a way; exit 1 when there is one.
"""
import hashlib
import mmap
import os
import sys

import numpy
import torch

WIDTH, LAYERS, BLOCK = 768, 4, 65536


class Stack(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS)])

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x


def make(folder):
    torch.manual_seed(int.from_bytes(os.urandom(4), "little"))
    model = Stack()
    state = dict(model.state_dict(), half=torch.randn(1000).half(), none=torch.empty(0),
                 count=torch.arange(1 << 20), flags=torch.rand(4097) > 0.5, view=torch.randn(64, 64).t())
    at = lambda name: os.path.join(folder, name)
    torch.save(state, at("weights.pt"))
    torch.save(state, at("legacy.pt"), _use_new_zipfile_serialization=False)
    torch.jit.script(model).save(at("scripted.pt"))
    weights = torch.randn(3 << 20).numpy()
    weights.tofile(at("raw.f32"))
    weights.tofile(at("blocks.f32"))
    numpy.save(at("array.npy"), weights.reshape(1024, -1))
    numpy.savez(at("arrays.npz"), a=weights[:100000], b=weights[100000:200000])


def show(name, tensor):
    array = numpy.ascontiguousarray(tensor.detach().numpy() if torch.is_tensor(tensor) else tensor)
    print(name, array.dtype, array.shape, hashlib.sha256(array.tobytes()).hexdigest())


def show_all(tensors):
    for name in sorted(tensors):
        show(name, tensors[name])


def load(path):
    state = torch.load(path)
    show_all(state)
    model = Stack()
    model.load_state_dict(state, strict=False)
    show("output", model(torch.linspace(-1, 1, WIDTH)))


def load_mapped(path):
    """Since PyTorch 2.1; a version without it says that it does not know the word."""
    show_all(torch.load(path, mmap=True))


def jit(path):
    model = torch.jit.load(path)
    show_all(model.state_dict())
    show("output", model(torch.linspace(-1, 1, WIDTH)))


def from_file(path, shared):
    show("mapped", torch.from_file(path, shared=shared, size=os.path.getsize(path) // 4))


def mapped(path):
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        show("mapped", numpy.frombuffer(bytes(pages), "<f4"))


class Blocks(torch.utils.data.Dataset):
    """Blocks of one file over one descriptor, opened before the workers are forked."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY)
        self.count = os.fstat(self.fd).st_size // BLOCK

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        block = torch.frombuffer(bytearray(os.pread(self.fd, BLOCK, i * BLOCK)), dtype=torch.uint8)
        return i, block, os.getpid()


def workers(path):
    order = torch.Generator().manual_seed(7)
    loader = torch.utils.data.DataLoader(Blocks(path), batch_size=4, num_workers=4, shuffle=True,
                                         generator=order)
    whole, readers = hashlib.sha256(), set()
    for indexes, blocks, pids in loader:
        whole.update(indexes.numpy().tobytes() + blocks.numpy().tobytes())
        readers.update(pids.tolist())
    print(f"{len(readers - {os.getpid()})} workers read {whole.hexdigest()}")


WAYS = {
    "load": load,
    "load-mapped": load_mapped,
    "jit": jit,
    "private": lambda path: from_file(path, False),
    "shared": lambda path: from_file(path, True),
    "memmap": lambda path: show("mapped", numpy.memmap(path, "<f4", "r")),
    "npy": lambda path: show("array", numpy.load(path, mmap_mode="r")),
    "npz": lambda path: show_all(numpy.load(path)),
    "mmap": mapped,
    "workers": workers,
}


def main(folder, *words):
    failed = False
    for way, name in (word.split(":") for word in words):
        print("==", way, name, flush=True)
        try:
            WAYS[way](os.path.join(folder, name))
        except (OSError, RuntimeError, TypeError) as error:
            print(f"{way}: {type(error).__name__}: {error}", file=sys.stderr)
            failed = True
    sys.exit(failed)


torch.set_num_threads(1)
if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    main(*sys.argv[1:])
