"""Turns models into the JSON text that the tables hold, and back; validates on the way out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import BaseModel, JsonValue
from pydantic_core import PydanticSerializationError
from sqlalchemy import Connection, Table

from andon.store.database import Database

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert

M = TypeVar("M", bound=BaseModel)


class Part:
    """One area of the store; all areas share one database."""

    def __init__(self, database: Database) -> None:
        self._db = database


def dump(model: BaseModel) -> str:
    """Returns a model as JSON text that every engine can keep."""
    try:
        return model.model_dump_json()
    except PydanticSerializationError:
        # Half a surrogate pair (bytes of a broken encoding) is not text for any database: it becomes a question mark.
        return dump_value(model.model_dump(mode="json"))


def dump_value(value: object) -> str:
    """Returns any JSON value as text without NUL bytes or half characters in it."""
    return json.dumps(_whole(value), ensure_ascii=True)


def load(kind: type[M], text: str) -> M:
    """Returns the model of a stored text."""
    return kind.model_validate_json(text)


def load_value(text: str) -> dict[str, JsonValue]:
    """Returns the JSON object of a stored text."""
    value: dict[str, JsonValue] = json.loads(text)
    return value


def sha256(text: str) -> str:
    """Returns the hash that tells two versions of a paper apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def upsert(
    connection: Connection, table: Table, values: dict[str, object], keys: Sequence[str], *, replace: bool = True
) -> bool:
    """Writes a row by its key; tells whether anything was written. Without `replace` an existing row stays."""
    statement = inserting(connection, table).values(**values)
    if replace:
        changes = {name: value for name, value in values.items() if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=changes)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    # Not the row count: for an insert, drivers need not know it.
    return connection.execute(statement.returning(table.c[keys[0]])).first() is not None


def inserting(connection: Connection, table: Table) -> Insert:
    """Returns an insert that knows `on conflict`; both engines share its words, and only one of them is imported."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert(table)
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite

    return cast("Insert", insert_sqlite(table))


def whole(text: str) -> str:
    """Returns a text that every engine can keep: without NUL bytes or half characters in it."""
    return str(_whole(text)).replace("\0", "\N{SYMBOL FOR NULL}")


def _whole(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {str(_whole(key)): _whole(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(inner) for inner in value]
    return value
