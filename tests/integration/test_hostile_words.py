"""A mail server that speaks HTML and terminal codes wherever it can: on every surface of a running daemon its words are shown, and act on none."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from playwright.async_api import async_playwright
from prometheus_client.parser import text_string_to_metric_families

from mailtls.config import Configuration
from mailtls.daemon import Daemon
from mailtls.lab import Lab
from tests.harmless import is_harmless

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WORDS = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"\x1b[31m\u202e&amp;{{7*7}}%s"
OCTETS = WORDS.encode()
SAID = "<script>alert(1)</script>"
SPEAKS, TURNS_AWAY, REFUSES = "solid.example", "ratelimited.example", "tls-unavailable.example"
DOMAINS = (SPEAKS, TURNS_AWAY, REFUSES)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


def make_hostile(lab: Lab) -> None:
    """Let the servers of three domains say it: in greeting, EHLO and STARTTLS where mail is taken; in a 421; and in a refusal of STARTTLS."""
    for (host, _), server in lab.servers.items():
        if host.endswith(SPEAKS):
            inside = b"250-" + OCTETS + b"\r\n250-X" + OCTETS + b"\r\n250 PIPELINING\r\n"
            server.behaviour = replace(
                server.behaviour,
                greeting=b"220 " + OCTETS + b"\r\n",
                ehlo=inside.replace(b"250 PIPELINING", b"250 STARTTLS"),
                starttls=b"220 " + OCTETS + b"\r\n",
                ehlo_tls=inside,
                quit=b"221 " + OCTETS + b"\r\n",
            )
        if host.endswith(TURNS_AWAY):
            server.behaviour = replace(server.behaviour, greeting=b"421 4.7.0 " + OCTETS + b"\r\n", limit=None)
        if host.endswith(REFUSES):
            server.behaviour = replace(server.behaviour, starttls=b"454 4.7.0 " + OCTETS + b"\r\n")


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[tuple[Daemon, str]]:
    """Watch the three domains, one of a provider that is called so too, until a publication has been made."""
    async with await Lab.start() as lab:
        make_hostile(lab)
        settings: Any = lab.configuration()
        settings["network"] |= {"connect_timeout": "500ms", "probe_deadline": "2s"}
        settings["storage"] = {"url": f"sqlite:///{tmp_path}/mailtls.db"}
        settings["providers"] = [{"name": f"{SAID} {domain}", "domains": [domain]} for domain in DOMAINS]
        settings["publication"] = {"title": SAID, "publisher": {"name": SAID}}
        watching = Daemon(Configuration.model_validate(settings))
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(watching.run([("127.0.0.1", 0)], told.set_result))
        try:
            url = await told
            async with asyncio.timeout(60):
                while watching.publisher.last is None:
                    await asyncio.sleep(0.1)
            yield watching, url
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await running


async def test_on_no_surface_a_strangers_words_act(daemon: tuple[Daemon, str], capfd: pytest.CaptureFixture[str]) -> None:
    watching, url = daemon
    assert watching.publisher.last is not None
    assert watching.publisher.last.publication.domains[TURNS_AWAY]["verdict"] == "unknown"
    slugs = [each["slug"] for each in watching.publisher.last.publication.providers]
    pages = ["", "status/", *(f"status/domains/{name}/" for name in DOMAINS), *(f"status/providers/{slug}/" for slug in slugs)]
    async with httpx.AsyncClient(base_url=url) as client:

        async def text(path: str) -> str:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            return answer.text

        probed = await client.get("probe", params={"target": SPEAKS, "debug": "true"}, timeout=30)
        families = list(text_string_to_metric_families(await text("metrics")))
        assert any(sample.labels.get("domain") == SPEAKS for family in families for sample in family.samples)
        assert all(is_harmless(value) for family in families for sample in family.samples for value in sample.labels.values())
        assert probed.headers["Content-Type"].startswith("text/plain")
        assert SAID in probed.text
        assert all(is_harmless(line) for line in probed.text.split("\n"))
        known = json.loads(await text(f"api/v1/domains/{SPEAKS}"))
        keywords = known["mx"][0]["endpoints"][0]["readings"]["ehlo_keywords"]["value"]
        assert any(SAID in keyword.lower() for keyword in keywords)
        for path in ["status/feed.atom", *(f"status/providers/{slug}/feed.atom" for slug in slugs)]:
            assert not [each for each in ET.fromstring(await text(path)).iter() if each.tag.endswith(("script", "img"))]
        for path in [f"status/domains/{name}/badge.svg" for name in DOMAINS] + [f"status/providers/{slug}/badge.svg" for slug in slugs]:
            drawn = ET.fromstring(await text(path))
            assert {each.tag.rpartition("}")[2] for each in drawn.iter()} == {"svg", "title", "rect", "text"}
        rows = list(csv.reader(io.StringIO(await text("api/v1/domains.csv"))))
        assert len({len(row) for row in rows}) == 1
        assert all(is_harmless(cell) for row in rows for cell in row)
    shown = await in_a_browser(url, pages)
    assert f"X{SAID}".lower() in shown[f"status/domains/{SPEAKS}/"].lower()
    assert SAID in shown[f"status/domains/{TURNS_AWAY}/"]
    assert all(is_harmless(line.replace("\t", " ")) for body in shown.values() for line in body.split("\n"))
    assert "{{7*7}}" in shown[f"status/domains/{TURNS_AWAY}/"]
    logged = "".join(capfd.readouterr())
    assert all(is_harmless(line) for line in logged.split("\n"))


async def in_a_browser(url: str, pages: list[str]) -> dict[str, str]:
    """Return the text of pages as a browser shows it, and let nothing act meanwhile."""
    shown, acted = {}, []
    async with async_playwright() as play, await play.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS) as browser:
        for path in pages:
            page = await browser.new_page()
            page.on("dialog", lambda dialog: acted.append(dialog.message))
            page.on("request", lambda request: acted.append(request.url) if not request.url.startswith(url) else None)
            await page.goto(url + path)
            assert await page.locator("script, img:not(.badge)").count() == 0, path
            shown[path] = await page.locator("body").inner_text()
            if path:
                assert await page.locator("main").count() == 1
            await page.close()
    assert acted == []
    return shown
