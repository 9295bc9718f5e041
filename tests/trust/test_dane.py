"""Each outcome that RFC 7671 and RFC 7672 list for a record and a chain, and that nothing hostile makes it crash or hang."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from making import DAY, NOW, Made, authority, leaf, make, usage

from mailtls.tls import publickey
from mailtls.tls.publickey import read_public_key
from mailtls.trust import dane, links
from mailtls.trust.dane import Vouching, first_that_holds, presented_names, vouch
from mailtls.trust.tlsa import TLSA

HOST = "mx.example"
ROOT = authority("a root")
MIDDLE = authority("an intermediate", ROOT)
LEAF = leaf(MIDDLE, HOST)
CHAIN = (LEAF.der, MIDDLE.der, ROOT.der)


def record(usage_: int, selector: int, matching_type: int, made: Made) -> TLSA:
    octets = made.der if selector == 0 else made.spki
    digests = {1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}
    return TLSA(usage_, selector, matching_type, digests.get(matching_type, octets))


def says(held: TLSA, chain: tuple[bytes, ...] = CHAIN, names: tuple[str, ...] = (HOST,), at=NOW) -> Vouching:
    return vouch(held, chain, names, at)


KINDS = [(selector, matching_type) for selector in (0, 1) for matching_type in (0, 1, 2)]


@pytest.mark.parametrize(("selector", "matching_type"), KINDS)
def test_usage_3_vouches_for_the_leaf_whatever_its_names_and_dates_are(selector: int, matching_type: int) -> None:
    for made in (LEAF, leaf(None, HOST), leaf(None, HOST, ends=-DAY / 2), leaf(None, HOST, starts=DAY), leaf(None, "elsewhere.example")):
        found = says(record(3, selector, matching_type, made), (made.der,))
        assert (found.holds, found.depth, found.code) == (True, 0, "")


@pytest.mark.parametrize(("selector", "matching_type"), KINDS)
def test_usage_3_is_of_the_leaf_alone(selector: int, matching_type: int) -> None:
    found = says(record(3, selector, matching_type, MIDDLE))
    assert (found.holds, found.depth, found.code) == (False, None, "tlsa-invalid")


@pytest.mark.parametrize(("selector", "matching_type"), KINDS)
@pytest.mark.parametrize(("anchor", "depth"), [(MIDDLE, 1), (ROOT, 2)])
def test_usage_2_vouches_for_a_chain_that_leads_to_its_anchor(selector: int, matching_type: int, anchor: Made, depth: int) -> None:
    found = says(record(2, selector, matching_type, anchor))
    assert (found.holds, found.depth) == (True, depth)


@pytest.mark.parametrize(("selector", "matching_type"), KINDS)
def test_an_anchor_that_is_not_sent_counts_only_where_the_record_has_it_whole(selector: int, matching_type: int) -> None:
    found = says(record(2, selector, matching_type, ROOT), (LEAF.der, MIDDLE.der))
    assert found.holds == (matching_type == 0)
    assert found.depth == (2 if matching_type == 0 else None)


def test_the_key_of_an_anchor_that_is_not_sent_is_tried_on_the_last_of_the_chain() -> None:
    assert says(record(2, 1, 0, MIDDLE), (LEAF.der,)).depth == 1
    assert not says(record(2, 1, 0, ROOT), (LEAF.der,)).holds
    for key in (rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()):
        anchor = authority("another root", key=key)
        assert says(record(2, 1, 0, anchor), (leaf(anchor, HOST).der,)).holds
        assert not says(record(2, 1, 0, ROOT), (leaf(anchor, HOST).der,)).holds


@pytest.mark.parametrize(("selector", "matching_type"), [kind for kind in KINDS if kind != (1, 0)])
def test_usage_2_is_of_an_issuer_and_never_of_the_leaf(selector: int, matching_type: int) -> None:
    for made in (LEAF, leaf(None, HOST), authority(HOST)):
        assert says(record(2, selector, matching_type, made), (made.der, MIDDLE.der)).depth is None


def test_usage_2_needs_the_signatures_and_not_only_the_certificates() -> None:
    impostor = authority("an intermediate")  # the same name, another key
    stranger = leaf(impostor, HOST)
    assert says(record(2, 0, 1, MIDDLE), (stranger.der, MIDDLE.der, ROOT.der)).depth is None
    assert says(record(2, 0, 1, ROOT), (leaf(None, HOST).der, ROOT.der)).depth is None


def test_an_impostor_before_the_issuer_does_not_stand_in_its_way() -> None:
    impostor = authority("an intermediate")
    assert says(record(2, 0, 1, ROOT), (LEAF.der, impostor.der, ROOT.der, LEAF.der, MIDDLE.der)).holds


EXPIRED, EARLY = {"ends": -DAY / 2}, {"starts": DAY}


@pytest.mark.parametrize(
    ("which", "dates", "code", "words"),
    [
        (0, EXPIRED, "certificate-expired", "the certificate expired"),
        (0, EARLY, "certificate-not-trusted", "is not valid before"),
        (1, EXPIRED, "certificate-expired", "the issuer 'CN=an intermediate' expired"),
        (2, EXPIRED, "certificate-expired", "the issuer 'CN=a root' expired"),
        (2, EARLY, "certificate-not-trusted", "the issuer 'CN=a root' is not valid before"),
    ],
)
def test_usage_2_heeds_the_dates_of_every_certificate_up_to_the_anchor(which: int, dates: dict[str, timedelta], code: str, words: str) -> None:
    given_dates = [dates if place == which else {} for place in range(3)]
    root = authority("a root", **given_dates[2])
    middle = authority("an intermediate", root, **given_dates[1])
    server = leaf(middle, HOST, **given_dates[0])
    found = says(record(2, 1, 1, root), (server.der, middle.der, root.der))
    assert (found.holds, found.depth, found.code) == (False, 2, code)
    assert words in found.why
    below = says(record(2, 1, 1, middle), (server.der, middle.der, root.der))
    assert below.holds == (which > 0), "what stands above the anchor does not matter, nor do the dates of one that is no root"


@pytest.mark.parametrize("place", [1, 2])
def test_of_two_certificates_of_an_issuer_the_one_that_is_valid_is_followed_wherever_it_stands(place: int) -> None:
    old = authority("an intermediate", ROOT, ends=-DAY / 2)
    new = authority("an intermediate", ROOT, key=old.key)
    server = leaf(old, HOST)
    chain = [server.der, old.der, ROOT.der]
    assert says(record(2, 1, 1, ROOT), tuple(chain)).code == "certificate-expired"
    chain.insert(place, new.der)
    assert says(record(2, 1, 1, ROOT), tuple(chain)).holds
    older = authority("an intermediate", ROOT, key=old.key, ends=-DAY / 4)
    assert links.path_from((server.der, old.der, older.der), b"", NOW) == (server.der, older.der)


def test_usage_2_demands_one_of_the_reference_identifiers() -> None:
    anchor = record(2, 0, 1, ROOT)
    assert says(anchor, names=("elsewhere.example", HOST)).holds
    found = says(anchor, names=("elsewhere.example",))
    assert (found.holds, found.depth, found.code) == (False, 2, "certificate-host-mismatch")
    assert says(anchor, names=()).code == "certificate-host-mismatch"


def with_alternative(*names: x509.GeneralName) -> Made:
    return make(HOST, MIDDLE, extensions=[(x509.SubjectAlternativeName(names), False)])


UNREADABLE_NAMES = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x02\x82\x05")


@pytest.mark.parametrize(
    ("server", "name", "holds"),
    [
        (leaf(MIDDLE, "*.example.org"), "mx.example.org", True), (leaf(MIDDLE, "*.example.org"), "a.mx.example.org", False),
        (leaf(MIDDLE, "MX.Example.org"), "mx.example.org", True), (leaf(MIDDLE, "other.example", HOST), HOST, True),
        (leaf(MIDDLE), HOST, True), (with_alternative(x509.DNSName("x.example")), HOST, False),
        (with_alternative(x509.RFC822Name("a@b.example")), HOST, True), (make(HOST, MIDDLE, extensions=[(UNREADABLE_NAMES, False)]), HOST, False),
    ],
    ids=["wildcard", "wildcard-for-two", "case", "second", "common-name", "common-name-beside-a-dnsname", "beside-another-kind", "unreadable"],
)  # fmt: skip
def test_names_are_dnsnames_or_where_there_are_none_the_common_name(server: Made, name: str, holds: bool) -> None:
    assert says(record(2, 0, 1, MIDDLE), (server.der, MIDDLE.der), (name,)).holds is holds


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def chain_with(*middle, above: Made = ROOT, of_leaf=()) -> tuple[TLSA, tuple[bytes, ...]]:
    """Make a chain whose intermediate, or server's certificate, has more extensions; and a record of what stands above."""
    between = authority("between", above, *middle)
    return record(2, 0, 1, above), (leaf(between, HOST, more=of_leaf).der, between.der, above.der)


