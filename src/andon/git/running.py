"""Starts git, and nothing else does: no hooks, no filters, no person's settings, and a time limit on every command."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from andon.config import search_path, secret
from andon.errors import ConfigError, GitError

LOCAL_SECONDS = 120.0
REMOTE_SECONDS = 600.0
OFF = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null", "core.pager=cat"),
    *("protocol.ext.allow=never", "gc.auto=0", "maintenance.auto=false", "safe.directory=*", "core.quotePath=false"),
    *(
        "core.autocrlf=false",
        "diff.external=",
        "advice.detachedHead=false",
        "push.gpgSign=false",
        "log.showSignature=false",
    ),
)
CREDENTIALS = ("HOME", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_ASKPASS", "http_proxy", "https_proxy", "no_proxy")
"""What reaching a remote may need from a person's environment; commands on the mirror get none of it."""


class Said(NamedTuple):
    """What a git command gave."""

    code: int
    out: bytes
    words: str
    """Its complaint, for a message."""


def run_git(
    *words: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None, remote: bool = False
) -> bytes:
    """Returns what a git command says.

    Raises:
        GitError: it failed; holds its last words.
    """
    said = try_git(*words, cwd=cwd, stdin=stdin, env=env, remote=remote)
    if said.code:
        raise GitError(f"git {words[0]}: {said.words or f'ended with {said.code}'}")
    return said.out


def try_git(
    *words: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None, remote: bool = False
) -> Said:
    """Returns how a git command ended.

    Raises:
        GitError: git is not installed, or the command was not done in time.
    """
    cwd.mkdir(parents=True, exist_ok=True)
    try:
        started = subprocess.Popen(
            _argv(*words),
            cwd=cwd,
            env=_environment(remote=remote) | (env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed: install it (apt install git)", permanent=True) from error
    with started:
        try:
            out, err = started.communicate(stdin, timeout=REMOTE_SECONDS if remote else LOCAL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git {words[0]} was not done in time") from error
        finally:
            if started.returncode is None:
                # The whole session: git may have started ssh or a remote helper.
                os.killpg(started.pid, signal.SIGKILL)
    return Said(started.returncode, out, err.decode("utf-8", "replace").strip()[-800:])


def start_reader(*words: str, cwd: Path, stdin: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts a git command whose output is read as it comes; whoever calls it ends it."""
    argv, env = _argv(*words), _environment(remote=False)
    return subprocess.Popen(argv, cwd=cwd, env=env, stdin=stdin, stdout=subprocess.PIPE)


def _argv(*words: str) -> list[str]:
    return ["git", *(word for setting in OFF for word in ("-c", setting)), "--no-pager", *words]


def _environment(*, remote: bool) -> dict[str, str]:
    env = {
        "PATH": search_path(),
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    if not remote:
        return env
    for name in CREDENTIALS:
        with suppress(ConfigError):
            env[name] = secret(f"env:{name}")
    if "HOME" in env:
        # Credential and address settings of the person; without a home there are none.
        env.pop("GIT_CONFIG_GLOBAL")
        env.pop("GIT_CONFIG_NOSYSTEM")
    return env | {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
