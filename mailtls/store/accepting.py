"""An operator's word: a check may be as weak as it is now. It goes into the ledger of every vantage at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from mailtls.store import book, joint
from mailtls.store.engine import writing
from mailtls.store.schema import vantages
from mailtls.tracking.ledger import Ledger
from mailtls.tracking.notices import News

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy import Engine

    from mailtls.store.bookkeeper import Tell
    from mailtls.tracking.changes import Change
    from mailtls.tracking.ledger import Key


def accept(
    engine: Engine, domain: str, check: str, why: str, now: datetime, patience: timedelta, tell: Tell | None = None
) -> tuple[Change, ...]:
    """Lower what a domain is held to in a check, and what its hosts and their addresses are, to what is seen now.

    A daemon that runs meanwhile takes it in with its next turn.

    Args:
        engine: of the store.
        domain: in ASCII.
        check: its name.
        why: the operator's words.
        now: the time.
        patience: after how long without a word from it a vantage casts no vote.
        tell: who is told; nobody by default.

    Returns:
        What changed, of every vantage; nothing where nothing is weaker than what it is held to.

    """
    happened: list[Change] = []
    with writing(engine) as connection:
        weaker: set[Key] = set()
        for vantage in connection.scalars(select(vantages.c.name).order_by(vantages.c.name)).all():
            seen_at = connection.execute(select(vantages.c.seen_at).where(vantages.c.name == vantage)).scalar_one()
            turn = book.begin(connection, vantage, 0, seen_at)
            ledger = Ledger(vantage=vantage)
            for (subject, name), kept in turn.news.items():
                ledger.restore(subject, name, kept)
            changes = ledger.accept(domain, check, now, why)
            book.enter(connection, turn, ledger.take_changed(), changes)
            weaker |= ledger.regressions().keys()
            happened += changes
        accepted = {(change.subject, change.check): why for change in happened}
        settled = joint.settle_all(connection, weaker, now, patience, accepted)
        ended = [(change, each.after) for each in settled if (change := each.change) is not None]
        together = [change for change, _ in ended]
        book.note(connection, together)
        if tell is not None:
            domains = frozenset({domain})
            news = (News(change, frozenset() if change.subject.domain else domains, it.vantages, it.alone) for change, it in ended)
            tell(connection, [*news], now)
    return (*happened, *together)
