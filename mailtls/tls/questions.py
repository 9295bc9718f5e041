"""What a scan can ask: an offer and what it is about, and how what is being asked is kept from being asked twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.hellos import HelloOffer
from mailtls.tls.suites import SCHEMES, SCHEMES_13, WEAK_SCHEMES, groups_before_13

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

V13 = "TLSv1.3"
V12 = "TLSv1.2"

SPEAKS_13 = "is TLS 1.3 spoken?"
WHOSE_ORDER = "is there another, and whose order counts?"
BOTH_NEW = "another suite with another group?"
ANOTHER_13 = "another suite?"
ANOTHER_GROUP = "another group?"
ONE_OF_THESE_GROUPS = "another group, one of these?"
BEARS_THESE = "does it bear these, with one that it accepts?"
WHOSE_CURVES = "none of these curves, and whose order of curves counts?"
FIELDS_NAMED = "does it use the named finite fields?"
BY_NAME = "does it use a finite field where one is named?"
TURNED = "does it still choose the same, when our order is turned round?"
SSLV2 = "is SSLv2 spoken?"
WEAK_SIGNATURES = "does it sign with SHA-1 or MD5, where nothing better is offered?"
FALLBACK = "does it refuse a fallback?"
PLAIN = "does it accept what it accepted before?"


def another(version: str) -> str:
    """Return the words of a question for another suite of a version before 1.3; they name its line as well."""
    return f"another suite of {version}?"


def one_of_these(version: str) -> str:
    """Return the words of a question for one of some likely suites of a version before 1.3."""
    return f"another suite of {version}, one of these?"


def after_the_next(version: str) -> str:
    """Return the words of a question for all but those suites that are likely to be the server's next choice."""
    return f"another suite of {version}, after what may be the next?"


def another_curve(version: str) -> str:
    """Return the words of a question for another curve of a version before 1.3."""
    return f"another curve of {version}?"


@dataclass(frozen=True, slots=True)
class Question:
    """An offer and why it is made.

    Args:
        offer: to make.
        line: what it is about; where one is not answered, no more of its line are asked.
        suites: that no other question asks for meanwhile.
        groups: likewise.

    """

    offer: HelloOffer
    line: str
    suites: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()


class Out:
    """The questions that are being asked."""

    def __init__(self) -> None:
        self._questions: dict[HelloOffer, Question] = {}

    def __bool__(self) -> bool:
        return bool(self._questions)

    def __contains__(self, offer: HelloOffer) -> bool:
        return offer in self._questions

    def add(self, question: Question) -> None:
        """Note that a question is being asked."""
        self._questions[question.offer] = question

    def pop(self, offer: HelloOffer) -> Question:
        """Return the question of an offer, and note that it is answered. Raises ``KeyError`` where it was not asked."""
        return self._questions.pop(offer)

    def of(self, line: str) -> list[Question]:
        """Return the questions of a line."""
        return [question for question in self._questions.values() if question.line == line]

    def has(self, words: str) -> bool:
        """Whether a question with these words is being asked."""
        return any(offer.question == words for offer in self._questions)

    def taken(self, version: str) -> frozenset[int]:
        """Return the suites of a version that are being asked for."""
        return frozenset().union(*(q.suites for q in self._questions.values() if q.suites and q.offer.version == version))

    def taken_groups(self, version: str) -> frozenset[int]:
        """Return the groups of a version that are being asked for."""
        return frozenset().union(*(q.groups for q in self._questions.values() if q.groups and q.offer.version == version))


def portion(unseen: Sequence[int], likely: Sequence[int], *, is_first: bool) -> tuple[int, ...]:
    """Return what of a set to ask for next.

    The first question has all that is unlikely, and half of what is likely; each that is asked meanwhile has half of what then is left
    of the likely ones, those that are likeliest, which stand first in ``likely``.
    """
    half = set(likely[: (len(likely) + 1) // 2])
    if not is_first:
        return tuple(code for code in unseen if code in half)
    return tuple(code for code in unseen if code not in half) if len(likely) > 1 else tuple(unseen)


_WEAK_FIRST = (*WEAK_SCHEMES, *(code for code in SCHEMES if code not in WEAK_SCHEMES))


def offer_13(suites: Iterable[int], groups: Iterable[int], words: str) -> HelloOffer:
    """Make an offer of TLS 1.3."""
    return HelloOffer(V13, tuple(suites), tuple(groups), SCHEMES_13, question=words)


def offer_older(
    version: str, suites: Iterable[int], words: str, groups: Iterable[int] | None = None, *, weak_first: bool = False
) -> HelloOffer:
    """Make an offer of SSL 3.0 or a version of TLS before 1.3.

    Args:
        version: the highest offered.
        suites: in order.
        words: what it is about.
        groups: in order; all curves where they are not given, and no named field: a server that has none of those must then refuse
            DHE (RFC 7919 section 4).
        weak_first: whether the weak signature schemes stand first. A server that signs with them, and follows our order, then shows it
            without being asked. The order does not depend on what was seen, so that the same answers come whoever is faster.

    """
    if version == "SSLv3":
        return HelloOffer(version, tuple(suites), question=words)
    schemes = () if version != V12 else _WEAK_FIRST if weak_first else SCHEMES
    return HelloOffer(version, tuple(suites), tuple(groups_before_13() if groups is None else groups), schemes, question=words)
