"""Fuzz target: certificates, the chains that they are in, and every fact of them."""

from __future__ import annotations

import contextlib
import hashlib
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from certmaking import NOW
from fuzz_seeds import authority, certificates, staples
from harmless import is_harmless

from mailtls import facts
from mailtls.evidence import Handshake, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.facts.certificates import CHAINS
from mailtls.model import Endpoint, Known, Unknown
from mailtls.show.document import reading_document
from mailtls.tls.certificate import UNREADABLE, all_names, load, read_certificate
from mailtls.tls.curve import curve_of
from mailtls.tls.extensions import MAX_NAMES
from mailtls.trust.anchors import Anchors
from mailtls.trust.chain import ChainCode, chain_problems
from mailtls.trust.dane import has_unknown_critical
from mailtls.trust.names import any_name_matches, names_host
from mailtls.trust.pkix import judge_chain

if TYPE_CHECKING:
    from collections.abc import Iterator

COVERS = (read_certificate, load, all_names, names_host, has_unknown_critical)
ECDSA_KEY = bytes.fromhex("2a8648ce3d0201")
"""The object identifier of a key of an elliptic curve (RFC 5480 section 2.1.1)."""
ANCHORS = Anchors(authority().pem, "the root of the seeds")
ENDPOINT = Endpoint("mx.example", ip_address("192.0.2.1"))
FAMILIES = ("mailtls.facts.certificates", "mailtls.facts.chains", "mailtls.facts.staples")
FACTS = (*(fact for fact in facts.ENDPOINT if fact.read.__module__ in FAMILIES), CHAINS)


def one(data: bytes) -> None:
    """No bytes make it raise, be they an end entity or stand anywhere in a chain; what cannot be read is a problem and not a value,
    and what a person may see of it is harmless."""
    read = read_certificate(data)
    assert read.sha256 == hashlib.sha256(data).hexdigest()
    assert len(read.names) <= MAX_NAMES
    assert all_names(data)[:MAX_NAMES] == read.names
    assert names_host(data, "mx.example") is any_name_matches(all_names(data), "mx.example")
    if load(data) is not None:
        with contextlib.suppress(*UNREADABLE):
            has_unknown_critical(data)
    assert load(data) is not None or (read.key_type is None and read.problems)
    assert (read.key_type is None) == (read.key_bits is None)
    assert read.key_type is not None or any("key" in problem or "not a certificate" in problem for problem in read.problems)
    assert curve_of((data,)) is None or ECDSA_KEY in data
    for text in (*read.names, read.subject, read.issuer, read.signature_algorithm or "", *read.problems):
        assert is_harmless(text)
    leaf, intermediate, *_ = certificates()
    for chain in ((data,), (data, intermediate), (leaf, data), (leaf, data, intermediate), (leaf, intermediate, data, data)):
        judgement = judge_chain(chain, ANCHORS, NOW)
        assert judgement.trusted or judgement.why
        assert is_harmless(judgement.why)
        problems = chain_problems(chain, ANCHORS, NOW)
        assert all(isinstance(problem.code, ChainCode) and is_harmless(problem.why) for problem in problems)
        assert len({problem.code for problem in problems}) == len(problems)
    for chain in ((data, intermediate), (leaf, data)):
        for reading in readings(chain, staples()[0]):
            assert all(is_harmless(text) for text in texts(reading))


def readings(chain: tuple[bytes, ...], staple: bytes) -> Iterator[dict[str, Any]]:
    """Yield the documents of all facts of certificates, as one visit shows them."""
    probe = ProbeEvidence(Offer(), NOW, (), Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", chain, staple))
    scan = ScanEvidence(ENDPOINT, Purpose.FULL, NOW, (probe,))
    for fact in FACTS:
        reading = fact.read(scan, ANCHORS)
        if fact is not CHAINS:
            yield reading_document(reading)
        else:
            assert isinstance(reading, Known | Unknown)


def texts(value: object) -> Iterator[str]:
    """Yield every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def seeds() -> list[bytes]:
    return list(certificates())