def purpose(oid: x509.ObjectIdentifier) -> tuple[x509.ExtendedKeyUsage, bool]:
    return x509.ExtendedKeyUsage([oid]), False


def constrained(permitted: str = "", excluded: str = "") -> tuple[x509.NameConstraints, bool]:
    return x509.NameConstraints([x509.DNSName(permitted)] if permitted else None, [x509.DNSName(excluded)] if excluded else None), True


def chain_without_authority(*extensions) -> tuple[TLSA, tuple[bytes, ...]]:
    between = make("between", ROOT, extensions=extensions)
    return record(2, 0, 1, ROOT), (leaf(between, HOST).der, between.der, ROOT.der)


@pytest.mark.parametrize(
    ("built", "words"),
    [
        (chain_without_authority(), "is no certificate authority"),
        (chain_without_authority((x509.BasicConstraints(False, None), True)), "is no certificate authority"),
        (chain_with((usage(digital_signature=True), True)), "may not sign certificates"),
        (chain_with((UNKNOWN, True)), "a critical extension that senders do not know"),
        (chain_with(purpose(ExtendedKeyUsageOID.EMAIL_PROTECTION)), "is not for TLS servers"),
        (chain_with(above=authority("short", length=0)), "so far above"),
        (chain_with(of_leaf=[(UNKNOWN, True)]), "the certificate has a critical extension"),
        (chain_with(of_leaf=[(usage(crl_sign=True), True)]), "is not for TLS, by its key usage"),
        (chain_with(purpose(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)), "is not for TLS servers"),
        (chain_with(of_leaf=[purpose(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)]), "is not for TLS servers, by its extended key usage"),
        (chain_with(of_leaf=[(x509.TLSFeature([x509.TLSFeatureType.status_request]), True)]), "the certificate has a critical extension"),
        (chain_with(of_leaf=[purpose(ExtendedKeyUsageOID.CLIENT_AUTH)]), "is not for TLS servers, by its extended key usage"),
        (chain_with(constrained(permitted="example.org")), "may not certify the names that it does"),
        (chain_with(above=authority("constrained", None, constrained(excluded="example"))), "may not certify the names that it does"),
    ],
)
def test_usage_2_heeds_what_certificates_say_of_their_own_use(built, words: str) -> None:
    anchor, chain = built
    found = says(anchor, chain)
    assert (found.holds, found.code) == (False, "certificate-not-trusted")
    assert words in found.why


