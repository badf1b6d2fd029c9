#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""
Changes objects below a vault in many ways and reads the files through its mount. Every byte served is
compared with the truth; a read is exactly right or EIO, as tests/tools/object_map.py foretells, and
the integrity records of the trail name exactly the causes foretold, no more and no fewer.
  tamper.py matrix          every way of tamper_ways.py at every time (below)
  tamper.py campaign N      N random changes, a fifth of them below a mount with cache=none; SEED in
                            the environment repeats one
  tamper.py storm SECONDS   objects change all the time while others read them: right or EIO
All make vaults in the directory $T with $PROGRAM_UNDER_TEST and $TOOLS. Files of more than 8 MiB are
sealed at the edges of their groups only. The matrix without FULL=1 does a part: each case with one of
the three suites in turn, and before mounting one in six to ten; FULL=1 does all, cuts files at every
chunk, and seals those of 128 chunks of 1 MiB everywhere.
Times: before mounting; "opened": a descriptor is open that has read nothing; "read": everything was
read by it and the mount's pages are dropped. Then the same descriptor and a new one read. Prints
"N cases, N reads right, N refused" and ends with 0, or says what went wrong and ends with 1.
"""
import collections
import concurrent.futures
import errno
import json
import os
import random
import sys
import time

from object_map import PAGE, Harm
from tamper_trial import Reader, Trial, named, plan, report
from tamper_vault import (FULL, SUITES, T, Wrong, change, exchange, harm_of, make_objects, mount, program,
                          restore, sizes_of, umount)
from tamper_ways import random_step, ways

WORKERS = 4


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


def verify(chosen):
    """What reads everything without a mount finds each of them, by the same word. What it says."""
    whole = {target.name: way for target, way in chosen.items()
             if len(target.sealed) == target.geometry.chunks}
    lines = program("verify", f"{T}/vault", "--json", *whole, code=5).splitlines()
    found = {line["path"]: line for line in map(json.loads, lines)}
    for path, (name, cause, _) in whole.items():
        if path not in found or found[path]["cause"] != cause:
            raise Wrong(f"{path}: {name}: verify says {found.get(path)}, should be {cause}")
    return [(path, line["cause"] + ("" if line["chunk"] is None else f" chunk {line['chunk']}"))
            for path, line in found.items()]


def before_mounting(targets, each, turns):
    """Each file changed in its own way, the vault mounted, read; the next way in the next turn. The
    trials, and what verify said before each mount."""
    trials, said = [], []
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
        said += verify(chosen)
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
    return trials, said


def matrix():
    words = list(sizes_of(12))
    wanted = [(suite, log2, word) for log2 in (12, 14, 20) for word in words for suite in SUITES]
    targets = make_objects(wanted)
    each = {target: list(ways(target, random.Random(target.name), False)) for target in targets}
    trials, said = before_mounting(targets, each, max(map(len, each.values())) if FULL else 12)
    if FULL:
        each = {target: list(ways(target, random.Random(target.name), target.size < 8 << 20))
                for target in targets}
    mount()

    def work(trial, target):
        column = words.index(target.name.split("-", 2)[2])
        for row, (name, cause, steps) in enumerate(each[target]):
            for moment in "opened", "read":
                if FULL or (row + column + target.suite + (moment == "read")) % 3 == 0:
                    named(f"{target.name}: {name}, {moment}", trial.case, target, moment, name,
                          cause, steps)
        named(f"{target.name}, restored", all_right, trial, target)

    trials += exchanges(targets)
    trials += in_parallel(targets, work)
    umount()
    program("verify", f"{T}/vault", *[target.name for target in targets if len(target.sealed) ==
                                      target.geometry.chunks])
    report(trials, said, f", {len({name for way in each.values() for name, _, _ in way})} ways")


def exchanges(targets):
    """Each two neighbours' objects exchanged, both at once."""
    trial = Trial()
    for pair in zip(targets[::2], targets[1::2]):
        exchange(*pair)
        for target, other in pair, pair[::-1]:
            harm = Harm(target, length=other.geometry.length, header=other.header)
            case = f"{target.name} and {other.name} exchanged"
            named(case, lambda: trial.judge(case, "misplaced", trial.open_anew(
                target, harm, lambda reader: reader.chunks([], harm, False), case)))
        exchange(*pair)
    return [trial]


def all_right(trial, target):
    reader = Reader(target, trial.tally)
    reader.chunks(target.sealed, Harm(target), False)
    reader.close()


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
    report(trials, [], f", {harmless} changed nothing")


# --- the storm -------------------------------------------------------------------------------------

def change_often(target, end, choice):
    changed = 0
    while time.monotonic() < end:
        _, steps = random_step(target, choice)
        change(target, steps)
        time.sleep(choice.random() / 500)
        restore(target, steps)
        changed += 1
    return changed


def read_often(target, end, choice, tally):
    """Pages at random, each by itself: the kernel gives the whole of it or none."""
    while time.monotonic() < end:
        try:
            reader = Reader(target, tally)
        except OSError as error:
            if error.errno != errno.EIO:
                raise Wrong(f"{target.name}: open: {error}") from None
            tally["refused"] += 1
            continue
        for _ in range(50):
            offset = choice.randrange(target.size) // PAGE * PAGE
            truth = os.pread(target.plain, PAGE, offset)
            reader.drop()
            try:
                if os.pread(reader.fd, PAGE, offset) != truth:
                    raise Wrong(f"{target.name}: other bytes at {offset}")
                tally["reads"] += 1
            except OSError as error:
                if error.errno != errno.EIO:
                    raise Wrong(f"{target.name}: read: {error}") from None
                tally["refused"] += 1
        reader.close()


def storm(seconds):
    targets = make_objects([(suite, log2, "3-groups") for suite in SUITES for log2 in (12, 14)])
    mount()
    end = time.monotonic() + seconds
    tally = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(4 * len(targets)) as pool:
        changes = [pool.submit(change_often, target, end, random.Random(target.name))
                   for target in targets]
        reads = [pool.submit(read_often, target, end, random.Random(number), tally)
                 for target in targets for number in range(3)]
        changed = sum(change.result() for change in changes)
        for read in reads:
            read.result()
    in_parallel(targets, all_right)
    umount()
    print(f"{changed} changes, {tally['reads']} reads right, {tally['refused']} refused")


def main():
    try:
        if sys.argv[1:] == ["matrix"]:
            matrix()
        elif len(sys.argv) == 3 and sys.argv[1] == "campaign":
            campaign(int(sys.argv[2]))
        elif len(sys.argv) == 3 and sys.argv[1] == "storm":
            storm(float(sys.argv[2]))
        else:
            sys.exit(__doc__)
    except Wrong as wrong:
        sys.exit(f"tamper: {wrong}")


main()
