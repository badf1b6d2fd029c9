#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py COMMAND...: runs COMMAND in a session of its own on a new terminal and does what the
lines of standard input say, each answered by one line of standard output:
  wait TEXT    until the terminal has shown TEXT        type TEXT   as a user at the keyboard would
  echo         on or off                                key CHAR    a control character: C, Z, D
  signal N     to the command and its children
  exit         waits for the end: its exit code, or -N when signal N ended it
What the terminal showed follows at the end."""
import os
import pty
import select
import signal
import sys
import termios
import time

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown = b""


def look(seconds):
    """Reads what the terminal shows for so long; false when nobody is there any more."""
    global shown
    if not select.select([terminal], [], [], seconds)[0]:
        return True
    try:
        some = os.read(terminal, 65536)
    except OSError:
        return False
    shown += some
    return bool(some)


def wait_for(text):
    end = time.monotonic() + 20
    while text not in shown:
        if time.monotonic() > end or not look(0.1):
            return f"not seen: {text!r} in {shown!r}"
    return "seen"


def wait_for_end():
    end = time.monotonic() + 30
    while time.monotonic() < end:
        look(0.05)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return str(os.waitstatus_to_exitcode(status))
    return "still there"


def send(number):
    os.killpg(pid, number)
    return "sent"


def obey(word, rest):
    if word == "wait":
        return wait_for(rest.encode())
    if word == "type":
        os.write(terminal, rest.encode() + b"\n")
        return "typed"
    if word == "key":
        os.write(terminal, bytes([ord(rest) - 64]))
        return "typed"
    if word == "echo":
        look(0.3)
        return "on" if termios.tcgetattr(terminal)[3] & termios.ECHO else "off"
    if word == "signal":
        return send(int(rest))
    return wait_for_end()


for line in sys.stdin:
    print(obey(*line.rstrip("\n").partition(" ")[::2]), flush=True)
while look(0.1) and select.select([terminal], [], [], 0)[0]:
    pass
sys.stdout.write(shown.decode(errors="replace").replace("\r", ""))
try:
    os.killpg(pid, signal.SIGKILL)
except ProcessLookupError:
    pass
