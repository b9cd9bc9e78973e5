"""Holds whether andon was asked to end, by a signal: what runs for it is killed then, so that it can."""

from __future__ import annotations

from threading import Event

ENDING = Event()
"""Set once the program is to end, and never cleared."""
