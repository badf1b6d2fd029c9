#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""
decide() and the model of policy_model.py, asked the same: policy_lines.py [--cases N] [--seed S]
[--wrong WORD]. Random rule sets, roles, subjects, names and moments; $TOOLS/decide_lines answers for
the program. At the first difference it prints the seed and the fewest rules that show it, and ends
with 1. --wrong makes the model wrong in one point (policy_wrong.py), which must then be found.
"""
import argparse
import collections
import dataclasses
import os
import random
import subprocess
import sys
import time

import policy_model
from policy_model import Subject, World
from policy_world import ZONES, random_now, random_rule, text
from policy_wrong import WRONG

USERS = (("root", 0), ("mvalice", 5001), ("mvbob", 5002), ("mvcarol", 5003), ("7001", 7001),
         ("4294967294", 4294967294))
GROUPS = (("root", 0), ("users", 100), ("mvteam", 6001), ("6002", 6002), ("7001", 7001))
ROLES = ("admin", "auditor", "oncall", "ml-2_x")
EXES = ("/usr/bin/one", "/usr/bin/two", "/opt/a b/three", "/usr/lib/four")
HASHES = tuple(digit * 64 for digit in "0af")
UNITS = ("infer.service", "infer*", "*.slice", "user-?.slice", "[b-i]*.service", "*", "batch.service")
CGROUPS = ("/", "/system.slice/infer.service", "/user.slice/user-7.slice/infer.service", "/a/batch.service/b",
           "/infer.slice", "")
NAMES = (b"a", b"b", b"ab", b"one", b"x.gguf", b".x", b"a b", b"*", b"[a]", "ü".encode(), b"\xff", b"deep")
UNIVERSE = {"user": USERS, "group": GROUPS, "role": ROLES, "exe": EXES, "sha256": HASHES, "unit": UNITS,
            "loginuid": USERS}
ASKED_OF_ONE = 8


@dataclasses.dataclass
class Question:
    subject: Subject
    unit: str
    trusted: int
    exes: dict
    permission: str
    names: list
    now: int
    distrusted: bool
    spent: list


def random_world(choice):
    zone = choice.choice(ZONES)
    now = random_now(choice, zone)
    paths = [b"/".join(choice.choices(NAMES, k=choice.choice((1, 2, 2, 3, 4)))) for _ in range(5)]
    numbers = sorted(choice.sample(range(1, 40), choice.randint(0, 12)))
    rules = [random_rule(choice, UNIVERSE, paths, now, zone, number) for number in numbers]
    roles = collections.defaultdict(set)
    for _ in range(choice.randint(0, 6)):
        kind, those = choice.choice((("user", USERS), ("group", GROUPS)))
        roles[choice.choice(ROLES)].add((kind, choice.choice(those)[1]))
    return World(rules, dict(roles), private=choice.random() < 0.3, zone=zone), paths, now


def meant_by(choice, rule):
    """What a subject and a question must be for this rule to apply, but for the path."""
    meant = {"permission": choice.choice(rule.permissions)}
    for kind, value in dict(choice.sample(rule.words, len(rule.words))).items():
        if kind == "unit":
            meant[kind] = choice.choice([path for path in CGROUPS if any(
                policy_model.fits(value.encode(), name.encode()) for name in path.split("/") if name)])
        if kind in ("user", "group", "loginuid"):
            meant[{"user": "uid", "group": "gid"}.get(kind, kind)] = value[1]
        elif kind in ("sha256", "exe", "userns"):
            meant[kind] = value
    return meant


def random_question(choice, world, paths, now):
    meant = {}
    if world.rules and choice.random() < 0.8:
        rule = choice.choice(world.rules)
        meant = meant_by(choice, rule)
        if choice.random() < 0.8:
            paths = [path for path in paths if policy_model.matches(rule.pattern, path)] or paths
    unit = meant.get("unit", choice.choice(CGROUPS))
    trusted = choice.choice([len(unit)] * 3 + [at for at, byte in enumerate(unit) if byte == "/"])
    subject = Subject(
        meant.get("uid", choice.choice(USERS)[1]), meant.get("gid", choice.choice(GROUPS)[1]),
        frozenset(choice.choice(GROUPS)[1] for _ in range(choice.randint(0, 3))),
        meant.get("loginuid", choice.choice((None, None, *(number for _, number in USERS)))),
        meant.get("userns", choice.choices(("own", "contained", "foreign"), (88, 10, 2))[0]),
        "me", meant.get("sha256", choice.choice((None, *HASHES))), *(
            tuple(filter(None, unit.split("/"))), len(list(filter(None, unit[:trusted].split("/"))))))
    exes = {path: ("me", choice.random() < 0.7) for path in EXES if path == meant.get("exe") or choice.random() < 0.3}
    names = list(dict.fromkeys(choice.choices(paths, k=choice.choice((1, 1, 1, 1, 2, 3)))))
    if choice.random() < 0.03:
        names = [b""]
    spent = [rule.number for rule in world.rules if (rule.max_opens or rule.max_bytes) and choice.random() < 0.4]
    shift = choice.choice((0, 0, 0, 1, 60, 3600, 86400)) * choice.choice((-1, 1)) * policy_model.NS
    permission = meant.get("permission") if choice.random() < 0.7 else None
    permission = permission or choice.choices(("read", "write", "list"), (6, 1, 2))[0]
    return Question(subject, unit, trusted, exes, permission, names, now + shift, choice.random() < 0.1, spent)


def world_lines(world):
    yield ["new"]
    yield ["zone", world.zone]
    if world.private:
        yield ["private"]
    for role, members in world.roles.items():
        for kind, number in members:
            yield ["member", role, kind, number]
    for rule in world.rules:
        yield ["rule", rule.number, text(rule)]


def question_line(question):
    who = question.subject
    known = [str(who.uid), who.gid, ",".join(map(str, sorted(who.groups))),
             4294967295 if who.loginuid is None else who.loginuid, who.userns,
             *(",".join(path for path, (_, safe) in question.exes.items() if safe == wanted) for wanted in (True, False)),
             question.unit, question.trusted, who.sha256 or "-", question.permission, question.now,
             int(question.distrusted), ",".join(map(str, question.spent))]
    return ["ask", *known, *question.names]


def as_bytes(fields):
    return b"\t".join(field if isinstance(field, bytes) else str(field).encode() for field in fields) + b"\n"


def program_says(worlds):
    """worlds: (world, questions). For each question, in their order: its answer, and about its time."""
    lines = []
    for world, questions in worlds:
        lines += map(as_bytes, world_lines(world))
        for question in questions:
            lines += [as_bytes(question_line(question)), as_bytes(["when", str(question.now)])]
    done = subprocess.run([f"{os.environ['TOOLS']}/decide_lines"], input=b"".join(lines),
                          stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"policy_lines: decide_lines ended with {done.returncode}")
    answers = iter(done.stdout.decode().splitlines())
    return [[(next(answers), list(map(int, next(answers).split()))) for _ in questions] for _, questions in worlds]


def model_says(world, question):
    asked = dataclasses.replace(world, exes=question.exes, clock_distrusted=question.distrusted)
    # A budget that does not suffice: one of nothing.
    asked.rules = [dataclasses.replace(rule, max_opens=rule.max_opens and (-1, "day"), max_bytes=rule.max_bytes
                                       and (-1, "day")) if rule.number in question.spent else
                   rule for rule in world.rules]
    return "%s %d %s" % policy_model.decide(asked, question.subject, question.permission, question.names,
                                            question.now)


def times_differ(world, times):
    """times: (now, [next change, hour, day, week]). Between now and the next change no rule begins or ends
    to apply, and the numbers of periods rise exactly when a period ends. What is wrong, or None."""
    def hold(at):
        wall = policy_model.local(world, at)
        return [policy_model.on_time(rule, wall) and (rule.start or 0) <= at and not (rule.until and at >= rule.until)
                for rule in world.rules]

    for now, (change, *_) in times:
        if change <= now:
            return f"{now}: the next change is at {change}"
        for at in {min(change - 1, now + ahead * policy_model.NS) for ahead in (1, 60, 3600, 20000, 86400, 9 << 17)}:
            if hold(at) != hold(now):
                return f"{now}: the next change is at {change}, but at {at} it is not as it was"
    for (now, numbers), (later, others) in zip(times, times[1:]):
        for number, other, unit in zip(numbers[1:], others[1:], ("hour", "day", "week")):
            here, there = (policy_model.period(unit, policy_model.local(world, at)) for at in (now, later))
            if (number < other, number == other) != (here < there, here == there):
                return f"{now} is in {unit} {number}, {later} in {other}; should be {here} and {there}"
    return None


def differ(world, question):
    return program_says([(world, [question])])[0][0][0] != model_says(world, question)


def fewest(world, question):
    """The rules without which there is no difference."""
    for rule in world.rules:
        less = dataclasses.replace(world, rules=[other for other in world.rules if other is not rule])
        if differ(less, question):
            return fewest(less, question)
    return world


def show(world, question):
    world = fewest(world, question)
    for fields in (*world_lines(world), question_line(question)):
        sys.stdout.write("  " + as_bytes(fields).decode(errors="backslashreplace"))
    print("  the program:", program_says([(world, [question])])[0][0][0])
    print("  the model:  ", model_says(world, question))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=20000)
    options.add_argument("--seed", default=str(time.time_ns()))
    options.add_argument("--wrong", choices=WRONG)
    options = options.parse_args()
    print(f"SEED={options.seed}")
    choice = random.Random(options.seed)
    if options.wrong:
        WRONG[options.wrong]()
    worlds, seen = [], collections.Counter()
    for _ in range(-(-options.cases // ASKED_OF_ONE)):
        world, paths, now = random_world(choice)
        worlds.append((world, [random_question(choice, world, paths, now) for _ in range(ASKED_OF_ONE)]))
    for (world, questions), answers in zip(worlds, program_says(worlds)):
        wrong = times_differ(world, [(question.now, about) for question, (_, about) in zip(questions, answers)])
        if wrong:
            print("\n".join(map(text, world.rules)))
            sys.exit(f"{world.zone}: {wrong}")
        for question, (answer, _) in zip(questions, answers):
            if answer != model_says(world, question):
                show(world, question)
                sys.exit(1)
            seen[answer.split()[2]] += 1
    print(f"{sum(seen.values())} cases agree:",
          ", ".join(f"{reason} {count}" for reason, count in seen.most_common()))


main()
