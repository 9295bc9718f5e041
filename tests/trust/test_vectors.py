"""The certificates on which cryptography itself is tested, broken and odd ones among them: nothing that reads them crashes or hangs."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from mailtls.tls.certificate import load, read_certificate
from mailtls.tls.curve import curve_of
from mailtls.trust.dane import presented_names, vouch
from mailtls.trust.pkix import Anchors, judge_chain
from mailtls.trust.tlsa import TLSA, assess, public_key_of, speaks_of

try:
    import cryptography_vectors
except ImportError:
    pytest.fail("cryptography-vectors is missing; `make unit` installs it", pytrace=False)

ROOT = Path(cryptography_vectors.__file__).parent / "x509"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ARMOURED = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END", re.DOTALL)


def certificates(path: Path) -> list[bytes]:
    """Return what a file has between its lines of armour, else the file."""
    octets = path.read_bytes()
    if b"-----BEGIN" not in octets:
        return [octets]
    return [base64.b64decode(re.sub(rb"[^A-Za-z0-9+/=]", b"", body) + b"==") for body in ARMOURED.findall(octets)]


FILES = sorted(path for path in ROOT.rglob("*") if path.suffix in (".pem", ".der", ".crt", ".cer") and "CRL" not in path.name)
ALL = list(dict.fromkeys(der for path in FILES for der in certificates(path)))
KINDS = [(usage, selector, matching_type) for usage in (2, 3) for selector in (0, 1) for matching_type in (0, 1, 2)]


def record(usage: int, selector: int, matching_type: int, der: bytes) -> TLSA:
    octets = der if selector == 0 else public_key_of(der) or b""
    return TLSA(usage, selector, matching_type, {1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}.get(matching_type, octets))


def test_the_vectors_are_those_of_the_library_and_many() -> None:
    assert version("cryptography-vectors") == version("cryptography")
    assert len(ALL) > 500
    assert sum(load(der) is not None for der in ALL) > 450


def test_every_certificate_is_read_as_far_as_it_goes() -> None:
    for der in ALL:
        read = read_certificate(der)
        assert read.sha256 == hashlib.sha256(der).hexdigest()
        assert load(der) is not None or read.problems
        presented_names(der)
        curve_of((der,))


def test_the_octets_of_every_readable_certificates_key_are_found() -> None:
    for der in ALL:
        octets = public_key_of(der)
        if load(der) is not None:
            assert octets is not None
            assert octets in der


def test_every_certificate_is_judged_alone_and_before_any_other(anchors: Anchors) -> None:
    for der, other in zip(ALL, [*ALL[1:], ALL[0]], strict=True):
        for chain in ((der,), (der, other), (other, der, other)):
            judgement = judge_chain(chain, anchors, NOW)
            assert judgement.trusted is False
            assert judgement.why


def test_every_certificate_is_matched_by_the_records_that_are_of_it() -> None:
    for der in ALL:
        for kind in KINDS:
            held = record(*kind, der)
            (assessed,) = assess((held,))
            found = vouch(held, (der,), ("mx.example",), NOW)
            if kind[0] == 3 and (kind[1] == 0 or public_key_of(der) is not None):
                assert found.holds
                assert speaks_of(held, der)
            if load(der) is not None and kind[2] != 0:
                assert not assessed.why_not


def test_every_pair_of_neighbours_is_followed_as_a_chain() -> None:
    """Files of one directory stand side by side, and so do most issuers and what they signed; each pair is tried both ways."""
    vouched = 0
    for der, other in zip(ALL, [*ALL[1:], ALL[0]], strict=True):
        for chain in ((der, other), (other, der)):
            for kind in ((2, 0, 1), (2, 1, 0), (2, 1, 1)):
                for issuer in (chain[1], chain[0]):
                    vouched += vouch(record(*kind, issuer), chain, ("mx.example",), NOW).depth is not None
    assert vouched


def test_the_whole_lot_is_one_chain() -> None:
    for start in range(0, len(ALL), 40):
        chain = tuple(ALL[start : start + 40])
        for issuer in chain[:5]:
            vouch(record(2, 0, 1, issuer), chain, ("mx.example",), NOW)
            vouch(record(2, 0, 0, issuer), chain[5:], ("mx.example",), NOW)
            vouch(record(2, 1, 0, issuer), chain[5:], ("mx.example",), NOW)
