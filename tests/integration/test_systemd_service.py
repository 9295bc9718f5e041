"""The unit of deploy/systemd, installed by the lines of docs/deployment.md, under a real systemd that is this test's own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from machine import Machine, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/mailtls.service"
LAB = """
import asyncio, sys
from pathlib import Path
import yaml
from mailtls.lab import Lab

async def run():
    async with await Lab.start() as lab:
        settings = lab.configuration()
        settings["schedule"]["interval"] = "3s"
        settings["web"] = {"listen": ["127.0.0.1:9925"]}
        settings["providers"] = [p for p in settings["providers"] if p["domains"][0] in ("solid.example", "no-starttls.example")]
        authority = Path("/etc/mailtls/authority.pem")
        authority.write_bytes(Path(settings["trust"]["ca_file"]).read_bytes())
        settings["trust"]["ca_file"] = authority.name
        Path("/etc/mailtls/mailtls.yaml").write_text(yaml.safe_dump(settings))
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(run())
"""


def documented(command: str) -> str:
    """Return the indented block of docs/deployment.md that begins with a command."""
    blocks = re.findall(r"(?:^ {4}.*\n)+", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE)
    return next(block for block in blocks if block.strip().startswith(command))


def until(what: Callable[[], T], seconds: float = 40, told: Callable[[], str] = str) -> T:
    """Wait until something holds, and return it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, told()
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the documented lines were played, beside a lab."""
    checkout = tmp_path_factory.mktemp("checkout")
    wheels = documented("make wheels").split()
    command = [*wheels, "PYTHON=/usr/bin/python3", f"WHEELS={checkout / 'dist/wheels'}"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300, capture_output=True)
    for name in ("config", "deploy"):
        shutil.copytree(ROOT / name, checkout / name)
    with machine() as running:
        shutil.copytree(checkout, running.root / "root/mailtls")
        running.run("sh", "-euc", "cd /root/mailtls\n" + documented("/usr/bin/python3 -m venv"))
        (running.root / "root/lab.py").write_text(LAB)
        lab = running.begin("/opt/mailtls/bin/python", "/root/lab.py")
        assert lab.stdout is not None
        assert lab.stdout.readline() == "ready\n"
        yield running


def fetch(there: Machine, path: str) -> str:
    get = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
    done = there.run("/opt/mailtls/bin/python", "-c", get, f"http://127.0.0.1:9925{path}", check=False)
    return done.stdout if done.returncode == 0 else ""


def verdicts(there: Machine) -> dict[str, str]:
    return {one["domain"]: one["verdict"] for one in json.loads(fetch(there, "/api/v1/domains") or '{"domains": []}')["domains"]}


def test_the_exposure_of_the_unit_is_no_more_than_1_2() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=12", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_starts_measures_remembers_reloads_and_ends_under_all_its_restrictions(installed: Machine) -> None:
    verify = installed.run("systemd-analyze", "verify", "/etc/systemd/system/mailtls.service")
    assert verify.stdout == ""
    installed.run("systemctl", "enable", "--now", "mailtls")
    assert installed.show("mailtls", "ActiveState") == "active"  # and systemctl waited for READY=1
    expected = {"solid.example": "protected", "no-starttls.example": "unprotected"}
    until(lambda: expected.items() <= verdicts(installed).items(), told=lambda: f"{verdicts(installed)}\n{installed.log()}")
    until(lambda: installed.show("mailtls", "StatusText").endswith("domains looked at"))

    process = installed.root / "proc" / installed.show("mailtls", "MainPID")
    told = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert (told["NoNewPrivs"], told["Seccomp"], int(told["CapEff"], 16), int(told["CapBnd"], 16)) == ("1", "2", 0, 0)
    assert "0" not in told["Uid"].split()
    assert "uvloop" in (process / "maps").read_text()
    assert "process_start_time_seconds" in fetch(installed, "/metrics")
    database = installed.root / "var/lib/private/mailtls/mailtls.db"
    assert database.stat().st_mode & 0o77 == 0

    configuration = installed.root / "etc/mailtls/mailtls.yaml"
    good = configuration.read_text()
    configuration.write_text(good + "nonsense: 1\n")
    assert installed.run("systemctl", "reload", "mailtls", check=False).returncode != 0
    assert installed.show("mailtls", "ActiveState") == "active"
    configuration.write_text(good.replace("no-starttls.example", "legacy-only.example"))
    installed.run("systemctl", "reload", "mailtls")
    until(lambda: "legacy-only.example" in fetch(installed, "/"))
    assert installed.show("mailtls", "ActiveState") == "active"
    configuration.write_text(good)

    installed.run("systemctl", "stop", "mailtls")
    assert (installed.show("mailtls", "ActiveState"), installed.show("mailtls", "Result")) == ("inactive", "success")


def test_a_daemon_that_hangs_or_is_killed_is_started_again_with_what_it_knew_and_its_credentials(installed: Machine) -> None:
    secret = installed.root / "etc/mailtls/pgpass"
    secret.write_text("*:*:*:*:secret\n")
    secret.chmod(0o600)
    installed.drop_in("mailtls.service", "[Service]\nWatchdogSec=8\nRestartSec=100ms\nLoadCredential=pgpass:/etc/mailtls/pgpass\n")
    installed.run("systemctl", "start", "mailtls")
    known = until(lambda: verdicts(installed))
    for number, failures in (("KILL", "1"), ("STOP", "2")):
        before = installed.show("mailtls", "MainPID")
        installed.run("systemctl", "kill", "--kill-whom=main", f"--signal={number}", "mailtls")
        until(lambda failures=failures: installed.show("mailtls", "NRestarts") == failures)
        until(lambda: installed.show("mailtls", "ActiveState") == "active")
        assert installed.show("mailtls", "MainPID") != before
        assert until(lambda: verdicts(installed)).keys() == known.keys()
    pid = installed.show("mailtls", "MainPID")
    inside = ("nsenter", f"--target={pid}", "--mount", "stat", "--format=%A %u", "/run/credentials/mailtls.service/pgpass")
    mode, owner = installed.run(*inside).stdout.split()
    assert mode == "-r--------"
    assert owner in (installed.root / "proc" / pid / "status").read_text().split("Uid:\t")[1].split()[:1]


def test_a_configuration_that_is_wrong_is_told_by_the_start(installed: Machine) -> None:
    installed.run("systemctl", "stop", "mailtls")
    (installed.root / "etc/mailtls/mailtls.yaml").write_text("nonsense: 1\n")
    installed.drop_in("mailtls.service", "[Service]\nRestartSec=30\n")  # so that it can be looked at before the next try
    assert installed.run("systemctl", "start", "mailtls", check=False).returncode != 0
    assert installed.show("mailtls", "ActiveState") == "activating"
    assert installed.show("mailtls", "ExecMainStatus") == "1"
    assert "nonsense: unknown key" in installed.log()
    installed.run("systemctl", "stop", "mailtls")
