"""Gets one address from a source, logs every attempt, and tries again where that can help; it never keeps a body.

The convention of this pipeline: a function that asks a source is decorated with `@retrying`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from imagefeed.clock import Clock
from imagefeed.errors import FetchFailed, SourceBusy
from imagefeed.identity import fingerprint
from imagefeed.store import Connection, Run

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 3
LONGEST_WAIT = 30.0
_TEXT = ("text/html", "application/json")


@dataclass(frozen=True)
class Answer:
    """What a source gave to one attempt; status 0 means that it gave nothing at all."""

    url: str
    fetcher: str
    status: int
    content_type: str | None
    body: bytes
    declared: int | None
    retry_after: float | None
    error: str | None
    at: datetime


class Session:
    """The connection to all sources during one run; counts the attempts at each address and logs them."""

    def __init__(self, client: httpx.Client, conn: Connection, clock: Clock, run: Run) -> None:
        self.clock = clock
        self._client, self._conn, self._run = client, conn, run
        self._attempts: Counter[str] = Counter()

    def get(self, url: str, *, fetcher: str) -> Answer:
        """Asks once, logs the attempt, and gives the answer, good or bad."""
        self._attempts[url] += 1
        answer = self._ask(url, fetcher)
        self._log(answer, self._attempts[url])
        return answer

    def _ask(self, url: str, fetcher: str) -> Answer:
        import httpx

        body, error, response = bytearray(), None, None
        try:
            with self._client.stream("GET", url) as response:
                for chunk in response.iter_raw():
                    body += chunk
        except httpx.TransportError as broken:
            error = f"{type(broken).__name__}: {broken}"
        at = self.clock.now()
        if response is None:
            return Answer(url, fetcher, 0, None, b"", None, None, error, at)
        headers = response.headers
        return Answer(
            url,
            fetcher,
            response.status_code,
            headers.get("content-type"),
            bytes(body),
            int(headers["content-length"]) if headers.get("content-length", "").isdigit() else None,
            float(headers["retry-after"]) if headers.get("retry-after", "").isdigit() else None,
            error,
            at,
        )

    def _log(self, answer: Answer, attempt: int) -> None:
        is_text = (answer.content_type or "").split(";")[0] in _TEXT
        self._conn.execute(
            "insert into fetches (run_id, origin, url, fetcher, attempt, status, content_type, retry_after,"
            " declared_bytes, bytes, body, error, at, fingerprint)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self._run.run_id,
                origin_of(answer.url),
                answer.url,
                answer.fetcher,
                attempt,
                answer.status,
                answer.content_type,
                answer.retry_after,
                answer.declared,
                len(answer.body),
                answer.body.decode("utf-8", "replace").replace("\x00", "\ufffd") if is_text else None,
                answer.error,
                answer.at,
                fingerprint("fetch", self._run.run_id, answer.url, attempt),
            ],
        )


Fetch = Callable[[Session, str], Answer]


def retrying(fetch: Fetch) -> Fetch:
    """Makes a fetch give only good answers: it tries again, as the source asks, and raises when that did not help.

    Raises (the decorated function):
        SourceBusy: no good answer after all attempts.
        FetchFailed: the source said that there will never be one.
    """

    @wraps(fetch)
    def fetch_until_good(session: Session, url: str) -> Answer:
        attempts = Retrying(
            retry=retry_if_exception_type(SourceBusy),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait_as_asked,
            sleep=session.clock.sleep,
            reraise=True,
        )
        return attempts(lambda: require_good(fetch(session, url)))

    return fetch_until_good


def require_good(answer: Answer) -> Answer:
    """The answer, when it is whole and says 200.

    Raises:
        SourceBusy: it may be good at the next attempt (429, 5xx, cut off, or nothing came).
        FetchFailed: it will not.
    """
    where = f"{answer.url}: {answer.error or answer.status}"
    if answer.status in (0, 429) or answer.status >= 500:
        raise SourceBusy(where, retry_after=answer.retry_after)
    if answer.status != 200:
        raise FetchFailed(where)
    if answer.error or not answer.body:
        raise SourceBusy(f"{where}, got {len(answer.body)} of {answer.declared} bytes")
    return answer


def origin_of(url: str) -> str:
    """The name of the source an address belongs to."""
    return (urlsplit(url).hostname or url).removesuffix(".example")


def _wait_as_asked(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    asked = failure.retry_after if isinstance(failure, SourceBusy) else None
    return min(asked if asked is not None else 0.5 * 2**state.attempt_number, LONGEST_WAIT)
