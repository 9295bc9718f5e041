"""Badges: they say what was measured and when, in words, and let nothing of a stranger's act."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from mailtls.model import Verdict
from mailtls.site.badges import badge, files
from tests.site.sample import HOSTILE, publication

MADE = publication()
SVG = "{http://www.w3.org/2000/svg}"


def texts(octets: bytes) -> list[str]:
    return [each.text or "" for each in ET.fromstring(octets).iter(f"{SVG}text")]


def title(octets: bytes) -> str:
    return ET.fromstring(octets).findtext(f"{SVG}title") or ""


@pytest.mark.parametrize("verdict", list(Verdict))
def test_says_verdict_and_day_in_words(verdict: Verdict) -> None:
    drawn = badge("a.example", verdict, "2026-11-24T12:00:00Z", stale=False)
    assert "2026-11-24" in texts(drawn)[1]
    assert "a.example" in title(drawn)
    assert ET.fromstring(drawn).get("aria-label") == title(drawn)


def test_each_verdict_has_words_and_a_sign_of_its_own() -> None:
    said = {texts(badge("a", verdict, None, stale=False))[1] for verdict in Verdict}
    assert len({text[0] for text in said}) == len(said) == len(Verdict)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_is_out_of_date_shows_no_verdict(verdict: Verdict) -> None:
    old = badge("a.example", verdict, "2026-11-24T12:00:00Z", stale=True)
    assert "out of date" in texts(old)[1]
    assert b"#1b6b2f" not in old


def test_a_name_is_text_and_never_markup() -> None:
    drawn = badge(HOSTILE, Verdict.PROTECTED, None, stale=False)
    assert {each.tag for each in ET.fromstring(drawn).iter()} == {f"{SVG}{tag}" for tag in ("svg", "title", "rect", "text")}
    assert "\x1b" not in title(drawn)
    assert "\u202e" not in title(drawn)


def test_every_domain_and_provider_has_one() -> None:
    made = files(MADE, stale=False)
    assert len(made) == len(MADE.domains) + len(MADE.providers)
    for name, each in MADE.domains.items():
        assert name in title(made[f"status/domains/{name}/badge.svg"].render())
        assert each["verdict"] != "unknown" or "not measured" in texts(made[f"status/domains/{name}/badge.svg"].render())[1]


def test_a_provider_that_could_not_be_measured_in_part_is_not_shown_as_protected() -> None:
    provider = MADE.providers[0] | {"verdicts": {"protected": 3, "unknown": 1}}
    made = files(type(MADE)(MADE.edition, (provider,), {}, {}, (), MADE.trends), stale=False)
    assert "not measured" in texts(made[f"status/providers/{provider['slug']}/badge.svg"].render())[1]
