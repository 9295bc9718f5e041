"""A process that sends what is in an outbox, and what is in it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update

from mailtls.store import outbox
from mailtls.store.engine import writing
from mailtls.store.schema import notices

SENDER = """
import asyncio, sys
from mailtls.notifier import Notifier
from mailtls.store.database import Store
from mailtls.webhook import Webhook
async def main():
    store = await Store.open(sys.argv[1])
    notifier = Notifier(store, [Webhook("pager", sys.argv[2], frozenset({"regression"}), timeout=60, per_minute=1000)], "probe.example")
    notifier.start()
    await asyncio.sleep(600)
asyncio.run(main())
"""


def expire(engine) -> None:
    with writing(engine) as connection:
        connection.execute(update(notices).values(next_at=datetime.now(UTC)))


def waiting(engine) -> int:
    with writing(engine) as connection:
        return outbox.waiting(connection, ["pager"])
