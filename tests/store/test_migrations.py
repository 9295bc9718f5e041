"""The tables can be made, taken back and made again, and are then what the program takes them to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from mailtls.store import migrations
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import engine_of, writing
from mailtls.store.migrations import migrate, versions
from mailtls.store.schema import metadata


def test_each_step_goes_up_and_down_and_ends_in_what_the_schema_says(url: str) -> None:
    engine = engine_of(url)
    for _ in range(2):
        with writing(engine) as connection:
            migrate(connection)
            migrate(connection)  # nothing is left to be done
            differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
            assert differences == []
            assert set(inspect(connection).get_table_names()) == {"alembic_version", *metadata.tables}
        with writing(engine) as connection:
            migrate(connection, "base")
            assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_migration_that_is_broken_off_leaves_nothing_half_done(url: str) -> None:
    engine = engine_of(url)
    with writing(engine) as connection:
        migrate(connection)
        connection.rollback()
    with writing(engine) as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


async def test_tables_of_a_newer_version_are_left_alone(url: str) -> None:
    await (await Store.open(url)).close()
    engine = engine_of(url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreFailed, match="a newer mailtls may have written it"):
        await Store.open(url)
    with pytest.raises(StoreFailed, match="a newer mailtls may have written it"):
        await Store.open(url, make=False)


async def test_who_only_asks_changes_no_tables_of_an_older_version_and_says_who_does(url: str) -> None:
    engine = engine_of(url)
    with writing(engine) as connection:
        migrate(connection, "0005")
    ours = str(ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head())
    with pytest.raises(StoreFailed, match=rf"older version \(0005\), and this program needs {ours}: start its daemon \(mailtls run\) first"):
        await Store.open(url, make=False)
    with writing(engine) as connection:
        assert versions(connection).there == "0005"
    await (await Store.open(url)).close()
    await (await Store.open(url, make=False)).close()
    engine.dispose()


async def test_who_only_asks_makes_no_tables(url: str) -> None:
    engine = engine_of(url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE others (name VARCHAR)"))
    with pytest.raises(StoreFailed, match="no tables of ours"):
        await Store.open(url, make=False)
    with writing(engine) as connection:
        assert inspect(connection).get_table_names() == ["others"]
    engine.dispose()
