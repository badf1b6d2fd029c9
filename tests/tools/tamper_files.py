# SPDX-License-Identifier: Apache-2.0
"""
Whole files of a vault exchanged, put back, taken away and spoilt: keystore.db, audit.db, audit.key, the
logs beside them, the anchor; and what a database can hold beside its rows. CASES says what must come of
each; the outcomes are those of tamper_expected.py, "exit N: WORDS" where the vault cannot be mounted,
"mounted" where nobody could tell.
"""
import os
import random
import shutil
import signal
import sqlite3
import subprocess

import tamper_edits

OLDER = r"exit 5: \S+ \S+: {} is older than this machine has seen.*"
NOT_OURS = r"exit 5: \S+ \S+: keystore.db is not a vault's database.*"
TRAIL = r"exit [15]: \S+ \S+: the audit trail cannot be continued.*"


def put(world, name, source):
    """The file, without the logs of the one before."""
    for old in name, name + "-wal", name + "-shm":
        (world.vault / old).unlink(missing_ok=True)
    shutil.copy(source, world.vault / name)


def old(*names):
    def change(world):
        for name in names:
            put(world, name, world.place / "old/vault" / name)
    return change


def old_with_anchor(world):
    old("keystore.db", "audit.db", "audit.key")(world)
    shutil.rmtree(world.state)
    shutil.copytree(world.place / "old/state", world.state)


def other(name, source=None):
    return lambda world: put(world, name, world.place / "other" / (source or name))


def own(name, source):
    return lambda world: put(world, name, world.vault / source)


def no_anchor_and_old(world):
    old("keystore.db")(world)
    shutil.rmtree(world.state)


