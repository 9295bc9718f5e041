"""Whatever evidence is written is read back, and what is not ours is told apart, whatever its octets."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import types
import typing
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from remembered import NOW, ONE, found, zones

from mailtls.evidence import Exchange, Handshake, Lookup, LookupOutcome, Offer, ProbeEvidence, Purpose, RouteEvidence, ScanEvidence
from mailtls.hellos import HelloEvidence
from mailtls.model import Stage
from mailtls.store import documents
from mailtls.store.codec import Unreadable
from mailtls.store.compact import inflated
from mailtls.store.documents import LARGEST_NUMBER, TooLarge, decode, encode
from mailtls.tracking.sts import StsTrack

KINDS = (ScanEvidence, RouteEvidence, StsTrack)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(1 - LARGEST_NUMBER, LARGEST_NUMBER - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=8),
    bytes: st.binary(max_size=8) | st.sampled_from([b"220 mx\r\n", b"\x30\x82" * 20]),
    datetime: st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=zones),  # noqa: DTZ001 - the zone is drawn
    object: st.none(),
    type(None): st.none(),
}


@cache
def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Make up values of an annotated type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if origin in (types.UnionType, typing.Union):
        return st.one_of(map(any_of, arguments))
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(st.text(max_size=4), any_of(arguments[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, localns=documents._NAMES)
        return st.builds(kind, **{item.name: any_of(hints[item.name]) for item in dataclasses.fields(kind)})
    return st.from_type(kind)


anything = st.one_of(map(any_of, KINDS))
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@slow
@given(anything)
def test_whatever_is_written_is_read_back(written: Any) -> None:
    assert dataclasses.asdict(decode(type(written), encode(written))) == dataclasses.asdict(written)


@slow
@given(st.sampled_from(KINDS), st.binary(max_size=200) | st.binary(max_size=200).map(zlib.compress))
def test_octets_that_are_not_ours_are_unreadable_and_nothing_else(kind: type, octets: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(kind, octets)


@slow
@given(anything, st.data())
def test_damaged_octets_are_unreadable_and_nothing_else(written: Any, data: st.DataObject) -> None:
    octets = bytearray(encode(written))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.integers(place, len(octets)))
    for damaged in (bytes(octets), bytes(octets[:end]), encode(written) + b"\0"):
        with contextlib.suppress(Unreadable):  # else a change that means the same, such as another level of compression in the header
            assert dataclasses.asdict(decode(type(written), damaged)) == dataclasses.asdict(written)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return each container within a document with each of its keys or positions."""
    if not isinstance(document, dict | list):
        return []
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    return [(document, key) for key in keys] + [place for key in keys for place in places(document[key])]


@slow
@given(anything, st.data())
def test_a_document_with_another_value_somewhere_is_read_or_unreadable_and_nothing_else(written: Any, data: st.DataObject) -> None:
    document = json.loads(inflated(encode(written)))
    container, key = data.draw(st.sampled_from(places(document)))
    if data.draw(st.booleans()):
        container[key] = data.draw(values)
    else:
        del container[key]
    try:
        again = decode(type(written), zlib.compress(json.dumps(document).encode()))
    except Unreadable:
        return
    encode(again)


CHAIN = (b"\x30\x82the leaf", b"\x30\x82the intermediate")
PROBE = ProbeEvidence(
    Offer(), NOW, (Exchange(Stage.GREETING, b"", b"220 mx1.example\r\n", 0.0, 0.1),), Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", None, CHAIN)
)
SCAN = ScanEvidence(ONE, Purpose.FULL, NOW, (PROBE, PROBE), hellos=found())


def changed(change: Callable[[Any], object]) -> bytes:
    document = json.loads(inflated(encode(SCAN)))
    change(document)
    return zlib.compress(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(format=2), "format 2 is not known to this version, which reads format 1"),
        (lambda d: d.update(kind="RouteEvidence"), "'RouteEvidence' stands where ScanEvidence belongs"),
        (lambda d: d["value"].update(began="2026-11-24T12:00:00"), "no time zone"),
        (lambda d: d["value"].update(weight=3), "ScanEvidence has no 'weight'"),
        (lambda d: d["value"].pop("endpoint"), "endpoint"),
        (lambda d: d["value"].update(purpose="idle"), "'idle' is not a valid Purpose"),
        (lambda d: d["value"]["endpoint"].update(port=True), "True stands where int belongs"),
        (lambda d: d["value"]["endpoint"].update(port=10**30), "a number is out of all bounds"),
        (lambda d: d["value"]["endpoint"].update(address="192.0.2.256"), "192.0.2.256"),
        (lambda d: d["value"]["probes"][0].update(took=float("inf")), "Infinity is no number"),
        (lambda d: d["value"]["probes"][0].update(handshake={"Cipher": {}}), "KeyError"),
        (lambda d: d["value"].update(hellos=7), "nothing stands in place 7"),
        (lambda d: d["octets"].clear(), "nothing stands in place 0"),
        (lambda d: d["octets"].__setitem__(0, "?"), "base64"),
    ],
)
def test_it_says_what_is_wrong(change: Callable[[Any], object], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        decode(ScanEvidence, changed(change))


def test_a_field_that_a_later_version_adds_with_a_default_is_no_new_format_and_one_with_its_default_takes_no_room() -> None:
    document = json.loads(inflated(encode(SCAN)))
    assert set(document["value"]) == {"endpoint", "purpose", "began", "probes", "hellos"}


def test_a_certificate_stands_once_however_many_visits_met_it_and_replies_stay_readable() -> None:
    document = json.loads(inflated(encode(SCAN)))
    assert len(document["octets"]) == 2
    assert document["value"]["probes"][0]["exchanges"][0]["received"] == "220 mx1.example\r\n"


def test_what_is_told_apart_by_identity_is_one_object_again() -> None:
    again: HelloEvidence = found()
    one = decode(ScanEvidence, encode(dataclasses.replace(SCAN, hellos=again, rechecked=again)))
    assert one.rechecked is one.hellos
    other = decode(ScanEvidence, encode(dataclasses.replace(SCAN, hellos=found(), rechecked=again)))
    assert other.rechecked is not other.hellos


def test_a_document_that_would_swell_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 1000)
    with pytest.raises(Unreadable, match="too long"):
        decode(ScanEvidence, zlib.compress(b" " * 1001 + b"{}"))


def test_what_would_not_be_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST_COMPRESSED", 1000)
    with pytest.raises(TooLarge):
        encode(RouteEvidence("a.example", Lookup("a.example.", "MX", LookupOutcome.ANSWERED, (os.urandom(2000).hex(),))))
    monkeypatch.setattr(documents, "LARGEST", 2000)
    with pytest.raises(TooLarge):
        encode(RouteEvidence("a" * 2000, None))


def test_what_is_annotated_in_a_way_that_is_not_known_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="has no place in a document"):
        documents.codec_of(set[int])
