# SPDX-License-Identifier: Apache-2.0
"""
What must come of tampering with a table of keystore.db or audit.db, per column and per edit of rows
(tamper_edits.py). Outcomes of keystore.db are regular expressions over
  exit N    the vault cannot be mounted, with one line that says why: 5 broken, 4 no slot opens, 1 newer
  sealed    every open of everybody is refused as seal-broken, and verify exits 5
  damaged   the files concerned are refused as row-damaged, all others are served, verify names them
  no file   as damaged, but a directory or a link is shown there
  gone      a path is no longer there, the others are served, and verify exits 5
  noticed   everything is served as it was, and verify exits 5
The first is for an edit before the vault is mounted, the second for one while it is served.
"""
SEALED = ("sealed", "sealed")
DAMAGED = ("damaged", "damaged")
# Rows of files that were removed lead nowhere; those beside them in a bucket are damaged.
OLD_ROWS = ("damaged|noticed", "damaged|noticed")
# Read before the seal can be checked: what no vault has is refused at once.
UNREADABLE = ("exit 5", "sealed")
KEYLESS = ("exit 4", "sealed")

KEYSTORE = {
    "vault": {
        "*": SEALED, "id": UNREADABLE, "vault_id": UNREADABLE, "delete": UNREADABLE, "delete-all": UNREADABLE,
        "format": ("exit 5|exit 1", "sealed"), "objects": ("sealed|exit 5", "sealed"),
        "foreign-table": UNREADABLE,
    },
    "slot": {
        "*": SEALED, "number": KEYLESS, "kind": KEYLESS, "params": KEYLESS, "wrapped": KEYLESS,
        "delete": KEYLESS, "delete-all": KEYLESS, "foreign-table": KEYLESS,
    },
    # Whether names are hidden is a setting: where it cannot be believed they are.
    "setting": {"*": ("sealed|gone", "sealed")},
    "rule": {"*": SEALED},
    "role": {"*": SEALED},
    "seal": {"*": UNREADABLE},
    "kek": {"*": DAMAGED},
    # What says that it is a directory or a link is shown as one, damaged.
    "inode": {
        "*": DAMAGED, "kind": ("damaged|no file", "damaged|no file"),
        "foreign-table": ("damaged|no file", "damaged|no file"),
        "swap-contents": ("damaged|no file", "damaged|no file"),
        "old-table": ("damaged|no file", "damaged|no file"), "old-rows": OLD_ROWS,
    },
    # A name that is no longer there, or elsewhere; one that two rows claim.
    "name": {
        "*": DAMAGED, "parent": ("gone|damaged", "gone|damaged"), "name": ("gone", "gone"),
        "ino": ("damaged|gone", "damaged|gone"), "ino/null": ("gone", "gone"), "ino/type": ("gone", "gone"), "cookie/null": ("gone", "gone"),
        "cookie/type": ("gone", "gone"), "delete": ("gone", "gone"),
        "delete-all": ("gone|damaged", "gone|damaged"), "foreign-table": ("gone|damaged", "gone|damaged"),
    },
    # Nothing counts the attributes of a file: one that is not there is missed by the seal alone.
    "xattr": {
        "*": DAMAGED, "ino": ("damaged|noticed", "damaged|noticed"),
        "delete": ("noticed", "noticed"), "delete-all": ("noticed", "noticed"),
        "foreign-table": ("noticed", "noticed"),
    },
    "file": {"*": DAMAGED, "old-rows": OLD_ROWS},
    "usage": {"*": SEALED},
}
# The row of d/two, where a table has one for each file.
OF_TWO = "ino = (SELECT ino FROM name WHERE name = x'74776f')"
TARGETS = {"inode": OF_TWO, "name": OF_TWO, "file": OF_TWO}

# What `audit verify` says is broken; it must exit 5, and name the place. {n} is the record of the row.
HEAD = "the head .*|table head has 2 rows.*|records .* missing: the head is at .*"
RECORD = "record {n} .*|the record after {before}: .*"
AUDIT = {
    "trail": {"*": "the vault id .*|table trail has 2 rows.*|record 1 or its chain .*"},
    "record": {
        "*": RECORD,
        "seq": "record {n} is missing: .*|the record after (?:0|{before}): its seq .*"
               "|record [0-9]+ comes twice or too late",
        "delete": "record {n} is missing: .*|records {n} to {n} are missing: .*",
        "swap-macs": "record [0-9]+ or its chain .*",
        "delete-all": "records 1 to [0-9]+ are missing: .*",
        "copy": "record [0-9]+ is missing: .*|records? .* follow.*",
        "double": "record [0-9]+ comes twice or too late",
        "swap-contents": "record [0-9]+ .*",
    },
    "segment": {"*": "the row of segment [0-9]+ .*|the key of segment .*|segment [0-9]+ does not begin .*"
                     "|table segment has [0-9]+ rows, .*"},
    "checkpoint": {"*": "the checkpoint of record [0-9]+ .*|table checkpoint has [0-9]+ rows, .*"},
    "head": {"*": HEAD},
}
# While it is served the head is written anew with the next record: only its identity can be lost.
AUDIT_SERVED = {"head": {"*": f"whole: .*|{HEAD}", "id": HEAD}}


def _of(table, keys):
    for key in keys:
        if key in table:
            return table[key]
    return None


def keystore(table, what, kind, how):
    """Patterns of the outcomes that are right; none for what this table does not know."""
    entry = _of(KEYSTORE.get(table, {}), (f"{what}/{kind}", what, "*"))
    return [entry[0 if how == "unserved" else 1]] if entry else []


def audit(table, what, record):
    """Patterns for an edit of a trail that is not in use."""
    entry = _of(AUDIT.get(table, {}), (what, "*"))
    if not entry:
        return []
    place = entry.format(n=record, before=record - 1)
    return [rf"5, mount [015]: modelvault: \S+audit.db: the trail is broken: (?:{place})"]


def audit_served(table, what, record):
    entry = _of(AUDIT_SERVED.get(table, {}), (what, "*")) or _of(AUDIT.get(table, {}), (what, "*"))
    if not entry:
        return []
    place = entry.format(n=record, before=record - 1)
    late = r"(?:modelvault: the newest records could not be written yet\n)?"
    return [rf"5: {late}modelvault: \S+audit.db: the trail is broken: (?:{place})", rf"0: {place}"]
