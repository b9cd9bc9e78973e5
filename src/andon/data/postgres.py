"""Asks Postgres one read-only question at a time, behind every guard; it never writes and never keeps a transaction."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from pydantic import JsonValue

from andon.data.gate import check_postgres
from andon.data.mistakes import SqlError, line_at
from andon.data.parameters import bind
from andon.data.values import postgres_value, readable
from andon.errors import ConfigError, DataError
from andon.models import Row
from andon.protocols import Answer, Power

TIMESTAMPTZ = 1184
BYTES_KEPT = 8 * 2**20
"""Bytes of values kept of one answer; later rows are counted and not kept."""
CHUNK = 64
"""Rows that libpq hands over at once: few enough that rows of a megabyte stay bounded."""
GRACE = 5.0
"""Seconds that the server has to obey its own timeout before the connection is given up."""
CONNECT_SECONDS = 10
CANCELLED = "57014"

SESSION = """
set standard_conforming_strings = on; set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601';
set bytea_output = 'hex'; set extra_float_digits = 1; set client_min_messages = 'error'; set xmloption = 'content';
set default_transaction_read_only = on;
select set_config('search_path', 'pg_catalog, ' || current_setting('search_path'), false)
where current_setting('search_path') ~ '\\mpg_catalog\\M'
"""
"""What the gate and the values rely on, whatever the login's own settings are; pg_catalog is searched first."""

BEGIN = """
begin read only; set local statement_timeout = {timeout}; set local lock_timeout = 5000;
set local idle_in_transaction_session_timeout = {idle}
"""


class PostgresSource:
    """A Postgres database that provably cannot be written through this face. Threads take turns."""

    dialect = "postgres"

    def __init__(self, url: str) -> None:
        """Takes the URL of a login that can only read; connects with the first question.

        Raises:
            ConfigError: it is no Postgres URL.
        """
        try:
            conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise _no_url(error) from error
        self.url = url
        self._connection: psycopg.Connection | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "PostgresSource(...)"  # the URL holds a password

    def ask(
        self,
        sql: str,
        params: Mapping[str, datetime] | None = None,
        *,
        timeout: timedelta = timedelta(seconds=30),
        rows_kept: int = 100,
    ) -> Answer:
        """Returns the first rows of one read-only statement and the full count, in one pass.

        Rows come in small chunks over a plain query: a server-side cursor would switch parallel plans off.

        Raises:
            DataError: it could not be asked: unreachable, refused by a guard, too slow, or not SQL.
        """
        given = params or {}
        bound, order = bind(sql, given)
        check_postgres(bound)
        values = [given[name].astimezone(UTC).isoformat().encode() for name in order]
        with self._lock:
            return self._ask(bound, values, timeout.total_seconds(), rows_kept)

    def powers(self) -> tuple[Power, ...]:
        """Returns what the login may do beyond reading; empty is what andon asks for.

        Raises:
            DataError: the database could not be asked.
        """
        from andon.data.powers import list_powers

        def trusted(sql: str) -> tuple[Row, ...]:
            with self._lock:
                return self._ask(sql, [], 30.0, 1000).rows

        def attempt(sql: str) -> bool:
            with self._lock:
                return self._attempt(sql)

        return list_powers(trusted, attempt)

    def close(self) -> None:
        """Closes the connection; the next question opens another."""
        with self._lock:
            self._drop()

    def _ask(self, sql: str, values: Sequence[bytes], seconds: float, rows_kept: int) -> Answer:
        pgconn = self._connected()
        deadline = time.monotonic() + seconds + GRACE
        timeout = max(1, int(seconds * 1000))
        try:
            self._command(pgconn, BEGIN.format(timeout=timeout, idle=timeout + 60_000), deadline)
            pgconn.send_query_params(sql.encode(), list(values), [TIMESTAMPTZ] * len(values))
            if pq.version() >= 170000:
                pgconn.set_chunked_rows_mode(CHUNK)
            else:
                pgconn.set_single_row_mode()
            answer, failure = _read(_results(pgconn, deadline), rows_kept)
            self._command(pgconn, "rollback", time.monotonic() + GRACE)
        except (psycopg.Error, OSError, TimeoutError) as error:
            self._drop()
            raise DataError(f"the connection to the database was lost: {_first_line(error)}") from error
        except BaseException:  # Ctrl-C in the middle of an answer: what is left of it must not reach the next question
            self._drop()
            raise
        if failure is not None:
            raise _explain(failure, sql, seconds)
        return answer

    def _attempt(self, sql: str) -> bool:
        """Tells whether a statement outside a read-only transaction is allowed; it is rolled back in any case."""
        pgconn = self._connected()
        deadline = time.monotonic() + GRACE
        try:
            self._command(pgconn, "begin read write; set local statement_timeout = 2000", deadline)
            pgconn.send_query(sql.encode())
            _, failure = _read(_results(pgconn, deadline), 1)
            self._command(pgconn, "rollback", deadline)
        except (psycopg.Error, OSError, TimeoutError) as error:
            self._drop()
            raise DataError(f"the connection to the database was lost: {_first_line(error)}") from error
        return failure is None

    def _command(self, pgconn: pq.abc.PGconn, sql: str, deadline: float) -> None:
        """Runs statements of our own, which have to work."""
        pgconn.send_query(sql.encode())
        _, failure = _read(_results(pgconn, deadline), 0)
        if failure is not None:
            raise psycopg.OperationalError(_message(failure))

    def _connected(self) -> pq.abc.PGconn:
        """Returns the open connection, or a new one."""
        if self._connection is not None and self._connection.pgconn.transaction_status == pq.TransactionStatus.IDLE:
            return self._connection.pgconn
        self._drop()
        try:
            self._connection = psycopg.connect(
                self.url,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name="andon",
                client_encoding="UTF8",
                tcp_user_timeout=60_000,
            )
            pgconn = self._connection.pgconn
            self._command(pgconn, SESSION, time.monotonic() + CONNECT_SECONDS)
            if pgconn.parameter_status(b"server_encoding") == b"SQL_ASCII":
                # Such a database takes any bytes: asked for UTF-8 it would refuse the whole answer for one bad cell.
                self._command(pgconn, "set client_encoding = 'SQL_ASCII'", time.monotonic() + CONNECT_SECONDS)
        except psycopg.ProgrammingError as error:
            raise _no_url(error) from error
        except (psycopg.Error, OSError, TimeoutError) as error:
            self._drop()
            raise DataError(f"the database cannot be reached: {_first_line(error)}") from error
        return pgconn

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _results(pgconn: pq.abc.PGconn, deadline: float) -> Iterator[pq.abc.PGresult]:
    """Yields the results of what was sent, and never waits past the deadline (monotonic seconds)."""
    while pgconn.flush():
        _wait(pgconn, deadline, select.POLLOUT | select.POLLIN)
        pgconn.consume_input()
    while True:
        while pgconn.is_busy():
            _wait(pgconn, deadline, select.POLLIN)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return
        yield result


