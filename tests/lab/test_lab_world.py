import asyncio
import contextlib
import gc
import pathlib

import dns.asyncresolver
import dns.flags
import dns.resolver
import pytest
from cryptography import x509
from cryptography.x509 import verification
from lab_client import connected

from mailtls.lab import Lab, world


@pytest.fixture
async def lab():
    async with await Lab.start() as lab:
        yield lab


def resolver(lab):
    host, _, port = lab.configuration()["resolver"]["nameservers"][0].rpartition(":")
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [host], int(port), 1.0
    return resolver


async def mx_addresses(lab, domain):
    """Return (host, address) pairs as a client finds them."""
    found = []
    for mx in await resolver(lab).resolve(domain, "MX"):
        for rdtype in ("A", "AAAA"):
            answer = await resolver(lab).resolve(mx.exchange, rdtype, raise_on_no_answer=False)
            found += [(mx.exchange.to_text(omit_final_dot=True), rdata.address) for rdata in answer]
    return found


def open_sockets():
    found = set()
    for path in pathlib.Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if (target := str(path.readlink())).startswith("socket:"):
                found.add(target)
    return found


async def test_it_starts_and_stops_leaving_no_task_socket_or_file():
    gc.collect()
    before = open_sockets()
    lab = await Lab.start()
    async with connected(("127.20.1.1", lab.port)) as client:
        await client.starttls()
        await lab.stop()
    await lab.stop()
    assert not lab.ca_file.exists()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert open_sockets() == before


async def test_two_labs_run_side_by_side(lab):
    async with await Lab.start() as other:
        assert other.port != lab.port
        with pytest.raises(OSError, match="in use"):
            await Lab.start(lab.port)


async def test_the_configuration_names_this_lab(lab):
    configuration = lab.configuration()
    assert configuration["network"]["port"] == lab.port
    assert configuration["trust"]["ca_file"] == str(lab.ca_file)
    assert len(configuration["providers"]) == len({provider["name"] for provider in configuration["providers"]}) >= 20


async def test_every_provider_with_hosts_is_found_through_dns_and_listens(lab):
    for provider in lab.providers:
        for domain in provider.domains if provider.hosts else ():
            found = await mx_addresses(lab, domain)
            assert {host for host, _ in found} == {host.name for host in provider.hosts}
            for host, address in found:
                before = lab.servers[host, address].connections
                async with connected((address, lab.port)):
                    await asyncio.sleep(0.01)
                assert lab.servers[host, address].connections == before + 1


async def test_domains_without_hosts_fail_each_in_its_way(lab):
    answer = await resolver(lab).resolve("null-mx.example", "MX")
    assert [rdata.to_text() for rdata in answer] == ["0 ."]
    with pytest.raises(dns.resolver.NXDOMAIN):
        await resolver(lab).resolve("nxdomain.example", "MX")
    for domain in ("dns-servfail.example", "dnssec-bogus.example"):
        with pytest.raises(dns.resolver.NoNameservers):
            await resolver(lab).resolve(domain, "MX")


async def test_the_excellent_provider_is_excellent(lab):
    resolve = resolver(lab)
    resolve.use_edns(0, dns.flags.DO)
    assert (await resolve.resolve("excellent.example", "MX")).response.flags & dns.flags.AD
    found = await mx_addresses(lab, "excellent.example")
    if await world._has_ipv6_loopback():
        assert ("mx1.excellent.example", "::1") in found
    for host, address in found:
        for sigalgs in (b"ecdsa_secp256r1_sha256", b"rsa_pss_rsae_sha256"):
            async with connected((address, lab.port)) as client:
                tls = await client.starttls(sni=host.encode(), sigalgs=sigalgs)
                assert tls.get_protocol_version_name() == "TLSv1.3"
                assert tls.get_group_name() == "X25519MLKEM768"
                verify(lab, host, tls)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("mx.solid.example", None),
        ("mx.postscreen.example", None),
        ("mx.expired.example", "not valid at validation time"),
        ("mx.self-signed.example", "candidates exhausted"),
        ("mx.wrong-name.example", "subject"),
    ],
)
async def test_certificates_are_as_good_as_they_are_said_to_be(lab, host, reason):
    async with connected(lab.server(host).address) as client:
        tls = await client.starttls(sni=host.encode())
        if reason is None:
            verify(lab, host, tls)
        else:
            with pytest.raises(verification.VerificationError, match=f"(?i){reason}"):
                verify(lab, host, tls)


def verify(lab, host, tls):
    store = verification.Store(x509.load_pem_x509_certificates(lab.ca_file.read_bytes()))
    chain = tls.get_peer_cert_chain(as_cryptography=True)
    verification.PolicyBuilder().store(store).build_server_verifier(x509.DNSName(host)).verify(chain[0], chain[1:])


async def test_a_downgrade_takes_starttls_away_and_restore_gives_it_back(lab):
    offers = []
    for change in (lambda: None, lab.downgrade, lab.restore):
        change()
        async with connected(lab.server("mx.downgraded.example").address) as client:
            await client.reply()
            offers.append(b"STARTTLS" in await client.ask(b"EHLO probe.lab.example"))
    assert offers == [True, False, True]
