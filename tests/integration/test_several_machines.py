"""The five lines by which several machines are started work as they stand in the documentation; only addresses are others here."""

import asyncio
import os
import re
import sys
from pathlib import Path

import psycopg
import yaml
from servers import PostgreSQL

from mailtls.lab import Lab

PAGE = Path(__file__).parents[2] / "docs/operations.md"


def five_lines() -> list[str]:
    """Return the commands under "Several machines"."""
    section = PAGE.read_text("utf-8").partition("\n## Several machines\n")[2].partition("\n## ")[0]
    block = re.search(r"\n\n((?:    .*\n)+)\n", section)
    assert block is not None
    return [line.removeprefix("    ") for line in block[1].splitlines()]


async def told(process: asyncio.subprocess.Process, what: str) -> None:
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while what not in (line := (await process.stderr.readline()).decode()):
            assert line, f"it ended without saying {what!r}"


async def test_two_processes_that_are_started_as_the_page_says_share_the_work_of_a_vantage(tmp_path: Path) -> None:
    lines = five_lines()
    assert len(lines) == 5
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "mailtls").write_text(f'#!/bin/sh\nexec {sys.executable} -m mailtls.cli "$@"\n')
    (tools / "pip").write_text('#!/bin/sh\ntest "$*" = "install mailtls[postgresql]"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    async with PostgreSQL() as database, await Lab.start() as lab:
        place = {"PGHOST": database.address, "PGPORT": str(database.port), "PGUSER": "postgres"}
        environment = os.environ | place | {"PATH": f"{tools}:{os.environ['PATH']}"}
        settings = lab.configuration()
        partners = {"providers": [{"name": "solid", "domains": ["solid.example"]}]}
        (tmp_path / "providers.yaml").write_text(yaml.safe_dump(partners))
        for line in lines[:3]:
            written = line.replace("db.example", f"{database.address}:{database.port}")
            ended = await asyncio.create_subprocess_shell(written, cwd=tmp_path, env=environment)
            assert await ended.wait() == 0, line
        with (tmp_path / "mailtls.yaml").open("a") as file:
            world = {name: settings[name] for name in ("resolver", "network", "trust", "mta_sts", "limits", "schedule")}
            file.write(yaml.safe_dump(world))
        running = []
        try:
            for line in lines[3:]:
                anywhere = line.partition(" --web.listen-address")[0] + " --web.listen-address 127.0.0.1:0"
                pipe = asyncio.subprocess.PIPE
                process = await asyncio.create_subprocess_exec(*anywhere.split(), cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe)
                running.append(process)
                await told(process, 'event="sharing the work" vantage=fra1')
            with psycopg.connect(database.dsn("mailtls"), autocommit=True) as connection:
                async with asyncio.timeout(30):  # it says so a moment before it is written down
                    while connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone() != (2,):
                        await asyncio.sleep(0.2)
        finally:
            for process in running:
                process.terminate()
                await process.communicate()
        assert [process.returncode for process in running] == [0, 0]
        assert lab.server("mx.solid.example").connections
