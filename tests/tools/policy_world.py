# SPDX-License-Identifier: Apache-2.0
"""
Random rules, roles and moments for policy_lines.py and policy_trial.py, chosen so that they meet: many
words fit many subjects, conditions begin and end where the clock is. And a rule's one line of text.
"""
import datetime
import functools
import zoneinfo

from policy_model import DAY_NAMES, NS, Rule, on_time

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
         "America/St_Johns", "Africa/Casablanca", "Pacific/Apia")
MINUTE, HOUR, DAY = 60 * NS, 3600 * NS, 86400 * NS


# --- text ------------------------------------------------------------------------------------------

BARE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@%+=#")
ESCAPES = {"\n": "\\n", "\t": "\\t", "\\": "\\\\", "'": "\\'"}


def word(data):
    """As contrib/docs/rules.md says: the first of bare, '...' and $'...' that can."""
    if data and BARE.issuperset(data) and data[0] != ord("#"):
        return data.decode()
    characters = data.decode(errors="surrogateescape")
    if "'" not in characters and characters.isprintable():
        return f"'{characters}'"
    return "$'" + "".join(ESCAPES.get(character) or (character if character.isprintable() else "".join(
        f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))) for character in characters) + "'"


def subject_text(kind, value):
    if kind == "any":
        return kind
    if kind in ("user", "group", "loginuid"):
        name, number = value
        value = name if name == str(number) else f"{name}#{number}"
    return word(f"{kind}:{value}".encode())


