"""Fuzz target: the list of a Certificate message."""

from __future__ import annotations

from mailtls.tls.certificate import MAX_CHAIN
from mailtls.tls.flight import read_chain
from mailtls.tls.wire import Truncated

COVERS = (read_chain,)


def one(data: bytes) -> None:
    """A list that is not whole raises Truncated and nothing else;
    a whole one is, written again, what stood there."""
    try:
        chain = read_chain(data)
    except Truncated:
        return
    again = b"".join(len(der).to_bytes(3, "big") + der for der in chain)
    assert len(chain) <= MAX_CHAIN
    size = int.from_bytes(data[:3], "big")
    assert data[3 : 3 + len(again)] == again
    assert len(again) == size or len(chain) == MAX_CHAIN


def seeds() -> list[bytes]:
    chains = ((), (b"a",), (b"", b"b" * 300), tuple(bytes([n]) for n in range(30)))
    bodies = [b"".join(len(der).to_bytes(3, "big") + der for der in chain) for chain in chains]
    return [len(body).to_bytes(3, "big") + body for body in bodies]
