"""Decides which answers go wrong, and how often; the same address goes wrong in the same way for the same seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

KINDS = ("429", "503", "truncate", "markup", "slow", "duplicate", "content-type")


@dataclass(frozen=True)
class Reply:
    """What a server sends: `declared` is the length it promises, which may be more than it gives."""

    status: int
    content_type: str
    body: bytes
    declared: int
    retry_after: float | None = None
    delay: float = 0.0


@dataclass(frozen=True)
class Misbehaviour:
    """One way to go wrong, for a share of the addresses, for the first so many attempts at each."""

    kind: str
    share: float = 0.5
    path: str = ""
    times: int = 1

    def hits(self, url: str, attempt: int, seed: int) -> bool:
        """Whether the attempt (from 1) at an address goes wrong."""
        if self.path not in url or attempt > self.times:
            return False
        drawn = hashlib.sha256(f"{seed}:{self.kind}:{url}".encode()).digest()
        return int.from_bytes(drawn[:4], "big") / 2**32 < self.share


def parse_misbehaviour(text: str) -> Misbehaviour:
    """What `429,share=0.5,path=/large/,times=2` asks for.

    Raises:
        ValueError: an unknown kind or key, or a value out of range.
    """
    kind, *pairs = text.split(",")
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no misbehaviour: use one of {', '.join(KINDS)}")
    found = Misbehaviour(kind)
    for key, _, value in (pair.partition("=") for pair in pairs):
        if key == "share" and 0 <= float(value) <= 1:
            found = replace(found, share=float(value))
        elif key == "path":
            found = replace(found, path=value)
        elif key == "times" and int(value) >= 1:
            found = replace(found, times=int(value))
        else:
            raise ValueError(f"{key}={value} is not known: use share=0..1, path=PART, times=1..")
    return found


def spoil(reply: Reply, kind: str) -> Reply:
    """The reply as it looks when it goes wrong in that way."""
    if kind == "429":
        return Reply(429, "text/plain", b"", 0, retry_after=2.0)
    if kind == "503":
        return Reply(503, "text/plain", b"try again later\n", 16)
    if kind == "truncate":
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    if kind == "slow":
        return replace(reply, delay=0.3)
    if kind == "content-type":
        return replace(reply, content_type="text/html")
    if kind == "markup":
        body = reply.body.replace(b'class="', b'class="v2-').replace(b"ld+json", b"json")
        return replace(reply, body=body, declared=len(body))
    return reply
