"""The daemon as an SRE meets it: a URL at once, health, metrics, reload that is all or nothing, and a stop that says QUIT."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtls.lab import Delay, Lab


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
async def lab():
    async with await Lab.start() as running:
        yield running


class Running:
    """The daemon in a process of its own, against the lab, with a service manager that listens."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.path = directory / "mailtls.yaml"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(directory / "notify"))
        self.manager.setblocking(False)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *domains: str, **changes: Any) -> str:
        """Start it with the lab's providers of some domains, and return the first URL that it tells."""
        settings: Any = self.lab.configuration()
        settings["schedule"]["interval"] = "3s"
        settings["providers"] = [p for p in settings["providers"] if p["domains"][0] in domains]
        self.path.write_text(yaml.safe_dump(settings | changes))
        command = (sys.executable, "-m", "mailtls.cli", "run", "--config.file", str(self.path))
        environment = os.environ | {"NOTIFY_SOCKET": str(self.path.with_name("notify"))}
        with self.path.with_name("log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log, env=environment)
        return await self.url()

    async def url(self) -> str:
        """Return the next URL that it tells."""
        assert self.process is not None
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), 20)).decode().strip()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Send it a signal that ends it, and return its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)

    def told(self) -> str:
        """Return what it told the service manager."""
        datagrams = []
        with contextlib.suppress(BlockingIOError):
            while True:
                datagrams.append(self.manager.recv(4096))
        return b" ".join(datagrams).decode()


@pytest.fixture
async def daemon(lab: Lab, tmp_path: Path):
    running = Running(lab, tmp_path)
    with running.manager:
        yield running
        if running.process is not None and running.process.returncode is None:
            await running.end(signal.SIGTERM)


async def until(url: str, words: str) -> str:
    async with asyncio.timeout(30):
        while words not in (page := (await fetch(url))[1]):
            await asyncio.sleep(0.2)
    return page


async def test_the_daemon_serves_what_it_measured_and_obeys_its_operator(daemon: Running) -> None:
    url = await daemon.start("solid.example", "no-starttls.example")
    path = daemon.path
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
    daemon.signal(signal.SIGHUP)
    page = await until(url + "metrics", "mailtls_config_last_reload_successful 1.0")
    assert 'domain="solid.example"' not in page

    server = daemon.lab.server("mx.no-starttls.example")
    assert await daemon.end(signal.SIGTERM) == 0
    assert server.commands.count(b"QUIT") == server.connections

    told = daemon.told()
    assert told.index("READY=1") < told.index("RELOADING=1\nMONOTONIC_USEC=") < told.index("STOPPING=1")
    assert "WATCHDOG=1" in told


async def test_two_addresses_are_both_served_and_sigint_ends_it_well(daemon: Running) -> None:
    first = await daemon.start("solid.example", web={"listen": ["127.0.0.1:0", "127.0.0.2:0"]})
    second = await daemon.url()
    assert (first.startswith("http://127.0.0.1:"), second.startswith("http://127.0.0.2:")) == (True, True)
    for url in (first, second):
        assert (await fetch(url + "-/healthy"))[0] == 200
        await until(url + "metrics", 'mailtls_domain_state{domain="solid.example"')
    assert await daemon.end(signal.SIGINT) == 0
    for url in (first, second):
        with pytest.raises(urllib.error.URLError):
            await fetch(url + "-/healthy")


async def test_a_visit_that_waits_for_its_greeting_when_the_daemon_is_stopped_still_says_quit(daemon: Running) -> None:
    server = daemon.lab.server("mx.postscreen.example")
    greeting = (b"220-mx.postscreen.example ESMTP\r\n", Delay(3.0), b"220 mx.postscreen.example ESMTP\r\n")
    server.behaviour = replace(server.behaviour, greeting=greeting)
    await daemon.start("postscreen.example")
    async with asyncio.timeout(30):
        while server.connections == 0:
            await asyncio.sleep(0.02)
    assert await daemon.end(signal.SIGTERM) == 0
    assert server.connections == 1  # and after the signal none was begun
    assert [command.split()[0] for command in server.commands] == [b"EHLO", b"STARTTLS", b"EHLO", b"QUIT"]
