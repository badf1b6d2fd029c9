# SPDX-License-Identifier: Apache-2.0
"""
Reading what was tampered with, and what the trail must then say: a Reader is a descriptor that knows
the truth, a Trial what one worker saw, check_trail compares it with the records.
"""
import calendar
import collections
import errno
import itertools
import json
import os
import random
import time

from object_map import GROUP, Harm
from tamper_vault import MOUNT, T, Wrong, change, harm_of, program, restore, touched_by
from tamper_ways import random_step


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


def named(case, function, *words):
    try:
        function(*words)
    except Wrong as wrong:
        raise Wrong(f"{case}: {wrong}") from None


def check_trail(trials, said):
    """Each window has exactly the records that it must have, and there are no others but those of
    what verify said."""
    windows = collections.defaultdict(list)
    for trial in trials:
        for window in trial.windows:
            windows[window.path].append(window)
    records = collections.defaultdict(list)
    by_verify = collections.Counter()
    count = 0
    for line in program("audit", f"{T}/vault", "query", "--action", "integrity", "--json").splitlines():
        record = json.loads(line)
        if record["via"].startswith("slot"):
            by_verify[record["path"], record["detail"]] += 1
            continue
        if (record["outcome"], record["reason"], record["via"]) != ("error", "integrity", "mount"):
            raise Wrong(f"a record of another kind: {line.decode()}")
        records[record["path"]].append((nanoseconds(record["time"]), record["detail"]))
        count += record["count"] or 1
    if by_verify != collections.Counter(said):
        raise Wrong(f"verify said {collections.Counter(said) - by_verify} and recorded "
                    f"{by_verify - collections.Counter(said)}")
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


def report(trials, said, extra):
    tally, causes = collections.Counter(), collections.Counter()
    for trial in trials:
        tally += trial.tally
        causes += trial.causes
    recorded = check_trail(trials, said)
    print("causes: " + ", ".join(f"{cause} {causes[cause]}" for cause in sorted(causes)))
    print(f"{tally['cases']} cases, {tally['reads']} reads right, {tally['refused']} refused, "
          f"{recorded} records{extra}")
