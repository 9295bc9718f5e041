"""Facts of how a server agrees on keys, and of what signs that, read from its answers to raw hellos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric, truth_gauge
from mailtls.facts.pictures import fact_of_picture, is_complete, why_open
from mailtls.facts.shapes import GROUPS, NUMBER, SCHEMES, TEXT, listed, made_of, words_of
from mailtls.model import Absent, Known
from mailtls.tls.names import VERSIONS, group_of, signature_scheme
from mailtls.tls.primes import prime_name, prime_names
from mailtls.tls.strength import SUFFICIENT_FIELD
from mailtls.tls.suites import FIELDS, HYBRIDS, key_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.picture import Picture


def _groups(picture: Picture, scan: ScanEvidence) -> Reading[list[str]]:
    ordered = [version for version in reversed(VERSIONS) if version in picture.accepted]
    codes = dict.fromkeys(code for version in ordered for code in picture.groups.get(version, ()))
    named = [group_of(code) for code in codes]
    # Versions below the best before 1.3 share its groups; they are not asked about each.
    asked = [version for version in ("TLSv1.3", next((v for v in ordered if v != "TLSv1.3"), None)) if version is not None]
    closed = all(version in picture.spoken for version in VERSIONS) and not any(map(picture.open_groups, asked))
    return Known(named) if closed else why_open(scan, named)


def _post_quantum(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    if set(HYBRIDS) & set(picture.groups.get("TLSv1.3", ())):
        return Known(value=True)
    if "TLSv1.3" not in picture.spoken or set(HYBRIDS) & picture.open_groups("TLSv1.3"):
        return why_open(scan)
    return Known(value=False)


def _fields(picture: Picture) -> Iterator[tuple[int, str]]:
    """Yield size and digest of every prime that the server used."""
    for answers in picture.answers.values():
        for answer in answers:
            if answer.prime:
                yield answer.key_bits, answer.prime


def _dh_bits(picture: Picture, scan: ScanEvidence) -> Reading[int]:
    bits = [size for size, _ in _fields(picture)]
    named = [2048 + 1024 * (code - FIELDS[0]) for code in picture.groups.get("TLSv1.3", ()) if code in FIELDS[:3]]
    named += [{FIELDS[3]: 6144, FIELDS[4]: 8192}[code] for code in picture.groups.get("TLSv1.3", ()) if code in FIELDS[3:]]
    found = [*bits, *named]
    if not is_complete(picture):
        return why_open(scan, min(found, default=None))
    return Known(min(found)) if found else Absent()


def _dh_primes(picture: Picture, scan: ScanEvidence) -> Reading[list[dict[str, object]]]:
    primes: list[dict[str, object]] = [
        {"bits": bits, "name": prime_name(digest), "sha256": digest} for bits, digest in sorted(set(_fields(picture)))
    ]
    if not is_complete(picture):
        return why_open(scan, primes)
    return Known(primes) if primes else Absent()


def _schemes(picture: Picture, scan: ScanEvidence) -> Reading[list[str]]:
    seen = {
        answer.signature_scheme for answers in picture.answers.values() for answer in answers if answer.signature_scheme is not None
    }
    if not seen:
        return Absent() if is_complete(picture) else why_open(scan)
    return Known([signature_scheme(code) for code in sorted(seen, reverse=True)])


def _weak_signatures(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    signed = [code for code in picture.accepted.get("TLSv1.2", {}) if key_exchange(code).signed]
    if not signed:
        return Absent() if is_complete(picture) else why_open(scan)
    taken = picture.weak_signatures
    return why_open(scan) if taken is None else Known(taken)


FACTS: tuple[Fact[ScanEvidence], ...] = (
    fact_of_picture(
        "groups",
        Kind.LIST,
        Better.NEITHER,
        "Every named group that the server takes for key exchange, in TLS 1.3 and in the best version before it.",
        "RFC 8446 section 4.2.7",
        _groups,
        parts=GROUPS,
    ),
    fact_of_picture(
        "post_quantum",
        Kind.BOOL,
        Better.TRUE,
        "The server takes a hybrid group with ML-KEM, safe from a quantum computer of the future.",
        "draft-ietf-tls-ecdhe-mlkem",
        _post_quantum,
        truth_gauge("mx_post_quantum", "Whether a hybrid post-quantum group is taken at every address."),
        checks=(Check("post_quantum_accepted", "no hybrid post-quantum group is taken any more, whatever else is offered"),),
    ),
    fact_of_picture(
        "dh_bits",
        Kind.NUMBER,
        Better.MORE,
        "Size of the smallest finite-field Diffie-Hellman prime that the server uses.",
        "RFC 9325 section 4.5",
        _dh_bits,
        Metric("mx_dh_key_size", "Bits of the smallest finite-field prime of all addresses.", lambda value: [((), float(value))]),
        unit="bits",
        checks=(
            Check(
                "dh_size", "a smaller finite field is used than before, of less than 2048 bits",
                lambda bits: float(min(bits, SUFFICIENT_FIELD)), absent=float(SUFFICIENT_FIELD), shown=lambda bits: f"{bits} bits",
            ),
        ),
    ),
    fact_of_picture(
        "dh_primes",
        Kind.LIST,
        Better.NEITHER,
        "Every finite-field prime that was seen: its size, its name where it is a known one, and its digest.",
        "RFC 7919 section 4",
        _dh_primes,
        parts=listed(made_of(bits=NUMBER, name=words_of(prime_names, null="not a known prime"), sha256=TEXT)),
    ),
    fact_of_picture(
        "signature_schemes",
        Kind.LIST,
        Better.NEITHER,
        "The schemes with which the server was seen to sign its key exchange in TLS 1.2; it may know more.",
        "RFC 5246 section 7.4.3",
        _schemes,
        parts=SCHEMES,
    ),
    fact_of_picture(
        "weak_signatures",
        Kind.BOOL,
        Better.FALSE,
        "The server signs its key exchange with SHA-1 or MD5 where nothing better is offered.",
        "RFC 9155 section 2",
        _weak_signatures,
    ),
)
