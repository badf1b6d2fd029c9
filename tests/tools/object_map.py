# SPDX-License-Identifier: Apache-2.0
"""
What stands where in an object, and what must come of a change to it: written from
contrib/docs/format.md, not from fs/format, so that each checks the other.
"""
import os
import struct

PAGE = 4096
GROUP = 128
MAGIC = b"MVOBJ\0\r\n"


def up(value, by):
    return -(-value // by)


class Geometry:
    def __init__(self, size, log2):
        self.size, self.log2, self.chunk = size, log2, 1 << log2
        self.chunks = up(size, self.chunk)
        self.groups = up(self.chunks, GROUP)
        self.seal_pages = up(self.groups, GROUP)
        self.data_end = PAGE + PAGE * self.groups + PAGE * up(size, PAGE)
        self.index = self.data_end + PAGE * self.seal_pages
        self.length = self.index + 32 * self.seal_pages

    def tag_page(self, group):
        return PAGE + group * (PAGE + GROUP * self.chunk)

    def offset(self, chunk):
        return PAGE + (chunk // GROUP + 1) * PAGE + chunk * self.chunk

    def len(self, chunk):
        return min(self.chunk, self.size - chunk * self.chunk)

    def stored(self, chunk):
        """With the zeros behind the last one."""
        return up(self.len(chunk), PAGE) * PAGE

    def seal_page(self, number):
        return self.data_end + number * PAGE

    def place(self, offset):
        """(what, number) of the byte there: header, tags, chunk, seal or index."""
        if offset < PAGE:
            return "header", 0
        if offset >= self.index:
            return "index", 0
        if offset >= self.data_end:
            return "seal", (offset - self.data_end) // PAGE
        group, inside = divmod(offset - PAGE, PAGE + GROUP * self.chunk)
        if inside < PAGE:
            return "tags", group
        return "chunk", group * GROUP + (inside - PAGE) // self.chunk

    def boundaries(self, every_chunk):
        """Where one thing ends and the next begins, and the bytes beside; less than the length."""
        found = {0, 1, PAGE - 1, PAGE, self.length - 1, self.length - 32, self.data_end, self.index}
        for group in {0, 1, self.groups - 1} & set(range(self.groups)):
            found |= {self.tag_page(group), self.tag_page(group) + PAGE}
        chunks = range(self.chunks)
        if not every_chunk:
            chunks = {0, 1, self.chunks // 2, GROUP - 1, GROUP, self.chunks - 1} & set(chunks)
        for chunk in chunks:
            found |= {self.offset(chunk), self.offset(chunk) + self.stored(chunk)}
        if self.chunks:
            found.add(self.offset(self.chunks - 1) + self.len(self.chunks - 1))
        for number in range(self.seal_pages):
            found |= {self.seal_page(number), self.seal_page(number) + PAGE}
        return sorted(at for at in found if 0 <= at < self.length)


class Object:
    """One file under test: where its object is, its plaintext, what is sealed, its other states."""

    def __init__(self, name, suite, log2, size, sealed, out):
        self.name, self.suite, self.log2, self.size = name, suite, log2, size
        self.geometry = Geometry(size, log2)
        self.sealed = sorted(sealed)
        self.out = out
        self.is_sealed = set(self.sealed).__contains__

    def found(self, path):
        """Its object, of which a copy is kept."""
        self.path = path
        self.kept = os.open(self.out + ".kept", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        copy_extents(path, self.kept, 0)
        os.truncate(self.kept, self.geometry.length)
        assert os.stat(path).st_size == self.geometry.length, path
        self.plain = os.open(self.out, os.O_RDONLY | os.O_CLOEXEC)
        self.header = self.pristine(0, PAGE)
        self.authentic = {}
        for state in "older", "longer", "twin", "newer":
            cause = "header" if state == "newer" else "rolled-back"
            self.authentic.setdefault(self.state(state, 0, PAGE), cause)
        self.authentic.pop(self.header, None)

    def pristine(self, offset, count):
        return os.pread(self.kept, count, offset)

    def state(self, state, offset, count):
        try:
            with open(f"{self.out}.{state}", "rb") as file:
                return os.pread(file.fileno(), count, offset)
        except FileNotFoundError:
            return None

    def truth(self, chunk):
        return os.pread(self.plain, self.geometry.len(chunk), chunk * self.geometry.chunk)


def copy_extents(path, to, start):
    """What is no hole from start on; the lengths are the caller's affair."""
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        while start < end:
            try:
                start = os.lseek(file.fileno(), start, os.SEEK_DATA)
            except OSError:
                return
            stop = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            while start < stop:
                data = os.pread(file.fileno(), min(1 << 20, stop - start), start)
                start += os.pwrite(to, data, start)


class Harm:
    """What a tampered object must answer. `pages` are the numbers of those that differ."""

    def __init__(self, target, pages=(), length=None, header=None, index=False, missing=False):
        self.target, self.geometry = target, target.geometry
        self.length = self.geometry.length if length is None else length
        self.header = target.header if header is None else header
        self.index, self.missing = index, missing
        self.tags, self.chunks, self.seals = set(), set(), set()
        kinds = {"tags": self.tags, "chunk": self.chunks, "seal": self.seals}
        for page in pages:
            what, number = self.geometry.place(page * PAGE)
            if what in kinds:
                kinds[what].add(number)

    def header_cause(self):
        page, own = self.header, self.target.header
        if page == own:
            return None
        version, reader = struct.unpack_from("<HH", page, 8)
        zeros = page[14:16] + page[60:64] + page[128:]
        if page[:8] != MAGIC or not version >= reader >= 1 or reader > 1 or any(zeros):
            return "header"
        if page[16:32] != own[16:32]:
            return "foreign"
        if page[32:48] != own[32:48]:
            return "misplaced"
        return self.target.authentic.get(page, "header")

    def open_cause(self):
        """Of an open that finds the object so; None: it must succeed."""
        if self.missing:
            return "missing"
        if self.length < PAGE:
            return "size"
        cause = self.header_cause()
        if cause:
            return cause
        if self.length != self.geometry.length:
            return "size"
        return "seal" if self.index else None

    def chunk_cause(self, chunk, has_tags=False):
        """The record's detail for a read of one chunk, None when it must be right. has_tags: the
        server has the checked tag page of its group in memory."""
        geometry, group = self.geometry, chunk // GROUP
        if self.length < geometry.offset(chunk) + geometry.stored(chunk):
            return "size"
        if not has_tags:
            seal = group // GROUP
            if self.length < geometry.seal_page(seal) + PAGE:
                return "size"
            if seal in self.seals:
                return f"seal chunk {group * GROUP}"
            if group in self.tags:
                return f"tag-page chunk {group * GROUP}"
        if chunk in self.chunks or not self.target.is_sealed(chunk):
            return f"chunk-tag chunk {chunk}"
        return None
