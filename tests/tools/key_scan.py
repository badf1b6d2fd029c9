#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Looks for keys where they must not be. The keys stand on stdin as modelvault_reader.py's `keys` prints
them (KIND NAME HEX). Both halves of a key are looked for, as bytes and as hexadecimal text in either
case: key schedules begin with the key, those for decryption end with its first half.
  key_scan.py memory PID     every readable page: "locked|bare KIND MAPPING COUNT" lines, where locked
                             is memory that smaps marks both locked (lo) and out of dumps (dd). The
                             process stands still while its memory is copied: what is found was
                             there at one moment, however long the search takes.
  key_scan.py files PATH...  "found KIND PATH COUNT" lines
Exit 0 whatever was found; 1 when something that should be read could not be.
"""
import collections
import contextlib
import os
import re
import signal
import sys
import time

BLOCK = 1 << 24
OVERLAP = 64
STOP_SECONDS = 20
# Nearly all of a process's memory. Where a key begins with a zero, every byte of it would be compared
# with all keys: half a minute instead of half a second. As many zeros as a key may have stay on either side.
ZEROS = re.compile(rb"\0{64,}")
ZEROS_LEFT = 31


def patterns(lines):
    """{bytes to look for: kind of key}"""
    found = {}
    for line in lines:
        kind, _, text = line.split()
        key = bytes.fromhex(text)
        for half in (key[:16], key[16:32]):
            for form in (half, half.hex().encode(), half.hex().upper().encode()):
                found[form] = kind
    return found


def stretches(data):
    """(start, end) of all that is not a long row of zeros."""
    start = 0
    for gap in ZEROS.finditer(data):
        yield start, gap.start() + ZEROS_LEFT
        start = gap.end() - ZEROS_LEFT
    yield start, len(data)


def scan(blocks, wanted):
    """Counter of the kinds in a sequence of adjacent blocks."""
    expression = re.compile(b"|".join(re.escape(form) for form in wanted), re.DOTALL)
    counts, rest = collections.Counter(), b""
    for block in blocks:
        data = rest + block
        for start, end in stretches(data):
            for match in expression.finditer(data, start, end):
                # What ends within the last block was not counted before.
                if match.end() > len(rest):
                    counts[wanted[match.group()]] += 1
        rest = data[-OVERLAP:]
    return counts


def stands_still(pid):
    """Whether all its threads do; one that waits in the kernel for a store (D) stops before it is back."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8", errors="replace") as file:
            if file.read().rpartition(")")[2].split()[0] not in "TtDZX":
                return False
    return True


@contextlib.contextmanager
def stopped(pid):
    end = time.monotonic() + STOP_SECONDS
    os.kill(pid, signal.SIGSTOP)
    try:
        while not stands_still(pid):
            if time.monotonic() > end:
                raise OSError(f"process {pid} does not stop")
            time.sleep(0.001)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def mappings(pid):
    """(start, end, name, locked) of each readable mapping."""
    start = end = 0
    name, readable = "", False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
            if head:
                start, end = int(head[1], 16), int(head[2], 16)
                readable, name = head[3].startswith("r"), head[4] or "[anonymous]"
            elif line.startswith("VmFlags:") and readable and not name.startswith(("[vvar", "[vsyscall")):
                flags = line.split()[1:]
                yield start, end, name.replace(" ", "_"), "lo" in flags and "dd" in flags


def blocks_of(file, length):
    while length:
        block = file.read(min(length, BLOCK))
        if not block:
            raise OSError("a mapping ends early")
        length -= len(block)
        yield block


def copy_memory(pid):
    """[(name, locked, blocks)] of each readable mapping."""
    copies = []
    with stopped(pid), open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, name, locked in mappings(pid):
            memory.seek(start)
            copies.append((name, locked, list(blocks_of(memory, end - start))))
    return copies


def scan_memory(pid, wanted):
    for name, locked, blocks in copy_memory(pid):
        for kind, count in scan(blocks, wanted).items():
            print("locked" if locked else "bare", kind, name, count)


def scan_file(path, wanted):
    with open(path, "rb") as file:
        for kind, count in scan(iter(lambda: file.read(BLOCK), b""), wanted).items():
            print("found", kind, path, count)


def main():
    wanted = patterns(sys.stdin)
    if len(sys.argv) < 3 or not wanted:
        print(__doc__, file=sys.stderr)
        return 1
    try:
        if sys.argv[1] == "memory":
            scan_memory(int(sys.argv[2]), wanted)
        else:
            for path in sys.argv[2:]:
                scan_file(path, wanted)
    except OSError as error:
        print(f"key_scan: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
