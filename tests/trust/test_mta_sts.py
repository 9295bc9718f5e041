"""MTA-STS: records, policies and patterns are read strictly, and what is wrong with them is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.trust.mta_sts import (
    INVALID,
    LONGEST_LIFE,
    MAX_POLICY,
    Flaw,
    Mode,
    Policy,
    StsRecord,
    find_record,
    mx_matches,
    read_policy,
    read_record,
)

LABEL = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOST = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
PATTERN = st.tuples(st.sampled_from(["", "*."]), HOST).map("".join)


def policy(*lines: str, end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode()


GOOD = ("version: STSv1", "mode: enforce", "mx: mx.a.example", "max_age: 86400")


@given(st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True))
def test_an_id_is_1_to_32_letters_and_digits(text: str) -> None:
    assert read_record(f"v=STSv1; id={text}".encode()) == StsRecord(text)


def test_exactly_one_record_is_one() -> None:
    assert find_record(()) is None
    assert find_record(('"v=spf1"',)) is None
    assert find_record(('"v=STSv1; id=1"', '"v=spf1"')) == StsRecord("1")
    two = find_record(('"v=STSv1; id=1"', '"v=STSv1; id=1"'))
    assert isinstance(two, Flaw)
    assert two.code == INVALID
    assert "2 TXT records" in two.why


@given(st.binary(max_size=120))
def test_any_octets_are_a_record_or_a_flaw_with_a_code_and_words(octets: bytes) -> None:
    for made in (octets, b"v=STSv1; id=" + octets, b"v=STSv1;" + octets):
        read = read_record(made)
        assert isinstance(read, StsRecord) or (read.code == INVALID and read.why)


@given(
    st.sampled_from(Mode), st.integers(0, LONGEST_LIFE), st.lists(PATTERN, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]),
    st.randoms(), st.booleans(),
)  # fmt: skip
def test_a_policy_comes_back_as_it_was_written_whatever_the_order_of_its_lines(mode, max_age, patterns, end, random, ends) -> None:
    lines = ["version: STSv1", f"mode:{mode}", f"max_age: \t{max_age}", "later.on: more : of it", *(f"mx: {pattern} " for pattern in patterns)]
    places = [i for i, line in enumerate(lines) if not line.startswith("mx")]
    random.shuffle(places)
    moved = [lines[i] for i in places] + [line for line in lines if line.startswith("mx")]
    body = policy(*moved, end=end)
    assert read_policy(body if ends else body.removesuffix(end.encode())) == Policy(mode, max_age, tuple(dict.fromkeys(patterns)))


def test_the_first_of_a_key_counts_but_every_mx_does() -> None:
    read = read_policy(policy(*GOOD, "mode: none", "max_age: soon", "version: 2", "mx: *.B.example", "mx: mx.a.example"))
    assert read == Policy(Mode.ENFORCE, 86400, ("mx.a.example", "*.b.example"))


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ((), "empty"), (GOOD[1:], "no version"), (GOOD[:1] + GOOD[2:], "no mode"), (GOOD[:3], "no max_age"), (GOOD[:2] + GOOD[3:], "no mx"),
        (("version: STSv2", *GOOD[1:]), "version"), ((*GOOD[:1], "mode: Enforce", *GOOD[2:]), "mode"), ((*GOOD, ""), "line 5"),
        ((*GOOD, " x: y"), "line 5"), ((*GOOD, "x : y"), "line 5"), ((*GOOD, "x:"), "line 5"), ((*GOOD, "x: a\tb"), "line 5"),
        ((*GOOD, "x: \x7f"), "line 5"), ((*GOOD, "x" * 33 + ": y"), "line 5"), ((*GOOD[:3], f"max_age: {LONGEST_LIFE + 1}"), "max_age"),
        ((*GOOD[:3], "max_age: \u0661"), "max_age"), ((*GOOD[:3], "Max_Age: 1"), "lower case"), ((*GOOD, "mx: *.*.example"), "mx"),
        ((*GOOD, "mx: -a.example"), "mx"), ((*GOOD, "mx: a-.example"), "mx"), ((*GOOD, "mx: a..example"), "mx"), ((*GOOD, "mx: a.example."), "mx"),
        ((*GOOD, "mx: [192.0.2.1]"), "mx"), ((*GOOD, f"mx: {'a' * 64}.example"), "mx"), ((*GOOD, f"mx: {'a.' * 130}example"), "mx"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(lines: tuple[str, ...], word: str) -> None:
    read = read_policy(policy(*lines))
    assert isinstance(read, Flaw)
    assert read.code == INVALID
    assert word in read.why
    assert read.why.isprintable()


def test_a_policy_of_the_largest_size_is_read_and_a_larger_one_is_not() -> None:
    body = policy(*GOOD)
    most = body + b"x: " + b"y" * (MAX_POLICY - len(body) - 4) + b"\n"
    assert isinstance(read_policy(most), Policy)
    assert isinstance(read_policy(most + b"\n"), Flaw)


@given(HOST, PATTERN)
def test_a_pattern_matches_itself_and_a_wildcard_exactly_one_label_more(host: str, pattern: str) -> None:
    base = pattern.removeprefix("*.")
    wild = pattern.startswith("*.")
    assert mx_matches((pattern,), base) is not wild
    assert mx_matches((pattern,), f"mx.{base}".upper()) is wild
    assert not mx_matches((pattern,), f"a.mx.{base}")
    expected = host == pattern or (wild and host.partition(".")[2] == base)
    assert mx_matches((pattern,), host) is expected
    assert not mx_matches((), host)


def test_the_example_of_the_standard() -> None:
    assert mx_matches(("*.example.com",), "mail.example.com")
    assert not mx_matches(("*.example.com",), "example.com")
    assert not mx_matches(("*.example.com",), "foo.bar.example.com")
    assert not mx_matches(("mail.example.com",), "*.example.com")
