"""Routes by DNS: each way in which it can answer, or not, is told apart."""

from __future__ import annotations

import pytest

from mailtls.evidence import LookupOutcome
from mailtls.facts.routing import why_no_address, why_no_route
from mailtls.lab import Fault, Nameserver
from mailtls.model import Cause
from mailtls.resolve import MAX_ADDRESSES, MAX_HOSTS, BadName, Nameservers, Resolver, ascii_name

RECORDS = {
    ("good.example", "MX"): ["20 b.example.", "10 A.example."],
    ("a.example", "A"): ["192.0.2.1"], ("a.example", "AAAA"): ["2001:db8::1"],
    ("b.example", "CNAME"): ["a.example."],
    ("null.example", "MX"): ["0 ."],
    ("implicit.example", "A"): ["192.0.2.9"],
    ("xn--bcher-kva.example", "MX"): ["5 a.example."],
    ("many.example", "MX"): [f"10 h{i}.example." for i in range(MAX_HOSTS + 5)],
    ("bare.example", "MX"): ["10 dead.example."],
    ("half.example", "MX"): ["10 silent.example."],
    ("silent.example", "A"): ["192.0.2.3"],
    ("_mta-sts.good.example", "TXT"): ['"v=STSv1; id=1" "23"'],
    ("_smtp._tls.good.example", "CNAME"): ["reports.example."],
    ("reports.example", "TXT"): ['"v=TLSRPTv1; rua=mailto:a@b.example"'],
    ("crowd.example", "A"): [f"192.0.2.{i}" for i in range(MAX_ADDRESSES + 8)],
    ("long.example", "MX"): [f"{i} a{i}.a-rather-long-name-to-fill-the-packet.example." for i in range(15)],
}  # fmt: skip


@pytest.fixture
async def nameserver():
    server = await Nameserver.start(records=RECORDS, secure={"good.example"})
    yield server
    await server.stop()


def resolver(nameserver: Nameserver, *, trust_ad: bool | str = "auto") -> Resolver:
    return Resolver(Nameservers((nameserver.address,), 0.6, trust_ad))  # type: ignore[arg-type]


async def test_hosts_come_in_order_of_preference_with_the_addresses_of_both_families_and_through_aliases(nameserver) -> None:
    route = await resolver(nameserver).route("good.example")
    assert [(host.preference, host.host) for host in route.hosts] == [(10, "a.example"), (20, "b.example")]
    for host in route.hosts:
        assert [record for lookup in host.addresses for record in lookup.records] == ["192.0.2.1", "2001:db8::1"]
    assert route.hosts[1].addresses[0].canonical == "a.example."


async def test_null_mx_implicit_mx_and_idn_are_understood(nameserver) -> None:
    asking = resolver(nameserver)
    assert (await asking.route("null.example")).hosts == ()
    implicit = await asking.route("implicit.example")
    assert (implicit.implicit, implicit.hosts[0].host) == (True, "implicit.example")
    assert (await asking.route("BÜCHER.example")).hosts[0].host == "a.example"


async def test_hosts_beyond_the_cap_are_counted(nameserver) -> None:
    assert (await resolver(nameserver).route("many.example")).omitted_hosts == 5


@pytest.mark.parametrize(
    ("fault", "outcome", "cause"),
    [
        (Fault.SERVFAIL, LookupOutcome.SERVER_FAILURE, Cause.DNS_FAILURE),
        (Fault.REFUSED, LookupOutcome.SERVER_FAILURE, Cause.DNS_FAILURE),
        (Fault.TIMEOUT, LookupOutcome.TIMED_OUT, Cause.DNS_TIMEOUT),
        (Fault.BOGUS, LookupOutcome.BOGUS, Cause.DNSSEC_BOGUS),
    ],
)
async def test_a_failure_is_no_answer_and_has_its_cause(nameserver, fault: Fault, outcome: LookupOutcome, cause: Cause) -> None:
    nameserver.faults["good.example"] = fault
    route = await resolver(nameserver).route("good.example")
    assert route.mx is not None
    assert route.mx.outcome is outcome
    why = why_no_route(route)
    assert why is not None
    assert why.cause is cause


async def test_a_name_that_does_not_exist_and_a_host_without_addresses_are_told_apart(nameserver) -> None:
    gone = why_no_route(await resolver(nameserver).route("gone.example"))
    assert gone is not None
    assert (gone.cause, "NXDOMAIN" in gone.detail) == (Cause.DNS_FAILURE, True)
    bare = await resolver(nameserver).route("bare.example")
    dead = why_no_address(bare.hosts[0])
    assert dead is not None
    assert dead.cause is Cause.NO_ADDRESS


async def test_a_truncated_answer_is_asked_for_again_over_tcp(nameserver) -> None:
    nameserver.faults["long.example"] = Fault.TRUNCATE
    assert len((await resolver(nameserver).route("long.example")).hosts) == 15


async def test_the_ad_bit_is_believed_from_loopback_and_not_where_it_is_not_trusted(nameserver) -> None:
    assert (await resolver(nameserver).lookup("good.example", "MX")).authenticated is True
    assert (await resolver(nameserver).lookup("implicit.example", "A")).authenticated is False
    assert (await resolver(nameserver, trust_ad=False).lookup("good.example", "MX")).authenticated is None


@pytest.mark.parametrize("name", ["", "a b.example", "-a.example", "a..example", "x" * 64 + ".example", ("a." * 127) + "example", "a\x00.example"])
def test_what_is_no_domain_name_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        ascii_name(name)


async def test_what_a_domain_declares_is_looked_up_with_its_route(nameserver) -> None:
    route = await resolver(nameserver).route("good.example")
    assert route.mta_sts is not None
    assert route.tls_rpt is not None
    assert route.mta_sts.record.records == ('"v=STSv1; id=1" "23"',)
    assert route.tls_rpt.canonical == "reports.example."
    assert route.tls_rpt.records == ('"v=TLSRPTv1; rua=mailto:a@b.example"',)
    nothing = await resolver(nameserver).route("implicit.example")
    assert nothing.mta_sts is not None
    assert nothing.mta_sts.record.outcome is LookupOutcome.NO_SUCH_NAME


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.TIMEOUT, Fault.BOGUS])
async def test_a_declaration_that_cannot_be_looked_up_leaves_the_route_as_it_is(nameserver, fault: Fault) -> None:
    nameserver.faults |= {"_mta-sts.good.example": fault, "_smtp._tls.good.example": fault}
    route = await resolver(nameserver).route("good.example")
    assert len(route.hosts) == 2
    assert route.mta_sts is not None
    assert route.tls_rpt is not None
    assert not route.mta_sts.record.is_answer
    assert not route.tls_rpt.is_answer


async def test_a_name_with_no_room_for_a_declaration_below_it_has_none(nameserver) -> None:
    name = ".".join(["a" * 61] * 4)
    route = await resolver(nameserver).route(name)
    assert route.mta_sts is not None
    assert route.mta_sts.record.outcome is LookupOutcome.NO_SUCH_NAME
    with pytest.raises(BadName):
        await resolver(nameserver).addresses(f"mta-sts.{name}")


async def test_the_addresses_of_a_policy_host_are_of_both_families_and_capped(nameserver) -> None:
    found = await resolver(nameserver).addresses("crowd.example")
    assert [(lookup.rdtype, len(lookup.records), lookup.omitted) for lookup in found] == [("A", MAX_ADDRESSES, 8), ("AAAA", 0, 0)]
