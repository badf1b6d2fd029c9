# SPDX-License-Identifier: Apache-2.0
"""
The policy as its documentation tells it (contrib/docs/rules.md), by brute force: every rule is
looked at, nothing is indexed or cached. Written to be read; the program is compared with it.

A world is what an administrator sees, a subject who asks. decide() answers for one permission on all
names of a file at one moment, and spend() counts what an open uses up.
"""
import dataclasses
import datetime
import functools
import zoneinfo

NS = 10**9
DAY_NAMES = "mon tue wed thu fri sat sun".split()


@dataclasses.dataclass
class Rule:
    number: int
    effect: str  # allow, deny, learn
    permissions: tuple  # of read, write, list
    words: tuple  # (kind, value): a (name, number) for user, group, loginuid; else the text
    pattern: bytes
    start: int = None  # ns since 1970, inclusive
    until: int = None  # exclusive
    hours: tuple = None  # minutes of the day, from and until
    days: frozenset = None  # 0 is Monday; days on which the hours begin
    max_opens: tuple = None  # (how many, "hour" | "day" | "week")
    max_bytes: tuple = None
    note: str = None


@dataclasses.dataclass
class Subject:
    uid: int
    gid: int = None
    groups: frozenset = frozenset()
    loginuid: int = None
    userns: str = "own"  # own: the server's; contained: made by root in it; foreign: any other
    exe: object = None  # which file it is
    sha256: str = None  # None: it cannot be had
    unit: tuple = ()  # names of its cgroups, from the top
    trusted: int = 0  # how many of them are root's alone


@dataclasses.dataclass
class World:
    rules: list
    roles: dict = dataclasses.field(default_factory=dict)  # name: set of ("user" | "group", number)
    exes: dict = dataclasses.field(default_factory=dict)  # path: (which file it is, root's alone?)
    private: bool = False
    zone: str = "UTC"
    clock_distrusted: bool = False
    used: dict = dataclasses.field(default_factory=dict)  # (rule, account, what): (period, how much)


# --- patterns --------------------------------------------------------------------------------------

@functools.cache
def elements(glob):
    """Each either None, for any bytes, or the set of bytes that may stand there."""
    found, at = [], 0
    while at < len(glob):
        byte, at = glob[at], at + 1
        if byte == ord("*"):
            found.append(None)
        elif byte == ord("?"):
            found.append(set(range(256)))
        elif byte == ord("\\"):
            found.append({glob[at]})
            at += 1
        elif byte == ord("["):
            negated = glob[at] in b"!^"
            at += negated
            end = glob.index(b"]", at + 1)
            members = set()
            while at < end:
                if glob[at + 1] == ord("-") and at + 2 < end:
                    members |= set(range(glob[at], glob[at + 2] + 1))
                    at += 3
                else:
                    members.add(glob[at])
                    at += 1
            found.append(set(range(256)) - members if negated else members)
            at = end + 1
        else:
            found.append({byte})
    return found


def fits(glob, name):
    """A pattern without a '/' and one name."""
    ends = {0}  # where what was matched so far may end
    for element in elements(glob):
        if element is None:
            ends = set(range(min(ends), len(name) + 1)) if ends else ends
        else:
            ends = {end + 1 for end in ends if end < len(name) and name[end] in element}
    return len(name) in ends


def fit_all(globs, names):
    if not globs:
        return not names
    if globs[0] == b"**":
        return any(fit_all(globs[1:], names[skipped:]) for skipped in range(len(names) + 1))
    return bool(names) and fits(globs[0], names[0]) and fit_all(globs[1:], names[1:])


def matches(pattern, path):
    names = path.split(b"/") if path else []
    if b"/" not in pattern and pattern != b"**":
        return bool(names) and fits(pattern, names[-1])
    return fit_all(pattern.removeprefix(b"/").split(b"/"), names)


# --- time ------------------------------------------------------------------------------------------

