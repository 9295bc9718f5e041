"""Names as people write them come to those of DNS, or are refused."""

from __future__ import annotations

import pytest

from mailtls.domain_name import LONGEST_NAME, BadName, ascii_name

LONG = ".".join(["a" * 63] * 4)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Example.ORG", "example.org"),
        (" example.org. ", "example.org"),
        ("B\u00fccher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("b\u00fccher\u3002example", "xn--bcher-kva.example"),  # an ideographic full stop
        ("_mta-sts.example", "_mta-sts.example"),
        ("a", "a"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (LONG[2:], LONG[2:]),
    ],
)
def test_what_can_be_a_name_is_told_in_ascii_and_lower_case(written: str, name: str) -> None:
    assert ascii_name(written) == name
    assert len(name) <= LONGEST_NAME


@pytest.mark.parametrize(
    "written",
    [
        "", ".", "a b.example", "a\x00.example", "-a.example", "a-.example", "a..example", "a.example..", "192.0.2.1:25",
        "a" * 64 + ".example", "\u00fc" * 64, LONG[1:], ("a." * 127) + "example",
    ],
)  # fmt: skip
def test_what_is_no_domain_name_is_refused(written: str) -> None:
    with pytest.raises(BadName):
        ascii_name(written)


def test_what_is_refused_is_told_without_what_a_terminal_would_obey() -> None:
    with pytest.raises(BadName) as refused:
        ascii_name("\x1b[31ma.example")
    assert "\x1b" not in str(refused.value)
