"""What is written is read back, and what is not ours is told apart, whatever its octets."""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from remembered import evidence, found, same

from mailtls.hellos import HelloEvidence
from mailtls.store import codec
from mailtls.store.codec import Unreadable, decode, encode


@given(evidence)
def test_whatever_is_written_is_read_back(written: HelloEvidence) -> None:
    assert same(decode(encode(written)), written)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(zlib.compress))
def test_octets_that_are_not_ours_are_unreadable_and_nothing_else(octets: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(octets)


@given(evidence, st.data())
def test_damaged_octets_are_unreadable_and_nothing_else(written: HelloEvidence, data: st.DataObject) -> None:
    octets = bytearray(encode(written))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    end = data.draw(st.integers(place, len(octets)))
    for damaged in (bytes(octets), bytes(octets[:end]), encode(written) + b"\0"):
        with contextlib.suppress(Unreadable):
            assert same(decode(damaged), written)  # a change that means the same, such as another level of compression in the header


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


@given(st.data())
def test_a_document_with_another_value_somewhere_is_read_or_unreadable_and_nothing_else(data: st.DataObject) -> None:
    document = json.loads(zlib.decompress(encode(data.draw(evidence))))
    container, key = data.draw(st.sampled_from(places(document)))
    if data.draw(st.booleans()):
        container[key] = data.draw(values)
    else:
        del container[key]
    try:
        again = decode(zlib.compress(json.dumps(document).encode()))
    except Unreadable:
        return
    encode(again)


def changed(change: Callable[[Any], object]) -> bytes:
    document = json.loads(zlib.decompress(encode(found())))
    change(document)
    return zlib.compress(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.update(format=2), "format 2 is not known to this version, which reads format 1"),
        (lambda d: d.update(began="2026-11-24T12:00:00"), "no time zone"),
        (lambda d: d.update(certificates={}), "KeyError"),
        (lambda d: d["certificates"].update({next(iter(d["certificates"])): "AAAA"}), "is another one"),
        (lambda d: d["asked"][0].update(began=True), "True stands where float belongs"),
        (lambda d: d["asked"][0].update(began=float("nan")), "NaN is no number"),
        (lambda d: d["asked"][0]["offer"].update(version="TLSv1.4"), "'TLSv1.4' is no version"),
        (lambda d: d["asked"][0]["offer"].update(groups="00"), "two octets"),
        (lambda d: d["asked"][0]["answer"].update(cipher_suite="4865"), "'4865' stands where int belongs"),
        (lambda d: d["asked"][0].update(answer={"silent": "sulking", "stage": "hello", "detail": ""}), "'sulking' is not a valid Cause"),
    ],
)
def test_it_says_what_is_wrong(change: Callable[[Any], object], why: str) -> None:
    with pytest.raises(Unreadable, match=why.replace("(", r"\(")):
        decode(changed(change))


def test_a_document_that_would_swell_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "LARGEST", 1000)
    with pytest.raises(Unreadable, match="too long"):
        decode(zlib.compress(b" " * 1001 + b"{}"))


def test_a_certificate_stands_once_however_many_answers_came_with_it() -> None:
    document = json.loads(zlib.decompress(encode(found(0x1301, 0x1302, 0x1303))))
    assert len(document["certificates"]) == 2
