"""The schema's history: each step from one version of the tables to the next, for Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring a database to a version of the schema.

    Args:
        connection: to the database; the transaction that is open on it stays the caller's, so that a step is made whole or not at all.
        to: the version; ``base`` is before the first table.

    Raises:
        alembic.util.CommandError: the database has a version that this program does not know.
        sqlalchemy.exc.SQLAlchemyError: it cannot be had, or written to.

    """
    configuration = Config()  # no file: this directory is all there is to say
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))  # "%" would be interpolated
    configuration.attributes["connection"] = connection
    (command.downgrade if to == "base" else command.upgrade)(configuration, to)
