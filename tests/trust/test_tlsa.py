"""TLSA records: read whatever they are, used only where a mail sender uses them, and held against the octets of a certificate."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import authority, leaf

from mailtls.trust.tlsa import MAX_PRESENTATION, TLSA, assess, parse_tlsa, public_key_of, speaks_of

DIGEST = "ab" * 32
LEAF = leaf(None, "mx.example")


@pytest.mark.parametrize(
    ("text", "record"),
    [
        (f"3 1 1 {DIGEST}", TLSA(3, 1, 1, bytes.fromhex(DIGEST))),
        (f"3 1 1 {DIGEST[:20]} {DIGEST[20:]}", TLSA(3, 1, 1, bytes.fromhex(DIGEST))),
        (f"  3\t1  1 {DIGEST.upper()} ", TLSA(3, 1, 1, bytes.fromhex(DIGEST))),
        ("255 254 253 00", TLSA(255, 254, 253, b"\0")),
        ("3 1 1", TLSA(3, 1, 1, b"")),
        ("3 1 1 abc", None),
        ("3 1 1 ab a", None),
        ("3 1 1 zz", None),
        ("256 1 1 ab", None),
        ("-3 1 1 ab", None),
        ("3 1 ab", None),
        ("", None),
        ("\u0663 1 1 ab", None),
        ("3 1 1 \uff11\uff12", None),
        ("3 1 1 " + "ab" * (MAX_PRESENTATION // 2), TLSA(3, 1, 1, b"\xab" * (MAX_PRESENTATION // 2))),
        ("3 1 1 " + "ab" * MAX_PRESENTATION, None),
        ("3 1 1 " + " " * (5 * MAX_PRESENTATION), None),
    ],
    ids=lambda value: str(value)[:24],
)
def test_the_presentation_form_is_read_or_refused(text: str, record: TLSA | None) -> None:
    assert parse_tlsa(text) == record


@given(st.text())
def test_no_text_makes_the_reader_raise(text: str) -> None:
    read = parse_tlsa(text)
    assert read is None or parse_tlsa(f"{read.usage} {read.selector} {read.matching_type} {read.data.hex()}") == read


def why_not(*records: TLSA) -> list[str]:
    return [assessed.why_not for assessed in assess(records)]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (TLSA(0, 1, 1, bytes(32)), "not for SMTP"),
        (TLSA(1, 1, 1, bytes(32)), "not for SMTP"),
        (TLSA(4, 1, 1, bytes(32)), "usage 4 is unknown"),
        (TLSA(255, 1, 1, bytes(32)), "usage 255 is unknown"),
        (TLSA(3, 2, 1, bytes(32)), "selector 2 is unknown"),
        (TLSA(3, 255, 0, LEAF.der), "selector 255 is unknown"),
        (TLSA(3, 1, 3, bytes(32)), "matching type 3 is unknown"),
        (TLSA(2, 1, 255, bytes(32)), "matching type 255 is unknown"),
        (TLSA(3, 1, 1, b""), "0 octets, where 32 belong"),
        (TLSA(3, 1, 1, bytes(31)), "31 octets"),
        (TLSA(3, 1, 1, bytes(64)), "64 octets"),
        (TLSA(3, 1, 2, bytes(32)), "32 octets, where 64 belong"),
        (TLSA(3, 0, 0, b""), "no certificate"),
        (TLSA(3, 0, 0, LEAF.spki), "no certificate"),
        (TLSA(2, 0, 0, LEAF.der[:-1]), "no certificate"),
        (TLSA(2, 0, 0, LEAF.der + b"\0"), "no certificate"),
        (TLSA(3, 1, 0, LEAF.der), "no public key"),
        (TLSA(2, 1, 0, b"\x30\x00"), "no public key"),
        (TLSA(2, 1, 0, bytes(70_000)), "no public key"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.usage}-{value.selector}-{value.matching_type}",
)
def test_what_no_sender_uses_is_named(record: TLSA, words: str) -> None:
    (why,) = why_not(record)
    assert words in why


@pytest.mark.parametrize("usage", [2, 3])
def test_the_twelve_kinds_for_smtp_are_used(usage: int) -> None:
    kinds = [(0, 0, LEAF.der), (1, 0, LEAF.spki), (0, 1, bytes(32)), (1, 1, bytes(32)), (0, 2, bytes(64)), (1, 2, bytes(64))]
    for selector, matching_type, data in kinds:
        assert why_not(TLSA(usage, selector, matching_type, data)) == [""]


def test_of_several_digests_only_the_strongest_is_used_and_full_data_always() -> None:
    weak, strong, full = TLSA(3, 1, 1, bytes(32)), TLSA(3, 1, 2, bytes(64)), TLSA(3, 1, 0, LEAF.spki)
    assert [bool(why) for why in why_not(weak, strong, full)] == [True, False, False]
    assert "stronger" in why_not(weak, strong)[0]
    assert why_not(weak, full) == ["", ""]


def test_a_stronger_digest_passes_over_none_of_another_usage_or_selector_and_none_where_it_is_unusable() -> None:
    weak = TLSA(3, 1, 1, bytes(32))
    for other in (TLSA(2, 1, 2, bytes(64)), TLSA(3, 0, 2, bytes(64)), TLSA(3, 1, 2, bytes(32)), TLSA(1, 1, 2, bytes(64))):
        assert why_not(weak, other)[0] == ""


def test_a_record_speaks_of_a_certificate_by_its_octets_or_those_of_its_key() -> None:
    for selector, octets in ((0, LEAF.der), (1, LEAF.spki)):
        digests = {0: octets, 1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}
        for matching_type, data in digests.items():
            assert speaks_of(TLSA(3, selector, matching_type, data), LEAF.der)
            assert not speaks_of(TLSA(3, selector, matching_type, data), leaf(None, "mx.example").der)
            assert not speaks_of(TLSA(3, 1 - selector, matching_type, data), LEAF.der)
            assert not speaks_of(TLSA(3, selector, matching_type, data[:-1]), LEAF.der)
    assert not speaks_of(TLSA(3, 2, 0, LEAF.der), LEAF.der)
    assert not speaks_of(TLSA(3, 0, 3, LEAF.der), LEAF.der)
    assert not speaks_of(TLSA(3, 0, 0, b""), b"")


def test_the_octets_of_a_key_are_found_where_no_library_reads_the_certificate() -> None:
    made = authority("an authority")
    assert public_key_of(made.der) == made.spki
    unread = made.der.replace(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x7f")  # an unknown curve
    assert public_key_of(unread) == made.spki.replace(b"\x03\x01\x07", b"\x03\x01\x7f")


def test_what_is_no_certificate_has_no_key() -> None:
    for size in range(len(LEAF.der)):
        assert public_key_of(LEAF.der[:size]) is None
    for octets in (b"\x30\x80" + bytes(50), b"\x30\x84\xff\xff\xff\xff", b"\x30\x85\0\0\0\0\1\0", LEAF.spki, b"\x30\x03\x30\x01\x02"):
        assert public_key_of(octets) is None


@given(st.binary(max_size=300), st.integers(0, 400), st.binary(max_size=4))
def test_no_octets_make_the_search_for_a_key_raise(octets: bytes, place: int, change: bytes) -> None:
    public_key_of(octets)
    public_key_of(LEAF.der[:place] + change + LEAF.der[place + len(change) :])
