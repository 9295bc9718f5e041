"""A process that sends may be killed at the worst moment."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime

from sending import SENDER, expire, waiting
from test_notifier import OK, Receiver

from mailtls.store import outbox
from mailtls.store.database import Store
from mailtls.store.engine import writing
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.notices import notice
from mailtls.tracking.standing import Event


async def test_a_process_that_is_killed_before_the_acknowledgement_has_the_same_notice_sent_again_by_the_next(url: str) -> None:
    store = await Store.open(url)
    change = Change(datetime.now(UTC), Subject("a.example"), "starttls", Event.CONFIRMED)
    told = notice(change, "/mailtls")
    assert told is not None

    def add(engine) -> None:
        with writing(engine) as connection:
            outbox.add(connection, {"pager": ["regression"]}, [told], datetime.now(UTC))

    await store.run(add)
    async with Receiver(None) as receiver:  # it takes the request, and never answers
        first = await asyncio.create_subprocess_exec(sys.executable, "-c", SENDER, url, receiver.url)
        async with asyncio.timeout(30):
            while not receiver.requests:
                await asyncio.sleep(0.05)
        first.kill()
        await first.wait()
        await store.run(expire)  # the claim of the dead
        receiver.answer = OK
        second = await asyncio.create_subprocess_exec(sys.executable, "-c", SENDER, url, receiver.url)
        async with asyncio.timeout(30):
            while await store.run(waiting):
                await asyncio.sleep(0.05)
        second.kill()
        await second.wait()
    await store.close()
    assert [json.loads(request.split(b"\r\n\r\n")[1])["id"] for request in receiver.requests] == [told["id"]] * 2
