"""How the rows of the wild tables are played: every row twice, several at a time, and nothing but readings kept."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import structlog.testing

from mailtls.budget import Budget, Limits
from mailtls.dial import Network
from mailtls.evidence import Purpose, ScanEvidence
from mailtls.lab import Authority, Behaviour, MailServer
from mailtls.model import Absent, Cause, Endpoint, EndpointObservation, Known, Unknown
from mailtls.probe import Prober
from mailtls.tracking.holding import absorb, observe
from mailtls.trust.pkix import Anchors
from mailtls.visit import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "mx.wild.example"
AUTHORITY = Authority.create(datetime.now(UTC))
YES, NO, ABSENT = Known(value=True), Known(value=False), Absent()
AT_ONCE = 12
PATIENCE = 4.0
"""Seconds for a connection where nobody stalls: more than a busy machine needs."""
IMPATIENCE = 0.8
"""Seconds for one that ends because nobody says anything."""


@dataclass(frozen=True)
class Row:
    """A behaviour, or one for each connection in turn (the last for all others), and what may be said of it.

    ``expected`` maps facts to readings; a text is cause and stage of an Unknown, an asterisk any cause.
    """

    behaviour: Behaviour | tuple[Behaviour, ...]
    expected: Mapping[str, Any] = field(default_factory=dict)
    quits: bool = False
    purpose: Purpose = Purpose.FULL
    dh: bytes = b""

    @property
    def deadline(self) -> float:
        """Seconds for each connection."""
        waits = any(isinstance(wanted, str) and wanted.startswith(("read-timeout", "tarpit")) for wanted in self.expected.values())
        return IMPATIENCE if waits else PATIENCE


@dataclass(frozen=True)
class Played:
    observed: EndpointObservation
    scan: ScanEvidence
    commands: tuple[bytes, ...]


class ChangingServer(MailServer):
    """A mail server that behaves differently on each connection."""

    turns: tuple[Behaviour, ...] = ()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.turns:
            self.behaviour = self.turns[min(self.connections, len(self.turns) - 1)]
        super()._accept(reader, writer)


async def scan_once(endpoint: Endpoint, purpose: Purpose, deadline: float = IMPATIENCE) -> tuple[EndpointObservation, ScanEvidence]:
    network = Network(allow_networks=(ip_network("127.0.0.0/8"),), connect_timeout=1)
    prober = Prober(Visitor(network, "probe.example", deadline), Budget(Limits(pace=0.0, scan_deadline=60)))
    scan = await prober.scan(endpoint, purpose)
    anchors = Anchors(AUTHORITY.root_pem, "the lab's root")
    return observe(absorb(None, scan, anchors), endpoint, scan.began, None), scan


async def play(row: Row) -> Played:
    turns = row.behaviour if isinstance(row.behaviour, tuple) else (row.behaviour,)
    server = await ChangingServer.start("127.0.0.1", 0, turns[0])
    server.turns = turns if len(turns) > 1 else ()
    if row.dh:
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(row.dh)
            file.flush()
            for context in server._contexts.values():
                context.load_tmp_dh(file.name.encode())
    try:
        observed, scan = await scan_once(Endpoint(HOST, ip_address("127.0.0.1"), server.address[1]), row.purpose, row.deadline)
        await asyncio.sleep(0.05)  # so that the server hears what was sent last
        return Played(observed, scan, tuple(server.commands))
    finally:
        await server.stop()


def play_all(rows: Mapping[str, Row]) -> tuple[dict[str, list[Played]], list[Any]]:
    """Play rows twice each; returns what came of them, and everything that was logged as an error or broke in the loop."""

    async def run() -> dict[str, list[Played]]:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: broken.append(context))
        some = asyncio.Semaphore(AT_ONCE)

        async def one(row: Row) -> Played:
            async with some:
                return await play(row)

        played = await asyncio.gather(*(one(row) for row in rows.values() for _ in range(2)))
        return {name: [played[2 * i], played[2 * i + 1]] for i, name in enumerate(rows)}

    broken: list[Any] = []
    with structlog.testing.capture_logs() as logged:
        results = asyncio.run(run())
    return results, broken + [entry for entry in logged if entry["log_level"] in ("error", "critical")]


def shown(reading: object) -> object:
    """Return what of a reading must be the same on each run."""
    return (f"{reading.cause}@{reading.stage}", reading.seen) if isinstance(reading, Unknown) else reading


def check(row: Row, runs: list[Played]) -> None:
    first, second = ({n: shown(r) for n, r in p.observed.readings.items()} for p in runs)
    assert first == second, "the same server, and two conclusions"
    for played in runs:
        readings = played.observed.readings
        for name, wanted in row.expected.items():
            said = shown(readings[name])
            if isinstance(wanted, str):
                assert isinstance(said, tuple), (name, readings[name])
                assert said[0] == wanted or wanted == "*", (name, readings[name])
            else:
                assert said == wanted, (name, readings[name])
        for reading in readings.values():
            if isinstance(reading, Unknown):
                assert reading.detail.isprintable(), ascii(reading.detail)
                assert reading.cause is not Cause.INTERNAL_ERROR
        assert not any(command.upper().startswith((b"MAIL", b"RCPT", b"DATA")) for command in played.commands)
        assert (b"QUIT" in [command.upper() for command in played.commands]) == row.quits, played.commands
        if isinstance(readings["starttls_offered"], Unknown) or isinstance(readings["starttls_accepted"], Unknown):
            assert not played.observed.conclusive or readings["starttls_offered"] == NO
            for name in ("negotiated", "certificates", "certificate_trusted", "certificate_name_match", "smtp_inside_tls"):
                assert isinstance(readings[name], Unknown), f"{name}: silence became a verdict"
