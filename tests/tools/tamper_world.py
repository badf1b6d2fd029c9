# SPDX-License-Identifier: Apache-2.0
"""
A vault whose databases are tampered with, and a judge: what do users read, what does the program say?
Used by tamper_db.py. The judge ends the test at once for what no tampering may ever bring about: bytes
that were not imported under that name, an answer to somebody whom the rules refuse, a signal, a hang.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import time

PROGRAM = os.environ["PROGRAM_UNDER_TEST"]
HANG = 20
ROOT, ALICE, BOB, CAROL = (0, 0), (5001, 5001), (5002, 5002), (5003, 5003)
DAVE = (5009, 5009)  # with a budget; he reads before the tampering only: a read of his changes a row
# Who may read what, by the rules that make() grants.
READERS = {"one": {ROOT, BOB}, "d/two": {ROOT, ALICE}, "d/hard": {ROOT, BOB}, "e": {ROOT, BOB}}


class Bad(Exception):
    """What must never be."""


def run(*command, codes=(0, 1, 4, 5, 6)):
    """(exit code, all that was said)"""
    try:
        done = subprocess.run(command, capture_output=True, timeout=HANG, check=False)
    except subprocess.TimeoutExpired:
        raise Bad(f"hangs: {command}") from None
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode not in codes:
        raise Bad(f"exit {done.returncode}: {command}: {said}")
    return done.returncode, said


def read_as(user, path):
    """The bytes, or the number of the error, as that user without any group of his."""
    pipe, other = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(user[1], user[1], user[1])
            os.setresuid(user[0], user[0], user[0])
            with open(path, "rb") as file:
                answer = b"+" + file.read()
        except OSError as error:
            answer = b"-%d" % error.errno
        with os.fdopen(other, "wb") as out:
            out.write(answer)
        os._exit(0)
    os.close(other)
    with os.fdopen(pipe, "rb") as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    if not answer:
        raise Bad(f"nothing came of reading {path}")
    return answer[1:] if answer[:1] == b"+" else int(answer[1:])


class World:
    """Vault, anchor and mount point below one directory, put back to the beginning by begin()."""

    def __init__(self, place):
        self.place = pathlib.Path(place).resolve()
        self.vault = self.place / "vault"
        self.mount = self.place / "mount"
        self.state = self.place / "state"
        os.environ["MODELVAULT_STATE_DIR"] = str(self.state)
        os.environ["MODELVAULT_KEY_FILE"] = str(self.place / "vault.key")

    def program(self, command, *words, **more):
        return run(PROGRAM, command, str(self.vault), *words, **more)

    def must(self, command, *words):
        code, said = self.program(command, *words)
        if code != 0:
            raise Bad(f"{command}: exit {code}: {said}")
        return said

    def make(self):
        """Every table has a row, the trail three segments; `old` is the same before the last changes."""
        self.mount.mkdir(parents=True)
        source = self.place / "source"
        (source / "d").mkdir(parents=True)
        for name in "one", "d/two":
            (source / name).write_bytes(os.urandom(40000))
        (source / "e").write_bytes(b"")
        (source / "link").symlink_to("one")
        os.link(source / "one", source / "d/hard")
        os.setxattr(source / "d/two", "user.note", b"kept")
        run(PROGRAM, "init", str(self.vault), "--new-key-file", str(self.place / "vault.key"), "--chunk", "4K")
        self.must("import", *(str(source / name) for name in ("one", "d", "e", "link")))
        for rule in (["user:root", "read", "**"],
                     ["user:5009", "read", "d/two", "--max-opens", "1000000/day", "--max-bytes", "1P/week"],
                     ["user:mvalice", "read", "d/two"], ["user:mvbob", "read", "**"]):
            self.must("grant", *rule)
        self.must("deny", "user:mvalice", "read", "e")
        self.must("grant", "user:mvcarol", "read", "**")
        (self.place / "gone").write_bytes(b"removed later")
        self.must("import", str(self.place / "gone"), str(source / "one"), "--to", "spare")
        self.turn()
        self.keep("old")
        self.must("revoke", "6")
        self.must("deny", "user:mvbob", "read", "d/two")
        self.must("rm", "-r", "spare")
        (source / "e").write_bytes(b"not empty any more")
        self.must("import", str(source / "e"), "--replace")
        self.turn()
        self.keep("base")
        self.make_other()

    def make_other(self):
        """Another vault, that the same key file opens not."""
        other, key = self.place / "other", str(self.place / "other.key")
        run(PROGRAM, "init", str(other), "--new-key-file", key)
        run(PROGRAM, "import", str(other), str(self.place / "gone"), "--key-file", key)
        run(PROGRAM, "grant", str(other), "any", "read", "**", "--key-file", key)

    def turn(self):
        """One life of a server: a segment of the trail."""
        self.serve()
        self.read(ROOT, "one")
        self.read(ALICE, "d/two")
        read_as(DAVE, self.mount / "d/two")
        self.unserve()

    def keep(self, name):
        for part in "vault", "state":
            shutil.copytree(self.place / part, self.place / name / part, symlinks=True)

    def begin(self, name="base"):
        self.unserve()
        for part in "vault", "state":
            shutil.rmtree(self.place / part, ignore_errors=True)
            shutil.copytree(self.place / name / part, self.place / part, symlinks=True)
        # It is made anew when it is missing, and large.
        (self.vault / "reserve").unlink(missing_ok=True)

    def serve(self):
        return self.program("mount", str(self.mount))

    def unserve(self):
        """Also from half a mount; the server is gone afterwards."""
        said = run(PROGRAM, "umount", str(self.mount)) if os.path.ismount(self.mount) else ""
        begin = time.monotonic()
        patience = 3
        while os.path.ismount(self.mount) or self.is_held():
            if time.monotonic() > begin + HANG:
                raise Bad(f"the server does not end: {said}")
            # A mount namespace that somebody made meanwhile has a copy of the mount: ask the server itself.
            if time.monotonic() > begin + patience:
                patience = HANG
                os.kill(self.server(), signal.SIGTERM)
            time.sleep(0.01)

    def server(self):
        return int((self.vault / "lock").read_text(encoding="ascii").split()[1])

    def is_held(self):
        """Whether a server has the lock."""
        with contextlib.suppress(FileNotFoundError), open(self.vault / "lock", "r+b") as lock:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def read(self, user, path):
        """'right', or the number of the error."""
        answer = read_as(user, self.mount / path)
        if isinstance(answer, int):
            return answer
        if user not in READERS[path]:
            raise Bad(f"uid {user[0]} was answered, whom the rules refuse {path}")
        if answer != (self.place / "source" / path).read_bytes():
            raise Bad(f"{path}: wrong bytes")
        return "right"

    def connect(self, name):
        return sqlite3.connect(self.vault / name, isolation_level=None, timeout=5)

    def refusals(self, since):
        """The reasons of what was not allowed after that record."""
        _, said = self.program("audit", "--json")
        records = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return {r["reason"] for r in records if r["outcome"] != "allow" and r["seq"] > since}

    def last_record(self):
        with self.connect("audit.db") as db:
            return db.execute("SELECT max(seq) FROM record").fetchone()[0] or 0
