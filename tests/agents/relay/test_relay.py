"""The relay against a real endpoint: what goes on, what is added, what is counted and charged, and what is refused."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

sys.path.insert(0, str(Path(__file__).parent))

from wire import KEY, PATHS, STREAM, Connection, ask, body, path, relay, upstream

from andon.agents.prices import Tariff
from andon.agents.relay import HOME, Relay, open_relay, upstream_of
from andon.agents.relay.carrying import MOST_REQUEST
from andon.agents.relay.reserving import most_cost
from andon.agents.relay.server import CONNECTIONS
from andon.agents.relay.usage import Meter
from andon.config import AgentSettings, BudgetSettings
from andon.errors import ConfigError, ExternalError
from andon.models import Spend
from andon.testing.endpoint import Asked, Call, Turn, endpoint
from andon.testing.waiting import wait_until
from andon.wallet import Wallet, wallet_with

FORMS = ["messages", "chat", "responses", "generate"]


def said(name: str, block: dict[str, Any]) -> dict[str, Any]:
    """The part of a request that holds a block."""
    return {name: [{"role": "user", "content": [block]}]}


def parts(one: dict[str, Any]) -> dict[str, Any]:
    """The part of a request to Google that holds a part."""
    return {"contents": [{"role": "user", "parts": [one]}]}


PICTURE_THERE = {"type": "image", "source": {"type": "url", "url": "https://e/?s"}}
HELLO = Turn("hello there", tokens=(1200, 34), cached=200)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_answer_comes_back_whole_and_what_it_cost_is_charged_once(form: str, stream: bool) -> None:
    wallet = wallet_with()
    with endpoint([HELLO], key=KEY) as told, relay(told, form, wallet) as running:
        got = ask(running, path(form, stream=stream), body(form, stream=stream))
        assert got.status == 200
        assert b"".join(got.body.split()).count(b"hello") >= (0 if stream else 1)
        assert running.estimated == 0
    assert wallet.spent.tokens == 1234
    usd = {"messages": 0.00357, "chat": 0.00309, "responses": 0.00309, "generate": 0.000391}
    assert wallet.spent.usd == pytest.approx(usd[form])


def test_answer_of_an_endpoint_is_not_changed_by_a_byte() -> None:
    with endpoint([HELLO, HELLO]) as told, relay(told) as running:
        through = ask(running, PATHS["messages"], body("messages", stream=True)).body
        port = int(told.url.rpartition(":")[2])
        direct = http.client.HTTPConnection("127.0.0.1", port)
        direct.request("POST", "/v1/messages", json.dumps(body("messages", stream=True, model="claude-sonnet-4-5")))
        assert through == direct.getresponse().read()
        direct.close()


@pytest.mark.parametrize("form", FORMS)
def test_key_is_added_outside_and_what_the_agent_gives_is_dropped(form: str) -> None:
    with endpoint([HELLO], key=KEY) as told, relay(told, form) as running:
        mine = {"x-api-key": "mine", "Authorization": "Bearer mine", "Cookie": "a=b", "X-Other": "1"}
        mine["x-goog-api-key"] = "mine"
        assert ask(running, PATHS[form], body(form), headers=mine).status == 200
        headers = told.asked[0].headers
    assert KEY in "".join(headers.get(name, "") for name in ("x-api-key", "x-goog-api-key", "authorization"))
    assert not {"cookie", "x-other"} & set(headers)
    assert "mine" not in str(headers)


def test_query_of_a_request_does_not_go_on() -> None:
    with endpoint([HELLO, HELLO]) as told, relay(told) as running:
        assert ask(running, "/v1/messages?to=http://elsewhere", body("messages")).status == 200
        assert ask(running, "/v1/messages?beta=true", body("messages")).status == 200
        assert [one.path for one in told.asked] == ["/v1/messages", "/v1/messages?beta=true"]


def test_key_in_googles_query_stays_here_and_the_model_of_the_path_is_the_configured_one() -> None:
    with endpoint([HELLO, HELLO]) as told, relay(told, "generate") as running:
        asked = body("generate", cached="x", service_tier="priority", generationConfig={"candidateCount": 8, "topK": 1})
        assert ask(running, f"{STREAM}&key=mine", asked).status == 200
        assert ask(running, f"{PATHS['generate']}?key=mine&%24alt=proto", body("generate")).status == 200
        stream, whole = told.asked
    assert stream.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert whole.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert stream.body == {**body("generate"), "generationConfig": {"topK": 1}}


def test_stream_of_google_that_nobody_can_count_does_not_go_on() -> None:
    with endpoint() as told, relay(told, "generate") as running:
        assert ask(running, STREAM.partition("?")[0], body("generate")).status == 404
        assert told.asked == []


def test_of_googles_tools_only_those_that_the_agent_runs_go_on() -> None:
    local = {"functionDeclarations": [{"name": "read"}]}
    tools = [{**local, "googleSearch": {}}, {"url_context": {}}, {"codeExecution": {}}, "x"]
    with endpoint([HELLO]) as told, relay(told, "generate") as running:
        assert ask(running, PATHS["generate"], body("generate", tools=tools)).status == 200
        assert told.asked[0].body["tools"] == [local]


def test_model_is_the_configured_one_whatever_the_agent_asks_for() -> None:
    with endpoint([HELLO]) as told, relay(told) as running:
        ask(running, PATHS["messages"], body("messages", model="claude-opus-4-1", service_tier="priority"))
        assert told.asked[0].body["model"] == "claude-sonnet-4-5"
        assert "service_tier" not in told.asked[0].body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages/batches"),
        ("GET", "/v1/files"),
        ("POST", "/v1/files"),
        ("GET", "/v1/organizations/users"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/../admin"),
        ("POST", "http://elsewhere/v1/messages"),
        ("GET", "/v1/models/../files"),
        ("POST", PATHS["generate"]),
    ],
)
def test_what_is_no_model_traffic_does_not_go_on(method: str, path: str) -> None:
    with endpoint() as told, relay(told) as running:
        got = ask(running, path, body("messages") if method == "POST" else None, method=method)
        assert got.status == 404
        assert told.asked == []


@pytest.mark.parametrize(
    ("form", "more"),
    [
        ("messages", {"mcp_servers": [{"type": "url", "url": "http://elsewhere"}]}),
        ("messages", {"container": "c1"}),
        ("responses", {"previous_response_id": "resp_of_another"}),
        ("chat", {"plugins": [{"id": "web"}]}),
        ("chat", {"search_parameters": {"mode": "on"}}),
        ("chat", {"web_search_options": {"search_context_size": "low"}}),
        ("responses", {"background": True}),
        ("messages", said("messages", {"type": "image", "source": {"type": "url", "url": "http://e/?s"}})),
        (
            "messages",
            said("messages", {"type": "tool_result", "content": [{"type": "document", "source": {"type": "url"}}]}),
        ),
        ("chat", said("messages", {"type": "image_url", "image_url": {"url": "https://e/?s"}})),
        ("responses", said("input", {"type": "input_image", "image_url": "https://e/?s"})),
        ("responses", said("input", {"type": "input_file", "file_url": "https://e/?s"})),
        ("messages", said("messages", {"type": "document", "source": {"type": "content", "content": [PICTURE_THERE]}})),
        ("messages", said("messages", {"type": "document", "source": {"type": "file", "file_id": "f"}})),
        ("messages", said("messages", {"type": "container_upload", "file_id": "f"})),
        ("chat", said("messages", {"type": "file", "file": {"file_id": "f"}})),
        ("chat", said("messages", {"type": "video_url", "video_url": {"url": "https://e/?s"}})),
        ("responses", {"input": [{"type": "item_reference", "id": "msg_of_another"}]}),
        ("generate", parts({"fileData": {"fileUri": "https://e/?s"}})),
        ("generate", parts({"file_data": {"file_uri": "https://e/?s"}})),
        ("generate", parts({"functionResponse": {"name": "x", "parts": [{"fileData": {"fileUri": "https://e/?s"}}]}})),
        ("generate", {"system_instruction": {"parts": [{"fileData": {}}]}}),
        ("generate", {"cachedContent": "cachedContents/another"}),
    ],
)
def test_request_that_would_have_the_provider_reach_out_does_not_go_on(form: str, more: dict[str, Any]) -> None:
    with endpoint() as told, relay(told, form) as running:
        assert ask(running, PATHS[form], body(form, **more)).status == 400
        assert told.asked == []


def test_tools_that_run_at_the_provider_are_taken_out_and_local_ones_stay() -> None:
    local = {"name": "read", "input_schema": {"type": "object"}}
    tools = [local, {"type": "web_fetch_20250910", "name": "web_fetch"}, {"type": "bash_20250124", "name": "bash"}]
    with endpoint([HELLO, HELLO]) as told, relay(told) as running:
        ask(running, PATHS["messages"], body("messages", tools=tools))
        assert told.asked[0].tools == ("read", "bash")
        ask(running, PATHS["messages"], body("messages", tools=tools[1:2], tool_choice={"type": "any"}))
        assert not {"tools", "tool_choice"} & set(told.asked[1].body)


def test_shell_of_the_providers_own_is_taken_out_and_one_of_the_agents_stays() -> None:
    there = [{"type": "shell", "environment": {"type": "container_auto"}}]
    with endpoint([HELLO]) as told, relay(told, "responses") as running:
        ask(running, PATHS["responses"], body("responses", tools=[*there, {"type": "local_shell"}]))
        assert told.asked[0].body["tools"] == [{"type": "local_shell"}]


def test_other_models_and_gateways_that_a_request_names_are_taken_out() -> None:
    more = {"models": ["dear"], "route": "fallback", "provider": {"order": ["dear"]}, "n": 8, "modalities": ["audio"]}
    with endpoint([HELLO]) as told, relay(told, "chat") as running:
        assert ask(running, PATHS["chat"], body("chat", **more)).status == 200
        assert not set(more) & set(told.asked[0].body)


def test_usage_of_a_stream_is_asked_for_whatever_the_agent_says() -> None:
    wallet = wallet_with()
    with endpoint([HELLO] * 2) as told, relay(told, "chat", wallet) as running:
        for options in ({"include_usage": False}, "nothing"):
            assert ask(running, PATHS["chat"], body("chat", stream=True, stream_options=options)).status == 200
        assert running.estimated == 0
    assert wallet.spent.tokens == 2 * 1234


def test_header_over_two_lines_goes_on_as_one() -> None:
    with endpoint([HELLO]) as told, relay(told) as running:
        beta = {"anthropic-beta": "one,\r\n X-Api-Key: mine"}
        assert ask(running, PATHS["messages"], body("messages"), headers=beta).status == 200
        assert told.asked[0].headers["anthropic-beta"] == "one, X-Api-Key: mine"
        assert told.asked[0].headers["x-api-key"] == KEY


def test_request_within_a_request_is_read_as_its_body_and_as_nothing_else() -> None:
    data = json.dumps(body("messages")).encode()
    inner = b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    head = (
        f"POST {PATHS['messages']} HTTP/1.1\r\nHost: elsewhere\r\nContent-Length: {len(data)}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with endpoint([HELLO]) as told, relay(told) as running:
        connection = Connection(running.socket)
        connection.connect()
        connection.sock.sendall(head.encode() + data + inner)
        connection.sock.shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: connection.sock.recv(65536), b""))
        connection.close()
        assert answers.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 404" in answers
        assert [one.path for one in told.asked] == ["/v1/messages"]
        assert told.asked[0].headers["host"] in told.url


def test_namespace_of_tools_goes_on_with_those_that_the_agent_runs() -> None:
    space = {"type": "namespace", "name": "mcp__andon", "description": "x"}
    brief = {"type": "function", "name": "brief", "parameters": {}}
    tools = [{**space, "tools": [brief, {"type": "web_search"}]}, {**space, "tools": [{"type": "mcp"}]}, space]
    with endpoint([HELLO]) as told, relay(told, "responses") as running:
        ask(running, PATHS["responses"], body("responses", tools=tools))
        assert told.asked[0].body["tools"] == [{**space, "tools": [brief]}]


def test_data_in_a_request_and_a_calls_own_arguments_go_on() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    call = {"type": "tool_use", "id": "1", "name": "x", "input": {"image_url": "http://e", "source": {"type": "url"}}}
    said = [{"role": "user", "content": [picture]}, {"role": "assistant", "content": [call]}]
    with endpoint([HELLO]) as told, relay(told) as running:
        assert ask(running, PATHS["messages"], body("messages", messages=said)).status == 200


@pytest.mark.parametrize("form", FORMS)
def test_empty_wallet_refuses_in_the_providers_own_form_and_nothing_goes_on(form: str) -> None:
    wallet = wallet_with(tokens=1000)
    with endpoint([HELLO] * 3) as told, relay(told, form, wallet) as running:
        assert ask(running, PATHS[form], body(form)).status == 200
        got = ask(running, PATHS[form], body(form))
        assert got.status == 402
        assert got.headers["x-should-retry"] == "false"
        assert "1,234 of 1,000 tokens" in got.json["error"]["message"]
        assert len(told.asked) == 1
        assert "wallet is empty" in running.refused


def at_once(running: Relay, form: str, asked: dict[str, Any], number: int) -> list[int]:
    """The statuses of so many requests that are made at the same time."""
    with ThreadPoolExecutor(number) as pool:
        return sorted(pool.map(lambda _: ask(running, PATHS[form], asked).status, range(number)))


def together(number: int, turn: Turn, seconds: float = 0.5) -> Callable[[Asked], Turn]:
    """Answers when so many requests have come, or no more come."""
    gate = threading.Barrier(number)

    def answer(_: Asked) -> Turn:
        with contextlib.suppress(threading.BrokenBarrierError):
            gate.wait(seconds)
        return turn

    return answer


def test_requests_at_once_cost_no_more_beyond_a_limit_than_one_of_them_can() -> None:
    wallet = wallet_with(tokens=10_000)
    most = most_cost(200, 100, Tariff("anthropic", "claude-sonnet-4-5"))
    assert most is not None
    with endpoint(together(8, Turn("x", tokens=(2100, 100)))) as told, relay(told, wallet=wallet) as running:
        statuses = at_once(running, "messages", body("messages"), 8)
        assert statuses.count(200) == len(told.asked) < 8
        assert set(statuses) == {200, 402}
        assert max(len(one.text) for one in told.asked) < 200
    assert 10_000 <= wallet.spent.tokens < 10_000 + most.tokens


def test_requests_at_once_go_on_together_while_there_is_enough() -> None:
    with endpoint(together(8, HELLO, 20.0)) as told, relay(told) as running:
        assert at_once(running, "messages", body("messages"), 8) == [200] * 8


@pytest.mark.parametrize(
    ("form", "more"),
    [
        ("chat", {"max_tokens": None}),
        ("chat", {"max_tokens": None, "max_output_tokens": 5}),
        ("chat", {"max_tokens": -1}),
        ("messages", {"max_tokens": "5"}),
        ("messages", {"max_tokens": True}),
        ("generate", {}),
        ("messages", said("messages", {"type": "document", "source": {"type": "base64", "data": "aGk="}})),
        ("generate", {**parts({"inlineData": {"data": "aGk="}}), "generationConfig": {"maxOutputTokens": 5}}),
    ],
)
def test_request_whose_cost_nobody_can_bound_goes_alone(form: str, more: dict[str, Any]) -> None:
    wallet = wallet_with(tokens=1000)
    with endpoint(together(4, HELLO)) as told, relay(told, form, wallet) as running:
        assert at_once(running, form, body(form, **more), 4) == [200, 402, 402, 402]
    assert wallet.spent.tokens == 1234


def test_request_that_waits_for_another_ends_with_the_session() -> None:
    with endpoint([Turn("late", held=threading.Event())] * 2) as told:
        with relay(told, "chat") as running, ThreadPoolExecutor(2) as pool:
            for _ in range(2):
                pool.submit(ask, running, PATHS["chat"], body("chat", max_tokens=None))
            wait_until(lambda: told.asked, seconds=10, what="the request")
            running.hang_up()
        assert len(told.asked) == 1


def test_session_makes_only_so_many_requests() -> None:
    with endpoint([HELLO] * 3) as told, relay(told, most=2) as running:
        assert [ask(running, PATHS["messages"], body("messages")).status for _ in range(3)] == [200, 200, 402]
        assert "`requests` in [agent]" in running.refused


def test_counting_tokens_and_listing_models_are_free() -> None:
    wallet = wallet_with()
    with endpoint([Turn(body=b'{"input_tokens": 5}')]) as told, relay(told, wallet=wallet) as running:
        assert ask(running, "/v1/messages/count_tokens", body("messages")).json == {"input_tokens": 5}
        assert ask(running, "/v1/models", method="GET").status == 200
    assert (wallet.spent.tokens, running.requests) == (0, 0)


def test_counting_googles_tokens_is_free() -> None:
    wallet = wallet_with()
    with endpoint([Turn(body=b'{"totalTokens": 5}')]) as told, relay(told, "generate", wallet) as running:
        more = {"generateContentRequest": {"contents": parts({"fileData": {}})}}
        assert ask(running, "/v1beta/models/x:countTokens", body("generate", **more)).json == {"totalTokens": 5}
        assert told.asked[0].body == body("generate")
        assert ask(running, "/v1beta/models", method="GET").status == 200
    assert (wallet.spent.tokens, running.requests) == (0, 0)


@pytest.mark.parametrize(("status", "retry_after"), [(429, 3.0), (529, None), (500, None)])
def test_refusal_of_the_provider_comes_back_as_it_is_and_costs_nothing(status: int, retry_after: float | None) -> None:
    wallet = wallet_with()
    with endpoint([Turn(status=status, retry_after=retry_after), HELLO]) as told, relay(told, wallet=wallet) as running:
        got = ask(running, PATHS["messages"], body("messages"))
        assert (got.status, got.headers.get("retry-after")) == (status, "3" if retry_after else None)
        assert f"status {status}" in running.trouble
        assert wallet.spent == Spend()
        assert ask(running, PATHS["messages"], body("messages")).status == 200
        assert running.trouble == ""
    assert wallet.spent.tokens == 1234


@pytest.mark.parametrize("form", FORMS)
def test_stream_that_breaks_is_broken_for_the_agent_too_and_what_came_is_charged(form: str) -> None:
    wallet = wallet_with()
    long = Turn("word " * 400, tokens=(1200, 500), breaks=True)
    with endpoint([long]) as told, relay(told, form, wallet) as running:
        with pytest.raises(http.client.IncompleteRead):
            ask(running, path(form, stream=True), body(form, stream=True))
        wait_until(lambda: wallet.spent.tokens, seconds=10, what="the charge")
        assert "broke off" in running.trouble
        assert running.estimated == 1
    assert wallet.spent.tokens > 100


def test_provider_that_tells_no_usage_is_charged_by_size() -> None:
    wallet = wallet_with()
    with endpoint([Turn("word " * 400, billed=False)]) as told, relay(told, "chat", wallet) as running:
        ask(running, PATHS["chat"], body("chat", stream=True))
        assert running.estimated == 1
    assert 400 < wallet.spent.tokens < 800


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[1]", b'{"usage": "none"}', b'{"usage": {"input_tokens": "x"}}', b"[" * 100_000]
)
def test_answer_that_cannot_be_read_is_passed_on_and_charged_by_size(answer: bytes) -> None:
    wallet = wallet_with()
    with endpoint([Turn(body=answer)]) as told, relay(told, wallet=wallet) as running:
        assert ask(running, PATHS["messages"], body("messages")).body == answer
        assert running.estimated == 1
    assert wallet.spent.tokens > 0


@pytest.mark.parametrize("answer", [b'{"usage": {"input_tokens": 1e999, "output_tokens": NaN}}', b'{"usage": {}}'])
def test_usage_that_is_no_number_is_charged_all_the_same(answer: bytes) -> None:
    wallet = wallet_with()
    with endpoint([Turn(body=answer)]) as told, relay(told, wallet=wallet) as running:
        assert ask(running, PATHS["messages"], body("messages")).status == 200
    assert wallet.spent.tokens > 0


def test_answer_that_comes_compressed_is_charged_by_its_size() -> None:
    wallet = wallet_with()
    with endpoint([Turn(body=b"\x1f\x8b" + bytes(range(256)) * 40)]) as told, relay(told, wallet=wallet) as running:
        assert ask(running, PATHS["messages"], body("messages")).status == 200
        assert told.asked[0].headers["accept-encoding"] == "identity"
    assert wallet.spent.tokens > 2500


def test_request_of_too_many_parts_is_not_even_read() -> None:
    with endpoint() as told, relay(told) as running:
        assert ask(running, PATHS["messages"], b'{"messages": [' + b"{}," * 1_000_000 + b"{}]}").status == 413
        assert told.asked == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe", b'"x"'])
def test_request_that_cannot_be_read_does_not_go_on(data: bytes) -> None:
    with endpoint() as told, relay(told) as running:
        assert ask(running, PATHS["messages"], data).status == 400
        assert told.asked == []


def test_request_that_is_too_large_or_tells_no_length_does_not_go_on() -> None:
    with endpoint() as told, relay(told) as running:
        assert ask(running, PATHS["messages"], b"", headers={"Content-Length": str(MOST_REQUEST + 1)}).status == 413
        assert ask(running, PATHS["messages"], headers={"Transfer-Encoding": "chunked"}).status == 411
        assert ask(running, PATHS["messages"], b"", headers={"Content-Length": "9" * 5000}).status == 411
        assert told.asked == []


def test_big_request_and_big_answer_go_through_whole() -> None:
    wallet = wallet_with(tokens=10**9)
    text = "x" * 3_000_000
    with endpoint([Turn(text)]) as told, relay(told, wallet=wallet) as running:
        asked = body("messages", messages=[{"role": "user", "content": text}])
        assert ask(running, PATHS["messages"], asked).json["content"][0]["text"] == text
        assert told.asked[0].body["messages"][0]["content"] == text


def test_upstream_that_is_down_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    wallet = wallet_with()
    with relay(f"http://127.0.0.1:{port}", wallet=wallet) as running:
        got = ask(running, PATHS["messages"], body("messages"))
        assert got.status == 502
        assert f"http://127.0.0.1:{port}/v1 cannot be reached" in got.json["error"]["message"]
        assert running.trouble == got.json["error"]["message"]
        assert not running.permanent
    assert wallet.spent == Spend()


def test_key_that_is_not_let_in_is_told_and_is_no_matter_of_trying_again() -> None:
    with endpoint(key="another") as told, relay(told) as running:
        assert ask(running, PATHS["messages"], body("messages")).status == 401
        assert "does not let the key in" in running.trouble
        assert running.permanent


def test_key_that_a_provider_repeats_in_its_error_does_not_come_back() -> None:
    words = json.dumps({"error": {"message": f"no such model for {KEY}"}}).encode()
    with endpoint([Turn(status=404, body=words)]) as told, relay(told) as running:
        got = ask(running, PATHS["messages"], body("messages"))
        assert (got.status, got.json["error"]["message"]) == (404, "no such model for (the key)")


def test_upstream_that_sends_elsewhere_is_not_followed() -> None:
    with endpoint([Turn(status=307, body=b"")]) as told, relay(told) as running:
        got = ask(running, PATHS["messages"], body("messages"))
        assert got.status == 502
        assert "sends elsewhere" in running.trouble


def test_slow_upstream_ends_with_the_session_and_holds_nobody() -> None:
    never = threading.Event()
    with endpoint([Turn("late", held=never)]) as told:
        with relay(told) as running:
            connection = Connection(running.socket)
            data = json.dumps(body("messages")).encode()
            connection.request("POST", PATHS["messages"], data, {"Content-Type": "application/json"})
            wait_until(lambda: told.asked, seconds=10, what="the request")
        assert not running.socket.exists()
        connection.close()


@pytest.mark.parametrize("form", FORMS)
def test_agent_that_hangs_up_before_the_answer_pays_it_to_the_end(form: str) -> None:
    wallet, held = wallet_with(), threading.Event()
    with endpoint([HELLO._replace(held=held)]) as told, relay(told, form, wallet) as running:
        connection = Connection(running.socket)
        connection.request("POST", path(form, stream=True), json.dumps(body(form, stream=True)).encode())
        wait_until(lambda: told.asked, seconds=10, what="the request")
        connection.close()
        held.set()
        wait_until(lambda: wallet.spent.tokens, seconds=10, what="the charge")
        assert running.estimated == 0
    assert wallet.spent.tokens == 1234


def test_agent_that_hangs_up_has_paid_what_came() -> None:
    wallet = wallet_with()
    with endpoint([Turn("x" * 5_000_000, tokens=(10, 9))]) as told, relay(told, wallet=wallet) as running:
        connection = Connection(running.socket)
        connection.request("POST", PATHS["messages"], json.dumps(body("messages", stream=True)).encode())
        connection.getresponse().read(10)
        connection.close()
        wait_until(lambda: wallet.spent.tokens, seconds=10, what="the charge")
        assert running.trouble == ""


def test_more_connections_than_there_is_room_for_are_turned_away_and_the_next_is_served() -> None:
    with endpoint([HELLO]) as told, relay(told) as running:
        held = [Connection(running.socket) for _ in range(CONNECTIONS)]
        for connection in held:
            connection.request("GET", "/v1/models")
            connection.getresponse().read()
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(running, PATHS["messages"], body("messages"))
        for connection in held:
            connection.close()
        wait_until(lambda: _served(running), seconds=10, what="room")


def _served(running: Any) -> bool:
    try:
        return ask(running, "/v1/models", method="GET").status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_cost_that_cannot_be_kept_ends_the_session() -> None:
    def broken(_: int, __: Spend) -> None:
        raise ExternalError("the disk is full")

    with endpoint([HELLO] * 2) as told, open_relay(upstream(told), Wallet(lambda: (), broken), requests=9) as running:
        assert ask(running, PATHS["messages"], body("messages")).status == 200
        assert ask(running, PATHS["messages"], body("messages")).status == 402
        assert "the disk is full" in running.refused


def test_calls_of_tools_are_counted_where_no_usage_is_told() -> None:
    meter = Meter(stream=False, asked=400)
    call = {"function": {"name": "f", "arguments": "x" * 400}}
    meter.feed(json.dumps({"choices": [{"message": {"tool_calls": [call]}}]}).encode())
    assert meter.total()[:2] == (100, 100)


def test_googles_last_word_counts_with_thoughts_and_what_its_tools_read() -> None:
    last = {"promptTokenCount": 100, "toolUsePromptTokenCount": 20, "candidatesTokenCount": 7, "thoughtsTokenCount": 30}
    last["cachedContentTokenCount"] = 60
    meter = Meter(stream=True, asked=400)
    for usage, ended in (({"promptTokenCount": 90, "candidatesTokenCount": 3}, {}), (last, {"finishReason": "STOP"})):
        meter.feed(b"data: " + json.dumps({"candidates": [ended], "usageMetadata": usage}).encode() + b"\n\n")
    assert meter.total() == (120, 37, 60, 0, False)


def test_what_google_says_only_in_the_total_counts_as_written() -> None:
    meter = Meter(stream=False, asked=400)
    meter.feed(b'{"usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 7, "totalTokenCount": 150}}')
    assert meter.total() == (100, 50, 0, 0, False)


# --- settings -------------------------------------------------------------------------------------------------------


def test_known_model_at_its_own_address_needs_no_limit_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k")
    found = upstream_of(AgentSettings(model="anthropic:claude-sonnet-4-5", key="env:A_KEY"), BudgetSettings())
    assert (found.url, found.key, found.tariff.known) == ("https://api.anthropic.com/v1", "k", True)


def test_model_whose_price_nobody_knows_is_refused_without_a_limit_of_tokens() -> None:
    settings = AgentSettings(model="openai:llama-at-home", url="http://127.0.0.1:8000/v1")
    with pytest.raises(ConfigError, match="tokens_per_ticket"):
        upstream_of(settings, BudgetSettings())
    assert not upstream_of(settings, BudgetSettings(tokens_per_ticket=100_000)).tariff.known


def test_google_is_priced_at_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k")
    found = upstream_of(AgentSettings(kind=("acp",), model="gemini:gemini-2.5-pro", key="env:A_KEY"), BudgetSettings())
    assert (found.url, found.headers()) == (HOME["gemini"], {"x-goog-api-key": "k"})
    assert found.tariff.known


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://127.0.0.1:8000/v1beta"])
def test_googles_address_is_taken_with_its_version_and_without(url: str) -> None:
    found = upstream_of(AgentSettings(model="gemini:g", url=url), BudgetSettings(tokens_per_ticket=9))
    assert found.url == "http://127.0.0.1:8000/v1beta"


def test_built_in_agent_is_told_how_google_is_asked_otherwise() -> None:
    with pytest.raises(ValidationError, match=r"write `openai:NAME` and url = .*/v1beta/openai"):
        AgentSettings(kind=("search", "model"), model="gemini:gemini-2.5-pro")
    assert Tariff("openai", "gemini-2.5-pro", f"{HOME['gemini']}/openai").known


def test_providers_own_address_needs_a_key() -> None:
    with pytest.raises(ConfigError, match="env:NAME"):
        upstream_of(AgentSettings(model="openai:gpt-4o"), BudgetSettings())


def test_call_double_sends_what_it_was_told() -> None:
    assert Call("f", {"a": 1}).text == '{"a": 1}'
    assert Call("f", raw='{"a').text == '{"a'
