"""Facts of the versions and cipher suites that a server accepts, read from its answers to raw hellos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric
from mailtls.facts.pictures import fact_of_picture, is_complete, why_open
from mailtls.facts.shapes import SUITE, VERSION, by_version, listed, words
from mailtls.facts.weaknesses import WEAKNESSES, read_weaknesses
from mailtls.model import Absent, Known
from mailtls.tls.names import (
    VERSIONS,
    cipher_suite_code,
    cipher_suite_name,
    has_forward_secrecy,
    version_rank,
)
from mailtls.tls.suites import strength

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.evidence import ScanEvidence
    from mailtls.model import Reading
    from mailtls.tls.picture import Picture


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

)
