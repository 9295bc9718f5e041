"""Routes by DNS: each way in which it can answer, or not, is told apart."""

from __future__ import annotations

from dataclasses import replace

import dns.flags
import dns.rdatatype
import dns.rrset
import pytest

from mailtls.domain_name import BadName
from mailtls.evidence import HostRoute, LookupOutcome
from mailtls.facts.routing import why_no_address, why_no_route
from mailtls.lab import Fault, Nameserver
from mailtls.model import Cause
from mailtls.resolve import MAX_ADDRESSES, MAX_HOSTS, MAX_TLSA, Nameservers, Resolver

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


async def test_a_resolver_that_does_not_validate_makes_nothing_insecure(nameserver) -> None:
    nameserver.validates = False
    asking = resolver(nameserver)
    assert {(await asking.lookup(*what)).authenticated for what in (("good.example", "MX"), ("implicit.example", "A"))} == {None}
    assert nameserver.queries.count((".", "SOA")) == 1


async def test_that_a_resolver_validates_is_told_by_what_it_answered_and_nothing_is_asked_for_that(nameserver) -> None:
    asking = resolver(nameserver)
    assert asking.validates(60) is None
    await asking.lookup("good.example", "MX")
    assert asking.validates(60) is True
    assert asking.validates(0) is None
    assert (".", "SOA") not in nameserver.queries
    nameserver.validates = False
    await asking.lookup("implicit.example", "A")
    asked = len(nameserver.queries)
    assert asking.validates(60) is False
    assert asking.validates(0) is None
    assert len(nameserver.queries) == asked
    nameserver.validates = True
    await asking.lookup("good.example", "MX")
    assert asking.validates(60) is True


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.TIMEOUT, Fault.REFUSED])
async def test_whether_a_resolver_validates_cannot_be_told_where_it_says_nothing_of_the_root_or_is_not_believed(nameserver, fault) -> None:
    nameserver.faults["."] = fault
    asking = resolver(nameserver)
    await asking.lookup("implicit.example", "A")
    assert asking.validates(60) is None
    disbelieving = resolver(nameserver, trust_ad=False)
    await disbelieving.lookup("good.example", "MX")
    assert disbelieving.validates(60) is None


@pytest.mark.parametrize(("fault", "authenticated"), [(Fault.SERVFAIL, None), (Fault.TIMEOUT, None), (Fault.REFUSED, False)])
async def test_a_resolver_is_believed_where_it_vouches_for_the_root_or_is_of_a_world_without_one(nameserver, fault, authenticated) -> None:
    nameserver.faults["."] = fault
    assert (await resolver(nameserver).lookup("implicit.example", "A")).authenticated is authenticated
    assert (await resolver(nameserver).lookup("good.example", "MX")).authenticated is True


@pytest.mark.parametrize(("owner", "words"), [("example.", "referral"), (".", "referral"), ("", "truncated")])
async def test_a_referral_or_what_is_cut_off_even_over_tcp_is_no_answer_and_makes_no_implicit_mx(nameserver, monkeypatch, owner, words) -> None:
    original = Nameserver._respond

    def respond(self, query, *, stream: bool):
        response = original(self, query, stream=stream)
        if response is not None and query.question[0].rdtype == dns.rdatatype.MX:
            response.answer.clear()
            response.authority.clear()
            if owner:
                response.authority.append(dns.rrset.from_text(owner, 60, "IN", "NS", "ns.elsewhere.example."))
            else:
                response.flags |= dns.flags.TC
        return response

    monkeypatch.setattr(Nameserver, "_respond", respond)
    route = await resolver(nameserver).route("implicit.example")
    assert (route.hosts, route.implicit) == ((), False)
    assert route.mx is not None
    assert route.mx.outcome is LookupOutcome.SERVER_FAILURE
    assert words in route.mx.detail


@pytest.mark.parametrize(
    ("answered", "authority", "words"),
    [
        (("implicit.example.", "CNAME", "elsewhere.example."), ("example.", "NS", "ns.elsewhere.example."), "referral"),
        (("elsewhere.example.", "MX", "10 a.example."), None, "another question"),
        (("implicit.example.", "A", "192.0.2.1"), None, "another question"),
    ],
)
async def test_half_an_answer_or_one_to_another_question_makes_no_implicit_mx(nameserver, monkeypatch, answered, authority, words) -> None:
    original = Nameserver._respond

    def respond(self, query, *, stream: bool):
        response = original(self, query, stream=stream)
        if response is not None and query.question[0].rdtype == dns.rdatatype.MX:
            response.answer[:] = [dns.rrset.from_text(answered[0], 60, "IN", *answered[1:])]
            response.authority[:] = [] if authority is None else [dns.rrset.from_text(authority[0], 60, "IN", *authority[1:])]
        return response

    monkeypatch.setattr(Nameserver, "_respond", respond)
    route = await resolver(nameserver).route("implicit.example")
    assert (route.hosts, route.implicit) == ((), False)
    assert route.mx is not None
    assert route.mx.outcome is LookupOutcome.SERVER_FAILURE
    assert words in route.mx.detail


