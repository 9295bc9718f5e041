"""What is wrong with a chain is said by a code, and a missing intermediate only where it is proved to be missing."""

from __future__ import annotations

import itertools

import certmaking
import pytest
import vectors
from certmaking import DAY, NOW, Issuer, rsa_spki, with_key
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from harmless import is_harmless

from mailtls.tls.certificate import MAX_CHAIN, read_certificate
from mailtls.trust.anchors import MAX_KNOWN, Anchors, KnownAuthorities, NoPath, Path, find_path
from mailtls.trust.chain import ChainCode, chain_problems, is_vouched_for, signed_below_anchor
from mailtls.trust.links import arrange, is_self_signed, is_signed_by
from mailtls.trust.pkix import judge_chain

ROOT, OTHER_ROOT = certmaking.root("the root"), certmaking.root("another root")
UPPER = ROOT.sign("the upper intermediate", authority=True)
LOWER = UPPER.sign("the lower intermediate", authority=True)
LEAF = LOWER.sign("mx.example")
ANCHORS = Anchors(ROOT.pem, "the root alone")
PRIVATE = OTHER_ROOT.sign("a private intermediate", authority=True)
STRANGER = PRIVATE.sign("mx.example")
KNOWING = ANCHORS.knowing(KnownAuthorities().learn(Path((LEAF.der, LOWER.der, UPPER.der, ROOT.der))))


def codes(*issuers: Issuer | bytes, anchors: Anchors = ANCHORS, at=NOW) -> list[str]:
    chain = tuple(issuer.der if isinstance(issuer, Issuer) else issuer for issuer in issuers)
    problems = chain_problems(chain, anchors, at)
    assert all(is_harmless(problem.why) for problem in problems)
    return [problem.code.value for problem in problems]


def whys(*issuers: Issuer, anchors: Anchors = ANCHORS) -> str:
    return "; ".join(problem.why for problem in chain_problems(tuple(issuer.der for issuer in issuers), anchors, NOW))


EXPIRED = UPPER.sign("the lower intermediate", LOWER.key, authority=True, ends=-DAY)
SELF = certmaking.self_signed("mx.example")
CROSS = OTHER_ROOT.sign("the root", ROOT.key, authority=True)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((LEAF, LOWER, UPPER), []),
        ((LEAF, UPPER, LOWER), ["wrong-order"]),
        ((LEAF, LOWER, UPPER, ROOT), ["root-sent"]),
        ((LEAF, ROOT, UPPER, LOWER), ["wrong-order", "root-sent"]),
        ((LEAF, LOWER, UPPER, CROSS), []),
        ((LEAF, LOWER, UPPER, PRIVATE), ["unrelated-certificate"]),
        ((LEAF, LOWER, UPPER, OTHER_ROOT), ["unrelated-certificate"]),
        ((LEAF, LEAF, LOWER, LOWER, UPPER), ["duplicate-certificate"]),
        ((LEAF, LOWER, UPPER, b"nonsense"), ["unreadable-certificate"]),
        ((LEAF, LOWER, EXPIRED, UPPER), ["expired-certificate"]),
        ((LEAF, EXPIRED, UPPER), ["expired-certificate"]),
        ((LEAF,), ["issuer-not-sent"]),
        ((LEAF, LOWER), ["issuer-not-sent"]),
        ((LEAF, UPPER), ["issuer-not-sent", "unrelated-certificate"]),
        ((STRANGER, PRIVATE), ["issuer-not-sent"]),
        ((STRANGER, PRIVATE, OTHER_ROOT), ["unknown-root"]),
        ((SELF,), ["self-signed"]),
        ((SELF, LOWER), ["self-signed", "unrelated-certificate"]),
        ((b"nonsense", LOWER), ["unreadable-certificate"]),
        ((), []),
    ],
)
def test_what_is_wrong_with_a_chain_has_its_code(chain, expected: list[str]) -> None:
    assert codes(*chain) == expected


