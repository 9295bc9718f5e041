"""Fuzz target: how the certificates of a chain hang together, and whether they lead to an anchor."""

from __future__ import annotations

from certmaking import NOW
from fuzz_seeds import authority, certificates

from mailtls.trust.anchors import Anchors, NoPath, find_path
from mailtls.trust.chain import chain_problems, is_vouched_for, signed_below_anchor
from mailtls.trust.distinguished import distinguished, is_named_as_issuer
from mailtls.trust.links import arrange, is_self_signed, is_signed_by, is_signed_by_key, is_valid_at, path_from
from mailtls.trust.senders import leads_to
from mailtls.trust.tlsa import public_key_of

COVERS = (
    arrange, is_signed_by, is_self_signed, find_path, Anchors.are_those_of, Anchors.named_as_issuers_of, chain_problems, is_vouched_for,
    signed_below_anchor, distinguished, path_from, leads_to, is_signed_by_key, is_named_as_issuer, is_valid_at,
)  # fmt: skip
ANCHORS = Anchors(authority().pem, "the root of the seeds")


def one(data: bytes) -> None:
    """No bytes make it raise, wherever they stand in a chain; nothing that was changed is vouched for by who signed the original,
    and what leads to an anchor has no problem that says that it does not."""
    leaf, intermediate, *_ = certificates()
    assert is_signed_by(data, intermediate) is not True or data in certificates()
    assert is_signed_by_key(leaf, data) is not True or data == public_key_of(intermediate)
    assert is_self_signed(data) in (True, False)
    assert is_valid_at(data, NOW) in (True, False)
    assert is_named_as_issuer(data, leaf) == (distinguished(data, "subject") == distinguished(leaf, "issuer"))
    assert not ANCHORS.are_those_of(data) or data not in (leaf, intermediate)
    for chain in ((data,), (data, intermediate), (leaf, data), (leaf, intermediate, data)):
        arranged = arrange(chain)
        assert set(arranged.sent) == set(chain)
        assert set(arranged.tops) <= set(chain)
        assert path_from(chain, data, NOW)[0] == chain[0]
        assert all(distinguished(anchor, "subject") for anchor in ANCHORS.named_as_issuers_of(chain))
        way = leads_to(chain, data, NOW)
        assert way == path_from(chain, data, NOW)[: len(way)]
        leads = not isinstance(find_path(chain, ANCHORS, NOW), NoPath)
        codes = {problem.code.value for problem in chain_problems(chain, ANCHORS, NOW)}
        assert not leads or not codes & {"self-signed", "unknown-root", "missing-intermediate", "issuer-not-sent"}
        assert is_vouched_for(chain, ANCHORS, NOW) or not leads
        assert set(signed_below_anchor(chain, ANCHORS, NOW)) <= set(chain)


def seeds() -> list[bytes]:
    return list(certificates())
