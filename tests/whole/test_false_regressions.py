"""What servers, DNS and we ourselves do every day is no regression, and begins none: the whole daemon against the lab."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from watching import Watched, watching

from mailtls.lab import TLS, Fault, Lab, Stall
from mailtls.lab.mailserver import MailServer
from mailtls.lab.script import Behaviour, Reset, Script
from mailtls.lab.sts_server import response
from mailtls.model import Verdict

GREYLISTED = b"450 4.7.1 Greylisted, come back later\r\n"
TOO_MANY = b"421 4.7.0 Too many connections\r\n"


@dataclass
class Farm:
    """A domain with one MX host on three addresses, of which DNS names the first."""

    domain: str
    addresses: list[str]
    servers: list[MailServer]

    def do(self, number: int = 0, **changes: Any) -> None:
        server = self.servers[number]
        server.behaviour = replace(server.behaviour, **changes)


class Town:
    """The lab, with more providers: calm ones among them, so that one that is in trouble is in trouble alone."""

    def __init__(self, lab: Lab, stack: AsyncExitStack) -> None:
        self.lab, self._stack, self.farms = lab, stack, dict[str, Farm]()

    def certificate(self, name: str, key: Any = "p256") -> TLS:
        return TLS((self.lab.authority.issue([f"mx.{name}.example"], key=key),))

    async def build(self, *names: str) -> None:
        for name in names:
            addresses = [f"127.20.{200 + len(self.farms)}.{number}" for number in (1, 2, 3)]
            behaviour = Behaviour(hostname=f"mx.{name}.example", tls=self.certificate(name))
            servers = [await MailServer.start(address, self.lab.port, behaviour) for address in addresses]
            for server in servers:
                self._stack.push_async_callback(server.stop)
            self.farms[name] = Farm(f"{name}.example", addresses, servers)
            self.lab.nameserver.records[f"{name}.example", "MX"] = [f"10 mx.{name}.example."]
            self.name_addresses(name, 1)

    def name_addresses(self, name: str, number: int, first: int = 0) -> None:
        self.lab.nameserver.records[f"mx.{name}.example", "A"] = self.farms[name].addresses[first : first + number]

    def domains(self) -> list[str]:
        return [farm.domain for farm in self.farms.values()]


@asynccontextmanager
async def town(*names: str) -> AsyncIterator[Town]:
    async with await Lab.start() as lab, AsyncExitStack() as stack:
        built = Town(lab, stack)
        await built.build(*names, *(f"calm{number}" for number in range(len(names) + 2)))
        yield built


def begun(watched: Watched) -> set[tuple[str, str]]:
    return watched.regressions() | watched.candidates()


async def test_another_certificate_another_address_and_a_silent_second_one_begin_nothing(tmp_path: Path) -> None:
    async with town("renewed", "rotating", "halfsilent", "twofaced") as built:
        built.name_addresses("halfsilent", 2)
        async with watching(built.lab, tmp_path, *built.domains()) as watched:
            built.farms["renewed"].do(tls=built.certificate("renewed"))
            built.farms["halfsilent"].do(1, greeting=(Stall(),))
            faces = [built.certificate("twofaced"), built.certificate("twofaced")]  # one of RSA would let in suites without forward secrecy
            for turn in range(6):
                built.name_addresses("rotating", 1, turn % 3)
                built.farms["twofaced"].do(tls=faces[turn % 2])
                await watched.cycles(1)
                assert begun(watched) == set()


async def test_greylisting_421_resets_and_stalls_begin_nothing_however_long_they_last(tmp_path: Path) -> None:
    trouble: dict[str, dict[str, Script]] = {
        "greylisting": {"ehlo": GREYLISTED},
        "limiting": {"greeting": TOO_MANY},
        "resetting": {"starttls": (b"220 go\r\n", Reset())},
        "stalling": {"starttls": (b"220 go\r\n", Stall())},
    }
    async with town(*trouble) as built, watching(built.lab, tmp_path, *built.domains()) as watched:
        for name, changes in trouble.items():
            built.farms[name].do(**changes)
        await watched.cycles(4)
        assert begun(watched) == set()
        for name, changes in trouble.items():
            built.farms[name].do(**dict.fromkeys(changes))
        await watched.cycles(3)
        assert begun(watched) == set()


async def test_dns_that_fails_for_a_domain_or_its_host_and_a_policy_host_that_is_down_begin_nothing(tmp_path: Path) -> None:
    async with town("nodomain", "nohost") as built:
        faults = built.lab.nameserver.faults
        async with watching(built.lab, tmp_path, *built.domains(), "solid.example", "excellent.example") as watched:
            faults |= {"nodomain.example": Fault.SERVFAIL, "mx.nohost.example": Fault.SERVFAIL}
            failing = built.lab.sts_servers["solid.example"]
            failing.serving = replace(failing.serving, answer=response(b"no", "500 Internal Server Error"))
            await built.lab.sts_servers["excellent.example"].stop()
            await watched.cycles(4)
            assert begun(watched) == set()
            faults.clear()
            await watched.cycles(3)
            assert begun(watched) == set()


async def test_a_tlsa_roll_over_in_the_right_order_begins_nothing(tmp_path: Path) -> None:
    async with town("dane") as built:
        nameserver, host = built.lab.nameserver, "mx.dane.example"
        name = f"_{built.lab.port}._tcp.{host}"
        old, new = built.farms["dane"].servers[0].behaviour.tls, built.certificate("dane")
        assert old is not None
        before, after = old.identities[0].tlsa(), new.identities[0].tlsa()
        nameserver.records[name, "TLSA"] = [before]
        nameserver.secure |= {"dane.example", host, name}
        async with watching(built.lab, tmp_path, *built.domains()) as watched:
            assert watched.is_settled("dane.example", "dane")
            nameserver.records[name, "TLSA"] = [before, after]
            await watched.cycles(3)
            built.farms["dane"].do(tls=new)
            await watched.cycles(3)
            nameserver.records[name, "TLSA"] = [after]
            await watched.cycles(3)
            assert begun(watched) == set()


async def test_a_resolver_that_stops_to_validate_takes_neither_dnssec_nor_dane_from_anybody(tmp_path: Path) -> None:
    async with town("dane") as built:
        nameserver, host = built.lab.nameserver, "mx.dane.example"
        tls = TLS((built.lab.authority.issue([host], self_signed=True),))
        built.farms["dane"].do(tls=tls)
        name = f"_{built.lab.port}._tcp.{host}"
        nameserver.records[name, "TLSA"] = [tls.identities[0].tlsa()]
        nameserver.secure |= {"dane.example", host, name}
        async with watching(built.lab, tmp_path, *built.domains()) as watched:
            assert watched.is_settled("dane.example", "dane")
            nameserver.validates = False
            watched.daemon.schedule.measurer.resolver._validation.clear()  # as if a minute had passed
            await watched.cycles(4)
            assert begun(watched) == set()
            (seen,) = (each for each in watched.daemon.snapshot().domains if each.domain == "dane.example")
            assert seen.verdict is not Verdict.DEGRADED


async def test_when_everybody_falls_silent_it_is_ours_and_is_said_so_and_nothing_begins(tmp_path: Path) -> None:
    async with town("one", "two") as built, watching(built.lab, tmp_path, *built.domains()) as watched:
        for farm in built.farms.values():
            await farm.servers[0].stop()
        await watched.until(lambda: watched.daemon.told().blind)
        await watched.cycles(2)
        causes = {
            endpoint.inconclusive.cause.value
            for domain in watched.daemon.snapshot().domains
            for host in domain.mx
            for endpoint in host.endpoints
            if endpoint.inconclusive is not None
        }
        assert causes == {"vantage-blind"}
        assert begun(watched) == set()


async def test_what_is_lost_meanwhile_is_still_confirmed(tmp_path: Path) -> None:
    async with town("lost", "limiting") as built, watching(built.lab, tmp_path, *built.domains()) as watched:
        built.farms["limiting"].do(greeting=TOO_MANY)
        built.farms["lost"].do(tls=None)
        await watched.until(lambda: ("lost.example", "starttls") in watched.regressions())
        await asyncio.sleep(0)
        assert not any("limiting" in subject for subject, _check in watched.regressions())
