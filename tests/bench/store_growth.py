"""How much a store grows: octets and rows of an unchanged visit, and kilobytes of an endpoint and year. Asserts nothing; prints a table.

A simulated year at the default schedule (a quick visit every fifteen minutes, a full scan each day), on one scan of the lab's, through the
journal and the store that a daemon has. Noise: one visit in a hundred cannot decide; a storm of 421 each month, two hours long; a certificate
every sixty days; another EHLO keyword every ninety; a silent day each half year. What stands beside history (the last scan of each kind,
the raw hellos) is written once. Run: python tests/bench/store_growth.py [--endpoints N] [--days N] [--url postgresql://...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import event, func, select, text

from mailtls.evidence import Exchange, Handshake, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer
from mailtls.lab import Authority
from mailtls.model import Endpoint, Known, Stage
from mailtls.store.database import Store
from mailtls.store.engine import reading
from mailtls.store.history import FOLDED_AFTER
from mailtls.store.schema import metadata
from mailtls.store.tracks import scan_kept
from mailtls.tracking.fresh import subject_of
from mailtls.tracking.history import CONCLUSIVE, Seen
from mailtls.tracking.history import Purpose as What
from mailtls.tracking.holding import absorb
from mailtls.tracking.journal import Journal
from mailtls.tracking.kept import ScanKind
from mailtls.trust.pkix import Anchors

START = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
RETENTION = timedelta(days=400)
PER_DAY = 96
CAUSES = ["connect-timeout at connect", "read-timeout at greeting", "rate-limited at greeting", "connection-closed at greeting"]
_EHLO = "250-{}\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n{}250-STARTTLS\r\n250 8BITMIME\r\n"


class World:
    """What one endpoint shows, by the day."""

    def __init__(self, number: int, authority: Authority) -> None:
        self.endpoint = Endpoint(f"mx{number}.example", ip_address(0x0A000000 + number))
        self._authority = authority
        self.subject = subject_of(self.endpoint)
        self._shown: tuple[int, int] = (-1, -1)
        self._readings: dict = {}
        self.scan: ScanEvidence

    def at(self, moment: datetime, day: int, purpose: Purpose, anchors: Anchors) -> tuple[dict, ScanEvidence]:
        shown = (day // 60, day // 90)
        if shown[0] != self._shown[0]:
            identity = self._authority.issue([self.endpoint.host])
            self._chain = tuple(certificate.public_bytes(Encoding.DER) for certificate in identity.chain)
        extra = "250-DSN\r\n" if shown[1] % 2 else ""
        said = (b"220 mx ready\r\n", _EHLO.format(self.endpoint.host, extra).encode(), b"220 2.0.0 go\r\n")
        dialogue = zip(
            (Stage.GREETING, Stage.EHLO, Stage.STARTTLS), (b"", b"EHLO probe.example\r\n", b"STARTTLS\r\n"), said, strict=True
        )
        exchanges = tuple(Exchange(stage, sent, got, 0.1, random.random()) for stage, sent, got in dialogue)
        done = Handshake("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768", self._chain)
        visit = ProbeEvidence(
            Offer(), moment, exchanges, done, took=0.3, octets_sent=900, octets_received=4000, source="192.0.2.9:40001"
        )
        visits = (visit,) if purpose is Purpose.QUICK else (visit, replace(visit, offer=Offer(with_sni=False)))
        self.scan = ScanEvidence(self.endpoint, purpose, moment, visits, vantage="fra1")
        if shown != self._shown:
            track = absorb(None, replace(self.scan, hellos=_enumeration(moment, self._chain)), anchors)
            self._readings = {name: held.reading for name, held in track.held.items() if name != "chains"}
            self._readings |= _missing(self._readings)
            self._shown = shown
        return self._readings, self.scan


def _missing(readings: dict) -> dict:
    """What the little enumeration above does not show, of a usual size."""
    suites = {"TLSv1.2": [f"TLS_ECDHE_RSA_WITH_AES_{n}_GCM_SHA256" for n in range(12)], "TLSv1.3": ["TLS_AES_256_GCM_SHA384"] * 3}
    usual = {
        "cipher_suites": suites,
        "groups": ["x25519", "secp256r1", "X25519MLKEM768"],
        "signature_schemes": ["rsa_pss_rsae_sha256"] * 8,
    }
    flat = {f"fact_{number}": True for number in range(max(0, 47 - len(readings) - len(usual)))}
    return {name: Known(value) for name, value in (usual | flat).items() if name not in readings}


def _enumeration(moment: datetime, chain: tuple[bytes, ...]) -> HelloEvidence:
    def one(number: int) -> Asked:
        offer = HelloOffer("TLSv1.2", tuple(range(0xC000 + number, 0xC0A0)), (29, 23, 24), (2052, 1027), question=f"suite {number}")
        return Asked(offer, Accepted("TLSv1.2", 0xC02F, 29, chain=chain), number * 1.0, number + 0.2, "192.0.2.9:4711", 300, 4000)

    return HelloEvidence(tuple(map(one, range(60))), moment, complete=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=20)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--url", default="", help="an empty database; by default an SQLite file that is removed again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "growth.db")
        store = await Store.open(given.url or f"sqlite:///{file}")
        await _run(store, given.endpoints, given.days, None if given.url else file)
        await store.close()


async def _run(store: Store, endpoints: int, days: int, file: Path | None) -> None:
    random.seed(5)
    authority = Authority.create(datetime.now(UTC))
    anchors = Anchors(authority.root_pem, "the bench's root")
    journal, statements, rows = Journal(), 0, 0

    def count(_connection, cursor, _statement, _parameters, _context, _many) -> None:
        nonlocal statements, rows
        if _statement.split(" ", 1)[0] in ("INSERT", "UPDATE", "DELETE"):
            statements += 1
            rows += max(0, cursor.rowcount)

    event.listen(store._engine, "after_cursor_execute", count)
    empty = await _size(store, file)
    worlds = [World(number, authority) for number in range(endpoints)]
    quiet: tuple[int, int, int] | None = None
    visits = 0
    for day in range(days):
        began = rows, await _size(store, file), visits
        for slot in range(PER_DAY):
            moment = START + timedelta(days=day) + slot * QUARTER
            entries = []
            for number, world in enumerate(worlds):
                purpose = Purpose.FULL if slot == number % PER_DAY else Purpose.QUICK
                storm = day % 30 == 7 and slot < 8
                silent = day % 180 == 100
                if storm or silent or random.random() < 0.01:
                    why = "rate-limited at greeting" if storm else random.choice(CAUSES)
                    seen = Seen(world.subject, moment, {}, What(purpose.value), why)
                else:
                    readings, scan = world.at(moment, day, purpose, anchors)
                    seen = Seen(world.subject, moment, readings, What(purpose.value), CONCLUSIVE, scan)
                visits += 1
                entry = journal.note(seen)
                entries += [] if entry is None else [entry]
            if entries:
                await store.record("fra1", entries, moment)
        now = START + timedelta(days=day + 1)
        if day == 20:
            quiet = rows - began[0], await _size(store, file) - began[1], visits - began[2]
        await store.tidy(now - RETENTION, now - FOLDED_AFTER)
    for world in worlds:
        hellos = _enumeration(START, world._chain)
        await store.save("fra1", {world.endpoint: hellos}, START)
        kept = [scan_kept(replace(world.scan, hellos=hellos if kind is ScanKind.ENUMERATED else None), kind) for kind in ScanKind]
        await store.save_tracks("fra1", kept, START)
    await _report(store, endpoints, days, visits, empty, quiet, file)


async def _report(store: Store, endpoints: int, days: int, visits: int, empty: int, quiet, file: Path | None) -> None:
    if file is None:  # a year took minutes, and nobody cleared up what was overwritten; autovacuum does in a real one
        await store.run(_vacuum)
    size = await _size(store, file)
    print(
        f"{store.name.split('@')[-1].split('/')[0] or 'sqlite'}: {endpoints} endpoints, {days} days, {visits} visits, load {os.getloadavg()[0]:.1f}"
    )
    if quiet is not None:
        print(
            f"a day without a change: {quiet[0] / quiet[2]:.2f} rows written a visit; the database grew by {quiet[1] / quiet[2]:.0f} octets a visit"
        )
    print(f"growth: {(size - empty) / endpoints / days * 365 / 1000:.1f} kB an endpoint and year ({size / 1e6:.2f} MB in all)")
    for name, table in metadata.tables.items():

        def counted(engine, table=table) -> int:
            with reading(engine) as connection:
                return connection.scalar(select(func.count()).select_from(table)) or 0

        print(f"  {name:<14} {await store.run(counted) / endpoints:8.1f} rows an endpoint")


def _vacuum(engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM FULL")


async def _size(store: Store, file: Path | None) -> int:
    """Octets in use: of SQLite, pages that are not free; of PostgreSQL, tables with their indexes."""

    def measured(engine) -> int:
        with reading(engine) as connection:
            if file is None:
                return int(
                    connection.scalar(
                        text(
                            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                        )
                    )
                    or 0
                )
            page, pages, free = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_size", "page_count", "freelist_count")
            )
            return page * (pages - free)

    return await store.run(measured)


if __name__ == "__main__":
    asyncio.run(main())
