"""Facts of the way to a domain: its MX records, and whether DNSSEC vouches for them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mailtls.evidence import LookupOutcome
from mailtls.facts.declaration import Better, Check, Fact, HostEvidence, Kind, Scope
from mailtls.facts.shapes import NUMBER, TEXT, listed, made_of, words
from mailtls.facts.visits import unknown_of
from mailtls.model import Cause, Known, Stage, Unknown

if TYPE_CHECKING:
    from mailtls.evidence import HostRoute, Lookup, RouteEvidence
    from mailtls.model import Reading
    from mailtls.trust.pkix import Anchors

_CAUSES = {
    LookupOutcome.SERVER_FAILURE: Cause.DNS_FAILURE,
    LookupOutcome.TIMED_OUT: Cause.DNS_TIMEOUT,
    LookupOutcome.BOGUS: Cause.DNSSEC_BOGUS,
    LookupOutcome.NO_SUCH_NAME: Cause.DNS_FAILURE,
    LookupOutcome.NO_DATA: Cause.NO_ADDRESS,
}
NOBODY_VALIDATES = "the resolver does not validate, or is not on loopback and not trusted to (resolver.trust_ad)"
_IRREGULARITIES = ("null-mx-among-others", "mx-is-an-address", "mx-is-localhost", "mx-is-an-alias", "too-many-mx-hosts")
_ADDRESS = re.compile(r"[0-9.]+|\[.*\]|[0-9a-f:]*:[0-9a-f:]*")


def unknown_lookup(lookup: Lookup) -> Unknown:
    """Return what a look-up without an answer leaves behind."""
    cause = _CAUSES.get(lookup.outcome, Cause.DNS_FAILURE)
    return Unknown(cause, Stage.DNS, f"{lookup.name} {lookup.rdtype}: {lookup.detail or lookup.outcome.value}")


def why_no_route(route: RouteEvidence) -> Unknown | None:
    """Return why no mail host of a domain could be found, or ``None`` where some were (or a null MX says there are none)."""
    if route.failure is not None:
        return unknown_of(route.failure)
    if route.mx is None:
        return Unknown(Cause.NOT_ATTEMPTED, Stage.DNS)
    if not route.mx.is_answer or route.mx.outcome is LookupOutcome.NO_SUCH_NAME:
        return unknown_lookup(route.mx)
    return None


def why_no_address(host: HostRoute) -> Unknown | None:
    """Return why an MX host has no endpoint, or ``None`` where it has one.

    A failed look-up goes before a "no": the family that could not be asked for might have had an address.
    """
    if any(lookup.records for lookup in host.addresses):
        return None
    failed = next((lookup for lookup in host.addresses if not lookup.is_answer), None)
    if failed is not None:
        return unknown_lookup(failed)
    gone = any(lookup.outcome is LookupOutcome.NO_SUCH_NAME for lookup in host.addresses)
    said = "NXDOMAIN, the name does not exist" if gone else "it has neither A nor AAAA records"
    return Unknown(Cause.NO_ADDRESS, Stage.DNS, f"{host.host}: {said}")


def why_incomplete(host: HostRoute) -> Unknown | None:
    """Return why addresses of an MX host may be missing: a family whose look-up failed, or a cap that left some out."""
    for lookup in host.addresses:
        if not lookup.is_answer:
            return unknown_lookup(lookup)
        if lookup.omitted:
            detail = f"{host.host}: {lookup.omitted} addresses are beyond the cap and were not visited"
            return Unknown(Cause.LIMIT_EXCEEDED, Stage.DNS, detail)
    return None


def _null_mx(route: RouteEvidence, _anchors: Anchors) -> Reading[bool]:
    missing = why_no_route(route)
    if missing is not None:
        return missing
    assert route.mx is not None
    return Known(is_null_mx(route.mx))


def mx_targets(mx: Lookup) -> list[tuple[int, str]]:
    """Return preference and host of each MX record: lower case and without the final dot, but the root, which is ``.``."""
    split = (record.split(None, 1) for record in mx.records)
    return [(int(preference), host.lower().removesuffix(".") or ".") for preference, host in split]


def is_null_mx(mx: Lookup) -> bool:
    """Whether a domain says that it takes no mail: a single MX record whose host is the root (RFC 7505 section 3)."""
    return [host for _preference, host in mx_targets(mx)] == ["."]


def _dnssec(route: RouteEvidence, _anchors: Anchors) -> Reading[str]:
    if route.failure is not None:
        return unknown_of(route.failure)
    assert route.mx is not None
    if route.mx.outcome is LookupOutcome.BOGUS:
        return Known("bogus")
    if not route.mx.is_answer:
        return unknown_lookup(route.mx)
    if route.mx.authenticated is None:
        return Unknown(Cause.NOT_ATTEMPTED, Stage.DNS, NOBODY_VALIDATES)
    return Known("secure" if route.mx.authenticated else "insecure")


def _records(route: RouteEvidence, _anchors: Anchors) -> Reading[list[dict[str, Any]]]:
    missing = why_no_route(route)
    if missing is not None:
        return missing
    assert route.mx is not None
    return Known([{"preference": preference, "host": host} for preference, host in sorted(mx_targets(route.mx))])


def _irregularities(route: RouteEvidence, _anchors: Anchors) -> Reading[list[dict[str, str]]]:
    missing = why_no_route(route)
    if missing is not None:
        return missing
    assert route.mx is not None
    found = []
    for _preference, host in mx_targets(route.mx):
        if host == ".":
            if len(route.mx.records) > 1:
                found.append({"host": ".", "code": "null-mx-among-others"})
        elif _ADDRESS.fullmatch(host):
            found.append({"host": host, "code": "mx-is-an-address"})
        elif host == "localhost" or host.endswith(".localhost"):
            found.append({"host": host, "code": "mx-is-localhost"})
    found += [{"host": host.host, "code": "mx-is-an-alias"} for host in route.hosts if _is_alias(host)]
    if route.omitted_hosts:
        found.append({"host": f"{route.omitted_hosts} more", "code": "too-many-mx-hosts"})
    return Known(found)


def _is_alias(host: HostRoute) -> bool:
    return any(lookup.canonical.removesuffix(".").lower() != host.host for lookup in host.addresses if lookup.records)


def _addresses(evidence: HostEvidence, _anchors: Anchors) -> Reading[list[str]]:
    host = evidence.host
    found = sorted({record for lookup in host.addresses for record in lookup.records})
    missing = why_no_address(host) or why_incomplete(host)
    return Known(found) if missing is None else replace(missing, seen=found)


DOMAIN_FACTS: tuple[Fact[RouteEvidence], ...] = (
    Fact(
        "null_mx", Scope.DOMAIN, Kind.BOOL, Better.NEITHER,
        "The domain says that it takes no mail.",
        "RFC 7505 section 3", _null_mx,
    ),
    Fact(
        "mx_records", Scope.DOMAIN, Kind.LIST, Better.NEITHER,
        "The MX records, in order of preference, each host in lower case and without the final dot; none where the domain itself is its mail host.",
        "RFC 5321 section 5.1", _records,
        parts=listed(made_of(preference=NUMBER, host=TEXT)),
    ),
    Fact(
        "mx_irregularities", Scope.DOMAIN, Kind.LIST, Better.NEITHER,
        "MX records that are not as they should be: addresses, localhost, aliases, a null MX among others, too many.",
        "RFC 5321 section 5.1, RFC 2181 section 10.3", _irregularities,
        parts=listed(made_of(host=TEXT, code=words(*_IRREGULARITIES))),
    ),
    Fact(
        "dnssec", Scope.DOMAIN, Kind.TEXT, Better.NEITHER,
        "Whether DNSSEC vouches for the MX records: secure, insecure or bogus, as a trusted validating resolver says.",
        "RFC 4035 section 4.3", _dnssec,
        parts=words("secure", "insecure", "bogus"),
        checks=(
            Check(
                "dnssec", "DNSSEC does not vouch for the MX records any more",
                # What is bogus is not delivered to at all: an outage for who validates, and nothing that an attacker could use.
                {"secure": 1.0, "insecure": 0.0}.get,
            ),
        ),
    ),
)  # fmt: skip

MX_FACTS: tuple[Fact[HostEvidence], ...] = (
    Fact(
        "addresses", Scope.MX, Kind.LIST, Better.NEITHER,
        "The host's addresses of both families.",
        "RFC 5321 section 5.1", _addresses,
    ),
)  # fmt: skip
