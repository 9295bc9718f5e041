"""A scan finds all that a server accepts, in few connections, and never takes silence for a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scans import ECDSA, FIVE, MODERN, RSA, SIX, THREE, acceptances, answer_of, any_server, play, refusals, truly_accepted
from server_model import Counting, TLSServer

from mailtls.hellos import Asked, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.tls.enumeration import Enumeration
from mailtls.tls.names import VERSIONS
from mailtls.tls.picture import read_picture
from mailtls.tls.recheck import Recheck
from mailtls.tls.refusals import vouched_refusals
from mailtls.tls.suites import FIRST_OFFER

SEEDS = range(80)


@pytest.mark.parametrize("in_haste", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_any_server_is_found_out_to_the_last_suite(seed: int, in_haste: bool) -> None:
    server = any_server(seed)
    picture = read_picture(play(server, parallel=1 + seed % 5, seed=seed, in_haste=in_haste).asked)
    for version in VERSIONS[1:]:
        assert set(picture.accepted.get(version, {})) == truly_accepted(server, version), version
        assert not picture.open_suites(version)
        assert picture.spoken[version] is (_code(version) in server.suites)
        if len(picture.accepted.get(version, {})) > 1:
            assert picture.follows_us[version] is not server.server_order
        if server.server_order and version in picture.accepted:
            wanted = [code for code in server.suites[_code(version)] if code in picture.accepted[version]]
            assert list(picture.suites(version)) == wanted or len(wanted) == 1
    if "TLSv1.3" in picture.accepted:
        assert set(picture.groups["TLSv1.3"]) == set(server.groups13 or ())
        assert not picture.open_groups("TLSv1.3")


def _code(version: str) -> int:
    return 0x0300 + VERSIONS.index(version) - 1


@pytest.mark.parametrize("seed", SEEDS)
def test_of_a_server_that_does_not_bear_every_hello_nothing_false_is_said(seed: int) -> None:
    server = any_server(seed, odd=True)
    picture = read_picture(play(server, seed=seed).asked)
    for version in VERSIONS[1:]:
        truth, seen = truly_accepted(server, version), set(picture.accepted.get(version, {}))
        assert seen <= truth
        assert truth - seen <= picture.open_suites(version)


def test_a_modern_server_costs_no_more_connections_than_the_throw_away_spike_took() -> None:
    asked = play(MODERN).asked
    plain = [item for item in asked if item.offer.is_plain or item.offer.fallback]
    assert len(plain) <= 21
    assert len(asked) - len(plain) == 3  # intolerances


def test_one_connection_for_each_suite_and_a_few_for_the_rest() -> None:
    server = any_server(5)
    total = sum(len(truly_accepted(server, v)) for v in VERSIONS[1:])
    assert len(acceptances(play(server).asked)) < total + 20


def test_first_offers_are_small() -> None:
    enumeration = Enumeration()
    offers = []
    while (offer := enumeration.next_offer()) is not None:
        offers.append(offer)
    assert {offer.version for offer in offers} == {"TLSv1.3", "TLSv1.2"}
    assert all(len(offer.cipher_suites) <= FIRST_OFFER for offer in offers)


@pytest.mark.parametrize("after", [1, 3, 7, 12, 17])
def test_a_server_that_falls_silent_leaves_what_is_known_and_no_refusal(after: int) -> None:
    enumeration = play(Counting.after(after, MODERN), parallel=1)
    assert isinstance(enumeration.interrupted, Silent)
    picture = read_picture(enumeration.asked)
    assert picture.follows_us.get("TLSv1.2") is not False
    seen = {code for version in picture.accepted.values() for code in version}
    assert seen <= {*SIX, *THREE}
    for version, wanted in (("TLSv1.2", set(SIX)), ("TLSv1.3", set(THREE))):
        assert wanted - set(picture.accepted.get(version, {})) <= picture.open_suites(version)


@pytest.mark.parametrize("after", [1, 3, 7, 12, 17, 19])
def test_an_interrupted_scan_goes_on_where_it_stopped(after: int) -> None:
    whole = play(MODERN, parallel=1)
    first = play(MODERN, parallel=1, until=after)
    second = play(MODERN, parallel=1, known=tuple(first.asked))
    assert {i.offer for i in second.asked} == {i.offer for i in whole.asked}
    again = Counting.after(10_000, MODERN)
    play(again, parallel=1, known=tuple(first.asked))
    unvouched = set(refusals(first.asked)) - set(vouched_refusals(first.asked))  # those of one day are asked again on another
    assert again.calls == len(whole.asked) - after + len(unvouched)


def test_a_greeting_that_turns_us_away_ends_the_scan_at_once() -> None:
    enumeration = Enumeration()
    offer = enumeration.next_offer()
    assert offer is not None
    enumeration.learn(Asked(offer, Silent(Cause.RATE_LIMITED, Stage.GREETING, "421")))
    assert enumeration.next_offer() is None
    assert enumeration.interrupted == Silent(Cause.RATE_LIMITED, Stage.GREETING, "421")


def test_a_server_that_closes_on_what_it_refuses_is_found_out_all_the_same() -> None:
    picture = read_picture(play(replace(MODERN, refusal="close", v2_refusal="close")).asked)
    assert set(picture.accepted["TLSv1.2"]) == set(SIX)
    assert picture.spoken == {"SSLv2": False, "SSLv3": False, "TLSv1.0": False, "TLSv1.1": False, "TLSv1.2": True, "TLSv1.3": True}


@pytest.mark.parametrize("every", [2, 3, 5])
def test_closes_of_a_server_that_closes_now_and_then_refuse_nothing(every: int) -> None:
    enumeration = play(Counting.closes_every(every, MODERN), parallel=1)
    picture = read_picture(enumeration.asked)
    for version, truth in (("TLSv1.2", set(SIX)), ("TLSv1.3", set(THREE))):
        assert truth - set(picture.accepted.get(version, {})) <= picture.open_suites(version)


ALERT = b"\x15\x03\x03\x00\x02\x02\x28"


@pytest.mark.parametrize("parallel", [1, 2, 4])
@pytest.mark.parametrize("at", range(1, 26))
def test_one_bad_moment_takes_no_version_from_a_server(at: int, parallel: int) -> None:
    picture = read_picture(play(Counting(MODERN, lambda call: ALERT if call == at else None), parallel=parallel).asked)
    assert {picture.spoken[version] for version in ("TLSv1.2", "TLSv1.3")} == {True}


def test_a_version_that_is_not_spoken_is_asked_for_twice() -> None:
    for codes, missing in (({0x0304: THREE}, "TLSv1.2"), ({0x0303: SIX}, "TLSv1.3")):
        enumeration = play(replace(MODERN, suites=codes))
        assert read_picture(enumeration.asked).spoken[missing] is False
        refused = [item.offer for item in enumeration.asked if item.offer.version == missing]
        assert max(map(refused.count, refused)) == 2


def test_a_server_that_accepts_nothing_is_unknown_and_not_without_tls() -> None:
    picture = read_picture(play(TLSServer({0x0303: (0xC02B,)}, (RSA,), FIVE)).asked)
    assert picture.spoken == {}
    assert all(picture.open_suites(version) for version in VERSIONS)


def test_an_answer_to_an_offer_that_was_not_made_is_a_mistake_of_ours() -> None:
    other = play(MODERN).asked[-1]
    with pytest.raises(KeyError):
        Enumeration().learn(other)


def test_a_server_that_refuses_everything_but_one_suite_without_end_is_left_after_a_bounded_number_of_offers() -> None:
    class Stubborn:
        calls = 0

        def answer(self, hello: bytes) -> bytes:
            self.calls += 1
            return MODERN.answer(hello) if self.calls == 1 else b"\x15\x03\x03\x00\x02\x02\x50"  # type: ignore[return-value]

    server = Stubborn()
    asked = play(server, parallel=1).asked  # type: ignore[arg-type]
    assert server.calls < 80
    assert not [item for item in read_picture(asked).refused if isinstance(item.answer, Refused)]


def test_both_certificates_are_seen_in_the_answers() -> None:
    chains = {item.answer.chain for item in acceptances(play(MODERN).asked)}  # type: ignore[union-attr]
    assert {RSA.chain, ECDSA.chain} <= chains


@pytest.mark.parametrize("in_haste", [False, True])
@pytest.mark.parametrize("server_order", [False, True])
@pytest.mark.parametrize("dhe", [(0x009F,), (0x009E, 0x009F, 0x0033, 0x0039, 0x0067, 0x006B, 0xCCAA)])
def test_suites_that_are_taken_only_where_a_field_is_named_are_found_to_the_last(dhe: tuple[int, ...], server_order: bool, in_haste: bool) -> None:
    suites = (dhe[0], 0xC02F, 0xC030, *dhe[1:], 0x009C)
    below = (0x0033, 0xC013, 0x0039)
    server = TLSServer(
        {0x0303: suites, 0x0302: below, 0x0301: below}, (RSA,), (29, 23, 256, 257),
        rfc7919=True, dhe_by_name_only=True, server_order=server_order,
    )  # fmt: skip
    played = play(server, in_haste=in_haste)
    assert played.is_complete
    picture = read_picture(played.asked)
    assert set(picture.accepted["TLSv1.2"]) == set(suites)
    assert set(picture.accepted["TLSv1.1"]) == set(picture.accepted["TLSv1.0"]) == set(below)
    assert not any(picture.open_suites(version) for version in VERSIONS)
    assert picture.by_name["TLSv1.2"] == set(dhe)
    assert picture.follows_us["TLSv1.2"] is not server_order
    assert {256, 257} <= set(picture.groups["TLSv1.2"])
    again = Recheck(picture)
    while (offer := again.next_offer()) is not None:
        again.learn(Asked(offer, answer_of(server, offer)))
    assert again.holds, again.deviations
