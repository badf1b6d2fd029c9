# SPDX-License-Identifier: Apache-2.0
"""
The ways in which the matrix changes an object, each with the cause that the record must name.
A way is (name, cause, steps). Steps, done in order:
  ("write", OFFSET, PIECE)   in place, beyond the end too; its bytes are made when they are wanted
  ("cut", LENGTH)            in place
  ("grow", BYTES)            zeros at the end, in place
  ("replace", PATH)          another file in its stead, a copy of PATH
  ("gone",) ("link",) ("directory",)   nothing, a link to the true object, a directory in its stead
"""
from random import Random

from object_map import GROUP, PAGE


class Piece:
    """So many bytes, made by a function: thousands of ways with whole chunks in them stay small."""

    def __init__(self, count, make):
        self.count, self.make = count, make

    def __len__(self):
        return self.count


def zeros(count):
    return Piece(count, lambda: bytes(count))


def noise(random, count):
    seed = random.random()
    return Piece(count, lambda: Random(seed).randbytes(count))


def pristine(target, offset, count):
    return Piece(count, lambda: target.pristine(offset, count))

FIELDS = (
    ("magic", 0, 8, "header"), ("format version", 8, 2, "header"),
    ("reader version", 10, 2, "header"), ("suite", 12, 1, "header"),
    ("chunk size", 13, 1, "header"), ("first zeros", 14, 2, "header"),
    ("vault id", 16, 16, "foreign"), ("file id", 32, 16, "misplaced"), ("size", 48, 8, "header"),
    ("generation", 56, 4, "header"), ("second zeros", 60, 4, "header"), ("root", 64, 32, "header"),
    ("mac", 96, 32, "header"), ("last zeros", 128, 3968, "header"))


def flip(target, random, offset, count):
    at = offset + random.randrange(count)
    byte = target.pristine(at, 1)[0] ^ 1 << random.randrange(8)
    return [("write", at, Piece(1, lambda: bytes([byte])))]


def swap(target, a, b, count):
    return [("write", a, pristine(target, b, count)), ("write", b, pristine(target, a, count))]


def older(target, offset, count, state="older"):
    return [("write", offset, Piece(count, lambda: target.state(state, offset, count)))]


def header_ways(target, random):
    for name, offset, count, cause in FIELDS:
        yield f"header: {name} flipped", cause, flip(target, random, offset, count)
    yield "header: zeroed", "header", [("write", 0, zeros(PAGE))]
    yield "header: random", "header", [("write", 0, noise(random, PAGE))]
    yield "header: of generation 2", "rolled-back", older(target, 0, PAGE)
    yield "header: of generation 1", "rolled-back", older(target, 0, PAGE, "longer")
    yield "header: of generation 4", "header", older(target, 0, PAGE, "newer")
    # Two empty files of one generation are the same.
    if target.size:
        yield "header: of a twin", "rolled-back", older(target, 0, PAGE, "twin")
    yield "header: of an earlier import", "misplaced", older(target, 0, PAGE, "import")


def tag_ways(target, random):
    geometry = target.geometry
    for group in sorted({0, geometry.groups - 1}):
        at, used = geometry.tag_page(group), min(GROUP, geometry.chunks - group * GROUP)
        name = f"tag page {'0' if group == 0 else 'last'}"
        yield f"{name}: nonce flipped", "tag-page", flip(target, random, at, 12)
        yield f"{name}: tag flipped", "tag-page", flip(target, random, at + 12, 16)
        yield f"{name}: generation flipped", "tag-page", flip(target, random, at + 28, 4)
        if used < GROUP:
            yield (f"{name}: behind the entries", "tag-page",
                   flip(target, random, at + 32 * used, PAGE - 32 * used))
        yield f"{name}: zeroed", "tag-page", [("write", at, zeros(PAGE))]
        yield f"{name}: random", "tag-page", [("write", at, noise(random, PAGE))]
        yield f"{name}: of generation 2", "tag-page", older(target, at, PAGE)
        if used > 1:
            yield f"{name}: entries swapped", "tag-page", swap(target, at, at + 32, 32)
    if geometry.groups > 1:
        yield ("tag pages: swapped", "tag-page",
               swap(target, geometry.tag_page(0), geometry.tag_page(1), PAGE))


