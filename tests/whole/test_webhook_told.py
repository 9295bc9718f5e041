"""From a provider that takes STARTTLS away to a webhook that is told: the daemon in a process of its own, and the lab."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from test_daemon_process import FAST, Running, fetch, until
from test_notifier import Receiver

from mailtls.lab import Lab

DOMAIN = "downgraded.example"
QUICK = {"interval": "1s", "enumeration_interval": "10m", "jitter": "0%"}
SOON = {"probes": 2, "cycles": 2, "holds": "1s"}


@pytest.fixture
async def lab():
    async with await Lab.start() as running:
        yield running


@pytest.fixture
async def daemon(lab: Lab, tmp_path: Path):
    running = Running(lab, tmp_path)
    with running.manager:
        yield running
        if running.process is not None and running.process.returncode is None:
            await running.end(signal.SIGTERM)


def events(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.split(b"\r\n\r\n")[1]) for request in receiver.requests]


async def heard(receiver: Receiver, kind: str, subject: str = DOMAIN) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found = [event for event in events(receiver) if (event["data"]["kind"], event["subject"]) == (kind, subject)]
            if found:
                return found[0]
            await asyncio.sleep(0.1)


def told_to(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"webhooks": [{"name": "pager", "url": receiver.url, "per_minute": 1000} | more]}


async def test_a_downgrade_is_one_regression_of_the_domain_at_the_webhook_and_then_one_recovery(daemon: Running) -> None:
    async with Receiver() as receiver:
        web = {"listen": ["127.0.0.1:0"], "external_url": "https://mailtls.example/"}
        more = {"schedule": QUICK, "confirmation": SOON, "limits": FAST, "web": web, "notifications": told_to(receiver)}
        url = await daemon.start(DOMAIN, **more)
        await until(url + "metrics", f'mailtls_domain_state{{domain="{DOMAIN}",state="protected"}} 1.0')
        await asyncio.sleep(3)  # so that there is something to be held to
        daemon.lab.downgrade()
        regression = await heard(receiver, "regression")
        assert regression["data"]["check"] == "starttls"
        assert (regression["source"], regression["data"]["link"]) == ("https://mailtls.example/", "https://mailtls.example/")
        assert regression["data"]["vantages"] == ["lab"]
        daemon.lab.restore()
        recovery = await heard(receiver, "recovery")
        await until(url + "metrics", "mailtls_notifications_pending 0.0")
        await asyncio.sleep(3)
        kinds = [event["data"]["kind"] for event in events(receiver) if event["subject"] == DOMAIN and event["data"]["check"] == "starttls"]
        assert kinds == ["regression", "recovery"]
        assert recovery["id"] != regression["id"]
        page = (await fetch(url + "metrics"))[1]
        assert f'mailtls_notifications_total{{outcome="sent"}} {len(receiver.requests)}.0' in page
        if "SHOW_PAYLOAD" in os.environ:
            Path(os.environ["SHOW_PAYLOAD"]).write_text(json.dumps(events(receiver), indent=1))


async def test_a_reload_changes_the_webhook_and_what_was_not_delivered_goes_to_the_new_one(daemon: Running) -> None:
    async with Receiver(b"HTTP/1.1 503 Later\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n") as broken, Receiver() as works:
        more = {"schedule": QUICK, "confirmation": SOON, "limits": FAST, "notifications": told_to(broken)}
        url = await daemon.start(DOMAIN, **more)
        await until(url + "metrics", f'mailtls_domain_state{{domain="{DOMAIN}",state="protected"}} 1.0')
        await asyncio.sleep(3)
        daemon.lab.downgrade()
        refused = await heard(broken, "regression")
        daemon.path.write_text(daemon.path.read_text().replace(broken.url, works.url))
        assert (await fetch(url + "-/reload", "POST"))[0] == 200
        assert (await heard(works, "regression"))["id"] == refused["id"]
