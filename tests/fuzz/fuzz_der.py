"""Fuzz target: the elements of DER, and the values in them."""

from __future__ import annotations

from fuzz_seeds import certificates, keys, staples

from mailtls.tls.der import NotDER, bits_of, generalized_time, oid_name, read_element, read_elements
from mailtls.tls.publickey import read_public_key

COVERS = (read_elements, read_element, oid_name, bits_of, generalized_time, read_public_key)


def one(data: bytes) -> None:
    """Bytes are either NotDER or elements that are, put together, the bytes again;
    a value is either NotDER or one that its octets can hold, and a key is measured whatever its size."""
    try:
        found = read_elements(data)
        assert b"".join(element.whole for element in found) == data
        assert all(element.whole.endswith(element.content) for element in found)
    except NotDER:
        found = []
    for tag in {element.tag for element in found[:1]} | {0x30}:
        try:
            assert read_element(data, tag) == found[0]
        except NotDER:
            assert len(found) != 1 or found[0].tag != tag
    for octets in (data, *(element.content for element in found[:20])):
        _values(octets)
    key = read_public_key(data)
    assert (key.kind is None) == (key.bits is None) == bool(key.problem)
    assert key.bits is None or 0 <= key.bits <= 8 * len(data)


def _values(octets: bytes) -> None:
    for read in (oid_name, bits_of, generalized_time):
        try:
            value = read(octets)
        except NotDER:
            continue
        assert not isinstance(value, int) or 0 <= value <= 8 * len(octets)
        assert not isinstance(value, str) or (value.replace(".", "").isdigit() and len(value) < 4 * 64)


def seeds() -> list[bytes]:
    return [*certificates(), *keys(), *staples(), b"20261124000000Z", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", b"\x00\xff\xff"]
