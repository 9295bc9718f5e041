"""Who asks for a name that is not ours gets nothing; addresses, and names that no stranger can register, are nobody's trap."""

from __future__ import annotations

from typing import Any

import pytest

from mailtls.rebinding import OnlyForUs, is_meant_for_us

OURS = frozenset({"mailtls.example.net", "*.internal.example"})


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:9925", "127.0.0.1", "[::1]:9925", "[2001:db8::1]", "10.244.1.17:9925", "localhost:9925", "LOCALHOST", "a.localhost",
        "mailtls:9925", "fra1-a:9925", "mailtls.example.net", "MAILTLS.Example.NET:443", "mailtls.example.net.", "a.internal.example",
        "a.b.internal.example:1", "",
    ],
)  # fmt: skip
def test_what_nobody_can_rebind_is_let_in_and_what_is_ours(host: str) -> None:
    assert is_meant_for_us(host, OURS)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:9925", "mailtls.example.net.evil.example", "internal.example", "127.0.0.1.evil.example",
        "evil@127.0.0.1", "127.0.0.1/", "[::1", "localhost.evil.example", "notinternal.example", "a b", "evil.example, 127.0.0.1",
        "127.0.0.1\n", "[evil.example]", "\xe9vil.example", "*", "*.internal.example",
    ],
)  # fmt: skip
def test_any_other_name_is_not_and_neither_is_what_is_no_host(host: str) -> None:
    assert not is_meant_for_us(host, OURS)
    assert is_meant_for_us(host, {"*"})


async def answer(*hosts: bytes, kind: str = "http") -> list[Any]:
    sent: list[Any] = []

    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        sent.append("passed on")

    async def send(message: Any) -> None:
        sent.append(message.get("status", message.get("body")))

    guarded = OnlyForUs(application, lambda: OURS)
    await guarded({"type": kind, "headers": [(b"host", host) for host in hosts]}, None, send)  # type: ignore[arg-type]
    return sent


async def test_a_request_that_is_not_meant_for_us_is_told_so_and_goes_no_further() -> None:
    assert await answer(b"evil.example") == [421, b"mailtls does not go by this host name; web.hosts can have it.\n"]
    assert (await answer(b"127.0.0.1", b"evil.example"))[0] == 421
    assert await answer(b"127.0.0.1") == ["passed on"]
    assert await answer() == ["passed on"]
    assert await answer(b"evil.example", kind="lifespan") == ["passed on"]
