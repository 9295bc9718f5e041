"""What the answers of a scan amount to: pure, from evidence alone, whoever chose the offers.

A suite (a group, a version) is *accepted* where an answer shows it, *rejected* where a refusal that something vouches for had it in an
offer that could not have been refused for another reason, and *open* otherwise. A set is complete where nothing is open.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Refused
from mailtls.tls.names import VERSIONS
from mailtls.tls.order import by_name_alone, choices, curves_passed_over, follows_us
from mailtls.tls.refusals import excluded_fields, excluded_groups, excluded_suites, is_borne, vouched_refusals
from mailtls.tls.suites import (
    FIRST_OFFER,
    SCHEMES,
    WEAK_SCHEMES,
    groups_before_13,
    groups_of_13,
    key_exchange,
    needs_group,
    offerable,
    strength,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailtls.hellos import Asked, HelloOffer

_PROTOCOL_VERSION, _INAPPROPRIATE_FALLBACK = 70, 86


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a server.

    Args:
        accepted: first answer for each suite, by version, in the order of the answers.
        rejected: suites by version.
        spoken: versions that it was seen to speak, or seen to refuse.
        groups: by version, in the order in which we list them.
        groups_rejected: by version.
        follows_us: by version: whether it takes the first of our suites that it accepts; missing where that is open.
        refused: the refusals that something vouches for.
        preferred: by version with an order of the server's own: pairs of suites of which it once chose the first from both.
        answers: all that accept, by version.
        weak_signatures: whether it signs with SHA-1 or MD5 where nothing better is offered; ``None`` where that is open.
        refuses_fallback: whether it refuses TLS_FALLBACK_SCSV (RFC 7507); ``None`` where that is open.
        bears: what it was seen to bear, or not to bear, of :data:`ODDITIES`.
        by_name: by version: accepted suites over finite fields that are taken only where such a field is named.

    """

    accepted: Mapping[str, Mapping[int, Accepted]] = field(default_factory=dict)
    rejected: Mapping[str, frozenset[int]] = field(default_factory=dict)
    spoken: Mapping[str, bool] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    groups_rejected: Mapping[str, frozenset[int]] = field(default_factory=dict)
    follows_us: Mapping[str, bool] = field(default_factory=dict)
    refused: tuple[Asked, ...] = ()
    preferred: Mapping[str, frozenset[tuple[int, int]]] = field(default_factory=dict)
    answers: Mapping[str, tuple[Accepted, ...]] = field(default_factory=dict)
    weak_signatures: bool | None = None
    refuses_fallback: bool | None = None
    bears: Mapping[str, bool] = field(default_factory=dict)
    by_name: Mapping[str, frozenset[int]] = field(default_factory=dict)

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
        if not offer.is_plain or not (is_borne(offer, borne) or (alone and len(offer.cipher_suites) <= FIRST_OFFER)):
            continue  # perhaps something in it, or its length, was more than the server bears
        rejected[offer.version] |= excluded_suites(offer)
        groups_rejected[offer.version] |= excluded_groups(offer, accepted.get(offer.version, {}))
    by_name = {version: by_name_alone(asked, version) for version in accepted}
    for version in (version for version, codes in by_name.items() if codes):
        rejected[version] = {code for code in rejected[version] if not key_exchange(code).field}
        for item in refused:
            if item.offer.version == version and item.offer.is_plain and is_borne(item.offer, borne):
                rejected[version] |= excluded_fields(item.offer)
    if _is_contradicted(asked, accepted, rejected, groups, groups_rejected):
        # Several machines that differ behind one address, or one that refuses at random: no refusal says what all of it would do.
        refused = ()
        rejected = {version: set() for version in VERSIONS}
        groups_rejected = {version: set() for version in VERSIONS}
    for version in accepted:
        groups_rejected[version] |= curves_passed_over(asked, version) - groups.get(version, {}).keys()
    if "SSLv2" in accepted:
        rejected["SSLv2"] |= set(offerable("SSLv2")) - accepted["SSLv2"].keys()  # its hello lists all that it has
    follows = {version: says for version in accepted if (says := follows_us(asked, version)) is not None}
    return Picture(
        accepted=accepted,
        rejected={version: frozenset(codes) for version, codes in rejected.items()},
        spoken=_spoken(asked, accepted, refused, rejected),
        groups={version: tuple(sorted(codes, key=_place_of_group)) for version, codes in groups.items()},
        groups_rejected={version: frozenset(codes) for version, codes in groups_rejected.items()},
        follows_us=follows,
        refused=refused,
        answers={v: tuple(a for i in asked if isinstance(a := i.answer, Accepted) and a.version == v) for v in accepted},
        weak_signatures=_weak_signatures(asked, refused),
        refuses_fallback=_refuses_fallback(asked, refused),
        bears=_bears(asked, refused, accepted),
        preferred={version: frozenset(choices(asked, version)) for version, ours in follows.items() if not ours},
        by_name=by_name,
    )