async def test_hosts_beyond_the_cap_are_counted_and_one_that_is_named_twice_is_one(nameserver) -> None:
    assert (await resolver(nameserver).route("many.example")).omitted_hosts == 5
    nameserver.records["twice.example", "MX"] = ["30 B.example.", *(f"{number} A.example." for number in range(20, 60)), "10 b.example."]
    route = await resolver(nameserver).route("twice.example")
    assert [(host.preference, host.host) for host in route.hosts] == [(10, "b.example"), (20, "a.example")]
    assert route.omitted_hosts == 0


@pytest.mark.parametrize("host", ["-mx.good.example", "*.good.example", "b\\195\\188ro.example", "10\\032a.example"])
async def test_a_host_that_cannot_be_one_is_nobody_only_where_it_has_no_address(nameserver, host: str) -> None:
    nameserver.records["odd.example", "MX"] = [f"10 {host}."]
    nobody = why_no_address((await resolver(nameserver).route("odd.example")).hosts[0])
    assert nobody is not None
    assert nobody.cause is Cause.NO_ADDRESS
    nameserver.records[host, "AAAA"] = ["2001:db8::2"]
    found = (await resolver(nameserver).route("odd.example")).hosts[0]
    somebody = why_no_address(found)
    assert somebody is not None
    assert (somebody.cause, "it has addresses" in somebody.detail) == (Cause.DNS_FAILURE, True)
    nameserver.faults[host] = Fault.TIMEOUT
    late = why_no_address((await resolver(nameserver).route("odd.example")).hosts[0])
    assert late is not None
    assert late.cause is Cause.DNS_TIMEOUT


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


DIGEST = "ab" * 32
TLSA = f"3 1 1 {DIGEST}"
HOSTS = {
    ("dane.example", "MX"): ["1 mx.dane.example.", "2 alias.dane.example.", "3 half.dane.example.", "4 out.dane.example."],
    ("mx.dane.example", "A"): ["192.0.2.1"], ("_25._tcp.mx.dane.example", "TLSA"): [TLSA],
    ("alias.dane.example", "CNAME"): ["Real.dane.example."], ("real.dane.example", "A"): ["192.0.2.2"],
    ("_25._tcp.alias.dane.example", "TLSA"): [TLSA], ("_25._tcp.real.dane.example", "TLSA"): [TLSA],
    ("half.dane.example", "CNAME"): ["half.plain.example."], ("half.plain.example", "A"): ["192.0.2.3"],
    ("_25._tcp.half.dane.example", "TLSA"): [TLSA], ("_25._tcp.half.plain.example", "TLSA"): [TLSA],
    ("out.dane.example", "CNAME"): ["real.dane.example."],
}  # fmt: skip
SIGNED = {
    "dane.example", "mx.dane.example", "_25._tcp.mx.dane.example", "alias.dane.example", "real.dane.example", "_25._tcp.real.dane.example",
    "_25._tcp.alias.dane.example", "half.dane.example", "_25._tcp.half.dane.example",
}  # fmt: skip


@pytest.fixture
async def signed():
    """Of dane.example all is signed but ``out``; of plain.example nothing."""
    server = await Nameserver.start(records=HOSTS, secure=SIGNED)
    yield server
    await server.stop()


async def asked(nameserver: Nameserver, host: str, **options) -> tuple[list[str], HostRoute]:
    """Return the questions about a host, but for its addresses, in the order in which they were asked; and what came of them."""
    del nameserver.queries[:]
    asking = Resolver(Nameservers((nameserver.address,), 0.6, options.pop("trust_ad", "auto")), **options)
    found = await asking._host(host, 10)
    return [f"{name} {kind}" for name, kind in nameserver.queries if kind not in ("A", "AAAA", "SOA")], found


async def test_tlsa_records_are_asked_for_where_dnssec_vouches_for_the_addresses(signed) -> None:
    questions, host = await asked(signed, "mx.dane.example")
    assert questions == ["_25._tcp.mx.dane.example TLSA"]
    assert host.alias is None
    assert [(found.records, found.authenticated) for found in host.tlsa] == [((TLSA,), True)]


async def test_the_port_of_the_question_is_the_one_of_smtp(signed) -> None:
    questions, host = await asked(signed, "mx.dane.example", port=10025)
    assert questions == ["_10025._tcp.mx.dane.example TLSA"]
    assert [found.outcome for found in host.tlsa] == [LookupOutcome.NO_SUCH_NAME]


async def test_nothing_is_asked_in_an_insecure_zone_or_without_an_address_or_of_a_resolver_that_is_not_trusted(signed) -> None:
    signed.faults["_25._tcp.half.plain.example"] = Fault.SERVFAIL
    assert (await asked(signed, "half.plain.example"))[0] == []
    assert (await asked(signed, "gone.dane.example"))[0] == []
    for host in ("mx.dane.example", "half.dane.example"):
        questions, found = await asked(signed, host, trust_ad=False)
        assert (questions, found.alias, found.tlsa) == ([], None, ())


