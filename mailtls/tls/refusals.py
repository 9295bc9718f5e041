"""Which refusals count, and what each excludes: those that were about the offer, and not about us, the moment, or more than is borne."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.hellos import Accepted, Refused
from mailtls.tls.curve import curve_of
from mailtls.tls.names import ABOUT_THE_OFFER
from mailtls.tls.suites import FIELDS, SCHEMES, groups_before_13, groups_of_13, key_exchange, needs_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailtls.hellos import Asked, HelloOffer


def vouched_refusals(asked: Sequence[Asked]) -> tuple[Asked, ...]:
    """Return the refusals that were about the offer, and not about us or the moment.

    An alert that answers offers counts when a later answer accepts one. A close, or an alert that any fault may lead to, counts when
    the same offer met it twice and nothing else, with an accepted offer before the first time, between the two, and after the last, so that
    a bad moment, however many offers it takes, is not mistaken for a refusal; and of a server that closed upon an offer and answered it
    another time, no close says anything.
    """
    taken = [index for index, item in enumerate(asked) if isinstance(item.answer, Accepted)]
    if not taken:
        return ()
    accepted = {asked[index].offer for index in taken}
    answered = accepted | {item.offer for item in asked if _is_about_the_offer(item)}
    closed: dict[HelloOffer, list[int]] = {}
    for index, item in enumerate(asked):
        if isinstance(item.answer, Refused) and not _is_about_the_offer(item):
            closed.setdefault(item.offer, []).append(index)
    erratic = not answered.isdisjoint(closed)
    found = []
    for index, item in enumerate(asked):
        if not isinstance(item.answer, Refused) or item.offer in accepted:
            continue
        if _is_about_the_offer(item):
            counts = index < taken[-1]
        else:
            places = [place for place in closed[item.offer] if taken[0] < place < taken[-1]]
            counts = not erratic and any(places[0] < place < places[-1] for place in taken if places)
        if counts:
            found.append(item)
    return tuple(found)


def _is_about_the_offer(item: Asked) -> bool:
    return isinstance(item.answer, Refused) and item.answer.alert in ABOUT_THE_OFFER


def is_borne(offer: HelloOffer, borne: Iterable[HelloOffer]) -> bool:
    """Whether an accepted offer had all that is in this one: then what it lacks was the reason for its refusal, and not what it has."""
    wanted = set(offer.cipher_suites), set(offer.groups), set(offer.signature_schemes)
    return any(
        (a.version == offer.version or "TLSv1.3" not in (a.version, offer.version))
        and wanted[0] <= set(a.cipher_suites)
        and (offer.version == "SSLv3" or (wanted[1] <= set(a.groups) and wanted[2] <= set(a.signature_schemes)))
        for a in borne
    )


def excluded_suites(offer: HelloOffer) -> set[int]:
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


def excluded_fields(offer: HelloOffer) -> set[int]:
    """Return the suites over finite fields that a refused offer excludes, of a server that takes them only where such a field is named."""
    if not set(offer.groups) >= {*groups_before_13(), *FIELDS} or (offer.version == "TLSv1.2" and set(offer.signature_schemes) != set(SCHEMES)):
        return set()
    return {code for code in offer.cipher_suites if key_exchange(code).field}


def excluded_groups(offer: HelloOffer, accepted: Mapping[int, Accepted]) -> set[int]:
    """Return the groups that a refused offer excludes: it had a suite that was accepted with another group."""
    known = [accepted[code] for code in offer.cipher_suites if code in accepted]
    if offer.version == "TLSv1.3":
        return set(offer.groups) if known else set()
    if offer.version == "TLSv1.2" and set(offer.signature_schemes) != set(SCHEMES):
        return set()  # perhaps it was the schemes
    for answer in known:
        if not needs_group(answer.cipher_suite):
            continue
        # An ECDSA suite may be taken only with its certificate's curve in the list (RFC 8422 section 5.3).
        if key_exchange(answer.cipher_suite).authentication != "ECDSA" or curve_of(answer.chain) in offer.groups:
            return set(offer.groups)
    return set()
