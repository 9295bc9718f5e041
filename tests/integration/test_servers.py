"""The servers of the integration tests are real, and do what the tests will rely on."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest
from cryptography import x509
from OpenSSL import SSL
from servers import (
    Authority,
    Certificate,
    Exim,
    Knot,
    OpenSMTPD,
    Postfix,
    Postscreen,
    Prometheus,
    Server,
    Unbound,
    Zone,
    check_metrics,
    check_rules,
)
from servers.server import find_program, running

HOST = "mx.test"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def rsa(authority: Authority) -> Certificate:
    return authority.issue([HOST], "rsa")


@pytest.fixture(scope="module")
def ecdsa(authority: Authority) -> Certificate:
    return authority.issue([HOST], "ecdsa")


class Client:
    """An SMTP client that keeps every line, with the seconds since it connected."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.began = time.monotonic()
        self.seen: list[tuple[float, str]] = []

    async def reply(self) -> list[str]:
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            line = (await asyncio.wait_for(self.reader.readline(), 20)).decode()
            assert line.endswith("\r\n"), f"the server closed the connection after {lines}"
            self.seen.append((time.monotonic() - self.began, line))
            lines.append(line.removesuffix("\r\n"))
        return lines

    async def command(self, text: str) -> list[str]:
        self.writer.write(f"{text}\r\n".encode())
        return await self.reply()


@contextlib.asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection(server.address, server.port))
    try:
        yield client
    finally:
        client.writer.close()
        with contextlib.suppress(OSError):
            await client.writer.wait_closed()


async def served(server: Server, cipher: str | None = None) -> x509.Certificate:
    """Walk to STARTTLS and through the handshake, and return the certificate.

    With a cipher, the client knows TLS 1.2 and only this one.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if cipher is not None:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(cipher.encode())
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    async with connected(server) as client:
        assert (await client.reply())[-1].startswith(f"220 {HOST}")
        assert "250-STARTTLS" in await client.command("EHLO client.test")
        assert (await client.command("STARTTLS"))[0].startswith("220 ")
        done = False
        while not done:
            with contextlib.suppress(SSL.WantReadError):
                connection.do_handshake()
                done = True
            with contextlib.suppress(SSL.WantReadError):
                client.writer.write(connection.bio_read(65536))
            if not done:
                data = await asyncio.wait_for(client.reader.read(65536), 20)
                assert data, "the server gave up the handshake"
                connection.bio_write(data)
    certificate = connection.get_peer_certificate(as_cryptography=True)
    assert certificate is not None
    return certificate


async def test_postfix_offers_tls(ecdsa: Certificate) -> None:
    async with Postfix(hostname=HOST, certificates=[ecdsa]) as server:
        assert await served(server) == ecdsa.x509


async def test_exim_offers_tls(ecdsa: Certificate) -> None:
    async with Exim(hostname=HOST, certificates=[ecdsa]) as server:
        assert await served(server) == ecdsa.x509


@pytest.mark.parametrize("algorithm", ["rsa", "ecdsa"])
async def test_opensmtpd_offers_tls(algorithm: str, rsa: Certificate, ecdsa: Certificate) -> None:
    certificate = {"rsa": rsa, "ecdsa": ecdsa}[algorithm]
    async with OpenSMTPD(hostname=HOST, certificate=certificate) as server:
        if "OpenSMTPD 6." in server.log():  # which cannot keep its promise: see servers/opensmtpd.py
            with pytest.raises(SSL.Error, match="internal error"):
                await served(server)
        else:
            assert await served(server) == certificate.x509


@pytest.mark.parametrize("kind", [Postfix, Exim, OpenSMTPD])
async def test_without_a_certificate_there_is_no_starttls(kind: type[Postfix | Exim | OpenSMTPD]) -> None:
    async with kind(hostname=HOST) as server, connected(server) as client:
        await client.reply()
        assert not [line for line in await client.command("EHLO client.test") if "STARTTLS" in line]


@pytest.mark.parametrize("kind", [Postfix, Exim])
async def test_both_certificates_are_served(kind: type[Postfix | Exim], rsa: Certificate, ecdsa: Certificate) -> None:
    async with kind(hostname=HOST, certificates=[rsa, ecdsa]) as server:
        assert await served(server, "ECDHE-RSA-AES128-GCM-SHA256") == rsa.x509
        assert await served(server, "ECDHE-ECDSA-AES128-GCM-SHA256") == ecdsa.x509


async def test_postfix_keeps_to_its_protocols(ecdsa: Certificate) -> None:
    async with Postfix(certificates=[ecdsa], min_protocol="TLSv1.3") as server:
        with pytest.raises((SSL.Error, AssertionError)):
            await served(server, "ECDHE-ECDSA-AES128-GCM-SHA256")


async def test_postscreen_greets_in_two_parts(ecdsa: Certificate) -> None:
    postscreen = Postscreen(greet_wait=1, banner="one moment")
    async with Postfix(hostname=HOST, certificates=[ecdsa], postscreen=postscreen) as server:
        for _ in range(2):  # it does not remember those that waited
            async with connected(server) as client:
                first, last = await client.reply()
                assert first == "220-one moment"
                assert last.startswith(f"220 {HOST}")
                (early, _), (late, _) = client.seen
                assert late - early > 0.8
        assert await served(server) == ecdsa.x509


async def test_postfix_limits_the_rate() -> None:
    async with Postfix(hostname=HOST, rate_limit=2) as server:
        greetings = []
        for _ in range(3):
            async with connected(server) as client:
                greetings += await client.reply()
        assert [greeting[:4] for greeting in greetings] == ["220 ", "220 ", "421 "]
        assert "too many connections" in greetings[-1]


async def test_postfix_refuses_clients() -> None:
    async with Postfix(refuse_clients=True) as server, connected(server) as client:
        assert (await client.reply())[0].startswith("554 5.7.1 ")


async def test_exim_defers_clients() -> None:
    async with Exim(connect="defer message = 421 4.7.0 try later") as server, connected(server) as client:
        assert await client.reply() == ["421 4.7.0 try later"]


async def test_opensmtpd_defers_clients() -> None:
    async with OpenSMTPD(refusal="421 try later") as server, connected(server) as client:
        assert await client.reply() == ["421 try later"]


async def ask(server: Server, name: str, kind: str) -> dns.message.Message:
    query = dns.message.make_query(name, kind, want_dnssec=True)
    return await dns.asyncquery.udp(query, server.address, timeout=5, port=server.port)


ZONES = (
    Zone("test.", ""),
    Zone("secure.test.", "@ MX 10 mx\nmx A 127.30.1.1\n"),
    Zone("insecure.test.", "@ MX 10 mx\nmx A 127.30.1.2\n", "insecure"),
    Zone("bogus.test.", "@ MX 10 mx\nmx A 127.30.1.3\n", "bogus"),
)


async def test_unbound_validates_what_knot_signs() -> None:
    async with Knot(ZONES) as knot, Unbound.of(knot) as unbound:
        secure = await ask(unbound, "secure.test", "MX")
        assert secure.rcode() == dns.rcode.NOERROR
        assert secure.answer[0].to_text().endswith("MX 10 mx.secure.test.")
        assert secure.flags & dns.flags.AD
        denied = await ask(unbound, "_25._tcp.mx.secure.test", "TLSA")
        assert denied.rcode() == dns.rcode.NXDOMAIN
        assert denied.flags & dns.flags.AD
        insecure = await ask(unbound, "insecure.test", "MX")
        assert insecure.rcode() == dns.rcode.NOERROR
        assert not insecure.flags & dns.flags.AD
        assert (await ask(unbound, "bogus.test", "MX")).rcode() == dns.rcode.SERVFAIL
        assert (await ask(unbound, "elsewhere.example", "MX")).rcode() == dns.rcode.REFUSED


async def test_unbound_without_validation_believes_everything() -> None:
    async with Knot(ZONES) as knot, Unbound.of(knot, validating=False) as unbound:
        for zone in ("secure.test", "bogus.test"):
            answer = await ask(unbound, zone, "MX")
            assert answer.rcode() == dns.rcode.NOERROR
            assert not answer.flags & dns.flags.AD


async def test_knot_replaces_a_zone() -> None:
    async with Knot([Zone(".", ""), *ZONES]) as knot, Unbound.of(knot) as unbound:
        assert (await ask(unbound, "new.secure.test", "A")).rcode() == dns.rcode.NXDOMAIN
        await knot.replace(Zone("secure.test.", "new A 127.30.1.9"))
        await unbound.control("flush_zone", "secure.test")
        answer = await ask(unbound, "new.secure.test", "A")
        assert answer.answer[0][0].to_text() == "127.30.1.9"
        assert answer.flags & dns.flags.AD


SCRAPE = """\
scrape_configs:
  - job_name: itself
    scrape_interval: 1s
    static_configs:
      - targets: ["{}"]
