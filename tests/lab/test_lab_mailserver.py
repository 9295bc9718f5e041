import asyncio
import contextlib
import logging
import socket
import time
from datetime import UTC, datetime

import pytest
from lab_client import connected
from OpenSSL import SSL

from mailtls.lab import (
    TLS,
    Authority,
    Behaviour,
    Close,
    ConnectionLimit,
    Delay,
    Drip,
    Flood,
    MailServer,
    Reset,
    Stall,
)
from mailtls.lab.channel import Channel

HOST = "mx.good.example"
ALERT = b"\x15\x03\x01\x00\x02\x02\x28"
authority = Authority.create(datetime.now(UTC))
P256, RSA = authority.issue([HOST]), authority.issue([HOST], key="rsa2048")


@pytest.fixture
async def serve(caplog):
    servers = []

    async def start(**fields):
        servers.append(await MailServer.start("127.0.0.1", 0, Behaviour(hostname=HOST, **fields)))
        return servers[-1]

    with caplog.at_level(logging.INFO):
        yield start
        for server in servers:
            await server.stop()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def close_within(client, seconds=1.0):
    async with asyncio.timeout(seconds):
        return await client.reader.read()


async def test_a_polite_server_greets_lists_its_keywords_and_says_goodbye(serve):
    server = await serve(tls=TLS((P256,)))
    async with connected(server.address) as client:
        assert await client.reply() == b"220 mx.good.example ESMTP ready\r\n"
        keywords = await client.ask(b"EHLO probe.lab.example")
        assert keywords.startswith(b"250-mx.good.example\r\n")
        for keyword in (b"PIPELINING", b"SIZE", b"STARTTLS", b"8BITMIME"):
            assert keyword in keywords
        assert await client.ask(b"helo probe.lab.example") == b"250 mx.good.example\r\n"
        assert (await client.ask(b"NOOP")).startswith(b"250")
        assert (await client.ask(b"MAIL FROM:<>")).startswith(b"550")
        assert (await client.ask(b"NONSENSE")).startswith(b"500")
        assert (await client.ask(b"")).startswith(b"500")
        assert (await client.ask(b"QUIT")).startswith(b"221")
        assert await close_within(client) == b""
    assert server.connections == 1
    assert server.commands[0] == b"EHLO probe.lab.example"
    assert server.commands[-1] == b"QUIT"


async def test_pipelined_commands_are_answered_in_order(serve):
    server = await serve()
    async with connected(server.address) as client:
        await client.reply()
        await client.send(b"NOOP\r\nSTARTTLS\r\nQUIT\r\n")
        replies = await close_within(client)
    assert [line[:3] for line in replies.splitlines()] == [b"250", b"502", b"221"]


async def test_without_tls_starttls_is_neither_listed_nor_done(serve):
    server = await serve()
    async with connected(server.address) as client:
        await client.reply()
        assert b"STARTTLS" not in await client.ask(b"EHLO probe.lab.example")
        assert (await client.ask(b"STARTTLS")).startswith(b"502")


async def test_every_reply_can_be_scripted(serve):
    server = await serve(
        greeting=(b"220-one\r\n", Delay(0.01), b"220 two\r\n"),
        ehlo=b"500 no\r\n",
        helo=b"250 a\r\n",
        starttls=b"454 b\r\n",
        quit=b"221 c\r\n",
    )
    async with connected(server.address) as client:
        assert await client.reply() == b"220-one\r\n220 two\r\n"
        assert await client.ask(b"EHLO x") == b"500 no\r\n"
        assert await client.ask(b"HELO x") == b"250 a\r\n"
        assert await client.ask(b"STARTTLS") == b"454 b\r\n"
        assert await client.ask(b"QUIT") == b"221 c\r\n"


async def test_a_421_hangs_up(serve):
    server = await serve(ehlo=b"421 4.3.2 Shutting down\r\n")
    async with connected(server.address) as client:
        await client.reply()
        await client.send(b"EHLO x\r\n")
        assert await close_within(client) == b"421 4.3.2 Shutting down\r\n"


async def test_after_a_554_greeting_only_quit_is_served(serve):
    server = await serve(greeting=b"554 5.7.1 blocked using dnsbl.lab.example\r\n")
    async with connected(server.address) as client:
        assert (await client.reply()).startswith(b"554")
        assert (await client.ask(b"EHLO x")).startswith(b"503")
        assert (await client.ask(b"QUIT")).startswith(b"221")