def test_an_intermediate_is_missing_where_one_that_was_met_elsewhere_completes_the_chain() -> None:
    assert codes(LEAF, anchors=KNOWING) == ["missing-intermediate"]
    assert "'CN=the lower intermediate', 'CN=the upper intermediate' was not sent" in whys(LEAF, anchors=KNOWING)
    assert codes(LEAF, LOWER, anchors=KNOWING) == ["missing-intermediate"]
    assert codes(LEAF, LOWER, UPPER, anchors=KNOWING) == []
    assert codes(LEAF, EXPIRED, UPPER, anchors=KNOWING) == ["missing-intermediate", "expired-certificate"]
    assert codes(STRANGER, anchors=KNOWING) == ["issuer-not-sent"]


def test_an_authority_of_the_right_name_and_another_key_is_no_missing_intermediate() -> None:
    namesake = UPPER.sign("the lower intermediate", authority=True)
    assert codes(namesake.sign("mx.example"), anchors=KNOWING) == ["issuer-not-sent"]
    assert codes(LEAF, namesake, UPPER) == ["issuer-not-sent", "unrelated-certificate"]


def test_what_is_known_of_authorities_changes_no_judgement_but_its_words() -> None:
    for chain in ((LEAF,), (STRANGER,), (SELF,), (LEAF, LOWER, UPPER)):
        ders = tuple(issuer.der for issuer in chain)
        plain, knowing = judge_chain(ders, ANCHORS, NOW), judge_chain(ders, KNOWING, NOW)
        assert (plain.trusted, plain.code) == (knowing.trusted, knowing.code)
    assert "was met in another chain" in judge_chain((LEAF.der,), KNOWING, NOW).why


def test_public_logs_speak_for_a_missing_intermediate_and_do_not_prove_one() -> None:
    logged = LOWER.sign("mx.example", timestamps=(bytes(32),))
    assert codes(logged) == ["issuer-not-sent"]
    assert "public logs know the certificate" in whys(logged)
    assert "public logs" not in whys(LEAF)


def test_an_end_entity_that_expired_has_a_chain_all_the_same() -> None:
    old = LOWER.sign("mx.example", ends=-DAY)
    assert codes(old, LOWER, UPPER) == []
    assert codes(old, anchors=KNOWING) == ["missing-intermediate"]
    assert codes(LOWER.sign("mx.example", starts=DAY), LOWER, UPPER) == []


def test_a_certificate_with_the_name_of_its_issuer_is_not_self_signed_for_that() -> None:
    namesake = Issuer("the lower intermediate", LOWER.key).sign("the lower intermediate")
    assert read_certificate(namesake.der).self_issued
    assert not is_self_signed(namesake.der)
    assert codes(namesake, LOWER, UPPER) == []


def test_two_authorities_that_certified_each_other_end_nowhere() -> None:
    one, two = Issuer("one"), Issuer("two")
    forth, back = one.sign("two", two.key, authority=True), two.sign("one", one.key, authority=True)
    leaf = one.sign("mx.example")
    assert codes(leaf, back, forth) == []
    assert not judge_chain((leaf.der, back.der, forth.der), ANCHORS, NOW).trusted


@pytest.mark.parametrize("order", list(itertools.permutations((0, 1, 2))))
def test_order_is_wrong_only_where_a_certificate_stands_before_all_that_it_signed(order: tuple[int, ...]) -> None:
    chain = tuple((LOWER, UPPER, CROSS)[place].der for place in order)
    assert ("wrong-order" in codes(LEAF, *chain)) == (order != (0, 1, 2))
    arranged = arrange((LEAF.der, *chain))
    assert arranged.issuers[LEAF.der] == (LOWER.der,)
    assert arranged.tops == (CROSS.der,)


