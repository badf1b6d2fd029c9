#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""
Changes objects below a vault in many ways and reads the files through its mount. Every byte served is
compared with the truth; a read is exactly right or EIO, as tests/tools/object_map.py foretells, and
the integrity records of the trail name exactly the causes foretold, no more and no fewer.
  tamper.py matrix          every way of tamper_ways.py at every time (below)
  tamper.py campaign N      N random changes, a fifth of them below a mount with cache=none; SEED in
                            the environment repeats one
Both make vaults in the directory $T with $MODELVAULT and $TOOLS. FULL=1: everything, else a part:
  each case with one of the three suites in turn, before mounting every sixth; large files of chunks
  of 1 MiB sealed at their edges only.
Times: before mounting; "opened": a descriptor is open that has read nothing; "read": everything was
read by it and the mount's pages are dropped. Then the same descriptor and a new one read. Prints
"N cases, N reads right, N refused" and ends with 0, or says what went wrong and ends with 1.
"""
import calendar
import collections
import concurrent.futures
import errno
import itertools
import json
import os
import random
import subprocess
import sys
import time

from object_map import GROUP, PAGE, Geometry, Harm, Object, copy_extents
from tamper_ways import random_step, ways

FULL = os.environ.get("FULL") == "1"
MODELVAULT, TOOLS, T = (os.environ[name] for name in ("PROGRAM_UNDER_TEST", "TOOLS", "T"))
MOUNT = f"{T}/m"
SUITES = (1, 2, 3)
WORKERS = 4
times = itertools.count(time.time_ns())


class Wrong(Exception):
    pass


def program(*words, **more):
    done = subprocess.run([MODELVAULT, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        raise Wrong(f"{words}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


# --- vaults ----------------------------------------------------------------------------------------

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
        full_size = FULL and word != "129-groups"
        sealed = sealed_of(geometry, not large or full_size)
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
    program("grant", f"{T}/vault", "user:root", "read", "**")
    os.mkdir(MOUNT)
    return targets


def mount(*options):
    program("mount", f"{T}/vault", MOUNT, *options)


def umount():
    program("umount", MOUNT)


# --- changing an object ----------------------------------------------------------------------------

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


# --- reading ---------------------------------------------------------------------------------------

def plan(target, steps):
    """Chunks to read: those at what is touched, those beside them, first, last, and one between."""
    geometry, wanted = target.geometry, []
    if not geometry.chunks:
        return []
    for start, end in itertools.islice(touched_by(steps, target), 4):
        for at in start, max(start, end - 1):
            what, number = geometry.place(at)
            chunk = {"chunk": number, "tags": number * GROUP,
                     "seal": number * GROUP * GROUP}.get(what, 0)
            wanted += [chunk, chunk - 1, chunk + 1]
    wanted += [0, geometry.chunks - 1, target.sealed[len(target.sealed) // 3], GROUP, GROUP - 1]
    return [chunk for chunk in dict.fromkeys(wanted) if target.is_sealed(chunk)][:9]


class Reader:
    """A descriptor of the mounted file."""

    def __init__(self, target, tally, direct=False):
        self.target, self.tally, self.direct = target, tally, direct
        self.fd = os.open(f"{MOUNT}/{target.name}", os.O_RDONLY | os.O_CLOEXEC)
        # Only what is asked for is read; what was read before is dropped.
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_RANDOM)
        self.drop()

    def drop(self):
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self):
        os.close(self.fd)

    def chunk(self, chunk, cause):
        """Reads one chunk, which must be right, or EIO when there is a cause."""
        geometry = self.target.geometry
        count, offset = geometry.len(chunk), chunk * geometry.chunk
        try:
            got = os.pread(self.fd, count, offset)
        except OSError as error:
            if error.errno != errno.EIO or not cause:
                raise Wrong(f"chunk {chunk}: {error}, expected {cause or 'the truth'}") from None
            self.tally["refused"] += 1
            return
        if got != self.target.truth(chunk):
            raise Wrong(f"chunk {chunk}: {len(got)} bytes of {count}, not the truth; expected {cause}")
        if cause:
            raise Wrong(f"chunk {chunk}: served, expected {cause}")
        self.tally["reads"] += 1

    def chunks(self, chunks, harm, has_tags):
        """The details that the records must have."""
        found = set()
        for chunk in chunks:
            cause = harm.chunk_cause(chunk, has_tags)
            self.chunk(chunk, cause)
            found.add(cause)
        return found - {None}

    def range(self, offset, count, harm, has_tags):
        """Any range: right up to the first chunk that is harmed; where the kernel has no pages of it,
        all of it is EIO, and the part before is read again. Where to go on."""
        geometry = self.target.geometry
        count = min(count, geometry.size - offset)
        stop = offset + count
        before, further = stop, stop
        for chunk in range(offset // geometry.chunk, -(-stop // geometry.chunk)):
            if harm.chunk_cause(chunk, has_tags):
                before = max(offset, chunk * geometry.chunk)
                stop = offset if self.direct else before
                further = (chunk + 1) * geometry.chunk
                break
        try:
            got = os.pread(self.fd, count, offset)
        except OSError as error:
            if error.errno != errno.EIO or stop > offset:
                raise Wrong(f"{count} bytes at {offset}: {error}, good up to {stop}") from None
            self.tally["refused"] += 1
            if before > offset:
                self.range(offset, before - offset, harm, has_tags)
            return further
        if offset + len(got) != stop or got != os.pread(self.target.plain, len(got), offset):
            raise Wrong(f"{count} bytes at {offset}: {len(got)} bytes, good up to {stop}")
        self.tally["reads"] += 1
        return further

    def sweep(self, harm, has_tags):
        """From end to end, with the kernel reading ahead; what is harmed is stepped over."""
        geometry = self.target.geometry
        self.drop()
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_NORMAL)
        at = 0
        while at < geometry.size:
            at = self.range(at, 1 << 17, harm, has_tags)


Window = collections.namedtuple("Window", "path start end details exact case")


class Trial:
    """One worker's cases: what it saw, and what the trail must say of it."""

    def __init__(self, direct=False):
        self.direct, self.wrong = direct, None
        self.tally = collections.Counter()
        self.causes = collections.Counter()
        self.windows = []

    def watched(self, target, case, look, exact=True):
        start = time.time_ns()
        details = look()
        self.windows.append(Window(target.name, start, time.time_ns(), details, exact, case))
        return details

    def open_anew(self, target, harm, look, case, exact=True):
        """An open after the change: refused, or its reads answer as foretold."""
        cause = harm.open_cause()

        def opened():
            try:
                reader = Reader(target, self.tally, self.direct)
            except OSError as error:
                if error.errno != errno.EIO or not cause:
                    raise Wrong(f"open: {error}, expected {cause or 'success'}") from None
                self.tally["refused"] += 1
                return {cause}
            try:
                if cause:
                    raise Wrong(f"open: allowed, expected {cause}")
                return look(reader)
            finally:
                reader.close()

        return self.watched(target, case, opened, exact)

    def case(self, target, moment, name, cause, steps):
        """One way at one time, while mounted."""
        chunks = plan(target, steps)
        before = Reader(target, self.tally, self.direct)
        if moment == "read":
            before.chunks(chunks, Harm(target), False)
            before.drop()
        change(target, steps)
        new, old = harm_of(target, steps)
        case = f"{target.name}: {name}, {moment}"
        self.watched(target, case, lambda: before.chunks(chunks, old, moment == "read"))
        found = self.open_anew(target, new, lambda reader: reader.chunks(chunks, new, False), case)
        before.close()
        restore(target, steps)
        self.judge(case, cause, found)

    def judge(self, case, cause, found):
        words = {detail.split()[0] for detail in found}
        if words != {cause}:
            raise Wrong(f"foretold {words}, should be {cause}")
        self.tally["cases"] += 1
        self.causes[cause] += 1

    def random_case(self, target, seed):
        """Some random steps at a random time; any range is read."""
        choice = random.Random(seed)
        done = [random_step(target, choice) for _ in range(choice.choice((1, 1, 1, 2, 3)))]
        steps = [step for _, part in done for step in part]
        moment = choice.choice(("before the open", "opened", "read"))
        chunks = plan(target, steps)
        chunks += choice.sample(target.sealed, min(4, len(target.sealed)))
        size = target.geometry.size
        ranges = [(choice.randrange(size), choice.randrange(1, 300000)) for _ in range(3) if size]
        sweeps = choice.random() < 0.3

        def look(reader, harm, has_tags):
            details = reader.chunks(chunks, harm, has_tags)
            if len(target.sealed) == target.geometry.chunks:
                for offset, count in ranges:
                    reader.range(offset, count, harm, has_tags)
                if sweeps:
                    reader.sweep(harm, has_tags)
            return details

        before = None if moment == "before the open" else Reader(target, self.tally, self.direct)
        if moment == "read":
            # The tag pages of everything: ranges read them all.
            for chunk in range(target.geometry.chunks):
                if chunk % GROUP == 0 or target.is_sealed(chunk):
                    before.chunks([chunk], Harm(target), False)
            before.drop()
        change(target, steps)
        new, _ = harm_of(target, steps)
        case = f"{target.name}: seed {seed}: {'+'.join(kind for kind, _ in done)}, {moment}"
        if before:
            self.watched(target, case, lambda: look(before, new, moment == "read"), exact=False)
            before.close()
        found = self.open_anew(target, new, lambda reader: look(reader, new, False), case, exact=False)
        restore(target, steps)
        self.tally["cases"] += 1
        self.tally["harmless"] += not found
        for detail in found:
            self.causes[detail.split()[0]] += 1


