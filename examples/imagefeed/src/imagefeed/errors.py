"""The errors of the pipeline; each message says what to do next."""

from __future__ import annotations


class ImagefeedError(Exception):
    """Something the pipeline cannot go on from."""


class SettingError(ImagefeedError):
    """A setting cannot be used: the message names the variable and what it wants."""


class FetchFailed(ImagefeedError):
    """A source did not give a good answer, for good or after all attempts."""


class SourceBusy(FetchFailed):
    """A source did not give a good answer this time; it may at the next attempt."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
