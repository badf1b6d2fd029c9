# SPDX-License-Identifier: Apache-2.0
"""
What policy_trial.py works with: a clock that it moves, vaults with their mounts and sockets, and
processes that open files for it: of many users, programs, units and namespaces.
"""
import ctypes
import hashlib
import json
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

from policy_model import Subject

MODELVAULT, TOOLS, T = (os.environ[name] for name in ("PROGRAM_UNDER_TEST", "TOOLS", "T"))
OURS = T.strip("/").replace("/", "-")  # in the names of what cannot be below it
CLONE_NEWUSER = 0x10000000


class Wrong(Exception):
    pass


class Clock:
    """The clock of all programs under test: ours, moved by clock_shift.c."""

    def __init__(self):
        path = f"{T}/clock"
        with open(path, "wb") as file:
            file.write(bytes(16))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.wall = self.boot = 0
        # AddressSanitizer wants to be the first library; it is for others' sake that it asks.
        self.environment = {"CLOCK_SHIFT": path, "LD_PRELOAD": f"{TOOLS}/clock_shift.so",
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def now(self):
        return time.time_ns() + self.wall

    def move(self, wall, boot):
        self.wall += wall
        self.boot += boot
        self.map[:] = struct.pack("qq", self.wall, self.boot)
        # Threads may go on with what they have just seen.
        time.sleep(0.005)

    def let_pass(self, moment):
        """It becomes that time, as if one had waited."""
        ahead = moment - self.now()
        self.move(ahead, ahead)


clock = Clock()


def program(*words, code=(0,)):
    done = subprocess.run([MODELVAULT, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, **clock.environment})
    if done.returncode not in code:
        raise Wrong(f"{words}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout


# --- the vault -------------------------------------------------------------------------------------

def escape(value):
    data = value if isinstance(value, bytes) else str(value).encode()
    return "".join(chr(byte) if 0x21 <= byte <= 0x7e and byte != 0x25 else f"%{byte:02X}" for byte in data)


def unescape(text):
    parts = text.split(b"%")
    return parts[0] + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in parts[1:])


class Vault:
    def __init__(self, name, *options):
        self.path, self.mount = f"{T}/{name}", f"{T}/{name}.mount"
        self.key = f"{self.path}.key"
        os.environ["MODELVAULT_KEY_FILE"] = self.key
        program("init", self.path, "--new-key-file", self.key, *options)
        self.socket = None

    def serve(self):
        os.environ["MODELVAULT_KEY_FILE"] = self.key
        os.mkdir(self.mount)
        program("mount", self.path, self.mount)
        with open(f"{self.path}/id") as file:
            self.socket_path = f"/run/modelvault/{file.read().split()[2]}.sock"
        stat = os.stat(self.path)
        self.id = f"{stat.st_dev}:{stat.st_ino}"

    def umount(self):
        """Also after a failure, when nobody has a file open any more."""
        if os.path.ismount(self.mount):
            program("umount", self.mount)

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.socket_path)
        self.reader = self.socket.makefile("rb")

    def frame(self):
        fields = {}
        while line := self.reader.readline():
            if line == b"\n":
                return fields
            name, _, value = line.rstrip(b"\n").partition(b"=")
            fields[name.decode()] = unescape(value)
        return None

    def asked(self, request):
        """None: the connection was closed meanwhile."""
        output = [b"", b"", b""]
        try:
            if not self.socket:
                self.connect()
            self.socket.sendall(request)
            while frame := self.frame():
                if frame["type"] == b"end":
                    return int(frame["exit"]), output[1], output[2]
                output[int(frame["stream"])] += frame["data"]
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.socket.close()
        self.socket = None
        return None

    def ask(self, verb, *operands, code=(0,), **fields):
        """The lines that a command answers, as JSON, without starting the program for it."""
        lines = ["v=1", f"verb={verb}", f"vault={self.id}"] + [f"arg={escape(word)}" for word in operands]
        lines += [f"{name.replace('_', '-')}={escape(value)}" for name, value in fields.items()] + ["json="]
        request = "\n".join(lines + ["", ""]).encode()
        answer = self.asked(request) or self.asked(request)
        if not answer or answer[0] not in code:
            raise Wrong(f"{verb} {operands} {fields}: {answer}")
        return [json.loads(line) for line in answer[1].splitlines()]


# --- processes -------------------------------------------------------------------------------------

def cgroup_root():
    """Where the hierarchy of units is: version 1 by name, else version 2. None: nowhere writable."""
    found = None
    with open("/proc/self/mountinfo") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            kind, _, options = after.split(" ", 2)
            if kind == "cgroup" and "name=systemd" in options:
                return before.split()[4]
            if kind == "cgroup2":
                found = before.split()[4]
    return found


