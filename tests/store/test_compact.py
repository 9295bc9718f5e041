"""What is compressed is read again, and what is damaged, too large or of another program is refused."""

from __future__ import annotations

import contextlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.store import compact
from mailtls.store.compact import deflated, inflated, packed, unpacked

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))


@given(st.binary())
def test_octets_come_back_as_they_were(octets: bytes) -> None:
    assert inflated(deflated(octets)) == octets


@given(JSON)
def test_values_come_back_as_they_were(value: object) -> None:
    assert unpacked(packed(value)) == value


@given(st.binary())
def test_what_earlier_versions_compressed_is_read(octets: bytes) -> None:
    assert inflated(zlib.compress(octets)) == octets


def test_the_dictionary_is_what_it_was_when_the_first_stream_named_it() -> None:
    assert zlib.adler32(compact._COMMON) == int.from_bytes(deflated(b"")[2:6]) == 0xF567D8B6


def test_a_usual_document_takes_less_room_than_without_a_dictionary() -> None:
    value = {"values": {"starttls_offered": "true", "starttls_accepted": "true", "requiretls": "absent"}}
    assert len(packed(value)) < len(zlib.compress(json.dumps(value, separators=(",", ":")).encode())) / 2


@pytest.mark.parametrize(
    "change",
    [
        lambda octets: octets[:-1],
        lambda octets: octets + b"x",
        lambda octets: octets[:8] + b"\xff\xff" + octets[10:],
        lambda octets: octets[:2] + b"abcd" + octets[6:],  # of another dictionary
        lambda _octets: b"",
    ],
)
def test_what_is_damaged_is_refused(change) -> None:
    with pytest.raises(ValueError, match=r"."):
        inflated(change(deflated(b"words" * 20)))


def test_what_would_be_too_large_is_refused_without_being_made() -> None:
    bomb = deflated(bytes(10_000))
    assert len(inflated(bomb, 10_000)) == 10_000
    with pytest.raises(ValueError, match="too long"):
        inflated(bomb, 9_999)


@given(st.binary())
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        inflated(octets)
