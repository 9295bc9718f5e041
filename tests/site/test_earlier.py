"""Snapshots: each is read as it was published, and never taken for how things are now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailtls.publication import Link
from mailtls.publication.archive import add
from mailtls.publication.canonical import Malformed
from mailtls.publication.chain import Gist
from mailtls.site import pages
from mailtls.site.earlier import IN_FULL, months, number_of, page_path
from mailtls.site.file import Caching
from mailtls.site.files import files
from mailtls.site.snapshots import find
from mailtls.store.database import Store
from mailtls.store.publications import Kept, Publications, thin
from tests.site.reading import Element, read
from tests.site.sample import HOSTILE, publication

MADE = publication()
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
LINK = Link(7, "ab" * 32, "cd" * 32, "2026-11-24T12:05:00Z", "ef" * 32)
KEPT = [Kept(number, f"{number:02x}" * 32, NOW - timedelta(hours=40 - number)) for number in range(40, 0, -1)]


def listed(link: Link | None = LINK, kept: list[Kept] = KEPT) -> Element:
    return read(files(MADE, link, kept=kept)["status/snapshots/index.html"].render())


@pytest.fixture
async def chain(tmp_path: Path):
    store = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
    yield Publications(store, "lab")
    await store.close()


def test_the_last_one_stands_first_with_its_place_in_the_chain() -> None:
    said = listed().one("section", aria_labelledby="last").text
    for part in ("Number 7", "As of 2026-11-24 12:00 UTC", "Published 2026-11-24 12:05 UTC", LINK.hash, str(LINK.previous), str(LINK.key)):
        assert part in said


def test_it_says_how_a_hash_and_a_signature_are_verified_by_hand() -> None:
    said = listed().one("section", aria_labelledby="verify").text
    assert f"mailtls verify https://status.example.net/ --since {LINK.hash}" in said
    assert f"sha256sum snapshots/7.json {LINK.hash} snapshots/7.json" in said
    assert "openssl pkeyutl -verify" in said
    assert "openssl" not in listed(replace(LINK, key=None)).text


def test_a_publication_that_was_not_sealed_says_so() -> None:
    assert "has no place in a chain" in listed(None, []).one("section", aria_labelledby="last").text


def test_the_newest_are_told_in_full_and_all_by_month_and_day() -> None:
    shown = listed().one("section", aria_labelledby="earlier")
    rows = shown.one("tbody").all("tr")
    assert len(rows) == IN_FULL
    assert rows[0].text.startswith(f"Snapshot 40 2026-11-24 12:05 UTC {'28' * 32}")
    assert [name.text for name in shown.all("dt")] == ["2026-11-24", "2026-11-23", "2026-11-22"]
    assert len(shown.one("dl").all("a")) == len(KEPT)


def test_days_are_those_of_utc() -> None:
    ((month, (day,)),) = months([Kept(1, "", datetime.fromisoformat("2026-12-01T00:30:00+02:00"))])
    assert (month, day.date, day.numbers) == ("2026-11", "2026-11-30", ((1, "22:30"),))


@pytest.mark.parametrize("path", ["status/snapshots/index.html", "status/snapshots/0/index.html", "status/snapshots/1/index.html\n"])
def test_what_is_no_page_of_a_snapshot_has_no_number(path: str) -> None:
    assert number_of(path) is None
    assert number_of(page_path(12)) == 12


async def test_an_old_snapshot_is_read_as_it_was_and_says_as_of_when(chain: Publications) -> None:
    await add(chain, MADE, NOW, None)
    changed = {name: each | {"verdict": "unknown"} for name, each in MADE.domains.items()}
    await add(chain, replace(MADE, domains=changed, edition=MADE.edition | {"title": "Later"}), NOW + timedelta(hours=1), None)
    file = await find(chain, page_path(1), 2)
    assert file is not None
    assert file.caching is Caching.FOR_EVER
    shown = read(file.render())
    assert "This is how it was then. It shows what was known at 2026-11-24 12:00 UTC" in shown.one("div", class_="then").text
    assert "Later" not in shown.text
    rows = {row.one("th").text: row for row in shown.one("tbody").all("tr")}
    assert list(rows) == [row["domain"] for provider in MADE.providers for row in provider["domains"]]
    assert rows["legacy-only.example"].all("td")[1].text == "degraded"
    (object_link,) = [link.attributes["href"] for link in rows["legacy-only.example"].all("a")]
    assert await find(chain, object_link.removeprefix("../../../"), 2) is not None


async def test_what_was_not_published_yet_or_was_thinned_has_no_page(chain: Publications) -> None:
    await add(chain, MADE, NOW, None)
    await add(chain, MADE, NOW + timedelta(hours=1), None)
    assert await find(chain, page_path(2), 1) is None
    assert await find(chain, page_path(3), 3) is None
    await add(chain, MADE, NOW + timedelta(days=20), None)
    await chain._store.run(thin)
    assert await find(chain, page_path(1), 3) is None
    assert [each.number for each in await chain.whole(3)] == [3, 2]


async def test_objects_that_are_not_there_are_no_page(chain: Publications, monkeypatch: pytest.MonkeyPatch) -> None:
    await add(chain, MADE, NOW, None)

    async def nothing(_names: object) -> dict[str, bytes]:
        return {}

    monkeypatch.setattr(chain, "objects", nothing)
    with pytest.raises(Malformed, match="snapshot 1: its objects are not kept"):
        await find(chain, page_path(1), 1)


def test_what_strangers_said_is_text_on_an_old_page_too() -> None:
    hostile = [{**MADE.providers[0], "provider": HOSTILE}]
    hostile[0]["domains"] = [hostile[0]["domains"][0] | {"domain": HOSTILE}]
    shown = read(pages.snapshot(Gist(MADE.edition, tuple(hostile), {HOSTILE: '"><script>'}), LINK))
    assert shown.all("script") == []
    assert "<script>" in shown.text
