"""What is sealed can be opened again, shares what did not change, and says where it stands in its chain."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.publication import Publication
from mailtls.publication.canonical import Malformed, canonical, digest, parsed
from mailtls.publication.chain import Sealed, index_of, opened, read_manifest, seal
from mailtls.publication.schemas import schemas
from tests.site.sample import publication

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
TIMES = ("measured_at", "attempted_at", "concluded_at", "last_seen")


def reopened(sealed: Sealed) -> Publication:
    return opened(read_manifest(sealed.manifest), sealed.objects.__getitem__)


def an_hour_later(value: Any) -> Any:
    """Return a document as a look that found nothing new leaves it."""
    if isinstance(value, dict):
        return {k: "2026-11-24T13:00:00Z" if k in TIMES and isinstance(v, str) else an_hour_later(v) for k, v in value.items()}
    return [an_hour_later(each) for each in value] if isinstance(value, list) else value


def test_what_is_sealed_opens_as_it_was() -> None:
    made = publication()
    found = reopened(seal(made, None, NOW))
    assert found == replace(made, domains=dict(made.domains), days=dict(made.days))


def test_the_first_has_nothing_before_it_and_the_next_names_it() -> None:
    first = seal(publication(), None, NOW)
    second = seal(publication(), first.manifest, NOW + timedelta(hours=1))
    assert (first.link.number, first.link.previous, first.link.published_at) == (1, None, "2026-11-24T12:00:05Z")
    assert (second.link.number, second.link.previous) == (2, first.hash)
    manifest = json.loads(second.manifest)
    assert (manifest["as_of"], manifest["policies"]["pledge-2013"], manifest["vantage"]) == ("2026-11-24T12:00:00Z", "2013-12", "lab")
    assert digest(second.manifest) == second.hash
    fastjsonschema.compile(schemas()["manifest"])(manifest)


def test_of_what_did_not_change_the_next_one_names_the_same_objects() -> None:
    made = publication()
    moved = replace(made, providers=tuple(map(an_hour_later, made.providers)), domains=an_hour_later(made.domains))
    first = seal(made, None, NOW)
    second = seal(moved, first.manifest, NOW)
    named = [json.loads(each.manifest)["objects"] for each in (first, second)]
    assert {name for name in named[0] if named[0][name] != named[1][name]} == {"times"}
    assert reopened(second) == moved


def test_a_day_on_which_nothing_changed_leaves_the_days_of_a_domain_the_same() -> None:
    def shifted(days: dict[str, Any]) -> dict[str, Any]:
        ends = {days["first"]: "2026-08-28", days["last"]: "2026-11-25"}
        rows = [
            row | {"runs": [run | {"from": ends.get(run["from"], run["from"]), "to": ends.get(run["to"], run["to"])} for run in row["runs"]]}
            for row in days["rows"]
        ]
        return days | {"first": "2026-08-28", "last": "2026-11-25", "rows": rows}

    made = publication()
    next_day = replace(made, days={name: shifted(days) for name, days in made.days.items()})
    first, second = seal(made, None, NOW), seal(next_day, None, NOW)
    assert json.loads(first.manifest)["objects"]["days"] == json.loads(second.manifest)["objects"]["days"]
    assert reopened(second).days == next_day.days


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["2026-11-24T12:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TIMES, "a", "b"]) | st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(domain=st.dictionaries(st.sampled_from([*TIMES, "x"]), JSON), provider=st.dictionaries(st.sampled_from([*TIMES, "x"]), JSON))
def test_any_documents_open_as_they_were_sealed(domain: dict[str, Any], provider: dict[str, Any]) -> None:
    made = replace(SMALL, domains={"a.example": domain}, providers=(provider,))
    assert reopened(seal(made, None, NOW)) == made


SMALL = replace(publication(), domains={}, days={}, incidents=())


def test_every_text_of_the_wire_is_plain_ascii_in_what_is_hashed() -> None:
    octets = canonical({"text": "\x1b[31m\u202e\udc80é"})
    assert octets.isascii()
    assert b"\x1b" not in octets
    assert parsed(octets, 100) == {"text": "\x1b[31m\u202e\udc80é"}


def test_an_object_that_is_not_the_one_that_is_named_is_not_opened() -> None:
    sealed = seal(publication(), None, NOW)
    with pytest.raises(Malformed, match="not the one"):
        opened(read_manifest(sealed.manifest), lambda _name: b"{}")


@pytest.mark.parametrize("times", [[], [["t", 1]], [["t", 3]], [[None, 10**30]], [["t", "2"]], [[5, 2]], 7, [7], [["t", -1]]])
def test_times_that_do_not_fit_their_places_are_malformed(times: Any) -> None:
    made = replace(SMALL, domains={"a.example": {"measured_at": "t", "last_seen": "t"}})
    sealed = seal(made, None, NOW)
    manifest = json.loads(sealed.manifest)
    forged = canonical({"schema": 1, "domains": {"a.example": times}, "providers": [], "window": None})
    manifest["objects"]["times"] = digest(forged)
    with pytest.raises(Malformed):
        opened(read_manifest(canonical(manifest)), ({**sealed.objects, digest(forged): forged}).__getitem__)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"[" * 100 + b"]" * 100, "too deep"),
        (b'{"a":' * 100_000, "too deep"),
        (b'{"a":1,"a":2}', "twice"),
        (b"NaN", "a number that is none"),
        (b"1e999", "a number that is none"),
        (b"9" * 5000, "no JSON"),
        (b'"' + b"[" * 100, "too deep|no JSON"),
        (b"\xff", "no UTF-8"),
        (b"", "no JSON"),
        (b"x" * 200_001, "more than 200,000"),
    ],
)
def test_json_that_is_not_as_ours_is_malformed(octets: bytes, why: str) -> None:
    limit = 200_000 if octets[:1] == b"x" else 2_000_000
    with pytest.raises(Malformed, match=why):
        parsed(octets, limit)


def test_brackets_in_a_text_are_not_deep() -> None:
    assert parsed(canonical(["[" * 1000 + '\\"' + "{" * 1000]), 10_000) == ["[" * 1000 + '\\"' + "{" * 1000]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"number": 0},
        {"number": "1"},
        {"number": True},
        {"number": 2},
        {"previous": "0" * 64},
        {"published_at": "yesterday"},
        {"published_at": "2026-11-24T12:00:00"},
        {"published_at": 5},
        {"key": "AAAA"},
        {"key": 7},
        {"objects": {}},
        {"objects": None},
    ],
)
def test_a_manifest_that_is_not_as_ours_is_malformed(change: dict[str, Any]) -> None:
    manifest = json.loads(seal(publication(), None, NOW).manifest)
    with pytest.raises(Malformed):
        read_manifest(canonical(manifest | change))


@pytest.mark.parametrize("octets", [b"[]", b'{"a.example":"x"}', b'{"a.example":7}'])
def test_an_index_that_is_not_as_ours_is_malformed(octets: bytes) -> None:
    with pytest.raises(Malformed):
        index_of(octets)
