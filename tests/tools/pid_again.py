#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pid_again.py SOCKET VAULT-ID PATH USER CGROUP: USER connects to a control socket and ends; the next
process that gets his number is one of USER's in CGROUP. Then who kept the connection asks for
export-file. Prints the exit code that the server gives; "none" when the number could not be had."""
import os
import pwd
import re
import socket
import sys
import time

path, vault, name, user, cgroup = sys.argv[1:]
entry = pwd.getpwnam(user)
request = f"v=1\nverb=export-file\nvault={vault}\npath={name}\n\n".encode()


def become_user():
    os.initgroups(user, entry.pw_gid)
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def connected():
    """A connection whose maker is gone, and the number that he had."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        become_user()
        end = socket.socket(socket.AF_UNIX)
        end.connect(path)
        # Answered: the server knows whose it is.
        end.sendall(b"v=1\nverb=nothing\n\n")
        answer = b""
        while b"exit=" not in answer and (part := end.recv(4096)):
            answer += part
        socket.send_fds(theirs, [b"x"], [end.fileno()])
        os._exit(0)
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(pid, 0)
    return socket.socket(fileno=fds[0]), pid


def service(pid):
    """One with this number, or None."""
    with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last:
        last.write(str(pid - 1))
    found = os.fork()
    if found == 0:
        with open(f"{cgroup}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(os.getpid()))
        become_user()
        time.sleep(60)
        os._exit(0)
    if found == pid:
        return found
    os.kill(found, 9)
    os.waitpid(found, 0)
    return None


for _ in range(100):
    connection, number = connected()
    process = service(number)
    if process is None:
        continue
    time.sleep(0.3)
    connection.settimeout(10)
    connection.sendall(request)
    answer = b""
    while b"exit=" not in answer and (part := connection.recv(65536)):
        answer += part
    os.kill(process, 9)
    os.waitpid(process, 0)
    print(re.search(rb"exit=(\d+)", answer)[1].decode())
    sys.exit()
print("none")
