"""A real agent from a registry diagnoses and mends a fault of a real pipeline, in the sandbox and over the relay.

Everything is what it is for a user but the model, which is scripted and speaks the provider's wire format.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real import Deed, Mind, edit, opencode, read, write

from andon import steps
from andon.app import App
from andon.config import load
from andon.demo import read_fault, world
from andon.models import Status
from andon.testing.endpoint import Call, Endpoint, endpoint

KEY = "the-providers-own-key"
FAULT = "unit-mixup"
ETL = "src/imagefeed/etl.py"
OLD = '    return to_minor_units(listing["price_text"])\n'
MINOR = '    if listing["price_unit"] == "minor":\n        return int(listing["price_text"])\n'
TEST = '''"""A shop that counts in minor units is taken at its word."""

from __future__ import annotations

from imagefeed.etl import price_minor


def test_price_in_minor_units_is_taken_at_its_word() -> None:
    assert price_minor({"price_unit": "minor", "price_text": "1250"}) == 1250


def test_price_in_whole_units_becomes_minor_units() -> None:
    assert price_minor({"price_unit": "major", "price_text": "12.50"}) == 1250
'''
AGENT = """
[agent]
kind = "acp"
preset = "opencode"
command = {command!r}
model = "openai:scripted"
url = "{url}/v1"
key = "env:PROVIDER_KEY"
minutes = 5
"""


def diagnosis(rows: int, start: int) -> list[Deed]:
    """Returns what the model does in a diagnosis; `start` is the first line of the faulty function."""
    lines = {"kind": "lines", "path": "src/imagefeed/etl.py", "start": start, "end": start + 2}
    whys: list[dict[str, Any]] = [
        {
            "question": "Why is price-in-range red?",
            "answer": "Prices of one shop are a hundred times too high.",
            "facts": [{"kind": "rows", "count": rows}],
        },
        {
            "question": "Why are they?",
            "answer": "price_minor in src/imagefeed/etl.py multiplies prices that are in minor units already.",
            "facts": [lines],
        },
    ]
    cause = "price_minor multiplies prices that are in minor units already"
    return [
        Call("andon_brief"),
        Call("bash", {"command": "touch src/imagefeed/mine || echo refused; env", "description": "Looks around"}),
        read(ETL),
        Call("andon_submit_diagnosis", {"whys": whys, "root_cause": cause, "lane": "code bug"}),
    ]


FIX: tuple[Deed, ...] = (
    Call("andon_brief"),
    read(ETL),
    edit(ETL, OLD, MINOR + OLD),
    write("tests/test_minor_prices.py", TEST),
    Call("andon_run_tests", {"tests": ["tests/test_minor_prices.py"]}),
    Call("andon_replay", {"with_changes": True}),
    Call("andon_submit_patch", {"summary": "Take a price in minor units at its word."}),
)


@pytest.fixture
def red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[App, int, Mind, Endpoint]]:
    """Gives a running pipeline with a fault and its ticket, open, with the agent configured."""
    mind = Mind(fix=FIX)
    with world(tmp_path, read_fault(FAULT), say=lambda _: None) as made, endpoint(mind, key=KEY) as model:
        for name, value in {**made.environ, "PROVIDER_KEY": KEY}.items():
            monkeypatch.setenv(name, value)
        file = tmp_path / "andon.toml"
        told = AGENT.format(command=shlex.join([opencode(), "acp"]), url=model.url)
        file.write_text(file.read_text() + told)
        with App(load(file)) as app:
            steps.ask_due(app, "imagefeed")
            tickets = [app.store.get_ticket(number) for number in steps.detect(app, "imagefeed")]
            ticket = next(one.id for one in tickets if one.check == made.fault.check)
            steps.record_evidence(app, ticket)
            steps.write_brief(app, ticket)
            yield app, ticket, mind, model


@pytest.mark.slow
def test_real_agent_diagnoses_and_mends_a_fault_of_the_pipeline(red: tuple[App, int, Mind, Endpoint]) -> None:
    app, ticket, mind, model = red
    with app.workspace("imagefeed") as tree:
        source = (tree.root / "src/imagefeed/etl.py").read_text().splitlines()
    start = source.index("def price_minor(listing: Row) -> int:") + 1
    mind.diagnosis = diagnosis(len(app.store.get_evidence(ticket).rows), start)

    assert steps.diagnose(app, ticket) == "code bug"
    steps.move(app, ticket, Status.OPEN, Status.DIAGNOSED, "as found")
    number = steps.begin_attempt(app, ticket)
    assert steps.write_patch(app, ticket, number)

    attempt = app.store.get_attempt(ticket, number)
    assert attempt.agent == "opencode"
    assert attempt.patch is not None
    assert attempt.patch.tests == ("tests/test_minor_prices.py",)
    assert f"+{MINOR.splitlines()[0]}" in attempt.patch.diff
    check, evidence = app.check("imagefeed", "price-in-range"), app.store.get_evidence(ticket)
    with app.workspace("imagefeed") as tree, app.workspace("imagefeed", diff=attempt.patch.diff) as mended:
        assert tree.replay(check, evidence).red
        assert mended.replay(check, evidence).green

    lines = app.store.list_lines(ticket)
    text = "\n".join(line.text for line in lines)
    assert "completed: refused" in text or "\nrefused" in text  # the tree was read-only before the diagnosis
    assert KEY not in text
    assert {line.kind for line in lines} >= {"prompt", "permission", "tool", "answer"}
    assert app.store.spent(ticket).tokens > 1000 * len([asked for asked in model.asked if asked.tools]) > 0
    assert all(asked.headers["authorization"] == f"Bearer {KEY}" for asked in model.asked)
