"""Lets the requests of one session go on while there is room for them, and charges each; it carries nothing."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from andon.agents.relay.requests import Refused
from andon.agents.relay.upstream import Upstream
from andon.agents.relay.usage import Meter
from andon.errors import ExternalError
from andon.models import Spend
from andon.wallet import Wallet

INSIDE = Path(__file__).parent / "inside" / "andon_relay.py"


class Relay:
    """A running relay of one session."""

    def __init__(self, upstream: Upstream, wallet: Wallet, socket: Path, *, requests: int) -> None:
        self.upstream = upstream
        self.wallet = wallet
        self.socket = socket
        """Where it listens; the sandbox needs it, and `readable`."""
        self.most = requests
        self.requests = 0
        """How many went on to the model."""
        self.estimated = 0
        """How many of these did not tell what they cost."""
        self.refused = ""
        """Why requests are no longer carried: the wallet is empty, or there were as many as may be."""
        self.trouble = ""
        """What was wrong with the upstream at the last request; empty when it answered."""
        self.permanent = False
        """Trying again cannot help with that: the key is not let in, or the model is not there."""
        self.reading = threading.Lock()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._under_way: list[Spend | None] = []
        """The most that each request may cost that goes on now; None where nobody knows."""
        self._open: set[http.client.HTTPConnection] = set()
        self._closed = False

    @property
    def readable(self) -> tuple[Path, ...]:
        """What the sandbox has to show for `wrap`."""
        return (INSIDE,)

    def wrap(self, argv: Sequence[str], port: int, python: str = sys.executable) -> tuple[str, ...]:
        """Returns the command that runs another one in the sandbox with the relay at `http://127.0.0.1:PORT`."""
        return (python, "-I", str(INSIDE), str(self.socket), str(port), *argv)

    @contextmanager
    def admitted(self, most: Spend | None) -> Iterator[None]:
        """Lets a request go on, given the most that it can cost, when what is under way leaves something for it.

        So no more is paid beyond a limit than one request can cost. One whose cost nobody can bound goes alone.

        Raises:
            Refused: nothing more goes on; the sentence says why.
        """
        with self._room:
            self._room.wait_for(lambda: self._closed or self.refused or not self._under_way or self._leaves_room(most))
            if not self.refused and self.requests >= self.most:
                self.refused = f"this session has made {self.most} requests, as many as `requests` in [agent] allows"
            if not self.refused and (empty := self.wallet.empty):
                self.refused = f"the wallet is empty: {empty}"
            if self.refused:
                raise Refused(self.refused, 402)
            self.requests += 1
            self._under_way.append(most)
        try:
            yield
        finally:
            with self._room:
                self._under_way.remove(most)
                self._room.notify_all()

    def _leaves_room(self, most: Spend | None) -> bool:
        """Tells whether something is left for another request if all under way cost the most that they can."""
        known = [one for one in self._under_way if one is not None]
        if most is None or len(known) < len(self._under_way):
            return False
        return not self.wallet.is_emptied_by(sum(known, Spend()))

    def charge(self, meter: Meter) -> None:
        """Charges what an answer cost, to the end or as far as it came."""
        counted = meter.total()
        with self._lock:
            self.estimated += counted.estimated
        try:
            self.wallet.charge(tokens=counted.tokens, usd=self.upstream.tariff.cost(counted) or 0.0)
        except ExternalError as error:
            # What cannot be kept must not go on: nobody would know what it cost.
            self.refused = f"the cost cannot be kept: {error}"

    @contextmanager
    def connected(self) -> Iterator[http.client.HTTPConnection]:
        """Gives a connection to the upstream that ends with the relay."""
        connection = self.upstream.connect()
        with self._lock:
            self._open.add(connection)
            closed = self._closed
        try:
            if closed:
                raise OSError("the session is over")
            yield connection
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def hang_up(self) -> None:
        """Ends what is under way."""
        with self._room:
            self._closed = True
            self._room.notify_all()
            for connection in self._open:
                with contextlib.suppress(OSError, AttributeError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
