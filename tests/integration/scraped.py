"""The demonstration's world with one confirmed regression, watched by a daemon that a real Prometheus scrapes: what dashboards are looked at with.

Run it as ``python tests/integration/scraped.py 9090`` to have such a Prometheus on that port until Ctrl-C.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from servers import Prometheus

from mailtls import logs
from mailtls.config import Configuration
from mailtls.daemon import Daemon
from mailtls.lab import Lab

DOMAIN = "downgraded.example"
MOVED = "solid.example"


@contextlib.asynccontextmanager
async def scraped(directory: Path, address: str | None = None, port: int = 0) -> AsyncIterator[Prometheus]:
    """Give a Prometheus that has seen everything of the lab, a lost STARTTLS among it; the daemon ends with the block."""
    before = structlog.get_config()  # what is logged in the tests that come after is looked at
    logs.configure("error", "logfmt")
    async with await Lab.start() as lab:
        settings: Any = lab.configuration()
        settings["schedule"] |= {"interval": "3s"}
        settings["network"] |= {"connect_timeout": "500ms", "probe_deadline": "2s"}
        settings["storage"] = {"url": f"sqlite:///{directory}/mailtls.db"}
        settings["vantage"] |= {"controls": [MOVED]}
        daemon = Daemon(Configuration.model_validate(settings))
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(daemon.run([("127.0.0.1", 0)], told.set_result))
        try:
            url = await told
            target = url.removeprefix("http://").rstrip("/")
            scrape = f"scrape_configs:\n- job_name: mailtls\n  scrape_interval: 1s\n  static_configs: [{{targets: ['{target}']}}]\n"
            async with Prometheus(scrape, address, port) as prometheus:
                await _until(lambda: daemon.is_held_to(DOMAIN, "starttls"))
                lab.downgrade()
                await _until(lambda: any(each.subject.domain == DOMAIN for each in daemon.told().regressions))
                await _until(lambda: daemon.schedule.last_cycle_at is not None)  # the tarpit takes its time
                await asyncio.sleep(5)  # some scrapes of that
                yield prometheus
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await running
            structlog.configure(**before)


async def _until(holds: Any) -> None:
    async with asyncio.timeout(120):
        while not holds():
            await asyncio.sleep(0.2)


async def _serve(port: int) -> None:
    with TemporaryDirectory() as directory:
        async with scraped(Path(directory), "127.0.0.1", port) as prometheus:
            print(f"http://{prometheus.address}:{prometheus.port}/", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_serve(int(sys.argv[1])))
