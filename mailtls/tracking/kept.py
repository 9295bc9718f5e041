"""Which evidence is worth keeping: the last of each kind, which together say again, absorbed in order, what was known."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mailtls.evidence import Purpose
from mailtls.facts.visits import usual_handshake
from mailtls.tracking.holding import is_of_now
from mailtls.tracking.routes import is_settled, texts_of

if TYPE_CHECKING:
    from mailtls.evidence import RouteEvidence, ScanEvidence


class ScanKind(StrEnum):
    """What a scan of an endpoint contributes that a later one of another kind does not."""

    ENUMERATED = "enumerated"
    """A full one, with raw hellos that were made in it, or were seen to hold by it."""
    FULL = "full"
    """A full one that completed a handshake."""
    CONCLUDED = "concluded"
    """Another that could decide about STARTTLS."""
    INCONCLUSIVE = "inconclusive"


class RouteKind(StrEnum):
    """What a look-up of the way to a domain contributes that a later one of another kind does not."""

    WHOLE = "whole"
    """Every question was answered."""
    ANSWERED = "answered"
    """Its MX hosts are known, and not all about them; or it was not looked for."""
    FAILED = "failed"


def kind_of_scan(scan: ScanEvidence, *, conclusive: bool) -> ScanKind:
    """Return the kind of a scan, as it came from the prober.

    Args:
        scan: the scan.
        conclusive: whether it could decide about STARTTLS.

    """
    if scan.purpose is Purpose.FULL and usual_handshake(scan) is not None:
        return ScanKind.ENUMERATED if is_of_now(scan) else ScanKind.FULL
    return ScanKind.CONCLUDED if conclusive else ScanKind.INCONCLUSIVE


def kind_of_route(route: RouteEvidence) -> RouteKind:
    """Return the kind of a look-up, as it came from the resolver."""
    if route.mx is None:
        return RouteKind.ANSWERED
    if not route.mx.is_answer:
        return RouteKind.FAILED
    asked = [lookup for host in route.hosts for lookup in host.addresses] + list(texts_of(route).values())
    whole = all(lookup.is_answer for lookup in asked) and all(map(is_settled, route.hosts))
    return RouteKind.WHOLE if whole else RouteKind.ANSWERED
