"""Reads andon.toml, the environment and secrets, and nothing else does; unknown keys get the nearest name."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from andon.errors import ConfigError, NotFoundError
from andon.models import Autonomy

FILE_NAME = "andon.toml"
NO_SYSTEM = 'add a [systems.NAME] table with repo = ".", or run `andon init --force`'
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def parse_duration(text: object) -> timedelta:
    """Returns the duration of `90s`, `15m`, `1h30m`, `2d`; a bare number is seconds.

    Raises:
        ValueError: the text is not a duration.
    """
    if isinstance(text, timedelta):
        return text
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return timedelta(seconds=text)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])", str(text))
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])|\s", "", str(text)):
        raise ValueError(f"{text!r} is not a duration: write 30s, 15m, 1h30m or 2d")
    return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class Settings(BaseModel):
    """A frozen table of settings; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class AgentSettings(Settings):
    kind: tuple[Literal["search", "model", "acp"], ...] = ("search",)
    """Agents, tried in this order, cheapest first: `search` (no model), `model` (built in), `acp` (a program)."""
    model: str = ""
    """`anthropic:NAME`, `openai:NAME` or, for kind `acp`, `gemini:NAME`: how one talks to the model, and its name."""
    url: str = ""
    """Address of another endpoint that speaks so, up to where `/messages`, `/chat/completions` or `/models` follows."""
    key: str = ""
    """`env:NAME` of the key; it never enters the sandbox. Empty where none is asked for."""
    preset: str = ""
    """Kind `acp`: a common agent, `claude-code`, `codex`, `gemini`, `opencode` or `openhands`."""
    command: str = ""
    """Kind `acp`: the command line of any other agent that speaks the protocol on its standard input and output."""
    see: tuple[str, ...] = ()
    """Kind `acp`: more files and folders that its program reads; the sandbox shows its own installation and these."""
    requests: int = 120
    """Requests to the model per session: one diagnosis, or one go at a patch."""
    minutes: float = 30.0
    """Wall time per session."""
    context_tokens: int = 80_000
    """Kind `model`: from this size of the conversation on, long answers of tools from earlier are left out of it."""
    answer_tokens: int = 8_000
    """Kind `model`: tokens that the model may write in one answer."""

    @field_validator("kind", "see", mode="before")
    @classmethod
    def one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("requests", "minutes", "context_tokens", "answer_tokens")
    @classmethod
    def is_some(cls, value: float) -> float:
        if value <= 0:
            raise ValueError("write a number above 0")
        return value

    @field_validator("model")
    @classmethod
    def names_a_provider(cls, value: str) -> str:
        wire, mark, name = value.partition(":")
        if value and (wire not in ("anthropic", "openai", "gemini") or not mark or not name.strip()):
            raise ValueError(
                "write `anthropic:NAME`, `gemini:NAME`, or `openai:NAME` for whatever speaks as OpenAI does"
            )
        return value

    @field_validator("url")
    @classmethod
    def is_an_address(cls, value: str) -> str:
        if value and not re.match(r"https?://[^/\s@]+(/\S*)?$", value):
            raise ValueError("write an address such as `http://127.0.0.1:8000/v1`; a login belongs into `key`")
        return value.rstrip("/")

    @field_validator("key")
    @classmethod
    def is_no_key(cls, value: str) -> str:
        if value and not value.startswith("env:"):
            raise ValueError("write `env:NAME` of the variable that holds the key; keys do not belong into files")
        return value

    @model_validator(mode="after")
    def speaks_as_its_model_does(self) -> AgentSettings:
        if "model" in self.kind and self.model.startswith("gemini:"):
            raise ValueError(
                "kind `model` does not speak Google's own form, but Google speaks OpenAI's too: write `openai:NAME` "
                'and url = "https://generativelanguage.googleapis.com/v1beta/openai"'
            )
        return self


class BudgetSettings(Settings):
    attempts: int = 3
    """Attempts at a patch per cause (a ticket and all that descend from it)."""
    minutes_per_ticket: float = 60.0
    """Wall time of diagnosis, fixes and verdicts per cause."""
    tokens_per_ticket: int = 2_000_000
    """Tokens that agents may use per cause."""
    usd_per_ticket: float = 5.0
    """US dollars that agents may cost per cause."""
    usd_per_day: float = 50.0
    """US dollars that agents may cost a day, over all systems."""
    tickets_per_day: int = 20
    """Fixes started a day, over all systems."""


