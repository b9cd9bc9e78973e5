"""The tables as SQLAlchemy sees them; the migrations make them, and a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine


class Moment(TypeDecorator[datetime]):
    """A point in time: `timestamptz` on Postgres, fixed-width UTC text (which sorts) on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: the store takes aware times only")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.isoformat(timespec="microseconds")

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


metadata = MetaData()


def _id() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=null and not key)


def _moment(name: str, *, key: bool = False) -> Column[datetime]:
    return Column(name, Moment, primary_key=key, nullable=False)


def _number(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=null and not key, autoincrement=False)


def _small(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=False, autoincrement=False)


def _float(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(create_constraint=False), nullable=False)


tickets = Table(
    "tickets",
    metadata,
    _id(),
    _text("system"),
    _text("check_name", null=True),
    _text("status"),
    _number("cause"),
    _flag("is_open"),
    _text("dedupe", null=True),
    _moment("created_at"),
    _moment("updated_at"),
    _text("doc"),
)
ticket_checks = Table(
    "ticket_checks",
    metadata,
    _number("ticket", key=True),
    _text("system"),
    _text("check_name", key=True),
    _flag("is_open"),
)
events = Table("events", metadata, _id(), _number("ticket"), _moment("at"), _text("kind"), _text("doc"))
transcripts = Table(
    "transcripts", metadata, _id(), _number("ticket"), _moment("at"), _text("actor"), _text("kind"), _text("text")
)
alerts = Table(
    "alerts",
    metadata,
    _text("fingerprint", key=True),
    _text("system"),
    _text("check_name"),
    _text("state"),
    _number("ticket", null=True),
    _moment("last_seen"),
    _text("doc"),
)
results = Table(
    "results",
    metadata,
    _text("system", key=True),
    _text("check_name", key=True),
    _text("state"),
    _moment("asked_at"),
    _small("errors"),
    _text("doc"),
    _text("sha256"),
)
runs = Table(
    "runs",
    metadata,
    _text("system", key=True),
    _text("check_name", key=True),
    _moment("asked_at", key=True),
    _text("state"),
    _number("total"),
    _float("seconds"),
)
offenders = Table(
    "offenders",
    metadata,
    _text("system", key=True),
    _text("check_name", key=True),
    _text("fingerprint", key=True),
    _moment("first_seen"),
    _moment("last_seen"),
)
watermarks = Table("watermarks", metadata, _text("system", key=True), _text("check_name", key=True), _moment("at"))
settled = Table("settled", metadata, _text("system", key=True), _text("check_name", key=True), _moment("at"))
sweeps = Table(
    "sweeps",
    metadata,
    _text("system", key=True),
    _moment("started_at", key=True),
    _float("seconds"),
    _small("green"),
    _small("red"),
    _small("errors"),
)
pings = Table(
    "pings", metadata, _id(), _text("system"), _text("check_name"), _text("kind"), _moment("at"), _text("doc")
)


def _papers(name: str) -> Table:
    """Returns a table of a ticket's papers: each version is kept, the last one counts."""
    return Table(name, metadata, _id(), _number("ticket"), _text("name"), _text("sha256"), _moment("at"), _text("doc"))


evidence = _papers("evidence")
briefs = _papers("briefs")
diagnoses = _papers("diagnoses")
attempts = Table(
    "attempts",
    metadata,
    _number("ticket", key=True),
    _small("number", key=True),
    _number("cause"),
    _text("patch", null=True),
    _text("outcome", null=True),
    _moment("started_at"),
    _text("doc"),
)
records = Table(
    "records",
    metadata,
    _number("ticket", key=True),
    _small("attempt", key=True),
    _text("sha256"),
    _moment("at"),
    _text("doc"),
)
approvals = Table(
    "approvals",
    metadata,
    _number("ticket", key=True),
    _small("attempt", key=True),
    _text("decision"),
    _moment("at"),
    _text("doc"),
)
releases = Table(
    "releases",
    metadata,
    _id(),
    _number("ticket"),
    _small("attempt"),
    _text("commit_hash"),
    _moment("shipped_at"),
    _text("doc"),
)
watches = Table("watches", metadata, _number("ticket", key=True), _text("doc"))
spend = Table(
    "spend",
    metadata,
    _number("ticket", key=True),
    _text("item", key=True),
    _number("cause"),
    _text("day"),
    _float("seconds"),
    _number("tokens"),
    _float("usd"),
)
notes = Table("notes", metadata, _number("ticket", key=True), _text("name", key=True), _moment("at"), _text("doc"))
workers = Table("workers", metadata, _text("name", key=True), _moment("beat_at"), _text("doc"))
