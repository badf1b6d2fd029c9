#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Somebody without a key writes into keystore.db and audit.db: every column of every table that
sqlite_schema names, in every way of changing a value, and whole rows. What comes of it is compared with
the table in tamper_expected.py, which says what must; a table or an outcome that is not in it fails.
  tamper_db.py make DIR                  the vault that the rest works on
  tamper_db.py tables DIR                every table is in the table
  tamper_db.py keystore|audit DIR TABLE  all of one table; a slice of it unless FULL=1
  tamper_db.py files DIR                 whole databases exchanged, put back, spoilt
"""
import errno
import os
import re
import shutil
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import tamper_edits as edits  # noqa: E402
import tamper_expected as expected  # noqa: E402
import tamper_files as files  # noqa: E402
from tamper_world import ALICE, BOB, CAROL, READERS, ROOT, Bad, World  # noqa: E402

FULL = bool(os.environ.get("FULL"))
USERS = ROOT, ALICE, BOB, CAROL
NOTICE = 5  # seconds; it is looked at each 100 ms


def read_all(world):
    """{(path, user): 'right' or errno} of those who may."""
    return {(path, user): world.read(user, path) for path in READERS for user in READERS[path]}


def classify(world):
    """What is to be seen in a mount: sealed, damaged, gone, noticed or unharmed."""
    since = world.last_record()
    answers = read_all(world)
    reasons = world.refusals(since)
    for path, readers in READERS.items():
        for user in set(USERS) - readers:
            world.read(user, path)
    verify, said = world.program("verify")
    if set(answers.values()) == {"right"}:
        return {0: "unharmed", 5: "noticed"}.get(verify, f"verify exits {verify}: {said}")
    if verify != 5:
        return f"harmed, but verify exits {verify}: {said}"
    if set(answers.values()) == {errno.EACCES}:
        return "sealed" if reasons == {"seal-broken"} else f"refused for {reasons}"
    harmed = set(answers.values()) - {"right"}
    if harmed == {errno.ENOENT}:
        return "gone"
    if harmed <= {errno.EIO, errno.ENOENT} and reasons <= {"row-damaged"}:
        return "damaged"
    if harmed <= {errno.EIO, errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EINVAL} and reasons <= {"row-damaged"}:
        return "no file"
    return f"answers {answers}, for {reasons}"


def restorable(world):
    """keystore.copy is the last good state, and every object that it names is there."""
    world.unserve()
    for name in "keystore.db", "keystore.db-wal", "keystore.db-shm":
        (world.vault / name).unlink(missing_ok=True)
    shutil.copy(world.vault / "keystore.copy", world.vault / "keystore.db")
    code, said = world.program("verify")
    return "" if code == 0 else f"; from keystore.copy verify exits {code}: {said}"


def unserved(world, edit):
    world.begin()
    db = world.connect("keystore.db")
    done = edit(db)
    db.close()
    if done is False:
        return None
    code, said = world.serve()
    outcome = f"exit {code}" if code else classify(world)
    if code not in (0, 1, 4, 5) or (code and "\n" in said.strip()):
        outcome += f" with {said}"
    return outcome + restorable(world)


def served(world, edit, wanted):
    world.begin()
    code, said = world.serve()
    if code != 0 or set(read_all(world).values()) != {"right"}:
        raise Bad(f"the vault is not whole before: {said}")
    db = world.connect("keystore.db")
    done = edit(db)
    db.close()
    if done is False:
        return None
    end = time.monotonic() + NOTICE
    time.sleep(0.25)
    while True:
        outcome = classify(world)
        if outcome in wanted or time.monotonic() > end:
            break
        time.sleep(0.1)
    world.unserve()
    return outcome


def audited(world, edit):
    """What audit verify says, and whether the vault can still be mounted."""
    world.begin()
    db = world.connect("audit.db")
    done = edit(db)
    db.close()
    if done is False:
        return None
    code, said = world.program("audit", "verify")
    mounted, _ = world.serve()
    world.unserve()
    return f"{code}, mount {mounted}: {said.strip()}"


def audited_while_served(world, edit):
    world.begin()
    world.serve()
    world.read(ROOT, "one")
    db = world.connect("audit.db")
    done = edit(db)
    db.close()
    if done is False:
        return None
    world.read(ROOT, "one")
    code, said = world.program("audit", "verify")
    world.unserve()
    return f"{code}: {said.strip()}"


def put_and_mount(world, change, wanted):
    """What comes of a vault after a change of its files; where nobody could tell there is no truth to ask for."""
    world.begin()
    change(world)
    code, said = world.serve()
    outcome = f"exit {code}: {said.strip()}" if code else "mounted"
    if not code and wanted != "mounted":
        outcome = classify(world)
    world.unserve()
    if not code and world.program("audit", "verify")[0] == 5:
        return "trail broken"
    return outcome


def unrecorded(world, change):
    """What readers get of a server that can write no record."""
    world.begin()
    world.serve()
    change(world)
    answers = set(read_all(world).values())
    world.unserve()
    return "refused" if answers == {errno.EACCES} else f"answers {answers}"


def put_and_verify(world, change):
    world.begin()
    change(world)
    code, said = world.program("audit", "verify")
    return f"{code}: {said.strip()}"


def tamper_files(world, report):
    for name, (change, wanted) in files.UNSERVED.items():
        report.take(name, put_and_mount(world, change, wanted), [wanted])
    for name, (change, wanted) in files.SERVED.items():
        report.take(f"{name}, served", served(world, lambda _, change=change: change(world), [wanted]), [wanted])
    for name, change in files.SERVED_TRAIL.items():
        report.take(f"{name}, served", unrecorded(world, change), ["refused"])
    for name, (change, wanted) in files.AUDIT.items():
        report.take(f"audit.db: {name}", put_and_verify(world, change), [wanted])
    for seed in range(300 if FULL else 6):
        report.take(f"bits flipped, seed {seed}", put_and_mount(world, files.flip_bits(seed), ""),
                    ["exit [145]: .*|sealed|damaged|gone|noticed|unharmed|trail broken"])


class Report:
    """Compares outcomes with what is expected of them."""

    def __init__(self):
        self.cases = self.failed = 0

    def take(self, name, outcome, wanted):
        if outcome is None:
            return
        self.cases += 1
        if not any(re.fullmatch(pattern, outcome, re.DOTALL) for pattern in wanted):
            self.failed += 1
            print(f"{name}: {outcome!r}, expected {' or '.join(wanted) or 'nothing known'}", flush=True)


def slice_of(cases, width=len(edits.KINDS)):
    """One case of each `width` that stand together, not always the same of them; all with FULL=1."""
    if FULL:
        return cases
    return [cases[i + i // width % width] for i in range(0, len(cases), width) if i + i // width % width < len(cases)]


def column_cases(db, table):
    return [(column, kind) for column in edits.columns(db, table) for kind in edits.KINDS]


def tamper_keystore(world, table, report):
    world.begin()
    with world.connect("keystore.db") as db:
        where = expected.TARGETS.get(table, "rowid = (SELECT max(rowid) FROM {table})")
        row = edits.target(db, table, where)
        columns = column_cases(db, table)
    for number, (column, kind) in enumerate(slice_of(columns)):
        def edit(db, column=column, kind=kind):
            return edits.change_column(db, table, column, kind, row)
        for how in ("unserved", "served") if FULL else (("unserved", "served")[number % 2],):
            wanted = expected.keystore(table, column, kind, how)
            outcome = unserved(world, edit) if how == "unserved" else served(world, edit, wanted)
            report.take(f"{table}.{column} {kind}, {how}", outcome, wanted)
    old = world.place / "old/vault/keystore.db"
    rows = {name: lambda db, edit=edit: edit(db, table, row) for name, edit in edits.ROW_EDITS.items()}
    rows["old-table"] = lambda db: edits.paste(db, table, old)
    rows["old-rows"] = lambda db: edits.add_old_rows(db, table, old)
    rows["foreign-table"] = lambda db: edits.paste(db, table, world.place / "other/keystore.db")
    for number, (name, edit) in enumerate(slice_of(list(rows.items()), 3)):
        for how in ("unserved", "served") if FULL else (("unserved", "served")[number % 2],):
            wanted = expected.keystore(table, name, "rows", how)
            outcome = unserved(world, edit) if how == "unserved" else served(world, edit, wanted)
            report.take(f"{table} {name}, {how}", outcome, wanted)


def tamper_audit(world, table, report):
    world.begin()
    with world.connect("audit.db") as db:
        columns = column_cases(db, table)
        count = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    places = sorted({count // 2 + 1, count} if FULL else {count // 2 + 1})
    for place in places:
        where = f"rowid = (SELECT rowid FROM {{table}} ORDER BY rowid LIMIT 1 OFFSET {place - 1})"
        for column, kind in slice_of(columns):
            def edit(db, column=column, kind=kind, where=where):
                return edits.change_column(db, table, column, kind, edits.target(db, table, where))
            report.take(f"{table}.{column} {kind} of row {place}", audited(world, edit),
                        expected.audit(table, column, place))
            if FULL or kind == "flip":
                report.take(f"{table}.{column} {kind} of row {place}, served",
                            audited_while_served(world, edit), expected.audit_served(table, column, place))
        for name, change in slice_of(list(edits.ROW_EDITS.items()), 3):
            def edit_rows(db, change=change, where=where):
                return change(db, table, edits.target(db, table, where))
            report.take(f"{table} {name} of row {place}", audited(world, edit_rows),
                        expected.audit(table, name, place))


def check_tables(world, report):
    world.begin()
    for name, known in ("keystore.db", expected.KEYSTORE), ("audit.db", expected.AUDIT):
        with world.connect(name) as db:
            for table in edits.tables(db):
                report.take(f"{name}: table {table}", "known" if table in known else "unknown", ["known"])


def main(words):
    what, place = words[:2]
    world = World(place)
    report = Report()
    try:
        if what == "make":
            world.make()
            return 0
        if what == "tables":
            check_tables(world, report)
        elif what == "keystore":
            tamper_keystore(world, words[2], report)
        elif what == "audit":
            tamper_audit(world, words[2], report)
        elif what == "files":
            tamper_files(world, report)
        world.unserve()
    except Bad as bad:
        print(f"never: {bad}")
        return 1
    print(f"{report.cases} cases, {report.failed} failed")
    return 1 if report.failed or not report.cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
