"""Finds the tests that a person's changed test material makes red without the fix; it decides nothing about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from andon.judge.wholesuite import whole_suite

if TYPE_CHECKING:
    from andon.judge.hearing import Hearing
    from andon.models import TestRun


def turned_by_material(hearing: Hearing) -> tuple[str, ...]:
    """Returns the tests (functions) of the whole suite that fail on the base with the new material and pass on head."""

    def run(diff: str) -> TestRun:
        with hearing.at(diff) as tree:
            return whole_suite(tree, hearing.settings)

    hearing.progress("looks for the tests that read what changed beside them")
    base, head = hearing.side_by_side(lambda: run(hearing.test_diff), lambda: run(hearing.judged_diff))
    red_before, red_now = ({event.id.split("[")[0] for event in one.failed} for one in (base, head))
    passed = {event.id.split("[")[0] for event in head.events if event.outcome == "passed"}
    return tuple(sorted(passed & red_before - red_now))
