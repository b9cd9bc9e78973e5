"""The built-in agent over both clients: it goes on or stops with a clear reason, and nothing is billed twice."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime

import pytest
from talks import BRIEF, FOUND, KEY, WIRES, Stand, diagnosis

from andon.errors import AgentError
from andon.models import Lane
from andon.testing.endpoint import Asked, Call, Turn
from andon.wallet import wallet_with

SOON = 0.01
"""Seconds after which the endpoint wants to be asked again."""


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_diagnosis_is_found_and_each_request_is_billed_once(stand: Stand, wire: str) -> None:
    with stand.model([BRIEF, FOUND], wire) as (agent, case, told):
        found, spend = agent.diagnose(case)
    assert (found.lane, found.agent, found.refused) == (Lane.CODE_BUG, "model", ())
    assert len(told.asked) == told.billed == 2
    assert spend.tokens == case.wallet.spent.tokens == 220
    assert told.asked[0].body["stream"] is True
    assert "Ticket 1" in told.asked[1].results[0]
    assert stand.said("says") == ["I look.", "I know."]


def test_endpoint_never_sees_more_than_the_key_andon_adds(stand: Stand, wire: str) -> None:
    with stand.model([FOUND], wire) as (agent, case, told):
        agent.diagnose(case)
    assert KEY in told.asked[0].headers.get("x-api-key", "") + told.asked[0].headers.get("authorization", "")
    assert KEY not in told.asked[0].text


def test_rate_limit_is_waited_out_and_not_billed(stand: Stand, wire: str) -> None:
    with stand.model([Turn(status=429, retry_after=SOON), FOUND], wire) as (agent, case, told):
        found, spend = agent.diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert (len(told.asked), spend.tokens) == (2, 110)


def test_overload_is_asked_again_and_not_billed(stand: Stand, wire: str) -> None:
    with stand.model([Turn(status=529, retry_after=SOON), FOUND], wire) as (agent, case, told):
        found, spend = agent.diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert (len(told.asked), spend.tokens) == (2, 110)


def test_stream_that_breaks_is_asked_again_and_billed_as_far_as_it_came(stand: Stand, wire: str) -> None:
    broken = Turn("word " * 200, breaks=True, tokens=(100, 300))
    with stand.model([broken, FOUND], wire) as (agent, case, told):
        found, spend = agent.diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert len(told.asked) == 2
    assert spend.tokens > 200
    assert any("broke off" in text for text in stand.said("trouble"))


def test_streams_that_always_break_end_with_what_is_wrong(stand: Stand, wire: str) -> None:
    with (
        stand.model([Turn("word " * 50, breaks=True)] * 9, wire) as (agent, case, told),
        pytest.raises(AgentError, match="broke off") as error,
    ):
        agent.diagnose(case)
    assert not error.value.permanent
    assert len(told.asked) == 3


def test_refusal_ends_with_the_models_own_words(stand: Stand, wire: str) -> None:
    with stand.model([Turn("I would rather not.", refusal=True)], wire) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert found.lane is Lane.UNKNOWN
    assert "the model declines" in found.root_cause
    assert len(told.asked) == 1


def test_malformed_call_goes_back_and_the_next_one_is_taken(stand: Stand, wire: str) -> None:
    malformed = Turn(calls=(Call("submit_diagnosis", raw='{"whys": ['),))
    with stand.model([malformed, FOUND], wire) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert "no JSON object" in told.asked[1].results[0]


def test_calls_that_are_always_malformed_end_the_session(stand: Stand, wire: str) -> None:
    with stand.model([Turn(calls=(Call("brief", raw="[1"),))] * 20, wire) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert "cannot be read" in found.root_cause
    assert len(told.asked) == 6


def test_unknown_tool_and_wrong_arguments_come_back_with_what_to_mend(stand: Stand, wire: str) -> None:
    wrong = Turn(calls=(Call("delete_everything"), Call("evidence", {"page": "many"}), Call("read", {"line": 1})))
    with stand.model([wrong, FOUND], wire) as (agent, case, told):
        agent.diagnose(case)
    unknown, typed, own = told.asked[1].results
    assert "there is no tool" in unknown
    assert "page" in typed
    assert "path" in own


def test_refused_diagnosis_goes_back_with_the_reason_and_is_mended(stand: Stand, wire: str) -> None:
    with stand.model([Turn(calls=(diagnosis(lane="outage"),)), FOUND], wire) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert found.lane is Lane.CODE_BUG
    assert "not accepted" in told.asked[1].results[0]


def test_model_that_only_talks_is_told_to_go_on_and_then_left(stand: Stand, wire: str) -> None:
    with stand.model([Turn("Hm.")] * 9, wire) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert len(told.asked) == 3
    assert "ended its turn 3 times" in found.root_cause
    assert "submit_diagnosis" in told.asked[1].text


def test_model_that_goes_in_circles_with_its_own_tools_is_stopped(stand: Stand, wire: str) -> None:
    with stand.model([Turn(calls=(Call("shell", {"command": "true"}),))] * 30, wire) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert "in circles" in found.root_cause
    assert len(told.asked) == 5


def test_wallet_that_gets_low_is_told_and_an_empty_one_ends_the_session(stand: Stand, wire: str) -> None:
    wallet = wallet_with(tokens=1000)
    script = [Turn(calls=(Call("query", {"sql": f"select {number} as n"}),), tokens=(400, 20)) for number in range(9)]
    with stand.model(script, wire, wallet=wallet) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert len(told.asked) == 3
    assert "840 of 1,000 tokens" in told.asked[2].text
    assert "the wallet is empty" in found.root_cause


def test_requests_are_bounded_and_the_model_is_told_before(stand: Stand, wire: str) -> None:
    script = [Turn(calls=(Call("schema", {"table": f"t{number}"}),)) for number in range(9)]
    with stand.model(script, wire, requests=5) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert len(told.asked) == 5
    assert "4 of 5 requests" in told.asked[4].text
    assert "`requests` in [agent]" in found.root_cause


def test_endpoint_that_never_answers_ends_with_the_sessions_time(stand: Stand, wire: str) -> None:
    with stand.model([Turn(held=threading.Event())], wire, minutes=0.05) as (agent, case, _):
        found, _ = agent.diagnose(case)
    assert "time of the session is used up" in found.root_cause


def test_ticket_without_time_costs_nothing(stand: Stand) -> None:
    with stand.model([FOUND]) as (agent, case, told):
        found, spend = agent.diagnose(case._replace(deadline=datetime.now(UTC)))
    assert (told.asked, spend.tokens, found.lane) == ([], 0, Lane.UNKNOWN)


def test_endpoint_that_is_down_is_an_error_that_names_it_and_no_diagnosis(stand: Stand, wire: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with stand.model([], wire) as (agent, case, _):
        agent.upstream = agent.upstream._replace(url=f"http://127.0.0.1:{port}/v1")
        with pytest.raises(AgentError, match=f"127.0.0.1:{port}/v1 cannot be reached") as error:
            agent.diagnose(case)
    assert not error.value.permanent


def test_key_that_is_not_let_in_is_an_error_for_good(stand: Stand, wire: str) -> None:
    with (
        stand.model([], wire, key="another") as (agent, case, _),
        pytest.raises(AgentError, match="does not let the key in") as error,
    ):
        agent.diagnose(case)
    assert error.value.permanent


def test_request_that_the_endpoint_refuses_is_an_error_for_good_with_its_words(stand: Stand, wire: str) -> None:
    with (
        stand.model([Turn(status=400)], wire) as (agent, case, _),
        pytest.raises(AgentError, match="as scripted") as error,
    ):
        agent.diagnose(case)
    assert error.value.permanent


def test_long_answers_leave_the_conversation_and_can_be_asked_for_again(stand: Stand, wire: str) -> None:
    lines = [Turn(calls=(Call("shell", {"command": f"seq {n} {n + 2000}"}),)) for n in range(10_000, 10_012)]
    again = Turn(calls=(Call("again", {"number": 1}),))
    with stand.model([*lines, again, FOUND], wire, context_tokens=20_000) as (agent, case, told):
        found, _ = agent.diagnose(case)
    assert found.lane is Lane.CODE_BUG
    sizes = [len(one.text) for one in told.asked]
    assert max(sizes) < 20_000 * 4 + 40_000
    left_out = told.asked[12].results
    assert "`again` with number 1" in left_out[0]
    assert "left out" not in left_out[-1]
    assert "10042" in told.asked[13].results[-1]


def test_later_agent_is_told_what_the_earlier_one_refuted(stand: Stand) -> None:
    with stand.model([Turn("I do not know.")] * 3) as (agent, case, _):
        first, _ = agent.diagnose(case)
    first = first.model_copy(update={"refused": ("code bug: the replay is green",), "agent": "search"})

    def answer(asked: Asked) -> Turn:
        return FOUND if asked.results else BRIEF

    with stand.model(answer) as (agent, case, told):
        agent.diagnose(case._replace(before=(first,)))
    brief = told.asked[1].results[0]
    assert "What was tried before" in brief
    assert "did not hold: code bug: the replay is green" in brief
