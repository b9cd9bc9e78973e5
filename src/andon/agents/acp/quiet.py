"""Keeps the protocol library's log of a session out of the operator's terminal: an agent's words would steer it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def log_heard(heard: Callable[[str], None]) -> Iterator[None]:
    """Hands what the library logs in this thread to `heard`; it logs to the root logger and knows no other."""
    import acp

    place, thread = str(Path(acp.__file__).parent), threading.get_ident()

    def keep_back(record: logging.LogRecord) -> bool:
        if record.thread != thread or not record.pathname.startswith(place):
            return True
        error = record.exc_info[1] if record.exc_info else None
        heard(record.getMessage() + (f": {type(error).__name__}: {error}" if error else ""))
        return False

    root = logging.getLogger()
    # Without a handler, the first of these lines would set one up for the whole process.
    lent = logging.lastResort if not root.handlers else None
    root.addFilter(keep_back)
    if lent is not None:
        root.addHandler(lent)
    try:
        yield
    finally:
        root.removeFilter(keep_back)
        if lent is not None:
            root.removeHandler(lent)
