"""What the answers of a scan amount to: pure, from evidence alone, whoever chose the offers.

A suite (a group, a version) is *accepted* where an answer shows it, *rejected* where a refusal that something vouches for had it in an
offer that could not have been refused for another reason, and *open* otherwise. A set is complete where nothing is open.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Refused, Silent
from mailtls.tls.certificate import curve_of
from mailtls.tls.names import ABOUT_THE_OFFER, VERSIONS
from mailtls.tls.suites import (
    FIELDS,
    FIRST_OFFER,
    SCHEMES,
    groups_before_13,
    groups_of_13,
    key_exchange,
    needs_group,
    offerable,
    strength,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mailtls.hellos import Asked, HelloOffer

_PROTOCOL_VERSION = 70


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a server.

    Args:
        accepted: first answer for each suite, by version, in the order of the answers.
        rejected: suites by version.
        spoken: versions that it was seen to speak, or seen to refuse.
        groups: by version, in the order of the answers.
        groups_rejected: by version.
        follows_us: by version: whether it takes the first of our suites that it accepts; missing where that is open.
        refused: the refusals that something vouches for.
        preferred: by version with an order of the server's own: pairs of suites of which it once chose the first from both.

    """

    accepted: Mapping[str, Mapping[int, Accepted]] = field(default_factory=dict)
    rejected: Mapping[str, frozenset[int]] = field(default_factory=dict)
    spoken: Mapping[str, bool] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    groups_rejected: Mapping[str, frozenset[int]] = field(default_factory=dict)
    follows_us: Mapping[str, bool] = field(default_factory=dict)
    refused: tuple[Asked, ...] = ()
    preferred: Mapping[str, frozenset[tuple[int, int]]] = field(default_factory=dict)

    def open_suites(self, version: str) -> frozenset[int]:
        """Return the suites of a version of which nothing is known; none where the version is known not to be spoken."""
        if self.spoken.get(version) is False:
            return frozenset()
        return frozenset(offerable(version)) - self.accepted.get(version, {}).keys() - self.rejected.get(version, frozenset())

    def open_groups(self, version: str) -> frozenset[int]:
        """Return the groups of a version of which nothing is known; none where it is not spoken, or has no suite with a group."""
        if self.spoken.get(version) is False:
            return frozenset()
        pool = groups_of_13() if version == "TLSv1.3" else groups_before_13()
        if version != "TLSv1.3" and not self.open_suites(version) and not any(map(needs_group, self.accepted.get(version, {}))):
            return frozenset()
        return frozenset(pool) - set(self.groups.get(version, ())) - self.groups_rejected.get(version, frozenset())

    def order(self, version: str) -> tuple[int, ...] | None:
        """Return the accepted suites in the server's own order; ``None`` where it has none, or not all of it was seen."""
        if self.follows_us.get(version) is not False:
            return None
        order, left, preferred = list[int](), list(self.accepted[version]), self.preferred[version]
        while left:
            chosen = next((code for code in left if not any((other, code) in preferred for other in left)), left[0])
            order.append(chosen)
            left.remove(chosen)
        return tuple(order) if all(pair in preferred for pair in itertools.pairwise(order)) else None

    def suites(self, version: str) -> tuple[int, ...]:
        """Return the accepted suites of a version: in the server's order where that is known, else from strong to weak."""
        found = self.accepted.get(version, {})
        return tuple(found) if version == "SSLv2" else self.order(version) or tuple(sorted(found, key=strength, reverse=True))


