"""Several vantages: whether a weakness counts, and where it lies: at the server, on the path, or with us.

The words are those of network-interference research (server, path, local, unexplained); the rule is that of certificate authorities
that validate from several places, with one difference: a vantage that could not measure casts no vote, and is missed by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Attribution(StrEnum):
    """Where a weakness lies, as far as can be told."""

    SERVER = "server"
    """Every vantage that could measure sees it."""
    PATH = "path"
    """Some vantages see it, and others measured the same thing to be well."""
    LOCAL = "local"
    """Many unrelated operators seem to have it at once: it is ours."""
    UNEXPLAINED = "unexplained"
    """One vantage alone could measure: whether the server did it, or somebody on the way, cannot be told."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one vantage says of one check of one subject.

    Args:
        vantage: whose vote it is.
        weaker: it has confirmed the check to be weaker, or to be well; ``None`` where it could not measure.

    """

    vantage: str
    weaker: bool | None


def count(votes: Collection[Vote], blind: Collection[str] = ()) -> tuple[bool, Attribution | None]:
    """Return whether a weakness counts for all, and where it lies (``None`` where nobody sees one).

    More than half of those that could measure must see it; the rest then are told of a weakness on the path.

    Args:
        votes: at most one of each vantage.
        blind: vantages that cannot measure at all now; they cast no vote, whatever they say.

    """
    said = [vote.weaker for vote in votes if vote.weaker is not None and vote.vantage not in blind]
    weaker = sum(said)
    if not weaker:
        return False, None
    if len(said) == 1:
        return True, Attribution.UNEXPLAINED
    if weaker == len(said):
        return True, Attribution.SERVER
    return 2 * weaker > len(said), Attribution.PATH


@dataclass(frozen=True, slots=True)
class Sight:
    """When a vantage counts as blind.

    Args:
        operators: at least so many unrelated operators must be in trouble at once.
        share: and at least this share of those that were looked at.

    """

    operators: int = 3
    share: float = 0.5


def are_too_many(in_trouble: Collection[str], looked_at: Collection[str], sight: Sight) -> bool:
    """Whether so many unrelated operators are in trouble in one cycle that the trouble must be ours.

    Args:
        in_trouble: operators that could not be measured, or seem to have become weaker, all of a sudden.
        looked_at: operators that were looked at in the same cycle.
        sight: how many are too many.

    """
    return len(in_trouble) >= sight.operators and len(in_trouble) >= sight.share * len(looked_at)


def are_unreachable(controls: Mapping[str, bool]) -> bool:
    """Whether no control endpoint could be reached. Says nothing where none is configured.

    Args:
        controls: for each control endpoint whether it could be reached by the last attempt.

    """
    return bool(controls) and not any(controls.values())


