"""What every folder of the suite may use: a real Postgres server."""

from __future__ import annotations

from andon.testing.fixtures import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
