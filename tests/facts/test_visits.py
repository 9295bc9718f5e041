"""How evidence of visits is read: which reply counts, which refusal is an answer to the offer, and which gap is told where neither can be said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from mailtls.evidence import Exchange, Failure, Handshake, KeyType, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.facts.visits import (
    came_to_hello,
    completed_ehlo,
    is_out_of_step,
    spoke_esmtp,
    usual_handshake,
    vouched,
    why_not,
    why_void,
)
from mailtls.hellos import Refused
from mailtls.model import Cause, Endpoint, Stage, Unknown

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ENDPOINT = Endpoint("mx.example", ip_address("192.0.2.1"))
TLS = Handshake("TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", (b"der",))
USUAL, ECDSA, NAMELESS = Offer(), Offer(key_type=KeyType.ECDSA), Offer(with_sni=False)
FAILURE, CLOSE, BROKEN = Refused(40, "handshake_failure"), Refused(None, ""), Refused(80, "internal_error")
LOST = Failure(Cause.READ_TIMEOUT, Stage.HELLO, "nothing")
GREETING, OFFERED, PLAIN = b"220 mx.example\r\n", b"250-mx.example\r\n250 STARTTLS\r\n", b"250-mx.example\r\n250 SIZE\r\n"
SPAMD = b"250 Hello, spam sender. Pleased to be wasting your time.\r\n"


def exchanges(*said: tuple[bytes, bytes]) -> tuple[Exchange, ...]:
    """Return a dialogue, from what was sent and what came; nothing is sent before the greeting."""
    stages = {b"": Stage.GREETING, b"EHLO": Stage.EHLO, b"HELO": Stage.EHLO, b"QUIT": Stage.EHLO, b"STARTTLS": Stage.STARTTLS}
    return tuple(Exchange(stages[sent.split(b" ")[0].strip()], sent, received, 0.0, 0.0) for sent, received in said)


def probe(
    offer: Offer = USUAL, handshake: Handshake | Refused | None = None, failure: Failure | None = None, *said: tuple[bytes, bytes], at: int = 0
) -> ProbeEvidence:
    return ProbeEvidence(offer, NOW + timedelta(seconds=at), exchanges(*said), handshake, failure)


def scan(*probes: ProbeEvidence, carried: tuple[ProbeEvidence, ...] = (), failure: Failure | None = None) -> ScanEvidence:
    return ScanEvidence(ENDPOINT, Purpose.FULL, NOW, probes, failure, carried=carried)


def visits(*came: tuple[Offer, Handshake | Refused | None]) -> tuple[ProbeEvidence, ...]:
    return tuple(probe(offer, of, None if of is not None else LOST, at=number) for number, (offer, of) in enumerate(came))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (((b"", GREETING), (b"EHLO p\r\n", OFFERED)), False),
        (((b"", GREETING), (b"EHLO p\r\n", GREETING + OFFERED)), True),  # the second one is the answer
        (((b"", GREETING), (b"EHLO p\r\n", PLAIN), (b"QUIT\r\n", b"221 bye\r\n")), False),
        (((b"", GREETING), (b"EHLO p\r\n", b"250 hi\r\n"), (b"QUIT\r\n", OFFERED)), True),  # QUIT was answered with keywords
        (((b"", GREETING), (b"EHLO p\r\n", b"250 hi\r\n"), (b"QUIT\r\n", b"250 bye\r\n221 bye\r\n")), True),
        (((b"", GREETING), (b"EHLO p\r\n", PLAIN), (b"QUIT\r\n", b"250 bye\r\n")), False),  # one line may be a strange farewell
        (((b"", GREETING), (b"EHLO p\r\n", PLAIN), (b"QUIT\r\n", b"221 bye\r\n421 late\r\n")), False),
        (((b"", GREETING + b"220 twice\r\n"), (b"EHLO p\r\n", b"250-mx")), False),  # nothing whole came to EHLO
    ],
)
def test_replies_that_do_not_belong_to_their_commands_are_known_by_one_too_many(said: tuple[tuple[bytes, bytes], ...], expected: bool) -> None:
    assert is_out_of_step(exchanges(*said)) is expected
    void = why_void(exchanges(*said))
    assert (void is not None) is expected
    assert void is None or void.cause is Cause.PROTOCOL_ERROR


def test_a_decoy_says_nothing_about_the_server_behind_it_unless_it_offers_starttls() -> None:
    void = why_void(exchanges((b"", GREETING), (b"EHLO p\r\n", SPAMD)))
    assert void is not None
    assert void.cause is Cause.DEFERRED
    assert why_void(exchanges((b"", GREETING), (b"EHLO p\r\n", SPAMD.replace(b"250 ", b"250-") + b"250 STARTTLS\r\n"))) is None


@pytest.mark.parametrize(
    ("said", "lines", "esmtp"),
    [
        (((b"EHLO p\r\n", OFFERED),), 2, True),
        (((b"EHLO p\r\n", b"502 5.5.1 what?\r\n"), (b"HELO p\r\n", b"250-mx\r\n250 STARTTLS\r\n")), 1, False),  # no keywords behind HELO
        (((b"EHLO p\r\n", b"502 5.7.1 go away\r\n"), (b"HELO p\r\n", b"250 mx\r\n")), None, False),
        (((b"EHLO p\r\n", b"502 5.5.1 what?\r\n"), (b"HELO p\r\n", b"550 no\r\n")), None, False),
        (((b"EHLO p\r\n", b"502 5.5.1 what?\r\n"),), None, False),
        (((b"EHLO p\r\n", b"421 busy\r\n"),), None, False),
        (((b"EHLO p\r\n", b"250-mx.example\r\n250 STAR"),), None, False),  # cut off
        (((b"EHLO p\r\n", GREETING + OFFERED),), None, False),
        ((), None, False),
    ],
)
def test_a_completed_greeting_is_a_250_to_ehlo_or_to_the_helo_that_was_asked_for(
    said: tuple[tuple[bytes, bytes], ...], lines: int | None, esmtp: bool
) -> None:
    one = probe(USUAL, None, None, (b"", GREETING), *said)
    reply = completed_ehlo(one)
    assert (None if reply is None else len(reply.lines)) == lines
    assert spoke_esmtp(one) is esmtp


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (((USUAL, TLS), (ECDSA, FAILURE), (NAMELESS, TLS)), True),
        (((USUAL, TLS), (ECDSA, FAILURE)), False),  # nothing after it was accepted: the server may have been going down
        (((ECDSA, FAILURE), (USUAL, TLS)), True),
        (((USUAL, TLS), (ECDSA, BROKEN), (USUAL, TLS)), False),  # something may have broken, once
        (((USUAL, TLS), (ECDSA, BROKEN), (ECDSA, BROKEN), (USUAL, TLS)), True),
        (((USUAL, TLS), (ECDSA, CLOSE), (USUAL, TLS)), False),  # it has to repeat
        (((USUAL, TLS), (ECDSA, CLOSE), (ECDSA, CLOSE), (USUAL, TLS)), True),
        (((USUAL, TLS), (ECDSA, CLOSE), (USUAL, TLS), (ECDSA, CLOSE), (USUAL, TLS)), False),  # and on the very next connection
        (((ECDSA, CLOSE), (ECDSA, CLOSE), (USUAL, TLS)), False),
        (((USUAL, TLS), (ECDSA, CLOSE), (ECDSA, CLOSE)), False),
        (((USUAL, TLS), (ECDSA, CLOSE), (ECDSA, TLS), (USUAL, TLS)), False),  # the same offer was taken
        (((USUAL, TLS), (ECDSA, CLOSE), (ECDSA, CLOSE), (ECDSA, TLS)), False),
        (((USUAL, TLS), (ECDSA, CLOSE), (ECDSA, None), (USUAL, TLS)), False),  # silence repeats nothing
        (((ECDSA, CLOSE), (ECDSA, CLOSE)), False),
    ],
)
def test_a_refusal_counts_where_other_visits_vouch_that_it_answers_the_offer(
    came: tuple[tuple[Offer, Handshake | Refused | None], ...], expected: bool
) -> None:
    probes = visits(*came)
    refused = next(each for each in probes if isinstance(each.handshake, Refused))
    assert vouched(scan(*probes), refused) is expected


def test_a_visit_that_is_carried_on_vouches_like_one_of_the_scan() -> None:
    before, refused, after = visits((USUAL, TLS), (ECDSA, FAILURE), (USUAL, TLS))
    assert vouched(scan(after, carried=(before, refused)), refused)


def test_the_gap_that_is_told_is_that_of_the_last_usual_visit() -> None:
    early, late = Failure(Cause.DEFERRED, Stage.GREETING, "450"), Failure(Cause.RATE_LIMITED, Stage.EHLO, "421")
    ended = scan(probe(USUAL, None, early), probe(USUAL, None, late), probe(ECDSA, None, LOST))
    assert why_not(ended) == Unknown(Cause.RATE_LIMITED, Stage.EHLO, "421")
    assert why_not(scan(failure=early)) == Unknown(Cause.DEFERRED, Stage.GREETING, "450")
    assert why_not(scan(probe(), failure=early)) == Unknown(Cause.DEFERRED, Stage.GREETING, "450")
    assert why_not(scan(probe(USUAL, None, late), failure=early)).cause is Cause.RATE_LIMITED
    assert why_not(scan()) == Unknown(Cause.NOT_ATTEMPTED, Stage.CONNECT)


def test_why_a_vantage_cannot_speak_of_an_address_goes_before_all_that_happened() -> None:
    outside = Unknown(Cause.ADDRESS_FORBIDDEN, Stage.CONNECT, "loopback")
    assert why_not(ScanEvidence(ENDPOINT, Purpose.QUICK, NOW, (probe(USUAL, None, LOST),), out_of_scope=outside)) == outside


@pytest.mark.parametrize(("refused", "how"), [(CLOSE, "closed the connection"), (FAILURE, "sent the alert handshake_failure (40)")])
def test_a_refused_hello_that_nothing_vouches_for_is_open(refused: Refused, how: str) -> None:
    gap = why_not(scan(probe(USUAL, refused)))
    assert (gap.cause, gap.stage) == (Cause.PROTOCOL_ERROR, Stage.HELLO)
    assert how in gap.detail


def test_the_handshake_of_a_sender_is_the_last_with_his_offer() -> None:
    first, last, other = TLS, Handshake("TLSv1.2", "X", None, ()), Handshake("TLSv1.2", "Y", None, ())
    assert usual_handshake(scan(probe(USUAL, first), probe(USUAL, last), probe(ECDSA, other), probe(NAMELESS, other), probe(USUAL, CLOSE))) == last
    assert usual_handshake(scan(probe(ECDSA, other), carried=(probe(USUAL, first),))) is None


@pytest.mark.parametrize(
    ("reply", "stage", "expected"),
    [
        (b"220 go\r\n", None, True),
        (b"220 go\r\n", Stage.HELLO, True),
        (b"220 go\r\n", Stage.EHLO_TLS, True),
        (b"220 go\r\n", Stage.STARTTLS, False),
        (b"454 no\r\n", None, False),
        (b"220 g", Stage.STARTTLS, False),
    ],
)
def test_raw_hellos_are_worth_it_where_starttls_was_answered_with_220(reply: bytes, stage: Stage | None, expected: bool) -> None:
    failure = None if stage is None else Failure(Cause.READ_TIMEOUT, stage)
    one = probe(USUAL, None, failure, (b"", GREETING), (b"EHLO p\r\n", OFFERED), (b"STARTTLS\r\n", reply))
    assert came_to_hello(scan(one)) is expected
    assert not came_to_hello(scan(one, failure=LOST))
    assert not came_to_hello(scan(ProbeEvidence(ECDSA, NOW, one.exchanges, None, failure)))
