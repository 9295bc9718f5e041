"""The daily case: does what an enumeration found still hold? A handful of offers instead of a hundred.

At most one offer for each version that is spoken, and four: what was never accepted must be refused, and of the best, and of the weak,
something must be accepted. What is accepted says more, and costs no more: the choice itself, where whose order counts is known; the
group, the size of the prime, the signature scheme, and the extensions that belong to the suite.

What it cannot see: that one of several suites is gone which was not the first choice, or one of several groups; a new group that the
server likes less than those it had; a new certificate, which the full visits of the same day read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, HelloOffer, Refused, Silent
from mailtls.tls.hello import ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, HEARTBEAT, RENEGOTIATION_INFO
from mailtls.tls.kept import Kept
from mailtls.tls.names import ABOUT_THE_OFFER, VERSIONS, cipher_suite_name, group_of, signature_scheme
from mailtls.tls.questions import SSLV2, V13, offer_13, offer_older
from mailtls.tls.refusals import vouched_refusals
from mailtls.tls.suites import FIRST_OFFER, HYBRIDS, WEAK_SCHEMES, groups_of_13, is_strong, key_exchange, offerable, strength

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailtls.hellos import Asked
    from mailtls.tls.picture import Picture

_SPARE = 4
_KEPT = {RENEGOTIATION_INFO: "secure renegotiation", EXTENDED_MASTER_SECRET: "extended master secret", ENCRYPT_THEN_MAC: "encrypt-then-MAC"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """An offer, and what an unchanged server does with it.

    Args:
        offer: to make.
        accepted: whether it is accepted.
        suite: which is chosen; ``None`` where that is not known.

    """

    offer: HelloOffer
    accepted: bool
    suite: int | None = None


@dataclass(frozen=True, slots=True)
class Deviation:
    """An answer that differs from what was expected, and in what, for a person."""

    asked: Asked
    why: str


def expectations(picture: Picture) -> tuple[Expectation, ...]:
    """Return the offers that show whether a picture still holds: at most one for each version, and four.

    They begin and end with one that is to be accepted, so that both vouch for the refusals between them.
    """
    spoken = [version for version in VERSIONS[1:] if version in picture.accepted]
    if not spoken:
        return ()
    older = [version for version in spoken if version != V13]
    refused = list(_refused(picture, spoken))
    accepted = list(dict.fromkeys(_accepted(picture, spoken, older)))
    first, last = accepted[0], accepted[-1]
    between = [*refused, *accepted[1:-1]]
    if picture.spoken.get("SSLv2") is False:
        between.append(Expectation(HelloOffer("SSLv2", offerable("SSLv2"), question=SSLV2), accepted=False))
    return (first, *between[: len(spoken) + _SPARE - 2], last)


def _refused(picture: Picture, spoken: Sequence[str]) -> Iterator[Expectation]:
    """Yield offers of what was never accepted."""
    many = None if picture.bears.get("many-suites") else FIRST_OFFER
    for version in spoken:
        fresh = [code for code in offerable(version) if code in picture.rejected.get(version, ())][:many]
        if fresh:
            yield Expectation(_offer(version, fresh, f"is another suite of {version} accepted now?"), accepted=False)
    lowest = next((version for version in spoken if version != V13), V13)
    below = VERSIONS[VERSIONS.index(lowest) - 1]
    if below != "SSLv2" and picture.spoken.get(below) is False:
        offer = _offer(below, offerable(below)[:many], f"is {below} spoken now, or anything below it?")
        yield Expectation(offer, accepted=False)
    if picture.spoken.get(V13) is False:
        yield Expectation(_offer(V13, offerable(V13), "is TLSv1.3 spoken now?"), accepted=False)


def _accepted(picture: Picture, spoken: Sequence[str], older: Sequence[str]) -> Iterator[Expectation]:
    """Yield offers of what was accepted: of the best, of the best before TLS 1.3, over finite fields, and of the weak."""
    best = spoken[-1]
    hybrids = [code for code in HYBRIDS if code in picture.groups.get(V13, ())] if best == V13 else []
    question = "is one of the best suites still accepted" + (", with a post-quantum group?" if hybrids else "?")
    yield _expected(picture, best, _strong(picture, best), question, hybrids)
    if older and older[-1] != best:
        yield _expected(picture, older[-1], _strong(picture, older[-1]), f"is one of the best suites of {older[-1]} still accepted?")
    weak = next(((v, codes) for v in older if (codes := [c for c in _plainly(picture, v) if not is_strong(c)])), None)
    over_fields = next(((v, codes) for v in reversed(older) if (codes := [c for c in _plainly(picture, v) if key_exchange(c).field])), None)
    if weak is not None and (narrowed := [code for code in weak[1] if key_exchange(code).field]):
        # Of the weak ones those over finite fields, since their answer shows the prime as well.
        yield _expected(picture, weak[0], narrowed, "are the weak suites still accepted, with as large a prime?")
        return
    if over_fields is not None:
        yield _expected(picture, *over_fields, "is the prime as large as it was?")
    if weak is not None:
        yield _expected(picture, *weak, "are the weak suites still accepted?")


def _strong(picture: Picture, version: str) -> list[int]:
    found = _plainly(picture, version)
    return [code for code in found if is_strong(code)] or list(found)


def _plainly(picture: Picture, version: str) -> list[int]:
    """Return the suites of a version that are accepted whatever groups are named."""
    return [code for code in picture.suites(version) if code not in picture.by_name.get(version, ())]


def _expected(picture: Picture, version: str, suites: Sequence[int], question: str, groups: Sequence[int] = ()) -> Expectation:
    """Offer suites that were accepted, and say which of them is chosen.

    The strongest stands first where that is the one to be chosen. A server with an order of its own is offered them as in the enumeration:
    some let the client decide between what they like equally.
    """
    suites = sorted(suites, key=strength, reverse=True)[:FIRST_OFFER]
    order = picture.order(version)
    if order is not None:
        suites = [code for code in offerable(version) if code in suites]
    ours = picture.follows_us.get(version) or len(suites) == 1
    chosen = suites[0] if ours else next((code for code in order or () if code in suites), None)
    return Expectation(_offer(version, suites, question, groups), accepted=True, suite=chosen)


def _offer(version: str, suites: Sequence[int], question: str, groups: Sequence[int] = ()) -> HelloOffer:
    if version == V13:
        return offer_13(suites, groups or groups_of_13(), question)
    return offer_older(version, suites, question, weak_first=True)


class Recheck:
    """Asks what :func:`expectations` says, in the manner of :class:`~mailtls.tls.enumeration.Enumeration`.

    The first and the last offer are made alone, those between them as many at a time as one likes. An answer that differs in something
    else than that it is accepted or refused is asked for once more at once; what was closed upon, at the end, so that something is accepted
    before, between and after.
    """

    def __init__(self, picture: Picture) -> None:
        self.expected = expectations(picture)
        self.asked: list[Asked] = []
        self.interrupted: Silent | None = None
        self._picture, self._kept = picture, Kept()
        self._left = [expectation.offer for expectation in self.expected]
        self._closed_upon: list[HelloOffer] = []
        self._is_second_round = False
        self._out: list[HelloOffer] = []

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to ask, or the server fell silent."""
        return not self._out and (not self._left or self.interrupted is not None)

    def next_offer(self) -> HelloOffer | None:
        """Return an offer to make now, or ``None`` while an answer is awaited, and when nothing is left."""
        alone = not self.asked or len(self._left) == 1
        if not self._left or self.interrupted is not None or (alone and self._out):
            return None
        self._out.append(self._left.pop(0))
        return self._out[-1]

    def learn(self, asked: Asked) -> None:
        """Take the answer to one of the offers. Raises ``ValueError`` for any other."""
        self._out.remove(asked.offer)
        if self.interrupted is not None and isinstance(asked.answer, Silent):
            return  # it was not asked any more; what is told of the recheck is what interrupted it
        asked = self._kept.within_bounds(asked)
        is_first = all(item.offer != asked.offer for item in self.asked)
        self.asked.append(asked)
        if isinstance(asked.answer, Silent):
            self.interrupted = asked.answer
        elif isinstance(asked.answer, Refused) and asked.answer.alert not in ABOUT_THE_OFFER and not self._is_second_round:
            self._closed_upon.append(asked.offer)
        elif isinstance(asked.answer, Accepted) and is_first and self._differs(asked.offer, asked.answer):
            self._left.insert(0, asked.offer)
        if not self._left and not self._out and self._closed_upon and not self._is_second_round:
            self._is_second_round = True
            self._left = [*self._closed_upon, self.expected[-1].offer]

    def _differs(self, offer: HelloOffer, answer: Accepted) -> bool:
        expected = next(each for each in self.expected if each.offer == offer)
        return expected.accepted and bool(_difference(expected, answer, self._picture))

    @property
    def holds(self) -> bool:
        """Whether every offer was answered as expected, the refusals by something that vouches for them."""
        vouched = set(vouched_refusals(self.asked))
        shown = {item.offer for item in self.asked if isinstance(item.answer, Accepted) or item in vouched}
        return not self.deviations and all(expectation.offer in shown for expectation in self.expected)

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """The answers that differ from what was expected. An offer without an answer, or with a doubtful one, is none of them."""
        vouched = set(vouched_refusals(self.asked))
        last = {item.offer: item for item in self.asked}  # of an answer that was asked for once more, the later one
        found = []
        for expected in dict.fromkeys(self.expected):
            item = last.get(expected.offer)
            if item is None:
                continue
            if isinstance(item.answer, Accepted):
                why = _difference(expected, item.answer, self._picture) if expected.accepted else _shown(item.answer)
                if why:
                    found.append(Deviation(item, why))
            elif isinstance(item.answer, Refused) and expected.accepted and (item in vouched or item.answer.alert in ABOUT_THE_OFFER):
                found.append(Deviation(item, "it is refused"))
        return tuple(found)


