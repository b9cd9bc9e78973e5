"""Every error that andon raises on purpose; a fact about a system (red, rejected) is a value, never an error."""

from __future__ import annotations

from pathlib import Path


class AndonError(Exception):
    """Something that andon could not do. The message says what to do about it."""


class ConfigError(AndonError):
    """What a person wrote cannot be used: names the file, the key and what to write instead."""

    def __init__(self, message: str, *, file: Path | str | None = None, key: str | None = None) -> None:
        self.file = file
        self.key = key
        place = ": ".join(str(part) for part in (file, key) if part)
        super().__init__(f"{place}: {message}" if place else message)


class NotFoundError(AndonError):
    """Nothing of that name or number exists; the message lists what does."""


class ConflictError(AndonError):
    """Someone else moved first: load again and decide anew."""


class LimitError(AndonError):
    """A budget or a limit is used up; what was done so far is kept."""


class ExternalError(AndonError):
    """Something outside andon failed. `permanent` tells that trying again cannot help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class DataError(ExternalError):
    """The data source could not be asked, or refused the question."""


class GitError(ExternalError):
    """A git command failed; the message holds its last words."""


class SandboxError(ExternalError):
    """A command could not be started in isolation (not: the command failed)."""


class AgentError(ExternalError):
    """An agent died, ran out of its limits, or handed in something unreadable."""
