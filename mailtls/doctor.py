"""Can this vantage measure at all? Each examination says what it saw, and what to do where that is not enough."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import dns.reversename

from mailtls import assembly
from mailtls.dial import why_out_of_scope
from mailtls.evidence import LookupOutcome, Offer
from mailtls.facts.routing import why_incomplete, why_no_address, why_no_route
from mailtls.model import Cause, Stage
from mailtls.observation import endpoints_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy import Engine

    from mailtls.config import Configuration
    from mailtls.evidence import RouteEvidence
    from mailtls.measure import Measurer
    from mailtls.model import Endpoint

_SIGNED = "."
_DOMAINS_TRIED = 3
_NOBODY = "no domain is named; name one, as in mailtls doctor gmail.com, or a --config.file"
_NOT_REACHED = frozenset({Cause.CONNECT_REFUSED, Cause.CONNECT_TIMEOUT, Cause.UNREACHABLE, Cause.CONNECTION_CLOSED})
_PUBLIC_IPV6 = ip_address("2001:4860:4860::8888")  # only a route is asked for; nothing is sent


class Health(StrEnum):
    """What an examination found."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Examination:
    """One thing that was examined."""

    subject: str
    health: Health
    text: str


async def examine(configuration: Configuration, domains: Sequence[str] = (), *, lasting: bool = False) -> AsyncIterator[Examination]:
    """Examine this vantage, one thing after the other.

    Args:
        configuration: what it goes by.
        domains: whose mail hosts to reach; none for the first of the configured partners.
        lasting: whether a daemon is to run here, so that its store counts.

    """
    measurer = assembly.measurer(configuration)
    yield _trust(measurer)
    yield _clock()
    async for found in _resolver(configuration, measurer):
        yield found
    yield await _name(configuration, measurer)
    lacking = why_out_of_scope(_PUBLIC_IPV6, configuration.dialling())
    yield Examination(
        "IPv6", Health.GOOD if lacking is None else Health.UNKNOWN, lacking or "this machine has a route to the IPv6 Internet"
    )
    if lasting:
        yield await _store(configuration)
    partners = [provider.domains[0] for provider in configuration.partners()]
    yield await _port(configuration, measurer, domains or partners[:_DOMAINS_TRIED])


def summary(found: Sequence[Examination]) -> str:
    """Return in one line what all examinations come to."""
    bad, unknown = ([one.subject for one in found if one.health is health] for health in (Health.BAD, Health.UNKNOWN))
    unclear = f"; not examined to the end: {', '.join(unknown)}" if unknown else ""
    if bad:
        return f"Mend first: {', '.join(bad)}{unclear}."
    return f"Nothing bad was found{unclear}."


def _trust(measurer: Measurer) -> Examination:
    anchors = measurer.anchors
    return Examination("trust store", Health.GOOD, f"{anchors.count} trust anchor{'' if anchors.count == 1 else 's'} in {anchors.name}")


def _clock() -> Examination:
    # There is no time server to ask; but a clock that is behind our own trust store's release is wrong for certain.
    released = datetime.fromtimestamp(Path(certifi.where()).stat().st_mtime, UTC)
    now = datetime.now(UTC)
    if now < released:
        return Examination("clock", Health.BAD, f"it says {now:%Y-%m-%d %H:%M} UTC, which is before the trust store was installed")
    return Examination("clock", Health.UNKNOWN, f"it says {now:%Y-%m-%d %H:%M:%S} UTC; compare that with a clock you trust")


async def _resolver(configuration: Configuration, measurer: Measurer) -> AsyncIterator[Examination]:
    servers = configuration.nameservers().addresses
    named = ", ".join(f"{host}:{port}" for host, port in servers) or "none"
    answer = await measurer.resolver.lookup(_SIGNED, "SOA")
    if not answer.is_answer:
        yield Examination("resolver", Health.BAD, f"{named} did not answer for the root zone: {answer.detail}")
        return
    yield Examination("resolver", Health.GOOD, f"{named} answers")
    if not any(map(configuration.nameservers().believes, servers)):
        text = "is not on loopback, so its word on DNSSEC is not believed; run a validating resolver on this machine (resolver.trust_ad)"
        yield Examination("DNSSEC", Health.UNKNOWN, f"{named} {text}")
    elif answer.authenticated:
        yield Examination("DNSSEC", Health.GOOD, "the resolver validates: it vouches for the root zone")
    else:
        yield Examination("DNSSEC", Health.BAD, "the resolver does not validate: it does not vouch for the root zone, which is signed")


