"""A stapled OCSP response is read as far as mail needs it; one that cannot be read says why, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import certmaking
import pytest
import vectors
from certmaking import NOW, staple_for
from cryptography.x509 import ocsp
from harmless import is_harmless

from mailtls.tls.certificate import read_certificate
from mailtls.tls.der import NotDER
from mailtls.tls.staple import MAX_ANSWERS, MAX_STAPLE, read_staple
from mailtls.tls.timestamps import MAX_TIMESTAMPS, read_timestamps

LEAF = certmaking.root().sign("mx.example").der


@pytest.mark.parametrize("name", vectors.staples())
def test_every_vector_agrees_with_the_library_where_that_can_read_it(name: str) -> None:
    der = vectors.staples()[name]
    read = read_staple(der)
    assert is_harmless(read.problem)
    try:
        parsed = ocsp.load_der_ocsp_response(der)
    except ValueError:
        assert read.outcome == "unreadable" or name == "resp-invalid-version.der"
        return
    if parsed.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        assert read.outcome == parsed.response_status.name.lower().replace("_", "-")
        assert read.answers == ()
        return
    assert read.outcome == "successful"
    for one, answer in zip(list(parsed.responses)[:MAX_ANSWERS], read.answers, strict=True):
        assert one.certificate_status.name.lower() == answer.status
        assert one.serial_number == int.from_bytes(answer.serial, "big", signed=True)
        assert (one.this_update_utc, one.next_update_utc) == (answer.this_update, answer.next_update)
        assert (one.issuer_name_hash, one.issuer_key_hash) == (answer.issuer_name, answer.issuer_key)


def test_timestamps_in_a_response_are_counted() -> None:
    assert len(read_staple(vectors.staples()["resp-sct-extension.der"]).answers[0].logs) == 4
    assert read_staple(staple_for(LEAF, timestamps=(bytes(32),))).answers[0].logs == ("00" * 32,)


@pytest.mark.parametrize(("status", "octets"), [("good", b"\x80\x00"), ("unknown", b"\x82\x00"), ("revoked", b"\xa1\x11\x18\x0f20260101000000Z")])
def test_what_a_response_says_of_its_certificate_is_read(status: str, octets: bytes) -> None:
    (answer,) = read_staple(staple_for(LEAF, status=octets)).answers
    assert answer.status == status
    assert answer.serial == read_certificate(LEAF).serial
    assert (answer.this_update, answer.next_update) == (NOW - timedelta(days=1), NOW + timedelta(days=1))
    assert read_staple(staple_for(LEAF, ends=None)).answers[0].next_update is None


def test_a_responder_may_fail_and_a_response_may_be_too_large_or_nothing_at_all() -> None:
    assert read_staple(staple_for(LEAF, outcome=3)).outcome == "try-later"
    assert read_staple(staple_for(LEAF, outcome=9)).problem == "a status that is not known"
    assert read_staple(b"\x30" * (MAX_STAPLE + 1)).problem == f"larger than {MAX_STAPLE} octets"
    assert read_staple(b"").outcome == "unreadable"


def test_no_beginning_of_a_response_is_one() -> None:
    whole = staple_for(LEAF)
    assert all(read_staple(whole[:cut]).outcome == "unreadable" for cut in range(len(whole)))


def test_a_list_of_timestamps_is_read_whole_or_not_at_all() -> None:
    whole = certmaking.sct_list(bytes(32), b"\2" * 32)
    assert read_timestamps(whole) == ("00" * 32, "02" * 32)
    assert read_timestamps(certmaking.sct_list()) == ()
    for cut in range(len(whole)):
        with pytest.raises(NotDER):
            read_timestamps(whole[:cut])
    with pytest.raises(NotDER, match="more than a list"):
        read_timestamps(certmaking.tlv(4, b"\0\0x"))
    assert len(read_timestamps(certmaking.sct_list(*[bytes(32)] * (MAX_TIMESTAMPS + 9)))) == MAX_TIMESTAMPS
