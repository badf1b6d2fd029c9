#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""datagrams.py SOCKET FILE: appends what arrives at a unix datagram socket to FILE, one escaped line
each; a service manager's or syslog's end. "@name" is in the abstract space. Until it is ended."""
import os
import socket
import sys

name, path = sys.argv[1:]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
    if not name.startswith("@") and os.path.exists(name):
        os.unlink(name)
    end.bind("\0" + name[1:] if name.startswith("@") else name)
    if not name.startswith("@"):
        os.chmod(name, 0o666)
    with open(path, "a", buffering=1, encoding="utf-8") as out:
        out.write("listening\n")
        while True:
            out.write(end.recv(65536).decode().replace("\n", "\\n") + "\n")
