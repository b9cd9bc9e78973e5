"""Serves the relay on a Unix socket, for one session and no longer."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from andon.agents.relay.carrying import Handler
from andon.agents.relay.counting import Relay
from andon.agents.relay.upstream import Upstream
from andon.wallet import Wallet

CONNECTIONS = 8
"""Of one session at a time."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A thread a connection, and only so many; all have ended when it is closed, so that everything is charged."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, path: Path, handler: Callable[..., Any]) -> None:
        self.slots = threading.BoundedSemaphore(CONNECTIONS)
        self.clients: set[socket.socket] = set()
        super().__init__(str(path), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Takes a connection when there is room for it."""
        if self.slots.acquire(blocking=False):
            self.clients.add(request)
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.clients.discard(request)
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks concerns nobody but its client."""

    def hang_up(self) -> None:
        """Ends the connections that there are."""
        for client in tuple(self.clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


@contextmanager
def open_relay(upstream: Upstream, wallet: Wallet, *, requests: int) -> Iterator[Relay]:
    """Gives a running relay for one session; when it is left, all that it carried is charged."""
    folder = Path(tempfile.mkdtemp(prefix="andon-relay-"))  # short: a socket's path has a hundred characters at most
    relay = Relay(upstream, wallet, folder / "model.sock", requests=requests)
    try:
        server = Server(relay.socket, lambda *given: Handler(relay, *given))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="andon-relay")
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()
            relay.hang_up()
            server.hang_up()
            server.server_close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