@pytest.mark.parametrize(
    "more",
    [
        (UNKNOWN, False), constrained(permitted="example"), constrained(permitted=".example"), constrained(excluded="x.example"),
        purpose(ExtendedKeyUsageOID.SERVER_AUTH), (usage(key_cert_sign=True), True),
    ],
)  # fmt: skip
def test_what_allows_the_chain_is_no_objection(more) -> None:
    anchor, chain = chain_with(more)
    assert says(anchor, chain).holds


def test_a_chain_whose_issuer_may_sign_one_more_is_long_enough() -> None:
    anchor, chain = chain_with(above=authority("one", length=1))
    assert says(anchor, chain).holds


def test_no_record_vouches_for_no_chain_and_none_of_a_strange_usage_for_any() -> None:
    assert says(record(3, 1, 1, LEAF), ()).code == "tlsa-invalid"
    for strange in (0, 1, 4, 255):
        assert not says(record(strange, 1, 1, LEAF)).holds


def test_a_record_that_holds_decides_before_one_that_comes_near_and_that_before_any_other() -> None:
    far, near, holding = says(record(3, 1, 1, ROOT)), says(record(2, 0, 1, ROOT), names=("x",)), says(record(3, 1, 1, LEAF))
    assert first_that_holds([far, near, holding]) == holding
    assert first_that_holds([far, near]) == near
    assert first_that_holds([far]) == far
    assert first_that_holds([]) is None


def test_the_whole_key_of_a_self_signed_leaf_has_signed_it() -> None:
    """OpenSSL sees it so as well: nothing but the signature is asked of a key without a certificate."""
    own = leaf(None, HOST)
    assert says(record(2, 1, 0, own), (own.der,)).holds
    assert not says(record(2, 1, 0, LEAF), (LEAF.der,)).holds


