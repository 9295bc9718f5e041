"""One key at unrelated operators is noted; a hoster with its customers, and a cluster of one operator, are not."""

from __future__ import annotations

from ipaddress import ip_address

import certmaking
import pytest
from certmaking import DAY, NOW, Issuer

from mailtls.budget import Budget, Limits
from mailtls.keyreuse import MAX_SHOWN, with_shared_keys
from mailtls.model import (
    Absent,
    Cause,
    DomainObservation,
    Endpoint,
    EndpointObservation,
    Known,
    MXObservation,
    Stage,
    Unknown,
    Verdict,
)
from mailtls.tls.certificate import read_certificate
from mailtls.trust.anchors import Anchors, KnownAuthorities, Path

ROOT = certmaking.root()
ANCHORS = Anchors(ROOT.pem, "the root")
OPERATOR_OF = Budget(Limits()).operator_of
FACTORY = certmaking.self_signed("localhost.localdomain", names=("localhost.localdomain",))
HOSTER = ROOT.sign("mail.hoster.net", names=("*.hoster.net",))


def endpoint(host: str, address: str, *chains: tuple[Issuer, ...], complete: bool = True, in_scope: bool = True) -> EndpointObservation:
    served = tuple(tuple(one.der for one in chain) for chain in chains)
    shown = [{"spki_sha256": key.sha256 if (key := read_certificate(chain[0]).key) else None} for chain in served]

    def reading(value):
        return Known(value) if complete else Unknown(Cause.RATE_LIMITED, Stage.GREETING, "", value)

    where = Endpoint(host, ip_address(address))
    return EndpointObservation(where, {"certificates": reading(shown)}, conclusive=True, in_scope=in_scope, chains=reading(served))


def domains(*endpoints: EndpointObservation) -> list[DomainObservation]:
    return [
        DomainObservation(f"{number}.example", "P", Verdict.DEGRADED, (), {}, (MXObservation(seen.endpoint.host, 10, {}, (seen,)),))
        for number, seen in enumerate(endpoints)
    ]


def shared(*endpoints: EndpointObservation, anchors: Anchors = ANCHORS) -> dict[str, tuple[str, ...]]:
    """Return for each host that has a note the operators that it names."""
    noted = with_shared_keys(domains(*endpoints), OPERATOR_OF, anchors, NOW)
    assert [domain.domain for domain in noted] == [f"{number}.example" for number in range(len(endpoints))]
    assert all(domain.verdict is Verdict.DEGRADED and domain.findings == () for domain in noted)
    found = {}
    for domain in noted:
        for seen in domain.mx[0].endpoints:
            for key in seen.key_shared_with:
                found[seen.endpoint.host] = (*found.get(seen.endpoint.host, ()), *key.operators)
    return found


def test_a_factory_key_at_unrelated_operators_is_noted_at_each_of_them() -> None:
    assert shared(
        endpoint("mx.a.example", "192.0.2.1", (FACTORY,)),
        endpoint("mx.b.org", "198.51.100.1", (FACTORY,)),
        endpoint("mx.c.example", "203.0.113.1", (certmaking.self_signed("mx.c.example"),)),
    ) == {"mx.a.example": ("b.org",), "mx.b.org": ("a.example",)}


def test_one_key_in_certificates_for_unrelated_names_is_noted() -> None:
    """Two authorities vouched for two operators, and not that they are one."""
    one = ROOT.sign("mx.a.example", names=("mx.a.example",))
    other = ROOT.sign("mx.b.org", one.key, names=("mx.b.org",))
    places = endpoint("mx.a.example", "192.0.2.1", (one,)), endpoint("mx.b.org", "198.51.100.1", (other,))
    assert shared(*places) == {"mx.a.example": ("b.org",), "mx.b.org": ("a.example",)}
    both = ROOT.sign("mx.a.example", one.key, names=("mx.a.example", "mx.b.org"))
    assert shared(*places, endpoint("mx2.a.example", "192.0.2.2", (both,))) == {}


@pytest.mark.parametrize(
    "chain",
    [
        (HOSTER,),
        (ROOT.sign("mail.hoster.net", names=("mail.hoster.net",), starts=-9 * DAY, ends=-DAY),),
        (ROOT.sign("no name", names=()),),
        (Issuer("not known").sign("mail.hoster.net", timestamps=(bytes(32),)),),
    ],
    ids=["trusted", "expired", "without a name", "logged"],
)
def test_customers_of_a_hoster_are_related_by_the_certificate_that_an_authority_vouched_for(chain: tuple[Issuer, ...]) -> None:
    assert shared(
        endpoint("mx.a.example", "192.0.2.1", chain),
        endpoint("mx.b.org", "198.51.100.1", chain),
        endpoint("mail.hoster.net", "203.0.113.1", chain),
    ) == {}


