"""When an agent goes in circles, and that one who gets ahead never does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from andon.agents.stuck import BACK, IDLE, IDLE_LEAST, IDLE_SHARE, ROUNDS, SAME, Action, Watch, stuck

WORDS = st.text("abc", min_size=1, max_size=3)
ACTIONS = st.lists(st.builds(Action, what=WORDS, answer=WORDS), max_size=30)


def fresh(number: int) -> Action:
    """An action that finds something new."""
    return Action(f"look {number}", f"saw {number}", facts=number)


@given(st.integers(0, 200))
def test_agent_that_always_finds_something_new_is_never_stuck(count: int) -> None:
    assert stuck([fresh(number) for number in range(count)]) == ""


@given(ACTIONS, WORDS, WORDS)
def test_same_action_with_the_same_answer_is_a_circle_whatever_was_before(
    before: list[Action], what: str, answer: str
) -> None:
    assert "the same" in stuck([*before, *[Action(what, answer)] * SAME])


@given(st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=4, unique=True), ACTIONS)
def test_same_few_actions_in_rounds_are_a_circle(few: list[tuple[str, str]], before: list[Action]) -> None:
    assert stuck([*before, *[Action(*one) for _ in range(ROUNDS) for one in few]])


@given(st.integers(1, 100))
def test_same_action_with_other_answers_is_no_circle(count: int) -> None:
    actions = [Action("run_tests", f"{number} failed", verdict=str(number)) for number in range(count)]
    assert stuck(actions) == ""


def test_how_long_something_took_makes_no_other_answer() -> None:
    assert stuck([Action("pytest", f"3 failed in {number}.2s") for number in range(SAME)])


@given(st.text("xyz", min_size=1), st.text("uvw", min_size=1), st.integers(0, 5))
def test_file_changed_to_and_fro_is_a_circle(one: str, other: str, between: int) -> None:
    actions: list[Action] = []
    for number in range(BACK):
        for text in (one, other):
            actions.append(Action(f"edit {number}{text}", "ok", facts=len(actions), edited=("a.py", text)))
            actions += [fresh(len(actions) + more) for more in range(between)]
    assert "a.py was changed to and fro" in stuck(actions[: len(actions) - between])


@given(st.lists(st.text("xyz", max_size=4), max_size=40, unique=True))
def test_file_that_never_has_a_text_again_is_no_circle(texts: list[str]) -> None:
    actions = [Action(f"edit {number}", "ok", edited=("a.py", text)) for number, text in enumerate(texts)]
    assert stuck(actions) == ""


def test_same_text_written_again_and_again_is_no_to_and_fro() -> None:
    actions = [Action(f"edit {number}", "ok", edited=("a.py", "x")) for number in range(10)]
    assert stuck(actions) == ""


@given(st.integers(0, IDLE + 20))
def test_many_actions_without_anything_new_are_a_circle(count: int) -> None:
    actions = [fresh(1), *[Action(f"look {number}", "nothing", facts=1) for number in range(count)]]
    assert bool(stuck(actions)) == (count >= IDLE)


@given(st.floats(0, 1, allow_nan=False), st.integers(1, 20))
def test_cost_that_brings_nothing_new_is_a_circle(share: float, count: int) -> None:
    actions = [Action(f"think {number}", "long", facts=1, spent=share) for number in range(count)]
    assert bool(stuck([fresh(1), *actions])) == (share >= IDLE_SHARE and count >= IDLE_LEAST)


def test_cost_that_brings_another_verdict_is_none() -> None:
    spent = [number / 10 for number in range(11)]
    assert stuck([Action(f"try {part}", "red", verdict=str(part), spent=part) for part in spent]) == ""


@given(ACTIONS)
def test_watch_says_it_once_and_for_all(actions: list[Action]) -> None:
    watch = Watch()
    said = [watch.act(action) for action in actions]
    first = next((number for number, words in enumerate(said) if words), len(said))
    assert all(words == "" for words in said[:first])
    assert len(set(said[first:])) <= 1
    assert said == [watch.why if number >= first else "" for number in range(len(said))]
    assert watch.why == (stuck(watch.actions) if watch.why else "")
