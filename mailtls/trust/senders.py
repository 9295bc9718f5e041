"""PKIX as the libraries of mail senders see it, where ours is stricter than they are.

A chain that Postfix, Exim and the like accept is trusted, whatever a verifier for browsers would have liked better: an authority without a
key usage, a critical extension about policies, a name that is written in other letters. The rules are those by which a TLSA record of an
issuer vouches for a chain (:mod:`mailtls.trust.dane`); what a strict sender would turn away for its strength is not let in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.tls.certificate import MAX_CHAIN, load, quietly, read_certificate
from mailtls.tls.strength import SUFFICIENT, key_strength
from mailtls.trust.dane import vouch
from mailtls.trust.links import is_self_signed, is_valid_at, path_from
from mailtls.trust.tlsa import CERTIFICATE, FULL, TLSA, TRUST_ANCHOR

if TYPE_CHECKING:
    from datetime import datetime

_BROKEN = frozenset({"md2", "md4", "md5", "sha1"})
_NAMES_ARE_NO_MATTER = ("", "certificate-host-mismatch")
"""Of what may stand against a chain, its names are asked last."""


@quietly()
def leads_to(chain: tuple[bytes, ...], anchor: bytes, at: datetime) -> tuple[bytes, ...]:
    """Return the path from an end entity to an anchor, both included; empty where there is none. Never raises, whatever the chain is.

    Args:
        chain: DER as sent, end entity first.
        anchor: the DER of a trust anchor.
        at: the time at which it has to hold, in UTC.

    """
    chain = chain[:MAX_CHAIN]
    said = vouch(TLSA(TRUST_ANCHOR, CERTIFICATE, FULL, anchor), chain, (), at)
    if said.depth is None or said.code not in _NAMES_ARE_NO_MATTER:
        return ()
    path = path_from(chain, anchor, at)[: said.depth + 1]
    return () if not is_valid_at(anchor, at) or any(_is_weak(der, place) for place, der in enumerate(path)) else path


def _is_weak(der: bytes, place: int) -> bool:
    """Whether an issuer's key is small, or a signature that counts is by a broken hash. The end entity's own key is judged by itself."""
    key, parsed = read_certificate(der).key, load(der)
    if place and (key is None or key.kind is None or (key_strength(key.kind, key.bits or 0) or 0) < SUFFICIENT):
        return True
    if is_self_signed(der):
        return False
    try:
        used = None if parsed is None else parsed.signature_hash_algorithm
    except Exception:  # noqa: BLE001 - an algorithm that the library does not know
        return True
    return used is not None and used.name in _BROKEN
