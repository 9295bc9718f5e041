"""A cursor reads what is there, never beyond its end, and a field that is not whole consumes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.tls.wire import Cursor, Truncated, uint, uints, vector

STEPS = st.lists(st.tuples(st.sampled_from(["take", "uint", "vector"]), st.integers(0, 4)), max_size=30)


def _step(cursor: Cursor, kind: str, size: int) -> int:
    """Read one field, and return how many octets it took by its own account."""
    match kind:
        case "take":
            taken = cursor.take(size)
            assert len(taken) == size
            return size
        case "uint":
            assert 0 <= cursor.uint(size) < 256**size
            return size
    return size + len(cursor.vector(size))


@given(st.binary(max_size=60), STEPS)
def test_a_cursor_accounts_for_every_octet_and_stays_where_a_field_is_truncated(octets: bytes, steps: list[tuple[str, int]]) -> None:
    cursor, read = Cursor(octets), 0
    for kind, size in steps:
        try:
            read += _step(cursor, kind, size)
        except Truncated:
            if kind != "vector":
                assert size > len(octets) - read
        assert cursor.left == len(octets) - read
        assert cursor.left >= 0
    assert cursor.take(cursor.left) == octets[read:]


@given(st.binary(max_size=40), st.integers(0, 60))
def test_what_a_cursor_takes_is_what_stands_there(octets: bytes, count: int) -> None:
    cursor = Cursor(octets)
    if count > len(octets):
        with pytest.raises(Truncated):
            cursor.take(count)
        assert cursor.left == len(octets)
    else:
        assert cursor.take(count) == octets[:count]
        assert cursor.left == len(octets) - count


@given(st.integers(1, 3), st.binary(max_size=255), st.binary(max_size=10))
def test_a_vector_is_read_as_it_was_written(size: int, body: bytes, behind: bytes) -> None:
    cursor = Cursor(vector(size, body[:3], body[3:]) + behind)
    assert cursor.vector(size) == body
    assert cursor.left == len(behind)


@given(st.integers(1, 3), st.binary(min_size=1, max_size=255), st.data())
def test_a_truncated_vector_gives_back_its_length(size: int, body: bytes, data: st.DataObject) -> None:
    whole = vector(size, body)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    cursor = Cursor(cut)
    with pytest.raises(Truncated):
        cursor.vector(size)
    assert cursor.take(cursor.left) == cut


@given(st.integers(1, 4), st.data())
def test_a_number_is_read_as_it_was_written(size: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 256**size - 1), max_size=5))
    cursor = Cursor(uints(size, tuple(numbers)) + b"".join(uint(size, number) for number in numbers))
    assert [cursor.uint(size) for _ in range(2 * len(numbers))] == 2 * numbers


def test_a_number_or_a_vector_that_does_not_fit_is_an_overflow() -> None:
    for write in (lambda: uint(1, 256), lambda: uint(2, -1), lambda: uints(2, (1, 65_536)), lambda: vector(1, bytes(200), bytes(56))):
        with pytest.raises(OverflowError):
            write()
    assert vector(1, bytes(255)) == b"\xff" + bytes(255)
