"""The daemon as an SRE meets it: a URL at once, health, metrics, reload that is all or nothing, and a stop that says QUIT."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtls.lab import Lab


def call(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def fetch(url: str, method: str = "GET") -> tuple[int, str]:
    return await asyncio.to_thread(call, url, method)


@pytest.fixture
async def daemon(tmp_path: Path):
    """Run the daemon against the lab; give its URL, its configuration file, the lab, the process and the service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        async for running in _run(tmp_path):
            yield (*running, manager)


async def _run(tmp_path: Path):
    async with await Lab.start() as lab:
        settings: Any = lab.configuration()
        settings["schedule"]["interval"] = "3s"
        settings["providers"] = [p for p in settings["providers"] if p["domains"][0] in ("solid.example", "no-starttls.example")]
        path = tmp_path / "mailtls.yaml"
        path.write_text(yaml.safe_dump(settings))
        command = (sys.executable, "-m", "mailtls.cli", "run", "--config.file", str(path))
        environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        with (tmp_path / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log, env=environment)
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        yield url, path, lab, process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)


async def until(url: str, words: str) -> str:
    async with asyncio.timeout(30):
        while words not in (page := (await fetch(url))[1]):
            await asyncio.sleep(0.2)
    return page


async def test_the_daemon_serves_what_it_measured_and_obeys_its_operator(daemon) -> None:
    url, path, lab, process, manager = daemon
    assert url.startswith("http://127.0.0.1:")
    page = await until(url + "metrics", 'mailtls_domain_state{domain="no-starttls.example",state="unprotected"} 1.0')
    assert "mailtls_config_last_reload_successful 1.0" in page
    assert (await fetch(url + "-/healthy"))[0] == 200
    assert (await fetch(url + "-/ready"))[0] == 200

    assert (await fetch(url + "probe?target=gmail.example"))[0] == 403
    assert (await fetch(url + "probe?target=%20%3Cscript%3E"))[0] == 400
    status, shown = await fetch(url + "probe?target=solid.example&debug=true")
    assert status == 200
    assert "> STARTTLS" in shown
    assert 'mailtls_domain_state{domain="solid.example",state="protected"} 1.0' in shown

    good = path.read_text()
    assert (await fetch(url + "-/reload"))[0] == 405
    path.write_text(good + "nonsense: 1\n")
    status, why = await fetch(url + "-/reload", "POST")
    assert (status, "nonsense: unknown key" in why) == (500, True)
    assert "mailtls_config_last_reload_successful 0.0" in (await fetch(url + "metrics"))[1]
    assert 'domain="solid.example"' in (await fetch(url + "metrics"))[1]

    fewer = yaml.safe_load(good)
    fewer["providers"] = [p for p in fewer["providers"] if "no-starttls.example" in p["domains"]]
    path.write_text(yaml.safe_dump(fewer))
    process.send_signal(signal.SIGHUP)
    page = await until(url + "metrics", "mailtls_config_last_reload_successful 1.0")
    assert 'domain="solid.example"' not in page

    server = lab.server("mx.no-starttls.example")
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert server.commands.count(b"QUIT") == server.connections

    told = b" ".join(_datagrams(manager)).decode()
    assert told.index("READY=1") < told.index("RELOADING=1\nMONOTONIC_USEC=") < told.index("STOPPING=1")
    assert "WATCHDOG=1" in told


def _datagrams(manager: socket.socket):
    while True:
        try:
            yield manager.recv(4096)
        except BlockingIOError:
            return
