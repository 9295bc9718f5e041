"""Hunted: servers that differ from one connection to the next, and what may not be said of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
import server_model as model
from scans import ECDSA, FIVE, RSA, SIX, THREE, answer_of, play, truly_accepted
from server_model import Server, TLSServer

from mailtls import facts
from mailtls.evidence import Exchange, Failure, Handshake, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.hellos import Accepted, Asked, HelloEvidence, HelloOffer, Refused, Silent
from mailtls.model import Absent, Cause, Endpoint, Known, Reading, Stage, Unknown
from mailtls.tls.enumeration import Enumeration
from mailtls.tls.names import VERSION_CODES, VERSIONS
from mailtls.tls.picture import Picture, read_picture
from mailtls.tls.recheck import Recheck
from mailtls.tls.suites import groups_before_13, offerable
from mailtls.tracking.holding import absorb, observe

_OLD = (0xC014, 0xC013, 0x0035, 0x002F, 0x000A, 0x0005)
ALL = TLSServer(
    {0x0301: _OLD, 0x0302: _OLD, 0x0303: SIX + _OLD, 0x0304: THREE}, (RSA, ECDSA), FIVE, server_order=True, groups13=(4588, 29, 23)
)
MODERN_ONLY = replace(ALL, suites={0x0303: SIX, 0x0304: THREE})
HANDSHAKE_FAILURE = bytes.fromhex("15030300020228")


@dataclass
class Overloaded:
    """Answers so many hellos with handshake_failure, or by a close, whatever they offer."""

    base: Server
    at: int
    times: int
    says: model.Answer
    hellos: int = 0

    def answer(self, hello: bytes) -> model.Answer:
        self.hellos += 1
        return self.says if self.at <= self.hellos < self.at + self.times else self.base.answer(hello)


class Balanced:
    """Several machines behind one address."""

    def __init__(self, seed: int, *machines: Server) -> None:
        self.dice, self.machines = random.Random(seed), machines

    def answer(self, hello: bytes) -> model.Answer:
        return self.dice.choice(self.machines).answer(hello)


def falsely_denied(picture: Picture, *machines: TLSServer) -> set[str]:
    """Return the versions of which something is said not to be accepted that is."""
    found = set()
    for version in VERSIONS[1:]:
        truth = set[int]().union(*(truly_accepted(machine, version) for machine in machines))
        spoken = any(VERSION_CODES[version] in machine.suites for machine in machines)
        if truth - picture.accepted.get(version, {}).keys() - picture.open_suites(version) or (spoken and picture.spoken.get(version) is False):
            found.add(version)
    return found


@pytest.mark.parametrize("times", [1, 2, 4, 6, 10])
def test_a_moment_of_closes_closes_no_set(times: int) -> None:
    denied = [
        falsely_denied(read_picture(play(Overloaded(ALL, at, times, model.Closes()), parallel=2, seed=at).asked), ALL) for at in range(1, 41)
    ]
    assert not any(denied), denied


def test_what_a_stray_alert_closes_is_found_by_the_next_recheck() -> None:
    """An alert is the answer to an offer, and one is enough; the recheck of the next day is the second opinion."""
    for at in range(1, 41):
        picture = read_picture(play(Overloaded(ALL, at, 1, HANDSHAKE_FAILURE), parallel=2, seed=at).asked)
        if falsely_denied(picture, ALL):
            again = Recheck(picture)
            while (offer := again.next_offer()) is not None:
                again.learn(Asked(offer, answer_of(ALL, offer)))
            assert again.deviations, at


def test_of_machines_that_contradict_each_other_no_set_is_closed() -> None:
    for seed in range(60):
        asked = play(Balanced(seed, ALL, MODERN_ONLY), parallel=2, seed=seed).asked
        picture = read_picture(asked)
        passed_over = any(
            isinstance(i.answer, Accepted) and i.answer.version != i.offer.version and i.offer.version in picture.accepted for i in asked
        )
        if passed_over:
            assert not falsely_denied(picture, ALL, MODERN_ONLY)


def test_a_suite_that_was_refused_and_taken_leaves_the_rest_of_its_version_open() -> None:
    def offer(*codes: int) -> HelloOffer:
        return HelloOffer("TLSv1.2", codes, groups_before_13(), ())

    one, two, three = offerable("TLSv1.2")[:3]
    first = Asked(offer(one, two, three), Accepted("TLSv1.2", one))
    refused = Asked(offer(two, three), play(replace(ALL, suites={0x0303: (0xC02F,)}), until=1).asked[0].answer)
    picture = read_picture([first, refused, Asked(offer(two), Accepted("TLSv1.2", two)), first])
    assert three in picture.open_suites("TLSv1.2")


# What is said of a scan, and for how long.

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ENDPOINT = Endpoint("mx.example", ip_address("192.0.2.1"))
LIMITED = Silent(Cause.RATE_LIMITED, Stage.GREETING, "421")
DIALOGUE = (
    Exchange(Stage.GREETING, b"", b"220 mx\r\n", 0, 0),
    Exchange(Stage.EHLO, b"EHLO p\r\n", b"250-mx\r\n250 STARTTLS\r\n", 0, 0),
    Exchange(Stage.STARTTLS, b"STARTTLS\r\n", b"220 go\r\n", 0, 0),
    Exchange(Stage.EHLO_TLS, b"EHLO p\r\n", b"250 mx\r\n", 0, 0),
)


def scan_with(asked: list[Asked], *, complete: bool = True, at: datetime = NOW, version: str = "TLSv1.3") -> ScanEvidence:
    suite = "TLS_AES_128_GCM_SHA256" if version == "TLSv1.3" else "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    visit = ProbeEvidence(Offer(), at, DIALOGUE, Handshake(version, suite, "x25519", (b"leaf",)))
    return ScanEvidence(ENDPOINT, Purpose.FULL, at, (visit,), hellos=HelloEvidence(tuple(asked), at, complete))


def read(scan: ScanEvidence, anchors: object) -> dict[str, Reading[object]]:
    return {fact.name: fact.read(scan, anchors) for fact in facts.ENDPOINT}  # type: ignore[arg-type]


@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 13])
def test_an_interrupted_scan_says_of_nothing_that_it_does_not_apply(after: int, anchors) -> None:
    asked = [*play(ALL, parallel=1, until=after).asked, Asked(HelloOffer("TLSv1.2", (1,)), LIMITED)]
    readings = read(scan_with(asked, complete=False), anchors)
    absent = {name for name, reading in readings.items() if isinstance(reading, Absent)}
    assert absent <= {"ocsp_staple", "must_staple_honoured"}  # what the visit says of the certificate
    assert isinstance(readings["secure_renegotiation"], Unknown) or after > 5  # then each version before 1.3 had answered
    for name in ("tls_versions", "cipher_suites", "groups", "weaknesses"):
        assert isinstance(readings[name], Unknown), name


def test_groups_are_not_whole_where_only_one_version_answered(anchors) -> None:
    enumeration = Enumeration()
    while (offer := enumeration.next_offer()) is not None:
        answer = answer_of(ALL, offer) if offer.version == "TLSv1.3" else Silent(Cause.READ_TIMEOUT, Stage.HELLO)
        enumeration.learn(Asked(offer, answer))
    assert isinstance(read(scan_with(enumeration.asked), anchors)["groups"], Unknown)


def test_what_was_enumerated_of_a_host_that_is_gone_is_not_said_for_ever(anchors) -> None:
    interval = timedelta(minutes=15)
    track = absorb(None, scan_with(play(ALL).asked), anchors)
    failure = Failure(Cause.CONNECT_TIMEOUT, Stage.CONNECT)
    for passed in range(1, 6):
        at = NOW + passed * interval
        track = absorb(track, ScanEvidence(ENDPOINT, Purpose.QUICK, at, (ProbeEvidence(Offer(), at, failure=failure),)), anchors)
        readings = observe(track, ENDPOINT, at, interval).readings
        for name in ("tls_versions", "cipher_suites", "weaknesses", "post_quantum"):
            assert isinstance(readings[name], Known if passed <= 3 else Unknown), (passed, name)


def test_a_server_that_signs_with_a_good_scheme_whatever_is_offered_has_no_weak_signatures(anchors) -> None:
    server, enumeration = replace(ALL, signature_schemes=(0x0201, 0x0203, 0x0401, 0x0403)), Enumeration()
    while (offer := enumeration.next_offer()) is not None:
        answer = answer_of(server, offer)
        if isinstance(answer, Accepted) and answer.signature_scheme is not None:
            answer = replace(answer, signature_scheme=0x0401)
        enumeration.learn(Asked(offer, answer))
    assert read(scan_with(enumeration.asked), anchors)["weak_signatures"] == Known(value=False)


def test_a_version_that_a_handshake_had_is_not_said_to_be_missing(anchors) -> None:
    """Some servers cannot ask for a key share (HelloRetryRequest), and refuse a hello without one; an ordinary hello brings TLS 1.3."""
    readings = read(scan_with(play(replace(ALL, suites={0x0303: SIX})).asked), anchors)
    assert isinstance(readings["tls_versions"], Unknown)
    assert isinstance(readings["cipher_suites"], Unknown)
    assert isinstance(readings["post_quantum"], Unknown)


def test_a_suite_and_a_group_that_a_handshake_had_are_not_said_to_be_missing(anchors) -> None:
    lacking = replace(ALL, suites=ALL.suites | {0x0304: (0x1302,)}, groups13=(23,))  # the visit had 0x1301 and x25519
    readings = read(scan_with(play(lacking).asked), anchors)
    assert isinstance(readings["cipher_suites"], Unknown)
    assert isinstance(readings["groups"], Unknown)


def test_any_refusal_of_a_fallback_but_the_one_for_it_leaves_that_open(anchors) -> None:
    asked = [replace(i, answer=Refused(40, "handshake_failure")) if i.offer.fallback else i for i in play(ALL).asked]
    assert isinstance(read(scan_with(asked), anchors)["fallback_refused"], Unknown)


def test_a_refusal_from_before_an_interruption_is_not_vouched_for_by_a_later_day() -> None:
    before = play(Overloaded(ALL, 1, 1, HANDSHAKE_FAILURE), parallel=1, until=1).asked
    assert isinstance(before[0].answer, Refused)
    picture = read_picture(play(ALL, parallel=1, known=tuple(before)).asked)
    assert picture.spoken["TLSv1.3"] is True


def test_an_enumeration_is_not_renewed_by_visits_that_meet_an_older_version_than_its_best(anchors) -> None:
    interval = timedelta(minutes=15)
    track = absorb(None, scan_with(play(ALL).asked), anchors)
    for passed in range(1, 6):
        at = NOW + passed * interval
        quick = replace(scan_with([], at=at, version="TLSv1.2"), purpose=Purpose.QUICK, hellos=None)
        track = absorb(track, quick, anchors)
        readings = observe(track, ENDPOINT, at, interval).readings
        for name in ("tls_versions", "post_quantum"):
            assert isinstance(readings[name], Known if passed <= 3 else Unknown), (passed, name)


def test_a_refusal_of_weak_signatures_says_nothing_about_groups() -> None:
    asked = [i for i in play(ALL).asked if not i.offer.question.startswith("another curve")]
    weak = [i for i in asked if i.offer.question.startswith("does it sign with SHA-1")]
    refused = [replace(i, answer=Refused(40, "handshake_failure")) if i in weak else i for i in asked]
    assert weak
    assert read_picture(refused).open_groups("TLSv1.2")


def test_a_recheck_holds_for_a_server_that_refuses_by_closing_as_for_any_other() -> None:
    server = replace(MODERN_ONLY, refusal="close", v2_refusal="close")
    again = Recheck(read_picture(play(server).asked))
    while (offer := again.next_offer()) is not None:
        again.learn(Asked(offer, answer_of(server, offer)))
    assert again.holds
    assert len(again.asked) <= 2 * len(again.expected)


def test_an_enumeration_that_no_recheck_sees_to_hold_is_not_shown_for_ever(anchors) -> None:
    day = timedelta(days=1)
    whole = scan_with(play(ALL).asked)
    assert whole.hellos is not None
    track = absorb(None, whole, anchors, day)
    for quarter in range(1, 20):
        at = NOW + quarter * day / 4
        visit = replace(whole.probes[0], began=at)
        if quarter % 4:
            scan = ScanEvidence(ENDPOINT, Purpose.QUICK, at, (visit,))
        else:  # a recheck that is interrupted
            scan = replace(whole, began=at, probes=(visit,), rechecked=HelloEvidence((), at, complete=False))
        track = absorb(track, scan, anchors, day)
        readings = observe(track, ENDPOINT, at, day / 4).readings
        assert isinstance(readings["cipher_suites"], Known if quarter <= 12 + 3 else Unknown), quarter
    assert track.hellos is whole.hellos  # the next recheck begins with it all the same
