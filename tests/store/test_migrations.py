"""The tables can be made, taken back and made again, and are then what the program takes them to be."""

from __future__ import annotations

import hashlib
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from remembered import NOW
from sqlalchemy import LargeBinary, bindparam, inspect, text

from mailtls.store import migrations
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import engine_of, writing
from mailtls.store.migrations import migrate, versions
from mailtls.store.schema import Instant, metadata
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.standing import Event


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


OLD = (
    (
        "INSERT INTO subjects (id, vantage, subject, seen_at, seen, runs) VALUES (7, 'fra1', 'a.example///', '2026-11-24 14:00:00+00:00', "
        "'{\"2026-11-24T14:00:00+00:00\": \"key\"}', '{}')"
    ),
    *(
        "INSERT INTO states (id, subject_id, fact, value, first_seen, last_seen, ended_at) "
        f"VALUES ({number}, 7, '{fact}', '{value}', '{first}', '{last}', {ended})"
        for number, fact, value, first, last, ended in (
            (1, "starttls", "true", "2026-11-24 12:00:00+00:00", "2026-11-24 13:00:00+00:00", "'2026-11-24 14:00:00+00:00'"),
            (2, "dane", '"none"', "2026-11-24 12:00:00+00:00", "2026-11-24 13:00:00+00:00", "'2026-11-24 14:00:00+00:00'"),
            (3, "key", "2048", "2026-11-24 12:00:00+00:00", "2026-11-24 12:00:00+00:00", "NULL"),
            (4, "starttls", "absent", "2026-11-24 14:00:00+00:00", "2026-11-24 14:00:00+00:00", "NULL"),
        )
    ),
    (
        'INSERT INTO changes (id, at, vantage, subject, "check", event, document) '
        "VALUES (1, '2026-11-24 14:00:00+00:00', 'fra1', 'a.example///', "
        "'starttls', 'confirmed', '{\"format\":1,\"kind\":\"change\",\"at\":\"2026-11-24T14:00:00+00:00\",\"subject\":\"a.example///\","
        '"check":"starttls","event":"confirmed","vantage":"fra1","why":"so it was"}\')'
    ),
    "INSERT INTO outcome_days (subject_id, month, days) VALUES (7, '2026-10', '{\"2026-10-01\": {\"conclusive\": 96}}')",
)
"""What version 6 wrote of one domain, with a long value put in beside it."""


async def test_what_an_earlier_version_wrote_is_told_as_before(url: str) -> None:
    engine, long = engine_of(url), '"' + "x" * 300 + '"'
    digest = hashlib.sha256(long.encode()).digest()
    with writing(engine) as connection:
        migrate(connection, "0006")
        for statement in OLD:
            connection.exec_driver_sql(statement)
        row = {"at": NOW, "id": digest, "octets": zlib.compress(long.encode())}
        connection.execute(text("INSERT INTO blobs (id, saved_at, octets) VALUES (:id, :at, :octets)").bindparams(*_KINDS), row)
        connection.execute(
            text(
                "INSERT INTO states (id, subject_id, fact, long_value, first_seen, last_seen, evidence) VALUES (5, 7, 'names', :id, :at, :at, :id)"
            ).bindparams(*_KINDS[:2]),
            {"at": NOW, "id": digest},
        )
    engine.dispose()
    store = await Store.open(url)
    (story,) = await store.stories("a.example")
    await store.close()
    told = [(each.fact, each.value, each.first_seen.hour, each.last_seen.hour, each.ended_at and each.ended_at.hour) for each in story.states]
    assert told == [
        ("starttls", "true", 12, 13, 14),
        ("dane", '"none"', 12, 13, 14),
        ("key", "2048", 12, 14, None),
        ("names", long, 12, 12, None),
        ("starttls", "absent", 14, 14, None),
    ]
    assert story.states[3].evidence == digest.hex()
    (change,) = story.changes
    assert change == Change(NOW + timedelta(hours=2), Subject("a.example"), "starttls", Event.CONFIRMED, vantage="fra1", why="so it was")
    assert story.days == {"2026-10-01": {"conclusive": 96}}


_KINDS = (bindparam("id", type_=LargeBinary), bindparam("at", type_=Instant), bindparam("octets", type_=LargeBinary))
