"""The daemon as an SRE meets it: a URL at once, health, metrics, reload that is all or nothing, and a stop that says QUIT."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from mailtls.hellos import Accepted, HelloEvidence
from mailtls.lab import ConnectionLimit, Delay, Lab
from mailtls.store.codec import decode
from mailtls.store.compact import unpacked


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


PROGRAM = "from mailtls import cli, probe; from mailtls.store import keeper; probe._KEPT_EVERY = keeper._TOGETHER = 0.0; cli.main()"
"""What there is of an enumeration is kept after each answer, so that no test has to wait for it."""


class Running:
    """The daemon in a process of its own, against the lab, with a service manager that listens."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.path = directory / "mailtls.yaml"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(directory / "notify"))
        self.manager.setblocking(False)
        self.process: asyncio.subprocess.Process | None = None
        self.options: tuple[str, ...] = ()

    @property
    def database(self) -> Path:
        return self.path.with_name("mailtls.db")

    async def start(self, *domains: str, **changes: Any) -> str:
        """Start it with the lab's providers of some domains, and return the first URL that it tells."""
        settings: Any = self.lab.configuration()
        settings["schedule"]["interval"] = "3s"
        settings["storage"] = {"url": f"sqlite:///{self.database}"}
        settings["providers"] = [p for p in settings["providers"] if p["domains"][0] in domains]
        self.path.write_text(yaml.safe_dump(settings | changes))
        command = (sys.executable, "-c", PROGRAM, "run", "--config.file", str(self.path), *self.options)
        environment = os.environ | {"NOTIFY_SOCKET": str(self.path.with_name("notify"))}
        with self.path.with_name("log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log, env=environment)
        return await self.url()

    async def url(self) -> str:
        """Return the next URL that it tells."""
        assert self.process is not None
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), 120)).decode().strip()

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
    assert "domains looked at" in told.partition("STATUS=")[2]


@pytest.mark.parametrize(("options", "warned"), [((), 1), (("--web.listen-address", "127.0.0.3:0"), 0)])
async def test_a_reload_says_that_another_address_takes_a_restart_unless_an_option_has_named_it(
    options: tuple[str, ...], warned: int, daemon: Running
) -> None:
    daemon.options = options
    url = await daemon.start("solid.example")
    first = daemon.path.read_text()
    for text in (first.replace("127.0.0.1:0", "127.0.0.2:0"), first):
        daemon.path.write_text(text)
        assert (await fetch(url + "-/reload", "POST"))[0] == 200
    log = daemon.path.with_name("log").read_text()
    assert log.count("web.listen has changed; that takes a restart") == warned
    assert "event=running domains=2 interval=3s\n" in log


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


async def saved(daemon: Running, *, complete: bool) -> HelloEvidence:
    """Return what is in the database, as soon as there is an enumeration of that kind."""
    async with asyncio.timeout(30):
        while True:
            found = [evidence for evidence in rows(daemon.database) if evidence.complete is complete]
            if found:
                return found[0]
            await asyncio.sleep(0.1)


def rows(database: Path) -> list[HelloEvidence]:
    if not database.exists():
        return []
    with contextlib.closing(sqlite3.connect(database)) as connection, contextlib.suppress(sqlite3.OperationalError):  # no tables yet
        return [decode(document) for (document,) in connection.execute("SELECT document FROM hellos")]
    return []


def accepted(found: HelloEvidence) -> list[Any]:
    return [item for item in found.asked if isinstance(item.answer, Accepted)]


async def readings(url: str) -> dict[str, Any]:
    """Return what is known of the only endpoint of the only domain; nothing, before it was looked at."""
    domain = json.loads((await fetch(url + "api/v1/domains"))[1])["domains"]
    return domain[0]["mx"][0]["endpoints"][0]["readings"] if domain else {}


async def told_of(url: str, name: str, state: str) -> Any:
    async with asyncio.timeout(30):
        while (found := (await readings(url)).get(name, {"state": ""}))["state"] != state or found.get("cause") == "not-attempted":
            await asyncio.sleep(0.1)
    return found


async def hellos(url: str) -> int:
    page = (await fetch(url + "metrics"))[1]
    return sum(int(float(line.split()[-1])) for line in page.splitlines() if line.startswith("mailtls_hellos_total"))


