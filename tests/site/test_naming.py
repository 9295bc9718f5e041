"""Names for people follow from declared names."""

from __future__ import annotations

import pytest

from mailtls.facts import ALL, CHECKS
from mailtls.site.naming import named


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("starttls_offered", "STARTTLS offered"),
        ("mta_sts_match", "MTA-STS match"),
        ("certificate_trusted", "Certificate trusted"),
        ("dane", "DANE"),
        ("scts", "SCTs"),
        ("tls_rpt_error", "TLS-RPT error"),
        ("post_quantum_accepted", "Post-quantum accepted"),
    ],
)
def test_a_name_is_written_as_people_do(declared: str, name: str) -> None:
    assert named(declared) == name


def test_no_two_facts_and_no_two_checks_have_the_same_name() -> None:
    assert len({named(fact.name) for fact in ALL}) == len(ALL)
    assert len({named(check) for check in CHECKS}) == len(CHECKS)
