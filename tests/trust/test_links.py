"""Which certificate of a chain signed which, whatever their order."""

from __future__ import annotations

import certmaking
from certmaking import NOW, spki_of

from mailtls.trust.links import arrange, is_self_signed, is_signed_by, is_signed_by_key, path_from

ROOT = certmaking.root()
MIDDLE = ROOT.sign("between", authority=True)
LEAF = MIDDLE.sign("mx.example")
IMPOSTOR = certmaking.root("other").sign("between", authority=True)  # the name, and another key


def test_a_signature_is_by_a_key_and_not_by_a_name() -> None:
    assert is_signed_by(LEAF.der, MIDDLE.der) is True
    assert is_signed_by(LEAF.der, IMPOSTOR.der) is False
    assert is_signed_by_key(LEAF.der, spki_of(MIDDLE.key)) is True
    assert is_signed_by_key(LEAF.der, spki_of(ROOT.key)) is False


def test_what_cannot_be_verified_is_neither() -> None:
    assert is_signed_by(LEAF.der, b"no certificate") is None
    assert is_signed_by(b"no certificate", MIDDLE.der) is None
    assert is_signed_by_key(LEAF.der, b"no key") is None


def test_who_signed_himself_is_known_by_the_signature() -> None:
    assert is_self_signed(ROOT.der)
    assert is_self_signed(certmaking.self_signed("mx.example").der)
    assert not is_self_signed(MIDDLE.der)


def test_a_chain_is_arranged_whatever_its_order_and_that_is_told() -> None:
    straight, mixed = arrange((LEAF.der, MIDDLE.der, ROOT.der)), arrange((LEAF.der, ROOT.der, MIDDLE.der))
    assert straight.issuers == mixed.issuers == {LEAF.der: (MIDDLE.der,), MIDDLE.der: (ROOT.der,), ROOT.der: ()}
    assert straight.tops == mixed.tops == (ROOT.der,)
    assert (straight.is_ordered, mixed.is_ordered) == (True, False)


def test_a_certificate_of_the_right_name_and_another_key_is_no_link() -> None:
    assert arrange((LEAF.der, IMPOSTOR.der)).issuers == {LEAF.der: ()}
    assert path_from((LEAF.der, IMPOSTOR.der, MIDDLE.der, ROOT.der), b"", NOW) == (LEAF.der, MIDDLE.der, ROOT.der)


def test_a_path_ends_where_nothing_was_sent_unless_a_record_has_it() -> None:
    assert path_from((LEAF.der, MIDDLE.der), b"", NOW) == (LEAF.der, MIDDLE.der)
    assert path_from((LEAF.der, MIDDLE.der), ROOT.der, NOW) == (LEAF.der, MIDDLE.der, ROOT.der)
    assert path_from((LEAF.der,), ROOT.der, NOW) == (LEAF.der,)
