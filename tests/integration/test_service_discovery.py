"""Prometheus finds the configured domains at ``/sd/targets``, and has ``/probe`` measure one, as docs/operations.md has it."""

import contextlib
from pathlib import Path

import yaml
from processes import until
from servers import Prometheus
from test_measuring_daemon import daemon_of

from mailtls.lab import Lab

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "operations.md"


def documented(target: str) -> str:
    """Return the jobs of the documentation that probe, for a daemon elsewhere."""
    text = DOCUMENTATION.read_text("utf-8")
    begins = text.index("      - job_name: mailtls-probe\n")
    job = text[begins : text.index("\n\n", begins)]
    return "scrape_configs:\n" + "\n".join(line.removeprefix("    ") for line in job.splitlines()).replace("127.0.0.1:9925", target)


async def test_prometheus_finds_the_domains_and_has_each_probed(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        lab = await stack.enter_async_context(await Lab.start())
        settings = lab.configuration() | {"storage": {"url": "sqlite://"}, "schedule": {"interval": "1h"}}
        assert isinstance(settings["providers"], list)
        settings["providers"] = [p for p in settings["providers"] if p["domains"][0] in ("solid.example", "no-starttls.example")]
        path = tmp_path / "mailtls.yaml"
        path.write_text(yaml.safe_dump(settings))
        url = await stack.enter_async_context(daemon_of(path, tmp_path / "mailtls.log"))
        scrape = documented(url.removeprefix("http://").rstrip("/")).replace("15m", "2s").replace("2m", "2s").replace("mailtls-probe", "p")
        prometheus = await stack.enter_async_context(Prometheus(scrape))

        async def probed() -> bool:
            return len(await prometheus.query('mailtls_domain_state{job="p"} == 1')) == 3

        await until("each is probed", probed)
        found = await prometheus.query('mailtls_domain_state{job="p"} == 1')
        assert {(s["metric"]["instance"], s["metric"]["domain"], s["metric"]["state"]) for s in found} == {
            ("solid.example", "solid.example", "protected"), ("solid-mail.example", "solid-mail.example", "protected"),
            ("no-starttls.example", "no-starttls.example", "unprotected"),
        }  # fmt: skip
        up = await prometheus.query('up{job="p"} == 1')
        assert {s["metric"]["partner"] for s in up} == {p["name"] for p in settings["providers"]}
