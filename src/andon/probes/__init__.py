"""Watches a system's own interpreter from inside the sandbox; what it reports is advice, the check is the proof."""

from __future__ import annotations

from pathlib import Path

INSIDE = Path(__file__).with_name("inside")
"""Folder of the files that run inside; they need nothing but Python 3.9."""
