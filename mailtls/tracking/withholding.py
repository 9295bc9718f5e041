"""What many unrelated operators seem to lose at once is held back, since the fault is likely to be ours: the part of the ledger that doubts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailtls.model import Cause
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.fresh import DNS
from mailtls.tracking.held_back import held_again
from mailtls.tracking.learning import inherited, withdraw
from mailtls.tracking.local_faults import AT_ONCE
from mailtls.tracking.pages import CONTROL, OF_HOST, Key, is_news
from mailtls.tracking.presence import Presence, attempted
from mailtls.tracking.standing import Event, Standing
from mailtls.tracking.told import Suspicion
from mailtls.tracking.votes import Attribution
from mailtls.tracking.whereabouts import Whereabouts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from mailtls.tracking.held_back import HeldBack
    from mailtls.tracking.pages import Kept
    from mailtls.tracking.standing import Sighting

BLIND = "this vantage cannot measure at all now: it is ours"
_OURS = "many unrelated operators seem to have lost it at once: it is ours"


class Withholding(Whereabouts):
    """Whereabouts that know what is held against this vantage, and hold it back."""

    def restore(self, subject: Subject, name: str, kept: Kept | None) -> None:
        """Take in what was stored, as :meth:`Pages.restore` does, and what it tells of local faults."""
        super().restore(subject, name, kept)
        presence = self.presences.get(subject)
        if presence is None or not presence.operator:
            return
        for check in [*self.standings.get(subject, ())] if isinstance(kept, Presence) else [name]:
            standing = self.standings.get(subject, {}).get(check)
            if standing is None or standing.baseline is None or not self._is_leaf(subject, check):
                continue
            seen = [] if standing.candidate is None else [standing.candidate.last]
            seen += [] if standing.held_back is None else [standing.held_back.latest.at]
            sense = subject.family if subject.address else DNS
            self.faults.met(sense, check, presence.operator, subject, standing.baseline.strength, max(seen, default=None))

    def absorb_controls(self, answers: Mapping[str, bool], now: datetime) -> tuple[Change, ...]:
        """Learn whether control domains could be reached, and return what changed.

        Args:
            answers: for each that was looked at whether it could.
            now: the time.

        """
        was_blind = self.faults.is_blind
        for name, answered in answers.items():
            kept = attempted(self.controls.get(name), now, "" if answered else Cause.UNREACHABLE.value)
            if is_news(self.controls.get(name), kept):
                self._changed.add((Subject(name), CONTROL))
            self._control(name, kept)
        return () if was_blind or not self.faults.is_blind else tuple(self._withdrawn(None, None, now, BLIND))

    def control_only(self, names: Collection[str]) -> None:
        """Drop the control domains but these."""
        for name in self.controls.keys() - set(names):
            self._control(name, None)
            self._changed.add((Subject(name), CONTROL))

    def held_back(self) -> dict[Key, HeldBack]:
        """Return the losses that are held back, at every level."""
        found = {(subject, check): self.standings[subject][check].held_back for subject, check in self._held_back}
        return {key: held for key, held in found.items() if held is not None}

    def disbelieved(self) -> dict[Key, HeldBack]:
        """Return what was seen, and not folded, and is held back and not believed yet."""
        return {key: held for key, held in self.held_back().items() if self._is_leaf(*key) and not held.is_believed}

    def suspicions(self, now: datetime) -> tuple[Suspicion, ...]:
        """Return what is held back now, and not believed yet, with at how many operators it seems to be lost."""
        found = []
        counted: dict[tuple[str, str, float], tuple[int, int]] = {}
        for (subject, check), held in self.held_back().items():
            baseline = self.standings[subject][check].baseline
            if baseline is None or held.is_believed or self.is_left_out(subject):
                continue
            either = ("ipv4", "ipv6") if check not in OF_HOST else (DNS,)
            senses = (subject.family,) if subject.family else (DNS,) if check in self._direct(subject) else either
            for sense in senses:
                if (sense, check, held.latest.strength) not in counted:
                    counted[sense, check, held.latest.strength] = self.faults.seem_lost(sense, check, held.latest.strength, now)
            operators, of = max(counted[sense, check, held.latest.strength] for sense in senses)
            found.append(Suspicion(subject, check, baseline.shown, held.latest.shown, held.first.at, operators, of))
        return tuple(sorted(found))

    def believe(self, keys: Iterable[Key]) -> None:
        """Learn losses that are held back when they are seen again, since another vantage sees them too."""
        for subject, check in sorted(keys):
            standing = self.standings.get(subject, {}).get(check)
            if standing is None or standing.held_back is None or not self._is_leaf(subject, check):
                continue
            self._keep(subject, check, replace(standing, held_back=replace(standing.held_back, elsewhere=True)))
            for fold in self._folds_of(subject):
                self._hold_fold(fold, check)

    def _is_ours(self, sense: str, check: str, operator: str, subject: Subject, sighting: Sighting) -> bool:
        """Note what was seen, and say whether it is to be held against us, and so not to be learnt."""
        held = self._held(subject, check)
        if held.baseline is None:
            return False
        known = held.baseline.strength if held.regression is None else min(held.baseline.strength, held.regression.after.strength)
        weaker = sighting.strength < known
        self.faults.met(sense, check, operator, subject, held.baseline.strength, sighting.at if weaker else None)
        if not weaker or self.faults.is_blind:
            return weaker
        is_believed = held.held_back is not None and held.held_back.is_believed
        return not is_believed and self.faults.suspects(sense, check, sighting.strength, sighting.at) is not None

    def _hold(self, sense: str, check: str, subject: Subject, sighting: Sighting) -> Iterator[Change]:
        """Hold back what is held against us; while blind, it is not seen at all."""
        yield from self._withdrawn(sense, check, sighting.at, _OURS)
        if self.faults.is_blind:
            return
        held = self._held(subject, check)
        known = held.held_back
        gap = timedelta.max if sighting.full else AT_ONCE * self.confirmation.cycle
        if known is not None and self.faults.sees_since is not None and known.latest.at < self.faults.sees_since:
            gap = timedelta()  # it was blind since
        if known is None or sighting.at > known.latest.at:
            self._keep(subject, check, replace(held, held_back=held_again(known, sighting, gap)))
        for fold in self._folds_of(subject):
            self._hold_fold(fold, check)

    def _hold_fold(self, fold: Subject, check: str) -> None:
        standing = self.standings.get(fold, {}).get(check)
        if standing is not None and not self._is_leaf(fold, check):
            after = self._with_held(fold, check, standing, standing.held_back)
            if after is not standing:
                self._keep(fold, check, after)

    def _with_held(self, fold: Subject, check: str, standing: Standing, known: HeldBack | None) -> Standing:
        """Return a standing of a fold with what is held back of its parts and would make it weaker."""
        baseline = standing.baseline
        held = [] if baseline is None else [each for each in self._held_below(fold, check) if each.latest.strength < baseline.strength]
        longest = max(held, key=lambda each: (each.is_believed, each.lasted), default=None)
        if longest is not None and longest.says_the_same(known):
            longest = known
        return standing if longest == standing.held_back else replace(standing, held_back=longest)

    def _held_below(self, fold: Subject, check: str) -> Iterator[HeldBack]:
        """Yield what is held back of the parts of a fold."""
        for leaf in self._leaves(fold):
            if (leaf, check) in self._held_back and (held := self.standings[leaf][check].held_back) is not None:
                yield held

    def _is_believed(self, subject: Subject, check: str, standing: Standing) -> bool:
        """Whether what is weaker is no more held back: it was believed after all, of a subject or of a part of it."""
        if self._is_leaf(subject, check):
            return standing.held_back is not None and standing.held_back.is_believed
        return any(each.is_believed for each in self._held_below(subject, check)) or self._has_weak_below(subject, check, standing)

    def _withdrawn(self, sense: str | None, check: str | None, at: datetime, why: str) -> Iterator[Change]:
        """Take back what was to be confirmed and began within the last cycle."""
        onset, withdrawn = at - self.confirmation.cycle * 1.25, list[Key]()
        for subject, name in sorted(self._open):
            standing = self.standings[subject][name]
            if standing.candidate is None or standing.candidate.first.at < onset or check not in (None, name):
                continue
            direct = name in self._direct(subject)
            if sense is not None and (sense != (DNS if direct else subject.family or sense) or self._is_believed(subject, name, standing)):
                continue
            after, events = withdraw(standing, hold=not self.faults.is_blind and self._is_leaf(subject, name))
            self._keep(subject, name, after)
            withdrawn.append((subject, name))
            yield from (self._change(at, subject, name, event, standing, None, why) for event in events)
        for subject, name in withdrawn if sense is not None else ():
            self._hold_fold(subject, name)  # after all of its parts

    def _folds_of(self, leaf: Subject) -> tuple[Subject, ...]:
        """Return what one is a part of: of an address the host, and the domains that lead there; of a host within a domain that."""
        if not leaf.address:
            return (Subject(leaf.domain),) if leaf.host else ()
        return Subject(host=leaf.host, family=leaf.family), *(Subject(domain) for domain in sorted(self._domains.get(leaf.host, ())))

    def _is_leaf(self, subject: Subject, check: str) -> bool:
        """Whether a check of a subject is seen, and not folded."""
        return bool(subject.address) or check in self._direct(subject)

    def _held(self, subject: Subject, check: str) -> Standing:
        """Return what a subject is held to; a new address, to what its host is in its family."""
        known = self.standings.get(subject, {}).get(check)
        if known is not None:
            return known
        host = self.standings.get(Subject(host=subject.host, family=subject.family), {}).get(check) if subject.address else None
        if host is not None and host.baseline is not None and host.settling is None:
            return inherited(host.baseline)
        return Standing()

    def _has_weak_below(self, subject: Subject, check: str, held: Standing) -> bool:
        if held.baseline is None:
            return False
        confirmed = (self.standings[leaf][check].regression for leaf in self._leaves(subject) if check in self.standings.get(leaf, ()))
        return any(each is not None and each.after.strength < held.baseline.strength for each in confirmed)

    def _change(self, at: datetime, subject: Subject, check: str, event: Event, held: Standing, sighting: Sighting | None, why: str = "") -> Change:
        before = held.baseline
        if event in (Event.RECOVERED, Event.WORSENED) and held.regression is not None:
            before = held.regression.after
        after = held.candidate.first if event is Event.CONFIRMED and held.candidate is not None else sighting
        return Change(at, subject, check, event, before, after, self.vantage, Attribution.LOCAL if why else None, why)
