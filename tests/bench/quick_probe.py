"""What a quick probe costs, beside bare loops that do the same exchange and keep nothing. Asserts nothing; prints a table.

The responder is a process of its own on the other core, and counts connections and octets as they are on the wire, for all
contestants alike. Client CPU is this process's own, by getrusage. The contestants take turns, so that what else the machine does
falls on all of them. Run: python tests/bench/quick_probe.py [--probes N] [--rounds N] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import multiprocessing
import os
import pstats
import resource
import ssl
import statistics
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from OpenSSL import SSL

from mailtls import logs
from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Handshake, Offer
from mailtls.lab import TLS, Authority
from mailtls.lab.channel import make_context
from mailtls.model import Endpoint
from mailtls.probe import Prober
from mailtls.visit import Visitor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOST = "mx.bench.example"
AT_ONCE = 50
_EHLO = b"250-mx.bench.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
_REPLIES = {b"EHLO": _EHLO, b"STAR": b"220 2.0.0 go\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}
_READ = 16_384


class Responder(asyncio.Protocol):
    """The cheapest server of STARTTLS that Python has to offer: no streams, no tasks, memory BIOs."""

    def __init__(self, context: SSL.Context, counts: list[int]) -> None:
        self._context = context
        self._counts = counts  # connections, octets in, octets out
        self._tls: SSL.Connection | None = None

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._counts[0] += 1
        self._write(b"220 mx.bench.example ESMTP\r\n")

    def _write(self, octets: bytes) -> None:
        self._counts[2] += len(octets)
        self._transport.write(octets)

    def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                self._write(self._tls.bio_read(_READ))

    def data_received(self, data: bytes) -> None:
        self._counts[1] += len(data)
        if self._tls is None:
            self._write(_REPLIES[data[:4].upper()])
            if data[:4].upper() == b"STAR":
                self._tls = SSL.Connection(self._context, None)
                self._tls.set_accept_state()
            elif data[:4].upper() == b"QUIT":
                self._transport.close()
            return
        self._tls.bio_write(data)
        try:
            command = self._tls.recv(_READ)  # does the handshake first, where it is not done
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error:
            self._transport.close()
            return
        self._tls.sendall(_REPLIES[command[:4].upper()])
        if command[:4].upper() == b"QUIT":
            self._tls.shutdown()
        self._flush()
        if command[:4].upper() == b"QUIT":
            self._transport.close()


def respond(core: int | None, port, counts) -> None:
    """Run the responder until it is killed."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    identity = Authority.create(datetime.now(UTC)).issue([HOST])
    context = make_context(TLS(groups="X25519"), (identity,))

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Responder(context, counts), "127.0.0.1", 0, backlog=1024)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    asyncio.run(serve())


def mailtls_visit(port: int) -> Callable[[], Awaitable[None]]:
    """Return (a): what the daemon does for an endpoint each cycle, save waiting for its turn."""
    prober = Prober(Visitor(Network(allow_networks=(ip_network("127.0.0.0/8"),)), "probe.bench.example"), Budget(Limits(pace=0.0)))
    endpoint = Endpoint(HOST, ip_address("127.0.0.1"), port)

    async def one() -> None:
        probe = await prober.visit(endpoint, Offer())
        if probe.failure is not None or not isinstance(probe.handshake, Handshake):
            raise RuntimeError(f"not a whole visit: {probe.failure}")

    return one


def bare_stdlib(port: int) -> Callable[[], Awaitable[None]]:
    """Return (b): asyncio streams and the standard library's ssl, nothing recorded, nothing verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    async def reply(reader: asyncio.StreamReader) -> bytes:
        while (line := await reader.readline())[3:4] == b"-":
            pass
        return line

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reply(reader)
        for command in (b"EHLO probe.bench.example\r\n", b"STARTTLS\r\n"):
            writer.write(command)
            await reply(reader)
        await writer.start_tls(context, server_hostname=HOST)
        for command in (b"EHLO probe.bench.example\r\n", b"QUIT\r\n"):
            writer.write(command)
            if not await reply(reader):
                raise RuntimeError("no reply inside TLS")
        writer.close()

    return one


class _Bare(asyncio.Protocol):
    """(c): one protocol, pyOpenSSL over memory BIOs: the least that Python can do with the library that mailtls uses."""

    _commands = (b"EHLO probe.bench.example\r\n", b"STARTTLS\r\n")

    def __init__(self, context: SSL.Context) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._context = context
        self._turn = 0
        self._tls: SSL.Connection | None = None

    def connection_made(self, transport) -> None:
        self._transport = transport

    def connection_lost(self, exc) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError("cut off"))

    def data_received(self, data: bytes) -> None:
        if self._tls is None and self._turn < 2:
            self._transport.write(self._commands[self._turn])
            self._turn += 1
            return
        if self._tls is None:
            self._tls = SSL.Connection(self._context, None)
            self._tls.set_connect_state()
            self._tls.set_tlsext_host_name(HOST.encode())
            data = b""
        if data:
            self._tls.bio_write(data)
        try:
            if self._turn == 2:
                self._tls.do_handshake()
                self._tls.sendall(b"EHLO probe.bench.example\r\n")
                self._turn = 3
            else:
                self._tls.recv(_READ)
                self._turn += 1
                if self._turn == 4:
                    self._tls.sendall(b"QUIT\r\n")
                else:
                    self._tls.shutdown()
                    self.done.set_result(None)
        except SSL.WantReadError:
            pass
        with contextlib.suppress(SSL.WantReadError):
            while True:
                self._transport.write(self._tls.bio_read(_READ))
        if self.done.done():
            self._transport.close()


def bare_pyopenssl(port: int) -> Callable[[], Awaitable[None]]:
    """Return (c)."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)

    async def one() -> None:
        _, protocol = await asyncio.get_running_loop().create_connection(lambda: _Bare(context), "127.0.0.1", port)
        await protocol.done

    return one


