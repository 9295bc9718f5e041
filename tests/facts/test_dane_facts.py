"""What is said of DANE: measured bad before unknown, unknown before good, and never a word that the look-ups do not bear out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailtls import facts
from mailtls.evidence import HostRoute, Lookup, LookupOutcome, RouteEvidence
from mailtls.facts.dane import MAX_SHOWN
from mailtls.facts.declaration import HostEvidence
from mailtls.facts.published import Published, published, reference_identifiers, server_name
from mailtls.lab import Authority, Identity
from mailtls.model import Absent, Cause, Endpoint, EndpointObservation, Known, Stage, Unknown

NOW = datetime.now(UTC)
HOST = "mx.example"
AUTHORITY = Authority.create(NOW)
RSA, ECDSA, NEXT = AUTHORITY.issue([HOST], key="rsa2048"), AUTHORITY.issue([HOST]), AUTHORITY.issue([HOST])
LATE = Unknown(Cause.READ_TIMEOUT, Stage.EHLO, "no reply within 60 s")
QUICK = Unknown(Cause.NOT_ATTEMPTED, Stage.HELLO, "a quick visit sees one certificate")


def der(identity: Identity) -> tuple[bytes, ...]:
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in identity.chain)


def sha256(identity: Identity) -> str:
    return hashlib.sha256(der(identity)[0]).hexdigest()


def tlsa(identity: Identity) -> str:
    key = identity.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"3 1 1 {hashlib.sha256(key).hexdigest()}"


def of_issuer() -> str:
    return f"2 0 1 {hashlib.sha256(AUTHORITY.intermediate.certificate.public_bytes(Encoding.DER)).hexdigest()}"


def address(*records: str, secure: bool | None = True, canonical: str = f"{HOST}.") -> Lookup:
    outcome = LookupOutcome.ANSWERED if records else LookupOutcome.NO_DATA
    return Lookup(f"{HOST}.", "A", outcome, records, canonical, secure)


ALIAS = Lookup("m.", "CNAME", LookupOutcome.ANSWERED, ("r.e.",), authenticated=False)


def answer(*records: str, secure: bool | None = True, name: str = HOST, **more) -> Lookup:
    outcome = LookupOutcome.ANSWERED if records else LookupOutcome.NO_SUCH_NAME
    return Lookup(f"_25._tcp.{name}.", "TLSA", outcome, records, authenticated=secure, **more)


def failure(outcome: LookupOutcome, rdtype: str = "TLSA") -> Lookup:
    return Lookup(f"_25._tcp.{HOST}.", rdtype, outcome, detail="SERVFAIL")


def host(*found: Lookup, addresses: tuple[Lookup, ...] = (address("192.0.2.1"),), alias: Lookup | None = None) -> HostRoute:
    return HostRoute(HOST, 10, addresses, alias, found)


def seen(*served: Identity, at: str = "192.0.2.1", chains: object = None, **readings: bool) -> EndpointObservation:
    """Return an endpoint that serves these; ``chains`` stands in for what was seen of it."""
    known = {"starttls_offered": Known(value=True), "starttls_accepted": Known(value=True)} | {n: Known(value=v) for n, v in readings.items()}
    reading = chains or Known(tuple(map(der, served)))
    return EndpointObservation(Endpoint(HOST, ip_address(at)), known, conclusive=True, attempted_at=NOW, chains=reading)  # type: ignore[arg-type]


def partly(*served: Identity, gap: Unknown = QUICK, at: str = "192.0.2.1") -> EndpointObservation:
    return seen(at=at, chains=replace(gap, seen=tuple(map(der, served))))


def read(name: str, route: HostRoute, *endpoints: EndpointObservation, mx: Lookup | None = None):
    way = RouteEvidence("example", mx or Lookup("example.", "MX", LookupOutcome.ANSWERED, authenticated=True), (route,), began=NOW)
    fact = next(fact for fact in facts.MX if fact.name == name)
    return fact.read(HostEvidence(way, route, endpoints), None)  # type: ignore[arg-type]


BOTH = host(answer(tlsa(RSA), tlsa(ECDSA)))


def test_valid_is_said_where_every_certificate_of_every_address_is_vouched_for() -> None:
    assert read("dane", BOTH, seen(RSA, ECDSA)) == Known("valid")
    assert read("dane", BOTH, seen(RSA, ECDSA), seen(RSA, at="192.0.2.2")) == Known("valid")
    assert read("dane", host(answer(of_issuer())), seen(RSA, ECDSA)) == Known("valid")
    assert read("dane_problems", BOTH, seen(RSA, ECDSA)) == Known([])


@pytest.mark.parametrize(
    "endpoints",
    [
        (seen(RSA, ECDSA, NEXT),), (seen(NEXT),), (seen(RSA), seen(NEXT, at="192.0.2.2")), (partly(NEXT),), (partly(NEXT, gap=LATE),),
        (seen(chains=LATE), seen(NEXT, at="192.0.2.2")), (seen(RSA), seen(chains=Absent(), starttls_offered=False, at="192.0.2.2")),
        (seen(chains=LATE), seen(chains=Absent(), starttls_accepted=False, at="192.0.2.2")),
    ],
)  # fmt: skip
def test_one_certificate_that_nothing_vouches_for_or_one_address_without_starttls_is_invalid_whatever_else_is_open(endpoints) -> None:
    assert read("dane", BOTH, *endpoints) == Known("invalid")
    assert read("dane_rollover_ready", BOTH, *endpoints) == Known(value=False)
    problems = read("dane_problems", BOTH, *endpoints)
    told = problems.value if isinstance(problems, Known) else problems.seen
    assert [problem["code"] for problem in told] in (["tlsa-invalid"], ["starttls-not-supported"])


@pytest.mark.parametrize(
    ("endpoints", "cause"),
    [
        ((seen(chains=LATE),), Cause.READ_TIMEOUT), ((seen(RSA), seen(chains=LATE, at="192.0.2.2")), Cause.READ_TIMEOUT),
        ((partly(RSA),), Cause.NOT_ATTEMPTED), ((partly(RSA, gap=LATE),), Cause.READ_TIMEOUT), ((), Cause.NOT_ATTEMPTED),
        ((seen(chains=Absent()),), Cause.NOT_ATTEMPTED), ((replace(seen(RSA), in_scope=False),), Cause.NOT_ATTEMPTED),
    ],
)  # fmt: skip
def test_what_was_not_seen_leaves_it_open_and_shows_no_octets(endpoints, cause: Cause) -> None:
    reading = read("dane", BOTH, *endpoints)
    assert isinstance(reading, Unknown)
    assert (reading.cause, reading.seen) == (cause, None)
    assert read("dane_rollover_ready", BOTH, *endpoints) == reading
    assert isinstance(read("tlsa_unmatched", BOTH, *endpoints), Unknown)
    assert read("dane_problems", BOTH, *endpoints) == replace(reading, seen=[])


def test_an_endpoint_out_of_scope_decides_nothing() -> None:
    away = replace(seen(NEXT, at="2001:db8::1"), in_scope=False)
    assert read("dane", BOTH, seen(RSA), away) == Known("valid")


def test_a_family_whose_look_up_failed_leaves_it_open_and_hides_no_bad() -> None:
    half = replace(BOTH, addresses=(address("192.0.2.1"), failure(LookupOutcome.TIMED_OUT, "AAAA")))
    assert read("dane", half, seen(RSA)).cause is Cause.DNS_TIMEOUT
    assert read("dane", half, seen(NEXT)) == Known("invalid")


FAILURES = [
    (LookupOutcome.SERVER_FAILURE, Cause.DNS_FAILURE), (LookupOutcome.TIMED_OUT, Cause.DNS_TIMEOUT), (LookupOutcome.BOGUS, Cause.DNSSEC_BOGUS),
]  # fmt: skip
ALL = ("dane", "dane_problems", "tlsa_base_domain", "tlsa_records", "tlsa_unmatched", "dane_rollover_ready")


@pytest.mark.parametrize(("outcome", "cause"), FAILURES)
@pytest.mark.parametrize("name", ALL)
def test_a_failed_look_up_is_never_none(name: str, outcome: LookupOutcome, cause: Cause) -> None:
    failed = failure(outcome)
    insecure = address("192.0.2.1", secure=False, canonical="real.example.")
    aliased = host(addresses=(insecure,), alias=failure(outcome, "CNAME"))
    for route in (host(failed), host(answer(name="real.example"), failed), host(addresses=(failed,)), aliased):
        assert read(name, route, seen(RSA)).cause is cause
    assert server_name(host(failed)) == HOST


@pytest.mark.parametrize(
    "route",
    [
        host(replace(answer(tlsa(RSA)), authenticated=None)), host(replace(answer(), authenticated=None)),
        host(addresses=(address("192.0.2.1", secure=False, canonical="r.e."),), alias=replace(ALIAS, authenticated=None)),
    ],
)  # fmt: skip
def test_an_answer_of_a_resolver_that_does_not_validate_leaves_open_what_is_published(route: HostRoute) -> None:
    reading = read("dane", route, seen(RSA))
    assert (reading.cause, "does not validate" in reading.detail) == (Cause.NOT_ATTEMPTED, True)


def test_an_alias_that_is_none_any_more_is_no_answer() -> None:
    insecure = address("192.0.2.1", secure=False, canonical="real.example.")
    assert read("dane", host(addresses=(insecure,), alias=Lookup("mx.example.", "CNAME", LookupOutcome.NO_DATA))).cause is Cause.DNS_FAILURE


@pytest.mark.parametrize(
    "route",
    [
        host(answer()), host(answer(tlsa(RSA), secure=False)), host(answer(secure=False)), host(answer(name="real.example"), answer()),
        host(addresses=(address("192.0.2.1", secure=False),)),
        host(addresses=(address("192.0.2.1", secure=False, canonical="r.e."),), alias=ALIAS),
    ],
)  # fmt: skip
def test_nothing_that_dnssec_vouches_for_is_none(route: HostRoute) -> None:
    assert read("dane", route, seen(RSA)) == Known("none")
    assert read("tlsa_records", route, seen(RSA)) == Known([])
    for name in ("dane_problems", "tlsa_base_domain", "tlsa_unmatched", "dane_rollover_ready"):
        assert read(name, route, seen(RSA)) == Absent()


@pytest.mark.parametrize("name", ALL)
def test_a_resolver_that_is_not_trusted_leaves_it_open(name: str) -> None:
    reading = read(name, host(addresses=(address("192.0.2.1", secure=None),)), seen(RSA))
    assert (reading.cause, "resolver.trust_ad" in reading.detail) == (Cause.NOT_ATTEMPTED, True)


@pytest.mark.parametrize("name", ALL)
def test_a_host_without_an_address_takes_no_mail_and_a_question_that_was_not_asked_is_open(name: str) -> None:
    assert read(name, host(addresses=(address(), address()))) == Absent()
    assert read(name, host(), seen(RSA)).cause is Cause.NOT_ATTEMPTED


@pytest.mark.parametrize("name", ALL)
def test_records_beyond_the_cap_leave_it_open(name: str) -> None:
    assert read(name, host(answer(tlsa(RSA), omitted=3)), seen(RSA)).cause is Cause.LIMIT_EXCEEDED


def test_records_that_no_sender_uses_are_unusable_and_are_shown_with_the_reason() -> None:
    route = host(answer(tlsa(RSA).replace("3 1 1", "1 1 1"), "3 1 1 abcd"))
    assert read("dane", route, seen(RSA)) == Known("unusable")
    assert read("dane", route, seen(chains=Absent(), starttls_offered=False)) == Known("unusable")
    assert read("dane_problems", route, seen(RSA)) == Absent()
    assert read("tlsa_base_domain", route, seen(RSA)) == Known(HOST)
    shown = read("tlsa_records", route, seen(RSA)).value
    assert [(record["usable"], record["matches"], bool(record["why_not"])) for record in shown] == [(False, [], True)] * 2


def test_records_are_shown_with_the_certificates_that_they_vouch_for() -> None:
    route = host(answer(tlsa(RSA), tlsa(ECDSA), of_issuer(), tlsa(NEXT)))
    shown = read("tlsa_records", route, seen(RSA, ECDSA)).value
    assert [record["matches"] for record in shown] == [[sha256(RSA)], [sha256(ECDSA)], sorted([sha256(RSA), sha256(ECDSA)]), []]
    assert shown[0] == {
        "usage": 3, "selector": 1, "matching_type": 1, "data": tlsa(RSA)[6:], "usable": True, "why_not": "", "matches": [sha256(RSA)],
    }  # fmt: skip
    assert [record["matches"] for record in read("tlsa_records", route, partly(RSA)).value] == [[sha256(RSA)], [], [sha256(RSA)], []]


def test_data_of_any_size_are_shown_up_to_a_cap() -> None:
    shown = read("tlsa_records", host(answer("3 1 0 " + "ab" * 5_000)), seen(RSA)).value[0]["data"]
    assert shown == "ab" * MAX_SHOWN + "..."


def test_a_record_of_nothing_served_makes_the_next_key_possible_and_so_does_an_issuers() -> None:
    assert read("tlsa_unmatched", host(answer(tlsa(RSA), tlsa(NEXT))), seen(RSA)) == Known([tlsa(NEXT)])
    assert read("dane_rollover_ready", host(answer(tlsa(RSA), tlsa(NEXT))), seen(RSA)) == Known(value=True)
    assert read("tlsa_unmatched", BOTH, seen(RSA, ECDSA)) == Known([])
    assert read("dane_rollover_ready", BOTH, seen(RSA, ECDSA)) == Known(value=False)
    assert read("dane_rollover_ready", host(answer(of_issuer())), seen(RSA, ECDSA)) == Known(value=True)
    mixed = host(answer(tlsa(RSA), of_issuer()))
    assert read("dane_rollover_ready", mixed, seen(RSA)) == Known(value=True)


def test_usage_2_demands_the_name_that_is_due() -> None:
    other = AUTHORITY.issue(["example"])
    route = host(answer(of_issuer()))
    assert read("dane", route, seen(other)) == Known("valid"), "the next hop's name does where its MX records are secure"
    insecure = Lookup("example.", "MX", LookupOutcome.ANSWERED, authenticated=False)
    assert read("dane", route, seen(other), mx=insecure) == Known("invalid")
    told = read("dane_problems", route, seen(other), mx=insecure).value
    assert [(problem["code"], problem["certificate"]) for problem in told] == [("certificate-host-mismatch", sha256(other))]
    assert "but the certificate names none of mx.example" in told[0]["why"]


def way(*, authenticated: bool | None, canonical: str = "example.", implicit: bool = False) -> RouteEvidence:
    mx = Lookup("example.", "MX", LookupOutcome.ANSWERED, canonical=canonical, authenticated=authenticated)
    return RouteEvidence("example", mx, implicit=implicit)


@pytest.mark.parametrize(
    ("route", "names"),
    [
        (way(authenticated=True), ("base.example", "example")), (way(authenticated=False), ("base.example",)),
        (way(authenticated=None), ("base.example",)),
        (way(authenticated=True, canonical="Real.example."), ("base.example", "example", "real.example")),
        (way(authenticated=True, implicit=True), ("base.example", "example")),
    ],
)  # fmt: skip
def test_the_reference_identifiers_are_the_base_domain_and_what_dnssec_leads_from(route: RouteEvidence, names: tuple[str, ...]) -> None:
    assert reference_identifiers(route, "base.example") == names


def test_the_server_name_is_the_base_domain_where_a_record_of_it_is_used() -> None:
    for records, name in ((tlsa(RSA), "real.example"), ("1 1 1 abcd", HOST)):
        assert server_name(host(answer(records, name="Real.example"))) == name
    assert server_name(host(answer(name="real.example"), answer(tlsa(RSA)))) == HOST
    for odd in (r"a\032b.example", "*.example", "a" * 64 + ".example", "", "a..example"):
        assert server_name(host(answer(tlsa(RSA), name=odd))) == HOST


def test_a_base_domain_is_lower_case_and_without_the_final_dot() -> None:
    found = published(host(answer(tlsa(RSA), name="MX.Example")))
    assert isinstance(found, Published)
    assert found.base == "mx.example"


def test_the_metrics_say_one_nought_or_nothing() -> None:
    (valid,) = next(fact for fact in facts.MX if fact.name == "dane").metrics
    assert [list(valid.samples(value)) for value in ("valid", "invalid", "unusable", "none")] == [[((), 1.0)], [((), 0.0)], [], []]
    (count,) = next(fact for fact in facts.MX if fact.name == "tlsa_records").metrics
    assert [list(count.samples(value)) for value in ([], [{}, {}])] == [[((), 0.0)], [((), 2.0)]]


@pytest.mark.parametrize("fact", facts.MX, ids=lambda fact: fact.name)
def test_an_order_of_values_is_that_of_all_there_are(fact) -> None:
    assert (fact.better == "earlier") == bool(fact.order)
    if fact.name == "dane":
        assert set(fact.order) == {"valid", "invalid", "unusable", "none"}