FAST = {"pace": "5ms", "scan_deadline": "60s"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_an_enumeration_goes_on_where_it_stopped_however_the_daemon_ended(number: signal.Signals, daemon: Running) -> None:
    limits = {"pace": "50ms", "scan_deadline": "60s"}
    await daemon.start("solid.example", limits=limits)
    await saved(daemon, complete=False)
    assert await daemon.end(number) == (0 if number is signal.SIGTERM else -number)
    (half,) = rows(daemon.database)
    assert not half.complete
    before = accepted(half)
    assert before
    url = await daemon.start("solid.example", limits=limits)
    whole = await saved(daemon, complete=True)
    assert whole.began == half.began
    assert [item for item in whole.asked if item in before] == before
    assert (await told_of(url, "cipher_suites", "known"))["value"].keys() == {"TLSv1.2", "TLSv1.3"}


async def kept(database: Path, table: str, kind: str, count: int) -> None:
    """Wait until something is in the database."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.closing(sqlite3.connect(database)) as connection, contextlib.suppress(sqlite3.OperationalError):  # no tables yet
                if connection.execute(f"SELECT count(*) FROM {table} WHERE kind = ?", (kind,)).fetchone() == (count,):
                    return
            await asyncio.sleep(0.05)


def forget_scans(database: Path) -> None:
    """Leave nothing but hellos, as an older version did."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM scans")


async def test_a_killed_daemon_shows_at_once_what_it_knew_with_the_age_that_it_has_before_it_visits_anybody(daemon: Running) -> None:
    slow = daemon.lab.configuration()["schedule"] | {"interval": "60s"}
    url = await daemon.start("solid.example", limits=FAST, schedule=slow)  # whose provider has two domains, and one of them a policy
    await told_of(url, "cipher_suites", "known")
    for table, kind, count in (("scans", "enumerated", 1), ("routes", "whole", 2), ("routes", "policy", 2)):
        await kept(daemon.database, table, kind, count)
    before = json.loads((await fetch(url + "api/v1/domains"))[1])
    assert [domain["verdict"] for domain in before["domains"]] == ["protected", "protected"]
    ages = aged((await fetch(url + "metrics"))[1])
    assert ages
    assert await daemon.end(signal.SIGKILL) == -signal.SIGKILL
    connections = daemon.lab.server("mx.solid.example").connections
    url = await daemon.start("solid.example", limits=FAST, schedule=slow)
    assert json.loads((await fetch(url + "api/v1/domains"))[1]) == before
    assert aged((await fetch(url + "metrics"))[1]) == ages
    assert await hellos(url) == 0
    await asyncio.sleep(1)  # by now the first look has been
    assert daemon.lab.server("mx.solid.example").connections == connections
    assert json.loads((await fetch(url + "api/v1/domains"))[1]) == before


def aged(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("mailtls_mx_last_conclusive_timestamp_seconds")]


async def test_what_was_enumerated_before_is_not_told_as_measured_until_it_was_checked(daemon: Running) -> None:
    url = await daemon.start("solid.example", limits=FAST)
    await saved(daemon, complete=True)
    assert await daemon.end(signal.SIGTERM) == 0
    forget_scans(daemon.database)
    server = daemon.lab.server("mx.solid.example")
    server.behaviour = replace(server.behaviour, limit=ConnectionLimit(3, 600.0))  # three visits, and no hello
    url = await daemon.start("solid.example", limits=FAST)
    suites = await told_of(url, "cipher_suites", "unknown")
    assert suites["cause"] == "rate-limited"
    assert (await readings(url))["negotiated"]["state"] == "known"
    assert len(rows(daemon.database)) == 1  # and it is still there, for the next check to begin with


