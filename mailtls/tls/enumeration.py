"""Which hello next? Everything that a server accepts, learnt in the fewest connections.

Sans-I/O and deterministic: :meth:`Enumeration.next_offer` says what to ask, :meth:`Enumeration.learn` takes the answer, and a test
plays a whole scan from a list. Several offers may be out at once; each line of questions is a generator of its own.

Why so few connections suffice:

- Each answer proves one suite, so the least is one connection for each accepted suite of a version, and one refusal that closes the set.
- A hello of TLS 1.3 without a key share is answered with a suite and a group together. Before 1.3 the key exchange names the group,
  the size of the prime and the signature scheme of the very suite that it proves, and certificates come along.
- A refused hello of TLS 1.1 excludes everything below it as well.
- A second hello that lists the suite chosen first at its end shows whether the server follows our order; where it does, the next
  answer is a new one all the same. It also shows that more than 64 suites are bearable.

An interrupted scan goes on where it stopped: what is known already is given at the start, and is not asked again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Asked, HelloOffer, Refused, Silent
from mailtls.model import Stage
from mailtls.tls.curve import curve_of
from mailtls.tls.names import ABOUT_THE_OFFER, VERSIONS
from mailtls.tls.order import choices, follows_us
from mailtls.tls.refusals import vouched_refusals
from mailtls.tls.suites import (
    FIELDS,
    FIRST_OFFER,
    SCHEMES,
    SCHEMES_13,
    WEAK_SCHEMES,
    groups_before_13,
    groups_of_13,
    key_exchange,
    needs_group,
    offerable,
    strength,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from mailtls.hellos import Answer

    Questions = Generator[HelloOffer, Answer, None]
    Question = Generator[HelloOffer, Answer, Answer]

LARGE = 2_048
"""Octets of a hello that is larger than one segment of the usual network; post-quantum key shares make them so."""
MAX_UNANSWERED = 3
"""After so many hellos without an answer nothing more is asked."""
MAX_REPEATED = 16
"""Refusals that lack what vouches for them and are asked for once more."""
_LIKELY_13 = frozenset({0x1301, 0x1302, 0x1303})
_PROTOCOL_VERSION = 70


def _offer_13(suites: Sequence[int], groups: Sequence[int], question: str) -> HelloOffer:
    return HelloOffer("TLSv1.3", tuple(suites), tuple(groups), SCHEMES_13, question=question)


class _Unanswered(Exception):  # noqa: N818 - it names what happened
    """A hello was not answered; the line of questions that it belongs to cannot go on."""


class Enumeration:
    """One scan of one server."""

    def __init__(self, known: Iterable[Asked] = ()) -> None:
        """Begin, or go on.

        Args:
            known: offers and answers of the same server from before an interruption; offers that got no answer are asked again.

        """
        self.asked: list[Asked] = []
        self.interrupted: Silent | None = None
        self._accepted: dict[str, dict[int, Accepted]] = {}
        self._groups: dict[str, list[int]] = {}
        self._schemes: list[int] = []
        self._bears_many = False
        self._unanswered = 0
        self._later = deque((self._last_questions, self._doubts))
        self._ready: deque[tuple[Questions, HelloOffer]] = deque()
        self._out: dict[HelloOffer, list[Questions]] = {}
        for questions in (self._of_13(), self._older("TLSv1.2", is_best=True)):
            self._start(questions)
        known = tuple(known)
        vouched = set(vouched_refusals(known))  # by answers of the same visit: those of another day speak for that day
        for item in known:
            if not isinstance(item.answer, Refused) or item in vouched:
                self._remember(item)

    def next_offer(self) -> HelloOffer | None:
        """Return an offer to make now; ``None`` where all there is to do is to wait for answers, or nothing is left to ask."""
        if self.interrupted is not None or not self._anything_ready():
            return None
        questions, offer = self._ready.popleft()
        self._out.setdefault(offer, []).append(questions)
        return offer

    def _anything_ready(self) -> bool:
        while not self._ready and not self._out and self._later:
            self._start(self._later.popleft()())
        return bool(self._ready)

    def _remember(self, asked: Asked) -> None:
        """Take an answer from before an interruption, in the order of then, so that the same questions follow from it."""
        if isinstance(asked.answer, Silent) or not self._anything_ready():
            return
        for place, (questions, offer) in enumerate(self._ready):
            if offer == asked.offer:
                del self._ready[place]
                self._note(asked)
                self._go_on(questions, asked.answer)
                return

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to ask, or the scan was interrupted and no answer is awaited any more."""
        return not self._out and (self.interrupted is not None or (not self._later and not self._ready))

    @property
    def is_complete(self) -> bool:
        """Whether every question was asked, so that nothing is to be gained by going on."""
        return self.is_done and self.interrupted is None

    def learn(self, asked: Asked) -> None:
        """Take an answer to an offer that :meth:`next_offer` returned. Raises ``KeyError`` for any other offer."""
        questions = self._out[asked.offer].pop()
        if not self._out[asked.offer]:
            del self._out[asked.offer]
        self._note(asked)
        if isinstance(asked.answer, Silent):
            self._unanswered += 1
            if asked.answer.stage is not Stage.HELLO or self._unanswered >= MAX_UNANSWERED:
                self.interrupted = asked.answer
                return
        self._go_on(questions, asked.answer)

    # How lines of questions are run.

    def _start(self, questions: Questions) -> None:
        self._go_on(questions, None)

    def _go_on(self, questions: Questions, answer: Answer | None) -> None:
        """Run a line of questions up to its next offer."""
        try:
            offer = next(questions) if answer is None else questions.send(answer)
        except (StopIteration, _Unanswered):
            return
        self._ready.append((questions, offer))

    def _note(self, asked: Asked) -> None:
        self.asked.append(asked)
        answer = asked.answer
        if isinstance(answer, Accepted):
            self._accepted.setdefault(answer.version, {}).setdefault(answer.cipher_suite, answer)
            groups = self._groups.setdefault(answer.version, [])
            if answer.group is not None and answer.group not in groups:
                groups.append(answer.group)
            if answer.signature_scheme is not None and answer.signature_scheme not in self._schemes:
                self._schemes.append(answer.signature_scheme)
            if len(asked.offer.cipher_suites) > FIRST_OFFER:
                self._bears_many = True

    def _ask(self, offer: HelloOffer) -> Question:
        """Ask, and ask again at once where the answer is a close, or an alert that any fault may lead to."""
        answer = yield offer
        if isinstance(answer, Refused) and answer.alert not in ABOUT_THE_OFFER:
            answer = yield offer
        if isinstance(answer, Silent):
            raise _Unanswered
        return answer

    # What is known, and what is not.

    def _unseen(self, version: str, pool: Sequence[int]) -> tuple[int, ...]:
        seen = self._accepted.get(version, {})
        return tuple(code for code in pool if code not in seen)

    def _unseen_groups(self, version: str, pool: Sequence[int]) -> tuple[int, ...]:
        return tuple(code for code in pool if code not in self._groups.get(version, ()))

    def _offer(self, version: str, suites: Sequence[int], question: str, groups: Sequence[int] | None = None) -> HelloOffer:
        """Make an offer of a version before 1.3: with all groups, and with the signature schemes that were not seen yet first."""
        if groups is None:
            # Without the named fields: a server that has none of them must then refuse DHE (RFC 7919 section 4).
            groups = groups_before_13()
        if version == "SSLv3":
            return HelloOffer(version, tuple(suites), question=question)
        schemes: tuple[int, ...] = ()
        if version == "TLSv1.2":
            schemes = (*(s for s in SCHEMES if s not in self._schemes), *(s for s in SCHEMES if s in self._schemes))
        return HelloOffer(version, tuple(suites), tuple(groups), schemes, question=question)

    # The lines of questions.

    def _sslv2(self) -> Questions:
        yield from self._ask(HelloOffer("SSLv2", offerable("SSLv2"), question="is SSLv2 spoken?"))

    def _of_13(self) -> Questions:
        """Ask about suites and groups of TLS 1.3 together, as long as both can be new; then about each alone."""
        version, suites, groups = "TLSv1.3", offerable("TLSv1.3"), groups_of_13()
        answer = yield from self._ask(_offer_13(suites, groups, "is TLS 1.3 spoken?"))
        if not isinstance(answer, Accepted):
            return
        last: tuple[int, ...] = (answer.cipher_suite,)  # the one chosen first stands at the end of the second offer, and shows whose order counts
        while _LIKELY_13 & set(self._unseen(version, suites)) and (fresh := self._unseen_groups(version, groups)):
            offer = _offer_13((*self._unseen(version, suites), *last), fresh, "another suite with another group?")
            answer = yield from self._ask(offer)
            if not isinstance(answer, Accepted):
                break
            last = ()
        self._start(self._groups_of_13())
        while unseen := self._unseen(version, suites):
            answer = yield from self._ask(_offer_13(unseen, groups, "another suite?"))
            if not isinstance(answer, Accepted):
                break
        yield from self._settle_order(version)

    def _groups_of_13(self) -> Questions:
        while unseen := self._unseen_groups("TLSv1.3", groups_of_13()):
            answer = yield from self._ask(_offer_13(tuple(self._accepted["TLSv1.3"]), unseen, "another group?"))
            if not isinstance(answer, Accepted):
                return

    def _older(self, version: str, *, is_best: bool) -> Questions:
        """Find the best version from this one down, then all of its suites; whatever lies below it is a line of its own."""
        pool = offerable(version)
        size = len(pool) if self._bears_many else FIRST_OFFER
        answer: Answer | None = None
        for start in range(0, len(pool), size):
            chunk = pool[start : start + size]
            answer = yield from self._ask(self._offer(version, chunk, f"is {version} spoken, or anything below it?"))
            if isinstance(answer, Accepted) or (isinstance(answer, Refused) and answer.alert == _PROTOCOL_VERSION):
                break
        if not isinstance(answer, Accepted):
            return
        spoken = answer.version
        if spoken != "SSLv3":
            self._start(self._older(VERSIONS[VERSIONS.index(spoken) - 1], is_best=False))
        yield from self._suites_of(spoken, answer.cipher_suite, is_best=is_best)

    def _suites_of(self, version: str, first: int, *, is_best: bool) -> Questions:
        pool = offerable(version)
        answer: Answer | None = None
        ours = follows_us(self.asked)
        if ours is not False or not self._bears_many:
            # The first choice at the end: one answer about our order, and about long offers.
            answer = yield from self._ask(self._offer(version, (*self._unseen(version, pool), first), "is there another, and whose order counts?"))
            if not isinstance(answer, Accepted):
                yield from self._in_small_offers(version, pool)
                return
            ours = follows_us(self.asked)
        unranked = (first,) if not ours and self._first_choice_is_open(version, first) else ()
        if not is_best:
            yield from self._exhaust(version, pool, unranked)
            yield from self._settle_order(version)
            return
        if ours and any(not needs_group(code) for code in self._accepted[version]):
            # Two lines at once: with our order known to count, none is needed for the server's.
            self._start(self._over_curves(version, tuple(code for code in pool if needs_group(code))))
            yield from self._exhaust(version, tuple(code for code in pool if not needs_group(code)))
            yield from self._settle_order(version)
        elif ours:
            yield from self._over_curves(version, pool)
            yield from self._settle_order(version)
        else:
            if has_curves := any(needs_group(code) for code in self._accepted[version]):
                self._start(self._curves(version, ()))
            yield from self._exhaust(version, pool, unranked)
            yield from self._settle_order(version)
            if not has_curves:
                yield from self._curves(version, ())

    def _first_choice_is_open(self, version: str, first: int) -> bool:
        """Whether the suite that was chosen first was chosen from the usual ones alone, and others may stand before it."""
        answers = [(i.offer, i.answer) for i in self.asked if isinstance(i.answer, Accepted)]
        sizes = [len(offer.cipher_suites) for offer, a in answers if (a.version, a.cipher_suite) == (version, first)]
        return max(sizes) < len(offerable(version)) - len(self._accepted[version])

    def _exhaust(self, version: str, pool: Sequence[int], unranked: tuple[int, ...] = ()) -> Questions:
        """Offer what was not accepted yet, again and again, until it is refused; with what has no place in the server's order yet."""
        while unseen := self._unseen(version, pool):
            answer = yield from self._ask(self._offer(version, (*unseen, *unranked), f"another suite of {version}?"))
            if not isinstance(answer, Accepted) or answer.version != version:
                return
            unranked = tuple(code for code in unranked if code != answer.cipher_suite)

    def _settle_order(self, version: str) -> Questions:
        """Turn our order round, where all that was chosen could have been by our order or by the server's own."""
        found = tuple(self._accepted[version])
        if len(found) < 2 or follows_us(self.asked, version) is not None:
            return
        first, second = next(iter(sorted(choices(self.asked, version))), found[:2])
        turned = (second, *(code for code in found if code not in (first, second)), first)
        question = "does it still choose the same, when our order is turned round?"
        offer = _offer_13(turned, groups_of_13(), question) if version == "TLSv1.3" else self._offer(version, turned, question)
        yield from self._ask(offer)

    def _in_small_offers(self, version: str, pool: Sequence[int]) -> Questions:
        """Do the same for a server that does not bear the long offer; each short one is first shown to be bearable."""
        known = next(iter(self._accepted[version]))
        for start in range(0, len(pool), FIRST_OFFER - 1):
            chunk = pool[start : start + FIRST_OFFER - 1]
            offer = (*self._unseen(version, chunk), known)
            answer = yield from self._ask(self._offer(version, offer, "does it bear these, with one that it accepts?"))
            if isinstance(answer, Accepted):
                yield from self._exhaust(version, chunk)
        yield from self._curves(version, ())

    def _over_curves(self, version: str, pool: Sequence[int]) -> Questions:
        """Ask for new suites with new curves as long as there are any, then for new suites with any curve."""
        if not any(needs_group(code) for code in self._accepted[version]):
            answer = yield from self._ask(self._offer(version, self._unseen(version, pool), f"another suite of {version}?"))
            if not isinstance(answer, Accepted):
                return
        yield from self._curves(version, pool)
        yield from self._exhaust(version, pool)

    def _curves(self, version: str, pool: Sequence[int]) -> Questions:
        """Ask for curves that were not seen yet, with suites that are known to be accepted, and new ones before them."""
        while unseen := self._unseen_groups(version, groups_before_13()):
            known = [answer for code, answer in self._accepted[version].items() if needs_group(code)]
            if not known:
                return
            # An ECDSA suite may need its certificate's curve in the list: then that curve is the worse witness.
            sure = [a.cipher_suite for a in known if key_exchange(a.cipher_suite).authentication != "ECDSA"]
            groups = unseen if sure else (*unseen, *(c for a in known[:1] if (c := curve_of(a.chain)) is not None and c not in unseen))
            fresh = tuple(code for code in self._unseen(version, pool) if needs_group(code))
            suites = (*fresh, *(sure or [a.cipher_suite for a in known]))
            before = len(unseen)
            answer = yield from self._ask(self._offer(version, suites, f"another curve of {version}?", groups))
            if not isinstance(answer, Accepted) or len(self._unseen_groups(version, groups_before_13())) == before:
                return

    def _last_questions(self) -> Questions:
        """Ask what needs to know the rest, or may hang: SSLv2, weak signatures, fallback, intolerances.

        The last answer vouches for every refusal before it.
        """
        self._start(self._sslv2())
        older = [v for v in reversed(VERSIONS[:-1]) if v in self._accepted and v != "SSLv2"]
        if older:
            best = older[0]
            known = tuple(sorted(self._accepted[best], key=strength, reverse=True))
            self._start(self._weak_signatures(best, known))
            self._start(self._fields(best, known))
            if "TLSv1.3" in self._accepted:
                self._start(self._fallback(best, known))
            elif len(older) > 1:
                self._start(self._fallback(older[1], tuple(self._accepted[older[1]])))
        self._start(self._tolerance())
        yield from ()

    def _plain(self) -> HelloOffer | None:
        """Return an offer of what was accepted before, in the best version; ``None`` where nothing was."""
        question = "does it accept what it accepted before?"
        older = [v for v in reversed(VERSIONS[1:-1]) if v in self._accepted]
        if older:
            return self._offer(older[0], sorted(self._accepted[older[0]], key=strength, reverse=True)[:FIRST_OFFER], question)
        return _offer_13(tuple(self._accepted["TLSv1.3"]), groups_of_13(), question) if "TLSv1.3" in self._accepted else None

    def _doubts(self) -> Questions:
        """Ask again what was refused and nothing vouches for yet, apart from the first time, and end with an offer that is accepted."""
        plain = self._plain()
        if plain is None:
            return
        control = next(item for item in self.asked if isinstance(item.answer, Accepted))
        for _ in range(2):
            vouched = set(vouched_refusals([*self.asked, control]))  # as it will be, once the last offer is accepted
            doubtful = dict.fromkeys(i.offer for i in self.asked if isinstance(i.answer, Refused) and i not in vouched)
            if doubtful and not isinstance(self.asked[-1].answer, Accepted):
                yield from self._ask(plain)
            for offer in list(doubtful)[:MAX_REPEATED]:
                if isinstance((yield offer), Silent):
                    raise _Unanswered
        if not isinstance(self.asked[-1].answer, Accepted):
            yield from self._ask(plain)

    def _weak_signatures(self, version: str, known: Sequence[int]) -> Questions:
        signed = tuple(code for code in known if key_exchange(code).signed)
        if version == "TLSv1.2" and signed:
            groups = groups_before_13()
            question = "does it sign with SHA-1 or MD5, where nothing better is offered?"
            yield from self._ask(HelloOffer(version, signed[:FIRST_OFFER], groups, WEAK_SCHEMES, question=question))

    def _fields(self, version: str, known: Sequence[int]) -> Questions:
        """Ask for the named finite fields, one after the other, until the server refuses, or comes with a prime of its own."""
        over_fields = tuple(code for code in known if key_exchange(code).field)[:FIRST_OFFER]
        while over_fields and version != "SSLv3" and (unseen := self._unseen_groups(version, FIELDS)):
            groups = (*groups_before_13(), *unseen)
            answer = yield from self._ask(self._offer(version, over_fields, "does it use the named finite fields?", groups))
            if not isinstance(answer, Accepted) or answer.group not in unseen:
                return

    def _fallback(self, version: str, known: Sequence[int]) -> Questions:
        plain = self._offer(version, known[:FIRST_OFFER], "does it refuse a fallback?")
        yield from self._ask(replace(plain, fallback=True))

    def _tolerance(self) -> Questions:
        plain = self._plain()
        if plain is None:
            return
        for name in ("none", "odd"):
            question = f"does it bear a hello with {'no' if name == 'none' else 'an odd'} server name?"
            yield from self._ask(replace(plain, server_name=name, question=question))
        both = replace(plain, size=LARGE, grease=True, question="does it bear a large hello, and unknown values?")
        answer = yield from self._ask(both)
        if not isinstance(answer, Accepted):
            yield from self._ask(replace(plain, size=LARGE, question="does it bear a large hello?"))
            yield from self._ask(replace(plain, grease=True, question="does it bear unknown values?"))