async def _name(configuration: Configuration, measurer: Measurer) -> Examination:
    name = assembly.ehlo_name(configuration)
    if name == "localhost" or name.startswith("localhost."):
        return Examination("EHLO name", Health.BAD, f"this host calls itself {name}; set vantage.ehlo_name to a public name")
    lookups = await asyncio.gather(measurer.resolver.lookup(name, "A"), measurer.resolver.lookup(name, "AAAA"))
    addresses = [record for lookup in lookups for record in lookup.records]
    if not addresses:
        failed = next((lookup for lookup in lookups if not lookup.is_answer), None)
        if failed is not None:
            return Examination("EHLO name", Health.UNKNOWN, f"{name}: {failed.detail}")
        return Examination("EHLO name", Health.BAD, f"{name} has no address; many servers turn such a name away (vantage.ehlo_name)")
    unheard = ""
    for address in addresses:
        pointer = await measurer.resolver.lookup(dns.reversename.from_address(address).to_text(), "PTR")
        if not pointer.is_answer:
            unheard = unheard or f"{name} is {address}, and its PTR record could not be looked up: {pointer.detail}"
        elif pointer.outcome is not LookupOutcome.ANSWERED:
            return Examination("EHLO name", Health.BAD, f"{name} is {address}, which has no PTR record: {pointer.detail}")
        elif f"{name}." not in {record.lower() for record in pointer.records}:
            return Examination("EHLO name", Health.BAD, f"{name} is {address}, whose PTR record says {pointer.records[0]}")
    if unheard:
        return Examination("EHLO name", Health.UNKNOWN, unheard)
    agree = "PTR record agrees" if len(addresses) == 1 else "PTR records agree"
    return Examination("EHLO name", Health.GOOD, f"{name} is {', '.join(addresses)}, and the {agree}")


async def _store(configuration: Configuration) -> Examination:
    """See whether the store can be written, without making one or changing its tables."""
    from sqlalchemy import make_url  # noqa: PLC0415 - all this takes a quarter of a second, and only a daemon remembers

    from mailtls.store.database import Store, StoreFailed  # noqa: PLC0415
    from mailtls.store.engine import engine_of, file_of, writing  # noqa: PLC0415

    place = make_url(configuration.storage.url)
    file = file_of(place)
    if file is None and place.get_backend_name() == "sqlite":
        return Examination("store", Health.UNKNOWN, "nothing is remembered across restarts (storage.url)")
    if file is not None and not file.exists() and _can_be_made(file):
        return Examination("store", Health.GOOD, f"{file} is not there yet, and can be made")

    def touch(engine: Engine) -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("SELECT 1")

    try:
        store = Store(engine_of(configuration.storage.url))
    except ImportError as error:
        return Examination("store", Health.BAD, f"its driver is not installed ({error}): pip install 'mailtls[postgresql]'")
    try:
        await store.run(touch)
    except StoreFailed as error:
        return Examination("store", Health.BAD, f"{error} (storage.url)")
    finally:
        await store.close()
    return Examination("store", Health.GOOD, f"{store.name} can be opened")


def _can_be_made(path: Path) -> bool:
    # It is tried with a file that has no name: permissions alone do not tell, least of all to root (/proc, a read-only file system).
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            return True
    except OSError:
        return False


async def _port(configuration: Configuration, measurer: Measurer, domains: Sequence[str]) -> Examination:
    """Try the first MX host of a few domains: one greeting is enough to know that the port is open."""
    subject = f"port {configuration.network.port}"
    dialled: list[str] = []
    untested: list[str] = []
    for domain in domains:
        route = await measurer.route(domain)
        endpoints: list[Endpoint] = [e for host in route.hosts for e in endpoints_of(host, measurer.port) if e.family == "ipv4"]
        if not endpoints:
            untested.append(f"{domain}: {_why_nobody(route)}")
            continue
        probe = await measurer.prober.visit(endpoints[0], Offer())
        if probe.failure is None or probe.failure.stage is not Stage.CONNECT:
            return Examination(subject, Health.GOOD, f"{endpoints[0].host} was reached")
        if probe.failure.cause in _NOT_REACHED:
            dialled.append(f"{endpoints[0].host}: {probe.failure.cause.value}")
        else:
            untested.append(f"{endpoints[0].host}: {probe.failure.detail or probe.failure.cause.value}")
    if dialled:
        advice = "most clouds and homes block it outward; nothing can be said of any partner from here until it is open"
        return Examination(subject, Health.BAD, f"nobody was reached ({'; '.join(dialled + untested)}): {advice}")
    return Examination(subject, Health.UNKNOWN, f"not tested: {'; '.join(untested) or _NOBODY}")


def _why_nobody(route: RouteEvidence) -> str:
    """Return why a domain gave nobody to dial."""
    missing = why_no_route(route) or next((gap for host in route.hosts if (gap := why_no_address(host) or why_incomplete(host))), None)
    if missing is not None:
        return f"{missing.cause.value}, {missing.detail}"
    return "no IPv4 address" if route.hosts else "it takes no mail"
