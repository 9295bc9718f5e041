"""TXT records: strings put together, escapes decoded, fields read by their grammar, whatever stands there."""

from __future__ import annotations

import contextlib

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.trust.txt import BadText, fields, octets_of, of_version

STRINGS = st.lists(st.binary(max_size=255), min_size=1, max_size=6)


def presented(strings: list[bytes]) -> str:
    """Return strings as a resolver's library shows them."""
    wire = b"".join(bytes((len(string),)) + string for string in strings)
    return dns.rdata.from_wire("IN", "TXT", wire, 0, len(wire)).to_text()


@given(STRINGS)
def test_the_strings_of_a_record_are_put_together_with_nothing_between_them(strings: list[bytes]) -> None:
    assert octets_of(presented(strings)) == b"".join(strings)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b""), ('""', b""), ('"a" "b"', b"ab"), ("a b", b"ab"), (r'"\"\\\;"', b'"\\;'), (r'"\255\000"', b"\xff\x00"), ('  "a"', b"a"),
        ("plain", b"plain"), ('"\u00fc"', b"\xc3\xbc"),
    ],
)  # fmt: skip
def test_what_escapes_and_quotes_mean(text: str, octets: bytes) -> None:
    assert octets_of(text) == octets


@pytest.mark.parametrize("text", ['"open', r'"\256"', '"a" "', "\\"])
def test_what_is_no_record_in_presentation_form_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadText):
        octets_of(text)


@given(st.text(max_size=200))
def test_no_text_makes_it_fail_in_another_way(text: str) -> None:
    with contextlib.suppress(BadText):
        octets_of(text)


@pytest.mark.parametrize("text", [' ""' * 65_000, "a " * 65_000, '"' + " " * 65_000 + '"', '"' + ";" * 65_000 + '"', '"v=X1' + " " * 65_000 + '"'])
def test_the_longest_record_is_read_to_its_end(text: str) -> None:
    found, _nearly = of_version([text, text], "v=X1")
    for octets in (*found, octets_of(text)):
        with pytest.raises(BadText):
            fields(octets, "v=X1")


def test_records_of_others_are_passed_over_and_one_that_was_perhaps_meant_is_told() -> None:
    assert of_version(['"v=spf1 -all"', '"v=X1; a=b"', '"v=X10; a=b"', '"open'], "v=X1") == ([b"v=X1; a=b"], None)
    assert of_version(['"v=X1 \t; a=b"'], "v=X1") == ([b"v=X1 \t; a=b"], None)
    assert of_version(['"v=spf1"'], "v=X1") == ([], None)
    assert of_version(['"V = x1, a=b"', '"v=X10;"'], "v=X1") == ([], b"V = x1, a=b")
    assert of_version(['"v=X1; a=b"', '" v=X1; a=c"'], "v=X1") == ([b"v=X1; a=b"], None)


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", fullmatch=True)
VALUES = st.from_regex(r"[\x21-\x3a\x3c\x3e-\x7e]+", fullmatch=True)
SPACE = st.text(" \t", max_size=3)


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6), SPACE, SPACE, st.booleans())
def test_fields_come_back_by_name_and_the_first_of_a_name_counts(given_fields, before, behind, ends) -> None:
    semicolon = f"{before};{behind}"
    text = semicolon.join(["v=X1", *(f"{name}={value}" for name, value in given_fields)]) + (semicolon if ends else "")
    expected: dict[str, str] = {}
    for name, value in given_fields:
        expected.setdefault(name, value)
    assert fields(text.encode(), "v=X1") == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "v=X1", "v=X1;", "v=X1;;", "v=X2; a=b", "a=b; v=X1", "v=X1; a", "v=X1; =b", "v=X1; a=", "v=X1; a=b=c", "v=X1; a=b c", "v=X1; a =b",
        "v=X1; a= b", "v=X1; _a=b", "v=X1; a=b;;", "v=X1; a=b ", "v=X1; a=b\n", "v=X1;\na=b", "v=X1; a=\x01", "v=X1; " + "a" * 33 + "=b",
        "v=X1; a=\u00fc",
    ],
)  # fmt: skip
def test_what_does_not_follow_the_grammar_is_refused_and_shown(text: str) -> None:
    with pytest.raises(BadText) as refused:
        fields(text.encode(), "v=X1")
    assert str(refused.value).isprintable()


def test_a_field_with_a_grammar_of_its_own_keeps_its_value_as_it_is() -> None:
    assert fields(b"v=X1; r=a, b=c?d=e ; x=y", "v=X1", free="r") == {"r": "a, b=c?d=e", "x": "y"}
