# SPDX-License-Identifier: Apache-2.0
"""
The vault that tamper.py works on, its files and their objects; changing one, putting it back, and
what the change must come to. The environment says where: $T, and which programs.
"""
import itertools
import json
import os
import subprocess
import time

from object_map import GROUP, PAGE, Geometry, Harm, Object, copy_extents

FULL = os.environ.get("FULL") == "1"
MODELVAULT, TOOLS, T = (os.environ[name] for name in ("PROGRAM_UNDER_TEST", "TOOLS", "T"))
MOUNT = f"{T}/m"
SUITES = (1, 2, 3)
times = itertools.count(time.time_ns())


class Wrong(Exception):
    pass


def program(*words, code=0):
    done = subprocess.run([MODELVAULT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != code:
        raise Wrong(f"{words}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def sizes_of(log2):
    chunk = 1 << log2
    group = GROUP * chunk
    return {"0": 0, "1": 1, "chunk-1": chunk - 1, "chunk": chunk, "chunk+1": chunk + 1,
            "128-chunks": group, "128-chunks+1": group + 1, "3-groups": 3 * group - 4091,
            "129-groups": GROUP * group + chunk + 5}


def sealed_of(geometry, everything):
    if everything:
        return set(range(geometry.chunks))
    edges = set()
    for group in {0, 1, 2, geometry.groups - 1} & set(range(geometry.groups)):
        first, last = group * GROUP, min(geometry.chunks, (group + 1) * GROUP) - 1
        edges |= {first, min(first + 1, last), (first + last) // 2, last}
    return edges


def listed(chunks, geometry):
    return "all" if len(chunks) == geometry.chunks else ",".join(map(str, sorted(chunks)))


def make_vault(name):
    program("init", f"{T}/{name}", "--new-key-file", f"{T}/{name}.key")
    os.environ["MODELVAULT_KEY_FILE"] = f"{T}/{name}.key"
    os.mkdir(f"{T}/{name}.out")


def seal(vault, lines):
    subprocess.run([f"{TOOLS}/seal_objects", f"{T}/{vault}", f"{T}/{vault}.key", f"{T}/{vault}.out"],
                   input="\n".join(lines).encode(), check=True)


def objects_of(vault):
    found = {}
    for line in program("ls", f"{T}/{vault}", "--json").splitlines():
        entry = json.loads(line)
        file_id = entry["file_id"]
        found[entry["path"]] = f"{T}/{vault}/objects/{file_id[:2]}/{file_id}"
    return found


def make_objects(wanted):
    """wanted: (suite, log2, name of a size). Their files, in the vault $T/vault."""
    targets, lines = [], []
    for suite, log2, word in wanted:
        size = sizes_of(log2)[word]
        geometry = Geometry(size, log2)
        large = size > (8 << 20)
        sealed = sealed_of(geometry, not large or FULL and word.startswith("128-chunks"))
        states = sealed_of(geometry, not large)
        name = f"{suite}-{log2}-{word}"
        lines.append(f"{name} {suite} {log2} {size} {listed(sealed, geometry) or 'all'} "
                     f"{listed(states, geometry) or 'all'}")
        targets.append(Object(name, suite, log2, size, sealed, f"{T}/vault.out/{name}"))
    make_vault("foreign")
    pairs = sorted({(suite, log2) for suite, log2, _ in wanted})
    seal("foreign", [f"{suite}-{log2} {suite} {log2} {(1 << log2) + 1} all -" for suite, log2 in pairs])
    foreign = objects_of("foreign")
    make_vault("vault")
    seal("vault", lines)
    places = objects_of("vault")
    for target in targets:
        target.found(places[target.name])
        target.foreign = foreign[f"{target.suite}-{target.log2}"]
    for target, other in zip(targets, targets[1:] + targets[:1]):
        target.other = f"{other.out}.kept"
    program("grant", f"{T}/vault", f"user:{os.getuid()}", "read", "**")
    os.mkdir(MOUNT)
    return targets


def mount(*options):
    program("mount", f"{T}/vault", MOUNT, *options)


def umount():
    program("umount", MOUNT)


def touched_by(steps, target):
    """Ranges of the pristine object that may differ afterwards."""
    length = target.geometry.length
    for step in steps:
        if step[0] == "write":
            yield step[1], min(length, step[1] + len(step[2]))
        elif step[0] == "cut":
            yield step[1], length


def aside(target):
    return f"{T}/aside-{target.name}"


def stamp(path):
    """No two states of an object have the same time, however coarse the clock is."""
    moment = next(times)
    os.utime(path, ns=(moment, moment))


def change(target, steps):
    for step in steps:
        if step[0] in ("write", "cut", "grow"):
            with open(target.path, "r+b", buffering=0) as file:
                length = os.fstat(file.fileno()).st_size
                if step[0] == "write":
                    os.pwrite(file.fileno(), step[2].make(), step[1])
                else:
                    os.ftruncate(file.fileno(), step[1] if step[0] == "cut" else length + step[1])
            stamp(target.path)
            continue
        os.rename(target.path, aside(target))
        if step[0] == "replace":
            with open(target.path, "xb") as file:
                copy_extents(step[1], file.fileno(), 0)
                file.truncate(os.stat(step[1]).st_size)
        elif step[0] == "link":
            os.symlink(aside(target), target.path)
        elif step[0] == "directory":
            os.mkdir(target.path)


def restore(target, steps):
    if os.path.exists(aside(target)):
        if os.path.isdir(target.path):
            os.rmdir(target.path)
        os.rename(aside(target), target.path)
    else:
        with open(target.path, "r+b", buffering=0) as file:
            for start, end in touched_by(steps, target):
                for at in range(start, end if ("cut", start) not in steps else start, 1 << 20):
                    os.pwrite(file.fileno(), target.pristine(at, min(end - at, 1 << 20)), at)
            cuts = [step[1] for step in steps if step[0] == "cut"]
            if cuts:
                file.truncate(min(cuts))
                copy_extents(target.out + ".kept", file.fileno(), min(cuts))
            file.truncate(target.geometry.length)
    stamp(target.path)


def pages_of(target, start, end):
    """Numbers of the pages in a range that are not a hole of the pristine object."""
    while start < end:
        try:
            start = os.lseek(target.kept, start, os.SEEK_DATA)
        except OSError:
            return
        stop = min(end, os.lseek(target.kept, start, os.SEEK_HOLE))
        yield from range(start // PAGE, -(-stop // PAGE))
        start = stop


def harm_of(target, steps):
    """By looking at the object that is there now; also what a descriptor opened before must say."""
    if steps[-1][0] in ("gone", "link", "directory"):
        return Harm(target, missing=True), Harm(target)
    with open(target.path, "rb", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        header = os.pread(file.fileno(), PAGE, 0)
        if steps[-1][0] == "replace":
            return Harm(target, length=length, header=header), Harm(target)
        pages, index = set(), False
        for start, end in touched_by(steps, target):
            written = not ("cut", start) in steps
            numbers = range(start // PAGE, -(-end // PAGE)) if written else pages_of(target, start, end)
            for page in numbers:
                now = os.pread(file.fileno(), PAGE, page * PAGE)
                if now != target.pristine(page * PAGE, PAGE)[:len(now)]:
                    pages.add(page)
        entries = target.geometry.length - target.geometry.index
        index = os.pread(file.fileno(), entries, target.geometry.index) != \
            target.pristine(target.geometry.index, entries)
    harm = Harm(target, pages, length, header, index)
    return harm, harm


def exchange(one, other):
    os.rename(one.path, aside(one))
    os.rename(other.path, one.path)
    os.rename(aside(one), other.path)
    stamp(one.path)
    stamp(other.path)