def test_signatures_count_below_the_anchor_alone() -> None:
    key = rsa.generate_private_key(65537, 2048)
    authority = certmaking.root("an authority of RSA", key)
    anchors = Anchors(authority.pem, "it alone")
    leaf = authority.sign("mx.example")
    sha1_root = certmaking.signed_with(authority.der, key, hashes.SHA1(), "1.2.840.113549.1.1.5")
    sha1_leaf = certmaking.signed_with(leaf.der, key, hashes.SHA1(), "1.2.840.113549.1.1.5")
    assert [read_certificate(der).signature_hash for der in (sha1_root, sha1_leaf)] == ["SHA-1", "SHA-1"]
    assert signed_below_anchor((leaf.der, sha1_root), anchors, NOW) == (leaf.der,)
    assert signed_below_anchor((sha1_leaf, sha1_root), anchors, NOW) == (sha1_leaf,)
    assert is_signed_by(sha1_leaf, sha1_root)  # who signed it is one thing, and who still takes SHA-1 another
    assert not judge_chain((sha1_leaf, sha1_root), anchors, NOW).trusted
    assert signed_below_anchor((SELF.der,), anchors, NOW) == ()
    assert signed_below_anchor((LEAF.der, LOWER.der, UPPER.der, ROOT.der), ANCHORS, NOW) == (LEAF.der, LOWER.der, UPPER.der)
    assert signed_below_anchor((LEAF.der, LOWER.der), ANCHORS, NOW) == (LEAF.der, LOWER.der)


def test_authorities_are_remembered_up_to_a_number_and_none_but_those_of_a_path() -> None:
    known = KnownAuthorities()
    path = find_path((LEAF.der, LOWER.der, UPPER.der, PRIVATE.der), ANCHORS, NOW)
    assert isinstance(path, Path)
    assert path.certificates == (LEAF.der, LOWER.der, UPPER.der, ROOT.der)
    learnt = known.learn(path)
    assert known.by_name == {}
    assert sum(map(len, learnt.by_name.values())) == 2
    assert learnt.learn(path) is learnt
    full = KnownAuthorities({bytes([n >> 8, n & 255]): (b"x",) for n in range(MAX_KNOWN)}).learn(path)
    assert sum(map(len, full.by_name.values())) == MAX_KNOWN
    assert full.named(read_certificate(LOWER.der).subject_name) == (LOWER.der,)
    assert b"\0\0" not in full.by_name


def test_who_vouches_for_a_certificate_may_have_done_so_long_ago_or_by_way_of_what_was_not_sent() -> None:
    old = LOWER.sign("mx.example", starts=-9 * DAY, ends=-5 * DAY)
    assert is_vouched_for((old.der, LOWER.der, UPPER.der), ANCHORS, NOW)
    assert not is_vouched_for((LEAF.der,), ANCHORS, NOW)
    assert is_vouched_for((LEAF.der,), KNOWING, NOW)
    assert is_vouched_for((LOWER.sign("mx.example", timestamps=(bytes(32),)).der,), ANCHORS, NOW)
    assert not is_vouched_for((SELF.der,), KNOWING, NOW)
    assert not is_vouched_for((STRANGER.der, PRIVATE.der, OTHER_ROOT.der), KNOWING, NOW)


def test_a_long_chain_is_followed_as_far_as_it_is_looked_at_and_one_beyond_is_no_verdict() -> None:
    steps = [ROOT]
    for number in range(MAX_CHAIN + 3):
        steps.append(steps[-1].sign(f"step {number}", authority=True))

    def chain(length: int) -> tuple[bytes, ...]:
        return (steps[length - 1].sign("mx.example").der, *(step.der for step in reversed(steps[1:length])))

    for length in (2, 9, MAX_CHAIN - 1):
        assert judge_chain(chain(length), ANCHORS, NOW).trusted, length
    beyond = chain(MAX_CHAIN + 2)
    assert len(beyond) == MAX_CHAIN + 2
    judgement = judge_chain(beyond, ANCHORS, NOW)
    assert (judgement.trusted, judgement.undecided, judgement.code) == (False, True, "")
    assert codes(*beyond) == ["too-long"]
    padded = (LEAF.der, LOWER.der, UPPER.der, *[PRIVATE.der] * 5_000)
    assert judge_chain(padded, ANCHORS, NOW).trusted
    assert codes(*padded) == ["unrelated-certificate", "duplicate-certificate", "too-long"]