def local(world, now):
    """The vault's wall clock. Whole seconds: what is below one decides nothing here."""
    return datetime.datetime.fromtimestamp(now // NS, zoneinfo.ZoneInfo(world.zone))


def on_time(rule, wall):
    """Hours, and the day on which they began: yesterday, behind midnight."""
    minute, day = 60 * wall.hour + wall.minute, wall.weekday()
    begin, end = rule.hours or (0, 1440)
    if begin < end:
        inside = begin <= minute < end
    else:
        inside = minute >= begin or minute < end
        if minute < end:
            day = (day - 1) % 7
    return inside and (rule.days is None or day in rule.days)


def period(unit, wall):
    if unit == "hour":
        return wall.date(), wall.hour
    return wall.date() - datetime.timedelta(wall.weekday() if unit == "week" else 0), 0


def account(subject):
    """Whose budget an open counts under: in a container nobody's name counts, they use one together."""
    return subject.uid if subject.userns == "own" else "container"


def used_in(world, rule, subject, what, now_in):
    """A later period counts from nothing; an earlier one, by a clock that was set back, does not."""
    when, used = world.used.get((rule.number, account(subject), what), (now_in, 0))
    return (now_in, 0) if now_in > when else (when, used)


def suffices(world, rule, subject, wall, size):
    for what, limit, more in ("opens", rule.max_opens, 1), ("bytes", rule.max_bytes, size):
        if limit:
            if used_in(world, rule, subject, what, period(limit[1], wall))[1] + more > limit[0]:
                return False
    return True


# --- the decision ----------------------------------------------------------------------------------

def word_fits(world, allows, kind, value, subject):
    """What could be another's work or cannot be known: an allow does not go by it, a deny does."""
    if kind == "unit":
        return any(fits(value.encode(), name.encode())
                   for name in subject.unit[:subject.trusted if allows else None])
    if kind == "userns":
        return subject.userns == "contained"
    if kind == "any":
        return subject.userns == "own" or not allows
    if subject.userns != "own":
        return False
    if kind == "user":
        return value[1] == subject.uid
    if kind == "group":
        return value[1] == subject.gid or value[1] in subject.groups
    if kind == "loginuid":
        return value[1] == subject.loginuid
    if kind == "role":
        mine = {("user", subject.uid), ("group", subject.gid)} | {("group", group) for group in subject.groups}
        return bool(mine & world.roles.get(value, set()))
    if kind == "sha256":
        return value == subject.sha256 or subject.sha256 is None and not allows
    which, safe = world.exes.get(value, (None, False))  # exe
    return which is not None and which == subject.exe and (safe or not allows)


def obstacles(world, rule, subject, permission, name, now, size):
    """What keeps a rule from applying to a name, in this order."""
    allows = rule.effect != "deny"
    # Where names are hidden, who may do anything else with a file sees it.
    if permission not in rule.permissions and not (allows and permission == "list" and world.private):
        yield "permission"
    if not matches(rule.pattern, name):
        yield "path"
    kinds = {kind for kind, _ in rule.words}
    lacks = {kind for kind in kinds if not any(
        word_fits(world, allows, kind, value, subject) for of, value in rule.words if of == kind)}
    if lacks - {"exe", "sha256", "unit"} or allows and subject.userns == "contained" and "userns" not in kinds:
        yield "subject"
    if "exe" in lacks:
        yield "exe"
    if "unit" in lacks:
        yield "unit"
    timed = rule.start, rule.until, rule.hours, rule.days, rule.max_opens, rule.max_bytes
    if allows and world.clock_distrusted and any(condition is not None for condition in timed):
        yield "clock"
    if rule.start is not None and now < rule.start:
        yield "not yet"
    if rule.until is not None and now >= rule.until:
        yield "expired"
    wall = local(world, now)
    if not on_time(rule, wall):
        yield "hours"
    if "sha256" in lacks:
        yield "sha256"
    if permission == "read" and not suffices(world, rule, subject, wall, size):
        yield "budget"


# What the allow rule that came nearest lacked, from far to near.
NEAREST = {"exe": "exe-differs", "unit": "unit-differs", "clock": "clock-step", "not yet": "not-yet",
           "expired": "expired", "hours": "outside-hours", "sha256": "hash-differs", "budget": "over-budget"}


def decide(world, subject, permission, names, now, size=0):
    """(verdict, rule or 0, reason)"""
    if subject.userns == "foreign":
        return "deny", 0, "user-namespace"

    def first_obstacle(rule, name):
        return next(obstacles(world, rule, subject, permission, name, now, size), None)

    def applying(effect, name):
        return [rule.number for rule in world.rules if rule.effect == effect and not first_obstacle(rule, name)]

    def by_all_names(effect):
        """The lowest for the first name, if every name has one."""
        each = [applying(effect, name) for name in names]
        return min(each[0]) if all(each) else None

    denying = [number for name in names for number in applying("deny", name)]
    if denying:
        return "deny", min(denying), "rule-deny"
    allowing = by_all_names("allow")
    if allowing:
        return "allow", allowing, "rule-allow"
    if permission == "list" and not world.private:
        return "allow", 0, "default-list"
    learning = by_all_names("learn")
    if learning:
        return "allow", learning, "learned"
    if permission == "list":
        return "deny", 0, "private-list"
    if subject.userns == "contained":
        return "deny", 0, "user-namespace"
    refused = next(name for name in names if not applying("allow", name))
    missed = {first_obstacle(rule, refused) for rule in world.rules if rule.effect == "allow"}
    reason = ([reason for what, reason in NEAREST.items() if what in missed] or ["no-rule"])[-1]
    if reason == "hash-differs" and subject.sha256 is None:
        reason = "hash-unknown"
    return "deny", 0, reason


def spend(world, subject, names, now, size):
    """An open that rules allow: each rule that allowed one of the names counts it, once."""
    wall = local(world, now)
    numbers = {decide(world, subject, "read", [name], now, size)[1] for name in names}
    for rule in world.rules:
        if rule.number in numbers:
            for what, limit, more in ("opens", rule.max_opens, 1), ("bytes", rule.max_bytes, size):
                if limit:
                    when, used = used_in(world, rule, subject, what, period(limit[1], wall))
                    world.used[rule.number, account(subject), what] = when, used + more
