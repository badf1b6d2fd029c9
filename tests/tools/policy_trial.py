#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""
The policy through the door: random rule sets are imported into served vaults, days go by, and real
processes open files. What the mount answers, what the trail records, what explain and who say and what
policy_model.py finds must be the same, verdict, rule and reason.
  policy_trial.py [--cases N] [--seed S] [--wrong WORD] [--reason R ...]
Works in the directory $T with $PROGRAM_UNDER_TEST and $TOOLS; root. At the first difference it prints the
seed and the fewest rules that show it, and ends with 1. --wrong: as policy_lines.py. --reason: goes on until
an open had this reason, too, but not for more than MORE times as many cases.
"""
import argparse
import collections
import copy
import dataclasses
import datetime
import errno
import functools
import grp
import itertools
import os
import pwd
import random
import sys
import time
import zoneinfo

import policy_model
from policy_model import NS, Rule, Subject, World
from policy_vault import (Opener, Programs, T, Units, Vault, Wrong, clock, login_uids_can_be_set, program)
from policy_world import DAY, HOUR, MINUTE, ever_applies, moment_text, random_moment, random_rule, text, zone_changes
from policy_wrong import WRONG

CASES_OF_ONE = 48  # of one rule set
TIMES_OF_ONE = 3
MORE = 4
START = 1803000000 * NS  # in February 2027
# Once a rule hides anything no name is cached. What was before is for a second: so sets of the plain vault
# take turns, twenty in which nothing is hidden, twenty in which there is always such a rule.
CACHED_NAMES_S = 1.1
NOBODY_LISTS = Rule(0, "deny", ("list",), (("user", ("4000000000", 4000000000)),), b"nothing")
ALL_LIST = Rule(0, "allow", ("list",), (("any", None),), b"**")
# path: size, or the path that it is another name of, or where it leads to
FILES = {b"llama/7b/a.gguf": 1000, b"llama/7b/b.gguf": 4096, b"llama/tokens": 1, b"onnx/deep/er/x.onnx": 65536,
         b"onnx/a b": 300, b"pool/[x]*": 5000, "pool/ü".encode(): 100, b"top": 2000}
LINKS = {b"onnx/shared": b"llama/7b/a.gguf", b"pool/top": b"top", b"again": b"pool/[x]*",
         b"pool/again": b"pool/[x]*"}
SYMLINKS = {b"latest": b"llama/7b/a.gguf", b"onnx/up": b"../llama", b"pool/twice": b"../latest"}
USERS = (("root", 0), ("mvalice", 5001), ("mvbob", 5002), ("mvcarol", 5003), ("7001", 7001))
GROUPS = (("users", 100), ("mvteam", 6001), ("6002", 6002))
ROLES = ("auditor", "oncall", "ml-2_x")
OTHERS = Subject(4294967290)  # whom no name and no rule knows


# --- the tree --------------------------------------------------------------------------------------

class Tree:
    """What was imported, as the model sees it."""

    def __init__(self, directory):
        self.directory = directory
        self.kinds, self.inodes = {}, {}
        for path, size in FILES.items():
            self.make(path, "file", lambda place, size=size: open(place, "wb").write(bytes(size)))
            self.inodes[path] = path
        for path, other in LINKS.items():
            self.make(path, "file", lambda place, other=other: os.link(os.fsencode(directory) + b"/" + other, place))
            self.inodes[path] = other
        for path, target in SYMLINKS.items():
            self.make(path, "link", lambda place, target=target: os.symlink(target, place))
        self.order = {}

    def make(self, path, kind, how):
        at = b""
        for name in path.split(b"/")[:-1]:
            at += b"/" + name
            self.kinds[at[1:]] = "directory"
            os.makedirs(os.fsencode(self.directory) + at, exist_ok=True)
        self.kinds[path] = kind
        how(os.fsencode(self.directory) + b"/" + path)

    def names(self, path, first=None):
        """All names of what is at this path, in the order in which they are looked at."""
        if self.kinds[path] != "file":
            return [path]
        inode = self.inodes[path]
        names = [other for other in self.inodes if self.inodes[other] == inode]
        return self.order.get(inode) or sorted(names, key=lambda name: (name != first, name))

    def size(self, path):
        return FILES[self.inodes[path]] if path in self.inodes else 0

    def below(self, path):
        return [other for other in self.kinds if other.startswith(path + b"/")]

    def walk(self, path):
        """What is looked up on the way, and the file that it leads to."""
        looked, at, rest = [], [], path.split(b"/")
        while rest:
            name = rest.pop(0)
            if name == b"..":
                at.pop()
                continue
            at.append(name)
            here = b"/".join(at)
            looked.append(here)
            if self.kinds[here] == "link":
                at.pop()
                rest = SYMLINKS[here].split(b"/") + rest
        return looked, b"/".join(at)


def may_see(world, tree, subject, path, now):
    """Is a name found? Directories also when they lead to what may be read or seen. While no rule hides
    anything nobody is asked who he is."""
    if not world.private and not any(rule.effect == "deny" and "list" in rule.permissions for rule in world.rules):
        return True

    def decide(permission, at):
        return policy_model.decide(world, subject, permission, tree.names(at), now, tree.size(at))

    verdict, _, reason = decide("list", path)
    if verdict == "allow" or reason != "private-list" or tree.kinds[path] != "directory":
        return verdict == "allow"
    return any(decide(permission, below)[0] == "allow" for below in tree.below(path)
               for permission in ("list", "read"))


def explained_list(world, tree, subject, path, now):
    """What explain says of `list`: also that a directory above is denied, or that this one leads to something.
    None: the file has several names, and which of the denied directories is named is not the model's."""
    hides = world.private or any(rule.effect == "deny" and "list" in rule.permissions for rule in world.rules)
    decision = policy_model.decide(world, subject, "list", tree.names(path), now, tree.size(path))
    if decision[0] != "allow":
        on_the_way = decision[2] == "private-list" and may_see(world, tree, subject, path, now)
        return ("allow", 0, "on-the-way") if on_the_way else decision
    cut_off = []
    for name in tree.names(path) if hides else ():
        parts = name.split(b"/")
        above = (policy_model.decide(world, subject, "list", [b"/".join(parts[:depth])], now, 0)
                 for depth in range(1, len(parts)))
        cut_off.append(next((one for one in above if one[0] != "allow" and one[2] != "private-list"), None))
    if not cut_off or None in cut_off:
        return decision
    return cut_off[0] if len(cut_off) == 1 else None


