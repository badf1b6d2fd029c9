#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
A second reader of vaults, written from contrib/docs/keystore.md and contrib/docs/format.md alone: that
it can read what modelvault writes shows that these pages are complete and true. It checks everything
that they let a reader check and never writes into the vault. It is stricter than modelvault in one
thing: a damaged row of the catalogue refuses the whole vault, not one file. It locks no memory.
"""
import argparse
import hashlib
import hmac
import os
import shutil
import sqlite3
import stat
import struct
import sys
import tempfile
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PAGE = 4096
SUITES = {1: AESGCM, 2: AESOCB3, 3: ChaCha20Poly1305}


class Refused(Exception):
    """What was read is not of the documented form, or not authentic."""


def require(condition, what):
    if not condition:
        raise Refused(what)


def u8(value):
    return struct.pack("<B", value)


def u32(value):
    return struct.pack("<I", value)


def u64(value):
    return struct.pack("<Q", value)


def i64(value):
    return struct.pack("<q", value)


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def same(a, b):
    return hmac.compare_digest(a, b)


def hkdf(key, info):
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)


def aead_open(cipher, nonce, tag, aad, data, what):
    try:
        return cipher.decrypt(nonce, data + tag, aad)
    except InvalidTag:
        raise Refused(what) from None


def divide_up(a, b):
    return -(-a // b)


# --- format.md: the object ----------------------------------------------------------------------


@dataclass
class Row:
    """What the catalogue says of a file ("What the catalogue says")."""

    vault_id: bytes
    file_id: bytes
    suite: int
    log2_chunk: int
    size: int
    generation: int
    root: bytes
    dek: bytes


class Object:
    """One open object, checked as far as "At open" goes."""

    def __init__(self, objects, row):
        require(row.suite in SUITES, "suite: not known")
        require(12 <= row.log2_chunk <= 20, "log2 chunk: out of range")
        require(0 <= row.size <= 1 << 50 and row.generation >= 1, "size or generation")
        self.row = row
        self.chunk = 1 << row.log2_chunk
        self.chunks = divide_up(row.size, self.chunk)
        self.groups = divide_up(self.chunks, 128)
        self.seals = divide_up(self.groups, 128)
        self.data_end = PAGE * (1 + self.groups + divide_up(row.size, PAGE))
        info = row.vault_id + row.file_id + u8(row.suite) + u8(row.log2_chunk)
        self.chunk_key, self.header_key, self.root_key = (
            hkdf(row.dek, b"modelvault/1/" + purpose + info)
            for purpose in (b"chunk", b"header", b"root"))
        self.fd = self.open_file(objects)
        try:
            self.check_header()
            require(os.fstat(self.fd).st_size == self.data_end + (PAGE + 32) * self.seals,
                    "size: the object's length is not the exact one")
            self.index = self.check_index()
        except BaseException:
            self.close()
            raise

    def open_file(self, objects):
        name = self.row.file_id.hex()
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            directory = os.open(os.path.join(objects, name[:2]), flags | os.O_DIRECTORY)
        except FileNotFoundError:
            raise Refused("missing") from None
        try:
            fd = os.open(name, flags, dir_fd=directory)
        except FileNotFoundError:
            raise Refused("missing") from None
        finally:
            os.close(directory)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise Refused("missing: not a regular file")
        return fd

    def close(self):
        os.close(self.fd)

    def read(self, offset, length):
        data = b""
        while len(data) < length:
            part = os.pread(self.fd, length - len(data), offset + len(data))
            require(part, "size: the object ends too early")
            data += part
        return data

    def check_header(self):
        row = self.row
        page = self.read(0, PAGE)
        version, minimum, suite, log2_chunk = struct.unpack_from("<HHBB", page, 8)
        size, generation = struct.unpack_from("<QI", page, 48)
        require(page[:8] == bytes.fromhex("4d564f424a000d0a"), "header: magic")
        require(version >= minimum >= 1 and minimum <= 1, "header: version")
        require(not any(page[14:16] + page[60:64] + page[128:]), "header: not zero")
        require(page[16:32] == row.vault_id, "foreign")
        require(page[32:48] == row.file_id, "misplaced")
        require((suite, log2_chunk) == (row.suite, row.log2_chunk), "header: suite, chunk")
        require(same(page[96:128], mac(self.header_key, page[:96])), "header: MAC")
        require(generation <= row.generation, "header: generation")
        require((generation, size, page[64:96]) == (row.generation, row.size, row.root),
                "rolled-back")

    def check_index(self):
        row = self.row
        index = self.read(self.data_end + PAGE * self.seals, 32 * self.seals)
        root = mac(self.root_key, b"modelvault/1/root" + row.vault_id + row.file_id
                   + u64(row.size) + u32(row.generation) + sha256(index))
        require(same(root, row.root), "seal: root")
        return index

    def leaves(self):
        """All leaves, every seal page checked against the index."""
        pages = self.read(self.data_end, PAGE * self.seals)
        for j in range(self.seals):
            page = pages[PAGE * j:PAGE * (j + 1)]
            require(same(sha256(page), self.index[32 * j:32 * (j + 1)]), f"seal: page {j}")
        require(not any(pages[32 * self.groups:]), "seal: not zero")
        return pages[:32 * self.groups]

    def contents(self):
        """The plaintext, chunk after chunk, each of them checked."""
        row, cipher = self.row, SUITES[self.row.suite](self.chunk_key)
        leaves = self.leaves()
        self.check_padding()
        for i in range(self.groups):
            tags = self.read(PAGE + i * (PAGE + 128 * self.chunk), PAGE)
            leaf = sha256(b"mv1 tags" + row.file_id + u64(i) + tags)
            used = min(128, self.chunks - 128 * i)
            require(same(leaf, leaves[32 * i:32 * (i + 1)]), f"tag-page: {i}")
            require(not any(tags[32 * used:]), f"tag-page: {i}: not zero")
            for e in range(used):
                yield self.open_chunk(cipher, 128 * i + e, tags[32 * e:32 * (e + 1)])

    def open_chunk(self, cipher, k, entry):
        row, nonce, tag, generation = self.row, entry[:12], entry[12:28], entry[28:32]
        require(int.from_bytes(generation, "little") <= row.generation, "tag-page: generation")
        data = self.read(PAGE + (k // 128 + 1) * PAGE + k * self.chunk,
                         min(self.chunk, row.size - k * self.chunk))
        aad = b"mv1" + row.vault_id + row.file_id + u64(k) + generation
        return aead_open(cipher, nonce, tag, aad, data, f"chunk-tag: {k}")

    def check_padding(self):
        end = PAGE * (1 + self.groups) + self.row.size
        require(not any(self.read(end, self.data_end - end)), "chunk-tag: padding")


# --- keystore.md: sealed rows -------------------------------------------------------------------


@dataclass
class Table:
    name: str
    key: tuple
    others: tuple
    epoch: str  # "policy" or "catalogue"


def encode_value(value):
    if value is None:
        return u8(0)
    if isinstance(value, int):
        return u8(1) + i64(value)
    if isinstance(value, str):
        data = value.encode()
        return u8(2) + u32(len(data)) + data
    require(isinstance(value, bytes), "a value of no documented type")
    return u8(3) + u32(len(value)) + value


def key_order(values):
    def rank(value):
        if isinstance(value, int):
            return (0, value)
        if isinstance(value, str):
            return (1, value.encode())
        return (2, value)

    return [rank(value) for value in values]


class SealedRows:
    """The sealed tables of a database; whatever is not as it was written is refused."""

    def __init__(self, db, tables, vault_id, row_key, seal_key):
        self.db, self.row_key, self.seal_key = db, row_key, seal_key
        self.rows = {}
        buckets = self.check_seal(len(tables), vault_id)
        for number, table in enumerate(tables):
            self.rows[table.name] = self.check_table(
                table, buckets[8192 * number:8192 * (number + 1)])

    def check_seal(self, count, vault_id):
        seals = self.db.execute("SELECT id, version, vault_id, policy_epoch, catalogue_epoch,"
                                " buckets, mac FROM seal").fetchall()
        require(len(seals) == 1, "seal: not exactly one row")
        seal_id, version, of_vault, policy, catalogue, buckets, seal_mac = seals[0]
        require(seal_id == 1 and version == 1, "seal: id or version")
        require(isinstance(of_vault, bytes) and of_vault == vault_id, "seal: another vault's")
        require(isinstance(policy, int) and isinstance(catalogue, int), "seal: epochs")
        require(policy >= 1 and catalogue >= 1, "seal: epochs")
        require(isinstance(buckets, bytes) and len(buckets) == 8192 * count, "seal: buckets")
        require(isinstance(seal_mac, bytes) and len(seal_mac) == 32, "seal: MAC")
        right = mac(self.seal_key, b"modelvault/1/seal" + u32(version) + vault_id + u64(policy)
                    + u64(catalogue) + u32(count) + buckets)
        require(same(seal_mac, right), "seal: MAC")
        self.policy_epoch, self.catalogue_epoch = policy, catalogue
        return buckets

    def check_table(self, table, buckets):
        columns = table.key + table.others
        found = self.db.execute(
            f"SELECT {', '.join(columns)}, bucket, mac FROM {table.name}").fetchall()
        for row in found:
            require(None not in row[:len(table.key)], f"{table.name}: a key is NULL")
        found.sort(key=lambda row: key_order(row[:len(table.key)]))
        name = u32(len(table.name)) + table.name.encode()
        macs = [b""] * 256
        rows = []
        for row in found:
            values, bucket, row_mac = row[:-2], row[-2], row[-1]
            key = name + u32(len(table.key)) + b"".join(
                encode_value(value) for value in values[:len(table.key)])
            encoding = key + u32(len(table.others)) + b"".join(
                encode_value(value) for value in values[len(table.key):])
            require(len(encoding) <= 1 << 20, f"{table.name}: a row is too long")
            require(bucket == sha256(key)[0], f"{table.name}: a row is in a wrong bucket")
            require(isinstance(row_mac, bytes) and len(row_mac) == 32
                    and same(row_mac, mac(self.row_key, b"modelvault/1/row" + encoding)),
                    f"{table.name}: a row's MAC is wrong")
            macs[bucket] += row_mac
            rows.append(dict(zip(columns, values)))
        for b in range(256):
            right = bytes(32) if not macs[b] else mac(
                self.seal_key, b"modelvault/1/bucket" + name + u8(b) + macs[b])
            require(same(right, buckets[32 * b:32 * (b + 1)]),
                    f"{table.name}: bucket {b} is broken")
        return rows


# --- keystore.md: slots, keys, the tree ---------------------------------------------------------

TABLES = [
    Table("vault", ("id",), ("format", "vault_id", "objects", "created_ns"), "policy"),
    Table("slot", ("number",), ("kind", "params", "wrapped", "created_ns"), "policy"),
    Table("setting", ("name",), ("value",), "policy"),
    Table("rule", ("number",), ("version", "words", "created_ns", "created_by"), "policy"),
    Table("role", ("role", "kind", "number"), ("name",), "policy"),
    Table("kek", ("number",), ("wrapped", "created_ns"), "catalogue"),
    Table("inode", ("ino",), ("kind", "mode", "uid", "gid", "mtime_ns", "ctime_ns", "btime_ns",
                              "names", "target"), "catalogue"),
    Table("name", ("parent", "name"), ("ino", "cookie"), "catalogue"),
    Table("xattr", ("ino", "name"), ("value",), "catalogue"),
    Table("file", ("ino",), ("file_id", "suite", "chunk_log2", "size", "generation", "state",
                             "root", "kek", "wrapped_dek"), "catalogue"),
    Table("usage", ("rule", "uid"), ("opens_period", "opens", "bytes_period", "bytes"), "policy"),
]
DIRECTORY, FILE, SYMLINK = 1, 2, 3
ROOT, DEPTH = 1, 1024


def is_bytes(value, low, high):
    return isinstance(value, bytes) and low <= len(value) <= high


def is_integer(value, low, high):
    return isinstance(value, int) and low <= value <= high


def unwrap(key, aad, wrapped, what):
    """WRAP backwards."""
    require(is_bytes(wrapped, 60, 60), f"{what}: length")
    return aead_open(AESGCM(key), wrapped[:12], wrapped[44:], aad, wrapped[12:44], what)


def without_newline(data):
    return data[:-1] if data.endswith(b"\n") else data


@dataclass
class Secrets:
    """What was given to unlock with: the bytes of one file."""

    kind: str
    data: bytes

    def material(self, salt, rest):
        if self.kind == "key-file":
            require(not rest, "slot: parameters")
            return self.data
        require(len(rest) == 12, "slot: parameters")
        log2_n, r, p = struct.unpack("<III", rest)
        require(10 <= log2_n <= 22 and 1 <= r <= 32 and 1 <= p <= 16, "slot: cost")
        memory = 128 * r << log2_n
        require(memory <= 1 << 30, "slot: cost")
        return hashlib.scrypt(self.data, salt=salt, n=1 << log2_n, r=r, p=p, dklen=32,
                              maxmem=memory + (128 * r * p) + (1 << 20))

    def open_slot(self, vault_id, number, params, wrapped):
        """The master key, or None when these secrets are not this slot's."""
        require(is_bytes(params, 32, 256), "slot: parameters")
        salt = params[:32]
        info = b"modelvault/1/slot" + vault_id + u32(number)
        key = hkdf(self.material(salt, params[32:]), info + salt)
        try:
            return unwrap(key, info + self.kind.encode(), wrapped, "slot")
        except Refused:
            return None


