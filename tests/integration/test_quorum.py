"""Three vantages on one PostgreSQL, as four processes. One of them is cut off, a process of another is killed, and then a partner loses
STARTTLS for everybody, and another on the way to one vantage alone: what counts is what those say together who can measure."""

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from processes import PROCESSES, Process, Timeline, until
from servers import PostgreSQL

from mailtls.lab import Behaviour, Lab, MailServer, Reset

INTERVAL = 6.0
LAB = ("solid", "expired", "self-signed", "wrong-name", "legacy-only")
LOST, STRIPPED = "expired.example", "solid.example"
CUT_OFF = Behaviour(greeting=(Reset(),))


def settings_of(lab: Lab, url: str) -> dict[str, Any]:
    settings: Any = lab.configuration()
    settings["schedule"] = {"interval": f"{INTERVAL}s", "enumeration_interval": "10m", "jitter": "10%"}
    settings["storage"] = {"url": url}
    settings["providers"] = [provider for provider in settings["providers"] if provider["name"] in LAB]
    return settings


async def told(process: Process) -> dict[tuple[str, str], Any]:
    """Return the regressions of whole domains that a process tells and that go on, by domain and check."""
    document = json.loads(await process.fetch("api/v1/regressions"))
    whole = [each for each in document["regressions"] if each["mx"] is None and each["ended_at"] is None]
    return {(each["domain"], each["check"]): each for each in whole}


async def metric(process: Process, name: str) -> set[tuple[str, float]]:
    """Return labels and values of a metric of a process."""
    lines = (await process.fetch("metrics")).splitlines()
    found = (line.removeprefix(name).rpartition(" ") for line in lines if line.startswith((f"{name}{{", f"{name} ")))
    return {(labels, float(value)) for labels, _space, value in found}


async def test_a_regression_counts_that_all_see_who_can_and_one_on_the_way_to_a_single_vantage_does_not(
    tmp_path: Path, processes: list[Process]
) -> None:
    async with PostgreSQL() as database, await Lab.start() as lab:
        settings = settings_of(lab, database.fresh_database())
        domains = {domain for provider in settings["providers"] for domain in provider["domains"]}
        servers = {name: lab.server(f"mx.{name}.example") for name in LAB}
        processes += [Process(name, tmp_path, settings_of(lab, settings["storage"]["url"])) for name in PROCESSES]
        killed, two, beta, gamma = processes
        alive = (two, beta, gamma)
        await asyncio.gather(*(process.start() for process in processes))
        time_line = Timeline()

        async def all_measured() -> bool:
            shown = [await process.verdicts() for process in processes]
            return all(each.keys() == domains and "unknown" not in each.values() for each in shown)

        await until("every vantage has measured everybody", all_measured, pause=1.0)
        await asyncio.sleep(3 * INTERVAL)  # by then everybody is held to what he does
        assert [await told(process) for process in processes] == [{}] * 4

        for server in servers.values():
            server.show(gamma.source, CUT_OFF)
        time_line.note("gamma is cut off from everybody")

        async def gamma_is_blind() -> bool:
            return await metric(gamma, "mailtls_vantage_blind") == {("", 1.0)}

        await until("gamma knows that it is blind", gamma_is_blind, 120)
        time_line.note("gamma says so")
        assert await killed.end(signal.SIGKILL) == -signal.SIGKILL
        time_line.note("a process of alpha is killed")

        whole = without_tls(servers["expired"])
        time_line.note(f"{LOST} loses STARTTLS")

        async def is_lost() -> bool:
            found = [(await told(process)).get((LOST, "starttls"), {"attribution": "nothing yet"}) for process in alive]
            return {each["attribution"] for each in found} == {"server"}  # unexplained until the second vantage has confirmed it too

        await until("everybody tells of it as the server's, gamma too", is_lost, 120)
        time_line.note("all three vantages tell of it")
        for process in alive:
            [(key, regression)] = [(key, each) for key, each in (await told(process)).items() if key[1] == "starttls"]
            assert key == (LOST, "starttls")
            assert regression["counts"]
            assert regression["vantages"] == ["alpha", "beta"]
            assert (f'{{check="starttls",domain="{LOST}"}}', 1.0) in await metric(process, "mailtls_domain_regression")

        stripped = replace(servers["solid"].behaviour, tls=None)
        for vantage, source in PROCESSES.values():
            if vantage == "alpha":
                servers["solid"].show(source, stripped)
        time_line.note(f"somebody on the way from {STRIPPED} to alpha takes STARTTLS away")

        async def is_on_the_way() -> bool:
            return all([(STRIPPED, "starttls") in await told(process) for process in alive])

        await until("everybody tells of that", is_on_the_way, 120)
        time_line.note("all three vantages tell of that")
        for process in alive:
            regression = (await told(process))[STRIPPED, "starttls"]
            assert (regression["attribution"], regression["counts"]) == ("path", False)
            assert regression["vantages"] == ["alpha"]
            counted = await metric(process, "mailtls_domain_regression")
            assert not {(labels, value) for labels, value in counted if STRIPPED in labels and value == 1.0}

        servers["expired"].behaviour = whole
        servers["solid"].show(two.source, None)
        for server in servers.values():
            server.show(gamma.source, None)
        time_line.note("all is mended, and gamma is let in again")

        async def is_over() -> bool:
            return [await told(process) for process in alive] == [{}] * 3

        await until("it is over", is_over, 180)
        time_line.note("nobody tells of anything any more")
        assert [await process.end(signal.SIGTERM) for process in alive] == [0, 0, 0]


def without_tls(server: MailServer) -> Behaviour:
    """Let a server lose STARTTLS, and return what it did before."""
    before = server.behaviour
    server.behaviour = replace(before, tls=None)
    return before
