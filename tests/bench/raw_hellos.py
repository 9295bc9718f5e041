"""How many raw hellos a second one core of ours can ask. Asserts nothing; prints a table.

A process pinned to one core asks a responder pinned to the other, which says the same few replies to everybody; the flight in them is
what OpenSSL answers to the very hello that is asked. It is ``responder.c``, where there is a C compiler; else it is written in
Python, and then is slower than what it measures, so that only CPU per hello counts. CPU is the asking process's own, by getrusage.

Beside mailtls stands a bare loop, which says the same octets over the same connections, counts what comes back and understands nothing
of it. Each contestant is a process of its own for a turn; they take turns, so that what else the machine does falls on all of them.

Run: python tests/bench/raw_hellos.py [--hellos N] [--rounds N] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import importlib.util
import json
import os
import pstats
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from mailtls.dial import Network
from mailtls.hellos import Accepted, HelloOffer
from mailtls.model import Endpoint
from mailtls.raw_hello import ask
from mailtls.tls.hello import client_hello
from mailtls.tls.suites import FIRST_OFFER, SCHEMES, SCHEMES_13, groups_before_13, groups_of_13, offerable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

HOST = "mx.bench.example"
NAME = "probe.bench.example"
AT_ONCE = 50
ADDRESSES = [ip_address(f"127.0.0.{n}") for n in range(1, 41)]  # so that ports in TIME-WAIT do not run out
EHLO = b"250-mx.bench.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
OFFERS = {
    "TLS 1.3 retry": HelloOffer("TLSv1.3", offerable("TLSv1.3"), groups_of_13(), SCHEMES_13),
    "TLS 1.2 flight": HelloOffer("TLSv1.2", offerable("TLSv1.2")[:FIRST_OFFER], groups_before_13(), SCHEMES),
}
SOURCE = Path(__file__).with_name("responder.c")


# The responder.


def flight_of(offer: HelloOffer) -> bytes:
    """Return what OpenSSL answers to a hello."""
    from OpenSSL import SSL

    from mailtls.lab import TLS, Authority
    from mailtls.lab.channel import make_context

    identity = Authority.create(datetime.now(UTC)).issue([HOST])
    server = SSL.Connection(make_context(TLS(), (identity,)), None)
    server.set_accept_state()
    server.bio_write(client_hello(offer, HOST, os.urandom(32)))
    with contextlib.suppress(SSL.WantReadError):
        server.do_handshake()
    return server.bio_read(65_536)


class Responder(asyncio.BufferedProtocol):
    """The same as ``responder.c``, for want of a compiler."""

    buffer = bytearray(16_384)

    def __init__(self, flight: bytes) -> None:
        self._replies = {ord("E"): EHLO, ord("S"): b"220 2.0.0 go\r\n", ord("Q"): b"221 2.0.0 bye\r\n"}
        self._flight = flight

    def connection_made(self, transport) -> None:
        self._transport = transport
        transport.write(b"220 mx.bench.example ESMTP\r\n")

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._transport.write(self._replies.get(self.buffer[0], self._flight))


def respond(core: int, flights: list[str]) -> None:
    """Run the responder in Python until it is killed."""
    if core >= 0:
        os.sched_setaffinity(0, {core})

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        texts = [Path(path).read_bytes() for path in flights]
        servers = [await loop.create_server(lambda text=text: Responder(text), "0.0.0.0", 0, backlog=4096) for text in texts]
        print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
        await asyncio.Event().wait()

    runner(uvloop=importlib.util.find_spec("uvloop") is not None)(serve())


def runner(*, uvloop: bool) -> Callable[[Awaitable], object]:
    """Return what runs a coroutine."""
    if not uvloop:
        return asyncio.run
    import uvloop as faster

    return faster.run


@contextlib.contextmanager
def responder(core: int, directory: Path) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    """Start a responder; yield what it is, and by the name of the flight its port and the octets of the flight."""
    paths = []
    for number, offer in enumerate(OFFERS.values()):
        paths.append(directory / f"flight{number}")
        paths[-1].write_bytes(flight_of(offer))
    (directory / "ehlo").write_bytes(EHLO)
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        kind, command = "in Python: there is no C compiler", [sys.executable, __file__, "--respond", str(core)]
    else:
        subprocess.run([compiler, "-O2", "-o", str(directory / "responder"), str(SOURCE)], check=True)
        kind, command = "in C", [str(directory / "responder"), str(core), str(directory / "ehlo")]
    process = subprocess.Popen([*command, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ports = [int(port) for port in process.stdout.readline().split()]
        yield kind, {name: (port, path.stat().st_size) for name, port, path in zip(OFFERS, ports, paths, strict=True)}
    finally:
        process.kill()
        process.wait()


# The contestants.

One = "Callable[[int], Awaitable[None]]"


def with_mailtls(offer: HelloOffer, port: int, _flight: int) -> One:
    """Return what a scan does for one offer, save waiting for its turn."""
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),))
    endpoints = [Endpoint(HOST, address, port) for address in ADDRESSES]
    since = time.monotonic()

    async def one(number: int) -> None:
        asked = await ask(endpoints[number % len(endpoints)], offer, network, NAME, 20.0, since)
        assert isinstance(asked.answer, Accepted), asked.answer

    return one


class _Bare(asyncio.BufferedProtocol):
    """As little as asyncio lets one do: the next octets for whatever comes, and done when the flight is there."""

    def __init__(self, hello: bytes, size: int) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._says = iter((f"EHLO {NAME}\r\n".encode(), b"STARTTLS\r\n", hello))
        self._missing = size
        self._buffer = bytearray(16_384)

    def connection_made(self, transport) -> None:
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        said = next(self._says, None)
        if said is not None:
            self._transport.write(said)
            return
        self._missing -= nbytes
        if self._missing <= 0:
            self.done.set_result(None)
            self._transport.close()


def bare(offer: HelloOffer, port: int, flight: int) -> One:
    """Return a bare loop that says the same octets."""
    hello = client_hello(offer, HOST, os.urandom(32))
    addresses = [str(address) for address in ADDRESSES]

    async def one(number: int) -> None:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(lambda: _Bare(hello, flight), addresses[number % len(addresses)], port)
        await protocol.done

    return one


CONTESTANTS = {"mailtls": with_mailtls, "bare loop": bare}


async def many(one: One, hellos: int) -> None:
    """Ask so many times, ``AT_ONCE`` at a time."""
    numbers = iter(range(hellos))

    async def line() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*(line() for _ in range(AT_ONCE)))


def turn(contestant: str, kind: str, uvloop: bool, port: int, flight: int, core: int, hellos: int, *, profile: bool = False) -> dict[str, float]:
    """Ask in this process, and say what it took."""
    if core >= 0:
        os.sched_setaffinity(0, {core})

    async def measured() -> dict[str, float]:
        one = CONTESTANTS[contestant](OFFERS[kind], port, flight)
        await many(one, 4 * AT_ONCE)  # imports and caches
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        await many(one, hellos)
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        return {"wall": took, "user": after.ru_utime - before.ru_utime, "system": after.ru_stime - before.ru_stime}

    run = runner(uvloop=uvloop)
    if not profile:
        return run(measured())
    profiler = cProfile.Profile()
    spent = profiler.runcall(run, measured())
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(25)
    return spent


@dataclass
class Tally:
    """What one contestant's turns came to."""

    rates: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    systems: list[float] = field(default_factory=list)


