"""The picture that a scan's raw hellos give, and the Unknown that stands for what is missing from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mailtls.evidence import Handshake
from mailtls.facts.declaration import Better, Check, Fact, Kind, Metric, Scope
from mailtls.facts.handshake import without_tls
from mailtls.hellos import Silent
from mailtls.model import Absent, Cause, Stage, Unknown
from mailtls.tls.names import VERSIONS, cipher_suite_name, group_of
from mailtls.tls.picture import Picture, read_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailtls.evidence import ScanEvidence
    from mailtls.facts.shapes import Shape
    from mailtls.hellos import HelloEvidence
    from mailtls.model import Reading
    from mailtls.trust.pkix import Anchors

# Evidence never changes, and a picture is dear: each is read once.
_read: WeakKeyDictionary[HelloEvidence, Picture] = WeakKeyDictionary()


def picture_of(scan: ScanEvidence) -> Picture | None:
    """Return what the raw hellos of a scan, or of an earlier one that it carries on, amount to; ``None`` where none were made."""
    if scan.hellos is None or not scan.hellos.asked:
        return None
    picture = _read.get(scan.hellos)
    if picture is None:
        picture = _read[scan.hellos] = read_picture(scan.hellos.asked)
    return picture


def seen_picture(scan: ScanEvidence, anchors: Anchors) -> Picture | Absent | Unknown:
    """Return the picture; or Absent where there is no TLS; or why there is none."""
    without = without_tls(scan, anchors)
    if isinstance(without, Absent):
        return without
    picture = picture_of(scan)
    if picture is None:
        if scan.failure is not None or any(probe.failure is not None for probe in scan.probes):
            return without
        return Unknown(Cause.NOT_ATTEMPTED, Stage.HELLO, "raw hellos belong to the full scan")
    return _with_visits(picture, scan) if picture.accepted else why_open(scan)


def _with_visits(picture: Picture, scan: ScanEvidence) -> Picture:
    """Return the picture without the refusals that a handshake gives the lie: what a visit negotiated is not missing.

    A server that cannot ask for a key share refuses our raw hello of TLS 1.3, and one that has changed since does otherwise than it did.
    """
    for probe in scan.probes:
        seen = probe.handshake
        if not isinstance(seen, Handshake):
            continue
        version = seen.version
        if picture.spoken.get(version) is False:
            spoken = {name: says for name, says in picture.spoken.items() if name != version}
            picture = replace(picture, spoken=spoken, rejected=picture.rejected | {version: frozenset()})  # type: ignore[operator]
        if seen.cipher_suite in {cipher_suite_name(code) for code in picture.rejected.get(version, ())}:
            picture = replace(picture, rejected=picture.rejected | {version: frozenset()})  # type: ignore[operator]
        if seen.group in {group_of(code) for code in picture.groups_rejected.get(version, ())}:
            picture = replace(picture, groups_rejected=picture.groups_rejected | {version: frozenset()})  # type: ignore[operator]
    return picture


def why_open(scan: ScanEvidence, seen: object = None) -> Unknown:
    """Return why a set is not complete: what interrupted the scan, or that nothing vouches for the refusals."""
    asked = scan.hellos.asked if scan.hellos is not None else ()
    silent = next((item.answer for item in reversed(asked) if isinstance(item.answer, Silent)), None)
    if silent is not None:
        return Unknown(silent.cause, silent.stage, silent.detail, seen)
    return Unknown(
        Cause.PROTOCOL_ERROR, Stage.HELLO, "refusals that nothing vouches for, or an offer that the server does not bear", seen
    )


def is_complete(picture: Picture) -> bool:
    """Whether every version is known to be spoken or not, and every suite of those that are to be accepted or not."""
    return all(version in picture.spoken for version in VERSIONS) and not any(map(picture.open_suites, VERSIONS))


def of_picture(read: Callable[[Picture, ScanEvidence], Reading[Any]]) -> Callable[[ScanEvidence, Anchors], Reading[Any]]:
    """Make the reading of a fact from one of a picture; without a picture it is Absent or Unknown, as that is."""

    def reading(scan: ScanEvidence, anchors: Anchors) -> Reading[Any]:
        picture = seen_picture(scan, anchors)
        return picture if isinstance(picture, Absent | Unknown) else read(picture, scan)

    return reading


def fact_of_picture(
    name: str,
    kind: Kind,
    better: Better,
    text: str,
    source: str,
    read: Callable[[Picture, ScanEvidence], Reading[Any]],
    *metrics: Metric,
    unit: str = "",
    parts: Shape | None = None,
    checks: tuple[Check, ...] = (),
) -> Fact[ScanEvidence]:
    """Declare a fact of an endpoint that is read from its picture."""
    return Fact(
        name, Scope.ENDPOINT, kind, better, text, source, of_picture(read),
        unit=unit, metrics=metrics, quick=False, parts=parts, checks=checks,
    )  # fmt: skip
