"""The chain as it was sent, held against the chain that is needed (RFC 8446 section 4.4.2, RFC 5246 section 7.4.2).

That an intermediate is *missing* is said only where it is proved: one that was met in another chain completes this one. Where the
issuer of the last certificate was not sent, and nobody here has met it, that alone is said: it may be a missing intermediate, or an
authority that nobody trusts, and the bytes do not tell which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mailtls.tls.certificate import MAX_CHAIN, load, read_certificate
from mailtls.trust.anchors import Path, find_path
from mailtls.trust.links import arrange, is_self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mailtls.trust.anchors import Anchors
    from mailtls.trust.links import Arrangement

MAX_ADDED = 8
"""Authorities met elsewhere with which an incomplete chain is tried."""
_CALLED = 3


class ChainCode(StrEnum):
    """What can be wrong with a chain. The first four say why it leads to no anchor, and exclude each other."""

    SELF_SIGNED = "self-signed"
    UNKNOWN_ROOT = "unknown-root"
    MISSING_INTERMEDIATE = "missing-intermediate"
    ISSUER_NOT_SENT = "issuer-not-sent"
    EXPIRED_CERTIFICATE = "expired-certificate"
    WRONG_ORDER = "wrong-order"
    ROOT_SENT = "root-sent"
    UNRELATED_CERTIFICATE = "unrelated-certificate"
    DUPLICATE_CERTIFICATE = "duplicate-certificate"
    UNREADABLE_CERTIFICATE = "unreadable-certificate"
    TOO_LONG = "too-long"


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """One thing that is wrong with a chain, and a sentence about it; names in it are escaped."""

    code: ChainCode
    why: str


def chain_problems(chain: tuple[bytes, ...], anchors: Anchors, at: datetime) -> tuple[ChainProblem, ...]:
    """Return what is wrong with a chain, be it fatal or only untidy.

    Args:
        chain: DER as sent, end entity first.
        anchors: the trust anchors, and the authorities that are known below them.
        at: the time of the handshake, in UTC. That the end entity itself expired is no matter of its chain.

    """
    if not chain:
        return ()
    arranged = arrange(chain)
    return (*_without_anchor(chain, arranged, anchors, _within_life(chain[0], at)), *_untidy(chain, arranged, anchors, at))


def signed_below_anchor(chain: tuple[bytes, ...], anchors: Anchors, at: datetime) -> tuple[bytes, ...]:
    """Return the certificates of a chain whose signatures count: the path without its anchor, or as much of it as was sent."""
    if not chain:
        return ()
    found = find_path(chain, anchors, _within_life(chain[0], at))
    if isinstance(found, Path):
        return found.certificates[:-1]
    return tuple(der for der in arrange(chain).issuers if not is_self_signed(der))


def is_vouched_for(chain: tuple[bytes, ...], anchors: Anchors, at: datetime) -> bool:
    """Whether an authority that is trusted, or logged in public, vouches for an end entity, or did while it was valid."""
    if read_certificate(chain[0]).extensions.logs:
        return True
    at = _within_life(chain[0], at)
    return isinstance(find_path(chain, anchors, at), Path) or bool(_missing(chain, arrange(chain), anchors, at))


def _within_life(leaf: bytes, at: datetime) -> datetime:
    """Return the moment of a certificate's life that is nearest to a time: what its chain was worth, or will be."""
    read = read_certificate(leaf)
    at = max(at, read.not_before) if read.not_before is not None else at
    return min(at, read.not_after) if read.not_after is not None else at