def spoilt(name, how):
    def change(world):
        path = world.vault / name
        data = path.read_bytes()
        path.unlink()
        if how == "directory":
            path.mkdir()
        elif how == "fifo":
            os.mkfifo(path)
        elif how == "link":
            (world.place / "elsewhere").write_bytes(data)
            path.symlink_to(world.place / "elsewhere")
        elif how != "missing":
            path.write_bytes({"empty": b"", "garbage": os.urandom(len(data)), "half": data[:len(data) // 2],
                              "flipped": data[:-1] + bytes([data[-1] ^ 1])}[how])
    return change


def replaced(name):
    """Another file of the same bytes has its name."""
    def change(world):
        shutil.copy(world.vault / name, world.place / "copy")
        os.replace(shutil.copy(world.place / "copy", world.vault / "copy"), world.vault / name)
    return change


def sql(name, statements):
    def change(world):
        db = world.connect(name)
        db.executescript(statements)
        db.close()
    return change


def loose(name):
    def change(world):
        db = world.connect(name)
        for table in tamper_edits.tables(db):
            tamper_edits.loosen(db, table)
        db.close()
    return change


def bucket_macs(world):
    """Two buckets of one table exchange their MACs in the seal."""
    db = world.connect("keystore.db")
    buckets = db.execute("SELECT buckets FROM seal").fetchone()[0]
    parts = [buckets[i:i + 32] for i in range(0, len(buckets), 32)]
    first, second = [i for i, part in enumerate(parts) if any(part)][:2]
    parts[first], parts[second] = parts[second], parts[first]
    db.execute("UPDATE seal SET buckets = ?", (b"".join(parts),))
    db.close()


def killed(*gone):
    """A server is killed after a change; what it had in its logs is taken away."""
    def change(world):
        world.serve()
        world.must("deny", "user:mvcarol", "read", "one")
        os.kill(world.server(), signal.SIGKILL)
        subprocess.run(["umount", "-l", str(world.mount)], check=False)
        world.unserve()
        for name in gone:
            (world.vault / name).unlink()
    return change


def restored(world):
    """The older database, page by page into the one in use, as `sqlite3 .restore` does."""
    with sqlite3.connect(world.place / "old/vault/keystore.db") as source:
        db = world.connect("keystore.db")
        source.backup(db)
        db.close()


def older_seal(world):
    db = world.connect("keystore.db")
    tamper_edits.paste(db, "seal", world.place / "old/vault/keystore.db")
    db.close()


TRIGGER = "CREATE TRIGGER t AFTER UPDATE ON {0} BEGIN DELETE FROM {0}; END"
STRANGE = {
    "trigger": TRIGGER.format("rule"),
    "view": "CREATE VIEW v AS SELECT 1",
    "virtual table": "CREATE VIRTUAL TABLE v USING fts5(x)",
}
HARMLESS = {
    "table": "CREATE TABLE more(x); INSERT INTO more VALUES (1)",
    "index": "CREATE INDEX more ON name(ino)",
    "lost index": "DROP INDEX name_bucket",
    "vacuum": "VACUUM",
}

# name: (change of a vault that nobody serves, what comes of mounting it)
UNSERVED = {
    "older keystore.db": (old("keystore.db"), OLDER.format("keystore.db")),
    "older audit.db": (old("audit.db"), TRAIL),
    "older audit.key": (old("audit.key"), TRAIL),
    "older audit.db and audit.key": (old("audit.db", "audit.key"), OLDER.format("audit.db")),
    "older databases": (old("keystore.db", "audit.db"), TRAIL),
    "all older but the anchor": (old("keystore.db", "audit.db", "audit.key"), OLDER.format("keystore.db")),
    # Said in the threat model: only a checkpoint kept elsewhere tells.
    "all older, the anchor too": (old_with_anchor, "mounted"),
    # The way in which an admin says that it was meant.
    "older keystore.db, no anchor": (no_anchor_and_old, "mounted"),
    "keystore.db of another vault": (other("keystore.db"), r"exit 5: .* belongs to another vault.*"),
    "audit.db of another vault": (other("audit.db"), TRAIL),
    "audit.key of another vault": (other("audit.key"), TRAIL),
    "audit.db for keystore.db": (own("keystore.db", "audit.db"), NOT_OURS),
    "keystore.db for audit.db": (own("audit.db", "keystore.db"), TRAIL),
    "bucket MACs exchanged": (bucket_macs, r"exit 5: .*keystore.db was changed by somebody without a key.*"),
    "keystore.db without its tables": (loose("keystore.db"), "unharmed"),
    "keystore.db of version 0": (sql("keystore.db", "PRAGMA user_version = 0"), NOT_OURS),
    "keystore.db of version 99": (sql("keystore.db", "PRAGMA user_version = 99"), r"exit 1: .* newer .*"),
    "keystore.db of no application": (sql("keystore.db", "PRAGMA application_id = 0"), NOT_OURS),
    "a log left by a kill": (killed(), "unharmed"),
    "a log taken away after a kill": (killed("keystore.db-wal"), OLDER.format("keystore.db")),
    "the trail's log taken away after a kill": (killed("audit.db-wal"), TRAIL + "|" + OLDER.format("audit.db")),
    "both logs taken away after a kill": (killed("keystore.db-wal", "audit.db-wal"), r"exit 5: .*"),
    **{f"keystore.db with a {name}": (sql("keystore.db", text), NOT_OURS) for name, text in STRANGE.items()},
    **{f"keystore.db: {name}": (sql("keystore.db", text), "unharmed") for name, text in HARMLESS.items()},
    **{f"keystore.db {how}": (spoilt("keystore.db", how), r"exit [15]: \S+ \S+: keystore.db.*")
       for how in ("missing", "empty", "garbage", "half", "directory", "fifo", "link")},
    **{f"audit.db {how}": (spoilt("audit.db", how), TRAIL)
       for how in ("missing", "empty", "garbage", "half", "directory", "fifo", "link")},
    **{f"audit.key {how}": (spoilt("audit.key", how), TRAIL)
       for how in ("missing", "empty", "garbage", "half", "directory", "fifo", "link", "flipped")},
}
# name: (change while it is served, what comes of it)
SERVED = {
    "older rows restored": (restored, "sealed"),
    "bucket MACs exchanged": (bucket_macs, "sealed"),
    "the seal of an older time": (older_seal, "sealed"),
    "keystore.db replaced by its copy": (replaced("keystore.db"), "sealed"),
    "keystore.db taken away": (spoilt("keystore.db", "missing"), "sealed"),
    **{f"a {name}": (sql("keystore.db", text), "sealed") for name, text in STRANGE.items()},
    **{f"{name}": (sql("keystore.db", text), "unharmed") for name, text in HARMLESS.items()},
}
# What makes that nothing can be recorded any more: nobody is answered.
SERVED_TRAIL = {
    "audit.db replaced by its copy": replaced("audit.db"),
    "audit.db taken away": spoilt("audit.db", "missing"),
    "audit.db without its tables": sql("audit.db", "DROP TABLE record"),
}
# name: (change of a trail, what verify says)
AUDIT = {
    "a trigger": (sql("audit.db", TRIGGER.format("record")), r"5: .*"),
    "a view": (sql("audit.db", STRANGE["view"]), r"5: .*"),
    "a virtual table": (sql("audit.db", STRANGE["virtual table"]), r"5: .*"),
    "no types": (loose("audit.db"), r"0: whole.*"),
    "of another vault": (other("audit.db"), r"0: whole.*"),
    "a lost table": (sql("audit.db", "DROP TABLE checkpoint"), r"5: .*"),
    "version 99": (sql("audit.db", "PRAGMA user_version = 99"), r"1: .* newer .*"),
}


def flip_bits(seed):
    """Some bits of the file, anywhere."""
    def change(world):
        choice = random.Random(seed)
        path = world.vault / choice.choice(["keystore.db", "audit.db"])
        data = bytearray(path.read_bytes())
        for _ in range(choice.choice([1, 1, 4, 64])):
            data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)
        path.write_bytes(data)
    return change
