"""What tracks are made of again: scans, routes and what is known of MTA-STS policies, as rows of the tables ``scans`` and ``routes``."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Select, Table, delete, false, select

from mailtls.evidence import RouteEvidence, ScanEvidence
from mailtls.store.codec import Unreadable
from mailtls.store.documents import TooLarge, decode, encode
from mailtls.store.engine import put
from mailtls.store.schema import routes, scans
from mailtls.tracking.sts import StsTrack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from mailtls.model import Endpoint
    from mailtls.tracking.kept import RouteKind, ScanKind

T = TypeVar("T")

_POLICY = "policy"
NOTHING: Mapping[Endpoint | str, datetime] = MappingProxyType({})
"""That is known."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One row that is to be written.

    Args:
        table: into which.
        key: the columns of its key, without the vantage, and their values.
        began: when what it holds began.
        value: what it holds.

    """

    table: Table
    key: tuple[tuple[str, str | int], ...]
    began: datetime
    value: ScanEvidence | RouteEvidence | StsTrack

    @property
    def place(self) -> tuple[str, tuple[tuple[str, str | int], ...]]:
        """What it takes the place of: the same of an earlier row."""
        return self.table.name, self.key


@dataclass(frozen=True, slots=True)
class Recalled:
    """What there was to read.

    Args:
        scans: in the order in which they began.
        routes: likewise.
        policies: what is known of the MTA-STS policy of each domain.
        unreadable: what was to be read and could not be, each with the reason.

    """

    scans: tuple[ScanEvidence, ...] = ()
    routes: tuple[RouteEvidence, ...] = ()
    policies: tuple[tuple[str, StsTrack], ...] = ()
    unreadable: tuple[str, ...] = ()


def scan_kept(scan: ScanEvidence, kind: ScanKind) -> Kept:
    """Return the row of a scan."""
    return Kept(scans, (*key_of(scan.endpoint), ("kind", kind.value)), scan.began, scan)


def route_kept(route: RouteEvidence, began: datetime, kind: RouteKind) -> Kept:
    """Return the row of a look-up of the way to a domain."""
    return Kept(routes, (("domain", route.domain), ("kind", kind.value)), began, route)


def policy_kept(domain: str, track: StsTrack, at: datetime) -> Kept:
    """Return the row of what is known of a domain's MTA-STS policy."""
    return Kept(routes, (("domain", domain), ("kind", _POLICY)), at, track)


def save(connection: Connection, vantage: str, kept: Iterable[Kept], at: datetime) -> tuple[Kept, ...]:
    """Write rows. Returns those that are too large to be written."""
    rows: dict[Table, list[dict[str, object]]] = {scans: [], routes: []}
    left_out = []
    for item in kept:
        try:
            document = encode(item.value)
        except TooLarge:
            left_out.append(item)
            continue
        rows[item.table].append({"vantage": vantage, **dict(item.key), "began": item.began, "saved_at": at, "document": document})
    for table, those in rows.items():
        put(connection, table, those)
    return tuple(left_out)


def load(connection: Connection, vantage: str, since: datetime, known: Mapping[Endpoint | str, datetime] = NOTHING) -> Recalled:
    """Read all of a vantage that was saved after a moment; what cannot be read is left out, and told.

    Args:
        connection: with an open transaction.
        vantage: whose.
        since: that moment.
        known: for endpoints, and domains by their names, when the newest began that is known already: no older one is read.

    """
    of_scans = select(scans).where(scans.c.vantage == vantage, scans.c.saved_at > since)
    of_routes = select(routes).where(routes.c.vantage == vantage, routes.c.saved_at > since)
    newest: dict[object, datetime] = {
        what if isinstance(what, str) else tuple(value for _name, value in key_of(what)): at for what, at in known.items()
    }
    return _read(connection, of_scans, of_routes, newest)


def load_one(connection: Connection, vantage: str, what: Endpoint | str, after: datetime | None) -> Recalled:
    """Read what is newer than a moment of one endpoint, or of one domain by its name; ``None`` is before anything."""
    key = (("domain", what),) if isinstance(what, str) else key_of(what)
    table = routes if isinstance(what, str) else scans
    wanted = select(table).where(table.c.vantage == vantage, *(table.c[name] == value for name, value in key))
    if after is not None:
        wanted = wanted.where(table.c.began > after)
    none = select(scans if table is routes else routes).where(false())
    return _read(connection, none, wanted, {}) if table is routes else _read(connection, wanted, none, {})


def _read(connection: Connection, of_scans: Select[Any], of_routes: Select[Any], newest: Mapping[object, datetime]) -> Recalled:
    unreadable: list[str] = []

    def read(kind: type[T], name: str, document: bytes) -> tuple[T, ...]:
        try:
            return (decode(kind, document),)
        except Unreadable as error:
            unreadable.append(f"{name}: {error}")
            return ()

    def is_known(what: object, began: datetime) -> bool:
        return what in newest and began <= newest[what]

    rows = connection.execute(of_scans.order_by(scans.c.began))
    found = [row for row in rows if not is_known((row.host, row.address, row.port), row.began)]
    seen = [scan for row in found for scan in read(ScanEvidence, f"{row.host} {row.address}", row.document)]
    ways: list[RouteEvidence] = []
    policies: list[tuple[str, StsTrack]] = []
    for row in connection.execute(of_routes.order_by(routes.c.began)):
        if row.kind == _POLICY:
            policies += [(row.domain, track) for track in read(StsTrack, row.domain, row.document)]
        elif not is_known(row.domain, row.began):
            ways += read(RouteEvidence, row.domain, row.document)
    return Recalled(tuple(seen), tuple(ways), tuple(policies), tuple(unreadable))


def prune(connection: Connection, before: datetime) -> int:
    """Forget what was saved before a moment, of whatever vantage. Returns how many rows that were."""
    return sum(connection.execute(delete(table).where(table.c.saved_at < before)).rowcount for table in (scans, routes))


def key_of(endpoint: Endpoint) -> tuple[tuple[str, str | int], ...]:
    """Return the columns by which an endpoint is known, and their values."""
    # A server may answer otherwise when it is asked for another name; that is rare, and so has no column of its own.
    host = endpoint.host if endpoint.server_name == endpoint.host else f"{endpoint.host}/{endpoint.server_name}"
    return ("host", host), ("address", str(endpoint.address)), ("port", endpoint.port)
