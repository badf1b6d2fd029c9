#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""
Reads a huge file of which only some chunks were sealed: read_huge.py FILE PLAIN CHUNK SEALED.
SEALED are chunk indices with commas; PLAIN is sparse and has their plaintext. They must read as the
truth, by pread and through a shared mapping; every chunk beside them as EIO, and as SIGBUS in the
mapping. Prints how long the open took and "N right, N refused"; ends with 1 when anything differs.
"""
import errno
import mmap
import os
import signal
import sys
import time


def pread(fd, count, offset):
    try:
        return os.pread(fd, count, offset)
    except OSError as error:
        return errno.errorcode[error.errno]


def touch(view, count, offset):
    """A child looks at the mapping: what it saw, or the signal that it died of."""
    ends = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        seen = view[offset:offset + count]
        os.write(ends[1], seen[:4096] + seen[-4096:])
        os._exit(0)
    os.close(ends[1])
    _, status = os.waitpid(child, 0)
    with open(ends[0], "rb") as pipe:
        seen = pipe.read()
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else seen


def main(path, plain_path, chunk, sealed):
    sealed = {int(number) for number in sealed.split(",")}
    plain = os.open(plain_path, os.O_RDONLY)
    size = os.fstat(plain).st_size
    last = (size - 1) // chunk
    began = time.monotonic()
    fd = os.open(path, os.O_RDONLY)
    opened = time.monotonic() - began
    view = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
    beside = {number + 1 for number in sealed} | {number - 1 for number in sealed} | {last // 3}
    right = refused = 0
    wrong = []
    if os.fstat(fd).st_size != size or os.lseek(fd, 0, os.SEEK_END) != size:
        wrong.append("another size")
    if os.pread(fd, 10, size) != b"" or os.pread(fd, 10, size + (1 << 40)) != b"":
        wrong.append("bytes behind the end")
    for number in sorted(sealed | {number for number in beside if 0 <= number <= last}):
        offset = number * chunk
        count = min(chunk, size - offset)
        truth = os.pread(plain, count, offset)
        good = number in sealed
        expected = (truth, truth[:4096] + truth[-4096:]) if good else ("EIO", "SIGBUS")
        # Mapped first: the fault reads around it, into what was never sealed.
        seen = touch(view, count, offset), pread(fd, count, offset)
        right += 2 * good
        refused += 2 * (not good)
        if seen != expected[::-1]:
            wrong.append(f"chunk {number}: {'right' if good else 'refused'} expected")
    view.close()
    print(f"open {opened * 1000:.1f} ms, {right} right, {refused} refused")
    sys.exit("\n".join(f"{path}: {words}" for words in wrong) or 0)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
