"""What an offer says is what a server reads: each kind of hello, read back by a model of a server that shares no code with ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
import server_model as model
from hypothesis import given
from hypothesis import strategies as st
from server_model import Hello, read_hello

from mailtls.hellos import HelloOffer
from mailtls.tls.hello import ODD_NAME, client_hello
from mailtls.tls.names import VERSION_CODES
from mailtls.tls.suites import SCHEMES, SCHEMES_13, groups_before_13, groups_of_13, offerable

RANDOM = bytes(range(100, 132))
HOST = "mx.example"
OLDER = ("TLSv1.0", "TLSv1.1", "TLSv1.2")
SIMPLE = {
    "SSLv3": HelloOffer("SSLv3", (0x000A, 0x0005)),
    "TLSv1.0": HelloOffer("TLSv1.0", (0xC014, 0x000A), (29, 23)),
    "TLSv1.1": HelloOffer("TLSv1.1", (0xC014, 0x000A), (29, 23)),
    "TLSv1.2": HelloOffer("TLSv1.2", (0xC030, 0xC014, 0x000A), (29, 23), (0x0804, 0x0401)),
    "TLSv1.3": HelloOffer("TLSv1.3", (0x1302, 0x1301), (4588, 29), (0x0804, 0x0403)),
}
EXTENDED = [offer for version, offer in SIMPLE.items() if version != "SSLv3"]
HANGS = range(256, 512)
"""Octets at which some load balancers hang (RFC 7685 section 1)."""


def sent(offer: HelloOffer) -> Hello:
    return read_hello(client_hello(offer, HOST, RANDOM))


def message(offer: HelloOffer) -> bytes:
    """Return the handshake message without its records."""
    wire, found = client_hello(offer, HOST, RANDOM), b""
    while wire:
        size = int.from_bytes(wire[3:5], "big")
        found, wire = found + wire[5 : 5 + size], wire[5 + size :]
    return found


@pytest.mark.parametrize("offer", SIMPLE.values(), ids=SIMPLE.keys())
def test_a_server_reads_what_was_offered(offer: HelloOffer) -> None:
    hello = sent(offer)
    assert hello.highest == VERSION_CODES[offer.version]
    assert hello.random == RANDOM
    assert [code for code in hello.suites if code != 0x00FF] == list(offer.cipher_suites)
    assert (hello.groups or ()) == offer.groups
    assert (hello.signature_schemes or ()) == offer.signature_schemes


@pytest.mark.parametrize(
    ("version", "record", "legacy"),
    [
        ("SSLv3", 0x0300, 0x0300), ("TLSv1.0", 0x0301, 0x0301), ("TLSv1.1", 0x0301, 0x0302), ("TLSv1.2", 0x0301, 0x0303),
        ("TLSv1.3", 0x0301, 0x0303),
    ],
)  # fmt: skip
def test_the_record_names_the_version_that_every_server_bears(version: str, record: int, legacy: int) -> None:
    hello = sent(SIMPLE[version])
    assert (hello.record_version, hello.legacy_version) == (record, legacy)


def test_an_sslv2_hello_lists_its_kinds_and_nothing_else() -> None:
    kinds = offerable("SSLv2")
    hello = sent(HelloOffer("SSLv2", kinds))
    assert (hello.legacy_version, hello.suites, hello.record_version) == (0x0002, kinds, None)
    assert hello.random[-16:] == RANDOM[:16]


def test_an_sslv2_hello_has_the_octets_of_its_draft() -> None:
    wire = client_hello(HelloOffer("SSLv2", (0x010080, 0x0700C0)), HOST, RANDOM)
    assert wire == bytes.fromhex("801f 01 0002 0006 0000 0010 010080 0700c0") + RANDOM[:16]


def test_an_sslv3_hello_has_no_extensions_and_says_by_a_suite_that_renegotiation_is_secure() -> None:
    hello = sent(SIMPLE["SSLv3"])
    assert not hello.extensions
    assert hello.suites[-1] == model.RENEGOTIATION_SCSV


@pytest.mark.parametrize("version", OLDER)
def test_a_hello_before_tls13_asks_for_every_hardening_and_compression_so_that_the_answer_shows_them(version: str) -> None:
    hello = sent(SIMPLE[version])
    asked = {model.RENEGOTIATION_INFO, model.EXTENDED_MASTER_SECRET, model.ENCRYPT_THEN_MAC, model.SESSION_TICKET}
    assert asked | {model.TRUNCATED_HMAC, model.HEARTBEAT, model.POINT_FORMATS} <= hello.extensions.keys()
    assert hello.compressions == (1, 0)
    assert hello.versions is None
    assert hello.session_id == b""


def test_a_hello_of_tls13_offers_it_alone_and_no_key_share() -> None:
    hello = sent(SIMPLE["TLSv1.3"])
    assert hello.versions == (0x0304,)
    assert hello.shares == {}
    assert hello.compressions == (0,)
    assert len(hello.session_id) == 32
    assert model.SESSION_TICKET not in hello.extensions


@pytest.mark.parametrize("offer", EXTENDED, ids=lambda offer: offer.version)
@pytest.mark.parametrize(("kind", "name"), [("host", HOST), ("none", None), ("odd", ODD_NAME)])
def test_the_server_name_is_the_hosts_or_none_or_one_that_nobody_has(offer: HelloOffer, kind: str, name: str | None) -> None:
    assert sent(replace(offer, server_name=kind)).sni == name


@pytest.mark.parametrize("version", OLDER)
def test_without_groups_or_schemes_their_extensions_are_left_out(version: str) -> None:
    hello = sent(replace(SIMPLE[version], groups=(), signature_schemes=()))
    assert hello.groups is None
    assert hello.signature_schemes is None


@pytest.mark.parametrize("offer", SIMPLE.values(), ids=SIMPLE.keys())
def test_a_fallback_says_so_behind_all_suites(offer: HelloOffer) -> None:
    suites = [code for code in sent(replace(offer, fallback=True)).suites if code != model.RENEGOTIATION_SCSV]
    assert suites == [*offer.cipher_suites, model.FALLBACK_SCSV]


@pytest.mark.parametrize("offer", EXTENDED, ids=lambda offer: offer.version)
def test_grease_stands_before_what_is_meant_and_an_extension_is_unknown(offer: HelloOffer) -> None:
    hello = sent(replace(offer, grease=True))
    assert hello.suites[0] in model.GREASE
    assert hello.suites[1:] == offer.cipher_suites
    assert hello.groups is not None
    assert hello.groups[0] in model.GREASE
    assert hello.groups[1:] == offer.groups
    assert hello.extensions.keys() & model.GREASE
    assert hello.extensions.keys() - model.GREASE - model.KNOWN_EXTENSIONS
    if offer.version == "TLSv1.3":
        assert hello.versions is not None
        assert set(hello.versions) - model.GREASE == {0x0304}


@pytest.mark.parametrize("offer", EXTENDED, ids=lambda offer: offer.version)
def test_no_number_of_suites_makes_a_hello_of_the_size_at_which_load_balancers_hang(offer: HelloOffer) -> None:
    sizes = set()
    for count in range(1, 260):
        size = len(message(replace(offer, cipher_suites=tuple(range(0x2000, 0x2000 + count)))))
        assert size not in HANGS
        sizes.add(size)
    assert min(sizes) < 256 < 511 < max(sizes)


@pytest.mark.parametrize("offer", EXTENDED, ids=lambda offer: offer.version)
@pytest.mark.parametrize("size", [512, 1_500, 2_048, 16_384])
def test_a_hello_is_padded_to_the_size_that_was_wished_for(offer: HelloOffer, size: int) -> None:
    assert len(message(replace(offer, size=size))) == size


@pytest.mark.parametrize("offer", EXTENDED, ids=lambda offer: offer.version)
def test_padding_that_does_not_fit_exactly_is_at_most_three_octets_longer(offer: HelloOffer) -> None:
    natural = len(message(replace(offer, size=600)))
    assert natural == 600
    bare = replace(offer, cipher_suites=tuple(range(0x2000, 0x2200)))
    length = len(message(bare))
    assert [len(message(replace(bare, size=length + more))) - length for more in range(8)] == [0, 4, 4, 4, 4, 5, 6, 7]


def test_a_hello_of_more_than_16_kib_goes_out_in_several_records() -> None:
    offer = replace(SIMPLE["TLSv1.2"], size=40_000)
    wire = client_hello(offer, HOST, RANDOM)
    assert len(wire) == 40_000 + 3 * 5
    assert read_hello(wire).largest_record == 16_384


@pytest.mark.parametrize(
    "offer",
    [
        HelloOffer("TLSv1.2", tuple(range(32_768)), (29,), (0x0804,)),
        HelloOffer("TLSv1.2", (0x10000,)),
        HelloOffer("TLSv1.2", (0x2F,), (70_000,)),
        HelloOffer("TLSv1.2", (0x2F,), tuple(range(32_768))),
        HelloOffer("TLSv1.3", (0x1301,), (29,), tuple(range(32_768))),
        HelloOffer("TLSv1.3", (0x1301,), (29,), (0x0804,), size=66_000),
        HelloOffer("SSLv2", (0x1000000,)),
        HelloOffer("SSLv2", tuple(range(22_000))),
    ],
)
def test_an_offer_that_does_not_fit_is_an_overflow_and_no_hello(offer: HelloOffer) -> None:
    with pytest.raises(OverflowError):
        client_hello(offer, HOST, RANDOM)


def test_sslv2_kinds_that_do_not_fit_into_its_record_are_an_overflow_as_well() -> None:
    with pytest.raises(OverflowError):
        client_hello(HelloOffer("SSLv2", tuple(range(10_915))), HOST, RANDOM)


def _some(codes: tuple[int, ...], least: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.sampled_from(codes), min_size=least, unique=True).map(tuple)


@st.composite
def offers(draw: st.DrawFn) -> HelloOffer:
    version = draw(st.sampled_from(("SSLv2", *SIMPLE)))
    is_13, has_extensions = version == "TLSv1.3", version not in ("SSLv2", "SSLv3")
    schemes: tuple[int, ...] = ()
    if version in ("TLSv1.2", "TLSv1.3"):
        schemes = draw(_some(SCHEMES_13 if is_13 else SCHEMES, int(is_13)))
    return HelloOffer(
        version,
        draw(_some(offerable(version), 1)),
        draw(_some(groups_of_13() if is_13 else groups_before_13(), int(is_13))) if has_extensions else (),
        schemes,
        server_name=draw(st.sampled_from(["host", "none", "odd"])),
        fallback=draw(st.booleans()) and version != "SSLv2",
        size=draw(st.sampled_from([0, 0, 513, 2_048, 20_000])),
        grease=draw(st.booleans()) and has_extensions,
    )


@given(offers())
def test_whatever_is_offered_is_read_back(offer: HelloOffer) -> None:
    hello = sent(offer)
    signals = {model.RENEGOTIATION_SCSV, model.FALLBACK_SCSV} | model.GREASE
    assert tuple(code for code in hello.suites if code not in signals) == offer.cipher_suites
    assert tuple(code for code in hello.groups or () if code not in model.GREASE) == offer.groups
    assert (hello.signature_schemes or ()) == offer.signature_schemes
    assert hello.highest == VERSION_CODES[offer.version]
    assert (model.FALLBACK_SCSV in hello.suites) is offer.fallback
    if offer.version not in ("SSLv2", "SSLv3"):
        assert hello.sni == {"host": HOST, "none": None, "odd": ODD_NAME}[offer.server_name]
        assert len(message(offer)) not in HANGS
        assert len(message(offer)) >= offer.size
        assert bool(hello.extensions.keys() & model.GREASE) is offer.grease