def _shown(answer: Accepted) -> str:
    return f"it is accepted: {answer.version} {cipher_suite_name(answer.cipher_suite)}"


def _difference(expected: Expectation, answer: Accepted, picture: Picture) -> str:
    """Return in what an answer differs from those of the enumeration, or an empty text."""
    version, suite = answer.version, answer.cipher_suite
    earlier = picture.accepted.get(version, {}).get(suite)
    if version != expected.offer.version or earlier is None:
        return _shown(answer)
    if expected.suite not in (None, suite):
        return f"{cipher_suite_name(suite)} is chosen, and not {cipher_suite_name(expected.suite or 0)}"
    if answer.group is not None and version in picture.groups and answer.group not in _all_groups(picture):
        return f"a new group: {group_of(answer.group)}"
    bits = min((a.key_bits for a in picture.answers[version] if a.cipher_suite == suite and a.key_bits), default=0)
    if 0 < answer.key_bits < bits:
        return f"a prime of {answer.key_bits} bits, where it had {bits}"
    if picture.weak_signatures is False and answer.signature_scheme in WEAK_SCHEMES:
        return f"it signs with {signature_scheme(answer.signature_scheme)}"
    return _difference_of_extensions(answer, earlier) if version != V13 else ""


def _all_groups(picture: Picture) -> set[int]:
    return {code for codes in picture.groups.values() for code in codes}


def _difference_of_extensions(answer: Accepted, earlier: Accepted) -> str:
    lost = [name for code, name in _KEPT.items() if code in earlier.extensions and code not in answer.extensions]
    if lost:
        return f"no {lost[0]} any more"
    if answer.compression and not earlier.compression:
        return "it compresses"
    if HEARTBEAT in answer.extensions and HEARTBEAT not in earlier.extensions:
        return "it offers heartbeats"
    return "no mark against downgrades any more" if earlier.sentinel and not answer.sentinel else ""