def in_parallel(targets, work, direct=False):
    """work(trial, target) for each, by some threads; each that fails is told."""
    def one(target):
        trial = Trial(direct)
        try:
            work(trial, target)
        except Wrong as wrong:
            trial.wrong = str(wrong)
        return trial

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        trials = list(pool.map(one, targets))
    wrong = [trial.wrong for trial in trials if trial.wrong]
    if wrong:
        raise Wrong("\n".join(wrong))
    return trials


def named(case, function, *words):
    try:
        function(*words)
    except Wrong as wrong:
        raise Wrong(f"{case}: {wrong}") from None


# --- the trail -------------------------------------------------------------------------------------

def check_trail(trials):
    """Each window has exactly the records that it must have, and there are no others."""
    windows = collections.defaultdict(list)
    for trial in trials:
        for window in trial.windows:
            windows[window.path].append(window)
    records = collections.defaultdict(list)
    count = 0
    for line in program("audit", f"{T}/vault", "query", "--action", "integrity", "--json").splitlines():
        record = json.loads(line)
        if (record["outcome"], record["reason"], record["via"]) != ("error", "integrity", "mount"):
            raise Wrong(f"a record of another kind: {line.decode()}")
        records[record["path"]].append((nanoseconds(record["time"]), record["detail"]))
        count += record["count"] or 1
    for path, entries in records.items():
        left = sorted(entries)
        order = sorted(windows[path], key=lambda window: window.start)
        for window, after in itertools.zip_longest(order, order[1:]):
            # What the kernel read ahead may be on record somewhat later.
            end = window.end if window.exact else after.start if after else time.time_ns()
            inside = {detail for at, detail in left if window.start <= at <= end}
            left = [(at, detail) for at, detail in left if not window.start <= at <= end]
            if window.exact and inside != window.details or not window.details <= inside:
                raise Wrong(f"{window.case}: on record {sorted(inside)}, foretold {sorted(window.details)}")
        if left:
            raise Wrong(f"{path}: records of nothing that was done: {left[:5]}")
    for window in itertools.chain(*windows.values()):
        if window.details and window.path not in records:
            raise Wrong(f"{window.case}: nothing on record, foretold {sorted(window.details)}")
    return count