"""
RULES = """\
groups:
  - name: test
    rules:
      - alert: Down
        expr: up == 0
"""


async def test_prometheus_scrapes() -> None:
    fixed = Prometheus()  # only to choose where
    where = (fixed.address, fixed.port)
    async with Prometheus(SCRAPE.format(f"{where[0]}:{where[1]}"), *where, rules=RULES) as server:
        assert "Ready" in await server.get("/-/ready")
        for _ in range(200):  # the first scrape takes five seconds or more, whatever the interval
            if samples := await server.query('up{job="itself"}'):
                break
            await asyncio.sleep(0.1)
        assert samples[0]["value"][1] == "1"


async def test_promtool_has_opinions() -> None:
    right = "# HELP mailtls_up Whether it is up.\n# TYPE mailtls_up gauge\nmailtls_up 1\n"
    assert await check_metrics(right) == []
    assert await check_metrics("# TYPE mailtls_things counter\nmailtls_things 1\n")
    assert await check_rules(RULES) == []
    assert await check_rules(RULES.replace("up == 0", "up =="))


def is_there(server: Server) -> bool:
    return server.directory.exists()


async def test_nothing_is_left_behind(ecdsa: Certificate) -> None:
    async with contextlib.AsyncExitStack() as stack:
        servers: list[Server] = [
            Postfix(certificates=[ecdsa], postscreen=Postscreen(greet_wait=1)),
            Exim(certificates=[ecdsa]),
            OpenSMTPD(certificate=ecdsa),
        ]
        for server in servers:
            client = await stack.enter_async_context(connected(await stack.enter_async_context(server)))
            await client.reply()
        groups = [server.pid for server in servers]
        assert all(len(running(group)) > 2 for group in groups)
    assert [running(group) for group in groups] == [[], [], []]
    assert not any(map(is_there, servers))


class Stillborn(Server):
    def prepare(self) -> list[str]:
        return ["/bin/sh", "-c", "echo no wish to live; exit 3"]


async def test_a_server_that_ends_at_once_says_why() -> None:
    server = Stillborn()
    with pytest.raises(RuntimeError, match=r"ended with 3 .*\n.*no wish to live"):
        await server.__aenter__()
    assert not is_there(server)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(RuntimeError, match="nosuchserver is not installed"):
        find_program("nosuchserver")
