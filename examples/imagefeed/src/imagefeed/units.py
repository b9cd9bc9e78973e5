"""Converts what shops write into one unit of each kind: minor units of money, millimetres, UTC; it knows no tables.

The convention of this pipeline: every price goes through `to_minor_units` or is one already, every size through
`to_mm`, every time through `to_utc`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

MINOR_PER_MAJOR = 100
MM_PER = {"mm": Decimal(1), "cm": Decimal(10), "in": Decimal("25.4")}
_SIZE = re.compile(r"^([\d.]+)\s*(mm|cm|in)?\s*[x\u00d7]\s*([\d.]+)\s*(mm|cm|in)$")
_FORMATS = ("%d %b %Y %H:%M:%S %z", "%Y-%m-%d %H:%M:%S")


def to_minor_units(text: str) -> int:
    """A price as written in pounds, euros or dollars, as a number of pence or cents.

    Both 1,250.00 and 1.250,00 are understood: the last mark with two digits after it is the decimal one.

    Raises:
        ValueError: there is no number in the text.
    """
    digits = re.sub(r"[^\d.,]", "", text)
    if not any(sign.isdigit() for sign in digits):
        raise ValueError(f"no price in {text!r}")
    if re.search(r",\d{2}$", digits):
        digits = digits.replace(".", "").replace(",", ".")
    return int((Decimal(digits.replace(",", "")) * MINOR_PER_MAJOR).to_integral_value(ROUND_HALF_UP))


def to_euro_cents(minor: int, currency: str, euro_per_unit: Mapping[str, Decimal]) -> int:
    """A number of pence or cents, as a number of euro cents.

    Raises:
        KeyError: no rate for the currency.
    """
    return int((minor * euro_per_unit[currency]).to_integral_value(ROUND_HALF_UP))


def to_mm(text: str) -> tuple[int, int]:
    """Width and height as written, such as `21 x 14.8 cm`, in whole millimetres.

    Raises:
        ValueError: the text is no size.
    """
    found = _SIZE.match(text.strip())
    if found is None:
        raise ValueError(f"no size in {text!r}")
    width, width_unit, height, unit = found.groups()
    sides = Decimal(width) * MM_PER[width_unit or unit], Decimal(height) * MM_PER[unit]
    return int(sides[0].to_integral_value(ROUND_HALF_UP)), int(sides[1].to_integral_value(ROUND_HALF_UP))


def to_utc(text: str, zone: ZoneInfo) -> datetime:
    """A time as written, in UTC; one without an offset is read by the clock of `zone`.

    Raises:
        ValueError: the text is no time.
    """
    moment = _read_time(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def _read_time(text: str) -> datetime:
    for known in _FORMATS:
        try:
            return datetime.strptime(text, known)
        except ValueError:
            continue
    return datetime.fromisoformat(text)