def nanoseconds(text):
    whole, fraction = text.rstrip("Z").split(".")
    moment = time.strptime(whole + " UTC", "%Y-%m-%dT%H:%M:%S %Z")
    return calendar.timegm(moment) * 10**9 + int(fraction)


def report(trials, extra=""):
    tally, causes = collections.Counter(), collections.Counter()
    for trial in trials:
        tally += trial.tally
        causes += trial.causes
    recorded = check_trail(trials)
    print("causes: " + ", ".join(f"{cause} {causes[cause]}" for cause in sorted(causes)))
    print(f"{tally['cases']} cases, {tally['reads']} reads right, {tally['refused']} refused, "
          f"{recorded} records{extra}")


# --- the matrix ------------------------------------------------------------------------------------

def before_mounting(targets, each, turns):
    """Each file changed in its own way, the vault mounted, read; the next way in the next turn."""
    trials = []
    for turn in range(turns):
        chosen = {}
        for target in targets:
            at = turn if FULL else len(chosen) * 7 + turn * 6
            if at < len(each[target]) or not FULL:
                chosen[target] = each[target][at % len(each[target])]
        harms = {}
        for target, (_, _, steps) in chosen.items():
            change(target, steps)
            harms[target] = harm_of(target, steps)[0]
        mount()

        def work(trial, target):
            name, cause, steps = chosen[target]
            case = f"{target.name}: {name}, before mounting"
            chunks, harm = plan(target, steps), harms[target]

            def one():
                found = trial.open_anew(
                    target, harm, lambda reader: reader.chunks(chunks, harm, False), case)
                trial.judge(case, cause, found)

            named(case, one)

        trials += in_parallel(list(chosen), work)
        umount()
        for target, (_, _, steps) in chosen.items():
            restore(target, steps)
    return trials


