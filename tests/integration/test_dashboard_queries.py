"""Prometheus answers every query of every dashboard, after it has scraped the lab; what stays empty there is named, with the reason."""

import asyncio
import json
import time
from pathlib import Path

from scraped import scraped
from servers import Prometheus

from grafana.asking import asked
from grafana.write import written

EMPTY = {
    ("Provider", "Declarations", "D"): "the MX hosts of no domain of the lab change",
    ("Provider", "Faults of MTA-STS", "A"): "no policy of the lab is out of reach of a sender",
    ("MX host", "Causes now", "C"): "what cannot be measured in the lab never could",
    ("Certificates", "Stapling that was promised", "A"): "no certificate of the lab demands a stapled response",
    ("Daemon", "Clock", "A"): "the policy hosts of the lab do not tell the time",
    ("Daemon", "Held back as a fault of the vantage", "A"): "one operator lost STARTTLS, and no vantage is at fault",
}


async def unanswered(prometheus: Prometheus) -> set[tuple[str, str, str]]:
    """Ask every query, and return the board, panel and name of those with an empty answer. None may fail."""
    empty, failed = set(), []
    for board in (json.loads(text) for text in written().values()):
        for each in asked(board):
            try:
                samples = await prometheus.query(each.expr)
            except OSError as error:
                failed.append((board["title"], each, error))
                continue
            if not samples:
                empty.add((board["title"].removeprefix("mailtls / "), each.title, each.ref))
    assert failed == []
    return empty


async def test_every_query_of_every_dashboard_is_answered_by_prometheus(tmp_path: Path) -> None:
    async with scraped(tmp_path) as prometheus:
        end = time.monotonic() + 60
        # On a busy machine a scrape may be late, and then there is nothing for a second; or a server was, and is measured by the next look.
        while (empty := await unanswered(prometheus)) != set(EMPTY) and time.monotonic() < end:
            await asyncio.sleep(1)
        assert empty == set(EMPTY)
