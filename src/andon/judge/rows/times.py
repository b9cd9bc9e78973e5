"""Moves every date and time in a text by whole weeks, in the format in which it stands; it reads no other meaning."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MONTH = "|".join(f"{name}|{name[:3]}" for name in MONTHS)
DATES = re.compile(
    r"(?<!\d)(?:"
    r"(?P<iso>(?:19|20)\d\d(?P<sep>[-/.])\d\d(?P=sep)\d\d)(?!\d)"
    r"|(?P<little>\d\d?\.\d\d?\.(?:19|20)\d\d)(?!\d)"
    rf"|(?P<worded>\d\d?(?P<gap>[ -])(?:{MONTH})\.?(?P=gap)(?:19|20)\d\d)(?!\d)"
    rf"|(?P<american>(?<![a-z])(?:{MONTH})\.? \d\d?,? (?:19|20)\d\d)(?!\d)"
    r"|(?P<compact>(?:19|20)\d{6})(?=\D|\d{6}(?!\d)|$)"
    r"|(?P<millis>1\d{12})(?!\d)|(?P<seconds>1\d{9})(?!\d)"
    r")",
    re.IGNORECASE,
)
KINDS = ("iso", "little", "worded", "american", "compact", "millis", "seconds")
NEAR = timedelta(days=500)
"""Digits that would be a date or an epoch time further than this from the evidence's own time are something else."""
WEEKS = 8
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago")
"""Where clocks change on different days: a move across such a day would change more than the date."""


def dates_in(text: str, around: datetime) -> list[tuple[int, int, date, str]]:
    """Returns (start, end, date, format) of every date or epoch time in a text."""
    found = []
    for match in DATES.finditer(text):
        kind = next(name for name in KINDS if match[name])
        day = read(match[kind], kind)
        if day is not None and (abs(day - around.date()) <= NEAR):
            found.append((match.start(), match.end(), day, kind))
    return found


def read(text: str, kind: str) -> date | None:
    """Returns the date that a text in one of the formats stands for; None when there is no such day."""
    try:
        if kind in ("seconds", "millis"):
            return datetime.fromtimestamp(int(text) / (1000 if kind == "millis" else 1), UTC).date()
        if kind == "compact":
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        numbers = [int(part) for part in re.findall(r"\d+", text)]
        if kind == "iso":
            return date(*numbers)
        if kind == "little":
            return date(numbers[2], numbers[1], numbers[0])
        return date(numbers[1], month_in(text), numbers[0])
    except ValueError:
        return None


def month_in(text: str) -> int:
    """Returns the number of the month that a text names."""
    word = re.search(r"[a-z]+", text, re.IGNORECASE)
    return next(number for number, name in enumerate(MONTHS, 1) if word and name.startswith(word[0].lower()[:3]))


def moved(text: str, weeks: int, around: datetime) -> str:
    """Returns a text with every date in it moved by so many weeks."""
    parts, place = [], 0
    for start, end, day, kind in dates_in(text, around):
        parts += [text[place:start], written(text[start:end], day + timedelta(weeks=weeks), kind, weeks)]
        place = end
    return "".join([*parts, text[place:]])


def written(old: str, day: date, kind: str, weeks: int) -> str:
    """Returns a new date in the very format of an old one."""
    if kind in ("seconds", "millis"):
        return str(int(old) + weeks * 7 * 86400 * (1000 if kind == "millis" else 1))
    if kind == "compact":
        return f"{day:%Y%m%d}"
    if kind == "iso":
        return f"{day:%Y}{old[4]}{day:%m}{old[4]}{day:%d}"
    word = re.search(r"[a-z]+", old, re.IGNORECASE)
    name = MONTHS[day.month - 1]
    if word is not None:
        full = word[0].lower() in MONTHS and len(word[0]) > 3
        cased = name if full else name[:3]
        name = cased.upper() if word[0].isupper() else cased.title() if word[0][0].isupper() else cased
    values = iter((day.day, day.month, day.year) if kind == "little" else (day.day, day.year))

    def number(match: re.Match[str]) -> str:
        return str(next(values)).zfill(len(match[0]))

    text = re.sub(r"\d+", number, old)
    return re.sub(r"[a-z]+", name, text, count=1, flags=re.IGNORECASE) if word is not None else text


def weeks_to_move(days: list[date], rng: random.Random) -> int:
    """Returns by how many weeks these dates may be moved: the clocks of the world keep their distances."""
    ends = [min(days), max(days)] if days else [date(2026, 1, 1)]
    fine = [weeks for weeks in range(-WEEKS, WEEKS + 1) if weeks and all(same_clocks(day, weeks) for day in ends)]
    return rng.choice(fine or [-1, 1])


def same_clocks(day: date, weeks: int) -> bool:
    """Tells whether a day and the one so many weeks away have the same distance to UTC, in each of the zones."""

    def distances(one: date) -> list[timedelta | None]:
        return [datetime.combine(one, time(12), ZoneInfo(zone)).utcoffset() for zone in ZONES]

    return distances(day) == distances(day + timedelta(weeks=weeks))
