"""Whose order of groups counts, and what may be said of those that stood before the chosen one."""

from __future__ import annotations

from mailtls.hellos import Accepted, Asked, HelloOffer
from mailtls.tls.order import curves_passed_over

ECDHE_ECDSA = 0xC02B
X25519, X448, P256, P384, P521 = 29, 30, 23, 24, 25


def took(group: int, *offered: int) -> Asked:
    return Asked(HelloOffer("TLSv1.2", (ECDHE_ECDSA,), offered), Accepted("TLSv1.2", ECDHE_ECDSA, group))


def test_a_server_that_follows_our_order_both_ways_takes_none_that_stood_before_its_choice() -> None:
    asked = [took(X25519, X25519, P384, P256), took(P256, P521, P384, P256, X25519)]
    assert curves_passed_over(asked, "TLSv1.2") == {P521, P384}


def test_an_order_that_may_be_the_servers_own_says_nothing() -> None:
    assert curves_passed_over([took(X25519, X25519, P256), took(P256, P384, P256)], "TLSv1.2") == set()
    assert curves_passed_over([took(X25519, X25519, P256), took(X25519, P384, P256, X25519)], "TLSv1.2") == set()


def test_a_server_that_once_passed_over_a_group_that_it_takes_follows_nobody() -> None:
    asked = [took(X25519, X25519, P384, P256), took(P256, P521, P384, P256, X25519), took(P384, P384)]
    assert curves_passed_over(asked, "TLSv1.2") == set()


def test_another_version_has_an_order_of_its_own() -> None:
    asked = [took(X25519, X25519, P384, P256), took(P256, P521, P384, P256, X25519)]
    assert curves_passed_over(asked, "TLSv1.1") == set()
