"""Whether whoever offers forward secrecy gets it: in each version, whatever the others have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mailtls.facts.enumerated import _forward_secrecy_preferred
from mailtls.hellos import Accepted
from mailtls.model import Known, Unknown
from mailtls.tls.names import VERSIONS
from mailtls.tls.picture import Picture
from mailtls.tls.suites import offerable

RSA, ECDHE, DHE, OF_13, SSL2 = 0x002F, 0xC013, 0x0033, 0x1301, 0x010080
YES, NO = Known(value=True), Known(value=False)


def picture(
    accepted: dict[str, tuple[int, ...]],
    follows: dict[str, bool] | None = None,
    preferred: dict[str, tuple[tuple[int, int], ...]] | None = None,
    *,
    whole: bool = True,
) -> Picture:
    """Return a picture: a version that is not named is not spoken, and a suite that is not named is rejected where it is whole."""
    answers = {v: {code: Accepted(v, code) for code in codes} for v, codes in accepted.items()}
    rejected = {v: frozenset(offerable(v)) - set(codes) for v, codes in accepted.items()} if whole else {}
    return Picture(
        accepted=answers,
        rejected=rejected,
        spoken={v: v in accepted for v in VERSIONS},
        follows_us=follows or {},
        preferred={v: frozenset(pairs) for v, pairs in (preferred or {}).items()},
    )


def read(seen: Picture) -> Any:
    return _forward_secrecy_preferred(seen, SimpleNamespace(hellos=None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (picture({"TLSv1.3": (OF_13,)}), YES),
        (picture({"TLSv1.2": (ECDHE, DHE)}), YES),
        (picture({"TLSv1.3": (OF_13,), "TLSv1.2": (RSA,)}), NO),
        (picture({"TLSv1.3": (OF_13,), "SSLv2": (SSL2,)}), YES),
        (picture({"TLSv1.2": (ECDHE, RSA)}, {"TLSv1.2": True}), YES),
        (picture({"TLSv1.2": (ECDHE, RSA)}, {"TLSv1.2": False}, {"TLSv1.2": ((ECDHE, RSA),)}), YES),
        (picture({"TLSv1.2": (ECDHE, RSA)}, {"TLSv1.2": False}, {"TLSv1.2": ((RSA, ECDHE),)}), NO),
        (picture({"TLSv1.2": (ECDHE, RSA), "TLSv1.0": (RSA,)}, {"TLSv1.2": True}), NO),
    ],
)
def test_whoever_offers_it_gets_it_or_does_not(seen: Picture, expected: object) -> None:
    assert read(seen) == expected


@pytest.mark.parametrize(
    "seen",
    [
        picture({"TLSv1.2": (ECDHE, RSA)}),
        picture({"TLSv1.2": (ECDHE,)}, whole=False),
        picture({"TLSv1.2": (RSA,)}, whole=False),
        picture({"TLSv1.2": (ECDHE, RSA)}, {"TLSv1.2": False}, {"TLSv1.2": ()}),
    ],
)
def test_where_the_order_or_the_set_is_open_nobody_can_tell(seen: Picture) -> None:
    assert isinstance(read(seen), Unknown)


def test_one_choice_against_it_is_enough_though_the_set_be_open() -> None:
    assert read(picture({"TLSv1.2": (ECDHE, RSA)}, {"TLSv1.2": False}, {"TLSv1.2": ((RSA, ECDHE),)}, whole=False)) == NO
