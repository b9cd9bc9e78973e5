"""Joins stdin and stdout with a Unix socket: the end of the ticket's tools that an agent in the sandbox starts."""

import os
import socket
import sys
import threading
from collections.abc import Callable

CHUNK = 1 << 16


def pour(read: Callable[[], bytes], write: Callable[[bytes], object], done: Callable[[], object]) -> None:
    """Passes on what comes until it ends."""
    try:
        while data := read():
            write(data)
    except OSError:
        pass
    finally:
        done()


def write_all(data: bytes) -> None:
    """Writes all of it to stdout, however little the pipe takes at once."""
    while data:
        data = data[os.write(1, data) :]


def main(path: str) -> None:
    """Joins both until the socket's side ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as joined:
        joined.connect(path)
        threading.Thread(
            target=pour,
            args=(lambda: os.read(0, CHUNK), joined.sendall, lambda: joined.shutdown(socket.SHUT_WR)),
            daemon=True,
        ).start()
        pour(lambda: joined.recv(CHUNK), write_all, lambda: None)


if __name__ == "__main__":
    main(sys.argv[1])