async def test_of_an_alias_the_name_that_it_leads_to_is_asked_first_and_the_alias_only_where_that_has_nothing_secure(signed) -> None:
    assert (await asked(signed, "alias.dane.example"))[0] == ["_25._tcp.real.dane.example TLSA"]
    both = ["_25._tcp.real.dane.example TLSA", "_25._tcp.alias.dane.example TLSA"]
    signed.secure.remove("_25._tcp.real.dane.example")
    assert (await asked(signed, "alias.dane.example"))[0] == both
    del signed.records["_25._tcp.real.dane.example", "TLSA"]
    questions, host = await asked(signed, "alias.dane.example")
    assert questions == both
    assert [found.outcome for found in host.tlsa] == [LookupOutcome.NO_SUCH_NAME, LookupOutcome.ANSWERED]


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.TIMEOUT, Fault.BOGUS])
async def test_a_failure_ends_the_search(signed, fault: Fault) -> None:
    signed.faults["_25._tcp.real.dane.example"] = fault
    _questions, host = await asked(signed, "alias.dane.example")
    (found,) = host.tlsa
    assert found.name == "_25._tcp.real.dane.example."
    assert not found.is_answer


async def test_an_alias_that_leads_into_an_insecure_zone_is_asked_about_itself_and_counts_where_it_is_secure(signed) -> None:
    questions, host = await asked(signed, "half.dane.example")
    assert questions == ["half.dane.example CNAME", "_25._tcp.half.dane.example TLSA"]
    assert host.alias is not None
    assert (host.alias.records, host.alias.authenticated) == (("half.plain.example.",), True)
    questions, host = await asked(signed, "out.dane.example")
    assert questions == ["out.dane.example CNAME"]
    assert host.tlsa == ()


async def test_an_alias_whose_look_up_fails_is_asked_for_nothing_more(signed) -> None:
    signed.secure.discard("real.dane.example")
    original = Resolver.lookup

    async def fails(self, name: str, rdtype: str):
        found = await original(self, name, rdtype)
        return found if rdtype != "CNAME" else replace(found, outcome=LookupOutcome.TIMED_OUT, records=())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Resolver, "lookup", fails)
        _questions, host = await asked(signed, "alias.dane.example")
    assert host.alias is not None
    assert (host.alias.outcome, host.tlsa) == (LookupOutcome.TIMED_OUT, ())


async def test_tlsa_records_are_capped_and_a_name_that_grows_too_long_does_not_exist(signed) -> None:
    signed.records["_25._tcp.mx.dane.example", "TLSA"] = [f"3 1 1 {n:064x}" for n in range(MAX_TLSA + 3)]
    (found,) = (await asked(signed, "mx.dane.example"))[1].tlsa
    assert (len(found.records), found.omitted) == (MAX_TLSA, 3)
    long = ".".join(["a" * 60] * 4)
    signed.records[long, "A"] = ["192.0.2.9"]
    signed.secure.add(long)
    (found,) = (await asked(signed, long))[1].tlsa
    assert found.outcome is LookupOutcome.NO_SUCH_NAME


async def test_the_way_to_a_domain_has_the_records_of_each_host(signed) -> None:
    route = await resolver(signed).route("dane.example")
    found = {host.host: [answer.name for answer in host.tlsa] for host in route.hosts}
    assert found == {
        "mx.dane.example": ["_25._tcp.mx.dane.example."], "alias.dane.example": ["_25._tcp.real.dane.example."],
        "half.dane.example": ["_25._tcp.half.dane.example."], "out.dane.example": [],
    }  # fmt: skip


async def test_a_digest_of_the_wrong_length_spoils_no_answer(signed) -> None:
    """dnspython refuses such a record, and with it the whole answer; see resolve.py."""
    signed.records["_25._tcp.mx.dane.example", "TLSA"] = [TLSA, "3 1 1 abcd", "9 9 9 00"]
    (found,) = (await asked(signed, "mx.dane.example"))[1].tlsa
    assert set(found.records) == {TLSA, "3 1 1 abcd", "9 9 9 00"}


async def test_an_answer_that_cannot_be_read_is_a_failure_and_no_time_out(signed, monkeypatch) -> None:
    monkeypatch.setattr(signed, "answer", unreadable(signed))
    (found,) = (await asked(signed, "mx.dane.example"))[1].tlsa
    assert found.outcome is LookupOutcome.SERVER_FAILURE


def unreadable(nameserver: Nameserver):
    def answer(wire: bytes, *, stream: bool) -> bytes | None:
        said = Nameserver.answer(nameserver, wire, stream=stream)
        return said if b"_tcp" not in wire or said is None else wire[:2] + b"\x81\xa0" + b"\0\1\0\1\0\0\0\0" + wire[12:-11] + b"\xc0"

    return answer
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
