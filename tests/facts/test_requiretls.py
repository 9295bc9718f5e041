"""REQUIRETLS (RFC 8689) counts only where it is offered inside TLS."""

from __future__ import annotations

import pytest

from mailtls.evidence import Purpose
from mailtls.lab import TLS, Behaviour
from mailtls.lab.script import Stall
from mailtls.model import Absent, Known, Unknown

HOST = "mx.wild.example"
WITH, WITHOUT = b"250-mx\r\n250-STARTTLS\r\n250 REQUIRETLS\r\n", b"250-mx\r\n250 STARTTLS\r\n"
INSIDE, NOT_INSIDE = b"250-mx\r\n250-SIZE\r\n250 requiretls\r\n", b"250-mx\r\n250 SIZE\r\n"


@pytest.mark.parametrize(
    ("before", "inside", "offered"),
    [
        (WITHOUT, INSIDE, True), (WITH, INSIDE, True), (WITH, NOT_INSIDE, False), (WITHOUT, NOT_INSIDE, False),
        (WITHOUT, b"250 REQUIRETLS\r\n", False), (WITHOUT, b"250-mx\r\n250 X-REQUIRETLS\r\n", False),
    ],
)  # fmt: skip
async def test_what_is_said_before_tls_does_not_count(before: bytes, inside: bytes, offered: bool, visit, authority) -> None:
    observed, _ = await visit(Behaviour(ehlo=before, ehlo_tls=inside, tls=TLS((authority.issue([HOST]),))))
    assert observed.readings["requiretls"] == Known(offered)


async def test_an_offer_behind_the_220_in_plaintext_does_not_count(visit, authority) -> None:
    tls = TLS((authority.issue([HOST]),))
    observed, _ = await visit(Behaviour(ehlo=WITHOUT, after_starttls=INSIDE, ehlo_tls=NOT_INSIDE, tls=tls))
    assert observed.readings["plaintext_after_starttls"] == Known(value=True)
    assert observed.readings["requiretls"] == Known(value=False)


async def test_without_tls_it_does_not_apply_and_silence_inside_says_nothing(visit, authority) -> None:
    observed, _ = await visit(Behaviour(ehlo=b"250-mx\r\n250 REQUIRETLS\r\n"))
    assert observed.readings["requiretls"] == Absent()
    observed, _ = await visit(Behaviour(ehlo=WITH, starttls=b"454 4.7.0 TLS not available\r\n"))
    assert observed.readings["requiretls"] == Absent()
    observed, _ = await visit(Behaviour(ehlo=WITH, ehlo_tls=(Stall(),), tls=TLS((authority.issue([HOST]),))), Purpose.QUICK)
    assert isinstance(observed.readings["requiretls"], Unknown)
    observed, _ = await visit(Behaviour(ehlo=WITH, starttls=(Stall(),)), Purpose.QUICK)
    assert isinstance(observed.readings["requiretls"], Unknown)