def test_an_intermediate_that_was_not_sent_vouches_where_it_is_known() -> None:
    middle = ROOT.sign("a middle", authority=True)
    leaf = middle.sign("mail.hoster.net", names=("mail.hoster.net",))
    places = endpoint("mx.a.example", "192.0.2.1", (leaf,)), endpoint("mx.b.org", "198.51.100.1", (leaf,))
    assert set(shared(*places)) == {"mx.a.example", "mx.b.org"}
    known = KnownAuthorities().learn(Path((leaf.der, middle.der, ROOT.der)))
    assert shared(*places, anchors=ANCHORS.knowing(known)) == {}


@pytest.mark.parametrize(
    ("first", "second", "related"),
    [
        ("192.0.2.1", "192.0.2.254", True), ("192.0.2.1", "192.0.3.1", False), ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1::1", "2001:db8:1:ffff::1", True), ("2001:db8:1::1", "2001:db8:2::1", False), ("192.0.2.1", "2001:db8::1", False),
    ],
)  # fmt: skip
def test_hosts_of_one_network_are_related(first: str, second: str, related: bool) -> None:
    assert (shared(endpoint("mx.a.example", first, (FACTORY,)), endpoint("mx.b.org", second, (FACTORY,))) == {}) == related


def test_hosts_of_one_operator_are_related_and_relation_goes_from_one_to_the_other() -> None:
    assert shared(endpoint("mx1.a.example", "192.0.2.1", (FACTORY,)), endpoint("mx2.a.example", "198.51.100.1", (FACTORY,))) == {}
    bridge = [endpoint("mx1.a.example", "192.0.2.1", (FACTORY,)), endpoint("mx2.a.example", "198.51.100.1", (FACTORY,))]
    neighbours = [endpoint("mx.b.org", "192.0.2.9", (FACTORY,)), endpoint("mx.c.net", "198.51.100.9", (FACTORY,))]
    assert shared(*neighbours) != {}
    assert shared(*neighbours, *bridge) == {}
    assert set(shared(*neighbours, *bridge, endpoint("mx.d.net", "203.0.113.1", (FACTORY,)))["mx.d.net"]) == {"a.example", "b.org", "c.net"}


def test_what_a_self_signed_certificate_says_of_itself_relates_nobody() -> None:
    liar = certmaking.self_signed("x", names=("mx.a.example", "mx.b.org"))
    assert shared(endpoint("mx.a.example", "192.0.2.1", (liar,)), endpoint("mx.b.org", "198.51.100.1", (liar,))) != {}


def test_what_was_seen_of_an_interrupted_set_counts_and_what_is_out_of_scope_does_not() -> None:
    whole = endpoint("mx.a.example", "192.0.2.1", (FACTORY,))
    assert shared(whole, endpoint("mx.b.org", "198.51.100.1", (FACTORY,), complete=False)) != {}
    assert shared(whole, endpoint("mx.b.org", "198.51.100.1", (FACTORY,), in_scope=False)) == {}


def test_a_host_has_a_note_for_each_of_its_keys() -> None:
    second = certmaking.self_signed("another factory")
    found = shared(
        endpoint("mx.a.example", "192.0.2.1", (FACTORY,), (second,)),
        endpoint("mx.b.org", "198.51.100.1", (FACTORY,)),
        endpoint("mx.c.net", "203.0.113.1", (second,)),
    )
    assert found["mx.a.example"] == ("b.org", "c.net")


def test_a_key_that_everybody_has_names_only_some_of_them() -> None:
    many = [endpoint(f"mx.o{number:03}.example", f"10.{number}.0.1", (FACTORY,)) for number in range(120)]
    found = shared(*many)
    assert len(found) == 120
    assert all(len(operators) == MAX_SHOWN for operators in found.values())


def test_what_says_nothing_is_no_crash() -> None:
    waiting = Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT)
    bare = EndpointObservation(Endpoint("mx.a.example", ip_address("192.0.2.1")), {}, conclusive=False, chains=waiting)
    none = EndpointObservation(Endpoint("mx.b.org", ip_address("192.0.2.2")), {"certificates": Absent()}, conclusive=True)
    broken = endpoint("mx.c.net", "192.0.2.3", (Issuer("x", FACTORY.key, b"nonsense"),))
    assert shared(bare, none, broken) == {}
    assert with_shared_keys([], OPERATOR_OF, ANCHORS, NOW) == ()
