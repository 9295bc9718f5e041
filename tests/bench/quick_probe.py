"""What a quick probe costs, beside a bare asyncio loop that does the same exchange, in one run, in turns.

Run it with ``make bench``. The responders are two processes of their own; CPU is counted in this process alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import ssl
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import structlog

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Handshake, Offer
from mailtls.lab import Authority
from mailtls.model import Endpoint
from mailtls.probe import Prober, Visitor

PROBES, AT_ONCE, ROUNDS = 500, 50, 5
HOST = "mx.bench.example"


def respond(pem: str, ports: multiprocessing.Queue[int]) -> None:
    """Serve greeting, EHLO, STARTTLS, TLS 1.3, EHLO and QUIT, as cheaply as the standard library can."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 mx ESMTP\r\n")
            while line := await reader.readline():
                if line.startswith(b"EHLO"):
                    writer.write(b"250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
                elif line.startswith(b"STARTTLS"):
                    writer.write(b"220 go\r\n")
                    await writer.start_tls(context)
                else:
                    writer.write(b"221 bye\r\n")
                    break
            writer.close()
        except (OSError, ssl.SSLError):
            pass

    async def serve() -> None:
        server = await asyncio.start_server(session, "127.0.0.1", 0, backlog=512)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


async def bare(port: int, context: ssl.SSLContext) -> None:
    """Do the same exchange with the standard library, and keep nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def command(line: bytes) -> None:
        writer.write(line)
        while (await reader.readline())[3:4] == b"-":
            pass

    await command(b"")
    await command(b"EHLO probe.example\r\n")
    await command(b"STARTTLS\r\n")
    await writer.start_tls(context, server_hostname=HOST)
    await command(b"EHLO probe.example\r\n")
    await command(b"QUIT\r\n")
    writer.close()


async def timed(one: Callable[[int], Awaitable[None]]) -> tuple[float, float]:
    """Return probes per second and client CPU in ms per probe."""
    numbers = iter(range(PROBES))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    cpu, wall = _cpu(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return PROBES / (time.perf_counter() - wall), (_cpu() - cpu) / PROBES * 1000


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def compare(ports: list[int]) -> None:
    """Run both in turns, and print medians and ratios."""
    limits = Limits(concurrency=AT_ONCE, per_operator=AT_ONCE, pace=0.0)
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),))
    prober = Prober(Visitor(network, "probe.example"), Budget(limits))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    octets: list[tuple[int, int]] = []

    async def ours(number: int) -> None:
        probe = await prober.visit(Endpoint(HOST, ip_address("127.0.0.1"), ports[number % len(ports)]), Offer())
        assert isinstance(probe.handshake, Handshake), probe
        assert probe.failure is None, probe
        octets.append((probe.octets_sent, probe.octets_received))

    async def theirs(number: int) -> None:
        await bare(ports[number % len(ports)], context)

    results: dict[str, list[tuple[float, float]]] = {"mailtls": [], "bare": []}
    for round_number in range(ROUNDS + 1):
        for name, one in (("mailtls", ours), ("bare", theirs)):
            outcome = await timed(one)
            if round_number:  # the first warms up
                results[name].append(outcome)
    print(f"{PROBES} probes, {AT_ONCE} at a time, {ROUNDS} rounds in turns, medians")
    for name, outcomes in results.items():
        rate, cpu = (statistics.median(column) for column in zip(*outcomes, strict=True))
        print(f"{name:<8} {rate:7.0f} probes/s  {cpu:.3f} ms CPU a probe")
    pairs = zip(results["mailtls"], results["bare"], strict=True)
    ratios = [(ours_[0] / theirs_[0], ours_[1] / theirs_[1]) for ours_, theirs_ in pairs]
    rate, cpu = (statistics.median(column) for column in zip(*ratios, strict=True))
    sent, received = (statistics.median(column) for column in zip(*octets, strict=True))
    print(f"ratio    {rate:7.2f} of the rate  {cpu:.2f} of the CPU; one connection, {sent:.0f} octets sent, {received:.0f} received a probe")


def main() -> None:
    """Start two responders, compare, and end them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as directory:
        pem = Path(directory) / "identity.pem"
        pem.write_bytes(Authority.create(datetime.now(UTC)).issue([HOST]).pem)
        ports: multiprocessing.Queue[int] = multiprocessing.Queue()
        responders = [multiprocessing.Process(target=respond, args=(str(pem), ports), daemon=True) for _ in range(2)]
        for responder in responders:
            responder.start()
        try:
            asyncio.run(compare([ports.get(timeout=20) for _ in responders]))
        finally:
            for responder in responders:
                responder.terminate()


if __name__ == "__main__":
    main()
