"""Whether a certificate speaks for a host: the whole name, or one label for a wildcard."""

from __future__ import annotations

import certmaking
import pytest

from mailtls.tls.extensions import MAX_NAMES
from mailtls.trust.names import any_name_matches, name_matches, names_host


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("mx.example.org", "mx.example.org", True), ("MX.Example.ORG", "mx.example.org.", True), ("mx.example.org", "mx2.example.org", False),
        ("*.example.org", "mx.example.org", True), ("*.example.org", "a.mx.example.org", False), ("*.example.org", "example.org", False),
        ("*.org", "example.org", False), ("mx*.example.org", "mx1.example.org", False), ("mx.*.org", "mx.example.org", False),
        ("*.*.org", "mx.example.org", False), ("*", "mx", False), ("", "", True),
        # As Postfix has it: neither a final dot in the certificate nor a wildcard for an underscore is heeded.
        ("mx.example.org.", "mx.example.org", False), ("*.example.org.", "mx.example.org", False), ("mx_1.example.org", "mx_1.example.org", True),
        ("*.example.org", "mx_1.example.org", False), ("*.b_c.example.org", "mx.b_c.example.org", False),
        ("*.example.org", "xn--mx-1ka.example.org", True),
    ],
)  # fmt: skip
def test_a_name_is_the_host_or_a_wildcard_for_its_first_label_alone(pattern: str, host: str, matches: bool) -> None:
    assert name_matches(pattern, host) is matches


def test_one_name_of_many_is_enough_and_none_is_none() -> None:
    assert any_name_matches(["other.example", "*.example.org"], "mx.example.org")
    assert not any_name_matches(["other.example"], "mx.example.org")
    assert not any_name_matches([], "mx.example.org")


def test_a_name_counts_however_many_stand_before_it() -> None:
    many = certmaking.root().sign("mx.example", names=(*(f"m{number}.example" for number in range(MAX_NAMES)), "mx.example.org"))
    assert names_host(many.der, "mx.example.org")
    assert names_host(many.der, "m7.example")
    assert not names_host(many.der, "mx2.example.org")