@pytest.mark.parametrize(
    ("bits", "exponent_bits", "bearable"),
    [
        (2_048, 17, True), (16_384, 17, True), (4_096, 64, True),
        (16_385, 17, False), (200_000, 17, False), (4_096, 65, False), (2_048, 2_047, False), (200_000, 199_999, False),
    ],
)  # fmt: skip
def test_a_modulus_or_an_exponent_beyond_bounds_is_not_computed_with(bits: int, exponent_bits: int, bearable: bool) -> None:
    octets = rsa_key_of(bits, exponent_bits)
    assert read_public_key(octets).is_bounded is bearable
    assert not says(TLSA(2, 1, 0, octets), (leaf(authority("r", key=rsa.generate_private_key(65537, 2048)), HOST).der,)).holds


def forget() -> None:
    for remembered in (dane._vouch_as_anchor, links.path_from, links.is_signed_by_key):
        remembered.clear()


def test_an_issuer_with_a_key_beyond_bounds_has_signed_nothing(monkeypatch) -> None:
    anchor = authority("an anchor", key=rsa.generate_private_key(65537, 2048))
    chain = (leaf(anchor, HOST).der, anchor.der)
    assert says(record(2, 0, 1, anchor), chain).holds
    monkeypatch.setattr(publickey, "MAX_MODULUS", 2_047)
    forget()
    for held in (record(2, 0, 1, anchor), record(2, 1, 0, anchor)):
        assert not says(held, chain).holds
        assert not says(held, chain[:1]).holds
    forget()


def test_a_record_larger_than_a_certificate_may_be_is_of_nothing() -> None:
    huge = b"\x30\x82\xff\xff" + b"\xff" * 65_535
    assert not says(TLSA(2, 1, 0, huge), (LEAF.der,)).holds
    assert not says(TLSA(2, 0, 0, huge), (LEAF.der,)).holds


def rsa_key_of(bits: int, exponent_bits: int) -> bytes:
    """Return a SubjectPublicKeyInfo with numbers of these sizes, written by hand: no library makes one."""

    def element(tag: int, content: bytes) -> bytes:
        size = len(content)
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 + len(octets)]) + octets) + content

    def number(size: int) -> bytes:
        value = (1 << size) - 1
        return element(2, value.to_bytes(size // 8 + 1, "big"))

    algorithm = element(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return element(0x30, algorithm + element(3, b"\0" + element(0x30, number(bits) + number(exponent_bits))))


def test_a_crowd_of_issuers_of_one_name_is_tried_so_often_and_no_more(monkeypatch) -> None:
    tried = []
    monkeypatch.setattr(links, "is_signed_by", lambda signed, der: tried.append((signed, der)) or False)
    crowd = tuple(authority("an intermediate").der for _ in range(19))
    links.path_from.clear()
    assert links.path_from((leaf(MIDDLE, HOST).der, *crowd), b"", NOW) != ()
    assert len(tried) <= links.MAX_SIGNATURES


def test_a_loop_of_issuers_ends() -> None:
    """Two authorities that signed each other."""
    first, second = authority("first"), authority("second")
    again, back = authority("first", second, key=first.key), authority("second", first, key=second.key)
    server = leaf(again, HOST)
    assert len(links.path_from((server.der, again.der, back.der, again.der), b"", NOW)) == 3
    assert says(record(2, 0, 1, back), (server.der, again.der, back.der)).holds


def test_what_is_beyond_the_cap_of_a_chain_is_not_looked_at() -> None:
    padding = tuple(authority(f"padding {n}").der for n in range(20))
    assert not says(record(2, 0, 1, MIDDLE), (LEAF.der, *padding, MIDDLE.der)).holds


CUTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 700), st.binary(max_size=4)), max_size=4)


@examples(400)
@given(CUTS, st.sampled_from([record(u, s, m, made) for u in (2, 3) for s in (0, 1) for m in (0, 1) for made in (LEAF, MIDDLE, ROOT)]))
def test_no_chain_makes_it_raise(cuts, held: TLSA) -> None:
    chain = list(CHAIN)
    for which, place, octets in cuts:
        chain[which] = chain[which][:place] + octets + chain[which][place + len(octets) :]
    found = vouch(held, chain, (HOST,), NOW)
    assert found.holds == (found.depth is not None and found.code == "")
    presented_names(chain[0])


@examples(200)
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=200), st.lists(st.binary(max_size=200), max_size=4))
def test_no_record_makes_it_raise(usage_: int, selector: int, matching_type: int, data: bytes, chain: list[bytes]) -> None:
    held = TLSA(usage_, selector, matching_type, data)
    assert not vouch(held, [*chain, LEAF.der], (HOST,), NOW).holds or data
