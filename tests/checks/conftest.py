"""The real Postgres server of the suite."""

from andon.testing.fixtures import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
