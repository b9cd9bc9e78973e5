"""What shops write becomes minor units, millimetres and UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from imagefeed.units import to_euro_cents, to_minor_units, to_mm, to_utc

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("£12.50", 1250),
        ("£1,250.00", 125_000),
        ("12,50 €", 1250),
        ("1.250,00 €", 125_000),
        ("40", 4000),
        ("$0.99", 99),
    ],
)
def test_price_becomes_minor_units(text: str, minor: int) -> None:
    assert to_minor_units(text) == minor


def test_text_without_digits_is_no_price() -> None:
    with pytest.raises(ValueError, match="no price in 'on request'"):
        to_minor_units("on request")


def test_pence_become_euro_cents_by_the_rate() -> None:
    assert to_euro_cents(1250, "GBP", {"GBP": Decimal("1.17")}) == 1463


def test_currency_without_a_rate_is_refused() -> None:
    with pytest.raises(KeyError):
        to_euro_cents(1, "JPY", {"GBP": Decimal(1)})


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("21 \u00d7 29.7 cm", (210, 297)),
        ("8.27 x 11.69 in", (210, 297)),
        ("210 mm x 297 mm", (210, 297)),
        ("5 in x 14.8 cm", (127, 148)),
    ],
)
def test_size_becomes_millimetres(text: str, sides: tuple[int, int]) -> None:
    assert to_mm(text) == sides


def test_text_that_is_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="no size"):
        to_mm("quite large")


@pytest.mark.parametrize(
    "text", ["02 Mar 2026 12:00:00 +0000", "2026-03-02T06:00:00-06:00", "2026-03-02 13:00:00", "2026-03-02T12:00:00Z"]
)
def test_time_becomes_utc(text: str) -> None:
    assert to_utc(text, BERLIN) == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_summer_time_is_two_hours_off() -> None:
    assert to_utc("2026-07-02 13:00:00", BERLIN) == datetime(2026, 7, 2, 11, 0, tzinfo=UTC)
    assert to_utc("2026-07-02 13:00:00", BERLIN).utcoffset() == timedelta()


def test_text_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        to_utc("yesterday", BERLIN)
