"""What an MX host publishes in TLSA records (RFC 7672), and what a sender makes of it: the name in its SNI, and those that it looks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.evidence import LookupOutcome
from mailtls.facts.routing import NOBODY_VALIDATES, unknown_lookup, why_no_address
from mailtls.model import Absent, Cause, Stage, Unknown
from mailtls.trust.tlsa import TLSA, Assessed, assess, parse_tlsa

if TYPE_CHECKING:
    from mailtls.evidence import HostRoute, RouteEvidence

_NOBODY_VALIDATES = Unknown(Cause.NOT_ATTEMPTED, Stage.DNS, NOBODY_VALIDATES)
_SERVER_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Published:
    """A host's TLSA records, for which DNSSEC vouches.

    Args:
        base: the TLSA base domain: lower case, without the final dot.
        records: all that there are; there is at least one, though perhaps of no use.

    """

    base: str
    records: tuple[Assessed, ...]

    @property
    def used(self) -> tuple[TLSA, ...]:
        """Those that a sender uses."""
        return tuple(assessed.record for assessed in self.records if not assessed.why_not)


def published(host: HostRoute) -> Published | Absent | Unknown | None:
    """Return what a host publishes; ``None`` for nothing that a sender heeds; Absent without an address; Unknown where that is open.

    RFC 7672 section 2.2: where the zone of the addresses is insecure nothing is asked, and what is insecure is as if it were not there.
    """
    missing = why_no_address(host)
    if missing is not None:
        return Absent() if missing.cause is Cause.NO_ADDRESS else missing
    answered = [lookup for lookup in host.addresses if lookup.records]
    if all(lookup.authenticated is None for lookup in answered):
        return _NOBODY_VALIDATES
    if host.alias is not None and not host.alias.records:
        if host.alias.is_answer:
            return Unknown(Cause.DNS_FAILURE, Stage.DNS, f"{host.alias.name}: an alias by one answer, and none by the next")
        return unknown_lookup(host.alias)
    if host.alias is not None and host.alias.authenticated is None:
        return _NOBODY_VALIDATES
    for lookup in host.tlsa:
        if not lookup.is_answer:
            return unknown_lookup(lookup)
        if lookup.authenticated is None:  # another resolver's answer than that for the addresses
            return _NOBODY_VALIDATES
        if lookup.outcome is LookupOutcome.ANSWERED and lookup.authenticated:
            if lookup.omitted:
                detail = f"{lookup.name}: {lookup.omitted} TLSA records are beyond the cap"
                return Unknown(Cause.LIMIT_EXCEEDED, Stage.DNS, detail)
            records = tuple(record for text in lookup.records if (record := parse_tlsa(text)) is not None)
            base = lookup.name.split(".", 2)[2].removesuffix(".").lower()
            return Published(base, assess(records))
    if not host.tlsa and any(lookup.authenticated for lookup in answered):
        return Unknown(Cause.NOT_ATTEMPTED, Stage.DNS, "its TLSA records were not asked for")
    return None


def server_name(host: HostRoute) -> str:
    """Return the name that a sender puts into the SNI: the TLSA base domain where it uses DANE (RFC 7672 section 8.1), else the host's."""
    found = published(host)
    usable = isinstance(found, Published) and found.used and len(found.base) < 254 and _SERVER_NAME.fullmatch(found.base)
    return found.base if isinstance(found, Published) and usable else host.host


def reference_identifiers(route: RouteEvidence, base: str) -> tuple[str, ...]:
    """Return the names of which a certificate needs one under usage 2 (RFC 7672 section 3.2.2)."""
    names = [base]
    if route.implicit:
        names.append(route.domain)
    elif route.mx is not None and route.mx.authenticated:
        names += [route.domain, route.mx.canonical.removesuffix(".").lower()]
    return tuple(dict.fromkeys(name for name in names if name))
