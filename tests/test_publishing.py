"""Publishing: a daemon publishes what it measured once it has looked at everybody, and a store says the same without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from prometheus_client import generate_latest

from mailtls import config, publishing
from mailtls.daemon import Daemon
from mailtls.lab import Lab
from mailtls.publication import Link, Publication
from mailtls.publication.schemas import schemas
from mailtls.publishing import Published, gather_from
from mailtls.store.database import Store, StoreFailed

DOMAINS = ("solid.example", "no-starttls.example", "null-mx.example", "blocklisting.example")


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with await Lab.start() as lab:
        settings: Any = lab.configuration()
        settings["limits"]["pace"] = "0s"
        settings["providers"] = [each | {"domains": each["domains"][:1]} for each in settings["providers"] if each["domains"][0] in DOMAINS]
        settings["storage"] = {"url": f"sqlite:///{tmp_path}/mailtls.db"}
        settings["publication"] = {"statements": "said", "corrections": "wrong.yaml", "interval": "1h"}
        path = tmp_path / "mailtls.yaml"
        path.write_text(yaml.safe_dump(settings))
        running = Daemon(config.load(path), path)
        await running.persistence.begin(running.configuration, running.schedule)
        yield running
        await running.schedule.stop()
        await running.persistence.close()


async def look(daemon: Daemon) -> None:
    for domain in DOMAINS:
        await daemon.schedule.look(domain)
    assert daemon.persistence.store is not None
    await asyncio.sleep(1.2)  # until the keeper has written


def verdicts(made: Publication) -> dict[str, str]:
    return {name: each["verdict"] for name, each in made.domains.items()}


async def test_what_is_published_is_what_was_measured_and_the_store_alone_says_the_same(daemon: Daemon) -> None:
    await look(daemon)
    published = await daemon.publisher.publish()
    assert published is not None
    made = published.publication
    assert verdicts(made) == {
        "solid.example": "protected", "no-starttls.example": "unprotected", "null-mx.example": "no-mail", "blocklisting.example": "unknown",
    }  # fmt: skip
    for document in made.domains.values():
        jsonschema.validate(document, schemas()["domain"], jsonschema.Draft202012Validator)
    today = {name: each["rows"][0]["runs"][-1]["mark"] for name, each in made.days.items()}
    assert today == {"solid.example": "has", "no-starttls.example": "lacks", "null-mx.example": "none", "blocklisting.example": "unmeasured"}
    assert made.domains["solid.example"]["mx"][0]["endpoints"][0]["readings"]["starttls_accepted"]["first_seen"] is not None

    configuration = daemon.configuration
    await daemon.persistence.close()
    store = await Store.open(configuration.storage.url, make=False)
    later = await gather_from(store, configuration, datetime.now(UTC) + timedelta(days=3))
    await store.close()
    assert later is not None
    assert (verdicts(later), later.days) == (verdicts(made), made.days)
    assert later.edition["as_of"] <= made.edition["as_of"], "what nobody has looked at for days is not of now"


async def test_of_a_store_in_which_nothing_is_nothing_is_published(daemon: Daemon) -> None:
    assert daemon.persistence.store is not None
    assert await gather_from(daemon.persistence.store, daemon.configuration, datetime.now(UTC)) is None


async def test_it_publishes_once_everybody_was_looked_at_and_tells_when_and_is_hastened_by_a_reload(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_LOOKED_AFTER", 0.01)
    assert b"\nmailtls_publication_timestamp_seconds " not in generate_latest(daemon.registry)
    running = asyncio.create_task(daemon.publisher.again_and_again())
    await asyncio.sleep(0.05)
    assert daemon.publisher.last is None
    await look(daemon)
    async with asyncio.timeout(20):
        while daemon.publisher.last is None:
            await asyncio.sleep(0.01)
        first = daemon.publisher.last
        daemon.publisher.hasten()
        while daemon.publisher.last is first:
            await asyncio.sleep(0.01)
    running.cancel()
    assert b"\nmailtls_publication_timestamp_seconds " in generate_latest(daemon.registry)


async def test_what_fails_is_counted_and_what_was_published_last_stays(daemon: Daemon) -> None:
    await look(daemon)
    last = daemon.publisher.last = await daemon.publisher.publish()

    async def fails(*_: object) -> Link:
        raise StoreFailed("the disk is full")

    daemon.publisher._seal = fails
    assert await daemon.publisher._publish() is False
    assert daemon.publisher.last is last
    assert b"mailtls_publication_failures_total 1.0" in generate_latest(daemon.registry)


async def test_of_several_processes_of_a_vantage_one_publishes_and_the_others_show_it_unless_they_are_hastened(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    await look(daemon)
    first = await daemon.publisher.publish()
    monkeypatch.setattr(Store, "is_shared", True)
    assert await daemon.publisher._publish(anew=False)
    assert daemon.publisher.last is not None
    assert first is not None
    assert (daemon.publisher.last.link, daemon.publisher.last.publication.edition) == (first.link, first.publication.edition)
    assert await daemon.publisher._publish(anew=True)
    assert daemon.publisher.last.link != first.link


async def test_wrong_statements_and_corrections_keep_nothing_else_from_being_published(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "said").mkdir()
    (tmp_path / "said" / "x.md").write_text("no statement")
    (tmp_path / "wrong.yaml").write_text("corrections:\n- {at: 2026-11-20T09:00:00Z, subject: a.example, text: x}\n- {}\n")
    await look(daemon)
    published = await daemon.publisher.publish()
    assert published is not None
    assert [each["subject"] for each in published.publication.edition["corrections"]] == ["a.example"]


async def test_what_is_older_than_it_may_be_is_stale(daemon: Daemon) -> None:
    await look(daemon)
    published = await daemon.publisher.publish()
    assert isinstance(published, Published)
    assert not published.is_stale(published.as_of + timedelta(hours=3))
    assert published.is_stale(published.as_of + timedelta(hours=3, seconds=1))