class Units:
    """Cgroups of our own: some that are root's, and one that its user may change."""

    def __init__(self):
        self.top = None
        self.name = f"mvpolicy-{OURS}.slice"
        root = cgroup_root()
        self.note = "unit: there are no cgroups here that can be made"
        try:
            os.mkdir(f"{root}/{self.name}")
            self.top, self.note = f"{root}/{self.name}", None
            for below in "infer.service", "batch.service", "user-5001.slice", "user-5001.slice/infer.service":
                os.mkdir(f"{self.top}/{below}")
            os.chown(f"{self.top}/user-5001.slice", 5001, -1)
        except OSError:
            pass

    def remove(self):
        for below in "user-5001.slice/infer.service", "user-5001.slice", "batch.service", "infer.service", "":
            if self.top and os.path.isdir(f"{self.top}/{below}"):
                os.rmdir(f"{self.top}/{below}")


class Programs:
    """Copies of the opener: root's alone, and where everybody could exchange them. The same content has
    the same hash, a link the same file."""

    def __init__(self):
        # Below /tmp nothing is root's alone.
        self.safe, self.loose = f"/var/lib/{OURS}.programs", f"{T}/loose"
        os.mkdir(self.safe, 0o755)
        os.mkdir(self.loose)
        os.chmod(self.loose, 0o1777)
        for path in f"{self.safe}/one", f"{self.safe}/a b", f"{self.safe}/three", f"{self.loose}/four":
            shutil.copyfile(f"{TOOLS}/policy_opener", path)
            os.chmod(path, 0o755)
        with open(f"{self.safe}/three", "ab") as file:
            file.write(b"another content")
        os.link(f"{self.safe}/one", f"{self.safe}/hard")
        os.symlink("one", f"{self.safe}/soft")
        os.symlink(self.loose, f"{self.safe}/way")
        self.words = [f"{self.safe}/{name}" for name in ("one", "a b", "three", "hard", "soft", "way/four")]

    def known(self):
        """path: (which file, root's alone?)"""
        found = {}
        for path in self.words:
            stat = os.stat(path)
            found[path] = (stat.st_dev, stat.st_ino), not os.path.realpath(path).startswith(self.loose)
        return found

    def remove(self):
        shutil.rmtree(self.safe, ignore_errors=True)


class Opener:
    def __init__(self, programs, units, uid, gid=100, groups=(), program_path=None, unit=None, loginuid=None,
                 userns="own"):
        self.exe = program_path or f"{programs.safe}/one"
        self.unit = f"/{units.name}/{unit}" if unit and units.top else None
        names = tuple(self.unit.split("/")[1:]) if self.unit else ()
        ask, self.questions = os.pipe()
        self.answers, answer = os.pipe()
        ready, told = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                if self.unit:
                    write(f"{units.top}/{unit}/cgroup.procs", "0")
                if loginuid is not None:
                    write("/proc/self/loginuid", str(loginuid))
                os.setgroups(groups)
                if userns == "foreign":
                    os.setresgid(gid, gid, gid)
                    os.setresuid(uid, uid, uid)
                if userns != "own" and ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
                    os._exit(3)
                os.write(ready[1], b".")
                os.read(told[0], 1)
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                os.dup2(ask, 0)
                os.dup2(answer, 1)
                os.execv(self.exe, [self.exe])
            finally:
                os._exit(2)
        os.close(ask)
        os.close(answer)
        os.close(ready[1])
        if not os.read(ready[0], 1):
            raise Wrong(f"an opener of user {uid} in {userns} could not be made")
        if userns != "own":
            for name in "uid_map", "gid_map":
                write(f"/proc/{self.pid}/{name}", "0 0 4294967295")
        os.write(told[1], b".")
        for fd in ready[0], *told:
            os.close(fd)
        self.reader = os.fdopen(self.answers, "rb")
        with open(f"/proc/{self.pid}/loginuid") as file:
            seen = int(file.read())
        with open(self.exe, "rb") as file:
            sha256 = hashlib.sha256(file.read()).hexdigest()
        stat = os.stat(self.exe)
        self.subject = Subject(uid, gid, frozenset(groups), None if seen == 0xffffffff else seen, userns,
                               (stat.st_dev, stat.st_ino), sha256, names, 1 if len(names) > 2 else len(names))

    def tell(self, what, path):
        """errno"""
        os.write(self.questions, f"{what} ".encode() + path + b"\n")
        answer = self.reader.readline()
        if not answer:
            raise Wrong(f"the opener {self.pid} of user {self.subject.uid} has ended")
        return int(answer)

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def login_uids_can_be_set():
    pid = os.fork()
    if pid == 0:
        try:
            write("/proc/self/loginuid", "5001")
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
