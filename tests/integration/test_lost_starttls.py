"""A partner loses STARTTLS and gets it back: Prometheus is told of him alone, also by a daemon that was killed in between."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from servers import Postfix, Prometheus, free_address, free_port
from test_measuring_daemon import until
from world import World, world

DOMAINS = {"postfix.test", "shared.test"}  # both lead to the same host


@asynccontextmanager
async def killable(lab: World, *, kill: bool) -> AsyncIterator[None]:
    """Run the daemon, and end it by SIGKILL or SIGTERM."""
    with (lab.directory / "mailtls.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mailtls.cli", "run", "--config.file", str(lab.configuration), stdout=asyncio.subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline()
        yield
    finally:
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        async with asyncio.timeout(25):
            await process.wait()


def serve_on_one_port(lab: World) -> str:
    """Let the daemon serve where Prometheus finds it again after a restart, and return that place."""
    address = free_address()
    place = f"{address}:{free_port(address)}"
    settings = yaml.safe_load(lab.configuration.read_text())
    settings["web"] = {"listen": [place]}
    lab.configuration.write_text(yaml.safe_dump(settings))
    return place


async def test_prometheus_is_told_of_the_partner_that_lost_starttls_and_of_nobody_else(tmp_path: Path) -> None:
    async with world(tmp_path) as lab:
        target = serve_on_one_port(lab)
        scrape = f"scrape_configs:\n- job_name: mailtls\n  scrape_interval: 1s\n  static_configs: [{{targets: ['{target}']}}]\n"
        async with Prometheus(scrape) as prometheus:

            async def domains(query: str) -> set[str]:
                return {sample["metric"]["domain"] for sample in await prometheus.query(query)}

            async def is_lost() -> bool:
                return await domains('mailtls_domain_regression{check="starttls"} == 1') == DOMAINS

            async def is_recovered() -> bool:
                return await domains('mailtls_domain_regression{check="starttls"} == 0') == DOMAINS

            async def is_measured() -> bool:
                return await domains('mailtls_domain_state{state="protected"} == 1') >= {*DOMAINS, "exim.test"}

            async def is_over() -> bool:  # what DANE lost with it is confirmed to be back by looks of its own
                return not await prometheus.query("mailtls_domain_regression == 1")

            old = lab.mta["postfix"]
            async with killable(lab, kill=True):
                await until(is_measured)
                await asyncio.sleep(20)  # three cycles: by then it is held to what it does
                await old.__aexit__(None, None, None)
                async with Postfix(old.address, 25, hostname="mx.postfix.test"):
                    await until(is_lost, 120)
                    joined = "max by (domain, mx) (mailtls_domain_mx_info) * on (mx) group_left () max by (mx) (mailtls_mx_regression) == 1"
                    assert await domains(joined) == DOMAINS
                    info = await prometheus.query('mailtls_regression_info{check="starttls",mx=""}')
                    assert {sample["metric"]["attribution"] for sample in info} == {"unexplained"}
            async with killable(lab, kill=False):
                await until(is_lost, 30)  # known at once, before anything is measured
                async with Postfix(old.address, 25, hostname="mx.postfix.test", certificates=old._certificates):
                    await until(is_recovered, 120)
                    await until(is_over, 120)
                assert await domains("mailtls_domain_regression") == DOMAINS
