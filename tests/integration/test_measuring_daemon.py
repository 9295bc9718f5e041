"""``mailtls run`` measures real servers on its schedule, Prometheus scrapes it, and a lost STARTTLS is seen."""

import asyncio
import contextlib
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from servers import Postfix, Prometheus, check_metrics
from world import World, world


def daemon(lab: World) -> contextlib.AbstractAsyncContextManager[str]:
    """Run the daemon on a small Internet."""
    return daemon_of(lab.configuration, lab.directory / "mailtls.log")


@contextlib.asynccontextmanager
async def daemon_of(configuration: Path, logged: Path) -> AsyncIterator[str]:
    """Run the daemon, and give the URL that it prints; at the end it must drain at SIGTERM, and exit with 0."""
    with logged.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mailtls.cli", "run", "--config.file", str(configuration), stdout=asyncio.subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(25):
            status = await process.wait()
    assert status == 0, logged.read_text()


async def until(what: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until something holds, and fail where it never does."""
    async with asyncio.timeout(seconds):
        while not await what():
            await asyncio.sleep(0.5)


async def fetch(url: str) -> str:
    def get() -> str:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def test_prometheus_scrapes_what_the_daemon_measured_on_real_servers(tmp_path: Path) -> None:
    async with world(tmp_path) as lab, contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(daemon(lab))
        target = url.removeprefix("http://").rstrip("/")
        scrape = f"scrape_configs:\n- job_name: mailtls\n  scrape_interval: 1s\n  static_configs: [{{targets: ['{target}']}}]\n"
        prometheus = await stack.enter_async_context(Prometheus(scrape))

        async def state(domain: str, verdict: str) -> bool:
            found = await prometheus.query(f'mailtls_domain_state{{domain="{domain}",state="{verdict}"}} == 1')
            return len(found) == 1

        await until(lambda: state("postfix.test", "protected"))
        await until(lambda: state("exim.test", "protected"))
        await until(lambda: state("plain.test", "unprotected"))
        assert await check_metrics(await fetch(url + "metrics")) == []

        joined = await prometheus.query("mailtls_domain_mx_info * on(mx) group_left() mailtls_mx_starttls_offered == 1")
        assert {"postfix.test", "shared.test"} <= {sample["metric"]["domain"] for sample in joined}
        assert not await prometheus.query('mailtls_mx_starttls_offered{mx="mx.deferring.test"}')
        why = await prometheus.query('mailtls_mx_inconclusive_info{mx="mx.deferring.test"}')
        assert [(s["metric"]["stage"], s["metric"]["cause"]) for s in why] == [("greeting", "rate-limited")]

        # The partner loses STARTTLS: the same server comes back without it.
        old = lab.mta["postfix"]
        await old.__aexit__(None, None, None)
        async with Postfix(old.address, 25, hostname="mx.postfix.test"):
            await until(lambda: state("postfix.test", "unprotected"))
