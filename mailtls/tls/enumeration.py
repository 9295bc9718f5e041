"""Which hello next? Everything that a server accepts, learnt in the fewest connections.

Sans-I/O and deterministic: :meth:`Enumeration.next_offer` says what to ask, :meth:`Enumeration.learn` takes the answer, and a test
plays a whole scan from a list. The next question follows from what was answered and from what is being asked, and from nothing else.
So an interrupted scan goes on where it stopped, given its answers; and whoever asks decides how many questions are out at once.

Why so few connections suffice:

- Each answer proves one suite, so the least is one connection for each accepted suite of a version, and one refusal that closes the set.
- A hello of TLS 1.3 without a key share is answered with a suite and a group together. Before 1.3 the key exchange names the group,
  the size of the prime and the signature scheme of the very suite that it proves, and certificates come along. So what is asked about
  groups, primes and signatures is asked with suites that may be new.
- A refused hello of TLS 1.1 excludes everything below it as well.
- A second hello that lists the suite chosen first at its end shows whether the server follows our order; where it does, the next
  answer is a new one all the same. It also shows that more than 64 suites are bearable.
- Of a server that follows our order no suite is asked for twice at a time, so that no two answers are the same: one hello has all that
  is unlikely, and others a part of what is likely. The first is the last one, too, and closes the set.
- A server with an order of its own is asked for everything at once, one hello after the other, since that shows its order. Where the
  order repeats itself, the hello after the next is asked at the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Silent
from mailtls.model import Cause, Stage
from mailtls.tls.kept import Kept
from mailtls.tls.knowledge import Knowledge
from mailtls.tls.questions import Out
from mailtls.tls.refusals import vouched_refusals
from mailtls.tls.rest import DOUBTS, Rest
from mailtls.tls.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailtls.hellos import Asked, HelloOffer
    from mailtls.tls.questions import Question

MAX_UNANSWERED = 3
"""After so many hellos without an answer nothing more is asked."""


class Enumeration:
    """One scan of one server."""

    def __init__(self, known: Iterable[Asked] = (), *, in_haste: bool = False) -> None:
        """Begin, or go on.

        Args:
            known: offers and answers of the same server from before an interruption; offers that got no answer are asked again.
            in_haste: whether time counts for more than a few connections: then the order of a server that has one is guessed at.

        """
        self.interrupted: Silent | None = None
        self._in_haste = in_haste
        self._known, self._out, self._stuck = Knowledge(), Out(), set[str]()
        self._search = Search(self._known, self._out, self._stuck)
        self._rest = Rest(self._known, self._out, self._search.is_open)
        self._unanswered, self._kept = 0, Kept()
        known = tuple(self._kept.within_bounds(item) for item in known)
        vouched = set(vouched_refusals(known))  # by answers of the same visit: those of another day speak for that day
        for item in known:
            if isinstance(item.answer, Accepted) or item in vouched:
                self._known.note(item)

    @property
    def asked(self) -> list[Asked]:
        """Offers and answers, in the order of the answers."""
        return self._known.asked

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to ask, or the scan was interrupted and no answer is awaited any more."""
        return not self._out and self._next() is None

    @property
    def is_complete(self) -> bool:
        """Whether every question was asked, so that nothing is to be gained by going on."""
        return self.is_done and self.interrupted is None

    def next_offer(self) -> HelloOffer | None:
        """Return an offer to make now; ``None`` where all there is to do is to wait for answers, or nothing is left to ask."""
        question = self._next()
        if question is None:
            return None
        self._rest.note(question)
        self._out.add(question)
        return question.offer

    def learn(self, asked: Asked) -> None:
        """Take an answer to an offer that :meth:`next_offer` returned. Raises ``KeyError`` for any other offer."""
        question = self._out.pop(asked.offer)
        if self.interrupted is not None and isinstance(asked.answer, Silent):
            return  # it was not asked any more; what is told of the scan is what interrupted it
        asked = self._kept.within_bounds(asked)
        self._known.note(asked)
        if isinstance(asked.answer, Silent):
            self._stuck.add(question.line)
            self._unanswered += 1
            too_much = asked.answer.cause is Cause.LIMIT_EXCEEDED  # whatever is asked next: a stranger decides not how much we keep
            if too_much or asked.answer.stage is not Stage.HELLO or self._unanswered >= MAX_UNANSWERED:
                self.interrupted = asked.answer

    def _next(self) -> Question | None:
        """Return the best question that can be asked now: what leads to the longest rows of questions comes first."""
        if self.interrupted is not None:
            return None
        search, rest = self._search, self._rest
        lines = (search.best, search.orders, search.curves, search.of_13, search.below, search.fields, search.suites, rest.once)
        for line in (*lines, search.guesses) if self._in_haste else lines:
            for question in line():
                if question.line not in self._stuck and question.offer not in self._known.settled:
                    return question
        if search.is_all_out():
            for question in rest.oddities():
                if question.line not in self._stuck:
                    return question
        return next((question for question in rest.doubts() if DOUBTS not in self._stuck), None)