def _is_contradicted(
    asked: Sequence[Asked],
    accepted: Mapping[str, Mapping[int, Accepted]],
    rejected: Mapping[str, set[int]],
    groups: Mapping[str, Mapping[int, None]],
    groups_rejected: Mapping[str, set[int]],
) -> bool:
    """Whether something was both taken and refused, or a version passed over that was taken another time."""
    if any(rejected[version] & found.keys() for version, found in accepted.items()):
        return True
    if any(groups_rejected[version] & found.keys() for version, found in groups.items()):
        return True
    for item in asked:
        answer, offer = item.answer, item.offer
        if not isinstance(answer, Accepted) or not offer.is_plain or offer.version in ("SSLv2", "TLSv1.3"):
            continue
        above = VERSIONS[VERSIONS.index(answer.version) + 1 : VERSIONS.index(offer.version) + 1]
        if any(version in accepted for version in above):
            return True
    return False


def _place_of_group(code: int) -> int:
    """Return where a group stands in our own order, so that what was found does not depend on which answer came first."""
    return groups_of_13().index(code) if code in groups_of_13() else code


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


def _refuses_fallback(asked: Sequence[Asked], refused: Sequence[Asked]) -> bool | None:
    """Return whether a fallback is refused, by the alert that says so (RFC 7507 section 3): any other may be the moment's."""
    if any(isinstance(item.answer, Accepted) and item.offer.fallback for item in asked):
        return False
    said = any(i.offer.fallback and isinstance(i.answer, Refused) and i.answer.alert == _INAPPROPRIATE_FALLBACK for i in refused)
    return True if said else None


def _weak_signatures(asked: Sequence[Asked], refused: Sequence[Asked]) -> bool | None:
    """Return whether it signs with a weak scheme where only those are offered, or even where others are.

    One that is offered those alone and signs with another after all does not.
    """
    if any(isinstance(item.answer, Accepted) and item.answer.signature_scheme in WEAK_SCHEMES for item in asked):
        return True
    taken = [i.answer for i in asked if i.offer.is_plain and i.offer.signature_schemes == WEAK_SCHEMES and isinstance(i.answer, Accepted)]
    if any(answer.signature_scheme is not None for answer in taken):
        return False
    return False if any(i.offer.is_plain and i.offer.signature_schemes == WEAK_SCHEMES for i in refused) else None


ODDITIES: Mapping[str, Callable[[HelloOffer], bool]] = {
    "no-server-name": lambda offer: offer.server_name == "none",
    "odd-server-name": lambda offer: offer.server_name == "odd",
    "large-hello": lambda offer: bool(offer.size) and not offer.grease,
    "unknown-values": lambda offer: offer.grease and not offer.size,
    "many-suites": lambda offer: offer.is_plain and len(offer.cipher_suites) > FIRST_OFFER,
}
"""What a hello may have that a server should bear, and does not always: by name, whether an offer has it and nothing else of the kind."""


def _bears(asked: Sequence[Asked], refused: Sequence[Asked], accepted: Mapping[str, Mapping[int, Accepted]]) -> dict[str, bool]:
    found = {}
    with_all = any(isinstance(i.answer, Accepted) and i.offer.size and i.offer.grease for i in asked)
    for name, has in ODDITIES.items():
        known = [i for i in refused if has(i.offer) and _is_good_but_for_oddities(i.offer, accepted.get(i.offer.version, {}))]
        if any(isinstance(i.answer, Accepted) and has(i.offer) for i in asked) or (with_all and name in ("large-hello", "unknown-values")):
            found[name] = True
        elif known:
            found[name] = False
    return found


def _is_good_but_for_oddities(offer: HelloOffer, accepted: Mapping[int, Accepted]) -> bool:
    """Whether an offer has a suite that was accepted, and every group and signature scheme that may go with it."""
    if not any(code in accepted for code in offer.cipher_suites):
        return False
    groups = groups_of_13() if offer.version == "TLSv1.3" else () if offer.version == "SSLv3" else groups_before_13()
    schemes = SCHEMES if offer.version == "TLSv1.2" else ()
    return set(groups) <= set(offer.groups) and set(schemes) <= set(offer.signature_schemes)