class SystemSettings(Settings):
    """A system: a repository plus how to test it, where its data is, how to replay it, how to deploy it."""

    repo: str = "."
    """Path (relative to andon.toml) or URL to clone from and push to. A path that has an `origin` pushes there."""
    branch: str = "main"
    """Branch that is watched, fixed and shipped to."""
    folder: str = ""
    """Where the system lives inside the repository; commands run there."""
    checks: str = "checks"
    """Folder of check files, in the repository folder or beside andon.toml."""
    test: str = ""
    """Command that runs the whole suite, for instance `python -m pytest -q`."""
    junit: str = ""
    """Where that command writes its JUnit XML, from `folder`; a pattern may name several files. For runners other than
    pytest, `node --test` and `cargo test`, which need none."""
    replay: str = ""
    """Command that rebuilds a symptom from recorded evidence in a scratch place."""
    data: str = ""
    """`env:NAME` of a URL, or a URL: postgresql://... or sqlite:///path, with a login that can only read."""
    deploy: str = ""
    """Command that brings the branch into production; runs outside the sandbox, beside andon.toml. May be empty."""
    deploys: str = ""
    """Read-only query of past deploys: columns `at` and `commit`."""
    runtime: tuple[str, ...] = ()
    """Folders such as a virtual environment: bound read-only into the sandbox, their bin/ first on PATH."""
    scratch: str = "auto"
    """Where scratch databases for replays come from: `auto` (of the kind of `data`), `sqlite`, `postgres`."""
    scratch_fixture: str = ""
    """Fixture of the suite that gives the URL of an empty scratch database; found by name when empty."""
    autonomy: Autonomy = Autonomy.PROPOSE
    """How far the loop goes by itself: `report`, `propose`, `ship-on-approval`, `ship-when-proven`."""
    every: Duration = timedelta(minutes=5)
    """How often a sweep looks which checks are due."""
    check_every: Duration | None = None
    """Asks every check this often, whatever its file says; for trying out."""
    quiet: Duration = timedelta(hours=1)
    """A shipped ticket is resolved when nothing new has offended for this long."""
    rollout: Duration = timedelta(minutes=1)
    """How long after a deploy rows may still come from work that began before it: residue, not a new failure."""
    when_fires_again: Literal["reopen", "new"] = "reopen"
    """What becomes of a resolved ticket whose check fires again."""
    reopen_within: Duration = timedelta(days=7)
    """A check that fires again later than this gets a new ticket in any case."""
    storm: int = 5
    """This many causes at once in one sweep make one ticket for a person instead."""
    protected: tuple[str, ...] = ()
    """More path patterns that a patch may never touch."""
    logs: tuple[str, ...] = ()
    """Log files that agents may read, as paths or patterns (`/var/log/feed/*.log`), relative to andon.toml."""
    rules: str = ""
    """File with the system's rules for agents; AGENTS.md or rules.md when empty."""
    test_seconds: float = 600.0
    """Wall time for one run of the suite."""
    replay_seconds: float = 120.0
    """Wall time for one replay."""

    @field_validator("runtime", "protected", "logs", mode="before")
    @classmethod
    def one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def argv(self, command: Literal["test", "replay", "deploy"]) -> tuple[str, ...]:
        """Returns the words of a command.

        Raises:
            ConfigError: it is not set.
        """
        text = {"test": self.test, "replay": self.replay, "deploy": self.deploy}[command]
        if not text.strip():
            raise ConfigError(f"set `{command}` to the command that does it", key=command)
        return tuple(shlex.split(text))