def _without_anchor(chain: tuple[bytes, ...], arranged: Arrangement, anchors: Anchors, at: datetime) -> Iterator[ChainProblem]:
    """Yield why a chain leads to no anchor, where the chain itself shows it."""
    found = find_path(chain, anchors, at)
    if isinstance(found, Path) or found.is_undecided or chain[0] not in arranged.issuers:
        return
    if is_self_signed(chain[0]):
        yield ChainProblem(ChainCode.SELF_SIGNED, "the certificate is self-signed")
        return
    missing = _missing(chain, arranged, anchors, at)
    if missing:
        why = f"the intermediate {_called(missing)} was not sent; it was met in another chain, and with it this one leads to a trust anchor"
        yield ChainProblem(ChainCode.MISSING_INTERMEDIATE, why)
        return
    tops = arranged.tops
    if any(read_certificate(der).issuer_name in anchors.subjects for der in tops):
        return  # it is complete; what is wrong with it is not the chain's to say
    root = next((der for der in tops if is_self_signed(der)), None)
    if root is not None:
        yield ChainProblem(ChainCode.UNKNOWN_ROOT, f"it ends at the root {_called([root])}, which is no trust anchor")
    elif tops:
        read = read_certificate(tops[0])
        why = f"its issuer '{read.issuer}' was not sent and is no trust anchor: a missing intermediate, or a CA that is not trusted"
        if read_certificate(chain[0]).extensions.logs:
            why += "; rather the former, since public logs know the certificate"
        yield ChainProblem(ChainCode.ISSUER_NOT_SENT, why)


def _missing(chain: tuple[bytes, ...], arranged: Arrangement, anchors: Anchors, at: datetime) -> list[bytes]:
    """Return the authorities with which a chain leads to an anchor, of those that were met in other chains."""
    added: list[bytes] = []
    # What was sent may be the wrong one of a name, or have expired: so all that is above is looked for, the end of the chain first.
    names = [read_certificate(der).issuer_name for der in (*(der for der in arranged.issuers if arranged.issuers[der]), *arranged.tops)]
    while names and len(added) < MAX_ADDED:
        for der in anchors.known.named(names.pop()):
            if der not in arranged.sent and der not in added and len(added) < MAX_ADDED:
                added.append(der)
                names.append(read_certificate(der).issuer_name)
    if not added:
        return []
    found = find_path((*chain[: MAX_CHAIN - len(added)], *added), anchors, at)
    return [der for der in found.between if der in added] if isinstance(found, Path) else []


def _untidy(chain: tuple[bytes, ...], arranged: Arrangement, anchors: Anchors, at: datetime) -> Iterator[ChainProblem]:
    above = [der for der in arranged.issuers if der != chain[0]]
    expired = [der for der in above if (until := read_certificate(der).not_after) is not None and until < at]
    if expired:
        until = read_certificate(expired[0]).not_after
        yield ChainProblem(ChainCode.EXPIRED_CERTIFICATE, f"{_called(expired)}, which was sent along, expired on {until:%Y-%m-%d}")
    if not arranged.is_ordered:
        yield ChainProblem(ChainCode.WRONG_ORDER, "a certificate stands before the one that it signed")
    roots = [der for der in above if is_self_signed(der) and anchors.are_those_of(der)]
    if roots:
        yield ChainProblem(ChainCode.ROOT_SENT, f"the root {_called(roots)} was sent along, which who trusts it has")
    unreadable = sum(load(der) is None for der in arranged.sent)
    strangers = [der for der in arranged.sent[1:] if der not in arranged.issuers and load(der) is not None]
    if strangers and chain[0] in arranged.issuers:
        yield ChainProblem(ChainCode.UNRELATED_CERTIFICATE, f"{_called(strangers)} signed nothing of the chain")
    again = len(chain[:MAX_CHAIN]) - len(arranged.sent)
    if again:
        yield ChainProblem(ChainCode.DUPLICATE_CERTIFICATE, f"{again} of its certificates were sent more than once")
    if unreadable:
        yield ChainProblem(ChainCode.UNREADABLE_CERTIFICATE, f"{unreadable} of its certificates cannot be read")
    if len(chain) > MAX_CHAIN:
        yield ChainProblem(ChainCode.TOO_LONG, f"it has {len(chain)} certificates, of which {MAX_CHAIN} were looked at")


def _called(ders: Sequence[bytes]) -> str:
    """Return the names of a few certificates, escaped."""
    names = [f"'{read.subject}'" if (read := read_certificate(der)).subject else f"of the sha256 {read.sha256[:16]}" for der in ders]
    return ", ".join(names[:_CALLED]) + (f" and {len(names) - _CALLED} more" if len(names) > _CALLED else "")