async def test_behaviour_can_be_replaced_for_the_next_connection(serve):
    server = await serve()
    async with connected(server.address) as first:
        await first.reply()
        server.behaviour = Behaviour(greeting=b"421 closed\r\n")
        assert (await first.ask(b"NOOP")).startswith(b"250")
        async with connected(server.address) as second:
            assert await second.reply() == b"421 closed\r\n"
    assert server.connections == server.peak == 2


async def test_what_one_client_meets_can_differ_from_what_the_others_meet(serve):
    server = await serve()
    server.show("127.0.0.9", Behaviour(hostname="mx.elsewhere.example"))
    async with connected(server.address) as client, connected(server.address, source="127.0.0.9") as other:
        assert b"mx.good.example" in await client.reply()
        assert b"mx.elsewhere.example" in await other.reply()
    server.show("127.0.0.9", None)
    async with connected(server.address, source="127.0.0.9") as other:
        assert b"mx.good.example" in await other.reply()


async def test_a_line_beyond_4_kib_is_refused(serve):
    server = await serve()
    async with connected(server.address) as client:
        await client.reply()
        await client.send(b"x" * 100_000)
        assert (await close_within(client)).startswith(b"500")


async def test_delay_waits(serve):
    server = await serve(greeting=(Delay(0.15), b"220 at last\r\n"))
    async with connected(server.address) as client:
        start = time.monotonic()
        assert await client.reply() == b"220 at last\r\n"
        assert time.monotonic() - start > 0.14


async def test_drip_sends_one_byte_at_a_time(serve):
    server = await serve(greeting=(Drip(b"220 hi\r\n", 0.01),))
    async with connected(server.address) as client:
        assert await client.read() == b"2"
        assert await client.reply() == b"20 hi\r\n"


async def test_stall_keeps_the_connection_open_and_says_nothing(serve):
    server = await serve(ehlo=(Stall(),))
    async with connected(server.address) as client:
        await client.reply()
        await client.send(b"EHLO x\r\nQUIT\r\n")
        with pytest.raises(TimeoutError):
            await close_within(client, 0.1)


async def test_close_is_a_fin_even_with_input_left_unread(serve):
    server = await serve(greeting=(Delay(0.05), b"220 bye\r\n", Close()))
    async with connected(server.address) as client:
        await client.send(b"x" * 300_000)
        assert await close_within(client) == b"220 bye\r\n"


async def test_reset_is_an_rst(serve):
    server = await serve(greeting=(Reset(),))
    async with connected(server.address) as client:
        with pytest.raises(ConnectionResetError):
            await close_within(client)


async def test_flood_goes_on_until_the_client_leaves_and_minds_its_reading(serve):
    server = await serve(ehlo=(Flood(b"250-more\r\n"),))
    async with connected(server.address) as client:
        await client.reply()
        await client.send(b"EHLO x\r\n")
        got = 0
        while got < 3_000_000:
            got += len(await client.read())
        await asyncio.sleep(0.1)  # unread: the server has to wait
        assert len(server._tasks) == 1
    async with asyncio.timeout(1):
        while server._tasks:
            await asyncio.sleep(0.01)


async def test_a_limit_refuses_connections_within_its_window(serve):
    server = await serve(limit=ConnectionLimit(2, 0.3))
    greetings = []
    for _ in range(3):
        async with connected(server.address) as client:
            greetings.append((await client.reply())[:3])
    assert greetings == [b"220", b"220", b"421"]
    await asyncio.sleep(0.35)
    async with connected(server.address) as client:
        assert (await client.reply())[:3] == b"220"
    assert server.connections == 4


async def test_inside_tls_the_server_answers_again_without_starttls(serve):
    server = await serve(tls=TLS((P256,)))
    async with connected(server.address) as client:
        tls = await client.starttls(sni=HOST.encode())
        assert tls.get_protocol_version_name() == "TLSv1.3"
        keywords = await client.ask(b"EHLO probe.lab.example")
        assert b"PIPELINING" in keywords
        assert b"STARTTLS" not in keywords
        assert (await client.ask(b"STARTTLS")).startswith(b"503")
        assert (await client.ask(b"QUIT")).startswith(b"221")
        assert await client.read() == b""  # a close_notify, or this would have been an EOFError
    assert server.server_names == [HOST]
    assert server.commands == [
        b"EHLO probe.lab.example",
        b"STARTTLS",
        b"EHLO probe.lab.example",
        b"STARTTLS",
        b"QUIT",
    ]


