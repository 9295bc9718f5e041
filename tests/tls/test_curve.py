"""The curve of a key, found without parsing its certificate."""

from __future__ import annotations

import pytest
from certmaking import root
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mailtls.tls.curve import curve_of
from mailtls.tls.names import group_of


@pytest.mark.parametrize("curve", [ec.SECP224R1, ec.SECP256R1, ec.SECP256K1, ec.SECP384R1, ec.SECP521R1, ec.BrainpoolP256R1, ec.BrainpoolP384R1])
def test_the_curve_of_a_key_is_the_group_of_its_name(curve: type[ec.EllipticCurve]) -> None:
    found = curve_of((root("mx.example", ec.generate_private_key(curve())).der,))
    assert found is not None
    assert group_of(found) == curve.name


def test_no_curve_is_found_where_there_is_none() -> None:
    assert curve_of(()) is None
    assert curve_of((b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01",)) is None
    assert curve_of((root("mx.example", rsa.generate_private_key(65537, 2048)).der,)) is None
