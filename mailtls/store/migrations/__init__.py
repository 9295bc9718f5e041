"""The schema's history: each step from one version of the tables to the next, for Alembic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Versions:
    """Which version of the tables a database has, and which this program works with.

    Args:
        there: of the database; empty where it has no tables of ours.
        ours: of this program.
        is_older: the database has one from which this program can bring it to its own.

    """

    there: str
    ours: str
    is_older: bool


def versions(connection: Connection) -> Versions:
    """Return which version of the tables a database has. Nothing is changed."""
    scripts = ScriptDirectory.from_config(_configuration())
    ours = scripts.get_current_head() or ""
    there = MigrationContext.configure(connection).get_current_revision() or ""
    known = {script.revision for script in scripts.walk_revisions()}
    return Versions(there, ours, there != ours and (not there or there in known))


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring a database to a version of the schema.

    Args:
        connection: to the database; the transaction that is open on it stays the caller's, so that a step is made whole or not at all.
        to: the version; ``base`` is before the first table.

    Raises:
        alembic.util.CommandError: the database has a version that this program does not know.
        sqlalchemy.exc.SQLAlchemyError: it cannot be had, or written to.

    """
    configuration = _configuration()
    configuration.attributes["connection"] = connection
    (command.downgrade if to == "base" else command.upgrade)(configuration, to)


def _configuration() -> Config:
    configuration = Config()  # no file: this directory is all there is to say
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))  # "%" would be interpolated
    return configuration
