#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""false_server.py SOCKET PID: a server of whoever runs it that answers each request with PID as a
process to be ended. Prints "listening" when it does; until it is ended."""
import os
import socket
import sys

path, pid = sys.argv[1:]
with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
    start = file.read().rpartition(")")[2].split()[19]
answer = f"v=1\ntype=output\nstream=1\ndata=process%20{pid}%20{start}%0A\n\nv=1\ntype=end\nexit=0\n\n".encode()
os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(65536):
                connection.sendall(answer)