def through_the_mount(world, tree, subject, path, now):
    """errno of an open, and (verdict, rule, reason) of what it records: None when nothing."""
    looked, at = tree.walk(path)
    if not all(may_see(world, tree, subject, here, now) for here in looked):
        return errno.ENOENT, None
    decision = policy_model.decide(world, subject, "read", tree.names(at), now, tree.size(at))
    return 0 if decision[0] == "allow" else errno.EACCES, decision


# --- the subjects ----------------------------------------------------------------------------------

def openers_of(programs, units):
    can_login = login_uids_can_be_set()
    for note in (units.note, None if can_login else "loginuid: it cannot be set here"):
        if note:
            print(f"left out: {note}")
    safe, loose = programs.safe, programs.loose

    def opener(*arguments, loginuid=None, **words):
        return Opener(programs, units, *arguments, loginuid=loginuid if can_login else None, **words)

    found = [
        opener(5001, 100, (6001,)),
        opener(5001, 100, (6001,), program_path=f"{safe}/a b", unit="infer.service"),
        opener(5001, 100, (), unit="user-5001.slice/infer.service", loginuid=5001),
        opener(5001, 100, (6001,), program_path=f"{loose}/four", loginuid=5002),
        opener(5002, 100, (), unit="batch.service"),
        opener(5002, 100, (), program_path=f"{safe}/three", unit="infer.service", loginuid=5002),
        opener(5002, 6001, (6002, 20000), loginuid=0),
        opener(5003, 100, (6001,), loginuid=5001),
        opener(5003, 100, (6001,), program_path=f"{safe}/soft", unit="infer.service"),
        opener(0, 0, (), unit="infer.service"),
        opener(0, 0, (), program_path=f"{safe}/three", loginuid=5001),
        opener(7001, 7001, (), program_path=f"{safe}/hard"),
        opener(7001, 6002, (6001, 100), program_path=f"{safe}/a b", unit="batch.service"),
        opener(5001, 100, (6001,), unit="infer.service", userns="contained"),
        opener(7001, 7001, (), unit="batch.service", userns="contained"),
        opener(5001, 100, (6001,), unit="infer.service", userns="foreign"),
    ]
    for opener in found:
        opener.explained = as_explained(opener.subject)
    universe = {"user": USERS, "group": GROUPS, "role": ROLES, "exe": programs.words,
                "sha256": sorted({opener.subject.sha256 for opener in found}) + ["0" * 64],
                "unit": ["infer.service", "infer*", "*.service", "user-?001.slice", "mv*", "batch.service"],
                "loginuid": USERS}
    if units.note:
        universe["unit"] = []
    if not can_login:
        universe["loginuid"] = ()
    return found, universe


