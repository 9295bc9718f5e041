"""Facts of everything that a server accepts, read from its answers to raw hellos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric, truth_gauge
from mailtls.facts.pictures import fact_of_picture, is_complete, why_open
from mailtls.facts.shapes import GROUPS, NUMBER, SCHEMES, SUITE, TEXT, VERSION, by_version, listed, made_of, words, words_of
from mailtls.facts.weaknesses import WEAKNESSES, read_weaknesses
from mailtls.model import Absent, Known
from mailtls.tls.names import (
    VERSIONS,
    cipher_suite_code,
    cipher_suite_name,
    group_of,
    has_forward_secrecy,
    signature_scheme,
    version_rank,
)
from mailtls.tls.primes import prime_name, prime_names
from mailtls.tls.strength import SUFFICIENT_FIELD
from mailtls.tls.suites import FIELDS, key_exchange, strength

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.picture import Picture

HYBRIDS = frozenset({4587, 4588, 4589})


def _versions(picture: Picture, scan: ScanEvidence) -> Reading[list[str]]:
    spoken = [version for version in VERSIONS if picture.spoken.get(version)]
    return Known(spoken) if all(version in picture.spoken for version in VERSIONS) else why_open(scan, spoken)


def _suites(picture: Picture, scan: ScanEvidence) -> Reading[dict[str, list[str]]]:
    named = {
        version: [cipher_suite_name(code) for code in picture.suites(version)]
        for version in VERSIONS
        if version in picture.accepted
    }
    return Known(named) if is_complete(picture) else why_open(scan, named)


def _preference(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    choosing = [version for version, found in picture.accepted.items() if len(found) > 1 and version != "SSLv2"]
    if False in picture.follows_us.values():
        return Known(value=True)
    if any(version not in picture.follows_us for version in choosing) or not is_complete(picture):
        return why_open(scan)
    return Known(value=False) if choosing else Absent()


def _groups(picture: Picture, scan: ScanEvidence) -> Reading[list[str]]:
    ordered = [version for version in reversed(VERSIONS) if version in picture.accepted]
    codes = dict.fromkeys(code for version in ordered for code in picture.groups.get(version, ()))
    named = [group_of(code) for code in codes]
    # Versions below the best before 1.3 share its groups; they are not asked about each.
    asked = [version for version in ("TLSv1.3", next((v for v in ordered if v != "TLSv1.3"), None)) if version is not None]
    closed = all(version in picture.spoken for version in VERSIONS) and not any(map(picture.open_groups, asked))
    return Known(named) if closed else why_open(scan, named)


def _post_quantum(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    if HYBRIDS & set(picture.groups.get("TLSv1.3", ())):
        return Known(value=True)
    if "TLSv1.3" not in picture.spoken or HYBRIDS & picture.open_groups("TLSv1.3"):
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


def _forward_secrecy(picture: Picture, scan: ScanEvidence) -> Reading[str]:
    secret = {
        has_forward_secrecy(version, cipher_suite_name(code)) for version, found in picture.accepted.items() for code in found
    }  # fmt: skip
    if len(secret) == 2:
        return Known("negotiable")
    return Known("always" if secret == {True} else "never") if is_complete(picture) else why_open(scan)


def _forward_secrecy_preferred(picture: Picture, scan: ScanEvidence) -> Reading[bool]:
    """Read whether whoever offers forward secrecy gets it. SSLv2 has none to offer, and speaks for itself."""
    settled = is_complete(picture)
    for version, found in picture.accepted.items():
        if version == "SSLv2":
            continue
        secret = {code for code in found if has_forward_secrecy(version, cipher_suite_name(code))}
        if not secret and not picture.open_suites(version):
            return Known(value=False)
        others = found.keys() - secret
        own = picture.follows_us.get(version) is False
        if own and any(first in others and second in secret for first, second in picture.preferred[version]):
            return Known(value=False)
        settled &= not others or not secret or picture.follows_us.get(version) is True or picture.order(version) is not None
    return Known(value=True) if settled else why_open(scan)


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


_CLASSES = (
    "no encryption or no authentication", "a cipher that is broken", "no forward secrecy", "CBC", "authenticated encryption",
)  # fmt: skip
"""Of cipher suites, from the worst: a regression is told where one of a worse class than before is taken."""
_BROKEN = ("RC2", "RC4", "DES", "IDEA")


def suite_class(version: str, name: str) -> int:
    """Return the place of a suite among :data:`_CLASSES`."""
    if version == "SSLv2":
        return 0
    safe, ephemeral, authenticated, *_ = strength(cipher_suite_code(name))
    if not safe:
        return 0
    if any(cipher in name for cipher in _BROKEN):
        return 1
    return 2 if not ephemeral else 3 + bool(authenticated)


def _worst_class(suites: dict[str, list[str]]) -> float | None:
    classes = [suite_class(version, name) for version, names in suites.items() for name in names]
    return float(min(classes)) if classes else None


def _worst_shown(suites: dict[str, list[str]]) -> str:
    found = sorted((suite_class(version, name), version, name) for version, names in suites.items() for name in names)
    return f"{_CLASSES[found[0][0]]}: {found[0][2]} in {found[0][1]}" if found else "none"


def _oldest(versions: list[str]) -> float | None:
    return float(min(map(version_rank, versions))) if versions else None


def _version_samples(value: list[str]) -> Iterator[tuple[tuple[str, ...], float]]:
    for version in VERSIONS:
        yield (version,), float(version in value)


FACTS: tuple[Fact[ScanEvidence], ...] = (
    fact_of_picture(
        "tls_versions",
        Kind.LIST,
        Better.NEITHER,
        "Every protocol version that the server speaks, weakest first.",
        "RFC 9325 section 3.1",
        _versions,
        Metric(
            "mx_tls_version_accepted",
            "Whether the version is spoken: of TLS 1.2 and 1.3 at every address that was measured, of the older ones at any.",
            _version_samples,
            ("version",),
            frozenset((version,) for version in VERSIONS[:4]),
        ),
        parts=listed(VERSION),
        checks=(
            Check(
                "oldest_version", "an older version of TLS is spoken than before", _oldest, shown=lambda versions: min(versions, key=version_rank)
            ),
        ),
    ),
    fact_of_picture(
        "cipher_suites",
        Kind.OBJECT,
        Better.NEITHER,
        "Every cipher suite that the server accepts, by version: in its own order where it has one, else from strong to weak.",
        "RFC 9325 section 4",
        _suites,
        parts=by_version(listed(SUITE)),
        checks=(Check("weakest_suite", "a cipher suite of a worse class is taken than before", _worst_class, shown=_worst_shown),),
    ),
    fact_of_picture(
        "server_cipher_preference",
        Kind.BOOL,
        Better.NEITHER,
        "The server chooses by an order of its own; false where it was seen to follow the client's.",
        "RFC 5246 section 7.4.1.3",
        _preference,
    ),
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
        "forward_secrecy",
        Kind.TEXT,
        Better.NEITHER,
        "Whether every accepted suite has forward secrecy (always), some have (negotiable), or none has (never).",
        "RFC 9325 section 4.1",
        _forward_secrecy,
        parts=words("always", "negotiable", "never"),
    ),
    fact_of_picture(
        "forward_secrecy_preferred",
        Kind.BOOL,
        Better.TRUE,
        "In every version that it speaks the server has suites with forward secrecy, and puts none without it before them; where it follows "
        "the client's order, the client decides.",
        "RFC 9325 section 4.1",
        _forward_secrecy_preferred,
    ),
    fact_of_picture(
        "weaknesses",
        Kind.LIST,
        Better.NEITHER,
        "Weaknesses that follow from what is accepted; none of them was attacked.",
        "RFC 9325 section 4.1",
        read_weaknesses,
        parts=listed(words(*WEAKNESSES)),
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
