"""Whose order decides which suite is chosen: the server's, or that of our offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.hellos import Accepted
from mailtls.tls.names import VERSIONS
from mailtls.tls.suites import FIELDS, SCHEMES, groups_before_13, key_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailtls.hellos import Asked, HelloOffer


def shows_order(offer: HelloOffer) -> bool:
    """Whether the choice from an offer was a choice among all of its suites, none of which lacked a group or a signature scheme."""
    if not offer.is_plain or offer.version == "SSLv2" or (offer.version == "TLSv1.2" and set(offer.signature_schemes) != set(SCHEMES)):
        return False
    if offer.version in ("TLSv1.3", "SSLv3"):
        return True
    groups = set(offer.groups)
    return groups.issuperset(groups_before_13()) and groups.isdisjoint(FIELDS)


def by_name_alone(asked: Sequence[Asked], version: str) -> frozenset[int]:
    """Return the accepted suites over finite fields that are taken only where the client names such a field, as OpenSSL 4 has it.

    None, where any of them was accepted without: then the server has a field of its own for all of them.
    """
    if version == "TLSv1.3":
        return frozenset()
    found: dict[bool, set[int]] = {True: set(), False: set()}
    for item in asked:
        answer = item.answer
        if isinstance(answer, Accepted) and answer.version == version and key_exchange(answer.cipher_suite).field:
            found[not set(item.offer.groups).isdisjoint(FIELDS)].add(answer.cipher_suite)
    return frozenset() if found[False] else frozenset(found[True])


def choices(asked: Sequence[Asked], version: str) -> set[tuple[int, int]]:
    """Return the pairs of accepted suites of which the first was chosen in an offer that had both, and nothing against the second."""
    return {(item.answer.cipher_suite, code) for item, code in _passed_over(asked, version)}  # type: ignore[union-attr]


def _passed_over(asked: Sequence[Asked], version: str) -> Iterator[tuple[Asked, int]]:
    accepted = {i.answer.cipher_suite for i in asked if isinstance(i.answer, Accepted) and i.answer.version == version}
    accepted -= by_name_alone(asked, version)  # of the offers that are looked at, none could have had them
    for item in asked:
        answer, offer = item.answer, item.offer
        if not isinstance(answer, Accepted) or answer.version != version or version == "SSLv2" or not offer.is_plain:
            continue
        if offer.version == "TLSv1.2" and set(offer.signature_schemes) != set(SCHEMES):
            continue
        all_groups = offer.version in ("TLSv1.3", "SSLv3") or set(offer.groups) >= set(groups_before_13())
        named_fields = offer.version != "TLSv1.3" and bool(set(offer.groups) & set(FIELDS))
        for code in offer.cipher_suites:
            if code == answer.cipher_suite or code not in accepted:
                continue
            exchange = key_exchange(code)
            if (all_groups or not exchange.curve) and not (named_fields and exchange.field):
                yield item, code


def follows_us(asked: Sequence[Asked], version: str | None = None) -> bool | None:
    """Whether the server takes the first suite in our order that it accepts.

    Args:
        asked: offers and answers.
        version: of which to say so; ``None`` for any.

    Returns:
        False where it once passed over a suite that it accepts; True where it chose differently between the same two suites when our
        order was turned round; ``None`` where neither was seen.

    """
    versions = VERSIONS if version is None else (version,)
    follows = None
    for each in versions:
        pairs = set()
        for item, code in _passed_over(asked, each):
            chosen: int = item.answer.cipher_suite  # type: ignore[union-attr]
            suites = item.offer.cipher_suites
            if suites.index(code) < suites.index(chosen):
                return False
            pairs.add((chosen, code))
        if any((second, first) in pairs for first, second in pairs):
            follows = True
    return follows


def curves_passed_over(asked: Sequence[Asked], version: str) -> set[int]:
    """Return the groups before TLS 1.3 that stood before the chosen one, of a server that is seen to follow our order of groups.

    It is seen to, where it chose differently between the same two when our order was turned round, and never passed over one that it takes.
    """
    answers = [(item.offer.groups, item.answer) for item in asked if isinstance(item.answer, Accepted) and item.answer.version == version]
    chosen = [
        (offered, answer.group)
        for offered, answer in answers
        if answer.group in offered and key_exchange(answer.cipher_suite).curve and FIELDS[0] not in offered
    ]
    taken = {group for _offered, group in chosen}
    pairs = {(group, other) for offered, group in chosen for other in taken.intersection(offered) - {group}}
    if not any((other, group) in pairs for group, other in pairs):
        return set()
    before = {code for offered, group in chosen for code in offered[: offered.index(group)]}
    return set() if before & taken else before