@functools.cache
def from_database(uid):
    """Whom a login would make of this user."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return Subject(uid)
    groups = frozenset(group.gr_gid for group in grp.getgrall() if user.pw_name in group.gr_mem)
    return Subject(uid, user.pw_gid, groups)


def as_explained(subject):
    """What `explain` supposes when it is told of everything but the groups; a unit is believed."""
    known = from_database(subject.uid)
    return dataclasses.replace(subject, gid=known.gid, groups=known.groups, trusted=len(subject.unit))


# --- one rule set ----------------------------------------------------------------------------------

def imported(vault, rules):
    """Makes these the rules, in one change. With their numbers: a rule that was there keeps its own."""
    with open(f"{T}/rules", "w") as file:
        file.writelines(text(rule) + "\n" for rule in rules)
    program("rules", vault.path, "import", "--replace", f"{T}/rules")
    # Both in order of numbers.
    lines = [line.replace("grant ", "allow ", 1) if line.startswith("grant ") else line
             for line in program("rules", vault.path, "export").decode().splitlines() if line[0] != "#"]
    numbers = [line["rule"] for line in vault.ask("rules", "list")]
    found = dict(zip(lines, numbers))
    if sorted(found) != sorted(map(text, rules)):
        raise Wrong("the rules are not what was imported:\n" + "\n".join(map(text, rules)) + "\n\n" +
                    "\n".join(found))
    return sorted((dataclasses.replace(rule, number=found[text(rule)]) for rule in rules),
                  key=lambda rule: rule.number)


def has_budget(rule):
    return bool(rule.max_opens or rule.max_bytes)


def broad_rules(choice):
    """With these the names of a file are often let in to by different rules: by a budget, by learning."""
    everybody = (("group", ("users", 100)),)
    return [Rule(0, "learn", ("read",), everybody, choice.choice((b"**", b"*"))),
            Rule(0, "allow", ("read",), choice.choice((everybody, (("any", None),))),
                 choice.choice((b"llama/**", b"onnx/**", b"pool/**")),
                 max_opens=(choice.randint(1, 3), choice.choice(("hour", "day", "week"))))]


def random_rules(choice, vault, universe, before, hiding):
    """Some of those before, and others."""
    now = clock.now()
    rules = [rule for rule in before if choice.random() < 0.25]
    rules += [random_rule(choice, universe, list(vault.tree.kinds), now + DAY // 2, vault.zone,
                          sizes=list(FILES.values())) for _ in range(choice.randint(0, 12 - len(rules)))]
    rules += choice.choices((broad_rules(choice), ()), (1, 4))[0]
    # By a clock that was set back it would be learned for longer than may be.
    rules = [rule for rule in rules if rule.effect != "learn" or not rule.number or rule.until < now + 7 * DAY]
    for rule in rules:
        if rule.effect == "learn" and not rule.number:
            rule.permissions = ("read",)
            rule.start, rule.until = None, now // NS * NS + choice.randint(60, 7 * 86400) * NS
            if not ever_applies(rule, vault.zone):
                rule.hours = rule.days = None
        if rule.effect == "deny" and not hiding:
            rule.permissions = tuple(name for name in rule.permissions if name != "list") or ("read",)
    if hiding and not vault.private:
        rules.append(NOBODY_LISTS)
    if vault.private and choice.random() < 0.4:
        rules.append(ALL_LIST)
    return list({text(rule): rule for rule in rules}.values())


def random_roles(choice, vault, roles):
    """Not over the vault itself: its only admin may let himself read."""
    role, (kind, those) = choice.choice(ROLES[1:]), choice.choice((("user", USERS[1:]), ("group", GROUPS)))
    name, number = choice.choice(those)
    change = "remove" if (kind, number) in roles.get(role, ()) else "add"
    program("role", vault.path, change, role, f"{kind}:{name}")
    roles[role] = roles.get(role, set()) ^ {(kind, number)}


def edges(world, now):
    """Moments to come at which some rule begins or ends to apply, and some others."""
    zone = zoneinfo.ZoneInfo(world.zone)
    today = datetime.datetime.fromtimestamp(now // NS, zone).replace(minute=0, second=0, microsecond=0, fold=0)
    minutes = {60 * 24, 0} | {minute for rule in world.rules for minute in rule.hours or ()}
    found = {moment for rule in world.rules for moment in (rule.start, rule.until) if moment}
    for days in range(3):
        for minute in minutes:
            at = today.replace(hour=0) + datetime.timedelta(days=days, minutes=minute)
            found.add(int(at.timestamp()) * NS)
    found |= {now - now % HOUR + hours * HOUR for hours in (1, 2, 24)}
    return sorted(moment for moment in found if now + 4 * NS < moment < now + 20 * DAY)


def next_time(choice, world):
    now = clock.now()
    if choice.random() < 0.04:
        year = datetime.datetime.fromtimestamp(now // NS).year
        changes = [at for at in zone_changes(world.zone, year) + zone_changes(world.zone, year + 1) if at > now]
        if changes:
            return changes[0] + choice.choice((-HOUR, -30 * MINUTE, 0, 30 * MINUTE, HOUR))
    near = edges(world, now)
    if not near or choice.random() < 0.2:
        return now + choice.randrange(36 * 60) * MINUTE
    return choice.choice(near[:12]) + choice.choice((0, 0, -2 * NS, MINUTE))


def set_clock(choice, vaults):
    """Not time that goes by: somebody sets it. When it is on record, explain knows of it too."""
    def records():
        return [vault.ask("audit", "query", action="clock", order="newest", limit=1) for vault in vaults]

    # The server looks once a second, and what a clock may drift between two looks hides a step: when
    # weeks went by there, minutes.
    time.sleep(1.2)
    before = records()
    clock.move(choice.choice((3 * NS, HOUR, DAY, 40 * DAY)) * choice.choice((-1, 1)), 0)
    end = time.monotonic() + 5
    while any(now == then for now, then in zip(records(), before)):
        if time.monotonic() > end:
            raise Wrong("a clock that was set is not on record")
        time.sleep(0.05)


class Difference(Exception):
    """case: what Trial.check was asked; of `who` the path counts alone."""

    def __init__(self, text, case):
        super().__init__(text)
        self.case = case


class Trial:
    """A rule set in force, and what was asked of it. A case: what, by whom, which path, permission, and a
    moment when it is not about now."""

    def __init__(self, vault, world, openers):
        self.vault, self.tree, self.world, self.openers = vault, vault.tree, world, openers
        self.expected = collections.defaultdict(list)  # pid: (record that it must have, case)
        self.seen, self.undecided = collections.Counter(), 0
        self.lost = False  # what is used of budgets is not known any more
        self.seen_seq = self.records(1)[0]["seq"]

    def check(self, what, opener, path, permission="read", at=None):
        """None: the model says one thing before it was asked and another after it."""
        case = what, opener, path, permission, at
        now = clock.now()
        expected = self.model(*case[:4], at or now)
        got = getattr(self, "ask_" + what)(opener, path, permission, at)
        if self.model(*case[:4], at or clock.now()) != expected:
            self.undecided += 1
            expected = None
        if what == "open":
            self.opened(case, expected, now)
            expected = expected and expected[0]
        if expected is not None:
            self.compare(case, expected, got)

    def model(self, what, opener, path, permission, now):
        if what == "open":
            return through_the_mount(self.world, self.tree, opener.subject, path, now)
        if what == "stat":
            names = path.split(b"/")
            return 0 if all(may_see(self.world, self.tree, opener.subject, b"/".join(names[:depth]), now)
                            for depth in range(1, len(names) + 1)) else errno.ENOENT
        # A link can be listed itself; what is read is what it leads to.
        if permission == "list":
            return explained_list(self.world, self.tree, opener.explained, path, now)
        at = self.tree.walk(path)[1]
        return policy_model.decide(self.world, opener.explained, permission, self.tree.names(at), now,
                                   self.tree.size(at))

    def ask_explain(self, opener, path, permission, at):
        subject = opener.subject
        extra = {"exe": opener.exe, "exe_id": "%d:%d" % subject.exe, "content": subject.sha256, "unit": opener.unit,
                 "loginuid": subject.loginuid, "userns": {"own": None}.get(subject.userns, subject.userns),
                 "at": at and moment_text(at)}
        verdict = self.vault.ask("explain", path, user=subject.uid, perm=permission, code=(0, 3),
                                 **{name: value for name, value in extra.items() if value is not None})[-1]
        return verdict["verdict"], verdict["rule"] or 0, verdict["reason"]

    def ask_open(self, opener, path, *_):
        return opener.tell("open", os.fsencode(self.vault.mount) + b"/" + path)

    def ask_stat(self, opener, path, *_):
        return opener.tell("stat", os.fsencode(self.vault.mount) + b"/" + path)

    def ask_who(self, path, permission):
        """The users listed, a uid or containers or others; each line must be true of somebody as it describes him."""
        listed, now = set(), clock.now()
        for line in self.vault.ask("who", path, perm=permission):
            listed.add(line["userns"] or (OTHERS.uid if line["uid"] is None else line["uid"]))
            if not self.could_be(line, path, permission, now):
                raise Difference(f"who {permission} {path.decode()}: the model does not see how: {line}",
                                 ("who", None, path, permission, None))
        return listed

    def could_be(self, line, path, permission, now):
        names, size = self.tree.names(path), self.tree.size(path)
        which = self.world.exes.get(line["exe"], (None,))[0]
        subject = OTHERS if line["uid"] is None else from_database(line["uid"])
        if line["userns"]:
            subject = Subject(65534, userns=line["userns"])
        at = now
        if line["from"]:
            at = int(datetime.datetime.fromisoformat(line["from"][:19] + "+00:00").timestamp()) * NS
        for unit in self.units_like(line["unit"]):
            subject = dataclasses.replace(subject, exe=which, sha256=line["sha256"] or "another", loginuid=line["loginuid"],
                                          unit=(unit,) if unit else (), trusted=1)
            if policy_model.decide(self.world, subject, permission, names, at, size) == (
                    "allow", line["rule"] or 0, line["reason"]):
                return True
        return False

    def units_like(self, glob):
        known = {name for opener in self.openers for name in opener.subject.unit}
        example = glob and glob.replace("?", "x").replace("*", "")
        return [None] if glob is None else [example, *known]

    def is_allowed(self, subject, path, now):
        return policy_model.decide(self.world, subject, "read", self.tree.names(path), now,
                                   self.tree.size(path))[0] == "allow"

    def sets_of_rules(self, names):
        """Rules that allow together what each of them allows for some names only, by number."""
        about = [(rule, {name for name in names if policy_model.matches(rule.pattern, name)})
                 for rule in self.world.rules if rule.effect != "deny"]
        for count in range(1, len(names) + 1):
            for those in itertools.combinations(about, count):
                found = [of for _, of in those]
                if all(of - set().union(*found[:at]) for at, of in enumerate(found)):
                    yield [rule for rule, _ in those]

    def by_words_of_rules(self, subject, path, now):
        """Is he also allowed it by a program, in a unit and with a login that words of such rules name, or without?"""
        for rules in self.sets_of_rules(self.tree.names(path)):
            words = collections.defaultdict(set)
            for kind, value in (word for rule in rules for word in rule.words):
                words[kind].add(value)
            for exe, sha256, glob, login in itertools.product(*(words[kind] or [None] for kind in
                                                                ("exe", "sha256", "unit", "loginuid"))):
                if self.is_allowed(dataclasses.replace(
                        subject, exe=self.world.exes[exe][0] if exe else None, sha256=sha256 or "another",
                        unit=(glob.replace("?", "x").replace("*", ""),) if glob else (), trusted=1,
                        loginuid=login and login[1]), path, now):
                    return True
        return False

    def check_who(self, path):
        """It lists everybody of the openers whom the model allows it now, if the system or a rule knows him.
        `who` puts itself into pictures made of rules' words: who is allowed it only by a unit that two globs match,
        neither by its own example, is not listed."""
        now = clock.now()
        listed = self.ask_who(path, "read")
        known = {user.pw_uid for user in pwd.getpwall()} | {value[1] for rule in self.world.rules
                                                            for kind, value in rule.words if kind == "user"}
        known |= {number for members in self.world.roles.values() for kind, number in members if kind == "user"}
        subjects = [opener.explained for opener in self.openers]
        subjects += [dataclasses.replace(subject, uid=OTHERS.uid, gid=None, groups=frozenset())
                     for subject in subjects if subject.userns == "own"]
        for subject in subjects:
            whom = subject.uid if subject.userns == "own" else subject.userns
            if whom not in listed and (subject.userns != "own" or whom in known | {OTHERS.uid}) and all(
                    self.is_allowed(subject, path, at) and self.by_words_of_rules(subject, path, at)
                    for at in (now, clock.now())):
                raise Difference(f"who read {path.decode()} lists {sorted(listed, key=str)}, not {subject}",
                                 ("who", None, path, "read", None))

    def opened(self, case, expected, now):
        """The budget goes, and the trail must say so. When it could be either, the trail is not asked."""
        _, opener, path, *_ = case
        _, at = self.tree.walk(path)
        if expected is None:
            self.expected[opener.pid].append((None, case))
            self.lost = True
        elif expected[1] is None:
            self.seen["hidden"] += 1
        else:
            verdict, rule, reason = expected[1]
            if reason == "rule-allow":
                self.spend(opener.subject, self.tree.names(at), now, self.tree.size(at))
            self.expected[opener.pid].append(((self.tree.names(at)[0].decode(), verdict, rule, reason), case))
            self.seen[reason] += 1

    def spend(self, subject, names, now, size):
        """It was allowed before and after it was asked, but these may be two days and two budgets."""
        before, after = dict(self.world.used), dict(self.world.used)
        policy_model.spend(dataclasses.replace(self.world, used=after), subject, names, clock.now(), size)
        policy_model.spend(dataclasses.replace(self.world, used=before), subject, names, now, size)
        self.world.used.update(before)
        self.lost = self.lost or before != after

    def compare(self, case, expected, got):
        if expected == got:
            return
        what, opener, path, permission, at = case
        now = datetime.datetime.fromtimestamp((at or clock.now()) // NS, zoneinfo.ZoneInfo(self.world.zone))
        last = self.records(1)[0]
        raise Difference(f"{what} {permission} {path.decode()}, {now}\n  by {opener.subject}\n  "
                         f"exe {opener.exe}, unit {opener.unit}, pid {opener.pid}\n  the last record: pid {last['pid']}, "
                         f"{last['path']}: {last['outcome']} {last['rule']} {last['reason']}\n  "
                         f"the program: {got}\n  the model:   {expected}", case)

    def records(self, limit):
        return self.vault.ask("audit", "query", action="open", order="newest", limit=limit)

    def check_trail(self):
        """Every open, in its order, with its rule and reason, and no more."""
        records = self.records(4 * sum(map(len, self.expected.values())) + 10)
        mine = collections.defaultdict(list)
        for record in reversed(records):
            if record["seq"] > self.seen_seq:
                mine[record["pid"]] += [(record["path"], record["outcome"], record["rule"] or 0,
                                         record["reason"])] * record["count"]
        self.seen_seq = records[0]["seq"]
        for opener in self.openers:
            expected, got = self.expected[opener.pid], mine[opener.pid]
            if any(record is None for record, _ in expected):
                continue
            for (record, case), other in zip(expected, got):
                self.compare(case, record, other)
            if len(expected) != len(got):
                raise Wrong(f"{len(expected)} opens by {opener.subject}, {len(got)} on record")


def random_case(choice, world, tree, openers, paths):
    """An opener and a path, more often than not such as some rule is about."""
    if not world.rules or choice.random() < 0.3:
        return choice.choice(openers), choice.choice(paths)
    rule, now = choice.choice(world.rules), clock.now()

    def first_obstacle(opener, path):
        return next((next(policy_model.obstacles(world, rule, opener.subject, rule.permissions[0], name, now, 0), "")
                     for name in tree.names(tree.walk(path)[1])), "")

    meant = [path for path in paths if first_obstacle(openers[0], path) != "path"] or paths
    path = choice.choice(meant)
    those = [opener for opener in openers if first_obstacle(opener, path) != "subject"] or openers
    return choice.choice(those), path


def one_rule_set(choice, vault, world, openers, count):
    tree, trial = vault.tree, Trial(vault, world, openers)
    paths = list(tree.inodes) + [path for path in SYMLINKS if tree.kinds[tree.walk(path)[1]] == "file"]
    for _ in range(TIMES_OF_ONE):
        clock.let_pass(next_time(choice, world))
        for _ in range(count // TIMES_OF_ONE):
            opener, path = random_case(choice, world, tree, openers, paths)
            if opener.subject.userns != "foreign":
                trial.check("explain", opener, path, choice.choices(("read", "write", "list"), (6, 1, 2))[0],
                            random_moment(choice, clock.now()) if choice.random() < 0.2 else None)
            if choice.random() < 0.2:
                trial.check("stat", opener, choice.choice(list(tree.kinds)), "list")
            trial.check("open", opener, path)
            if trial.lost:
                break
        if trial.lost:
            break
        trial.check_who(choice.choice(list(tree.inodes)))
    trial.check_trail()
    return trial


def differs(vault, world, openers, rules, case):
    """With these rules alone, and nothing used of any budget: what is different, or None."""
    imported(vault, [rule for rule in rules if not has_budget(rule)])  # the others begin anew
    world = dataclasses.replace(world, rules=imported(vault, rules), used={})
    trial = Trial(vault, world, openers)
    try:
        if case[0] == "who":
            trial.check_who(case[2])
        else:
            trial.check(*case)
        trial.check_trail()
    except Difference as difference:
        return world, difference
    return None


def show(vault, world, openers, difference):
    """As it was, and with the fewest rules that show it; when it needs what came before, with all."""
    print(f"a difference: {difference}")
    print(f"zone {vault.zone}{', private' if vault.private else ''}, clock distrusted: {world.clock_distrusted}, "
          f"names: {vault.tree.names(difference.case[2])}")
    for role, members in world.roles.items():
        print(f"  role {role}: {' '.join(f'{kind}:{number}' for kind, number in sorted(members))}")
    found = differs(vault, world, openers, world.rules, difference.case)
    at = 0
    while found and at < len(found[0].rules):
        rules = found[0].rules[:at] + found[0].rules[at + 1:]
        less = differs(vault, world, openers, rules, difference.case)
        found, at = (less, at) if less else (found, at + 1)
    if found:
        world, difference = found
    else:
        print("not alone, but after what was opened before:")
        for rule in world.rules:
            for (number, uid, what), used in world.used.items():
                if number == rule.number:
                    print(f"  user {uid} used {used[1]} {what} of rule {number} in the period of {used[0]}")
    for rule in world.rules:
        print(f"  {rule.number}: {text(rule)}")
    raise difference


def calibrate(vault, opener):
    """In which order a file's names are looked at: the first is the one that the trail records, and of the
    others the first that is not allowed says what is missing."""
    def recorded(inode):
        opener.tell("open", os.fsencode(vault.mount) + b"/" + inode)
        return vault.ask("audit", "query", action="open", order="newest", limit=1)[0]

    def exact(name):
        return b"/" + b"".join(b"\\" + bytes([byte]) if byte in b"[*" else bytes([byte]) for byte in name)

    program("grant", vault.path, "any", "list", "**")
    tree = vault.tree
    for inode in set(tree.inodes.values()):
        first, *others = tree.names(inode, recorded(inode)["path"].encode())
        if len(others) > 1:
            program("grant", vault.path, "any", "read", exact(first))
            program("grant", vault.path, "unit:of.nobody", "read", exact(others[0]))
            if recorded(inode)["reason"] != "unit-differs":
                others.reverse()
        tree.order[inode] = [first, *others]


def campaign(options, vaults, openers, universe, programs):
    choice = random.Random(options.seed)
    seen, undecided, sets = collections.Counter(), 0, 0
    roles = {vault: {"auditor": {("user", 0)}} for vault in vaults}
    started = time.monotonic()
    while sum(seen.values()) < options.cases or (
            sum(seen.values()) < MORE * options.cases and any(not seen[reason] for reason in options.reason)):
        vault = choice.choice(vaults[:1] + vaults)
        hiding = vault.private or sets // 20 % 2 == 1
        for _ in range(choice.randint(0, 2)):
            random_roles(choice, vault, roles[vault])
        rules = random_rules(choice, vault, universe, vault.rules, hiding)
        vault.rules = imported(vault, rules)
        world = World(vault.rules, roles[vault], programs.known(), vault.private, vault.zone, used=vault.used)
        if hiding and not vault.hiding:
            time.sleep(CACHED_NAMES_S)
        vault.hiding = hiding
        world.clock_distrusted = choice.random() < 0.05
        if world.clock_distrusted:
            set_clock(choice, vaults)
        try:
            trial = one_rule_set(choice, vault, world, openers, CASES_OF_ONE)
        except Difference as difference:
            show(vault, world, openers, difference)
        if world.clock_distrusted:
            for other in vaults:
                program("accept", other.path, "--clock")
        if trial.lost:
            vault.rules = imported(vault, [rule for rule in vault.rules if not has_budget(rule)])
        seen += trial.seen
        undecided += trial.undecided
        sets += 1
    print(f"{sum(seen.values())} opens of {sets} rule sets in {time.monotonic() - started:.0f} s agree, "
          f"{undecided} at an edge:", ", ".join(f"{reason} {count}" for reason, count in seen.most_common()))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--cases", type=int, default=20000)
    options.add_argument("--seed", default=str(time.time_ns()))
    options.add_argument("--wrong", choices=WRONG)
    options.add_argument("--reason", action="append", default=[])
    options = options.parse_args()
    print(f"SEED={options.seed}", flush=True)
    if options.wrong:
        WRONG[options.wrong]()
    # The same days for the same seed, as nearly as can be.
    clock.let_pass(START)
    units, programs, openers, vaults = Units(), Programs(), [], []
    try:
        tree = Tree(f"{T}/tree")
        for name, zone, *more in ("plain", "Europe/Berlin"), ("private", "America/New_York", "--private"):
            vault = Vault(name, "--timezone", zone, *more)
            vault.zone, vault.private, vault.hiding = zone, bool(more), bool(more)
            vault.rules, vault.used, vault.tree = [], {}, copy.copy(tree)
            vault.tree.order = {}
            program("import", vault.path, *(f"{T}/tree/{entry}" for entry in sorted(os.listdir(f"{T}/tree"))))
            vault.serve()
            vaults.append(vault)
        openers, universe = openers_of(programs, units)
        for vault in vaults:
            calibrate(vault, openers[0])
        campaign(options, vaults, openers, universe, programs)
    except (Difference, Wrong) as wrong:
        sys.exit(f"policy_trial: SEED={options.seed}: {wrong}")
    finally:
        for opener in openers:
            opener.end()
        for vault in vaults:
            vault.umount()
        programs.remove()
        units.remove()


main()
