"""Several processes send what is in one outbox: each notice once."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from datetime import UTC, datetime

from sending import SENDER, waiting
from test_notifier import Receiver

from mailtls.store import outbox
from mailtls.store.database import Store
from mailtls.store.engine import writing
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.notices import notice
from mailtls.tracking.standing import Event

COUNT = 60


async def test_of_three_processes_never_do_two_send_one_notice(postgresql_url: str) -> None:
    store = await Store.open(postgresql_url)
    now = datetime.now(UTC)
    changes = [Change(now, Subject(f"a{number}.example"), "starttls", Event.CONFIRMED) for number in range(COUNT)]
    told = [event for change in changes if (event := notice(change, "/mailtls")) is not None]

    def add(engine) -> None:
        with writing(engine) as connection:
            outbox.add(connection, {"pager": ["regression"]}, told, now)

    async with Receiver() as receiver:
        command = (sys.executable, "-c", SENDER, postgresql_url, receiver.url)
        processes = [await asyncio.create_subprocess_exec(*command) for _ in range(3)]
        try:
            await store.run(add)
            async with asyncio.timeout(60):
                while await store.run(waiting):
                    await asyncio.sleep(0.1)
        finally:
            for process in processes:
                process.kill()
                await process.wait()
    await store.close()
    sent = Counter(json.loads(request.split(b"\r\n\r\n")[1])["id"] for request in receiver.requests)
    assert sent == Counter(event["id"] for event in told)