def moment_text(ns):
    return datetime.datetime.fromtimestamp(ns // NS, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def days_text(days):
    """Runs of three and more as ranges; the week begins on Monday."""
    runs = []
    for day in sorted(days):
        if runs and runs[-1][1] == day - 1:
            runs[-1][1] = day
        else:
            runs.append([day, day])
    return ",".join(f"{DAY_NAMES[first]}-{DAY_NAMES[last]}" if last > first + 1 else
                    ",".join(DAY_NAMES[first:last + 1]) for first, last in runs)


def size_text(size):
    for power, letter in (40, "T"), (30, "G"), (20, "M"), (10, "K"):
        if size % (1 << power) == 0:
            return f"{size >> power}{letter}"
    return str(size)


def text(rule):
    words = [rule.effect, *(subject_text(kind, value) for kind, value in rule.words),
             ",".join(rule.permissions), word(rule.pattern)]
    if rule.start is not None:
        words += ["--from", moment_text(rule.start)]
    if rule.until is not None:
        words += ["--until", moment_text(rule.until)]
    if rule.hours:
        words += ["--hours", "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in rule.hours)]
    if rule.days is not None:
        words += ["--days", days_text(rule.days)]
    if rule.max_opens:
        words += ["--max-opens", "%d/%s" % rule.max_opens]
    if rule.max_bytes:
        words += ["--max-bytes", f"{size_text(rule.max_bytes[0])}/{rule.max_bytes[1]}"]
    if rule.note:
        words += ["--note", word(rule.note.encode())]
    return " ".join(words)


# --- patterns --------------------------------------------------------------------------------------

def escaped(name):
    return b"".join(b"\\" + bytes([byte]) if byte in b"*?[\\" else bytes([byte]) for byte in name)


def glob_of(choice, name):
    """A glob that is likely to fit this name."""
    how, at = choice.randrange(8), choice.randrange(len(name))
    if how == 0:
        return b"*"
    if how == 1:
        return escaped(name[:at]) + b"?" + escaped(name[at + 1:])
    if how == 2:
        return escaped(name[:at]) + b"*" + escaped(name[choice.randint(at, len(name)):])
    if how == 3 and name[at] not in b"-]!^[\\":
        byte = name[at]
        inside = choice.choice((b"%c", b"x%c", b"%c-%c", b"]%c", b"%c-"))
        negated = choice.choice((b"", b"", b"!", b"^"))
        inside = inside % ((byte,) * inside.count(b"%"))
        return escaped(name[:at]) + b"[" + negated + inside + b"]" + escaped(name[at + 1:])
    return escaped(name)


def random_pattern(choice, paths):
    names = choice.choice(paths).split(b"/")
    how = choice.randrange(10)
    if how == 0:
        return b"**"
    if how == 1:
        return glob_of(choice, names[-1])
    if how == 2:
        return b"/" + glob_of(choice, names[0])
    globs = [glob_of(choice, name) for name in names]
    if how <= 5:
        return b"/".join(globs[:choice.randint(1, len(globs))] + [b"**"])
    if how <= 7:
        at = choice.randrange(len(globs))
        globs[at:choice.randint(at, len(globs) - 1)] = [b"**"] * choice.choice((1, 1, 2))
    return b"/".join(globs)


# --- rules -----------------------------------------------------------------------------------------

def random_words(choice, universe):
    """universe: for each kind of word what it may say."""
    how = choice.random()
    if how < 0.12:
        return (("any", None),)
    if how < 0.2 and universe["unit"]:
        units = choice.sample(universe["unit"], choice.choice((1, 1, 2)))
        return tuple(("unit", unit) for unit in units) + (("userns", "contained"),)
    kinds = [kind for kind in universe if universe[kind]]
    weights = [4 if kind in ("user", "group") else 2 for kind in kinds]
    wanted = set(choice.choices(kinds, weights, k=choice.choice((1, 1, 1, 2, 2, 3))))
    return tuple((kind, value) for kind in universe if kind in wanted
                 for value in choice.sample(universe[kind], min(len(universe[kind]), choice.choice((1, 1, 2, 3)))))


def random_moment(choice, now):
    """At whole seconds, often just now."""
    unit = choice.choice((0, 1, 60, 3600, 86400))
    return now // NS * NS + choice.randint(-3, 3) * unit * NS + choice.choice((0, 0, NS))


def random_hours(choice, wall):
    here = 60 * wall.hour + wall.minute
    ends = [choice.choice((here, here + 1, here - 1, here + 60, here - 60, 0, 540, 1080, 1439,
                           choice.randrange(1440))) % 1440 for _ in range(2)]
    if choice.random() < 0.1:
        ends[1] = 1440
    return tuple(ends) if ends[0] != ends[1] else (0, 1440)


def random_days(choice, wall):
    if choice.random() < 0.4:
        return frozenset(day % 7 for day in range(wall.weekday(), wall.weekday() + choice.randint(1, 3)))
    return frozenset(choice.sample(range(7), choice.randint(1, 6)))


def ever_applies(rule, zone):
    """A rule that its hours and days keep from applying in all the time that it has is refused."""
    if rule.start is None or rule.until is None or rule.until - rule.start > 8 * DAY:
        return True
    info, found = zoneinfo.ZoneInfo(zone), [rule.start]
    first = datetime.datetime.fromtimestamp(rule.start // NS, info).replace(hour=0, minute=0, second=0, fold=0)
    for days in range(9):
        for minute in 0, (rule.hours or (0,))[0]:
            at = (first + datetime.timedelta(days=days)).replace(hour=minute // 60, minute=minute % 60)
            found += [int(at.replace(fold=fold).timestamp()) * NS for fold in (0, 1)]
    return any(rule.start <= at < rule.until and on_time(rule, datetime.datetime.fromtimestamp(at // NS, info))
               for at in found)


def random_rule(choice, universe, paths, now, zone, number=0, timed=0.35, sizes=(1, 4096, 65536)):
    wall = datetime.datetime.fromtimestamp(now // NS, zoneinfo.ZoneInfo(zone))
    effect = choice.choices(("allow", "deny", "learn"), (65, 25, 10))[0]
    permissions = tuple(name for name in ("read", "write", "list") if choice.random() < 0.3)
    if not permissions or choice.random() < 0.6:
        permissions = ("read", *permissions[permissions[:1] == ("read",):])
    words = random_words(choice, universe)
    if words == (("any", None),) and effect == "learn":
        effect = "deny"
    rule = Rule(number, effect, permissions, words, random_pattern(choice, paths))
    if choice.random() < timed:
        if choice.random() < 0.4:
            rule.start = random_moment(choice, now)
        if choice.random() < 0.4:
            rule.until = max(random_moment(choice, now), (rule.start or 0) + NS)
        if choice.random() < 0.4:
            rule.hours = random_hours(choice, wall)
        if choice.random() < 0.3:
            rule.days = random_days(choice, wall)
        if not ever_applies(rule, zone):
            rule.hours = rule.days = None
    if effect == "allow" and "read" in permissions and choice.random() < timed:
        if choice.random() < 0.6:
            rule.max_opens = choice.randint(1, 4), choice.choice(("hour", "day", "week"))
        if choice.random() < 0.4:
            rule.max_bytes = choice.choice(sizes) * choice.randint(1, 4), choice.choice(("hour", "day", "week"))
    if choice.random() < 0.1:
        rule.note = choice.choice(("why not", "it's", "ü", "--until tomorrow"))
    return rule


@functools.cache
def zone_changes(zone, year):
    """Moments at which this zone's clocks are changed in that year."""
    info, found = zoneinfo.ZoneInfo(zone), []
    day = int(datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc).timestamp())
    def offset(at):
        return datetime.datetime.fromtimestamp(at, info).utcoffset()
    step = 4 * 86400
    for at in range(day, day + 366 * 86400, step):
        low, high = at, at + step
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        found.append(high * NS)
    return found


def random_now(choice, zone):
    """A moment of the years 2024 to 2044, often at the edge of something."""
    year = choice.randint(2024, 2044)
    changes = zone_changes(zone, year)
    if changes and choice.random() < 0.4:
        return choice.choice(changes) + choice.randint(-180, 180) * MINUTE + choice.choice((0, 0, -NS, 1, -1))
    now = int(datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) * NS
    now += choice.randrange(366 * 24 * 60) * MINUTE
    if choice.random() < 0.5:
        now -= now % HOUR
    return now + choice.choice((0, -NS, -1, choice.randrange(MINUTE)))