def open_database(path):
    """The database with its write-ahead log, as private copies: SQLite writes even to read."""
    db = sqlite3.connect(":memory:")
    with tempfile.TemporaryDirectory() as directory:
        own = os.path.join(directory, "copy")
        shutil.copyfile(path, own)
        if os.path.exists(path + "-wal"):
            shutil.copyfile(path + "-wal", own + "-wal")
        copy = sqlite3.connect(own)
        copy.backup(db)
        copy.close()
    return db


class Vault:
    """An unlocked vault of which every row is authentic and every value possible."""

    def __init__(self, path, secrets):
        self.path = path
        self.db = open_database(os.path.join(path, "keystore.db"))
        self.check_schema()
        self.vault_id, objects = self.read_vault_row()
        self.secret = secrets.data
        self.master = self.unlock(secrets)
        rows = SealedRows(self.db, TABLES, self.vault_id, self.derive("row-mac"),
                          self.derive("seal-mac"))
        self.rows, self.epochs = rows.rows, (rows.policy_epoch, rows.catalogue_epoch)
        self.check_anchor()
        self.objects = objects or os.path.join(path, "objects")
        self.keks = {row["number"]: self.open_kek(row) for row in self.rows["kek"]}
        self.load_tree()

    def derive(self, purpose):
        return hkdf(self.master, b"modelvault/1/" + purpose.encode() + self.vault_id)

    def check_schema(self):
        require(self.db.execute("PRAGMA application_id").fetchone()[0] == 1297501011,
                "not a keystore")
        require(self.db.execute("PRAGMA user_version").fetchone()[0] == 1,
                "a keystore of another version")
        for kind, name, sql in self.db.execute("SELECT type, name, sql FROM sqlite_master"):
            require(kind in ("table", "index"), f"schema: the {kind} {name}")
            require(sql is None or "VIRTUAL" not in sql.upper(), f"schema: {name}")
        for table in TABLES:
            columns = tuple(row[1] for row in self.db.execute(f"PRAGMA table_info({table.name})"))
            require(columns == table.key + table.others + ("bucket", "mac"),
                    f"schema: columns of {table.name}")

    def read_vault_row(self):
        found = self.db.execute("SELECT id, format, vault_id, objects FROM vault").fetchall()
        require(len(found) == 1 and found[0][:2] == (1, 1), "vault: id or format")
        vault_id, objects = found[0][2:]
        require(is_bytes(vault_id, 16, 16), "vault: vault id")
        require(objects is None or isinstance(objects, str) and objects.startswith("/"),
                "vault: objects")
        return vault_id, objects

    def unlock(self, secrets):
        for number, kind, params, wrapped in self.db.execute(
                "SELECT number, kind, params, wrapped FROM slot ORDER BY number"):
            require(is_integer(number, 1, 2**32 - 1), "slot: number")
            if kind == secrets.kind:
                master = secrets.open_slot(self.vault_id, number, params, wrapped)
                if master:
                    return master
        raise Refused("no slot opens with this")

    def anchor_path(self):
        env = os.environ
        if env.get("MODELVAULT_STATE_DIR", "").startswith("/"):
            directory = env["MODELVAULT_STATE_DIR"]
        elif os.geteuid() == 0:
            directory = "/var/lib/modelvault"
        elif env.get("XDG_STATE_HOME", "").startswith("/"):
            directory = os.path.join(env["XDG_STATE_HOME"], "modelvault")
        else:
            directory = os.path.expanduser("~/.local/state/modelvault")
        return os.path.join(directory, self.vault_id.hex())

    def check_anchor(self):
        try:
            with open(self.anchor_path(), "rb") as file:
                anchor = file.read(97)
        except FileNotFoundError:
            return
        require(len(anchor) == 96, "anchor: length")
        require(anchor[:8] == b"MVANCHOR" and anchor[8:16] == u32(1) + u32(0), "anchor: version")
        require(anchor[16:32] == self.vault_id, "anchor: vault id")
        require(same(anchor[64:], mac(self.derive("anchor"), b"modelvault/1/anchor" + anchor[:64])),
                "anchor: MAC")
        seen = struct.unpack_from("<QQ", anchor, 32)
        require(self.epochs[0] >= seen[0] and self.epochs[1] >= seen[1],
                "the database is older than its anchor")

    def open_kek(self, row):
        require(is_integer(row["number"], 1, 2**32 - 1), "kek: number")
        return unwrap(self.derive("kek-wrap"),
                      b"modelvault/1/kek" + self.vault_id + u32(row["number"]), row["wrapped"],
                      f"kek {row['number']}: wrapped")

    def load_tree(self):
        self.inodes = {row["ino"]: row for row in self.rows["inode"]}
        self.files = {row["ino"]: row for row in self.rows["file"]}
        self.children = {}
        counts = dict.fromkeys(self.inodes, 0)
        for row in self.rows["inode"]:
            self.check_inode(row)
        for row in sorted(self.rows["name"], key=lambda row: row["cookie"]):
            self.check_name(row)
            counts[row["ino"]] += 1
            self.children.setdefault(row["parent"], {})[row["name"]] = row["ino"]
        for row in self.rows["xattr"]:
            require(row["ino"] in self.inodes, "xattr: no such inode")
            require(is_bytes(row["name"], 1, 255) and b"\0" not in row["name"], "xattr: name")
            require(is_bytes(row["value"], 0, 65536), "xattr: value")
        for row in self.rows["file"]:
            self.check_file(row)
        require(ROOT in self.inodes and self.inodes[ROOT]["kind"] == DIRECTORY, "no root")
        self.check_counts(counts)
        reached = {ino for _, ino in self.walk()} | {ROOT}
        require(reached == set(self.inodes), "tree: an inode cannot be reached")

    def check_inode(self, row):
        what = f"inode {row['ino']}"
        require(row["ino"] >= 1 and row["kind"] in (DIRECTORY, FILE, SYMLINK), f"{what}: kind")
        require(is_integer(row["mode"], 0, 0o7777), f"{what}: mode")
        if row["kind"] == SYMLINK:
            require(is_bytes(row["target"], 1, 4095) and b"\0" not in row["target"],
                    f"{what}: target")
        else:
            require(row["target"] is None, f"{what}: target")
        require((row["kind"] == FILE) == (row["ino"] in self.files), f"{what}: row of file")

    def check_name(self, row):
        name, parent = row["name"], self.inodes.get(row["parent"])
        require(is_bytes(name, 1, 255) and b"\0" not in name and b"/" not in name
                and name not in (b".", b".."), "name: not possible")
        require(parent and parent["kind"] == DIRECTORY, "name: its parent is no directory")
        require(row["ino"] in self.inodes, "name: no such inode")
        require(row["cookie"] >= 1, "name: cookie")

    def check_counts(self, counts):
        for ino, count in counts.items():
            inode = self.inodes[ino]
            require(inode["names"] == count, f"inode {ino}: names")
            if inode["kind"] == DIRECTORY:
                require(count == (0 if ino == ROOT else 1), f"inode {ino}: names of a directory")

    def check_file(self, row):
        what = f"file {row['ino']}"
        require(row["ino"] in self.inodes, f"{what}: no such inode")
        require(is_bytes(row["file_id"], 16, 16), f"{what}: file id")
        require(row["suite"] in SUITES and 12 <= row["chunk_log2"] <= 20, f"{what}: suite, chunk")
        require(is_integer(row["size"], 0, 1 << 50), f"{what}: size")
        require(is_integer(row["generation"], 1, 2**32 - 1), f"{what}: generation")
        require(row["state"] in (1, 2) and is_bytes(row["root"], 32, 32), f"{what}: state, root")
        require(row["kek"] in self.keks, f"{what}: KEK")

    def walk(self):
        """(path, ino) of everything below the root, in the order of the cookies."""
        above = [(b"", iter(self.children.get(ROOT, {}).items()))]
        while above:
            prefix, names = above[-1]
            name, ino = next(names, (None, None))
            if name is None:
                above.pop()
                continue
            yield prefix + name, ino
            if self.inodes[ino]["kind"] == DIRECTORY:
                require(len(above) < DEPTH, "tree: too deep")
                above.append((prefix + name + b"/", iter(self.children.get(ino, {}).items())))

    def find(self, path):
        ino = ROOT
        for name in filter(None, path.split(b"/")):
            ino = self.children.get(ino, {}).get(name)
            require(ino, "no such file")
        return ino

    def open_dek(self, row):
        return unwrap(self.keks[row["kek"]], b"modelvault/1/dek" + self.vault_id + row["file_id"]
                      + u32(row["kek"]), row["wrapped_dek"], "wrapped DEK")

    def open_object(self, ino):
        row = self.files[ino]
        require(row["state"] == 1, "not rooted: it is being written")
        return Object(self.objects, Row(
            self.vault_id, row["file_id"], row["suite"], row["chunk_log2"], row["size"],
            row["generation"], row["root"], self.open_dek(row)))

    def contents(self, path):
        ino = self.find(path)
        require(ino in self.files, "not a file")
        found = self.open_object(ino)
        try:
            yield from found.contents()
        finally:
            found.close()


