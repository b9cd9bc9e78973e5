"""The record of a verdict: it holds every input, its seed is secret, and what ships is what it says was judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.errors import ConfigError
from andon.judge.record import (
    Inputs,
    Origin,
    Record,
    Tape,
    differing_inputs,
    differing_proofs,
    fresh_seed,
    read_record,
    write_record,
)
from andon.models import Outcome, Patch, Proof, Verdict, VerdictOutcome
from andon.pullrequest import Asked, judge_change
from andon.sandboxes import open_sandbox
from andon.testing.repos import commit_edits, git

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHECK = """import sys
sys.path.insert(0, "src")
sys.dont_write_bytecode = True
from shop import total
assert total([]) == 0
"""
FIXED = "assert total([3, 4]) == 7\n"
SOURCE = "def total(prices):\n    return sum(prices[{}:])\n"
SEED = 0xC0FFEE1234


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository without pytest: its suite is a program, so a verdict takes a moment."""
    work = tmp_path_factory.mktemp("repos") / "shop"
    work.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    commit_edits(work, "Begin", {"src/shop.py": SOURCE.format(1), "tests/test_shop.py": CHECK}, push=False)
    git("checkout", "--quiet", "-b", "fix", cwd=work)
    commit_edits(work, "Count all", {"src/shop.py": SOURCE.format(""), "tests/test_shop.py": CHECK + FIXED}, push=False)
    return work


@pytest.fixture(scope="module")
def judged(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Verdict, Record, list[Proof]]:
    """A verdict on that repository with its record, and the proofs as they were told."""
    heard: list[Proof] = []
    tape = Tape(Origin(repository="shop"), at=NOON)
    ends = [git("rev-parse", name, cwd=repository).strip() for name in ("main", "fix")]
    asked = Asked(repository, ends[0], ends[1], test="python3 tests/test_shop.py")
    verdict = judge_change(
        asked, cache=tmp_path_factory.mktemp("cache"), sandbox=open_sandbox(), seed=SEED, tape=tape, heard=heard.append
    )
    assert tape.record is not None
    return verdict, tape.record, heard


def test_verdict_carries_the_hash_of_its_record(judged: tuple[Verdict, Record, list[Proof]]) -> None:
    verdict, record, heard = judged
    assert verdict.outcome is VerdictOutcome.NEEDS_EYES, verdict
    assert verdict.record == record.sha256
    assert record.verdict == verdict.model_copy(update={"record": ""})
    assert tuple(heard) == verdict.proofs


def test_record_holds_inputs_runs_and_seed(judged: tuple[Verdict, Record, list[Proof]], repository: Path) -> None:
    _, record, _ = judged
    assert record.secret == SEED
    assert record.patch.diff in git("diff", "--full-index", "--no-renames", "main", "fix", cwd=repository)
    assert record.inputs.base == git("rev-parse", "main", cwd=repository).strip()
    assert record.inputs.settings["test"] == "python3 tests/test_shop.py"
    assert set(record.inputs.probes) >= {"andon_events.py"}
    assert {run.diff for run in record.runs} >= {""}
    assert len({run.diff for run in record.runs}) > 2
    assert {code for run in record.runs if (code := run.code) is not None} == {0, 1}
    assert record.base_suite is not None
    assert record.base_suite.counts == {"passed": 1}


def test_record_survives_being_written(judged: tuple[Verdict, Record, list[Proof]]) -> None:
    _, record, _ = judged
    again = read_record(write_record(record))
    assert again == record
    assert again.sha256 == record.sha256
    assert write_record(record).isascii()


def test_any_change_of_a_record_changes_its_hash(judged: tuple[Verdict, Record, list[Proof]]) -> None:
    _, record, _ = judged
    value = record.model_dump(mode="json")
    for name, other in (("seed", "1"), ("made_at", "2026-01-01T00:00:00Z"), ("runs", [])):
        assert Record.model_validate({**value, name: other}).sha256 != record.sha256


def test_seeds_are_fresh_and_never_none() -> None:
    seeds = {fresh_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert 0 not in seeds


def test_verdicts_are_told_apart_proof_by_proof(judged: tuple[Verdict, Record, list[Proof]]) -> None:
    verdict, record, _ = judged
    assert differing_proofs(verdict, verdict) == ()
    slower = verdict.model_copy(update={"seconds": 99.0})
    assert differing_proofs(verdict, slower) == ()
    red = verdict.proofs[0].model_copy(update={"outcome": Outcome.FAILS, "saw": "now"})
    other = verdict.model_copy(update={"outcome": VerdictOutcome.REJECTED, "reason": "why", "proofs": (red,)})
    lines = differing_proofs(verdict, other)
    assert lines[0] == "the verdict was needs eyes, and is rejected: why"
    assert lines[1].startswith("scope: was holds (")
    assert any(line.endswith("is not heard") for line in lines)
    moved = record.inputs.model_copy(update={"packages": ("pytest-9",)})
    assert differing_inputs(record.inputs, moved) == ("packages",)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"form": 1}', '{"form": 99}', "nonsense", "[" * 100_000])
def test_what_is_no_record_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_record(text, "r.json")
    assert str(caught.value).startswith("r.json: is no ")
    assert "\n" not in str(caught.value)


@given(words=st.text(st.characters(exclude_categories=())), diff=st.text(st.characters(exclude_categories=())))
def test_any_text_survives_in_a_record(words: str, diff: str) -> None:
    patch = Patch(base="a" * 40, diff=diff, tests=(words,), summary=words)
    proof = Proof(name="scope", outcome=Outcome.HOLDS, saw=words, details=(diff,))
    verdict = Verdict(
        outcome=VerdictOutcome.PROVEN, patch=patch.fingerprint, base=patch.base, proofs=(proof,), seconds=1.0
    )
    inputs = Inputs(
        andon="0", judge=1, source="", probes={}, sandbox=words, base="", diff="", settings={words: diff}, packages=(),
        people=True, workers=1,
    )  # fmt: skip
    record = Record(
        made_at=NOON, origin=Origin(head=words), inputs=inputs, patch=patch, seed="ff", runs=(), verdict=verdict
    )
    text = write_record(record)
    assert read_record(text) == record
    assert read_record(json.dumps(json.loads(text))).sha256 == record.sha256
