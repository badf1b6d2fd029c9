# SPDX-License-Identifier: Apache-2.0
"""
Edits of an SQLite database as somebody makes them who has no key: values of a column in every way, and
whole rows. Types and constraints of a schema hold nobody up: a table is declared anew without them.
"""
import contextlib
import sqlite3

KINDS = "null", "type", "flip", "other", "huge", "zero"


def tables(db):
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows]


def columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def keys(db, table):
    """The columns of the primary key, or all of them."""
    info = list(db.execute(f"PRAGMA table_info({table})"))
    return [row[1] for row in sorted(info, key=lambda row: row[5]) if row[5]] or [row[1] for row in info]


def loosen(db, table):
    """The same rows in a table without types, keys or checks."""
    names = ", ".join(columns(db, table))
    db.execute(f"CREATE TABLE loose({names})")
    db.execute(f"INSERT INTO loose SELECT * FROM {table} ORDER BY rowid")
    db.execute(f"DROP TABLE {table}")
    db.execute(f"ALTER TABLE loose RENAME TO {table}")


def target(db, table, where="rowid = (SELECT max(rowid) FROM {table})"):
    """The rowid of the row to be changed."""
    row = db.execute(f"SELECT rowid FROM {table} WHERE {where.format(table=table)}").fetchone()
    if row is None:
        raise LookupError(f"{table} has no row to tamper with")
    return row[0]


def changed(kind, value, others):
    """Another value than this, in the way that kind says; others: what the column has in other rows."""
    ways = {
        int: {"null": None, "type": str(value), "huge": 1 << 62, "zero": 0 if value else 1},
        str: {"null": None, "type": str(value).encode(), "huge": "x" * 70000, "zero": ""},
        bytes: {"null": None, "type": 7, "huge": b"x" * 70000, "zero": b""},
        type(None): {"null": 0.5, "type": 1, "flip": "", "other": "/x", "huge": b"x" * 70000, "zero": b""},
    }[type(value)]
    if kind in ways:
        return ways[kind]
    others = [other for other in others if other != value and isinstance(other, type(value))]
    if kind == "other" and others:
        return others[0]
    if isinstance(value, int):
        return value ^ 1 if kind == "flip" else value + 1
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if kind == "flip" and value else value + "x"
    return value[:-1] + bytes([value[-1] ^ 1]) if kind == "flip" and value else value + b"\1"


def set_value(db, table, column, row, value):
    """In place when the schema allows it, else without the schema."""
    statement = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("PRAGMA ignore_check_constraints=1")
        db.execute(statement, (value, row))
        stored = db.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        if stored and stored[0] == value and isinstance(stored[0], type(value)):
            db.execute("COMMIT")
            return
    except (sqlite3.IntegrityError, sqlite3.OperationalError, sqlite3.InterfaceError):
        pass
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("ROLLBACK")
    db.execute("BEGIN IMMEDIATE")
    order = [r for (r,) in db.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
    loosen(db, table)
    db.execute(statement, (value, order.index(row) + 1))
    db.execute("COMMIT")


def change_column(db, table, column, kind, row):
    """One value; True when it could be changed at all."""
    value = db.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()[0]
    others = [v for (v,) in db.execute(f"SELECT {column} FROM {table} WHERE rowid != ? LIMIT 20", (row,))]
    new = changed(kind, value, others)
    if new == value and isinstance(new, type(value)):
        return False
    set_value(db, table, column, row, new)
    return True


def names_of(db, table, leave=()):
    return ", ".join(name for name in columns(db, table) if name not in leave)


def delete(db, table, row):
    db.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))


def delete_all(db, table, _row):
    db.execute(f"DELETE FROM {table}")


def copy_row(db, table, row):
    """A second one under a key that nobody has, MAC and all."""
    key = keys(db, table)[0]
    value = db.execute(f"SELECT {key} FROM {table} WHERE rowid = ?", (row,)).fetchone()[0]
    value = value + {int: 1000, str: "x", bytes: b"x"}[type(value)]
    loosen(db, table)
    rest = names_of(db, table, [key])
    db.execute(f"INSERT INTO {table}({key}, {rest}) SELECT ?, {rest} FROM {table} WHERE rowid = "
               f"(SELECT max(rowid) FROM {table})", (value,))


def double_row(db, table, _row):
    loosen(db, table)
    db.execute(f"INSERT INTO {table} SELECT * FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})")


def _exchange(db, table, row, names):
    """The row and another one exchange these columns; False when there is no other or they agree."""
    other = db.execute(f"SELECT rowid FROM {table} WHERE rowid != ? ORDER BY rowid DESC", (row,)).fetchone()
    if other is None:
        return False
    order = [r for (r,) in db.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
    a, b = order.index(row) + 1, order.index(other[0]) + 1
    loosen(db, table)
    select = f"SELECT {names} FROM {table} WHERE rowid = ?"
    values = [db.execute(select, (which,)).fetchone() for which in (a, b)]
    marks = ", ".join(f"{name} = ?" for name in names.split(", "))
    for which, value in (a, values[1]), (b, values[0]):
        db.execute(f"UPDATE {table} SET {marks} WHERE rowid = ?", (*value, which))
    return values[0] != values[1]


def swap_contents(db, table, row):
    leave = keys(db, table)
    names = names_of(db, table, leave)
    return _exchange(db, table, row, names) if names else False


def swap_macs(db, table, row):
    names = [name for name in ("mac", "chain") if name in columns(db, table)]
    return _exchange(db, table, row, names[0]) if names else False


ROW_EDITS = {
    "delete": delete, "delete-all": delete_all, "copy": copy_row, "double": double_row,
    "swap-contents": swap_contents, "swap-macs": swap_macs,
}


def paste(db, table, other):
    """All rows of that table as they are in another database file."""
    db.execute("ATTACH ? AS other", (str(other),))
    differ = db.execute(f"SELECT count(*) FROM (SELECT * FROM main.{table} EXCEPT SELECT * FROM other.{table})"
                        f" UNION ALL SELECT count(*) FROM "
                        f"(SELECT * FROM other.{table} EXCEPT SELECT * FROM main.{table})").fetchall()
    db.execute(f"DELETE FROM main.{table}")
    db.execute(f"INSERT INTO main.{table} SELECT * FROM other.{table}")
    return any(count for (count,) in differ)


def add_old_rows(db, table, other):
    """Rows that went since come back beside those that came."""
    db.execute("ATTACH ? AS other", (str(other),))
    before = db.total_changes
    db.execute(f"INSERT OR IGNORE INTO main.{table} SELECT * FROM other.{table}")
    return db.total_changes != before
