"""What a scan asks once: SSLv2, fallback, weak signatures, oddities of a hello; and what is in doubt at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mailtls.hellos import Accepted, HelloOffer, Refused
from mailtls.tls.order import by_name_alone, choices
from mailtls.tls.picture import read_picture
from mailtls.tls.questions import (
    BY_NAME,
    FALLBACK,
    PLAIN,
    SSLV2,
    TURNED,
    V12,
    V13,
    WEAK_SIGNATURES,
    Question,
    offer_13,
    offer_older,
)
from mailtls.tls.refusals import vouched_refusals
from mailtls.tls.suites import FIELDS, FIRST_OFFER, WEAK_SCHEMES, groups_before_13, groups_of_13, key_exchange, offerable, strength

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mailtls.tls.knowledge import Knowledge
    from mailtls.tls.picture import Picture
    from mailtls.tls.questions import Out

    Questions = Iterator[Question]

LARGE = 2_048
"""Octets of a hello that is larger than one segment of the usual network; post-quantum key shares make them so."""
MAX_REPEATED = 16
"""Refusals that lack what vouches for them and are asked for once more."""
_REPEATS = 2
_CONTROLS = 3
DOUBTS = "doubts"
"""The line of questions that are asked again, and of those that vouch for them."""

_ODDITIES: Mapping[str, Mapping[str, Any]] = {
    "does it bear a hello with no server name?": {"server_name": "none"},
    "does it bear a hello with an odd server name?": {"server_name": "odd"},
}
_BOTH = "does it bear a large hello, and unknown values?"
_APART: Mapping[str, Mapping[str, Any]] = {
    "does it bear a large hello?": {"size": LARGE},
    "does it bear unknown values?": {"grease": True},
}


class Rest:
    """The questions that are asked once."""

    def __init__(self, known: Knowledge, out: Out, is_open: Callable[[str], bool]) -> None:
        """Begin.

        Args:
            known: what was answered.
            out: what is being asked.
            is_open: whether suites of a version are still to be asked for.

        """
        self._known, self._out, self._is_open = known, out, is_open
        self._doubted: Counter[HelloOffer] = Counter()

    def _is_new(self, version: str, words: str) -> bool:
        return (version, words) not in self._known.last and not self._out.has(words)

    def _strongest(self, version: str) -> list[int]:
        return sorted(self._known.accepted[version], key=strength, reverse=True)

    def once(self) -> Questions:
        """Ask what needs to know a little of the rest, or all of it."""
        if not self._known.accepted:
            return
        older = self._known.older
        if self._is_new("SSLv2", SSLV2):
            yield Question(HelloOffer("SSLv2", offerable("SSLv2"), question=SSLV2), SSLV2)
        below = older[0] if older and V13 in self._known.accepted else older[1] if len(older) > 1 else None
        if below is not None and self._is_new(below, FALLBACK):
            plain = offer_older(below, self._strongest(below)[:FIRST_OFFER], FALLBACK)
            yield Question(replace(plain, fallback=True), FALLBACK)
        for version in (V13, *older):
            if version in self._known.accepted and not self._is_open(version) and not self._out.taken(version):
                yield from self._turned(version)
                yield from self._by_name(version)
                if version == V12 == older[0]:
                    yield from self._weak_signatures(version)

    def _turned(self, version: str) -> Questions:
        """Turn our order round, where all that was chosen could have been by our order or by the server's own."""
        by_name = by_name_alone(self._known.asked, version)
        found = tuple(code for code in self._known.accepted[version] if code not in by_name)
        if len(found) < 2 or self._known.follows_us(version) is not None or not self._is_new(version, TURNED):
            return
        first, second = next(iter(sorted(choices(self._known.asked, version))), found[:2])
        suites = (second, *(code for code in found if code not in (first, second)), first)
        line = f"{TURNED} {version}"
        if version == V13:
            yield Question(offer_13(suites, groups_of_13(), TURNED), line)
        else:
            yield Question(offer_older(version, suites, TURNED), line)

    def _by_name(self, version: str) -> Questions:
        """Ask a server that takes no finite field of its own choice whether it takes one that is named, until it refuses.

        Below the best version before TLS 1.3 that is asked only where that one does.
        """
        asked, above = self._known.asked, self._known.older[: self._known.older.index(version)] if version != V13 else [V13]
        found = {code for code in self._known.accepted[version] if key_exchange(code).field}
        last = self._known.last.get((version, BY_NAME))
        if version in (V13, "SSLv3") or found != by_name_alone(asked, version) or not all(by_name_alone(asked, each) for each in above):
            return
        pool = [code for code in offerable(version) if key_exchange(code).field and code not in found]
        suites = pool if self._known.bears_many else pool[:FIRST_OFFER]
        if suites and not self._out.has(BY_NAME) and (last is None or isinstance(last.answer, Accepted)):
            yield Question(offer_older(version, suites, BY_NAME, (*groups_before_13(), *FIELDS), weak_first=True), f"{BY_NAME} {version}")

    def _weak_signatures(self, version: str) -> Questions:
        signed = [code for code in self._strongest(version) if key_exchange(code).signed]
        if signed and self._known.schemes.isdisjoint(WEAK_SCHEMES) and self._is_new(version, WEAK_SIGNATURES):
            named = FIELDS if by_name_alone(self._known.asked, version) else ()
            plain = offer_older(version, signed[:FIRST_OFFER], WEAK_SIGNATURES, (*groups_before_13(), *named))
            yield Question(replace(plain, signature_schemes=WEAK_SCHEMES), WEAK_SIGNATURES)

    def _plain(self) -> HelloOffer | None:
        """Return an offer of what was accepted before, in the best version before 1.3 if there is one; ``None`` where nothing was."""
        for version in self._known.older:
            return offer_older(version, self._strongest(version)[:FIRST_OFFER], PLAIN)
        return offer_13(self._strongest(V13), groups_of_13(), PLAIN) if V13 in self._known.accepted else None

    def oddities(self) -> Questions:
        """Ask what the server bears. The last of these vouches for every refusal before it, and is asked when all others are answered."""
        plain = self._plain()
        if plain is None:
            return
        last = self._known.last.get((plain.version, _BOTH))
        wanted = dict(_ODDITIES)
        if not self._out:
            wanted[_BOTH] = {"size": LARGE, "grease": True}
        if last is not None and isinstance(last.answer, Refused):
            wanted |= _APART
        for words, how in wanted.items():
            if self._is_new(plain.version, words):
                yield Question(replace(plain, question=words, **how), words)

    def doubts(self) -> Questions:
        """Ask again for what nothing vouches for, where something was accepted since, and end with an offer that is accepted."""
        asked, plain = self._known.asked, self._plain()
        if plain is None or (self._out and not self._out.of(DOUBTS)):
            return
        places = {item.offer: place for place, item in enumerate(asked) if isinstance(item.answer, Refused)}
        taken = max(place for place, item in enumerate(asked) if isinstance(item.answer, Accepted))
        waiting = self._doubtful(plain)
        for offer in waiting:
            if places[offer] < taken:
                yield Question(offer, DOUBTS)
        if (waiting or taken < len(asked) - 1) and not self._out and self._doubted[plain] < _CONTROLS:
            yield Question(plain, DOUBTS)

    def _doubtful(self, plain: HelloOffer) -> list[HelloOffer]:
        """Return the offers that were refused, where nothing vouches for that, not even an offer that is accepted at the end."""
        asked = self._known.asked
        control = next(item for item in asked if isinstance(item.answer, Accepted))
        vouched = set(vouched_refusals([*asked, control]))
        taken = {item.offer for item in asked if isinstance(item.answer, Accepted)} | {plain}
        found = dict.fromkeys(i.offer for i in asked if isinstance(i.answer, Refused) and i not in vouched and i.offer not in taken)
        once_more = [] if found else self._refused_version()
        if once_more:
            return once_more
        if not found:
            return []
        picture = read_picture([*asked, control])
        open_offers = [offer for offer in found if _leaves_open(offer, picture)][:MAX_REPEATED]
        return [offer for offer in open_offers if self._doubted[offer] < _REPEATS and offer not in self._out]

    def _refused_version(self) -> list[HelloOffer]:
        """Return the first offer of TLS 1.2 or 1.3, where but the other one is spoken: that is told of a server once it has said so twice.

        One bad machine of several, or one bad moment, would make a server seem to lack a version that it has.
        """
        spoken = bool(self._known.older), V13 in self._known.accepted
        if spoken[0] == spoken[1]:
            return []
        missing = V13 if spoken[0] else V12
        offer = next((i.offer for i in self._known.asked if i.offer.version == missing and isinstance(i.answer, Refused)), None)
        return [] if offer is None or self._doubted[offer] or offer in self._out else [offer]

    def note(self, question: Question) -> None:
        """Note that a question is asked, so that what is in doubt is not asked without end."""
        if question.line == DOUBTS:
            self._doubted[question.offer] += 1


def _leaves_open(offer: HelloOffer, picture: Picture) -> bool:
    """Whether an offer asks for anything that was not answered otherwise."""
    still_open, accepted = picture.open_suites(offer.version), picture.accepted.get(offer.version, {})
    return offer.version not in picture.spoken or any(code in still_open or code in accepted for code in offer.cipher_suites)
