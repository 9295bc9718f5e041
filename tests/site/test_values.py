"""Values of facts in words, by their shape."""

from __future__ import annotations

from mailtls.site.values import Pairs, Several, value_of
from mailtls.site.words import english

WORDS = english()


def _of(fact: str, value: object) -> object:
    return value_of(fact, value, WORDS)


def test_truth_numbers_and_text_are_said_in_words() -> None:
    assert [_of("esmtp", each) for each in (True, False)] == ["yes", "no"]
    assert _of("dh_bits", 2048) == "2,048 bits"
    assert _of("dane", "valid") == "valid"


def test_what_is_empty_is_said_to_be() -> None:
    assert (_of("groups", []), _of("dane", "")) == ("none", "empty")


def test_a_time_is_a_time() -> None:
    assert _of("mta_sts_fetched_at", "2026-11-24T19:11:49Z") == '<time datetime="2026-11-24T19:11:49Z">2026-11-24 19:11 UTC</time>'


def test_null_means_what_the_fact_says_and_else_that_it_could_not_be_read() -> None:
    assert _of("negotiated", {"version": "TLSv1.2", "group": None}) == Pairs((("Version", "TLSv1.2"), ("Group", "no ephemeral key")))  # type: ignore[arg-type]
    assert _of("certificates", [{"key_bits": None}]) == Pairs((("Key bits", "could not be read"),))  # type: ignore[arg-type]


def test_the_parts_of_an_object_stand_in_the_order_of_their_declarations() -> None:
    told = _of("negotiated", {"group": "x25519", "version": "TLSv1.3"})
    assert isinstance(told, Pairs)
    assert [key for key, _ in told.pairs] == ["Version", "Group"]


def test_small_objects_of_a_list_are_lines() -> None:
    told = _of("mx_records", [{"preference": 10, "host": "a.example"}, {"preference": 20, "host": "b.example"}])
    assert told == Several(("Preference 10, Host a.example", "Preference 20, Host b.example"), None)  # type: ignore[arg-type]


def test_a_short_list_is_a_line_and_a_long_one_is_folded() -> None:
    assert _of("groups", ["x25519", "x448"]) == "x25519, x448"
    long = _of("groups", [f"group{number}" for number in range(9)])
    assert isinstance(long, Several)
    assert (long.summary, len(long.items)) == ("9 entries", 9)


def test_of_a_list_without_end_its_beginning_is_shown_and_the_rest_counted() -> None:
    endless = _of("groups", ["x"] * 5000)
    assert isinstance(endless, Several)
    assert (len(endless.items), endless.items[-1]) == (201, "and 4,800 more, in the JSON")


def test_what_comes_from_the_wire_is_escaped_and_keeps_its_own_direction() -> None:
    assert _of("without_sni", "<b>\u202e") == "<bdi>&lt;b&gt;\\u202e</bdi>"
    assert _of("ehlo_keywords", ["\u05d0"]) == "<bdi>\u05d0</bdi>"


def test_a_fact_that_this_program_does_not_know_is_shown_too() -> None:
    assert _of("to_come", {"a_b": [1, 2]}) == Pairs((("A b", "1, 2"),))  # type: ignore[arg-type]
