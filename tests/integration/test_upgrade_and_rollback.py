"""An older release's database is brought up to date by the daemon's start, and the backup taken before is the way back (docs/operations.md)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from servers.postgresql import find_postgres
from sqlalchemy import insert, text

from mailtls.store.engine import engine_of, writing
from mailtls.store.migrations import migrate, versions
from mailtls.store.schema import hellos

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GOLDEN = Path(__file__).parents[1] / "store/golden/001.json"
OLDEST = "0001"
NEWER = "9999"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name the database that an older release left: its tables, and in them the oldest documents that there are."""
    place = f"sqlite:///{tmp_path}/mailtls.db" if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))
    documents = json.loads(GOLDEN.read_text())["hellos"]
    engine = engine_of(place)
    with writing(engine) as connection:
        migrate(connection, OLDEST)
        for number, document in enumerate(documents):
            row = {"vantage": "default", "host": "mx.solid.example", "address": f"192.0.2.{number}", "port": 25}
            written = {"began": now(), "saved_at": now(), "complete": True, "document": zlib.compress(json.dumps(document).encode())}
            connection.execute(insert(hellos).values(row | written))
    engine.dispose()
    return place


def now() -> datetime:
    return datetime.now(UTC)


def version(url: str) -> str:
    engine = engine_of(url)
    with engine.connect() as connection:
        found = versions(connection).there
    engine.dispose()
    return found


def stored(url: str) -> list[tuple[object, ...]]:
    """Return the raw hellos that the older release wrote."""
    engine = engine_of(url)
    with engine.connect() as connection:
        query = "SELECT address, document FROM hellos WHERE host = 'mx.solid.example' ORDER BY address"
        found = [(address, bytes(document)) for address, document in connection.execute(text(query))]
    engine.dispose()
    return found


def back_up(url: str, copy: Path) -> None:
    """Take a backup as docs/operations.md says."""
    if url.startswith("sqlite"):
        subprocess.run(["sqlite3", url.removeprefix("sqlite:///"), f".backup {copy}"], check=True, timeout=30)
    else:
        subprocess.run([find_postgres("pg_dump"), "--format=custom", f"--file={copy}", url], check=True, timeout=30)


def put_back(url: str, copy: Path) -> None:
    """Put a backup in place as docs/operations.md says."""
    if url.startswith("sqlite"):
        database = Path(url.removeprefix("sqlite:///"))
        for stale in ("-wal", "-shm"):
            Path(f"{database}{stale}").unlink(missing_ok=True)
        database.write_bytes(copy.read_bytes())
    else:
        engine = engine_of(url)
        with writing(engine) as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
        subprocess.run([find_postgres("pg_restore"), f"--dbname={url}", str(copy)], check=True, timeout=30)


def command(url: str, directory: Path) -> tuple[str, ...]:
    """Write a configuration that visits nobody, and return how the daemon is started by it."""
    settings = {
        "storage": {"url": url}, "web": {"listen": ["127.0.0.1:0"]}, "resolver": {"nameservers": ["127.0.0.1:9"], "timeout": "1s"},
        "providers": [{"name": "Solid", "domains": ["solid.example"]}],
    }  # fmt: skip
    path = directory / "mailtls.yaml"
    path.write_text(yaml.safe_dump(settings))
    return sys.executable, "-m", "mailtls.cli", "run", "--config.file", str(path)


@contextlib.asynccontextmanager
async def daemon(url: str, directory: Path) -> AsyncIterator[None]:
    """Run the daemon, which ends in order."""
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command(url, directory), stdout=asyncio.subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 120)).decode()
    assert line.startswith("http://"), (directory / "log").read_text()
    try:
        yield
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0, (directory / "log").read_text()


async def test_the_oldest_database_is_upgraded_by_the_start_and_its_backup_is_the_way_back(url: str, tmp_path: Path) -> None:
    copy = tmp_path / "backup"
    before = stored(url)
    assert before
    back_up(url, copy)
    async with daemon(url, tmp_path):
        pass
    upgraded = version(url)
    assert upgraded > OLDEST
    assert stored(url) == before
    put_back(url, copy)
    assert version(url) == OLDEST
    assert stored(url) == before
    async with daemon(url, tmp_path):  # and the upgrade can be tried again
        pass
    assert (version(url), stored(url)) == (upgraded, before)


async def test_an_older_program_refuses_a_newer_database_says_why_and_changes_nothing(url: str, tmp_path: Path) -> None:
    async with daemon(url, tmp_path):
        pass
    engine = engine_of(url)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{NEWER}'"))
    engine.dispose()
    before = stored(url)
    done = await asyncio.to_thread(
        subprocess.run, command(url, tmp_path), capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert "a newer mailtls may have written it" in done.stderr
    assert (version(url), stored(url)) == (NEWER, before)