async def test_what_a_daemon_sees_is_history_and_a_new_process_goes_on_with_it(daemon: Running) -> None:
    limits = {"pace": "0s", "scan_deadline": "60s"}
    await daemon.start("solid.example", limits=limits)
    async with asyncio.timeout(30):
        while not {"starttls_accepted", "dane", "mx_records"} <= {fact for _subject, fact in current(daemon.database)}:
            await asyncio.sleep(0.1)
    before = current(daemon.database)
    await daemon.end(signal.SIGKILL)
    await daemon.start("solid.example", limits=limits)
    await asyncio.sleep(3)
    assert await daemon.end(signal.SIGTERM) == 0
    after = current(daemon.database)
    assert {fact: after[fact] for fact in before} == before
    with contextlib.closing(sqlite3.connect(daemon.database)) as connection:
        assert connection.execute("SELECT count(*) FROM states WHERE ended_at IS NOT NULL").fetchone() == (0,)


def current(database: Path) -> dict[tuple[int, str], str]:
    """Return when each state that stands was first seen, by subject and fact."""
    if not database.exists():
        return {}
    with contextlib.closing(sqlite3.connect(database)) as connection, contextlib.suppress(sqlite3.OperationalError):  # no tables yet
        rows = connection.execute("SELECT subject_id, facts, first_seen FROM states WHERE ended_at IS NULL")
        documents = ((subject, cast("dict[str, dict[str, str]]", unpacked(facts)), first) for subject, facts, first in rows)
        return {(subject, fact): first for subject, document, first in documents for values in document.values() for fact in values}
    return {}


async def test_who_asked_us_to_stay_away_is_left_alone_by_the_next_process_too(daemon: Running) -> None:
    limits = {"pace": "1s", "scan_deadline": "10s"}
    server = daemon.lab.server("mx.ratelimited.example")
    server.behaviour = replace(server.behaviour, greeting=b"421 4.7.0 too many connections\r\n")
    url = await daemon.start("ratelimited.example", limits=limits)
    await until(url + "metrics", 'cause="rate-limited",family="ipv4",mx="mx.ratelimited.example"')
    assert await daemon.end(signal.SIGTERM) == 0
    forget_scans(daemon.database)  # else it would not even ask for a turn
    connections = server.connections
    url = await daemon.start("ratelimited.example", limits=limits)
    await until(url + "metrics", 'cause="budget-exhausted",family="ipv4",mx="mx.ratelimited.example"')
    assert server.connections == connections


async def test_a_damaged_document_is_counted_and_everything_is_asked_again(daemon: Running) -> None:
    await daemon.start("solid.example", limits=FAST)
    await saved(daemon, complete=True)
    assert await daemon.end(signal.SIGTERM) == 0
    forget_scans(daemon.database)
    with contextlib.closing(sqlite3.connect(daemon.database)) as connection, connection:
        connection.execute("UPDATE hellos SET document = x'00'")
    url = await daemon.start("solid.example", limits=FAST)
    await until(url + "metrics", "mailtls_store_errors_total 1.0")
    await told_of(url, "cipher_suites", "known")


async def test_a_database_that_cannot_be_used_ends_the_start_with_what_to_do(daemon: Running) -> None:
    assert await daemon.start("solid.example", storage={"url": f"sqlite:///{daemon.path.parent}/absent/mailtls.db"}) == ""
    assert daemon.process is not None
    assert await daemon.process.wait() == 1
    said = daemon.path.with_name("log").read_text()
    assert said.startswith("storage.url: sqlite:///")
    assert "unable to open database file; its directory must exist" in said
    assert said.count("\n") == 1


async def test_a_reload_moves_to_another_database_with_what_is_known_unless_that_cannot_be_used(daemon: Running) -> None:
    url = await daemon.start("solid.example", limits=FAST)
    whole = await saved(daemon, complete=True)
    await kept(daemon.database, "scans", "enumerated", 1)
    settings = yaml.safe_load(daemon.path.read_text())
    settings["storage"]["url"] = f"sqlite:///{daemon.path.parent}/absent/mailtls.db"
    daemon.path.write_text(yaml.safe_dump(settings))
    status, why = await fetch(url + "-/reload", "POST")
    assert (status, "its directory must exist" in why) == (500, True)
    other = daemon.path.with_name("other.db")
    settings["storage"]["url"] = f"sqlite:///{other}"
    daemon.path.write_text(yaml.safe_dump(settings))
    assert (await fetch(url + "-/reload", "POST"))[0] == 200
    assert await daemon.end(signal.SIGTERM) == 0
    assert [found.asked for found in rows(other)] == [whole.asked]
    await kept(other, "scans", "enumerated", 1)