async def test_the_reply_to_ehlo_inside_tls_can_be_scripted_with_steps(serve):
    server = await serve(tls=TLS((P256,)), ehlo_tls=(Drip(b"250 inside\r\n", 0), Close()))
    async with connected(server.address) as client:
        await client.starttls()
        assert await client.ask(b"EHLO x") == b"250 inside\r\n"
        with pytest.raises(EOFError):
            await client.read()


async def test_a_flood_goes_through_tls_too(serve):
    server = await serve(tls=TLS((P256,)), ehlo_tls=(Flood(b"250-more\r\n"),))
    async with connected(server.address) as client:
        await client.starttls()
        await client.send(b"EHLO x\r\n")
        got = b""
        while len(got) < 200_000:
            got += await client.read()
        assert got.startswith(b"250-more\r\n250-more\r\n")


async def test_tls_1_0_alone_is_spoken_with_a_weak_key(serve):
    identity = authority.issue([HOST], key="rsa1024")
    server = await serve(tls=TLS((identity,), min_version="TLSv1.0", max_version="TLSv1.0", ciphers="AES128-SHA:@SECLEVEL=0"))
    async with connected(server.address) as client:
        tls = await client.starttls(versions=("TLSv1.0", "TLSv1.3"), ciphers=b"ALL:@SECLEVEL=0")
        assert tls.get_protocol_version_name() == "TLSv1"
        assert tls.get_peer_certificate().get_pubkey().bits() == 1024
        assert (await client.ask(b"EHLO x")).startswith(b"250")
    async with connected(server.address) as client:
        with pytest.raises(SSL.Error, match="protocol version"):
            await client.starttls()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(("sigalgs", "identity"), [(b"ecdsa_secp256r1_sha256", P256), (b"rsa_pss_rsae_sha256:RSA+SHA256", RSA)])
async def test_two_certificates_are_served_each_with_its_chain(serve, version, sigalgs, identity):
    server = await serve(tls=TLS((P256, RSA)))
    async with connected(server.address) as client:
        tls = await client.starttls(versions=(version, version), sigalgs=sigalgs)
        assert tls.get_protocol_version_name() == version
        assert tls.get_peer_cert_chain(as_cryptography=True) == list(identity.chain)


async def test_a_chain_belongs_to_its_certificate_alone(serve):
    loner = authority.issue([HOST], key="rsa2048", self_signed=True)
    server = await serve(tls=TLS((P256, loner)))
    async with connected(server.address) as client:
        tls = await client.starttls(sigalgs=b"rsa_pss_rsae_sha256")
        assert tls.get_peer_cert_chain(as_cryptography=True) == list(loner.chain)


async def test_a_post_quantum_group_is_agreed_on(serve):
    server = await serve(tls=TLS((P256,), groups="X25519MLKEM768:X25519"))
    async with connected(server.address) as client:
        assert (await client.starttls(groups=b"X25519MLKEM768")).get_group_name() == "X25519MLKEM768"
    async with connected(server.address) as client:
        assert (await client.starttls(groups=b"X25519")).get_group_name() == "x25519"
    async with connected(server.address) as client:
        with pytest.raises(SSL.Error, match="handshake failure"):
            await client.starttls(groups=b"secp384r1", versions=("TLSv1.3", "TLSv1.3"))


async def test_a_certificate_is_chosen_by_sni(serve):
    server = await serve(tls=TLS((P256,), by_sni={"other.example": (RSA,)}))
    for name, identity in ((b"OTHER.example", RSA), (b"unknown.example", P256), (None, P256)):
        async with connected(server.address) as client:
            tls = await client.starttls(sni=name)
            assert tls.get_peer_certificate().to_cryptography() == identity.certificate
    assert server.server_names == ["other.example", "unknown.example", None]


@pytest.mark.parametrize(("name", "alert"), [(b"unknown.example", "unrecognized name"), (None, "handshake failure")])
async def test_a_server_may_insist_on_sni(serve, name, alert):
    server = await serve(tls=TLS((P256,), by_sni={HOST: (RSA,)}, require_sni=True))
    async with connected(server.address) as client:
        with pytest.raises(SSL.Error, match=alert):
            await client.starttls(sni=name)
    async with connected(server.address) as client:
        await client.starttls(sni=HOST.encode())


