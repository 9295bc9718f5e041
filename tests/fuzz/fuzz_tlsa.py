"""Fuzz target: TLSA records, as text and held against chains; and chains judged by themselves."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.serialization import Encoding
from fuzz_seeds import certificates
from harmless import is_harmless

from mailtls.lab import Authority
from mailtls.tls.curve import curve_of
from mailtls.trust.dane import presented_names, vouch
from mailtls.trust.pkix import Anchors, judge_chain
from mailtls.trust.tlsa import TLSA, assess, parse_tlsa, public_key_of, speaks_of

COVERS = (parse_tlsa, public_key_of, speaks_of, presented_names, vouch, judge_chain, curve_of)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
NAMES = ("mx.example",)


@cache
def authority() -> Authority:
    return Authority.create(NOW)


@cache
def anchors() -> Anchors:
    return Anchors(authority().root_pem, "an anchor")


def one(data: bytes) -> None:
    """No text and no octets make anything raise; what is read is, written again, the same;
    a record vouches for nothing that it is not of."""
    read = parse_tlsa(data.decode("latin-1"))
    if read is not None:
        assert parse_tlsa(f"{read.usage} {read.selector} {read.matching_type} {read.data.hex()}") == read
    if len(data) < 4:
        return
    size = int.from_bytes(data[2:4], "big")
    held, chain = TLSA(data[0] % 5, data[1] % 3, data[1] // 3 % 4, data[4 : 4 + size]), unframed(data[4 + size :])
    (why_not,) = (assessed.why_not for assessed in assess((held,)))
    found = vouch(held, chain, NAMES, NOW)
    assert is_harmless(found.why)
    assert is_harmless(why_not)
    assert not found.holds or not why_not or (held.usage, held.matching_type) == (3, 0)  # octets are octets, whatever they are
    assert found.depth is None or found.depth <= len(chain)
    if found.holds and held.usage == 3:
        assert speaks_of(held, chain[0])
    curve_of(chain)
    assert is_harmless(judge_chain(chain, anchors(), NOW).why)
    for der in chain:
        key = public_key_of(der)
        assert key is None or key in der
        assert all(map(is_harmless, presented_names(der)))


def unframed(octets: bytes) -> tuple[bytes, ...]:
    """Take a chain apart: two octets of length before each certificate."""
    chain = []
    while len(octets) > 1:
        size = int.from_bytes(octets[:2], "big")
        chain.append(octets[2 : 2 + size])
        octets = octets[2 + size :]
    return tuple(chain)


def framed(*chain: bytes) -> bytes:
    return b"".join(len(der).to_bytes(2, "big") + der for der in chain)


def seeds() -> list[bytes]:
    signed = [certificate.public_bytes(Encoding.DER) for certificate in authority().issue(NAMES).chain]
    signed.append(authority().root.certificate.public_bytes(Encoding.DER))
    texts = [b"3 1 1 " + b"ab" * 32, b"2 0 0 " + signed[1].hex().encode(), b"3 1 2 " + b"cd " * 64, b"256 0 0 00", b"3 1 1"]
    made = []
    for usage, selector in ((2, 0), (2, 1), (3, 0), (3, 1)):
        for der in signed:
            octets = der if selector == 0 else public_key_of(der) or b""
            for matching_type, association in enumerate((octets, hashlib.sha256(octets).digest(), hashlib.sha512(octets).digest())):
                head = bytes([usage, selector + 3 * matching_type]) + len(association).to_bytes(2, "big")
                made += [head + association + framed(*signed[:count]) for count in (1, 2, 3)]
    return texts + made + [bytes([3, 3]) + bytes(34) + framed(der) for der in certificates()]
