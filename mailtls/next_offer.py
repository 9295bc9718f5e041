"""Which visit of a scan comes next, told from those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.evidence import Handshake, KeyType, Offer, ProbeEvidence, Purpose
from mailtls.hellos import Refused
from mailtls.model import Stage
from mailtls.tls.certificate import read_certificate
from mailtls.tls.names import ABOUT_THE_OFFER

if TYPE_CHECKING:
    from collections.abc import Sequence


_USUAL = Offer()


def next_offer(purpose: Purpose, probes: Sequence[ProbeEvidence]) -> Offer | None:
    """Choose the next visit of a scan, or ``None`` where it is over.

    What one connection alone says against a server is asked again on a fresh one. A full scan goes on to ask for the kinds of
    certificate that the usual offer did not bring, then goes without SNI, and comes back with the usual offer only where the last
    answer was a refusal, which needs one that vouches for it.
    """
    if not probes:
        return _USUAL
    last = probes[-1]
    repeated = len(probes) > 1 and probes[-2].offer == last.offer
    if last.failure is not None and last.failure.stage is not Stage.EHLO_TLS:
        return None
    secured = [probe.handshake for probe in probes if isinstance(probe.handshake, Handshake)]
    if last.handshake is None:
        # No STARTTLS, or none that works: it is said against the server when two connections agree.
        return None if len(probes) > 1 and probes[-2].handshake is None else _USUAL
    if isinstance(last.handshake, Refused) and not repeated and (not secured or last.handshake.alert not in ABOUT_THE_OFFER):
        return last.offer
    if purpose is Purpose.QUICK or not secured:
        return None
    key_type = read_certificate(secured[0].chain[0]).key_type if secured[0].chain else None
    shown = KeyType.EDDSA if key_type in ("Ed25519", "Ed448") else key_type
    wanted = [*(Offer(key_type=kind) for kind in KeyType if kind != shown), Offer(with_sni=False)]
    for offer in wanted:
        if all(probe.offer != offer or probe.handshake is None for probe in probes):
            return offer
    # One more that vouches for the last refusal; where that is refused as well, nothing does.
    return _USUAL if isinstance(last.handshake, Refused) and not last.offer.is_usual else None
