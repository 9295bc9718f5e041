"""What a scan knows so far, kept up with every answer, so that the next question is found without reading them all again.

It says nothing about a server: it spares questions. What the answers amount to is read from them by ``picture``, which believes a
refusal only where something vouches for it. Here every refusal counts at once, a close too; what is in doubt at the end is asked again
then (``rest``), and where it is accepted after all, the search goes on.
"""

from __future__ import annotations

import itertools
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Refused, Silent
from mailtls.tls.names import ABOUT_THE_OFFER, VERSIONS
from mailtls.tls.order import follows_us, shows_order
from mailtls.tls.questions import after_the_next
from mailtls.tls.refusals import excluded_groups, excluded_suites
from mailtls.tls.suites import FIRST_OFFER, is_rare, offerable, parts_of_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mailtls.hellos import Asked, HelloOffer

OLDER = VERSIONS[1:-1]
"""The versions that a hello before TLS 1.3 can lead to, weakest first."""
_PROTOCOL_VERSION = 70
_MAX_GUESSES = 3
_FAULTS = 6


class Knowledge:
    """What was answered. All of it follows from the answers, in their order, and from nothing else."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.settled: set[HelloOffer] = set()
        self.last: dict[tuple[str, str], Asked] = {}
        self.accepted: dict[str, dict[int, Accepted]] = {}
        self.groups: dict[str, list[int]] = {}
        self.schemes: set[int] = set()
        self.not_spoken: set[str] = set()
        self._refused_offers: set[HelloOffer] = set()
        self.bears_many = False
        self._refused_words: set[tuple[str, str]] = set()
        self._refused: dict[str, set[int]] = {version: set() for version in VERSIONS}
        self._tried: dict[str, set[int]] = {version: set() for version in VERSIONS}
        self._groups_refused: dict[str, set[int]] = {version: set() for version in VERSIONS}
        self._closed: set[HelloOffer] = set()
        self._answers: dict[str, list[Asked]] = {version: [] for version in VERSIONS}
        self._ranked: dict[str, list[int]] = {version: [] for version in VERSIONS}
        self._unplaced: dict[str, dict[int, set[int]]] = {version: {} for version in VERSIONS}
        self._guesses: dict[str, Counter[bool]] = {version: Counter() for version in VERSIONS}
        self._ours: dict[str, tuple[int, bool | None]] = {}
        self._unseen: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._likely: dict[str, tuple[int, frozenset[int]]] = {}

    def note(self, asked: Asked) -> None:
        """Take an answer, or the lack of one."""
        self.asked.append(asked)
        offer, answer = asked.offer, asked.answer
        if isinstance(answer, Silent):
            return
        self.last[offer.version, offer.question] = asked
        refused = offer in self._refused_offers
        self.settled.add(offer)
        if isinstance(answer, Accepted):
            self._note_accepted(asked, answer)
            if refused:
                self._forget_refusals(offer)
        else:
            self._refused_offers.add(offer)
            self._note_refused(offer, answer)

    def _note_accepted(self, asked: Asked, answer: Accepted) -> None:
        version, suite = answer.version, answer.cipher_suite
        found = self.accepted.setdefault(version, {})
        if asked.offer.question == after_the_next(version):
            self._guesses[version][suite not in found] += 1
        if suite not in found:
            found[suite] = answer
            ranked = self._ranked[version]
            offered = set(asked.offer.cipher_suites)
            ranked.insert(next((place for place, code in enumerate(ranked) if code in offered), len(ranked)), suite)
        self._answers[version].append(asked)
        if not self.follows_us(version):
            self._place(asked.offer, version, suite)
        groups = self.groups.setdefault(version, [])
        if answer.group is not None and answer.group not in groups:
            groups.append(answer.group)
        if answer.signature_scheme is not None:
            self.schemes.add(answer.signature_scheme)
        if len(asked.offer.cipher_suites) > FIRST_OFFER:
            self.bears_many = True

    def _forget_refusals(self, offer: HelloOffer) -> None:
        """Learn from all other refusals anew, as what was refused was accepted after all."""
        self._closed.discard(offer)
        self._refused_offers.discard(offer)
        self.not_spoken.clear()
        for sets in (self._refused, self._tried, self._groups_refused):
            for codes in sets.values():
                codes.clear()
        self._refused_words.clear()
        for item in self.asked:
            if isinstance(item.answer, Refused) and item.offer != offer:
                self._note_refused(item.offer, item.answer)

    def _note_refused(self, offer: HelloOffer, answer: Refused) -> None:
        if answer.alert not in ABOUT_THE_OFFER:
            self._closed.add(offer)
        self._refused_words.add((offer.version, offer.question))
        if not offer.is_plain:
            return
        self._tried[offer.version].update(offer.cipher_suites)
        if answer.alert == _PROTOCOL_VERSION:
            self.not_spoken.add(offer.version)
        if offer in self._closed and not self.accepted:
            return  # nothing can vouch for that any more
        accepted = self.accepted.get(offer.version, {})
        if accepted.keys().isdisjoint(offer.cipher_suites):  # else it was not about the suites
            self._refused[offer.version] |= excluded_suites(offer)
        self._groups_refused[offer.version] |= excluded_groups(offer, accepted)

    @property
    def older(self) -> list[str]:
        """The versions before TLS 1.3 that were seen to be spoken, best first."""
        return [version for version in reversed(OLDER) if version in self.accepted]

    def was_refused(self, version: str, words: str) -> bool:
        """Whether a question with these words was ever answered with a refusal."""
        return (version, words) in self._refused_words

    def unseen(self, version: str) -> tuple[int, ...]:
        """Return the suites of a version that were neither accepted nor refused."""
        accepted, refused = self.accepted.get(version, {}), self._refused[version]
        state = len(accepted) + 1000 * len(refused)
        if self._unseen.get(version, (-1,))[0] != state:
            self._unseen[version] = state, tuple(c for c in offerable(version) if c not in accepted and c not in refused)
        return self._unseen[version][1]

    def untried(self, version: str) -> tuple[int, ...]:
        """Return the suites of a version that no refused offer had, whether anything may vouch for that refusal or not."""
        return tuple(code for code in self.unseen(version) if code not in self._tried[version])

    def unseen_groups(self, version: str, pool: Sequence[int]) -> tuple[int, ...]:
        """Return the groups of a pool that were neither seen nor refused in a version."""
        seen, refused = self.groups.get(version, ()), self._groups_refused[version]
        return tuple(code for code in pool if code not in seen and code not in refused)

    def follows_us(self, version: str) -> bool | None:
        """Return whether the server follows our order in a version; ``None`` where that was not seen."""
        answers = self._answers[version]
        count, ours = self._ours.get(version, (-1, None))
        if ours is None and count != len(answers):
            ours = follows_us(answers, version)
            self._ours[version] = len(answers), ours
        return ours

    def unplaced(self, version: str) -> tuple[int, ...]:
        """Return accepted suites of which it is not known yet whether they stand before or behind all others in the server's order."""
        refused = self._refused[version]
        return tuple(suite for suite, others in self._unplaced[version].items() if not others <= refused)

    def _place(self, offer: HelloOffer, version: str, chosen: int) -> None:
        """Note of a choice what it says of the server's order: that what was chosen stands before all the rest of the offer."""
        unplaced, offered = self._unplaced[version], set(offer.cipher_suites) if shows_order(offer) else set()
        if chosen not in unplaced:
            before = {suite for suite, others in unplaced.items() if chosen in others}
            unplaced[chosen] = {*self.unseen(version), *before}
        unplaced[chosen] -= offered | {chosen}
        for suite in offered & unplaced.keys():
            unplaced[suite].discard(chosen)

    # Guesses: a wrong one costs a connection, and nothing else.

    def likely(self, version: str) -> frozenset[int]:
        """Return unseen suites of a version before TLS 1.3 that will probably be accepted.

        They are accepted in another version, or both their key exchange and their cipher were accepted, each with something else:
        servers are set up by rules, not by lists.
        """
        state = sum(len(self.accepted.get(each, ())) for each in OLDER) + 1000 * len(self._refused[version])
        if self._likely.get(version, (-1,))[0] != state:
            like = _like(version, {code for each in OLDER for code in self.accepted.get(each, ())})
            self._likely[version] = state, like - self.accepted.get(version, {}).keys() - self._refused[version]
        return self._likely[version][1]

    def next_in_order(self, version: str) -> list[int]:
        """Return the suites that come next in the server's own order, so far as it repeats itself, and guesses were good so far."""
        good = self._guesses[version]
        if good[False] > _FAULTS + good[True] // 2:
            return []
        ranked, likely = list(self._ranked[version]), self.likely(version)
        others = [self._ranked[each] for each in reversed(OLDER) if each != version]
        guesses: list[int] = []
        while len(guesses) < _MAX_GUESSES:
            guess = _successor(version, ranked, others, likely.difference(guesses))
            if guess is None:
                break
            guesses.append(guess)
            ranked.append(guess)
        return guesses


