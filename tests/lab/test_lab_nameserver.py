import asyncio
import os
import random

import dns.asyncquery
import dns.asyncresolver
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from mailtls.lab import Fault, Nameserver

RECORDS = {
    ("good.example", "MX"): ["10 mx1.good.example.", "20 mx2.good.example."],
    ("mx1.good.example", "A"): ["127.20.0.1"],
    ("mx1.good.example", "AAAA"): ["::1"],
    ("alias.example", "CNAME"): ["other.example."],
    ("other.example", "CNAME"): ["mx1.good.example."],
    ("dangling.example", "CNAME"): ["nowhere.example."],
    ("loop.example", "CNAME"): ["loop.example."],
    ("broken.example", "A"): ["not an address"],
    ("null.example", "MX"): ["0 ."],
    ("big.example", "TXT"): [f'"{number:03}{"x" * 200}"' for number in range(20)],
}


@pytest.fixture
async def nameserver():
    nameserver = await Nameserver.start("127.0.0.1", 0, records=RECORDS)
    yield nameserver
    await nameserver.stop()


async def ask(nameserver, name, rdtype="A", *, tcp=False, flags=0, timeout=1.0, **options):
    query = dns.message.make_query(name, rdtype, **options)
    query.flags |= flags
    host, port = nameserver.address
    over = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await over(query, host, timeout=timeout, port=port)


def texts(response):
    return [rdata.to_text() for rrset in response.answer for rdata in rrset]


@pytest.mark.parametrize("tcp", [False, True])
async def test_it_answers_over_udp_and_tcp_as_a_recursive_resolver(nameserver, tcp):
    response = await ask(nameserver, "GOOD.example", "MX", tcp=tcp)
    # Lowered, because name compression may point at the question, in whatever case that came; sorted, because
    # dnspython shuffles the records of a set, as resolvers do.
    assert sorted(text.lower() for text in texts(response)) == ["10 mx1.good.example.", "20 mx2.good.example."]
    assert response.flags & dns.flags.RA
    assert response.flags & dns.flags.RD
    assert nameserver.queries == [("good.example", "MX")]


async def test_a_null_mx_is_answered(nameserver):
    assert texts(await ask(nameserver, "null.example", "MX")) == ["0 ."]


async def test_a_cname_chain_is_followed_to_its_end(nameserver):
    response = await ask(nameserver, "alias.example", "AAAA")
    assert texts(response) == ["other.example.", "mx1.good.example.", "::1"]
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [nameserver.address[0]], nameserver.address[1]
    answer = await resolver.resolve("alias.example", "A")
    assert answer.canonical_name.to_text() == "mx1.good.example."


async def test_a_cname_itself_can_be_asked_for(nameserver):
    assert texts(await ask(nameserver, "alias.example", "CNAME")) == ["other.example."]


async def test_a_cname_to_nowhere_is_nxdomain(nameserver):
    response = await ask(nameserver, "dangling.example")
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert texts(response) == ["nowhere.example."]


@pytest.mark.parametrize("name", ["loop.example", "broken.example"])
async def test_what_cannot_be_resolved_is_servfail(nameserver, name):
    response = await ask(nameserver, name)
    assert response.rcode() == dns.rcode.SERVFAIL
    assert not response.answer


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode"),
    [
        ("unknown.example", "A", dns.rcode.NXDOMAIN),
        ("x.mx1.good.example", "A", dns.rcode.NXDOMAIN),
        ("good.example", "A", dns.rcode.NOERROR),  # has another type
        ("example", "A", dns.rcode.NOERROR),  # has children
    ],
)
async def test_no_such_name_differs_from_no_such_records(nameserver, name, rdtype, rcode):
    response = await ask(nameserver, name, rdtype)
    assert response.rcode() == rcode
    assert not response.answer
    assert response.authority


async def test_records_can_change_while_it_runs(nameserver):
    nameserver.records["new.example", "A"] = ["127.20.0.9"]
    assert texts(await ask(nameserver, "new.example")) == ["127.20.0.9"]
    del nameserver.records["new.example", "A"]
    assert (await ask(nameserver, "new.example")).rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED])
