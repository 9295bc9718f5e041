"""The sets that a scan searches to their end: versions, suites, groups; and which questions would tell more of them.

Every method yields questions that may be asked now, the best first, and none where there is nothing to learn at the moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Refused
from mailtls.tls.curve import curve_of
from mailtls.tls.knowledge import OLDER
from mailtls.tls.questions import (
    ANOTHER_13,
    ANOTHER_GROUP,
    BEARS_THESE,
    BOTH_NEW,
    FIELDS_NAMED,
    ONE_OF_THESE_GROUPS,
    SPEAKS_13,
    V12,
    V13,
    WHOSE_CURVES,
    WHOSE_ORDER,
    Question,
    after_the_next,
    another,
    another_curve,
    offer_13,
    offer_older,
    one_of_these,
    portion,
)
from mailtls.tls.refusals import is_borne
from mailtls.tls.suites import FIELDS, FIRST_OFFER, groups_before_13, groups_of_13, key_exchange, needs_group, offerable, strength

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mailtls.tls.knowledge import Knowledge
    from mailtls.tls.questions import Out

    Questions = Iterator[Question]

VERSIONS_BELOW = "older versions"
"""The line of questions about which versions before TLS 1.3 are spoken."""
_LIKELY_13 = frozenset({0x1301, 0x1302, 0x1303})
_LIKELY_GROUPS = (29, 23, 24)
"""Most servers have these, the first most often; and who has X448, which is 30, has P-521 as well."""


class Search:
    """The questions about sets."""

    def __init__(self, known: Knowledge, out: Out, stuck: Collection[str]) -> None:
        """Begin.

        Args:
            known: what was answered.
            out: what is being asked.
            stuck: lines of questions that one was not answered of.

        """
        self._known, self._out, self._stuck = known, out, stuck

    # Versions, and whose order counts.

    def best(self) -> Questions:
        """Ask which is the best version of TLS 1.3 and of those before it."""
        if (V13, SPEAKS_13) not in self._known.last and not self._out.has(SPEAKS_13):
            yield Question(offer_13(offerable(V13), groups_of_13(), SPEAKS_13), SPEAKS_13)
        if not self._known.older:
            yield from self._is_spoken(V12)

    def below(self) -> Questions:
        """Ask whether anything is spoken below the lowest version that is known to be; with all suites, once the server bears them."""
        older = self._known.older
        if older and older[-1] != OLDER[0] and not self.awaits_order(older[0]):
            yield from self._is_spoken(OLDER[OLDER.index(older[-1]) - 1])

    def _is_spoken(self, version: str) -> Questions:
        untried = self._known.untried(version)
        if untried and version not in self._known.not_spoken and not self._out.of(VERSIONS_BELOW):
            suites = untried if self._known.bears_many else untried[:FIRST_OFFER]
            words = f"is {version} spoken, or anything below it?"
            yield Question(offer_older(version, suites, words), VERSIONS_BELOW, frozenset(suites))

    def awaits_order(self, version: str) -> bool:
        """Whether it must first be asked whose order counts in a version, and whether it bears many suites."""
        if (version, WHOSE_ORDER) in self._known.last or _order_of(version) in self._stuck:
            return False
        if not self._known.bears_many:
            return True
        seen = [ours for each in self._known.older if (ours := self._known.follows_us(each)) is not None]
        return self._known.follows_us(version) is None and not (seen and not seen[0])

    def orders(self) -> Questions:
        """Ask for everything that was not accepted yet, with what was chosen first at the end."""
        for version in self._known.older:
            line = _order_of(version)
            if self._known.unseen(version) and self.awaits_order(version) and not self._out.of(line):
                found = self._known.accepted[version]
                # What was refused, too, as it had to be asked for in small offers: it shows that a long one is bearable.
                suites = (*(code for code in offerable(version) if code not in found), next(iter(found)))
                offer = offer_older(version, suites, WHOSE_ORDER, self._curves_of(version), weak_first=True)
                yield Question(offer, line, frozenset(self._known.unseen(version)))

    def _curves_of(self, version: str) -> list[int]:
        """Return all curves, those that were not seen yet first."""
        return sorted(groups_before_13(), key=self._known.groups.get(version, ()).__contains__)

    # Suites and groups of TLS 1.3.

    def of_13(self) -> Questions:
        """Ask about both together, as long as both can be new; a server that follows our order is always offered new ones first."""
        if V13 not in self._known.accepted:
            return
        taken, taken_groups = self._out.taken(V13), self._out.taken_groups(V13)
        suites = [code for code in self._known.unseen(V13) if code not in taken]
        groups = [code for code in self._known.unseen_groups(V13, groups_of_13()) if code not in taken_groups]
        likely = [code for code in suites if code in _LIKELY_13]
        ours = self._known.follows_us(V13)
        if not ours and self._both_can_be_new():
            if not self._out.has(BOTH_NEW):
                # The one chosen first stands at the end of the second offer, and shows whose order counts.
                last = () if (V13, BOTH_NEW) in self._known.last else tuple(self._known.accepted[V13])
                yield Question(offer_13((*suites, *last), groups, BOTH_NEW), BOTH_NEW, frozenset(suites), frozenset(groups))
            return
        is_first = not self._out.of(ANOTHER_GROUP)
        some = portion(groups, self._likely_groups(V13, groups), is_first=is_first)
        if some:
            fresh = [] if not ours else likely[:1] or (suites if self._may_be_accepted(suites) else [])
            words = ANOTHER_GROUP if is_first else ONE_OF_THESE_GROUPS
            offer = offer_13((*fresh, *self._known.accepted[V13]), some, words)
            yield Question(offer, ANOTHER_GROUP, frozenset(fresh), frozenset(some))
        elif suites and not groups and not self._out.has(ANOTHER_13):
            yield Question(offer_13(suites, groups_of_13(), ANOTHER_13), ANOTHER_13, frozenset(suites))

    def _both_can_be_new(self) -> bool:
        """Whether a new suite of TLS 1.3 and a new group may be had in one answer."""
        last = self._known.last.get((V13, BOTH_NEW))
        if last is not None and not isinstance(last.answer, Accepted):
            return False
        return bool(self._known.unseen_groups(V13, groups_of_13())) and not _LIKELY_13.isdisjoint(self._known.unseen(V13))

    def _may_be_accepted(self, suites: Collection[int]) -> bool:
        """Whether no known suite of TLS 1.3 was chosen where all of these stood before it, and our order counts."""
        answers = [(i.offer.cipher_suites, i.answer) for i in self._known.asked]
        taken = [(offered, a.cipher_suite) for offered, a in answers if isinstance(a, Accepted) and a.version == V13]
        return not any(chosen not in suites and set(offered) >= set(suites) for offered, chosen in taken)

    def _likely_groups(self, version: str, unseen: Collection[int]) -> list[int]:
        if self._known.was_refused(version, ONE_OF_THESE_GROUPS):
            return []
        likely = (*_LIKELY_GROUPS, 25) if 30 in self._known.groups.get(version, ()) else _LIKELY_GROUPS
        return [code for code in likely if code in unseen]

    # Curves and fields before TLS 1.3.

    def curves(self) -> Questions:
        """Ask for curves that were not seen yet, with suites that are known to be accepted, and new ones before them."""
        version = next(iter(self._known.older), "SSLv3")
        if version == "SSLv3" or self.awaits_order(version):
            return
        known = [answer for code, answer in self._known.accepted[version].items() if needs_group(code)]
        taken = self._out.taken_groups(version)
        unseen = [code for code in self._known.unseen_groups(version, groups_before_13()) if code not in taken]
        if not known or not unseen:
            return
        # An ECDSA suite may need its certificate's curve in the list: then that curve is the worse witness.
        sure = [a.cipher_suite for a in known if key_exchange(a.cipher_suite).authentication != "ECDSA"]
        own = None if sure else curve_of(known[0].chain)
        if self._was_in_vain(version, unseen, own):
            yield from self._whose_curves(version, [a.cipher_suite for a in known], unseen, own)
            return
        line = another_curve(version)
        is_first = not self._out.of(line)
        some = portion(unseen, self._likely_groups(version, unseen) if sure else (), is_first=is_first)
        if some:
            fresh = self._riders(version, "curve")
            suites = (*fresh, *(sure or [a.cipher_suite for a in known]))
            groups = some if own is None or own in some else (*some, own)
            offer = offer_older(version, suites, line if is_first else ONE_OF_THESE_GROUPS, groups, weak_first=True)
            yield Question(offer, line, frozenset(fresh), frozenset(some))

    def _whose_curves(self, version: str, suites: list[int], unseen: Sequence[int], own: int | None) -> Questions:
        """Put the certificate's curve, which must be in the list, before one that was chosen over it, and behind all that were not seen.

        A server that now chooses it follows our order of curves, and so takes none of those that stand before it.
        """
        other = next((code for code in self._known.groups[version] if code not in (own, *FIELDS)), None)
        was_asked = (version, WHOSE_CURVES) in self._known.last or self._out.has(WHOSE_CURVES)
        if own in self._known.groups[version] and other is not None and not was_asked:
            offer = offer_older(version, suites, WHOSE_CURVES, (*unseen, own, other), weak_first=True)
            yield Question(offer, another_curve(version), groups=frozenset(unseen))

    def _was_in_vain(self, version: str, unseen: Collection[int], own: int | None) -> bool:
        """Whether the last answer about curves neither showed a new one nor excluded any."""
        last = self._known.last.get((version, another_curve(version)))
        if last is None:
            return False
        if isinstance(last.answer, Accepted):
            return last.answer.group == own
        return not set(unseen).isdisjoint(last.offer.groups)

    def _riders(self, version: str, kind: str) -> list[int]:
        """Return suites that a question about something else may bring to light: half of the likely ones of a kind, else all of them."""
        if not self._known.follows_us(version):
            return []
        taken = self._out.taken(version)
        fresh = [code for code in self._known.unseen(version) if code not in taken and getattr(key_exchange(code), kind)]
        likely = [code for code in fresh if code in self._known.likely(version)]
        return likely[: (len(likely) + 1) // 2] or fresh

    def fields(self) -> Questions:
        """Ask for the named finite fields, one after the other, until the server refuses, or comes with a prime of its own."""
        version = next(iter(self._known.older), "SSLv3")
        if version == "SSLv3" or self.awaits_order(version) or self._out.has(FIELDS_NAMED):
            return
        last = self._known.last.get((version, FIELDS_NAMED))
        unseen = self._known.unseen_groups(version, FIELDS)
        known = sorted((code for code in self._known.accepted[version] if key_exchange(code).field), key=strength, reverse=True)
        if known and unseen and (last is None or (isinstance(last.answer, Accepted) and last.answer.group in FIELDS)):
            fresh = self._riders(version, "field")[: FIRST_OFFER - 1]
            suites = (*fresh, *known)[:FIRST_OFFER]
            offer = offer_older(version, suites, FIELDS_NAMED, (*groups_before_13(), *unseen), weak_first=True)
            yield Question(offer, FIELDS_NAMED, frozenset(fresh))

    # Suites before TLS 1.3.

    def suites(self) -> Questions:
        """Ask for suites that were not seen yet, until all of them are refused."""
        for version in self._known.older:
            if self.awaits_order(version) or not self._known.unseen(version):
                continue
            order = self._known.last.get((version, WHOSE_ORDER))
            if order is not None and isinstance(order.answer, Refused):
                yield from self._in_small_offers(version)
            elif self._known.follows_us(version):
                yield from self._in_parts(version)
            else:
                yield from self._in_their_order(version)

    def _in_parts(self, version: str) -> Questions:
        """Ask for what is not being asked for yet: everything that is unlikely first, and meanwhile for parts of what is likely."""
        line, taken = another(version), self._out.taken(version)
        is_first = not self._out.of(line)
        # One part of which nothing was accepted shows that this server does not keep to the rules that most follow.
        guess = frozenset() if self._known.was_refused(version, one_of_these(version)) else self._known.likely(version) - taken
        if is_first or guess:
            unseen = [code for code in self._known.unseen(version) if code not in taken]
            some = portion(unseen, sorted(guess, key=strength, reverse=True), is_first=is_first)
            if some:
                offer = offer_older(
                    version, some, line if is_first else one_of_these(version), self._curves_of(version), weak_first=True
                )
                yield Question(offer, line, frozenset(some))

    def _in_their_order(self, version: str) -> Questions:
        """Ask for everything, one question after the other."""
        line, unseen = another(version), self._known.unseen(version)
        if not self._out.of(line):
            suites = (*unseen, *self._known.unplaced(version))
            yield Question(offer_older(version, suites, line, weak_first=True), line, frozenset(unseen))

    def guesses(self) -> Questions:
        """While everything is being asked for, ask for everything but what probably comes next: the answer is the one after that.

        All of these are asked at one state of knowledge. Where the guess is wrong, both answers are the same, and one was in vain.
        """
        for version in self._known.older:
            line, unseen = another(version), self._known.unseen(version)
            out = self._out.of(line)
            if out and self._known.follows_us(version) is False and out[0].offer.cipher_suites == unseen:
                guesses = self._known.next_in_order(version)
                if len(guesses) >= len(out):
                    rest = tuple(code for code in unseen if code not in guesses[: len(out)])
                    yield Question(offer_older(version, rest, after_the_next(version), weak_first=True), line, frozenset(rest))

    def _in_small_offers(self, version: str) -> Questions:
        """Do the same for a server that does not bear the long offer; each short one is first shown to be bearable."""
        line = another(version)
        if self._out.of(line):
            return
        pool, known = offerable(version), next(iter(self._known.accepted[version]))
        borne = [i.offer for i in self._known.asked if isinstance(i.answer, Accepted) and i.offer.is_plain]
        for start in range(0, len(pool), FIRST_OFFER - 1):
            chunk = set(pool[start : start + FIRST_OFFER - 1])
            unseen = tuple(code for code in self._known.unseen(version) if code in chunk)
            offer = offer_older(version, unseen, line, weak_first=True)
            if unseen and is_borne(offer, borne):
                yield Question(offer, line, frozenset(unseen))
            elif unseen and not self._was_too_much(version, unseen):
                yield Question(offer_older(version, (*unseen, known), BEARS_THESE, weak_first=True), line, frozenset(unseen))

    def _was_too_much(self, version: str, unseen: Sequence[int]) -> bool:
        """Whether an offer of these suites was refused although one that is accepted was among them."""
        asked = [i for i in self._known.asked if i.offer.version == version and i.offer.question == BEARS_THESE]
        return any(isinstance(i.answer, Refused) and set(i.offer.cipher_suites) >= set(unseen) for i in asked)

    # How far it is.

    def is_all_out(self) -> bool:
        """Whether nothing is to be found any more but by what is being asked."""
        older = self._known.older
        if any(map(self.awaits_order, older)) or self._out.of(VERSIONS_BELOW) or self._out.of(SPEAKS_13):
            return False
        return not any(map(self.is_open, (V13, *older)))

    def is_open(self, version: str) -> bool:
        """Whether suites of a version are neither known nor being asked for, and may still be asked for."""
        line = ANOTHER_13 if version == V13 else another(version)
        if version not in self._known.accepted or line in self._stuck:
            return False
        return not self._out.taken(version).issuperset(self._known.unseen(version))


def _order_of(version: str) -> str:
    return f"order of {version}"
