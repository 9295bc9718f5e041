"""DER is read one level at a time, and numbers are measured; what is no DER is said to be none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from certmaking import tlv
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tls import oids
from mailtls.tls.der import MAX_ELEMENTS, OID, NotDER, bits_of, generalized_time, oid_name, oid_octets, read_element, read_elements


@given(st.lists(st.tuples(st.integers(0, 255).filter(lambda tag: tag & 0x1F != 0x1F), st.binary(max_size=300)), max_size=5))
def test_what_was_written_is_read_again_and_no_beginning_of_it(written: list[tuple[int, bytes]]) -> None:
    whole = b"".join(tlv(tag, content) for tag, content in written)
    found = read_elements(whole)
    assert [(element.tag, element.content) for element in found] == written
    assert b"".join(element.whole for element in found) == whole
    for cut in range(1, min(len(written[-1][1]) + 2, 40) if written else 0):
        with pytest.raises(NotDER):
            read_elements(whole[:-cut])


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(octets: bytes) -> None:
    for read in (read_elements, oid_name, bits_of, generalized_time, lambda der: read_element(der, 0x30)):
        try:
            read(octets)
        except NotDER:
            continue


@pytest.mark.parametrize(
    "octets",
    [
        b"\x30", b"\x30\x80\x00\x00", b"\x30\x85\x00\x00\x00\x00\x01x", b"\x3f\x81\x01\x00", b"\x30\x02x",
        b"\x30\x84\xff\xff\xff\xff", b"\x30\x82\x01",
    ],
)  # fmt: skip
def test_lengths_that_are_cut_off_or_indefinite_and_long_tags_are_no_der(octets: bytes) -> None:
    with pytest.raises(NotDER):
        read_elements(octets)


def test_there_is_an_end_to_a_list() -> None:
    assert len(read_elements(b"\x05\x00" * MAX_ELEMENTS)) == MAX_ELEMENTS
    with pytest.raises(NotDER, match="more than"):
        read_elements(b"\x05\x00" * (MAX_ELEMENTS + 1))


@pytest.mark.parametrize(("octets", "bits"), [(b"\0", 0), (b"\1", 1), (b"\x7f", 7), (b"\0\xff", 8), (b"\0\x80" + bytes(99_999), 800_000)])
def test_a_number_is_measured(octets: bytes, bits: int) -> None:
    assert bits_of(octets) == bits


@pytest.mark.parametrize("octets", [b"", b"\x80", b"\xff\xff"])
def test_a_negative_number_is_none(octets: bytes) -> None:
    with pytest.raises(NotDER):
        bits_of(octets)


@pytest.mark.parametrize(
    ("octets", "dotted"), [("2a864886f70d01010b", "1.2.840.113549.1.1.11"), ("551d11", "2.5.29.17"), ("00", "0.0"), ("8837", "2.999")]
)
def test_an_object_identifier_has_its_dotted_form(octets: str, dotted: str) -> None:
    assert oid_name(bytes.fromhex(octets)) == dotted


@pytest.mark.parametrize("octets", [b"", b"\x2a\x86", b"\x81" * 64 + b"\x01"])
def test_an_object_identifier_that_is_absurd_is_none(octets: bytes) -> None:
    with pytest.raises(NotDER):
        oid_name(octets)


def test_a_time_is_in_utc_to_the_second() -> None:
    assert generalized_time(b"20261124123000Z") == datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    for odd in (b"20261124123000", b"20261124123000.5Z", b"20261124123000+0100", b"20261324123000Z", b"2026112412300 Z", b"\xd9\xa0" * 7 + b"Z"):
        with pytest.raises(NotDER):
            generalized_time(odd)


def test_an_object_identifier_is_written_as_it_is_read() -> None:
    assert oid_octets("1.2.840.10045.2.1") == bytes.fromhex("06072a8648ce3d0201")
    numbers = [value for name, value in vars(oids).items() if name.isupper() for value in (value if isinstance(value, dict) else (value,))]
    assert len(numbers) == len(set(numbers)) > 40
    assert all(oid_name(read_element(oid_octets(number), OID).content) == number for number in numbers)