def matrix():
    words = list(sizes_of(12))
    wanted = [(suite, log2, word) for log2 in (12, 14, 20) for word in words for suite in SUITES]
    targets = make_objects(wanted)
    each = {target: ways(target, random.Random(target.name), target.foreign, FULL)
            for target in targets}
    trials = before_mounting(targets, each,
                             max(map(len, each.values())) if FULL else 12)
    mount()

    def work(trial, target):
        column = words.index(target.name.split("-", 2)[2])
        for row, (name, cause, steps) in enumerate(each[target]):
            for moment in "opened", "read":
                if FULL or (row + column + target.suite + (moment == "read")) % 3 == 0:
                    named(f"{target.name}: {name}, {moment}", trial.case, target, moment, name,
                          cause, steps)
        named(f"{target.name}, restored", all_right, trial, target)

    trials += in_parallel(targets, work)
    umount()
    program("verify", f"{T}/vault", *[target.name for target in targets if len(target.sealed) ==
                                      target.geometry.chunks])
    report(trials, f", {len({name for way in each.values() for name, _, _ in way})} ways")


def all_right(trial, target):
    reader = Reader(target, trial.tally)
    reader.chunks(target.sealed, Harm(target), False)
    reader.close()


# --- the campaign ----------------------------------------------------------------------------------

def campaign(count):
    seed = os.environ.get("SEED") or str(time.time_ns())
    print(f"SEED={seed}")
    wanted = [(suite, log2, word) for suite in SUITES for log2 in (12, 14) for word in
              ("0", "1", "chunk", "chunk+1", "128-chunks", "128-chunks+1", "3-groups")]
    wanted += [(suite, 20, word) for suite in SUITES for word in ("1", "chunk+1")]
    targets = make_objects(wanted)
    chosen = collections.defaultdict(list)
    for number in range(count):
        chosen[random.Random(f"{seed}.{number}.file").choice(targets)].append(f"{seed}.{number}")

    def work(trial, target):
        mine = chosen[target]
        for each in mine[::5] if trial.direct else [each for at, each in enumerate(mine) if at % 5]:
            named(f"SEED={seed}: {target.name}, change {each}", trial.random_case, target, each)

    mount()
    trials = in_parallel(targets, work)
    umount()
    mount("-o", "cache=none")
    trials += in_parallel(targets, work, direct=True)
    umount()
    harmless = sum(trial.tally["harmless"] for trial in trials)
    report(trials, f", {harmless} changed nothing")


def main():
    try:
        if sys.argv[1:] == ["matrix"]:
            matrix()
        elif len(sys.argv) == 3 and sys.argv[1] == "campaign":
            campaign(int(sys.argv[2]))
        else:
            sys.exit(__doc__)
    except Wrong as wrong:
        sys.exit(f"tamper: {wrong}")


main()