# --- the command --------------------------------------------------------------------------------


def list_vault(vault, out):
    """KIND SIZE PATH, a line each; SIZE is 0 for a directory, the target's length for a link."""
    for path, ino in vault.walk():
        inode = vault.inodes[ino]
        kind = {DIRECTORY: b"directory", FILE: b"file", SYMLINK: b"link"}[inode["kind"]]
        size = vault.files[ino]["size"] if ino in vault.files else len(inode["target"] or b"")
        out.write(b"%s %d %s\n" % (kind, size, path))


def keys_of(vault):
    """(kind, name, key) of every key of the hierarchy, for tests that look where keys must not be."""
    yield "secret", "-", vault.secret.ljust(32, b"\0")[:32]
    yield "master", "-", vault.master
    for purpose in ("kek-wrap", "row-mac", "seal-mac", "anchor", "audit-key-wrap"):
        yield purpose, "-", vault.derive(purpose)
    for number, kek in vault.keks.items():
        yield "kek", str(number), kek
    for row in vault.files.values():
        yield "dek", row["file_id"].hex(), vault.open_dek(row)
        found = vault.open_object(row["ino"])
        found.close()
        yield "chunk", row["file_id"].hex(), found.chunk_key
        yield "header", row["file_id"].hex(), found.header_key
        yield "root", row["file_id"].hex(), found.root_key


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vault")
    secret = parser.add_mutually_exclusive_group(required=True)
    secret.add_argument("--key-file")
    secret.add_argument("--passphrase-file")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ls")
    commands.add_parser("cat").add_argument("path")
    commands.add_parser("keys", help="KIND NAME HEX, a line each: a test's vault only")
    return parser.parse_args()


def read_secrets(args):
    """One newline at the end of the file belongs to neither kind of secret."""
    with open(args.key_file or args.passphrase_file, "rb") as file:
        data = file.read(8193)
    require(len(data) <= 8192, "the file with the secret is too long")
    if args.key_file:
        require(len(data) >= 32, "the key file is too short")
        return Secrets("key-file", without_newline(data) if len(data) > 32 else data)
    return Secrets("passphrase", without_newline(data))


def main():
    args = arguments()
    out = sys.stdout.buffer
    try:
        vault = Vault(args.vault, read_secrets(args))
        if args.command == "ls":
            list_vault(vault, out)
        elif args.command == "keys":
            for kind, name, key in keys_of(vault):
                print(kind, name, key.hex())
        else:
            for chunk in vault.contents(os.fsencode(args.path)):
                out.write(chunk)
        out.flush()
    except (Refused, OSError, sqlite3.Error) as error:
        print(f"modelvault_reader: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
