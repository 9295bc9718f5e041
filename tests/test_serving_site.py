"""The public site over HTTP: what is published is served as it is, told from older copies, and never to be taken for more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from mailtls import rendered, serving_site
from mailtls.publishing import Published
from mailtls.serving_site import SiteServing, routes
from mailtls.site import api
from mailtls.site.file import Caching, File
from mailtls.store.database import StoreFailed
from mailtls.store.publications import Kept
from tests.site.sample import publication

PLAIN = {"Accept-Encoding": "identity"}
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@dataclass
class World:
    """What is published, and what time it is."""

    last: Published | None = field(default_factory=lambda: Published(publication(), None))
    now: datetime = NOW
    publishes: bool = True
    chain: dict[str, File] = field(default_factory=dict)
    fails: bool = False

    async def find(self, path: str) -> File | None:
        if self.fails:
            raise StoreFailed("the disk is gone")
        return self.chain.get(path)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    serving = SiteServing(lambda: world.last, lambda: world.now, lambda: world.publishes, world.find)
    transport = httpx.ASGITransport(Starlette(routes=routes(serving)))
    async with httpx.AsyncClient(transport=transport, base_url="http://status.example") as asking:
        yield asking


async def test_a_page_can_load_nothing_from_elsewhere_and_run_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/status/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "<script" not in answer.text.lower()


@pytest.mark.parametrize(
    "path", ["/api/v1/domains/solid.example.json", "/api/v1/domains.csv", "/status/feed.atom", "/status/domains/solid.example/badge.svg"]
)
async def test_data_may_be_read_from_pages_of_others(path: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")


async def test_what_a_client_has_is_not_sent_again(client: httpx.AsyncClient, world: World) -> None:
    first = await client.get("/api/v1/edition.json")
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    assert first.headers["Last-Modified"] == "Tue, 24 Nov 2026 12:00:00 GMT"
    assert first.headers["Cache-Control"] == "public, max-age=60"
    for asked in (tag, f'W/{tag}, "x"', "*"):
        again = await client.get("/api/v1/edition.json", headers={"If-None-Match": asked})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert (await client.get("/api/v1/edition.json", headers={"If-None-Match": '"x"'})).status_code == 200
    made = publication()
    made.edition["title"] = "Another"
    world.last = Published(made, None)
    assert (await client.get("/api/v1/edition.json", headers={"If-None-Match": tag})).json()["title"] == "Another"


async def test_a_head_has_the_headers_of_its_get_and_anything_else_is_refused(client: httpx.AsyncClient) -> None:
    got, head = await client.get("/status/style.css", headers=PLAIN), await client.head("/status/style.css", headers=PLAIN)
    assert (head.status_code, head.headers["ETag"], head.headers["Content-Length"]) == (200, got.headers["ETag"], str(len(got.content)))
    assert (await client.post("/status/style.css")).status_code == 405


async def test_what_is_out_of_date_says_so_at_once_and_is_told_from_what_was_fresh(client: httpx.AsyncClient, world: World) -> None:
    fresh = await client.get("/status/")
    world.now = NOW + timedelta(hours=4)
    stale = await client.get("/status/", headers={"If-None-Match": fresh.headers["ETag"]})
    assert stale.status_code == 200
    assert stale.text != fresh.text
    assert (await client.get("/api/v1/edition.json")).json()["stale"] is True


async def test_before_the_first_publication_it_says_that_and_when_to_come_again(client: httpx.AsyncClient, world: World) -> None:
    world.last = None
    for path, kind in (("/status/", "text/html"), ("/api/v1/domains", "text/plain"), ("/snapshots/head.json", "text/plain")):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (503, "60", "no-store")
        assert answer.headers["Content-Type"].startswith(kind)
        assert "nothing is said of anybody" in answer.text
    world.publishes = False
    assert (await client.get("/status/")).status_code == 404


async def test_what_there_is_not_is_not_found_whatever_it_is_called(client: httpx.AsyncClient) -> None:
    pages, data = ("none.html", "domains/<script>/", "../api/v1/x", "%00"), ("/api/v1/domains/no.example", "/snapshots/99.json")
    for path in (*(f"/status/{page}" for page in pages), *data):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert "script" not in answer.text


async def test_the_chain_is_read_from_the_store_and_what_never_changes_may_be_kept_for_ever(client: httpx.AsyncClient, world: World) -> None:
    world.chain = {
        "snapshots/head.json": File("application/json", lambda: b"{}"),
        "snapshots/1.json": File("application/json", lambda: b"[]", Caching.FOR_EVER),
    }
    head, first = await client.get("/snapshots/head.json"), await client.get("/snapshots/1.json")
    assert (head.content, head.headers["Cache-Control"]) == (b"{}", "public, max-age=60")
    assert (first.content, first.headers["Cache-Control"]) == (b"[]", "public, max-age=31536000, immutable")
    assert (await client.get("/snapshots/1.json", headers={"If-None-Match": first.headers["ETag"]})).status_code == 304
    world.fails = True
    answer = await client.get("/snapshots/1.json")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


async def test_a_folder_without_its_slash_leads_to_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/status")
    assert (answer.status_code, answer.headers["Location"]) == (308, "status/")


async def test_lists_are_turned_a_page_at_a_time_and_the_last_page_says_so(client: httpx.AsyncClient, world: World) -> None:
    assert world.last is not None
    seen: list[str] = []
    following: str | None = "domains?limit=10"
    while following is not None:
        page: Any = (await client.get(f"/api/v1/{following}")).json()
        assert len(page["domains"]) <= 10
        seen += [each["domain"] for each in page["domains"]]
        following = page["next"]
    assert seen == sorted(world.last.publication.domains)


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1" * 5000, "1e3", "\u0661"])
async def test_a_page_of_another_size_than_there_is_is_refused(limit: str, client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/domains", params={"limit": limit})).status_code == 400


async def test_a_document_is_there_with_and_without_its_ending(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/days/solid.example")).content == (await client.get("/api/v1/days/solid.example.json")).content


async def test_a_page_that_nobody_needs_twice_is_not_kept(client: httpx.AsyncClient) -> None:
    first = await client.get("/api/v1/domains", params={"after": "made-up.example", "limit": 1})
    assert json.loads(first.text)["domains"][0]["domain"] > "made-up.example"


async def test_a_file_is_made_once_however_many_ask_and_what_is_kept_has_a_bound(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    really = api.octets

    def octets(document: object) -> bytes:
        made.append(document)
        return really(document)

    monkeypatch.setattr(serving_site.api, "page", lambda *_: {"domains": []})
    monkeypatch.setattr(serving_site.api, "octets", octets)
    for _ in range(3):
        await client.get("/api/v1/domains")
    assert len(made) == 1
    monkeypatch.setattr(rendered, "MOST_KEPT", 1)
    for _ in range(3):
        await client.get("/api/v1/incidents")
    assert len(made) == 4


async def test_a_file_that_cannot_be_made_is_an_error_once_and_tried_again(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> dict[str, object]:
        raise RuntimeError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(serving_site.api, "page", broken)
        with pytest.raises(RuntimeError):
            await client.get("/api/v1/domains")
    assert (await client.get("/api/v1/domains")).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True)]
    + [(accepted, False) for accepted in ("", "identity", "gzip;q=0", "gzip;q=x", "*;q=0")],
)
async def test_a_page_is_compressed_for_who_takes_that_and_is_another_copy_then(accepted: str, packed: bool, client: httpx.AsyncClient) -> None:
    plain = await client.get("/status/", headers={"Accept-Encoding": "identity"})
    answer = await client.get("/status/", headers={"Accept-Encoding": accepted})
    assert answer.content == plain.content
    assert ("Content-Encoding" in answer.headers, answer.headers["ETag"] != plain.headers["ETag"]) == (packed, packed)
    assert answer.headers["Vary"] == "Accept-Encoding"
    if packed:
        assert int(answer.headers["Content-Length"]) < len(plain.content) / 4


async def test_what_fits_into_a_packet_is_sent_as_it_is(client: httpx.AsyncClient) -> None:
    assert "Content-Encoding" not in (await client.get("/status/icon.svg", headers={"Accept-Encoding": "gzip"})).headers


async def test_the_page_of_an_old_snapshot_comes_out_of_the_store_and_may_be_kept_for_ever(client: httpx.AsyncClient, world: World) -> None:
    world.chain["status/snapshots/3/index.html"] = File("text/html; charset=utf-8", lambda: b"as of then", Caching.FOR_EVER)
    answer = await client.get("/status/snapshots/3/")
    assert (answer.status_code, answer.text) == (200, "as of then")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    world.chain.clear()
    again = await client.get("/status/snapshots/3/", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304, "it is read once an edition"
    assert (await client.get("/status/snapshots/3")).headers["Location"] == "3/"
    assert (await client.get("/status/snapshots/4/")).status_code == 404


async def test_the_list_of_snapshots_has_those_that_can_be_read_and_is_there_without_a_store(world: World) -> None:
    async def whole() -> list[Kept]:
        if world.fails:
            raise StoreFailed("the disk is gone")
        return [Kept(3, "ab" * 32, NOW)]

    for world.fails, said in ((False, "Snapshot 3"), (True, "None is listed here.")):
        serving = SiteServing(lambda: world.last, lambda: world.now, lambda: True, world.find, whole)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes(serving))), base_url="http://status.example") as asking:
            assert said in (await asking.get("/status/snapshots/")).text