@dataclass
class Tally:
    """What one contestant's turns came to."""

    probes: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    rates: list[float] = field(default_factory=list)


def cpu_time() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def many(one: Callable[[], Awaitable[None]], probes: int) -> None:
    left = iter(range(probes))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def turn(one: Callable[[], Awaitable[None]], probes: int, counts, tally: Tally) -> None:
    before, wall, cpu = list(counts), time.perf_counter(), cpu_time()
    await many(one, probes)
    wall, cpu = time.perf_counter() - wall, cpu_time() - cpu
    await asyncio.sleep(0.1)  # the responder hears the last close
    tally.probes += probes
    tally.wall += wall
    tally.cpu += cpu
    tally.rates.append(probes / wall)
    tally.counts = [total + now - then for total, now, then in zip(tally.counts, counts, before, strict=True)]


async def contest(port: int, counts, probes: int, rounds: int) -> dict[str, Tally]:
    contestants = {
        "a mailtls quick visit": mailtls_visit(port),
        "b bare loop, stdlib ssl": bare_stdlib(port),
        "c bare loop, pyOpenSSL": bare_pyopenssl(port),
    }
    tallies = {name: Tally() for name in contestants}
    for one in contestants.values():
        await many(one, 2 * AT_ONCE)  # imports, caches, contexts
    await asyncio.sleep(0.2)
    for _ in range(rounds):
        for name, one in contestants.items():
            await turn(one, probes, counts, tallies[name])
    return tallies


def show(tallies: dict[str, Tally]) -> None:
    head = f"{'':<25}{'probes':>7}{'per s':>8}{'(min..max)':>14}{'CPU ms':>8}{'conns':>7}{'octets':>8}{'sent':>7}{'received':>9}"
    print(head + "   a / this: rate  CPU")
    base = tallies["a mailtls quick visit"]
    for name, t in tallies.items():
        rate, cpu = t.probes / t.wall, 1000 * t.cpu / t.probes
        connections, sent, received = (count / t.probes for count in t.counts)
        spread = f"{min(t.rates):.0f}..{max(t.rates):.0f}"
        ratios = f"{base.probes / base.wall / rate:15.2f}{1000 * base.cpu / base.probes / cpu:7.2f}"
        print(
            f"{name:<25}{t.probes:>7}{rate:>8.0f}{spread:>14}{cpu:>8.2f}{connections:>7.2f}"
            f"{sent + received:>8.0f}{sent:>7.0f}{received:>9.0f}{ratios}"
        )
    print(
        f"median of turns, probes per s: {', '.join(f'{name[0]} {statistics.median(t.rates):.0f}' for name, t in tallies.items())}; "
        f"{AT_ONCE} at a time; {ssl.OPENSSL_VERSION} in b, {SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode()} in a and c"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--probes", type=int, default=200, help="probes of one contestant in one turn")
    arguments.add_argument("--rounds", type=int, default=4, help="turns of each")
    arguments.add_argument("--profile", action="store_true", help="say where the time of (a) goes, instead")
    wanted = arguments.parse_args()
    logs.configure("info", "logfmt")
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("fork")
    port, counts = context.Value("i", 0), context.Array("q", 3, lock=False)
    process = context.Process(target=respond, args=(cores[1] if len(cores) > 1 else None, port, counts), daemon=True)
    process.start()
    try:
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[0]})
        while port.value == 0 and process.is_alive():
            time.sleep(0.02)
        if wanted.profile:
            asyncio.run(many(one := mailtls_visit(port.value), 2 * AT_ONCE))
            profile = cProfile.Profile()
            profile.runcall(asyncio.run, many(one, wanted.probes * wanted.rounds))
            pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(10)
            pstats.Stats(profile).strip_dirs().sort_stats("cumulative").print_stats("mailtls|aiosmtplib|probe|dialogue|handshake|reply", 25)
        else:
            show(asyncio.run(contest(port.value, counts, wanted.probes, wanted.rounds)))
    finally:
        process.kill()
        process.join()


if __name__ == "__main__":
    main()