_SIBLINGS = {
    "AES_128_GCM_SHA256": "AES_256_GCM_SHA384",
    "AES_256_GCM_SHA384": "AES_128_GCM_SHA256",
    "AES_128_CBC_SHA": "AES_256_CBC_SHA",
    "AES_256_CBC_SHA": "AES_128_CBC_SHA",
}
"""Ciphers that hardly ever come alone."""


def _like(version: str, seen: AbstractSet[int]) -> frozenset[int]:
    index = _by_parts(version)
    parts = [parts_of_name(code) for code in seen]
    ciphers = {cipher for _, cipher in parts}
    ciphers |= {_SIBLINGS[cipher] for cipher in ciphers & _SIBLINGS.keys()}
    products = {index[exchange, cipher] for exchange in {e for e, _ in parts} for cipher in ciphers if (exchange, cipher) in index}
    return _pool(version) & seen | products


@cache
def _pool(version: str) -> frozenset[int]:
    return frozenset(offerable(version))


@cache
def _by_parts(version: str) -> Mapping[tuple[str, str], int]:
    """Return the suites of a version by key exchange and cipher, but for those that hardly any server has."""
    return {parts_of_name(code): code for code in offerable(version) if not is_rare(code)}


def _successor(version: str, ranked: Sequence[int], others: Iterable[Sequence[int]], likely: AbstractSet[int]) -> int | None:
    """Return what probably follows the last of the ranked suites, or ``None``.

    What followed it in another version; or, in rows of one cipher, the key exchange that followed with another cipher; or, in rows of
    one key exchange, the cipher that followed with another key exchange.
    """
    for other in others:
        if ranked[-1] in other:
            return next((code for code in other[other.index(ranked[-1]) + 1 :] if code in likely), None)
    parts = [parts_of_name(code) for code in ranked]
    (exchange, cipher), before = parts[-1], parts[-2] if len(parts) > 1 else ("", "")
    guess = None
    if before[0] != exchange:
        pairs = itertools.pairwise(parts)
        later = [after[0] for earlier, after in pairs if earlier[0] == exchange and earlier[1] == after[1] != cipher]
        guess = _by_parts(version).get((later[-1], cipher)) if later else None
    if before[1] != cipher and guess not in likely:
        rows = ([c for e, c in parts if e == other] for other in dict.fromkeys(e for e, _ in reversed(parts)) if other != exchange)
        row = next((row for row in rows if cipher in row), [])
        codes = (_by_parts(version).get((exchange, c)) for c in row[row.index(cipher) + 1 :]) if row else ()
        guess = next((code for code in codes if code in likely), None)
    return guess if guess in likely else None
