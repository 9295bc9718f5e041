"""What came of fetching an MTA-STS policy: the policy, what keeps a sender from using it, or why that cannot be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailtls.evidence import Failure, StsFetch
from mailtls.model import Cause, Stage
from mailtls.readable import readable
from mailtls.remembering import MIB, remembered, size_of
from mailtls.tls.certificate import read_certificate
from mailtls.trust.mta_sts import FETCH_ERROR, MAX_POLICY, WEBPKI, Flaw, Policy, read_policy
from mailtls.trust.names import names_host
from mailtls.trust.pkix import judge_chain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailtls.trust.pkix import Anchors, ChainJudgement

_UNRECOGNIZED_NAME = 112

# Statuses that speak of us or of the moment, as a 421 or a blocklist does in SMTP: the policy may be there for others.
_OF_THE_MOMENT = {401: Cause.BLOCKED, 403: Cause.BLOCKED, 407: Cause.BLOCKED, 451: Cause.BLOCKED, 429: Cause.RATE_LIMITED}
_OF_THE_MOMENT |= {408: Cause.DEFERRED, 425: Cause.DEFERRED}


@dataclass(frozen=True, slots=True)
class FetchJudgement:
    """What a fetch says.

    Args:
        policy: the policy, where a sender could use it.
        flaws: what was measured to keep a sender from it; the first is what it would report.
        gap: what could not be measured; perhaps beside flaws that were.

    """

    policy: Policy | None
    flaws: tuple[Flaw, ...] = ()
    gap: Failure | None = None


def _size(fetch: object) -> int:
    assert isinstance(fetch, StsFetch)
    return size_of((fetch.body, fetch.chain, fetch.location, fetch.content_type, fetch.url))


@remembered(16 * MIB, lambda args: _size(args[0]))
def judge_fetch(fetch: StsFetch, anchors: Anchors) -> FetchJudgement:
    """Say what came of a fetch, by RFC 8461 section 3.3: each of policy, flaws and gap is there only where it was earned.

    Args:
        fetch: the attempt.
        anchors: the trust anchors, for the policy host's certificate.

    """
    judgement = judge_chain(fetch.chain, anchors, fetch.began) if fetch.chain or fetch.status is not None else None
    flaws = list(_certificate_flaws(fetch, judgement))
    gap = _gap(fetch)
    if gap is None and judgement is not None and judgement.undecided:  # by a limit of ours, which no sender need share
        gap = Failure(Cause.TLS_LOCAL_LIMIT, Stage.HTTPS, f"{fetch.host}: {judgement.why}")
    if gap is not None:
        return FetchJudgement(None, tuple(flaws), gap)
    flaw = _head_flaw(fetch)
    if flaw is None and fetch.failure is not None:
        return FetchJudgement(None, tuple(flaws), fetch.failure)
    content = flaw or read_policy(fetch.body)
    if isinstance(content, Policy):
        return FetchJudgement(None if flaws else content, tuple(flaws))
    return FetchJudgement(None, (*flaws, content))


def _certificate_flaws(fetch: StsFetch, judgement: ChainJudgement | None) -> Iterator[Flaw]:
    if judgement is not None and not judgement.trusted and not judgement.undecided:
        yield Flaw(WEBPKI, f"{fetch.host}: {judgement.why}")
    if fetch.chain and not names_host(fetch.chain[0], fetch.host):
        names = read_certificate(fetch.chain[0]).names
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield Flaw(WEBPKI, f"the policy host's certificate does not name {fetch.host}; it names {shown or 'nobody'}")


def _gap(fetch: StsFetch) -> Failure | None:
    """Return why there is no answer, or ``None`` where there is one: a "no" of the policy host's owner is an answer."""
    if fetch.status is None:
        answered = fetch.alert == _UNRECOGNIZED_NAME or (fetch.failure is not None and fetch.failure.cause is Cause.NO_ADDRESS)
        return None if answered else fetch.failure or Failure(Cause.NOT_ATTEMPTED, Stage.HTTPS)
    cause = _OF_THE_MOMENT.get(fetch.status, Cause.DEFERRED if fetch.status >= 500 else None)
    if cause is not None:
        return Failure(cause, Stage.HTTPS, f"{fetch.host} answered with the status {fetch.status}")
    return None


def _head_flaw(fetch: StsFetch) -> Flaw | None:
    """Return the first thing that is wrong with an answer, its text apart: where nobody was reached, with that."""
    if fetch.status is None:
        if fetch.alert is not None:
            return Flaw(FETCH_ERROR, f"{fetch.host} has a TLS server that does not know it by this name (unrecognized_name)")
        return Flaw(FETCH_ERROR, f"the policy host cannot be found: {fetch.failure.detail if fetch.failure is not None else fetch.host}")
    if 300 <= fetch.status < 400:
        where = f" to '{readable(fetch.location, 120)}'" if fetch.location else ""
        return Flaw(FETCH_ERROR, f"{fetch.url} redirects{where} (status {fetch.status}), and senders must not follow")
    if fetch.status != 200:
        return Flaw(FETCH_ERROR, f"{fetch.url} answers with the status {fetch.status}, not 200")
    if fetch.content_encoding.strip().lower() not in ("", "identity"):
        return Flaw(FETCH_ERROR, f"the policy came with the content encoding '{readable(fetch.content_encoding, 40)}', for which nobody asked")
    if fetch.content_type.partition(";")[0].strip().lower() != "text/plain":
        said = f"of the type '{readable(fetch.content_type, 80)}'" if fetch.content_type else "without a content type"
        return Flaw(FETCH_ERROR, f"the policy came {said}, not text/plain")
    if fetch.too_long:
        return Flaw(FETCH_ERROR, f"the policy has more than {MAX_POLICY} octets")
    return None
