"""Trust anchors, and whether a path leads to one; what was met between is remembered within a bound."""

from __future__ import annotations

import certmaking
import pytest
from certmaking import DAY, NOW

from mailtls.trust import anchors as module
from mailtls.trust.anchors import Anchors, KnownAuthorities, NoAnchors, NoPath, Path, find_path

ROOT = certmaking.root()
MIDDLE = ROOT.sign("between", authority=True)
LEAF = MIDDLE.sign("mx.example")
ANCHORS = Anchors(ROOT.pem, "the root")


@pytest.mark.parametrize("pem", [b"", b"nothing of the kind", ROOT.pem[:200]])
def test_a_store_without_a_usable_certificate_is_told_with_its_name(pem: bytes) -> None:
    with pytest.raises(NoAnchors, match=r"^my store: "):
        Anchors(pem, "my store")


def test_anchors_are_the_same_by_what_is_in_them() -> None:
    again, other = Anchors(ROOT.pem, "read again"), Anchors(certmaking.root().pem, "the root")
    assert (again, hash(again)) == (ANCHORS, hash(ANCHORS))
    assert other != ANCHORS


def test_an_anchor_is_known_by_its_name_and_its_key() -> None:
    assert ANCHORS.are_those_of(ROOT.der)
    assert not ANCHORS.are_those_of(certmaking.root().der)  # of the same name
    assert not ANCHORS.are_those_of(MIDDLE.der)


def test_a_path_leads_through_what_was_sent_and_not_past_what_was_not() -> None:
    assert find_path((LEAF.der, MIDDLE.der), ANCHORS, NOW) == Path((LEAF.der, MIDDLE.der, ROOT.der))
    missing = find_path((LEAF.der,), ANCHORS, NOW)
    assert isinstance(missing, NoPath)
    assert not missing.is_undecided


def test_a_path_holds_while_its_certificates_do() -> None:
    assert isinstance(find_path((LEAF.der, MIDDLE.der), ANCHORS, NOW + 81 * DAY), NoPath)
    assert isinstance(find_path((LEAF.der, MIDDLE.der), ANCHORS, NOW - 11 * DAY), NoPath)


def test_authorities_that_were_met_are_known_once_and_the_oldest_names_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def path(name: str) -> Path:
        middle = ROOT.sign(name, authority=True)
        return Path((middle.sign("mx.example").der, middle.der, ROOT.der))

    monkeypatch.setattr(module, "MAX_KNOWN", 2)
    first, second, third = map(path, ("a", "b", "c"))
    known = KnownAuthorities().learn(first).learn(second)
    assert known.learn(first) is known
    known = known.learn(third)
    assert [der for found in known.by_name.values() for der in found] == [second.between[0], third.between[0]]
