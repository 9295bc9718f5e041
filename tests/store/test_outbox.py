"""The outbox loses nothing, repeats nothing that is known to be sent, and floods nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial

from mailtls.store import outbox
from mailtls.store.database import Store
from mailtls.store.engine import writing
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.notices import notice
from mailtls.tracking.standing import Event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LEASE = timedelta(minutes=1)
ALL = {"pager": {"regression"}, "chat": {"recovery"}}


def events(count: int) -> list[dict]:
    changes = (Change(NOW, Subject(f"a{number}.example"), "starttls", Event.CONFIRMED) for number in range(count))
    return [told for change in changes if (told := notice(change, "/mailtls")) is not None]


async def do(store: Store, work, *args):
    def within(engine):
        with writing(engine) as connection:
            return work(connection, *args)

    return await store.run(within)


async def test_what_was_claimed_and_not_settled_comes_again_and_what_was_sent_does_not(store: Store) -> None:
    await do(store, outbox.add, ALL, events(1), NOW)
    await do(store, outbox.add, ALL, events(1), NOW)
    take = partial(do, store, outbox.claim, "pager")
    first = await take(NOW, LEASE, 10)
    assert first is not None
    assert await take(NOW, LEASE, 10) is None
    again = await take(NOW + LEASE, LEASE, 10)  # whoever claimed it was killed
    assert again is not None
    assert (again.id, again.attempts) == (first.id, 2)
    await do(store, outbox.settle, "pager", again.id, outbox.SENT, NOW)
    await do(store, outbox.add, ALL, events(1), NOW)
    assert await take(NOW + 9 * LEASE, LEASE, 10) is None
    assert await do(store, outbox.claim, "chat", NOW, LEASE, 10) is None


async def test_a_clock_that_ran_ahead_holds_no_notice_up_until_then(store: Store) -> None:
    later = NOW.replace(year=2030)
    await do(store, outbox.add, ALL, events(3), later)
    for _ in range(2):
        assert await do(store, outbox.claim, "pager", later, LEASE, 2) is not None
    assert await do(store, outbox.claim, "pager", later, LEASE, 2) is None
    first = await do(store, outbox.claim, "pager", NOW, LEASE, 10)
    assert first is not None
    await do(store, outbox.settle, "pager", first.id, None, NOW + LEASE)
    found = [await do(store, outbox.claim, "pager", NOW, LEASE, 10) for _ in range(3)]
    ids = {each.id for each in found if each is not None}
    assert first.id not in ids  # it waits for its next trial, by the clock of now
    assert found[-1] is None


async def test_a_storm_of_a_thousand_is_so_many_a_minute_and_one_summary(store: Store) -> None:
    await do(store, outbox.add, ALL, events(1000), NOW)
    sent = []
    while (claimed := await do(store, outbox.claim, "pager", NOW, LEASE, 5)) is not None:
        await do(store, outbox.settle, "pager", claimed.id, outbox.SENT, NOW)
        sent.append(json.loads(claimed.document))
    assert len(sent) == 5
    (many,) = [each for each in sent if each["type"] == "mailtls.summary"]
    assert many["data"]["count"] == 996
    assert await do(store, outbox.claim, "pager", NOW + 2 * LEASE, LEASE, 5) is None
    assert await do(store, outbox.waiting, ["pager"]) == 0
    assert await do(store, outbox.prune, NOW + LEASE) == 1001
