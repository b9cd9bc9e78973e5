"""Finding an agent's program, and showing no more of the machine than it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from andon.agents.acp.presets import KEY, PRESETS, Preset, Where
from andon.agents.acp.program import find_program
from andon.errors import AgentError
from andon.protocols import Command
from andon.sandboxes import open_sandbox

WHERE = Where("http://127.0.0.1:4141", "openai", "the-model")


def program(place: Path, text: str = "#!/bin/sh\necho here\n") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o755)
    return place


def test_program_of_its_own_is_shown_alone(tmp_path: Path) -> None:
    place = program(tmp_path / "home" / "agent")
    (tmp_path / "home" / "token").write_text("secret")
    found = find_program(("agent", "acp"), str(place.parent))
    assert found == ((str(place), "acp"), (place,), ())


def test_package_of_node_is_shown_with_all_packages_beside_it(tmp_path: Path) -> None:
    real = program(tmp_path / "lib/node_modules/@some/agent/node_modules/inner/dist/index.js", "#!/usr/bin/env node\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/agent").symlink_to("../lib/node_modules/@some/agent/node_modules/inner/dist/index.js")
    node = program(tmp_path / "node/bin/node")
    found = find_program(("agent",), f"{tmp_path}/bin:{tmp_path}/node/bin")
    assert found == ((str(real),), (tmp_path / "lib/node_modules",), (node.parent,))


def test_script_of_node_without_node_is_an_error(tmp_path: Path) -> None:
    program(tmp_path / "agent", "#!/usr/bin/env node\n")
    with pytest.raises(AgentError, match="runs on Node, which is not installed"):
        find_program(("agent",), str(tmp_path))


def test_interpreter_of_an_environment_stays_a_link(tmp_path: Path) -> None:
    real = program(tmp_path / "python/bin/python3")
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    link = tmp_path / "venv/bin/python"
    link.symlink_to(real)
    assert find_program((str(link), "-m", "agent"), "") == ((str(link), "-m", "agent"), (), (link.parent,))


def test_program_that_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="'opencode' is not installed: npm install -g opencode-ai") as caught:
        find_program(PRESETS["opencode"].argv, str(tmp_path), PRESETS["opencode"].install)
    assert caught.value.permanent


def test_found_program_runs_in_the_sandbox(tmp_path: Path) -> None:
    program(tmp_path / "real/agent")
    (tmp_path / "agent").symlink_to("real/agent")
    found = find_program(("agent",), str(tmp_path))
    ran = open_sandbox().run(Command(found.argv, cwd=Path("/"), readable=found.readable, path=found.path))
    assert ran.stdout == "here\n"


@pytest.mark.parametrize("name", list(PRESETS))
def test_preset_leads_every_request_to_the_relay_and_holds_no_key(name: str) -> None:
    for wire in PRESETS[name].wires:
        where = WHERE._replace(wire=wire)
        text = json.dumps([PRESETS[name].env(where), PRESETS[name].home(where)])
        assert "http://127.0.0.1:4141" in text
        assert "the-model" in text
        assert KEY in text
        assert "https://" not in text


def test_what_an_agent_is_told_in_its_home_stands_there_when_it_starts() -> None:
    texts = {".agent/settings.json": '{"say": "it\'s $HOME"}', "second": "2"}
    preset = Preset((), frozenset(), lambda _: {}, "", lambda _: texts)
    argv = preset.settle(("/bin/sh", "-c", 'cat "$HOME/.agent/settings.json" "$HOME/second"'), WHERE)
    ran = open_sandbox().run(Command(argv, cwd=Path("/")))
    assert ran.stdout == "".join(texts.values())
    assert PRESETS["opencode"].settle(("opencode",), WHERE) == ("opencode",)