class Config(Settings):
    """All of andon.toml."""

    database: str = "sqlite:///.andon/andon.db"
    """Where andon keeps its own state: sqlite:///path (one process) or postgresql://... (any number)."""
    pings: str = ""
    """`host:port` where heartbeat checks are pinged (`http://host:port/ping/NAME`); nothing listens when empty."""
    workers: int = 1
    """Fixes that one process runs at the same time."""
    agent: AgentSettings = AgentSettings()
    budget: BudgetSettings = BudgetSettings()
    systems: dict[str, SystemSettings] = {}
    home: Path = Path()
    """Folder of andon.toml; set by `load`, never written in the file."""

    @property
    def state_dir(self) -> Path:
        """Folder for clones, clean checkouts and scratch databases; can be thrown away when nothing runs."""
        return self.home / ".andon"

    def system(self, name: str | None = None) -> SystemSettings:
        """Returns a system's settings; the only one when no name is given.

        Raises:
            NotFoundError: no such system, or several and none named.
        """
        return self.systems[self.system_name(name)]

    def system_name(self, name: str | None = None) -> str:
        """Returns the name of a system that exists; the only one when no name is given.

        Raises:
            NotFoundError: no system is configured, or there is no such one, or there are several and none is named.
        """
        if not self.systems:
            raise NotFoundError(f"{self.home / FILE_NAME} configures no system: {NO_SYSTEM}")
        known = ", ".join(sorted(self.systems))
        if name is None and len(self.systems) == 1:
            return next(iter(self.systems))
        if name is None:
            raise NotFoundError(f"say which system, there are several: {known}")
        if name not in self.systems:
            raise NotFoundError(f"no system {name!r} in {FILE_NAME}; there are: {known}")
        return name


def find_file(start: Path) -> Path:
    """Returns the andon.toml of a folder or of the nearest folder above it.

    Raises:
        ConfigError: there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise ConfigError(f"no {FILE_NAME} here or above: run `andon init` in the repository", file=start)


def read_toml(path: Path) -> dict[str, JsonValue]:
    """Returns the tables of a TOML file.

    Raises:
        ConfigError: it cannot be read or parsed.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not valid TOML: {error}", file=path) from error


def load(path: Path) -> Config:
    """Returns the configuration of an andon.toml.

    Raises:
        ConfigError: it cannot be read, or a key or value is wrong; names the key and what to write.
    """
    tables = read_toml(path)
    if "home" in tables:
        raise ConfigError("is not a setting", file=path, key="home")
    try:
        config = Config.model_validate({**tables, "home": path.resolve().parent})
    except ValidationError as error:
        raise explain(error, path, Config) from error
    for name in config.systems:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
            raise ConfigError("use lower case letters, digits, - and _", file=path, key=f"systems.{name}")
    return config


def explain(error: ValidationError, path: Path | str, model: type[BaseModel]) -> ConfigError:
    """Returns the first problem of a validation as a ConfigError that names the nearest valid key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        names = valid_names(model, [str(part) for part in first["loc"][:-1]])
        near = difflib.get_close_matches(str(first["loc"][-1]), names, n=1)
        message = f"unknown key; did you mean `{near[0]}`?" if near else f"unknown key; valid are: {', '.join(names)}"
    return ConfigError(message, file=path, key=key)


def valid_names(model: type[BaseModel], place: list[str]) -> list[str]:
    """Returns the keys that are valid at a place of the configuration."""
    if place[:1] == ["systems"]:
        model = SystemSettings
    elif place and place[0] in model.model_fields:
        inner = model.model_fields[place[0]].annotation
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else model
    return sorted(name for name in model.model_fields if name != "home")


def secret(reference: str, environ: Mapping[str, str] | None = None) -> str:
    """Returns what a setting such as `env:NAME` stands for; any other text stands for itself.

    Raises:
        ConfigError: the variable is not set.
    """
    if not reference.startswith("env:"):
        return reference
    name = reference.removeprefix("env:")
    value = (os.environ if environ is None else environ).get(name, "")
    if not value:
        raise ConfigError(f"the environment variable {name} is not set; export it before starting andon", key=reference)
    return value


def is_set(name: str) -> bool:
    """Tells whether a variable of the environment holds anything at all, which is how NO_COLOR is meant."""
    return bool(os.environ.get(name))


def person() -> str:
    """Returns the name of the person at the keyboard, for approvals and events."""
    return os.environ.get("ANDON_USER") or os.environ.get("USER") or os.environ.get("LOGNAME") or "person"


def environment() -> dict[str, str]:
    """Returns a copy of andon's own environment, for commands of the owner that run outside the sandbox."""
    return dict(os.environ)


def search_path() -> str:
    """Returns PATH of andon's own process: where to look for git, bubblewrap and interpreters."""
    return os.environ.get("PATH", "/usr/bin:/bin")
