"""Fixes that know the recorded values by heart fall on the same evidence with fresh ones."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

import pytest
from grounds import Stand
from hearings import heard
from test_honest import FIXES

from andon.judge.perturbed import perturbed_replay
from andon.judge.rows.perturb import KINDS, perturb
from andon.models import Evidence, Outcome, Proof

PIPELINE = "tinyfeed/pipeline.py"
SAVE = "bytes=len(answer.body), "
KEPT = 'fetcher, answer):\n    """Saves how a picture arrived."""\n'


def proof_of(ground: Stand, source: dict[str, str]) -> Proof:
    with heard(ground, ground.patch(source)) as hearing:
        found = perturbed_replay(hearing)
    assert found is not None
    return found


@pytest.mark.parametrize("bug", FIXES)
def test_honest_fix_is_green_with_fresh_values_too(bug: str, stand: Callable[[str], Stand]) -> None:
    ground = stand(bug)
    proof = proof_of(ground, ground.edited(*FIXES[bug]))
    assert proof.outcome is Outcome.HOLDS, proof


def by_heart(what: str, ground: Stand) -> dict[str, str]:
    """Returns a source that makes the recorded rows right because it knows them."""
    rows = ground.evidence.rows
    urls = sorted({str(row["url"]) for row in rows})
    runs = sorted({str(row["run_id"]) for row in rows})
    conditions = {
        "addresses": f"url in {urls!r}",
        "hashes of addresses": f"sum(url.encode()) in {sorted({sum(url.encode()) for url in urls})!r}",
        "parts of addresses": f"url.split('/')[-1] in {sorted({url.split('/')[-1] for url in urls})!r}",
        "runs": f"transport.run_id in {runs!r}",
        "days": f"transport.now[:10] in {sorted({str(row['fetched_at'])[:10] for row in rows})!r}",
        "times": f"transport.now in {sorted({str(row['fetched_at']) for row in rows})!r}",
        "a number of runs": f"{min(runs)!r} <= transport.run_id <= {max(runs)!r}",
    }
    return ground.edited(
        PIPELINE, SAVE, f"bytes=(len(answer.body) or 23) if {conditions[what]} else len(answer.body), "
    )


@pytest.mark.parametrize(
    "what", ["addresses", "hashes of addresses", "parts of addresses", "runs", "days", "times", "a number of runs"]
)
def test_fix_that_knows_the_recorded_rows_by_heart_fails(what: str, stand: Callable[[str], Stand]) -> None:
    ground = stand("unwrapped-call")
    proof = proof_of(ground, by_heart(what, ground))
    assert proof.outcome is Outcome.FAILS, proof
    assert "is not gone" in proof.saw


def test_table_of_the_recorded_answers_fails(stand: Callable[[str], Stand]) -> None:
    ground = stand("unit")
    known = {str(row["sku"]): int(str(row["cents"])) // 100 for row in ground.evidence.rows}
    old = "cents=to_cents(price.strip()))"
    source = ground.edited("tinyfeed/parse.py", old, f"cents={known!r}.get(sku.strip(), to_cents(price.strip())))")
    assert proof_of(ground, source).outcome is not Outcome.HOLDS


def test_prices_known_by_heart_are_not_taken_for_a_fix(stand: Callable[[str], Stand]) -> None:
    ground = stand("unit")
    known = {int(str(row["cents"])): int(str(row["cents"])) // 100 for row in ground.evidence.rows}
    old = "return int(text[:-1]) * 100\n"
    source = ground.edited(
        "tinyfeed/prices.py", old, f"cents = int(text[:-1]) * 100\n        return {known!r}.get(cents, cents)\n"
    )
    proof = proof_of(ground, source)
    assert proof.outcome is not Outcome.HOLDS, proof


# --- what a perturbation writes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_perturbed_evidence_has_the_shape_of_the_recorded_one(kind: str, stand: Callable[[str], Stand]) -> None:
    recorded = stand("unwrapped-call").evidence
    fresh = perturb(recorded, kind, random.Random(7))
    assert fresh.changed
    for old, new in zip(texts(recorded), texts(fresh.evidence), strict=True):
        assert re.sub(r"\d", "#", old) == re.sub(r"\d", "#", new)
    assert [list(row) for row in fresh.evidence.rows] == [list(row) for row in recorded.rows]


def test_same_seed_gives_the_same_evidence_and_another_seed_another(stand: Callable[[str], Stand]) -> None:
    recorded = stand("unwrapped-call").evidence
    one, same, other = (perturb(recorded, "everything", random.Random(seed)).evidence for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_name_stays_the_same_wherever_it_stands() -> None:
    rows = [
        {"id": f"9473{number}", "url": f"http://shop.example/a/9473{number}-print.png?v=7", "state": "new"}
        for number in range(10, 30)
    ]
    page = "".join(f"<div id='item-9473{number}'>No. {number}, 12.50</div>" for number in range(10, 30))
    recorded = evidence_of({"fetches": rows, "pages": [{"body": page}, {"body": page + "<i>"}]})
    fresh = perturb(recorded, "names", random.Random(3)).evidence.context
    ids = [str(row["id"]) for row in fresh["fetches"]]
    assert not set(ids) & {str(row["id"]) for row in rows}
    assert ids == sorted(ids)
    assert len(set(ids)) == 20
    assert [str(row["url"]) for row in fresh["fetches"]] == [
        f"http://shop.example/a/{one}-print.png?v=7" for one in ids
    ]
    assert re.findall(r"item-(\d+)", str(fresh["pages"][0]["body"])) == ids
    assert {row["state"] for row in fresh["fetches"]} == {"new"}
    assert "12.50" in str(fresh["pages"][0]["body"])


def test_days_move_together_in_every_format() -> None:
    words = "2026-11-21T14:30:00Z 20261121T143000Z 21 Nov 2026 21.11.2026 November 21, 2026 1795271400"
    fresh = perturb(evidence_of({"pages": [{"body": words}]}), "times", random.Random(5)).evidence
    found = str(fresh.context["pages"][0]["body"])
    day = fresh.asked_at.date()
    assert day != evidence_of({}).asked_at.date()
    assert found.startswith(
        f"{day:%Y-%m-%d}T14:30:00Z {day:%Y%m%d}T143000Z {day:%d %b %Y} {day:%d.%m.%Y} {day:%B %d, %Y}"
    )


def test_numbers_stay_within_what_was_seen() -> None:
    prices = [501, 720, 1100, 2500, 3300, 4800, 9900]
    fresh = perturb(evidence_of({"items": [{"cents": one} for one in prices]}), "numbers", random.Random(5)).evidence
    moved = [int(str(row["cents"])) for row in fresh.context["items"]]
    assert moved != prices
    assert all(501 <= one <= 9900 for one in moved)


def evidence_of(context: dict[str, list[dict[str, str]]] | dict[str, list[dict[str, int]]]) -> Evidence:
    return Evidence.model_validate(
        {"check": "c", "asked_at": "2026-11-21T15:00:00Z", "query": "select 1", "context": context}
    )


def texts(evidence: Evidence) -> list[str]:
    plain = json.loads(evidence.model_dump_json())
    return [str(value) for rows in (plain["rows"], *plain["context"].values()) for row in rows for value in row.values()
            if isinstance(value, str)]  # fmt: skip
