"""The database behind a URL: an engine, its transactions, and what may be wrong with it. All that only SQLite knows is here."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

_PATIENCE = 10
"""Seconds to wait for another program that holds the database locked."""
_ADVICE = {
    "SQLITE_BUSY": "another program holds it locked: end that, or give mailtls a file of its own",
    "SQLITE_LOCKED": "another program holds it locked: end that, or give mailtls a file of its own",
    "SQLITE_CANTOPEN": "its directory must exist, and be writable for the user that mailtls runs as",
    "SQLITE_READONLY": "the file and its directory must be writable for the user that mailtls runs as",
    "SQLITE_PERM": "the file and its directory must be writable for the user that mailtls runs as",
    "SQLITE_FULL": "make room on its disk",
    "SQLITE_IOERR": "its disk is full, or faulty",
    "SQLITE_CORRUPT": "stop mailtls, put a backup in its place or move it away, and start again; an empty one is made where there is none",
    "SQLITE_NOTADB": "it is another kind of file: name another, or move it away",
}


def engine_of(url: str) -> Engine:
    """Make an engine; nothing is opened yet.

    Args:
        url: as SQLAlchemy writes it.

    Raises:
        sqlalchemy.exc.ArgumentError: it is no URL of a database.

    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes nothing."""
    with engine.connect().execution_options(writes=False) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is committed at its end, or undone where that is an exception."""
    with engine.begin() as connection:
        yield connection


def advice(error: BaseException | None) -> str:
    """Return what an operator can do about an error of the database's driver; empty where there is nothing to say."""
    name = getattr(error, "sqlite_errorname", "")  # e.g. SQLITE_IOERR_WRITE
    return _ADVICE.get("_".join(name.split("_")[:2]), "")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, and leave statements like CREATE TABLE out of them
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")  # who reads (a backup, say) does not wait for us, nor we for them
    # FULL: a commit is on the disk when it returns, even if the power fails. NORMAL would save an fsync for each, and promise no more
    # than that a killed process loses nothing. There are a few commits a minute, by a thread that nobody's probing waits for.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # Whoever will write takes the lock at once: a reader that starts to write while another does is turned away without any waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes", True) else "BEGIN")
