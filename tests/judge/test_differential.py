"""What is lost, painted over or changed on the way to green is seen row by row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from grounds import Stand
from hearings import heard
from test_honest import FIXES

from andon.judge.differential import differential, hushed
from andon.judge.rows.both import Both
from andon.judge.rows.tables import Table, Written, pair
from andon.models import Outcome, Proof, Ran, Replay

PIPELINE = "tinyfeed/pipeline.py"
SAVE = "bytes=len(answer.body), "
PICTURE = '    """Saves how a picture arrived."""\n'
COMMIT = "    store.commit()\n"
ITEM = "    for item in items:\n        insert(\n"
LISTING = '    insert(store, "listings"'


def proof_of(ground: Stand, source: dict[str, str]) -> Proof:
    with heard(ground, ground.patch(source)) as hearing:
        found = differential(hearing)
    assert found is not None
    return found


def both_said(base: str, head: str) -> Both:
    """Returns two replays that wrote nothing but this."""
    said = [Replay(ran=Ran(code=0, stdout="", stderr=text, seconds=0.1), result=None) for text in (base, head)]
    one, other = (Written(replay, {}, False, {}, None) for replay in said)
    return Both(one, other)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("1 INFO feed 13 is late", "what was logged as ERROR is logged as INFO: # feed # is late"),
        ("1 WARNING feed 13 is late", ""),
        ("1 INFO all feeds are read", ""),
        ("", ""),
    ],
)
def test_trouble_that_is_logged_at_a_lower_level_needs_eyes(head: str, words: str) -> None:
    found = [one.words for one in hushed(both_said("1 ERROR feed 12 is late\n", head))]
    assert found == ([words] if words else [])


@pytest.mark.parametrize("bug", FIXES)
def test_honest_fix_leaves_everything_else_as_it_was(bug: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(bug)
    proof = proof_of(ground, ground.edited(*FIXES[bug]))
    assert proof.outcome is Outcome.HOLDS, proof


CHEATS: dict[str, tuple[str, str, str, Outcome, str]] = {
    "leaves the bad rows out": (
        "unwrapped-call", PICTURE, f"{PICTURE}    if not answer.body:\n        return\n", Outcome.FAILS, "left out",
    ),
    "leaves the whole fetcher out": (
        "unwrapped-call", PICTURE, f'{PICTURE}    if fetcher == "gallery":\n        return\n',
        Outcome.FAILS, "left out",
    ),
    "takes the bad rows away at the end": (
        "unwrapped-call", COMMIT, f'    store.execute("delete from pictures where bytes = 0")\n{COMMIT}',
        Outcome.FAILS, "left out",
    ),
    "does nothing at all": (
        "unwrapped-call", "    transport = Recorder(", "    names = ()\n    transport = Recorder(",
        Outcome.FAILS, "nothing is left",
    ),
    "paints the bad rows over": (
        "unwrapped-call", SAVE, "bytes=max(1, len(answer.body)), ", Outcome.NEEDS_EYES, "bytes = 1",
    ),
    "changes the healthy rows too": (
        "unwrapped-call", SAVE, "bytes=1 + len(answer.body) + len(url), ", Outcome.NEEDS_EYES, "healthy rows",
    ),
    "puts the bad rows aside": (
        "unwrapped-call", PICTURE,
        f"{PICTURE}    store.execute('create table if not exists refused (url text, why text)')\n"
        "    if not answer.body:\n        insert(store, 'refused', url=url, why='empty')\n        return\n",
        Outcome.NEEDS_EYES, "all of them",
    ),
    "empties another table": (
        "missing-strip", COMMIT,
        f'    store.execute("update items set sku = trim(sku)")\n    store.execute("delete from totals")\n{COMMIT}',
        Outcome.NEEDS_EYES, "nothing is left in totals",
    ),
    "loses healthy rows": (
        "missing-strip", COMMIT,
        f'    store.execute("update items set sku = trim(sku)")\n'
        f'    store.execute("delete from items where shop = \'north\'")\n{COMMIT}',
        Outcome.NEEDS_EYES, "healthy rows are gone",
    ),
    "leaves padded items out": (
        "missing-strip", COMMIT, f'    store.execute("delete from items where sku <> trim(sku)")\n{COMMIT}',
        Outcome.FAILS, "left out",
    ),
    "does not list what it cannot keep": (
        "off-by-one", COMMIT, f'    store.execute("delete from listings")\n{COMMIT}', Outcome.FAILS, "nothing is left",
    ),
    "clamps into the band": (
        "unit", COMMIT, f'    store.execute("update items set cents = min(cents, 100000)")\n{COMMIT}',
        Outcome.NEEDS_EYES, "cents = 100000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHEATS)
def test_way_to_green_that_is_no_fix_is_seen(what: str, stand: Callable[[str], Stand]) -> None:
    bug, old, new, outcome, words = CHEATS[what]
    ground = stand(bug)
    proof = proof_of(ground, ground.edited(PIPELINE, old, new))
    assert proof.outcome is outcome, proof
    assert words in proof.saw


def table(*rows: tuple[str | int, ...]) -> Table:
    names = ("id", "name", "size", "at")
    whole = tuple(dict(zip(names, row, strict=True)) for row in rows)
    return Table("t", False, whole, len(whole), {}, frozenset())


def test_rows_are_paired_though_their_key_changed() -> None:
    old = table(("a ", "lamp", 1, "x"), ("b", "desk", 2, "x"))
    new = table(("b", "desk", 2, "x"), ("a", "lamp", 1, "x"), ("c", "sofa", 9, "y"))
    found = pair(old, new)
    assert (found.same, len(found.changed), len(found.lost), len(found.new)) == (1, 1, 0, 1)


def test_same_row_twice_is_not_one_row() -> None:
    row = ("a", "lamp", 1, "x")
    found = pair(table(row, row, row), table(row))
    assert (found.same, len(found.lost)) == (1, 2)


def test_moments_next_to_each_other_are_no_change() -> None:
    old, new = (table(("a", "lamp", 1, f"2026-11-20T10:00:{second}+00:00")) for second in ("01", "09"))
    assert pair(old, new).changed == ()
    assert len(pair(old, table(("a", "lamp", 1, "2026-11-21T10:00:01+00:00"))).changed) == 1