def vouched_refusals(asked: Sequence[Asked]) -> tuple[Asked, ...]:
    """Return the refusals that were about the offer, and not about us or the moment.

    An alert that answers offers counts when a later answer accepts one. A close, or an alert that any fault may lead to, counts when
    the same offer met it twice and was never accepted, with an accepted offer before the first time and after the last; and in a scan
    where an offer that was accepted before is closed upon, no close says anything.
    """
    taken = [index for index, item in enumerate(asked) if isinstance(item.answer, Accepted)]
    if not taken:
        return ()
    accepted = {asked[index].offer for index in taken}
    places: dict[HelloOffer, list[int]] = {}
    for index, item in enumerate(asked):
        if isinstance(item.answer, Refused) and item.answer.alert not in ABOUT_THE_OFFER:
            places.setdefault(item.offer, []).append(index)
    erratic = any(offer in accepted and min(at) > taken[0] for offer, at in places.items() if _was_fine_before(asked, offer, at))
    found = []
    for index, item in enumerate(asked):
        if not isinstance(item.answer, Refused):
            continue
        if item.answer.alert in ABOUT_THE_OFFER:
            if index < taken[-1] and item.offer not in accepted:
                found.append(item)
            continue
        between = [place for place in places[item.offer] if taken[0] < place < taken[-1]]
        if len(between) > 1 and item.offer not in accepted and not erratic:
            found.append(item)
    return tuple(found)


def _was_fine_before(asked: Sequence[Asked], offer: HelloOffer, refused_at: Sequence[int]) -> bool:
    return any(item.offer == offer and isinstance(item.answer, Accepted) for item in asked[: refused_at[-1]])


def read_picture(asked: Sequence[Asked]) -> Picture:
    """Return what the answers amount to."""
    accepted: dict[str, dict[int, Accepted]] = {}
    groups: dict[str, dict[int, None]] = {}
    for item in asked:
        answer = item.answer
        if isinstance(answer, Accepted):
            of_version = accepted.setdefault(answer.version, {})
            for code in answer.kinds or (answer.cipher_suite,):
                of_version.setdefault(code, answer)
            if answer.group is not None:
                groups.setdefault(answer.version, {})[answer.group] = None
    refused = vouched_refusals(asked)
    rejected: dict[str, set[int]] = {version: set() for version in VERSIONS}
    groups_rejected: dict[str, set[int]] = {version: set() for version in VERSIONS}
    borne = {item.offer for item in asked if isinstance(item.answer, Accepted) and item.offer.is_plain}
    none_older = not accepted.keys() & set(VERSIONS[1:-1])
    for item in refused:
        offer = item.offer
        alone = offer.version not in accepted and (none_older or offer.version in ("SSLv2", "TLSv1.3"))
        if not offer.is_plain or not (_is_borne(offer, borne) or (alone and len(offer.cipher_suites) <= FIRST_OFFER)):
            continue  # perhaps something in it, or its length, was more than the server bears
        rejected[offer.version] |= _rejected_suites(offer)
        groups_rejected[offer.version] |= _rejected_groups(offer, accepted.get(offer.version, {}))
    if "SSLv2" in accepted:
        rejected["SSLv2"] |= set(offerable("SSLv2")) - accepted["SSLv2"].keys()  # its hello lists all that it has
    follows = {version: says for version in accepted if (says := follows_us(asked, version)) is not None}
    return Picture(
        accepted=accepted,
        rejected={version: frozenset(codes) for version, codes in rejected.items()},
        spoken=_spoken(asked, accepted, refused, rejected),
        groups={version: tuple(codes) for version, codes in groups.items()},
        groups_rejected={version: frozenset(codes) for version, codes in groups_rejected.items()},
        follows_us=follows,
        refused=refused,
        preferred={version: frozenset(choices(asked, version)) for version, ours in follows.items() if not ours},
    )


def _is_borne(offer: HelloOffer, borne: Iterable[HelloOffer]) -> bool:
    """Whether an accepted offer had all that is in this one: then what it lacks was the reason for its refusal, and not what it has."""
    wanted = set(offer.cipher_suites), set(offer.groups), set(offer.signature_schemes)
    return any(
        (a.version == offer.version or "TLSv1.3" not in (a.version, offer.version))
        and wanted[0] <= set(a.cipher_suites)
        and (offer.version == "SSLv3" or (wanted[1] <= set(a.groups) and wanted[2] <= set(a.signature_schemes)))
        for a in borne
    )


