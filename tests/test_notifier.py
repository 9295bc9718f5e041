"""A webhook may misbehave in every way: it gets what it is owed, and holds up nobody."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import Self

import pytest
import structlog

from mailtls.notifier import MAX_ATTEMPTS, Notifier
from mailtls.store.database import Store, StoreFailed
from mailtls.store.engine import writing
from mailtls.store.outbox import Telling
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.notices import News, notice
from mailtls.tracking.standing import Event
from mailtls.webhook import Webhook

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
MISBEHAVIOUR = {
    "an error": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "silence": None,
    "a close": b"",
    "a drip": b"HTTP/1.1 200",
    "a redirect": b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"220 mx.example ESMTP\r\n",
}


class Receiver:
    """A webhook that answers what it is told to."""

    def __init__(self, answer: bytes | None = OK) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            if first == b"\x16":  # a ClientHello
                return
            head = first + await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            self.requests.append(head + await reader.readexactly(length))
            if self.answer is None or self.answer == MISBEHAVIOUR["a drip"]:
                writer.write(self.answer or b"")
                await asyncio.sleep(30)
            elif self.answer == b"endless":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    writer.write(b"x" * 65536)
                    await writer.drain()
            writer.write(self.answer or b"")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def store(tmp_path):
    opened = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
    yield opened
    await opened.close()


async def put(store: Store, notifier: Notifier) -> str:
    change = Change(NOW, Subject("a.example"), "starttls", Event.CONFIRMED)
    tell = Telling({webhook.name: webhook.kinds for webhook in notifier.webhooks}, "/mailtls")

    def add(engine) -> None:
        with writing(engine) as connection:
            tell(connection, [News(change)], NOW)

    await store.run(add)
    told = notice(change, "/mailtls")
    assert told is not None
    return told["id"]


def telling(store: Store, *hooks: Webhook, clock=lambda: NOW) -> tuple[Notifier, list[str]]:
    counted: list[str] = []
    return Notifier(store, hooks, "probe.example", counted.append, now=clock), counted


def hook(receiver: Receiver, name: str = "pager", timeout: float = 5, **more) -> Webhook:
    return Webhook(name, receiver.url, frozenset({"regression"}), timeout=timeout, per_minute=100, **more)


async def test_what_is_sent_is_the_event_with_its_token_and_type(store: Store, tmp_path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    async with Receiver() as receiver:
        notifier, counted = telling(store, hook(receiver, token_file=tmp_path / "token"))
        notice_id = await put(store, notifier)
        await notifier._send_next(notifier.webhooks[0])
    head, body = receiver.requests[0].split(b"\r\n\r\n")
    assert json.loads(body)["id"] == notice_id
    assert b"Authorization: Bearer s3cret" in head
    assert b"application/cloudevents+json" in head
    assert b"WebHook-Request-Origin: probe.example" in head
    assert counted == ["sent"]


@pytest.mark.parametrize("name", MISBEHAVIOUR)
async def test_what_is_not_accepted_is_tried_again_with_the_same_id(store: Store, name: str) -> None:
    now = [NOW]
    async with Receiver(MISBEHAVIOUR[name]) as receiver:
        notifier, counted = telling(store, hook(receiver, timeout=0.3), clock=lambda: now[0])
        await put(store, notifier)
        await notifier._send_next(notifier.webhooks[0])
        await notifier._send_next(notifier.webhooks[0])
        assert counted == ["failed"]
        now[0] += timedelta(hours=1)
        receiver.answer = OK
        patient, counted_then = telling(store, hook(receiver), clock=lambda: now[0])
        await patient._send_next(patient.webhooks[0])
    assert (counted, counted_then) == (["failed"], ["sent"])
    first, second = (request.split(b"\r\n\r\n")[1] for request in receiver.requests)
    assert first == second


async def test_an_endless_answer_that_accepts_is_not_read_to_its_end(store: Store) -> None:
    async with Receiver(b"endless") as receiver:
        notifier, counted = telling(store, hook(receiver))
        await put(store, notifier)
        await notifier._send_next(notifier.webhooks[0])
    assert counted == ["sent"]


async def test_where_tls_fails_nothing_is_sent(store: Store) -> None:
    async with Receiver() as receiver:
        secure = Webhook("pager", receiver.url.replace("http:", "https:"), frozenset({"regression"}), timeout=5)
        notifier, counted = telling(store, secure)
        await put(store, notifier)
        await notifier._send_next(secure)
    assert counted == ["failed"]
    assert receiver.requests == []


async def test_a_handshake_that_stalls_leaves_no_socket_behind(store: Store) -> None:
    ended = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        ended.set()
        writer.close()

    async with await asyncio.start_server(stall, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        secure = Webhook("pager", url, frozenset({"regression"}), timeout=0.3)
        notifier, counted = telling(store, secure)
        await put(store, notifier)
        gc.disable()  # which would close it by chance
        try:
            await notifier._send_next(secure)
            async with asyncio.timeout(10):
                await ended.wait()
        finally:
            gc.enable()
    assert counted == ["failed"]


async def test_a_certificate_that_is_not_trusted_is_refused_and_told(store: Store, authority, tmp_path) -> None:
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served = authority.issue(["localhost"])
    (tmp_path / "served.pem").write_bytes(served.chain_pem + served.key_pem)
    context.load_cert_chain(tmp_path / "served.pem")
    (tmp_path / "ca.pem").write_bytes(authority.root_pem)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/hook"
        stranger = Webhook("pager", url, frozenset({"regression"}))
        notifier, counted = telling(store, stranger)
        await put(store, notifier)
        with structlog.testing.capture_logs() as logs:
            await notifier._send_next(stranger)
        assert (counted, requests) == (["failed"], [])
        assert "certificate" in logs[0]["why"]
        trusting = Webhook("other", url, frozenset({"regression"}), ca_file=tmp_path / "ca.pem")
        notifier, counted = telling(store, trusting)
        await put(store, notifier)
        await notifier._send_next(trusting)
    assert (counted, len(requests)) == (["sent"], 1)


async def test_trials_are_bounded_and_what_is_gone_is_given_up_at_once(store: Store) -> None:
    now = [NOW]
    async with Receiver(MISBEHAVIOUR["an error"]) as receiver:
        notifier, counted = telling(store, hook(receiver), clock=lambda: now[0])
        await put(store, notifier)
        for _ in range(MAX_ATTEMPTS + 3):
            await notifier._send_next(notifier.webhooks[0])
            now[0] += timedelta(hours=2)
        assert counted == ["failed"] * (MAX_ATTEMPTS - 1) + ["given-up"]
        receiver.answer = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
        gone, counted = telling(store, hook(receiver, "other"))
        await put(store, gone)
        await gone._send_next(gone.webhooks[0])
    assert counted == ["given-up"]


async def test_one_that_hangs_holds_up_no_other(store: Store) -> None:
    async with Receiver(None) as hangs, Receiver() as works:
        notifier, counted = telling(store, hook(hangs, "hangs", timeout=60), hook(works, "works"))
        await put(store, notifier)
        notifier.start()
        async with asyncio.timeout(20):
            while counted != ["sent"]:
                await asyncio.sleep(0.01)
        await notifier.stop()


async def test_a_store_that_fails_is_counted_and_ends_nothing(store: Store, monkeypatch) -> None:
    async def broken(_work) -> None:
        raise StoreFailed("the disk is full")

    failures: list[int] = []
    monkeypatch.setattr(store, "run", broken)
    async with Receiver() as receiver:
        notifier = Notifier(store, [hook(receiver)], "probe.example", failed=lambda: failures.append(1))
        notifier.start()
        async with asyncio.timeout(20):
            while not failures:
                await asyncio.sleep(0.01)
        assert not notifier._tasks[0].done()
        await notifier.stop()
