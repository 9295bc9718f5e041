"""Keeps the ledger of one vantage, in a store that may fail and that others may write to: every fresh scan and look goes through here.

What comes in is learnt in turns, a few a second at most. Each is one transaction: what others have written since the last one is read, what came
in is learnt, and what that leads to is written down together with what all vantages make of it. Where the store fails, learning goes on in
memory, this vantage alone then says what a regression is, and all of it is written when the store works again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mailtls.instants import AHEAD
from mailtls.store import book, by_vantage, joint
from mailtls.store.database import StoreFailed
from mailtls.store.engine import writing
from mailtls.store.logged import log_forgotten, log_joint, log_left, log_own
from mailtls.store.unwritten import Unwritten
from mailtls.tracking.fresh import FreshScan
from mailtls.tracking.ledger import OUTAGE
from mailtls.tracking.notices import News
from mailtls.tracking.settling import settle
from mailtls.tracking.standing import Event
from mailtls.tracking.told import Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Engine

    from mailtls.store.database import Store
    from mailtls.tracking.changes import Change, Subject
    from mailtls.tracking.fresh import FreshLook
    from mailtls.tracking.ledger import Key, Ledger
    from mailtls.tracking.settling import JointRegression

log = structlog.get_logger(component="regressions")

_TOGETHER = 0.2
"""Seconds within which what comes in is learnt in one turn."""
_AGAIN = 30.0
"""Seconds from a failure of the store to the next turn that nothing else asks for."""
_LAST_TURN = 15.0
"""Seconds for the last turn at the end."""
SHOWN_AFTER_ITS_END = timedelta(days=1)
"""For how long a regression that has ended is still shown as ended."""
VOTES_FOR = 3
"""For how many intervals the last word of a vantage is a vote."""


def _now() -> datetime:
    return datetime.now(UTC)


Muted = Callable[["Subject", datetime, Collection[str]], str]
"""Tells the maintenance window that covers a subject, or all that is beside it, at a moment; empty for none."""
Tell = Callable[["Connection", Sequence[News], datetime], None]
"""Is given all that happened, within the transaction that writes it down, and the time."""


def _unmuted(_subject: Subject, _at: datetime, _beside: Collection[str]) -> str:
    return ""


def _tell_nobody(_connection: Connection, _happened: Sequence[News], _at: datetime) -> None:
    pass


class Bookkeeper:
    """Keeps one ledger. All of its work on it happens in the thread of the store."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        failed: Callable[[], object] = bool,
        muted: Muted = _unmuted,
        tell: Tell = _tell_nobody,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Make one; nothing is read before :meth:`open`.

        Args:
            store: where the ledger is kept; it stays its owner's to close.
            ledger: an empty one.
            failed: called each time that the store fails.
            muted: the maintenance windows.
            tell: who is told; what is that of all vantages together has no vantage.
            now: tells the time.

        """
        self.store = store
        self.ledger = ledger
        self.told = Told()
        self._failed = failed
        self.muted = muted
        self.tell = tell
        self._now = now
        self._came: list[FreshScan | FreshLook] = []
        self._controls: dict[str, bool] = {}
        self._watched: tuple[frozenset[str], frozenset[str]] | None = None
        self._revision = 0
        self._has_read = False
        self._unwritten = Unwritten()
        self._joint: dict[Key, JointRegression] = {}
        self._ended: dict[str, JointRegression] = {}
        self._trouble = ""
        self._due = asyncio.Event()
        self._turning = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read what is known, and begin to learn."""
        await self.turn()
        self._task = asyncio.create_task(self._turn_again_and_again(), name="regressions")

    async def close(self) -> None:
        """Learn and write what is left, where that can be done in time."""
        if self._task is not None:
            self._task.cancel()
        if self._came or self._unwritten:
            try:
                async with asyncio.timeout(_LAST_TURN):
                    await self.turn()
            except TimeoutError:
                self._complain("it does not answer in time; is its disk in order?")
            except Exception:  # whoever is closed after us must be
                self._failed()
                log.exception("the last turn at the ledger broke")

    # What comes in.

    def saw(self, seen: FreshScan | FreshLook) -> None:
        """Take what a scan, or a look at a domain, saw."""
        self._came.append(seen)
        self._due.set()

    def saw_controls(self, controls: Mapping[str, bool]) -> None:
        """Take for each control domain whether it could be reached."""
        self._controls |= controls
        self._due.set()

    def watch_only(self, domains: Iterable[str], controls: Iterable[str] = ()) -> None:
        """Leave out, from the next turn on, all domains but these. What they are held to is kept for a week, should that have been a mistake.

        Control domains but those are forgotten at once: nothing is held against them.
        """
        self._watched = frozenset(domains), frozenset(controls)
        self._due.set()

    def is_held_to(self, subject: Subject, check: str) -> bool:
        """Whether enough was seen of a check of a subject for less to be a regression."""
        standing = self.ledger.standings.get(subject, {}).get(check)
        return standing is not None and standing.baseline is not None and standing.settling is None

    # Turns.

    async def _turn_again_and_again(self) -> None:
        often = max(1.0, min(_AGAIN, self.ledger.confirmation.cycle.total_seconds() / 4))
        while True:
            try:  # also where nothing comes in: another process, or an operator, may have written
                async with asyncio.timeout(often):
                    await self._due.wait()
            except TimeoutError:
                pass
            await asyncio.sleep(_TOGETHER)
            try:
                await self.turn()
            except Exception:
                self._failed()
                log.exception("a turn at the ledger broke")
                await asyncio.sleep(_AGAIN)

    async def turn(self) -> Told:
        """Learn what came in, write down what that leads to, and return what is known now. Does not raise where the store fails."""
        async with self._turning:
            self._due.clear()
            came, self._came = self._came, []
            learn = _Once(lambda: self._learn(came))
            try:
                self.told = await self.store.run(lambda engine: self._turn(engine, learn))
                if self._trouble:
                    self._trouble = ""
                    log.info("the store works again")
            except StoreFailed as error:
                self._complain(str(error))
                learn()
                self.told = self._alone()
            except BaseException:
                if learn.is_due:
                    self._came = came + self._came  # it is learnt in the next turn
                raise
            return self.told

    def _learn(self, came: Sequence[FreshScan | FreshLook]) -> None:
        """Learn in memory."""
        now = self._now()
        if self._watched is not None:
            domains, controls = self._watched
            log_left(self.ledger.watch_only(domains, now))
            self.ledger.control_only(controls)
            self._watched = None
        log_forgotten(self.ledger.forget_left(now))
        answers, self._controls = self._controls, {}
        happened = [*self.ledger.absorb_controls(answers, now)]
        for seen in came:
            happened += self.ledger.absorb_scan(seen) if isinstance(seen, FreshScan) else self.ledger.absorb_look(seen)
        told = [self._muted(change) for change in happened]
        told += self.ledger.outlasting(lambda subject: self._window(subject, OUTAGE, now))
        log_own(told)
        self._unwritten.add(self.ledger.take_changed(), told)

    def _turn(self, engine: Engine, learn: Callable[[], None]) -> Told:
        now = self._now()
        vantage, patience = self.ledger.vantage, VOTES_FOR * self.ledger.confirmation.cycle
        try:
            with writing(engine) as connection:
                turn = book.begin(connection, vantage, self._revision, now)
                self._unwritten.give_way(self.ledger, turn.news)
                # What others have committed is known from here on, whatever becomes of this turn: to be restored again after a commit that
                # fails, it would undo what is learnt now.
                self._revision = turn.revision - 1
                learn()
                book.note_sight(connection, turn, now, blind=self.ledger.faults.is_blind)
                self._believe(connection, now, patience)
                self._write(connection, turn, now, patience)
                known, ended = joint.open_regressions(connection), joint.ended_since(connection, now - SHOWN_AFTER_ITS_END)
                self._unwritten.doubt()
        except SQLAlchemyError:
            learn()
            raise
        if self._has_read:
            log_joint(self._joint, known, ended, self._unwritten.happened)
        self._revision, self._has_read = turn.revision, True
        self._unwritten.clear()
        self._joint, self._ended = known, ended
        return self._say(now)

    def _believe(self, connection: Connection, now: datetime, patience: timedelta) -> None:
        """Let the ledger learn, when it sees it next, what it has held back in this turn and another vantage sees too."""
        mine = self.ledger.disbelieved().keys() & self._unwritten.kept.keys()
        self.ledger.believe(by_vantage.seen_elsewhere(connection, self.ledger.vantage, mine, now, patience))
        self._unwritten.add(self.ledger.take_changed(), ())

    def _write(self, connection: Connection, turn: book.Turn, now: datetime, patience: timedelta) -> None:
        book.enter(connection, turn, self._unwritten.kept, self._unwritten.happened)
        weaker = self.ledger.regressions().keys()
        settled = joint.settle_all(connection, weaker, now, patience, window=lambda key: self._window(*key, now))
        together = [(change, each.after) for each in settled if (change := each.change) is not None]
        book.note(connection, [change for change, _ in together])
        mine = ((each, None) for each in self._unwritten.happened)
        self.tell(connection, [self._news(change, found) for change, found in (*mine, *together)], now)

    def _news(self, change: Change, found: JointRegression | None) -> News:
        domains = frozenset[str]() if change.subject.domain else self.ledger.beside(change.subject, change.check)
        return News(change, domains) if found is None else News(change, domains, found.vantages, found.alone)

    def _window(self, subject: Subject, check: str, at: datetime) -> str:
        if self.ledger.is_left_out(subject):
            return "left out of the configuration"
        return self.muted(subject, at, self.ledger.beside(subject, check))

    def _muted(self, change: Change) -> Change:
        """Return a change with the window that it falls into; the end of an outage is told where the outage was."""
        if change.event is Event.MEASURED_AGAIN:
            return change
        muted = replace(change, muted=self._window(change.subject, change.check, change.at))
        if muted.muted and change.event is Event.OUTAGE:
            self.ledger.mute(muted)
        return muted

    def _alone(self) -> Told:
        """Return what this vantage alone makes of it, while the store fails."""
        now, mine = self._now(), self.ledger.vantage
        weaker = self.ledger.regressions().keys()
        for subject, check in weaker | self._joint.keys():
            was = self._joint.get((subject, check))
            if was is not None and was.vantages != (mine,):
                continue  # others have a say in it, and cannot be heard
            standing = self.ledger.standings.get(subject, {}).get(check)
            found = settle(subject, check, was, {} if standing is None else {mine: standing}, (), now)
            if found is not None and found.ended_at is not None:
                self._joint.pop((subject, check), None)
                self._ended[found.id or f"{subject.key} {check}"] = found
            elif found is not None:
                self._joint[subject, check] = found
        return self._say(now)

    def _say(self, now: datetime) -> Told:
        self._ended = {
            name: each for name, each in self._ended.items() if each.ended_at is not None and -AHEAD <= now - each.ended_at < SHOWN_AFTER_ITS_END
        }
        shown = tuple(each for each in (*self._joint.values(), *self._ended.values()) if not self.ledger.is_left_out(each.subject))
        led = {each.subject.host: self.ledger.beside(each.subject, each.check) for each in shown if not each.subject.domain}
        faults = self.ledger.faults
        return Told(shown, self.ledger.again(), faults.is_blind, led, faults.suspected(now), self.ledger.suspicions(now))

    def _complain(self, why: str) -> None:
        self._failed()
        if why != self._trouble:
            self._trouble = why
            log.error("the store fails, and regressions are kept in memory alone", why=why)


class _Once:
    """Calls something, once, however often it is asked to."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    @property
    def is_due(self) -> bool:
        """Whether it was not called yet."""
        return self._call is not None

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()

