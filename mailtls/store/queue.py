"""The tables of the job queue beside our own, for PostgreSQL: made once, and brought to the version of the library that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from procrastinate.schema import SchemaManager
from sqlalchemy import inspect, text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NOTED = "procrastinate_jobs"
_MARK = "its schema is up to "


class QueueTooNew(Exception):  # noqa: N818 - it is what happened
    """A newer version of the library has changed the tables."""


def prepare_queue(connection: Connection) -> None:
    """Make the tables of the queue, or bring them to this version of the library.

    The library ships its schema and the steps between versions, and leaves it to its users to know which were made; a comment on the table says so.

    Args:
        connection: with an open transaction that nobody else has at the same time.

    Raises:
        QueueTooNew: the tables are of a newer version.
        sqlalchemy.exc.SQLAlchemyError: that cannot be done.

    """
    steps = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    names = [step.stem for step in steps]
    if not inspect(connection).has_table(_NOTED):
        connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    else:
        said = connection.scalar(text("SELECT obj_description(to_regclass(:table), 'pg_class')"), {"table": _NOTED}) or ""
        done = said.removeprefix(_MARK)
        if done not in names:
            raise QueueTooNew(f"the tables of the job queue are of another version ({said!r:.80})")
        for step in steps[names.index(done) + 1 :]:
            connection.exec_driver_sql(step.read_text("utf-8").replace("%", "%%"))
    connection.exec_driver_sql(f"COMMENT ON TABLE {_NOTED} IS '{_MARK}{names[-1]}'")
