"""How much of one server's certificates an enumeration keeps: a server may send other ones on every connection."""

from __future__ import annotations

from dataclasses import replace

from mailtls.hellos import Accepted, Asked, Silent
from mailtls.model import Cause, Stage

MAX_LEAVES = 16
"""Different end entities' certificates of one server. Those with several have one of each kind of key; a pool may renew meanwhile."""
MAX_OCTETS = 1_048_576
"""Octets of all different certificates of one server."""


class Kept:
    """The different certificates in the answers of one enumeration, each of them held once."""

    def __init__(self) -> None:
        self._certificates: dict[bytes, bytes] = {}
        self._leaves: set[bytes] = set()
        self._chains: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}
        self.octets = 0

    @property
    def leaves(self) -> int:
        """How many different end entities' certificates are held."""
        return len(self._leaves)

    def within_bounds(self, asked: Asked) -> Asked:
        """Return an answer with its certificates as they are held already; one that is too much is no answer, and nothing of it is kept."""
        if not isinstance(asked.answer, Accepted) or not asked.answer.chain:
            return asked
        chain = asked.answer.chain
        held = self._chains.get(chain)
        if held is None:
            fresh = [der for der in dict.fromkeys(chain) if der not in self._certificates]
            octets = self.octets + sum(map(len, fresh))
            why = ""
            if octets > MAX_OCTETS:
                why = f"more than {MAX_OCTETS} octets of different certificates"
            elif len(self._leaves | {chain[0]}) > MAX_LEAVES:
                why = f"more than {MAX_LEAVES} different certificates of the server"
            if why:
                return replace(asked, answer=Silent(Cause.LIMIT_EXCEEDED, Stage.HELLO, why))
            self.octets = octets
            self._certificates.update((der, der) for der in fresh)
            held = tuple(self._certificates[der] for der in chain)
            self._leaves.add(held[0])
            self._chains[held] = held
        return asked if held is chain else replace(asked, answer=replace(asked.answer, chain=held))
