"""Serves the shops over HTTP, as a forward proxy would reach them; what it answers is decided elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from imagefeed.clock import parse_moment
from imagefeed.source.catalogue import SHOPS, Catalogue, Offer
from imagefeed.source.misbehave import Misbehaviour, Reply, parse_misbehaviour, spoil
from imagefeed.source.pages import PAGE_SIZE, page_url, write_page
from imagefeed.source.pictures import draw_picture

NOT_FOUND = Reply(404, "text/plain", b"no such page\n", 13)


class Shops:
    """Answers for all shops: a catalogue, ways to misbehave, and how often each address was asked."""

    def __init__(self, catalogue: Catalogue, misbehaviours: Sequence[Misbehaviour] = ()) -> None:
        self.catalogue = catalogue
        self.misbehaviours = tuple(misbehaviours)
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def answer(self, url: str) -> Reply:
        """What the shop answers to the next attempt at an address."""
        with self._lock:
            self._asked[url] += 1
            attempt = self._asked[url]
        wrong = [bad.kind for bad in self.misbehaviours if bad.hits(url, attempt, self.catalogue.seed)]
        reply = healthy_answer(self.catalogue, url, repeat_last="duplicate" in wrong)
        for kind in wrong:
            reply = spoil(reply, kind)
        return reply

    def control(self, body: bytes) -> None:
        """Takes `{"misbehave": ["429,share=0.5"]}` in place of the ways before; counting starts again.

        Raises:
            ValueError: the body is not that.
        """
        asked = json.loads(body)
        self.misbehaviours = tuple(parse_misbehaviour(text) for text in asked["misbehave"])
        with self._lock:
            self._asked.clear()


def healthy_answer(catalogue: Catalogue, url: str, *, repeat_last: bool = False) -> Reply:
    """What a well behaved shop answers; `repeat_last` lets a page begin with the last offer of the page before."""
    parts = urlsplit(url)
    shop = (parts.hostname or "").removesuffix(".example")
    asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
    if shop == "rates" and parts.path == "/daily" and "day" in asked:
        return _reply("application/json", json.dumps({"base": "EUR", "rates": catalogue.rates(asked["day"])}))
    if shop in SHOPS and parts.path == "/new" and {"until", "page"} <= asked.keys():
        page = int(asked["page"])
        return _page(catalogue, shop, parse_moment(asked["until"]), page, repeat_last=repeat_last)
    drawn = draw_picture(url) if shop in SHOPS else None
    if drawn is None:
        return NOT_FOUND
    return Reply(200, drawn[1], drawn[0], len(drawn[0]))


def _page(catalogue: Catalogue, shop: str, until: datetime, page: int, *, repeat_last: bool) -> Reply:
    offers = catalogue.arrivals(shop, until)
    start = (page - 1) * PAGE_SIZE
    shown: list[Offer] = offers[max(0, start - repeat_last) : start + PAGE_SIZE]
    more = page_url(shop, until, page + 1) if start + PAGE_SIZE < len(offers) else None
    return _reply("text/html; charset=utf-8", write_page(shop, shown, seed=catalogue.seed, next_url=more))


def _reply(content_type: str, text: str) -> Reply:
    body = text.encode()
    return Reply(200, content_type, body, len(body))


class SourceServer(AbstractContextManager["SourceServer"]):
    """An HTTP server on loopback, in threads of this program, for as long as the context is open."""

    def __init__(
        self, answer: Callable[[str], Reply], *, port: int = 0, control: Callable[[bytes], None] | None = None
    ) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _requests(answer, control))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The address to give as IMAGEFEED_SOURCE."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> SourceServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def wait(self) -> None:
        """Serves until the thread ends, which only closing does."""
        self._thread.join()


def _requests(answer: Callable[[str], Reply], control: Callable[[bytes], None] | None) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # one packet an answer: headers and body leave together

        def do_GET(self) -> None:
            self._send(answer(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if control is None or urlsplit(self.path).path != "/_control":
                self._send(NOT_FOUND)
                return
            try:
                control(body)
            except (ValueError, KeyError, TypeError) as error:
                said = f"{error}\n".encode()
                self._send(Reply(400, "text/plain", said, len(said)))
                return
            self._send(Reply(200, "text/plain", b"", 0))

        def _send(self, reply: Reply) -> None:
            if reply.delay:
                time.sleep(reply.delay)
            self.send_response(reply.status, HTTPStatus(reply.status).phrase)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(reply.declared))
            if reply.retry_after is not None:
                self.send_header("Retry-After", f"{reply.retry_after:g}")
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()
            if len(reply.body) < reply.declared:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Stays quiet: the pipeline logs every fetch itself."""

    return Request