def contest(flights: dict[str, tuple[int, int]], core: int, hellos: int, rounds: int) -> dict[tuple[str, str, bool], Tally]:
    """Let all have their turns, each in a process of its own."""
    loops = (False, True) if importlib.util.find_spec("uvloop") else (False,)
    tallies = {(kind, who, uvloop): Tally() for kind in OFFERS for who in CONTESTANTS for uvloop in loops}
    for _ in range(rounds):
        for (kind, who, uvloop), tally in tallies.items():
            port, flight = flights[kind]
            asked = {"contestant": who, "kind": kind, "uvloop": uvloop, "port": port, "flight": flight, "core": core, "hellos": hellos}
            done = subprocess.run([sys.executable, __file__, "--turn", json.dumps(asked)], check=True, capture_output=True, text=True)
            spent = json.loads(done.stdout)
            tally.rates.append(hellos / spent["wall"])
            tally.cpus.append(1000 * (spent["user"] + spent["system"]) / hellos)
            tally.systems.append(1000 * spent["system"] / hellos)
    return tallies


def show(tallies: dict[tuple[str, str, bool], Tally], kind_of_responder: str) -> None:
    print(f"Raw hellos, one client core, {AT_ONCE} at a time, one connection each; responder {kind_of_responder}. Medians of turns.")
    print(f"{'answer':<16}{'':<11}{'loop':<9}{'hellos per s':>13}{'(min..max)':>16}{'CPU ms':>9}{'of it system':>14}{'× CPU of the bare loop':>24}")
    for (kind, who, uvloop), tally in tallies.items():
        spread = f"{min(tally.rates):.0f}..{max(tally.rates):.0f}"
        cpu, least = statistics.median(tally.cpus), statistics.median(tallies[kind, "bare loop", uvloop].cpus)
        print(
            f"{kind:<16}{who:<11}{'uvloop' if uvloop else 'asyncio':<9}{statistics.median(tally.rates):>13.0f}{spread:>16}"
            f"{cpu:>9.3f}{statistics.median(tally.systems):>14.3f}{cpu / least:>24.2f}"
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--hellos", type=int, default=4000, help="of one contestant in one turn")
    arguments.add_argument("--rounds", type=int, default=3, help="turns of each")
    arguments.add_argument("--profile", action="store_true", help="say where the time of mailtls goes, instead")
    arguments.add_argument("--respond", nargs="+", help=argparse.SUPPRESS)
    arguments.add_argument("--turn", help=argparse.SUPPRESS)
    wanted = arguments.parse_args()
    if wanted.respond:
        respond(int(wanted.respond[0]), wanted.respond[1:])
        return
    if wanted.turn:
        print(json.dumps(turn(**json.loads(wanted.turn))))
        return
    cores = sorted(os.sched_getaffinity(0))
    ours, theirs = (cores[0], cores[1]) if len(cores) > 1 else (-1, -1)
    with tempfile.TemporaryDirectory() as directory, responder(theirs, Path(directory)) as (kind, flights):
        if wanted.profile:
            for each, (port, flight) in flights.items():
                print(each)
                turn("mailtls", each, uvloop=False, port=port, flight=flight, core=ours, hellos=wanted.hellos, profile=True)
        else:
            show(contest(flights, ours, wanted.hellos, wanted.rounds), kind)


if __name__ == "__main__":
    main()
