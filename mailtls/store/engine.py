"""The database behind a URL: an engine, its transactions, and what may be wrong with it. All that one kind of database alone knows is here."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import URL, Connection, Engine, Table

_PATIENCE = 10
"""Seconds to wait for another program that holds the database, or a row of it, locked."""
_PATIENCE_WITH_A_STATEMENT = 30
"""Seconds for one statement of PostgreSQL's, waiting included."""
_PATIENCE_WITH_A_SERVER = 5
"""Seconds to wait for a connection to PostgreSQL."""
_PATIENCE_WITH_A_MIGRATION = 600
"""Seconds for each statement of a migration; whoever else starts meanwhile waits for as long."""
_KEPT_FREE = 256
"""Free pages of an SQLite file that are worth no effort."""
_GIVEN_BACK = 256
"""Pages that are given back in one transaction."""
_MIGRATION = 0x6D61696C746C73
"""Names the lock under which the tables of a PostgreSQL database are changed: "mailtls", in ASCII."""
SETTLING, PUBLISHING = _MIGRATION + 1, _MIGRATION + 2
"""Name the locks under which vantages settle what they hold in common, and under which the chains of publications grow and are thinned."""
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
_ADVICE_ON_STATES = {  # of PostgreSQL: its SQLSTATE, or the first two characters, which name a class
    "08": "it must be running, and be reached from here",
    "25006": "it lets nobody write: name the primary, not a standby",
    "28": "user and password must be right, and its pg_hba.conf must let them in from here",
    "3D000": "create it: createdb",
    "42501": "the user must own the database, or be granted CREATE on its schema: ALTER DATABASE ... OWNER TO ...",
    "53100": "make room on its disk",
    "53300": "it has no connection left: raise its max_connections, or end others",
    "55P03": "another program holds it locked: end that, or give mailtls a database of its own",
    "57014": "it took too long: another program keeps it busy, or its disk is slow",
    "57P": "it stops, starts, or was told to end this connection",
    "58": "its disk is full, or faulty",
    "XX": "put a backup in its place; it is damaged",
}
_ADVICE_ON_CONNECTING = "it must be running and be reached from here, and user, password and database must be right"


def engine_of(url: str) -> Engine:
    """Make an engine; nothing is opened yet.

    Args:
        url: as SQLAlchemy writes it; ``postgresql`` without a driver stands for psycopg.

    Raises:
        sqlalchemy.exc.ArgumentError: it is no URL of a database.
        ImportError: its driver is not installed.

    """
    place = make_url(url)
    if place.get_backend_name() == "postgresql":
        return _postgresql(place)
    engine = create_engine(place)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(place: URL) -> Engine:
    if place.drivername == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
    # What stands in the URL goes before. Of a server that vanished without a word, nobody learns by waiting: TCP gives up on it.
    wanted = {"connect_timeout": _PATIENCE_WITH_A_SERVER, "application_name": "mailtls", "tcp_user_timeout": _PATIENCE * 1000}
    arguments: dict[str, Any] = {name: value for name, value in wanted.items() if name not in place.query}
    # A few statements a minute gain nothing by being prepared, and where a pooler stands before the server, they would be lost.
    arguments["prepare_threshold"] = None
    engine = create_engine(place, connect_args=arguments, pool_size=1, max_overflow=3, pool_pre_ping=True)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def name_of(engine: Engine) -> str:
    """Return how people call a database: its URL as they write it, with no driver and no password."""
    place = engine.url
    if place.get_backend_name() == "postgresql":
        place = place.set(drivername="postgresql")
    return place.difference_update_query(["password"]).render_as_string(hide_password=True)


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


@contextmanager
def altering(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that changes tables; nobody else has such a one in this database, and who wants to waits."""
    with writing(engine) as connection:  # which is enough for SQLite: it has one writer at a time
        if engine.dialect.name == "postgresql":
            for timeout in ("lock_timeout", "statement_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {timeout} = '{_PATIENCE_WITH_A_MIGRATION}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION})")
        yield connection


def one_at_a_time(connection: Connection, what: int = SETTLING) -> None:
    """Wait until no other transaction that has asked for the same is open: what vantages settle together, one settles at a time."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({what})")


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], key: Sequence[str] = ()) -> None:
    """Insert rows, each in the place of one with the same key, whoever else does so at the same time.

    Args:
        connection: with an open transaction.
        table: where to.
        rows: of equal columns, all of them; none is fine.
        key: columns that are unique together; by default those of the primary key.

    """
    if not rows:
        return
    key = list(key) or [column.name for column in table.primary_key]
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    replaced = {name: insert.excluded[name] for name in rows[0] if name not in key}
    # In one order, so that two who write the same rows wait for each other, and not each for the other.
    ordered = sorted(rows, key=lambda row: [row[name] for name in key])
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=replaced), ordered)


def file_of(place: URL) -> Path | None:
    """Return the file of an SQLite database, from the root of the file system; ``None`` of any other database."""
    if place.get_backend_name() != "sqlite" or not place.database or place.database == ":memory:":
        return None
    return Path(place.database).absolute()


def give_back(engine: Engine) -> None:
    """Give room that was freed back to the disk, a little at a time; what is left is used again. PostgreSQL sees to that by itself."""
    if engine.dialect.name != "sqlite":
        return
    while True:
        with writing(engine) as connection:
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            if free <= _KEPT_FREE:
                return
            connection.exec_driver_sql(f"PRAGMA incremental_vacuum({_GIVEN_BACK})").fetchall()
            if connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() >= free:
                return  # a file of an earlier version, which cannot shrink


def said_by(error: BaseException | None) -> str:
    """Return in one line what a driver says of an error. What libpq only asks ("Is the server running ...?") is left out: ``advice`` answers it."""
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and not (line.startswith("Is the server running") and advice(error)))


def advice(error: BaseException | None) -> str:
    """Return what an operator can do about an error of the database's driver; empty where there is nothing to say."""
    name = getattr(error, "sqlite_errorname", "")  # e.g. SQLITE_IOERR_WRITE
    if name:
        return _ADVICE.get("_".join(name.split("_")[:2]), "")
    if not hasattr(error, "sqlstate"):
        return ""
    state = getattr(error, "sqlstate", None)
    if state is None:  # no session came about, or it was lost
        return _ADVICE_ON_CONNECTING if type(error).__name__ in {"OperationalError", "ConnectionTimeout"} else ""
    return next((_ADVICE_ON_STATES[state[:length]] for length in (5, 3, 2) if state[:length] in _ADVICE_ON_STATES), "")


def _prepare_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{_PATIENCE}s'")
        cursor.execute(f"SET statement_timeout = '{_PATIENCE_WITH_A_STATEMENT}s'")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, and leave statements like CREATE TABLE out of them
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE * 1000}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a file that is about to be made; another stays as it is
    connection.execute("PRAGMA journal_mode = WAL")  # who reads (a backup, say) does not wait for us, nor we for them
    # FULL: a commit is on the disk when it returns, even if the power fails. NORMAL would save an fsync for each, and promise no more
    # than that a killed process loses nothing. There are a few commits a minute, by a thread that nobody's probing waits for.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # Whoever will write takes the lock at once: a reader that starts to write while another does is turned away without any waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes", True) else "BEGIN")
