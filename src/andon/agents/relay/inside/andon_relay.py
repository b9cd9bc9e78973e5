"""Carries a port of the sandbox's own loopback to the relay's socket while a command runs; ends with the command.

    python andon_relay.py SOCKET PORT COMMAND ...

It has no network and no key: what listens at the socket, outside, decides what goes on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

PIECE = 65536
NO_LOOPBACK = (
    "the sandbox has no loopback of its own, over which an agent reaches its model: allow user namespaces, or install "
    "bubblewrap; the agents `search` and `model` need none"
)


def carry(source: socket.socket, target: socket.socket) -> None:
    """Copies one direction of a connection to its end."""
    with contextlib.suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def connect(client: socket.socket, path: str) -> None:
    """Carries one connection."""
    outside = socket.socket(socket.AF_UNIX)
    with client, outside:
        try:
            outside.connect(path)
        except OSError:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=carry, args=(outside, client), daemon=True)
        back.start()
        carry(client, outside)
        back.join()


def listen(server: socket.socket, path: str) -> None:
    """Accepts connections until the process ends."""
    while True:
        client, _ = server.accept()
        threading.Thread(target=connect, args=(client, path), daemon=True).start()


def main(argv: list[str]) -> int:
    """Runs the command beside the relay and returns its exit code."""
    path, port, command = argv[1], int(argv[2]), argv[3:]
    try:
        server = socket.create_server(("127.0.0.1", port))
    except PermissionError:
        print(NO_LOOPBACK, file=sys.stderr)
        return 126
    threading.Thread(target=listen, args=(server, path), daemon=True).start()
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    code = main(sys.argv)
    sys.stdout.flush()
    os._exit(code)
