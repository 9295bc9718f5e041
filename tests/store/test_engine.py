"""SQLite, and what may be wrong with its file: each is told with what to do about it, and none holds up the event loop."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from remembered import NOW, ONE, PLACE, found, same

from mailtls.store import engine as engine_module
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import advice, engine_of, name_of, reading, said_by

NOBODY = 65_534


def test_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    engine = engine_of(f"sqlite:///{tmp_path}/mailtls.db")
    with reading(engine) as connection:
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "busy_timeout")]
    engine.dispose()
    assert told == ["wal", 2, 10_000]


async def test_a_database_in_memory_remembers_for_as_long_as_it_is_open() -> None:
    store = await Store.open("sqlite://")
    await store.save(PLACE, {ONE: found()}, NOW)
    assert same(await store.load(PLACE, ONE), found())
    await store.close()


async def test_a_closed_database_is_one_file(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
    await store.save(PLACE, {ONE: found()}, NOW)
    await store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mailtls.db"]


async def refusal(url: str) -> str:
    with pytest.raises(StoreFailed) as failed:
        await Store.open(url)
    return str(failed.value)


async def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/absent/mailtls.db"
    assert await refusal(url) == f"{url}: unable to open database file; {advice_on('SQLITE_CANTOPEN')}"


async def test_a_file_of_another_kind_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mailtls.db"
    path.write_text("to whom it may concern\n" * 100)
    assert (await refusal(f"sqlite:///{path}")).endswith(f": file is not a database; {advice_on('SQLITE_NOTADB')}")
    assert path.read_text() == "to whom it may concern\n" * 100


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mailtls.db"
    store = await Store.open(f"sqlite:///{path}")
    await store.save(PLACE, {ONE: found()}, NOW)
    await store.close()
    octets = path.read_bytes()
    path.write_bytes(octets[:1024] + os.urandom(len(octets) - 1024))
    assert (await refusal(f"sqlite:///{path}")).endswith(f"database disk image is malformed; {advice_on('SQLITE_CORRUPT')}")


@contextmanager
def as_nobody(directory: Path) -> Iterator[None]:
    """Be somebody who owns a directory and may not write to it; root, who may write everywhere, is nobody meanwhile."""
    was = os.geteuid()
    if was == 0:
        os.chown(directory, NOBODY, -1)
    directory.chmod(0o500)
    os.seteuid(NOBODY if was == 0 else was)
    try:
        yield
    finally:
        os.seteuid(was)
        directory.chmod(0o700)


async def test_a_directory_that_may_not_be_written_to_is_told() -> None:
    with tempfile.TemporaryDirectory() as directory, as_nobody(Path(directory)):  # nobody may look into tmp_path
        assert os.listdir(directory) == []  # noqa: PTH208 - it may be read, so that writing is what fails
        assert (await refusal(f"sqlite:///{directory}/mailtls.db")).endswith(advice_on("SQLITE_CANTOPEN"))


async def test_a_database_that_another_program_holds_is_waited_for_and_then_told_and_the_loop_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_PATIENCE", 0.3)
    store = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
    other = sqlite3.connect(tmp_path / "mailtls.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    saving = asyncio.create_task(store.save(PLACE, {ONE: found()}, NOW))
    turns = 0
    while not saving.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 3
    with pytest.raises(StoreFailed, match="database is locked; another program holds it locked"):
        await saving
    assert await store.load(PLACE, ONE) is None  # whoever reads is not held up by who writes
    other.execute("ROLLBACK")
    other.close()
    await store.save(PLACE, {ONE: found()}, NOW)
    assert same(await store.load(PLACE, ONE), found())
    await store.close()


@contextmanager
def no_more_than(octets: int) -> Iterator[None]:
    """Let files of this process grow no further, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_disk_that_takes_no_more_is_told_and_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
    await store.save(PLACE, {ONE: found(1)}, NOW)
    with no_more_than(max(path.stat().st_size for path in tmp_path.iterdir())):
        with pytest.raises(StoreFailed, match=r"its disk is full, or faulty|make room on its disk"):
            await store.save(PLACE, {ONE: found(2)}, NOW)
        assert same(await store.load(PLACE, ONE), found(1))
    await store.save(PLACE, {ONE: found(2)}, NOW)
    assert same(await store.load(PLACE, ONE), found(2))
    await store.close()


def advice_on(name: str) -> str:
    error = sqlite3.OperationalError()
    error.sqlite_errorname = name  # type: ignore[misc]
    return advice(error)


def test_there_is_advice_for_what_may_be_wrong_with_a_file_and_none_for_a_fault_of_ours() -> None:
    assert advice_on("SQLITE_IOERR_WRITE") == "its disk is full, or faulty"
    assert "writable" in advice_on("SQLITE_READONLY_DIRECTORY")
    assert advice_on("SQLITE_MISUSE") == ""
    assert advice(None) == ""


async def test_without_its_driver_postgresql_is_refused_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert (await refusal("postgresql://me:sesame@db.example/mailtls")).endswith("pip install 'mailtls[postgresql]'")


def test_a_database_is_called_as_people_write_it_and_without_its_password() -> None:
    assert name_of(engine_of("postgresql://me:sesame@db.example/mailtls")) == "postgresql://me:***@db.example/mailtls"
    assert name_of(engine_of("postgresql://db.example/mailtls?password=sesame&user=me")) == "postgresql://db.example/mailtls?user=me"
    assert name_of(engine_of("sqlite:///mailtls.db")) == "sqlite:///mailtls.db"


def test_what_libpq_asks_is_left_out_where_there_is_advice() -> None:
    refused = psycopg.OperationalError("connection failed\n\tIs the server running on that host and accepting TCP/IP connections?")
    assert said_by(refused) == "connection failed"
    assert said_by(ValueError("FATAL:  one\n  and two")) == "FATAL: one and two"


async def test_a_file_that_is_not_there_is_told_from_the_root_to_who_only_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreFailed, match=f"there is no {tmp_path}/mailtls.db; .*directory that the daemon works in"):
        await Store.open("sqlite:///mailtls.db", make=False)


def test_there_is_advice_for_what_may_be_wrong_with_a_server_and_none_for_a_fault_of_ours() -> None:
    def advice_on_state(state: str | None) -> str:
        error = psycopg.OperationalError()
        error.sqlstate = state
        return advice(error)

    assert advice_on_state("53100") == "make room on its disk"
    assert advice_on_state("57P01") == "it stops, starts, or was told to end this connection"
    assert "standby" in advice_on_state("25006")
    assert "running" in advice_on_state(None)
    assert advice_on_state("42601") == ""