async def test_a_fault_gives_its_rcode_and_no_records(nameserver, fault, tcp):
    nameserver.faults["good.example"] = fault
    response = await ask(nameserver, "good.example", "MX", tcp=tcp)
    assert dns.rcode.to_text(response.rcode()) == fault.name
    assert not response.answer


async def test_a_fault_at_the_end_of_a_cname_chain_counts(nameserver):
    nameserver.faults["mx1.good.example"] = Fault.SERVFAIL
    assert (await ask(nameserver, "alias.example")).rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_timeout_is_silence(nameserver, tcp):
    nameserver.faults["good.example"] = Fault.TIMEOUT
    with pytest.raises(dns.exception.Timeout):
        await ask(nameserver, "good.example", "MX", tcp=tcp, timeout=0.1)


async def test_a_truncated_answer_is_whole_over_tcp(nameserver):
    nameserver.faults["good.example"] = Fault.TRUNCATE
    response = await ask(nameserver, "good.example", "MX")
    assert response.flags & dns.flags.TC
    assert not response.answer
    assert len(texts(await ask(nameserver, "good.example", "MX", tcp=True))) == 2


async def test_an_answer_too_big_for_udp_is_truncated(nameserver):
    response = await ask(nameserver, "big.example", "TXT", use_edns=True)
    assert response.flags & dns.flags.TC
    assert len(texts(await ask(nameserver, "big.example", "TXT", tcp=True))) == 20


async def test_a_secure_name_has_ad_only_if_the_query_asks(nameserver):
    nameserver.secure.add("good.example")
    assert not (await ask(nameserver, "good.example", "MX")).flags & dns.flags.AD
    assert (await ask(nameserver, "good.example", "MX", flags=dns.flags.AD)).flags & dns.flags.AD
    assert (await ask(nameserver, "good.example", "MX", want_dnssec=True)).flags & dns.flags.AD
    assert not (await ask(nameserver, "mx1.good.example", want_dnssec=True)).flags & dns.flags.AD


async def test_a_chain_is_secure_only_if_every_name_in_it_is(nameserver):
    nameserver.secure |= {"alias.example", "other.example"}
    assert not (await ask(nameserver, "alias.example", want_dnssec=True)).flags & dns.flags.AD
    nameserver.secure.add("mx1.good.example")
    assert (await ask(nameserver, "alias.example", want_dnssec=True)).flags & dns.flags.AD


async def test_a_bogus_name_is_servfail_with_ede_6_unless_checking_is_disabled(nameserver):
    nameserver.faults["good.example"] = Fault.BOGUS
    nameserver.secure.add("good.example")
    response = await ask(nameserver, "good.example", "MX", want_dnssec=True)
    assert response.rcode() == dns.rcode.SERVFAIL
    assert [option.code for option in response.options] == [dns.edns.EDECode.DNSSEC_BOGUS]
    assert not (await ask(nameserver, "good.example", "MX", use_edns=False)).options
    unchecked = await ask(nameserver, "good.example", "MX", want_dnssec=True, flags=dns.flags.CD)
    assert len(texts(unchecked)) == 2
    assert not unchecked.flags & dns.flags.AD


async def test_garbage_does_not_stop_it(nameserver):
    dice = random.Random(7)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=nameserver.address
    )
    good = dns.message.make_query("good.example", "MX").to_wire()
    for _ in range(300):
        transport.sendto(dice.randbytes(dice.randrange(1, 60)))
        damaged = bytearray(good)
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        transport.sendto(bytes(damaged[: dice.randrange(1, len(damaged) + 1)]))
        await asyncio.sleep(0)  # or the socket's buffer overflows, and the kernel drops what comes after
    transport.close()
    for junk in (b"\x00", b"\xff\xff" + os.urandom(100), b"\x00\x00", b"\x00\x05hello"):
        _, writer = await asyncio.open_connection(*nameserver.address)
        writer.write(junk)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert len(texts(await ask(nameserver, "good.example", "MX"))) == 2


async def test_several_queries_share_a_tcp_connection(nameserver):
    reader, writer = await asyncio.open_connection(*nameserver.address)
    for name in ("good.example", "null.example"):
        wire = dns.message.make_query(name, "MX").to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
    for count in (2, 1):
        wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        assert len(texts(dns.message.from_wire(wire))) == count
    writer.close()
    await writer.wait_closed()