def chunk_ways(target, random):
    geometry, last = target.geometry, target.geometry.chunks - 1
    middle = target.sealed[len(target.sealed) // 2]
    for name, chunk in ("first", 0), ("middle", middle), ("last", last):
        at, count = geometry.offset(chunk), geometry.len(chunk)
        yield f"chunk {name}: flipped", "chunk-tag", flip(target, random, at, count)
        # One byte at random may be the one that was there.
        if count < 4:
            continue
        yield f"chunk {name}: zeroed", "chunk-tag", [("write", at, zeros(count))]
        yield f"chunk {name}: random", "chunk-tag", [("write", at, noise(random, count))]
        yield f"chunk {name}: of generation 2", "chunk-tag", older(target, at, count)
    at = geometry.offset(last) + geometry.len(last)
    if at < geometry.data_end:
        yield ("padding: flipped", "chunk-tag",
               flip(target, random, at, geometry.data_end - at))
        yield ("padding: random", "chunk-tag",
               [("write", at, noise(random, geometry.data_end - at))])
    entry = geometry.tag_page(0)
    yield ("chunk and entry: of generation 2", "tag-page",
           older(target, geometry.offset(0), geometry.len(0)) + older(target, entry, 32))
    if target.size >= 4:
        yield ("chunk: an earlier import's", "chunk-tag",
               older(target, geometry.offset(0), geometry.len(0), "import"))
    yield ("chunk and entry: an earlier import's", "tag-page",
           older(target, geometry.offset(0), geometry.len(0), "import") +
           older(target, entry, 32, "import"))
    if last > 0:
        count = min(geometry.stored(0), geometry.stored(1))
        swapped = swap(target, geometry.offset(0), geometry.offset(1), count)
        yield "chunks: swapped", "chunk-tag", swapped
        yield ("chunks and entries: swapped", "tag-page",
               swapped + swap(target, entry, entry + 32, 32))
        yield ("chunks: one over another", "chunk-tag",
               [("write", geometry.offset(1), pristine(target, geometry.offset(0), count))])


def group_ways(target, _random):
    geometry = target.geometry
    chunks = [chunk for chunk in target.sealed if chunk < GROUP]
    rolled = older(target, geometry.tag_page(0), PAGE)
    for chunk in chunks:
        rolled += older(target, geometry.offset(chunk), geometry.len(chunk))
    yield "group: of generation 2", "tag-page", rolled
    if geometry.groups == 1:
        return
    count = geometry.stored(GROUP)
    yield ("chunks of two groups: swapped", "chunk-tag",
           swap(target, geometry.offset(0), geometry.offset(GROUP), count))
    if geometry.chunks >= 2 * GROUP:
        both = swap(target, geometry.tag_page(0), geometry.tag_page(1), PAGE)
        for chunk in {chunk % GROUP for chunk in target.sealed if chunk < 2 * GROUP}:
            both += swap(target, geometry.offset(chunk), geometry.offset(GROUP + chunk),
                         geometry.chunk)
        yield "groups: swapped", "tag-page", both


def seal_ways(target, random):
    geometry = target.geometry
    at, index = geometry.data_end, geometry.index
    leaves = min(GROUP, geometry.groups) * 32
    sealed = PAGE * geometry.seal_pages + 32 * geometry.seal_pages
    yield "seal page: leaf flipped", "seal", flip(target, random, at, leaves)
    if leaves < PAGE:
        yield "seal page: behind the leaves", "seal", flip(target, random, at + leaves, PAGE - leaves)
    yield "seal page: zeroed", "seal", [("write", at, zeros(PAGE))]
    yield "seal page: random", "seal", [("write", at, noise(random, PAGE))]
    yield "seal page: of generation 2", "seal", older(target, at, PAGE)
    yield "index: flipped", "seal", flip(target, random, index, 32 * geometry.seal_pages)
    yield "index: zeroed", "seal", [("write", index, zeros(32))]
    yield "index: random", "seal", [("write", index, noise(random, 32))]
    yield "index: of generation 2", "seal", older(target, index, 32)
    yield "seal pages and index: of generation 2", "seal", older(target, at, sealed)
    if geometry.seal_pages > 1:
        pages, entries = swap(target, at, at + PAGE, PAGE), swap(target, index, index + 32, 32)
        yield "seal pages: swapped", "seal", pages
        yield "index entries: swapped", "seal", entries
        yield "seal pages and entries: swapped", "seal", pages + entries


def whole(target, state):
    """In place, every page that says something."""
    geometry = target.geometry
    spans = [(geometry.tag_page(group), PAGE) for group in range(geometry.groups)
             if group in {chunk // GROUP for chunk in target.sealed}]
    spans += [(geometry.offset(chunk), geometry.len(chunk)) for chunk in target.sealed]
    spans += [(geometry.data_end, geometry.length - geometry.data_end)]
    return [step for at, count in spans if count for step in older(target, at, count, state)]


def object_ways(target, random):
    length = target.geometry.length
    for name, cause in (("older", "rolled-back"), ("longer", "rolled-back"), ("twin", "rolled-back"),
                        ("newer", "header"), ("import", "misplaced")):
        if target.size or name != "twin":
            yield f"object: {name} in its stead", cause, [("replace", f"{target.out}.{name}")]
    yield "object: another vault's in its stead", "foreign", [("replace", target.foreign)]
    yield "object: another file's in its stead", "misplaced", [("replace", target.other)]
    yield "object: none", "missing", [("gone",)]
    yield "object: a link", "missing", [("link",)]
    yield "object: a directory", "missing", [("directory",)]
    yield "object: an empty file", "size", [("cut", 0)]
    yield "object: a hole", "header", [("cut", 0), ("grow", length)]
    yield "object: random", "header", [("write", 0, noise(random, min(length, 1 << 20)))]
    yield ("object: all of generation 2", "rolled-back",
           whole(target, "older") + older(target, 0, PAGE))
    if target.size:
        yield "object: of generation 2 but the header", "seal", whole(target, "older")
        yield "object: of a twin but the header", "seal", whole(target, "twin")
        yield "object: an earlier import's but the header", "seal", whole(target, "import")


def length_ways(target, random, every_chunk):
    geometry = target.geometry
    for at in geometry.boundaries(every_chunk):
        yield f"cut: to {at}", "size", [("cut", at)]
    for more in 1, 32, PAGE - 1, PAGE, geometry.chunk, PAGE + GROUP * geometry.chunk:
        yield f"grown: by {more}", "size", [("grow", more)]
    yield "grown: by random bytes", "size", [("write", geometry.length, noise(random, PAGE))]


def ways(target, random, every_chunk):
    """All that apply."""
    parts = [header_ways(target, random)]
    if target.size:
        parts += [tag_ways(target, random), chunk_ways(target, random), group_ways(target, random),
                  seal_ways(target, random)]
    parts += [object_ways(target, random), length_ways(target, random, every_chunk)]
    return [way for part in parts for way in part]


def random_step(target, random):
    """One step of the campaign, anywhere: (kind, steps as above)."""
    length = target.geometry.length
    at = random.randrange(length)
    if random.random() < 0.3:
        at = random.choice(target.geometry.boundaries(False))
    count = min(length - at, random.choice((1, 1, 2, 16, 32, 512, PAGE, 3 * PAGE, 70000)))
    kind = random.choice(("flip", "flip", "flip", "zero", "random", "swap", "copy", "older", "twin",
                          "page swap", "cut", "grow"))
    if kind == "flip":
        return kind, flip(target, random, at, 1)
    if kind == "zero":
        return kind, [("write", at, zeros(count))]
    if kind == "random":
        return kind, [("write", at, noise(random, count))]
    if kind in ("older", "twin"):
        return kind, older(target, at, count, kind)
    if kind == "cut":
        return kind, [("cut", at)]
    if kind == "grow":
        return kind, [random.choice((("grow", count), ("write", length, noise(random, count))))]
    other = random.randrange(length)
    if kind == "page swap":
        at, other, count = at // PAGE * PAGE, other // PAGE * PAGE, PAGE
    count = min(count, length - other, length - at)
    if kind == "copy":
        return kind, [("write", at, pristine(target, other, count))]
    return kind, swap(target, at, other, count)
