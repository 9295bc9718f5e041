"""What may be wrong with PostgreSQL: each is told with what to do about it, without a password, and ends nothing."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
import structlog.testing
from remembered import NOW, ONE, PLACE, TWO, found, kept_of, same
from servers import PostgreSQL, free_port

from mailtls.store import engine as engine_module
from mailtls.store import keeper as keeper_module
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import engine_of, reading
from mailtls.store.keeper import Keeper


async def refusal(url: str) -> str:
    with pytest.raises(StoreFailed) as failed:
        await Store.open(url)
    assert "sesame" not in str(failed.value)
    assert "\n" not in str(failed.value)
    return str(failed.value)


def with_password(url: str) -> str:
    return url.replace("postgres@", "postgres:sesame@")


async def test_a_database_that_is_not_there_is_told(postgresql: PostgreSQL) -> None:
    said = await refusal(with_password(postgresql.dsn("absent")))
    assert said.startswith(f"postgresql://postgres:***@{postgresql.address}:{postgresql.port}/absent: ")
    assert 'database "absent" does not exist' in said
    assert said.endswith("; it must be running and be reached from here, and user, password and database must be right")


async def test_a_server_that_is_not_there_is_told() -> None:
    said = await refusal(f"postgresql://me:sesame@127.0.0.1:{free_port('127.0.0.1')}/mailtls")
    assert "onnection refused" in said
    assert said.endswith("; it must be running and be reached from here, and user, password and database must be right")


async def test_a_wrong_password_is_told_and_not_shown(postgresql: PostgreSQL, postgresql_url: str) -> None:
    hba = postgresql.directory / "data/pg_hba.conf"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'another'")
        before = hba.read_text()
        try:
            hba.write_text("host all guarded 127.0.0.0/8 scram-sha-256\n" + before)
            connection.execute("SELECT pg_reload_conf()")
            await asyncio.sleep(0.5)
            said = await refusal(postgresql_url.replace("postgres@", "guarded:sesame@"))
        finally:
            hba.write_text(before)
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP ROLE guarded")
    assert 'password authentication failed for user "guarded"' in said


async def test_a_user_who_may_not_make_tables_is_told(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE bystander LOGIN")
        try:
            said = await refusal(postgresql_url.replace("postgres@", "bystander:sesame@"))
        finally:
            connection.execute("DROP ROLE bystander")
    assert "permission denied for schema public" in said
    assert "granted CREATE on its schema" in said


async def test_a_locked_table_is_waited_for_and_then_told(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_PATIENCE", 1)
    store = await Store.open(postgresql_url)
    with psycopg.connect(postgresql_url) as other:
        other.execute("LOCK TABLE hellos")
        with pytest.raises(StoreFailed, match=r"canceling statement due to lock timeout.*; another program holds it locked"):
            await store.save(PLACE, {ONE: found()}, NOW)
    await store.save(PLACE, {ONE: found()}, NOW)
    assert same(await store.load(PLACE, ONE), found())
    await store.close()


async def test_a_connection_that_was_ended_is_followed_by_another(postgresql_url: str) -> None:
    store = await Store.open(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    await store.save(PLACE, {ONE: found()}, NOW)
    await store.close()


def test_timeouts_are_set_and_the_url_has_the_last_word(postgresql_url: str) -> None:
    engine = engine_of(f"{postgresql_url}?application_name=mine")
    with reading(engine) as connection:
        told = [
            connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("lock_timeout", "statement_timeout", "application_name", "synchronous_commit")
        ]
    engine.dispose()
    assert told == ["10s", "30s", "mine", "on"]


OPENING = """
import asyncio, sys
from mailtls.store.database import Store

async def main():
    sys.stdin.readline()
    await (await Store.open(sys.argv[1])).close()

asyncio.run(main())
"""


def test_four_processes_that_start_at_once_on_an_empty_database_make_its_tables_once(postgresql_url: str) -> None:
    command = [sys.executable, "-c", OPENING, postgresql_url]
    starting = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in starting] == [""] * 4
    assert [process.returncode for process in starting] == [0] * 4


async def test_a_server_that_is_stopped_under_a_keeper_is_told_once_counted_survived_and_caught_up_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper_module, "_TOGETHER", 0.02)
    monkeypatch.setattr(keeper_module, "_AGAIN", 0.1)
    failures: list[None] = []
    async with PostgreSQL() as cluster:
        store = await Store.open(with_password(cluster.fresh_database()))
        keeper = Keeper(store, PLACE, timedelta(days=400), lambda: failures.append(None), lambda: NOW)
        with structlog.testing.capture_logs() as said:
            keeper.keep(ONE, found(1))
            await until(lambda: not keeper._due.is_set())
            await cluster.stop()
            for number in range(20):
                keeper._keep(kept_of(number)[0])
            keeper.keep(ONE, found(2))
            await until(lambda: len(failures) >= 3)
            assert await keeper.recall(TWO) is None  # nobody waits for it
            await cluster.start()
            await until(lambda: said[-1]["event"] == "the store works again")
        reasons = [entry["why"] for entry in said if entry["log_level"] == "error"]
        assert len(reasons) == len(set(reasons)) < len(failures)  # that it stops is one, that it is not there another
        assert [entry["event"] for entry in said].count("the store works again") == 1
        assert "sesame" not in str(said)
        assert reasons[-1].endswith("it must be running and be reached from here, and user, password and database must be right")
        assert same(await store.load(PLACE, ONE), found(2))
        assert len((await store.load_tracks(PLACE, NOW - timedelta(days=1))).scans) == 20
        await keeper.close()


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not what():
            await asyncio.sleep(0.01)