def _wait(pgconn: pq.abc.PGconn, deadline: float, events: int) -> None:
    poll = select.poll()
    poll.register(pgconn.socket, events)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError("the server stopped answering")


def _read(results: Iterator[pq.abc.PGresult], rows_kept: int) -> tuple[Answer, pq.abc.PGresult | None]:
    """Returns the first rows with the full count, and the result that holds the server's error, if there is one."""
    columns: tuple[str, ...] = ()
    oids: tuple[int, ...] = ()
    rows: list[Row] = []
    failure: pq.abc.PGresult | None = None
    total = held = 0
    for result in results:
        if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
            failure = result
            continue
        if not columns and result.nfields:
            columns = _distinct([readable(result.fname(index) or b"") for index in range(result.nfields)])
            oids = tuple(result.ftype(index) for index in range(result.nfields))
        for index in range(min(result.ntuples, rows_kept - len(rows))):
            values = [result.get_value(index, column) for column in range(len(columns))]
            held += sum(len(value) for value in values if value is not None)
            if held > BYTES_KEPT:
                rows_kept = len(rows)  # later rows are only counted
                break
            rows.append(dict(zip(columns, map(_value, values, oids), strict=True)))
        total += result.ntuples
    return Answer(columns, tuple(rows), total), failure


def _value(data: bytes | None, oid: int) -> JsonValue:
    return None if data is None else postgres_value(readable(data), oid)


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Returns column names of which none hides another: a second `id` is `id_2`."""
    seen: dict[str, int] = {}
    for name in names:
        new, number = name, 1
        while new in seen:
            number += 1
            new = f"{name}_{number}"
        seen[new] = number
    return tuple(seen)


def _explain(failure: pq.abc.PGresult, sql: str, seconds: float) -> DataError:
    state = (failure.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    if state == CANCELLED:
        return DataError(f"took longer than its timeout of {seconds:g} s")
    if state[:2] not in ("42", "22", "25"):
        return DataError(_message(failure))
    place = (failure.error_field(pq.DiagnosticField.STATEMENT_POSITION) or b"").decode()  # in characters, from 1
    return SqlError(_message(failure), line=line_at(sql, int(place) - 1) if place.isdigit() else None)


def _message(failure: pq.abc.PGresult) -> str:
    text = failure.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or failure.error_message
    return text.decode("utf-8", "replace").strip()


def _no_url(error: psycopg.Error) -> ConfigError:
    """Returns what is wrong with a URL, without the words of it that libpq quotes: they may be the password."""
    words = _first_line(error).partition('"')[0].rstrip(" :")
    return ConfigError(f"is not a Postgres URL ({words}): write postgresql://user:password@host/name", key="data")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