@pytest.mark.parametrize("names", [1, 2, 3])
def test_paths_without_number_end_in_no_verdict_and_in_bounded_work(names: int) -> None:
    """Every certificate could be the issuer of many others: what a sender makes of that depends on where it gives up."""
    keys = [certmaking.Issuer(f"N{number}") for number in range(names)]
    chain = [keys[n % names].sign(f"N{(n + 1) % names}", keys[(n + 1) % names].key, authority=True).der for n in range(MAX_CHAIN - 1)]
    leaf = keys[0].sign("mx.example").der
    judgement = judge_chain((leaf, *chain), ANCHORS, NOW)
    assert not judgement.trusted
    assert judgement.undecided == (names > 1)  # one that certified itself is no step of a path
    assert set(codes(leaf, *chain)) <= {"unknown-root", "wrong-order"}


@pytest.mark.parametrize(("bits", "exponent_bits"), [(17_000, 16), (60_000, 16), (3_000, 2_000)])
def test_a_giant_key_of_an_authority_is_no_verdict_and_one_that_is_not_needed_is_no_matter(bits: int, exponent_bits: int) -> None:
    giant = with_key(UPPER.der, rsa_spki((1 << bits) + 1, (1 << exponent_bits) + 1))
    assert is_signed_by(LOWER.der, giant) is None
    judgement = judge_chain((LEAF.der, LOWER.der, giant), ANCHORS, NOW)
    assert (judgement.trusted, judgement.undecided) == (False, True)
    assert "too large to verify" in judgement.why
    assert judge_chain((LEAF.der, LOWER.der, UPPER.der, giant), ANCHORS, NOW).trusted


def test_a_giant_key_of_an_end_entity_is_judged_like_any_other() -> None:
    giant = with_key(LEAF.der, rsa_spki((1 << 60_000) + 1, 65537))
    judgement = judge_chain((giant, LOWER.der, UPPER.der), ANCHORS, NOW)
    assert (judgement.trusted, judgement.undecided) == (False, False)  # its signature no longer fits
    assert codes(giant, LOWER, UPPER) == ["issuer-not-sent", "unrelated-certificate"]


def test_every_vector_is_judged_in_every_place_of_a_chain() -> None:
    for der in vectors.certificates():
        for chain in ((der,), (der, der), (LEAF.der, der, LOWER.der, UPPER.der), (der, LOWER.der, UPPER.der)):
            judgement = judge_chain(chain, KNOWING, NOW)
            assert is_harmless(judgement.why)
            assert judgement.trusted == (chain[0] == LEAF.der)
            codes(*chain)


@pytest.mark.parametrize("name", [name for name, ders in vectors.files().items() if len(ders) > 1])
def test_every_chain_of_the_vectors_is_judged(name: str) -> None:
    chain = vectors.files()[name]
    judgement = judge_chain(chain, KNOWING, NOW)
    assert is_harmless(judgement.why)
    codes(*chain)
    codes(*reversed(chain))


def test_nists_chain_leads_to_nists_anchor() -> None:
    anchor, good, leaf = vectors.pkits("TrustAnchorRootCertificate", "GoodCACert", "ValidCertificatePathTest1EE")
    at = read_certificate(leaf).not_before
    assert at is not None
    arranged = arrange((leaf, good, anchor))
    assert (arranged.issuers[leaf], arranged.issuers[good], arranged.tops) == ((good,), (anchor,), (anchor,))
    assert codes(leaf, good, anchor, at=at) == ["unknown-root"]


def test_where_the_library_gives_up_its_words_are_known() -> None:
    """They are all that tells its limits from a verdict; they change, if ever, with a version of it."""
    loop = [Issuer("one"), Issuer("two")]
    forth, back = (loop[a].sign(loop[b].name, loop[b].key, authority=True).der for a, b in ((0, 1), (1, 0)))
    found = find_path((loop[0].sign("mx.example").der, back, forth), ANCHORS, NOW)
    assert isinstance(found, NoPath)
    assert found.is_undecided
    assert "exceeds max depth" in found.why


def test_every_code_is_used() -> None:
    assert len(ChainCode) == 11
