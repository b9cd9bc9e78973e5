"""A model that mends one fault of imagefeed as a good engineer would: a script, behind the wire format of a provider.

It knows its fault; what it does not know beforehand (how many rows were recorded, where the function stands) it asks
the ticket's tools for, as a model does.
"""

from __future__ import annotations

import re

from andon.testing.endpoint import Asked, Call, Turn

FAULT = "unit-mixup"
ETL = "src/imagefeed/etl.py"
OLD = '    return to_minor_units(listing["price_text"])\n'
NEW = '    if listing["price_unit"] == "minor":\n        return int(listing["price_text"])\n' + OLD
TEST = "tests/test_minor_prices.py"
TEXT = '''"""A shop that counts in minor units is taken at its word."""

from __future__ import annotations

from imagefeed.etl import price_minor


def test_price_in_minor_units_is_taken_at_its_word() -> None:
    assert price_minor({"price_unit": "minor", "price_text": "1250"}) == 1250
    assert price_minor({"price_unit": "minor", "price_text": "7"}) == 7


def test_price_in_whole_units_becomes_minor_units() -> None:
    assert price_minor({"price_unit": "major", "price_text": "12.50"}) == 1250
'''
CAUSE = "price_minor multiplies prices that are in minor units already"
FIX = (
    Call("brief"),
    Call("read", {"path": ETL}),
    Call("edit", {"path": ETL, "old": OLD, "new": NEW}),
    Call("write", {"path": TEST, "text": TEXT}),
    Call("run_tests", {"tests": [TEST]}),
    Call("replay", {"with_changes": True}),
    Call("submit_patch", {"summary": "Take a price in minor units at its word."}),
)


def engineer(asked: Asked) -> Turn:
    """Answers a request of the built-in agent."""
    heard = asked.results
    if "submit_patch" in asked.tools:
        calls = FIX[len(heard) : len(heard) + 1]
    else:
        looks = (Call("brief"), Call("evidence"), Call("read", {"path": ETL}))
        calls = looks[len(heard) : len(heard) + 1] or (diagnosis(heard),) * (len(heard) == len(looks))
    return Turn(calls=calls, tokens=(1000, 50)) if calls else Turn("Done.", tokens=(1000, 5))


def diagnosis(heard: tuple[str, ...]) -> Call:
    """Returns the chain of whys, with facts from what the tools gave."""
    kept = re.search(r"(\d+) rows? kept", heard[1])
    start = re.search(r"(\d+)  def price_minor", heard[2])
    assert kept, heard[1]
    assert start, heard[2]
    first = int(start[1])
    whys = [
        {
            "question": "Why is price-in-range red?",
            "answer": "Prices of one shop are a hundred times too high.",
            "facts": [{"kind": "rows", "count": int(kept[1])}],
        },
        {
            "question": "Why are they?",
            "answer": f"price_minor in {ETL} multiplies prices that are in minor units already.",
            "facts": [{"kind": "lines", "path": ETL, "start": first, "end": first + 2}],
        },
    ]
    return Call("submit_diagnosis", {"whys": whys, "root_cause": CAUSE, "lane": "code bug"})