def _rejected_suites(offer: HelloOffer) -> set[int]:
    """Return the suites that a refused offer excludes: those for which nothing else in it can have been missing."""
    if offer.version == "TLSv1.3":
        return set(offer.cipher_suites) if set(offer.groups) >= set(groups_of_13()) else set()
    if offer.version == "TLSv1.2" and set(offer.signature_schemes) != set(SCHEMES):
        return set()
    all_groups = offer.version == "SSLv3" or set(offer.groups) >= set(groups_before_13())
    named_fields = bool(set(offer.groups) & set(FIELDS))  # a server that has none of them must then refuse DHE (RFC 7919 section 4)
    return {
        code for code in offer.cipher_suites if (all_groups or not needs_group(code)) and not (named_fields and key_exchange(code).field)
    }


def _rejected_groups(offer: HelloOffer, accepted: Mapping[int, Accepted]) -> set[int]:
    """Return the groups that a refused offer excludes: it had a suite that was accepted with another group."""
    known = [accepted[code] for code in offer.cipher_suites if code in accepted]
    if offer.version == "TLSv1.3":
        return set(offer.groups) if known else set()
    for answer in known:
        if not needs_group(answer.cipher_suite):
            continue
        # An ECDSA suite may be taken only with its certificate's curve in the list (RFC 8422 section 5.3).
        if key_exchange(answer.cipher_suite).authentication != "ECDSA" or curve_of(answer.chain) in offer.groups:
            return set(offer.groups)
    return set()


def _spoken(
    asked: Sequence[Asked], accepted: Mapping[str, object], refused: Sequence[Asked], rejected: Mapping[str, set[int]]
) -> dict[str, bool]:
    spoken = dict.fromkeys(accepted, True)
    best = max((VERSIONS.index(v) for v in accepted if v != "TLSv1.3"), default=-1)
    for place, version in enumerate(VERSIONS):
        if version in spoken:
            continue
        if version in ("SSLv2", "TLSv1.3"):
            told = any(i.offer.version == version and i.offer.is_plain and _is_about_version(i) for i in refused)
            if told or (rejected[version] >= set(offerable(version))):
                spoken[version] = False
            continue
        # A hello before 1.3 stands for its version and all below it: refused, it excludes those that are not spoken above.
        higher = [v for v in VERSIONS[place:-1] if v not in accepted]
        excluded = set[int]().union(*(rejected[v] for v in higher))
        told = any(i.offer.version in higher and i.offer.is_plain and _is_about_version(i) for i in refused)
        passed_over = best >= 0 and place > best and any(
            isinstance(i.answer, Accepted) and i.answer.version != "TLSv1.3" and VERSIONS.index(i.offer.version) >= place and i.offer.is_plain
            for i in asked
            if i.offer.version not in ("SSLv2", "TLSv1.3")
        )
        if told or passed_over or excluded >= set(offerable(version)):
            spoken[version] = False
    return spoken


def _is_about_version(item: Asked) -> bool:
    return isinstance(item.answer, Refused) and item.answer.alert == _PROTOCOL_VERSION


def choices(asked: Sequence[Asked], version: str) -> set[tuple[int, int]]:
    """Return the pairs of accepted suites of which the first was chosen in an offer that had both, and nothing against the second."""
    return {(item.answer.cipher_suite, code) for item, code in _passed_over(asked, version)}  # type: ignore[union-attr]


def _passed_over(asked: Sequence[Asked], version: str) -> Iterator[tuple[Asked, int]]:
    accepted = {i.answer.cipher_suite for i in asked if isinstance(i.answer, Accepted) and i.answer.version == version}
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


def unanswered(asked: Sequence[Asked]) -> Silent | None:
    """Return the last offer's silence for which no later answer to the same offer makes up."""
    answered = {item.offer for item in asked if not isinstance(item.answer, Silent)}
    return next((i.answer for i in reversed(asked) if isinstance(i.answer, Silent) and i.offer not in answered), None)
