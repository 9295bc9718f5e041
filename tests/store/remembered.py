"""What the tests of the store remember: hellos as hypothesis makes them up, and a few that are fixed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address

from hypothesis import strategies as st

from mailtls.evidence import (
    Exchange,
    Handshake,
    HostRoute,
    Lookup,
    LookupOutcome,
    Offer,
    ProbeEvidence,
    Purpose,
    RouteEvidence,
    ScanEvidence,
    StsFetch,
)
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer, Refused, Silent
from mailtls.model import Cause, Endpoint, Stage
from mailtls.store.tracks import Kept, policy_kept, route_kept, scan_kept
from mailtls.tls.names import VERSIONS
from mailtls.tracking.kept import RouteKind, ScanKind
from mailtls.tracking.sts import StsTrack

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PLACE = "fra1"
ONE = Endpoint("mx1.example", ip_address("192.0.2.1"))
TWO = Endpoint("mx1.example", ip_address("2001:db8::1"))

codes = st.lists(st.integers(0, 0xFFFF), max_size=8).map(tuple)
sslv2_codes = st.lists(st.integers(0, 0xFFFFFF), max_size=4).map(tuple)
texts = st.text(max_size=12)
numbers = st.integers(0, 2**40)
offers = st.builds(
    HelloOffer, st.sampled_from(VERSIONS), codes | sslv2_codes, codes, codes, st.sampled_from(["host", "none", "odd"]), st.booleans(),
    numbers, st.booleans(), texts,
)  # fmt: skip
answers = st.one_of(
    st.builds(
        Accepted, st.sampled_from(VERSIONS), st.integers(0, 0xFFFFFF), st.none() | st.integers(0, 0xFFFF), texts, numbers,
        st.none() | st.integers(0, 0xFFFF), st.lists(st.binary(max_size=6), max_size=3).map(tuple), codes, st.integers(0, 255), texts,
        sslv2_codes,
    ),
    st.builds(Refused, st.none() | st.integers(0, 255), texts),
    st.builds(Silent, st.sampled_from(Cause), st.sampled_from(Stage), texts),
)  # fmt: skip
moments = st.floats(-1e9, 1e9, allow_nan=False)
asked = st.builds(Asked, offers, answers, moments, moments, texts, numbers, numbers)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
evidence = st.builds(
    HelloEvidence,
    st.lists(asked, max_size=6).map(tuple),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=zones),  # noqa: DTZ001 - the zone is drawn
    st.booleans(),
)


def hello(suite: int = 0x1301, *, answer: Accepted | Refused | Silent | None = None) -> Asked:
    offer = HelloOffer("TLSv1.3", (0x1301, 0x1302, suite), (29,), (2052,), question="which?")
    return Asked(offer, answer or Accepted("TLSv1.3", suite, 29, chain=(b"a leaf", b"an intermediate")), 0.25, 0.5, "192.0.2.9:4711", 300, 500)


def found(*suites: int, complete: bool = True, began: datetime = NOW) -> HelloEvidence:
    return HelloEvidence(tuple(map(hello, suites or (0x1301,))), began, complete)


def same(one: HelloEvidence | None, other: HelloEvidence | None) -> bool:
    """Whether two hold the same; as objects they are told apart."""
    if one is None or other is None:
        return one is other
    return (one.asked, one.began, one.complete) == (other.asked, other.began, other.complete)


def scan_of(endpoint: Endpoint, *, purpose: Purpose = Purpose.QUICK, began: datetime = NOW) -> ScanEvidence:
    greeted = Exchange(Stage.GREETING, b"", b"220 mx1.example ESMTP\r\n", 0.0, 0.1)
    shaken = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", (b"\x30\x82a leaf", b"\x30\x82an intermediate"))
    return ScanEvidence(endpoint, purpose, began, (ProbeEvidence(Offer(), began, (greeted,), shaken),))


def route_of(domain: str, *, began: datetime = NOW, outcome: LookupOutcome = LookupOutcome.ANSWERED) -> RouteEvidence:
    mx = Lookup(f"{domain}.", "MX", outcome, ("10 mx1.example.",) if outcome is LookupOutcome.ANSWERED else ())
    address = Lookup("mx1.example.", "A", LookupOutcome.ANSWERED, ("192.0.2.1",))
    return RouteEvidence(domain, mx, (HostRoute("mx1.example", 10, (address,)),) if mx.records else (), began=began)


def policy_of(domain: str) -> StsTrack:
    return StsTrack(StsFetch(f"https://mta-sts.{domain}/", f"mta-sts.{domain}", "1", NOW, status=404), failures=1)


def kept_of(number: int) -> list[Kept]:
    """Return a batch of which each part tells its number: a scan, a route and a policy."""
    endpoint, domain = Endpoint(f"mx{number}.example", ip_address("192.0.2.1")), f"d{number}.example"
    return [
        scan_kept(scan_of(endpoint), ScanKind.CONCLUDED),
        route_kept(route_of(domain), NOW, RouteKind.WHOLE),
        policy_kept(domain, policy_of(domain), NOW),
    ]
