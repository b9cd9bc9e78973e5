"""A conversation over the Agent Client Protocol: what is answered, what is kept, and how a bad agent ends."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rooms import Room

from andon.agents.acp.client import MOST_CALLS, Client, Ears
from andon.agents.acp.wire import MOST_PARTS, parsed
from andon.agents.tools import Phase
from andon.errors import AgentError
from andon.testing.acp import Step


def test_agent_introduces_itself_and_what_it_says_is_kept(room: Room) -> None:
    heard = room.talk([{"think": "hm"}, {"say": "I "}, {"say": "see"}, {"plan": "look\nmend"}])
    assert heard.answered[0] == ("scripted", "1")
    assert heard.lines == [
        ("prompt", "begin"),
        ("thinks", "hm"),
        ("says", "I see"),
        ("plan", "[pending] look\n[pending] mend"),
    ]
    assert heard.ended == ["end_turn"]


def test_tool_calls_are_kept_and_counted_as_actions(room: Room) -> None:
    heard = room.talk([{"call": {"title": "grep", "given": {"pattern": "x"}, "came": "nothing found"}}])
    assert ("tool", 'grep {"pattern": "x"}\ncompleted: nothing found') in heard.lines
    assert heard.acts == [('grep {"pattern": "x"}', "completed nothing found", None)]


def test_next_turn_is_asked_for_in_the_same_session(room: Room) -> None:
    heard = room.talk([{"say": "one"}], [{"say": "two"}, {"stop": "refusal"}])
    assert heard.said("prompt") == "begin\nand turn 2"
    assert heard.ended == ["end_turn", "refusal"]


def test_cost_and_tokens_that_an_agent_counts_are_passed_on(room: Room) -> None:
    heard = room.talk([{"cost": {"usd": 0.25}}, {"cost": {"usd": 9, "currency": "EUR"}}, {"tokens": 1200}])
    assert heard.used == [(0, 0.25), (0, 0.0), (1200, 0.0)]


RULES: dict[Phase, dict[str, str]] = {
    Phase.DIAGNOSE: {
        **dict.fromkeys(("read", "search", "execute", "think", "other"), "allow_once"),
        **dict.fromkeys(("edit", "delete", "move", "fetch", "switch_mode"), "reject_once"),
    },
    Phase.FIX: {
        **dict.fromkeys(("read", "search", "execute", "think", "other", "edit", "delete", "move"), "allow_once"),
        **dict.fromkeys(("fetch", "switch_mode"), "reject_once"),
    },
}


@pytest.mark.parametrize("phase", list(RULES))
def test_permission_is_answered_from_the_rules_of_the_phase(room: Room, phase: Phase) -> None:
    heard = room.talk([{"ask": {"kind": kind}} for kind in RULES[phase]], phase=phase)
    assert heard.said().split() == [word for answer in RULES[phase].values() for word in ("ask:", answer)]
    assert heard.said("permission").count("refused") == list(RULES[phase].values()).count("reject_once")


def test_file_is_written_over_the_protocol_in_a_fix(room: Room) -> None:
    heard = room.talk(
        [{"write": {"path": "new/deep/file.py", "text": "x = 1\n"}}, {"read": {"path": "new/deep/file.py"}}]
    )
    assert heard.said() == "write: written\nread: x = 1"
    assert (room.root / "new/deep/file.py").read_text() == "x = 1\n"


def test_lines_of_a_file_are_read(room: Room) -> None:
    assert room.talk([{"read": {"path": "code.py", "line": 2, "limit": 1}}]).said() == "read: two"


def test_nothing_is_written_over_the_protocol_in_a_diagnosis(room: Room) -> None:
    heard = room.talk([{"write": {"path": "code.py", "text": "gone"}}], phase=Phase.DIAGNOSE)
    assert "nothing is written during a diagnosis" in heard.said()
    assert (room.root / "code.py").read_text() == "one\ntwo\nthree\n"


OUTSIDE = ("../out", "/etc/passwd", "a/../../out", ".git/hooks/pre-commit", "x/.GIT/config", ".", "", "a\0b")


def test_write_that_leaves_the_worktree_is_refused(room: Room, tmp_path: Path) -> None:
    steps: list[Step] = [{"write": {"path": path, "text": "x"}} for path in OUTSIDE]
    steps += [{"read": {"path": path}} for path in OUTSIDE]
    heard = room.talk(steps)
    assert heard.said().count("Invalid params") == len(steps)
    assert sorted(os.listdir(tmp_path)) == ["tree"]
    assert sorted(os.listdir(room.root)) == ["code.py"]


def test_links_that_an_agent_makes_lead_no_write_and_no_read_out(room: Room, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("hunter2")
    heard = room.talk(
        [
            {"shell": f"ln -s {secret} folder; ln -s {secret}/key file; mkfifo pipe; ln code.py twin"},
            *({"write": {"path": path, "text": "x"}} for path in ("folder/key", "folder/new", "file", "pipe", "twin")),
            *({"read": {"path": path}} for path in ("folder/key", "file", "pipe")),
        ]
    )
    assert "hunter2" not in heard.said()
    assert "written" not in heard.said()
    assert (secret / "key").read_text() == "hunter2"
    assert os.listdir(secret) == ["key"]
    assert (room.root / "code.py").read_text() == "one\ntwo\nthree\n"


def test_terminal_outside_the_sandbox_is_not_to_be_had(room: Room) -> None:
    assert "Method not found" in room.talk([{"terminal": "id"}]).said()


def test_agent_that_dies_is_an_error_with_its_last_words(room: Room) -> None:
    with pytest.raises(AgentError, match=r"died in the middle of the conversation; it said: out of luck") as caught:
        room.talk([{"say": "so far"}, {"die": "out of luck"}])
    assert not caught.value.permanent
    assert room.heard.said() == "so far"


def test_last_words_of_an_agent_steer_no_terminal(room: Room) -> None:
    with pytest.raises(AgentError, match="out of luck") as caught:
        room.talk([{"die": "\x1b[2J\x1b]0;x\x07\r\u202eout of luck"}])
    assert str(caught.value).isprintable()


def test_program_that_does_not_speak_the_protocol_is_an_error(room: Room) -> None:
    with pytest.raises(AgentError, match="died in the middle"):
        room.run(("/bin/echo", "hello"))
    assert room.heard.said("noise") == "hello\n"


def test_agent_that_is_told_to_stop_ends_its_turn(room: Room) -> None:
    room.stop = lambda: "the wallet is empty" if room.heard.said() else ""
    heard = room.talk([{"say": "working"}, {"plan": "wait"}, {"hang": "until told"}])
    assert heard.ended == ["the wallet is empty"]


def test_agent_that_does_not_stop_is_left_behind(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.agents.acp.session.GOING", 0.5)
    room.stop = lambda: "time is up" if room.heard.said("plan") else ""
    began = time.monotonic()
    heard = room.talk([{"plan": "sit"}, {"hang": "deaf"}], seconds=60)
    assert heard.ended == ["time is up"]
    assert time.monotonic() - began < 20


def test_agent_whose_time_is_up_is_an_error(room: Room) -> None:
    with pytest.raises(AgentError, match="the agent's time is up"):
        room.talk([{"hang": "deaf"}], seconds=4)


def test_message_without_an_end_is_not_gathered_for_ever(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.agents.acp.session.LINE_BYTES", 2**20)
    with pytest.raises(AgentError, match="sent a message of more than"):
        room.talk([{"flood": "x"}])


def test_flood_of_messages_ends_the_conversation(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.agents.acp.wire.MESSAGES", 500)
    with pytest.raises(AgentError, match=r"sent 501 messages .* more than it may"):
        room.talk([{"raw": {"text": "[]\n", "times": 2000}}])


NO_MESSAGES = (
    "not json",
    "[1, 2]",
    '{"jsonrpc": "2.0", "id": [1], "result": {}}',
    '{"jsonrpc": "2.0", "id": 0, "error": "x"}',
    '{"jsonrpc": "2.0", "method": 7}',
    '{"jsonrpc": "2.0", "method": "session/update", "params": [1]}',
    '{"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s", "update": 1}}',
    '{"jsonrpc": "2.0", "method": "\\u001b[2Jodd"}',
    '{"jsonrpc": "2.0", "id": 99, "result": {}}',
    "[" * 100_000,
)


def test_what_is_no_message_is_passed_over_and_never_reaches_the_terminal(
    room: Room, capfd: pytest.CaptureFixture[str]
) -> None:
    heard = room.talk([*({"raw": f"{line}\n"} for line in NO_MESSAGES), {"say": "still here"}])
    assert heard.said() == "still here"
    assert capfd.readouterr() == ("", "")


def test_message_of_too_many_parts_is_passed_over() -> None:
    head = b'{"jsonrpc": "2.0", "method": "session/update", "params": {"x": ['
    assert parsed(head + b"[]]}}") is not None
    assert parsed(head + b"[]," * MOST_PARTS + b"[]]}}") is None


def test_calls_that_never_end_are_remembered_in_few_words() -> None:
    from acp import start_tool_call, text_block, tool_content

    client = Client(Phase.FIX, Path("/"), Ears(*[lambda *_: None] * 4))
    long = "x" * 1_000_000
    for number in range(MOST_CALLS + 10):
        content = [tool_content(text_block(long))]
        call = start_tool_call(f"{number}{long}", long, status="pending", raw_input={"a": long}, content=content)
        asyncio.run(client.session_update("s", call))
    assert len(client._calls) == MOST_CALLS
    assert len(repr(client._calls)) < MOST_CALLS * 4000


def test_log_of_others_is_heard_as_before(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    handlers = logging.getLogger().handlers[:]
    room.talk([{"raw": '{"jsonrpc": "2.0", "method": "session/update", "params": {}}\n'}])
    logging.getLogger("somebody").warning("else")
    assert [record.message for record in caplog.records] == ["else"]
    assert logging.getLogger().handlers == handlers
    assert "Unhandled error" in room.heard.said("protocol")


def test_environment_of_the_agent_holds_no_key_of_andons(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter2")
    heard = room.talk([{"environment": "ANTHROPIC_API_KEY"}, {"environment": "HOME"}])
    assert heard.said().startswith("environment: nothing\nenvironment: /home")


def test_importing_the_agent_does_not_import_the_library() -> None:
    code = "import sys, andon.agents.acp.session, andon.agents.acp.client; print('acp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
