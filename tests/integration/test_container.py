"""The image that deploy/container describes: its Containerfile played, and run without root, capability, or a root file system to write."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from container import Container, built, container
from containerfile import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with TemporaryDirectory(prefix="image-") as place, built(Path(place)) as root, container(root, tmp_path_factory.mktemp("container")) as started:
        yield started


def until(what: Callable[[], object], there: Container) -> None:
    end = time.monotonic() + 40
    while not what():
        assert time.monotonic() < end, there.log
        time.sleep(0.2)


def verdicts(there: Container) -> dict[str, str]:
    return {one["domain"]: one["verdict"] for one in json.loads(there.fetch("/api/v1/domains") or '{"domains": []}')["domains"]}


def test_the_image_measures_and_remembers_and_ends_without_root_or_a_root_to_write(running: Container) -> None:
    expected = {"solid.example": "protected", "no-starttls.example": "unprotected"}
    until(lambda: expected.items() <= verdicts(running).items(), running)
    assert running.fetch("/-/ready")
    until(running.is_healthy, running)

    process = Path(f"/proc/{running.pid}")
    told = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    user, group = running.step.last("USER").text.split(":")
    assert (set(told["Uid"].split()), set(told["Gid"].split()), told["Groups"].strip()) == ({user}, {group}, "")
    assert (told["NoNewPrivs"], int(told["CapEff"], 16), int(told["CapBnd"], 16)) == ("1", 0, 0)
    assert process.joinpath("cmdline").read_text().split("\0")[-4:-1] == running.step.last("CMD").words
    points = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    assert "ro" in next(options for _, _, _, _, point, options, *_ in reversed(points) if point == "/").split(",")
    assert "uvloop" in (process / "maps").read_text()
    for place in ("/", "/tmp", "/etc/mailtls", "/opt/mailtls"):
        assert running.run("touch", f"{place}/written").returncode != 0
    assert {path.name for path in running.volume.iterdir()} == {"mailtls.db", "mailtls.db-shm", "mailtls.db-wal"}

    check = running.run(*running.step.last("ENTRYPOINT").words, "check", "solid.example", "--config.file", "/etc/mailtls/mailtls.yaml")
    assert (check.returncode, check.stderr) == (0, ""), check.stdout
    for name in sorted(ROOT.glob("deploy/*/**/mailtls.yaml")):
        shutil.copy(name, running.settings / "shipped.yaml")
        checked = running.run(*running.step.last("ENTRYPOINT").words, "config", "check", "/etc/mailtls/shipped.yaml")
        assert checked.returncode == 0, checked.stderr
    postgresql = running.run("/opt/mailtls/bin/python", "-Ic", "import psycopg, procrastinate; assert psycopg.pq.__impl__ == 'binary'")
    assert postgresql.returncode == 0, postgresql.stderr

    assert running.end(getattr(signal, running.step.last("STOPSIGNAL").text)) == 0
    assert {path.name for path in running.volume.iterdir()} == {"mailtls.db"}