async def test_plaintext_may_follow_the_starttls_reply_in_its_segment(serve):
    server = await serve(tls=TLS((P256,)), after_starttls=b"250 injected\r\n")
    async with connected(server.address) as client:
        await client.reply()
        await client.send(b"STARTTLS\r\n")
        assert await client.read() == b"220 2.0.0 Ready to start TLS\r\n250 injected\r\n"
        await client.handshake()
        assert (await client.ask(b"EHLO x")).startswith(b"250")


async def test_commands_pipelined_behind_starttls_are_not_taken_into_tls(serve):
    server = await serve(tls=TLS((P256,)))
    async with connected(server.address) as client:
        await client.reply()
        assert (await client.ask(b"STARTTLS\r\nNOOP")).startswith(b"220")
        await client.handshake()
        assert (await client.ask(b"EHLO x")).startswith(b"250-")
    assert server.commands == [b"STARTTLS", b"EHLO x"]


@pytest.mark.parametrize(
    ("on_hello", "error"),
    [
        ((Close(),), EOFError),
        ((Reset(),), ConnectionResetError),
        (ALERT, SSL.Error),
        (b"220 what?\r\n", SSL.Error),
        ((Stall(),), TimeoutError),
    ],
)
async def test_steps_can_take_the_place_of_the_handshake(serve, on_hello, error):
    server = await serve(tls=TLS((P256,)), on_hello=on_hello)
    async with connected(server.address) as client:
        with pytest.raises(error):
            async with asyncio.timeout(0.2):
                await client.starttls(sni=HOST.encode())
    assert server.server_names == [HOST]


async def test_garbage_in_place_of_a_client_hello_is_hung_up_on(serve):
    server = await serve(tls=TLS((P256,)))
    async with connected(server.address) as client:
        await client.reply()
        await client.ask(b"STARTTLS")
        await client.send(b"EHLO not at all TLS\r\n")
        assert await close_within(client) == b""  # OpenSSL sends no alert in answer to what is no record


async def test_settings_openssl_refuses_are_refused_at_once(serve):
    weak = authority.issue([HOST], key="rsa1024")
    server = await serve()
    for tls in (TLS((weak,)), TLS((P256,), groups="nonsense"), TLS((P256,), ciphers="nonsense")):
        with pytest.raises(SSL.Error):
            server.behaviour = Behaviour(tls=tls)
    async with connected(server.address) as client:
        assert (await client.reply()).startswith(b"220")


async def test_clients_that_vanish_make_no_noise(serve):
    server = await serve(tls=TLS((P256,)), greeting=(Drip(b"220 mx\r\n", 0.002),))
    for steps in range(5):
        async with connected(server.address) as client:
            with contextlib.suppress(EOFError, OSError):
                if steps > 0:
                    await client.reply()
                if steps > 1:
                    await client.send(b"EHLO x\r\nEHLO x\r\n")
                if steps > 2:
                    await client.reply()
                    await client.send(b"STARTTLS\r\n")
                if steps > 3:
                    await client.send(b"\x16\x03\x01\x02\x00\x01")
    await asyncio.sleep(0.1)
    assert not server._tasks


async def test_stop_drops_open_connections_and_frees_the_port(serve):
    server = await serve(tls=TLS((P256,)), ehlo=(Stall(),))
    async with connected(server.address) as client:
        await client.reply()
        await client.send(b"EHLO x\r\n")
        await server.stop()
        with contextlib.suppress(ConnectionResetError):
            assert await close_within(client) == b""
    await server.stop()
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(server.address)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_what_is_written_after_the_client_has_gone_is_a_lost_connection_in_either_loop(loop):
    new_loop = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else asyncio.new_event_loop

    async def converse():
        ended = asyncio.get_running_loop().create_future()

        async def serve(reader, writer):
            channel = Channel(reader, writer)
            await reader.read()
            writer.transport.abort()
            outcomes = await asyncio.gather(channel.send(b"220 late\r\n"), channel.finish(notify=False), return_exceptions=True)
            ended.set_result([type(outcome) for outcome in outcomes])

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.close()
            await writer.wait_closed()
            return await ended

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(converse()) == [ConnectionResetError, ConnectionResetError]
