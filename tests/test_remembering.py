"""What is remembered is bounded by the octets that it was computed from."""

from __future__ import annotations

from mailtls.remembering import remembered, size_of

KIB = 1024


def test_what_was_computed_is_not_computed_again() -> None:
    asked = []

    @remembered(KIB)
    def length(octets: bytes) -> int:
        asked.append(octets)
        return len(octets)

    assert [length(b"one"), length(b"one"), length(b"three")] == [3, 3, 5]
    assert asked == [b"one", b"three"]


def test_a_stranger_cannot_make_us_keep_more_than_the_bound_and_the_latest_stays() -> None:
    asked = []

    @remembered(100 * KIB)
    def length(octets: bytes) -> int:
        asked.append(octets[:2])
        return len(octets)

    for number in range(1000):
        length(number.to_bytes(2, "big") + bytes(9 * KIB))
    assert length.held <= 100 * KIB
    asked.clear()
    length((999).to_bytes(2, "big") + bytes(9 * KIB))
    assert asked == []
    length((1).to_bytes(2, "big") + bytes(9 * KIB))
    assert asked == [(1).to_bytes(2, "big")]


def test_what_is_larger_than_the_bound_is_not_kept_at_all() -> None:
    @remembered(KIB)
    def length(octets: bytes) -> int:
        return len(octets)

    assert length(bytes(2 * KIB)) == 2 * KIB
    assert length.held == 0


def test_nothing_is_remembered_of_what_failed() -> None:
    asked = []

    @remembered(KIB)
    def fail(octets: bytes) -> int:
        asked.append(octets)
        raise ValueError(octets)

    for _ in range(2):
        try:
            fail(b"x")
        except ValueError:
            continue
    assert len(asked) == 2


def test_the_size_of_a_chain_is_that_of_its_certificates_and_small_things_count_too() -> None:
    assert size_of((bytes(1000), bytes(2000))) == 3000
    assert size_of(((b"x",) * 10, "y", 7)) == 12 * 64
