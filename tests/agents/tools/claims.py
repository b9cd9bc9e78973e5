"""What agents claim in these tests: a true diagnosis of the bug `unit` of tinyfeed, and how to bend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from andon.agents.tools import Toolbox

Opened = tuple[Toolbox, Path]
Given = dict[str, Any]
LINES: Given = {"kind": "lines", "path": "tinyfeed/prices.py", "start": 7, "end": 7}
ROWS: Given = {"kind": "rows", "count": 35}


def honest(**bent: Any) -> Given:
    """Returns the arguments of a true diagnosis of the bug `unit`, bent."""
    whys = [
        {"question": "Why is prices-in-range red?", "answer": "Prices are too high.", "facts": [ROWS]},
        {"question": "Why are they?", "answer": "tinyfeed/prices.py multiplies twice.", "facts": [LINES]},
    ]
    return {"whys": whys, "root_cause": "to_cents multiplies cents by 100", "lane": "code bug"} | bent
