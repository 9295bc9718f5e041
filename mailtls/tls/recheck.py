"""The daily case: does what an enumeration found still hold? A few offers instead of a hundred.

What it sees: a version or a suite that is newly accepted, and that at least one of the best, and one of the weak, is still accepted.
What it does not see: that one of several good (or weak) suites is gone, a new group, a new certificate of a kind that the full visits
do not ask for, SSLv2. Those are for the full enumeration, which is renewed over days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, HelloOffer, Refused, Silent
from mailtls.tls.names import ABOUT_THE_OFFER, VERSIONS
from mailtls.tls.refusals import vouched_refusals
from mailtls.tls.suites import FIRST_OFFER, SCHEMES, SCHEMES_13, groups_before_13, groups_of_13, is_strong, offerable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailtls.hellos import Asked
    from mailtls.tls.picture import Picture

_HYBRIDS = (4588, 4587, 4589)


@dataclass(frozen=True, slots=True)
class Expectation:
    """An offer, and what an unchanged server does with it."""

    offer: HelloOffer
    accepted: bool


def expectations(picture: Picture) -> tuple[Expectation, ...]:
    """Return the offers that show whether a picture still holds: at most one for each version, and four.

    They begin and end with one that is to be accepted, so that both vouch for the refusals between them.
    """
    spoken = [version for version in VERSIONS if version in picture.accepted and version != "SSLv2"]
    if not spoken:
        return ()
    best = spoken[-1]
    strong = tuple(code for code in picture.suites(best) if is_strong(code)) or picture.suites(best)
    hybrids = tuple(code for code in _HYBRIDS if code in picture.groups.get(best, ())) if best == "TLSv1.3" else ()
    question = "is one of the best suites still accepted" + (", with a post-quantum group?" if hybrids else "?")
    good = Expectation(_offer(best, strong, question, hybrids), accepted=True)
    found = [good]
    for version in spoken:
        fresh = tuple(code for code in offerable(version) if code in picture.rejected.get(version, ()))
        if fresh:
            found.append(Expectation(_offer(version, fresh, f"is another suite of {version} accepted now?"), accepted=False))
    not_spoken = [version for version in (_next_below(spoken), "TLSv1.3") if version is not None and picture.spoken.get(version) is False]
    for version in not_spoken:
        below = "?" if version == "TLSv1.3" else ", or anything below it?"
        found.append(Expectation(_offer(version, offerable(version)[:FIRST_OFFER], f"is {version} spoken now{below}"), accepted=False))
    weak = next(((v, w) for v in spoken if (w := tuple(c for c in picture.accepted[v] if not is_strong(c)))), None)
    found.append(good if weak is None else Expectation(_offer(*weak, "are the weak suites still accepted?"), accepted=True))
    return tuple(found)


def _next_below(spoken: Sequence[str]) -> str | None:
    lowest = next((version for version in spoken if version != "TLSv1.3"), "TLSv1.3")
    below = VERSIONS.index(lowest) - 1
    return VERSIONS[below] if below > 0 else None


def _offer(version: str, suites: tuple[int, ...], question: str, groups: tuple[int, ...] = ()) -> HelloOffer:
    if version == "TLSv1.3":
        return HelloOffer(version, suites, groups or groups_of_13(), SCHEMES_13, question=question)
    if version == "SSLv3":
        return HelloOffer(version, suites, question=question)
    return HelloOffer(version, suites, groups_before_13(), SCHEMES if version == "TLSv1.2" else (), question=question)


class Recheck:
    """Asks one offer after the other, in the manner of :class:`~mailtls.tls.enumeration.Enumeration`."""

    def __init__(self, picture: Picture) -> None:
        self.expected = expectations(picture)
        self.asked: list[Asked] = []
        self.interrupted: Silent | None = None
        self._left = [expectation.offer for expectation in self.expected]
        self._closed_upon: list[HelloOffer] = []
        self._is_second_round = False
        self._out = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to ask, or the server fell silent."""
        return not self._out and (not self._left or self.interrupted is not None)

    def next_offer(self) -> HelloOffer | None:
        """Return the offer to make now, or ``None`` while an answer is awaited, and when nothing is left."""
        if self._out or self.is_done:
            return None
        self._out = True
        return self._left[0]

    def learn(self, asked: Asked) -> None:
        """Take the answer; what was closed upon is asked for once more at the end, with something accepted before and after it."""
        self._out = False
        self.asked.append(asked)
        offer = self._left.pop(0)
        if isinstance(asked.answer, Silent):
            self.interrupted = asked.answer
        elif isinstance(asked.answer, Refused) and asked.answer.alert not in ABOUT_THE_OFFER and not self._is_second_round:
            self._closed_upon.append(offer)
        if not self._left and self._closed_upon and not self._is_second_round:
            self._is_second_round = True
            self._left = [*self._closed_upon, self.expected[-1].offer]

    @property
    def holds(self) -> bool:
        """Whether every offer was answered as expected, the refusals by something that vouches for them."""
        vouched = set(vouched_refusals(self.asked))
        shown = {item.offer for item in self.asked if isinstance(item.answer, Accepted) or item in vouched}
        return not self.deviations and all(expectation.offer in shown for expectation in self.expected)

    @property
    def deviations(self) -> tuple[Asked, ...]:
        """The answers that differ from what was expected. An offer without an answer, or with a doubtful one, is none of them."""
        return deviations(self.expected, self.asked)


def deviations(expected: Sequence[Expectation], asked: Sequence[Asked]) -> tuple[Asked, ...]:
    """Return the answers that differ from what was expected. An offer without an answer, or with a doubtful one, is none of them."""
    wanted = {expectation.offer: expectation.accepted for expectation in expected}
    vouched = set(vouched_refusals(asked))
    found = []
    for item in asked:
        if item.offer not in wanted:
            continue
        refused = isinstance(item.answer, Refused) and (item in vouched or item.answer.alert in ABOUT_THE_OFFER)
        if (isinstance(item.answer, Accepted) and not wanted[item.offer]) or (refused and wanted[item.offer]):
            found.append(item)
    return tuple(found)
