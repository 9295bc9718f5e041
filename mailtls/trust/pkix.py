"""PKIX (RFC 5280): does a chain, as the server sent it, lead to a trust anchor? Whatever its names are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.tls.certificate import quietly, read_certificate
from mailtls.trust.anchors import Anchors, NoAnchors, Path, find_path
from mailtls.trust.chain import ChainCode, chain_problems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["Anchors", "ChainJudgement", "NoAnchors", "judge_chain"]

# Of what is wrong with a chain, that for which it may lead to no anchor; the rest is untidy.
_FATAL = (
    ChainCode.SELF_SIGNED, ChainCode.EXPIRED_CERTIFICATE, ChainCode.MISSING_INTERMEDIATE, ChainCode.UNKNOWN_ROOT, ChainCode.ISSUER_NOT_SENT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChainJudgement:
    """Whether a chain is trusted; ``code`` (a TLS-RPT result type, RFC 8460 section 4.3) and ``why`` say what speaks against it.

    One that is undecided is not trusted for a limit of ours alone: it is no verdict on the chain, and has no code.
    """

    trusted: bool
    code: str = ""
    why: str = ""
    undecided: bool = False


@quietly()
def judge_chain(chain: Sequence[bytes], anchors: Anchors, at: datetime) -> ChainJudgement:
    """Decide whether a chain leads to one of the anchors, for a TLS server, at a time.

    Args:
        chain: DER as sent, end entity first.
        anchors: the trust anchors.
        at: the time of the handshake, in UTC.

    Returns:
        The judgement. Revocation is not checked, as no mail server checks it.

    """
    if not chain:
        return ChainJudgement(trusted=False, code="certificate-not-trusted", why="the server sent no certificate")
    leaf = read_certificate(chain[0])
    if leaf.not_after is not None and leaf.not_after < at:
        return ChainJudgement(trusted=False, code="certificate-expired", why=f"the certificate expired on {leaf.not_after:%Y-%m-%d}")
    if leaf.not_before is not None and leaf.not_before > at:
        why = f"the certificate is not valid before {leaf.not_before:%Y-%m-%d}"
        return ChainJudgement(trusted=False, code="certificate-not-trusted", why=why)
    found = find_path(tuple(chain), anchors, at)
    if isinstance(found, Path):
        return ChainJudgement(trusted=True)
    if found.is_undecided:
        return ChainJudgement(trusted=False, why=found.why, undecided=True)
    # The library says only that no path was found; the chain itself says more.
    problems = {problem.code: problem.why for problem in chain_problems(tuple(chain), anchors, at)}
    why = next((problems[code] for code in _FATAL if code in problems), found.why)
    return ChainJudgement(trusted=False, code="certificate-not-trusted", why=why)
