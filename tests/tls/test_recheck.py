"""What a recheck catches, and what it does not: a table of changes, each played against a server that was enumerated before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from scans import ECDSA, FIVE, MODERN, RSA, SIX, answer_of, any_server, play
from server_model import Closes, Counting, Server, Silent, TLSServer

from mailtls.hellos import Asked, HelloOffer
from mailtls.tls.picture import Picture, read_picture
from mailtls.tls.recheck import Recheck

PLAIN_13 = (0x1302, 0x1303, 0x1301)
CBC = (0xC014, 0xC013, 0x0035, 0x002F)
OVER_FIELDS = (0x009F, 0x009E, 0x0039, 0x0033)
SMALLER_PRIME = b"\xff" + bytes(126) + b"\x8b"


MODERN_PQ = replace(MODERN, groups13=(4588, 29, 23), signature_order="server")
OLD = TLSServer(
    {0x0301: (*CBC, 0x0039, 0x0033), 0x0302: (*CBC, 0x0039, 0x0033), 0x0303: (*SIX, *OVER_FIELDS, *CBC), 0x0304: PLAIN_13},
    (RSA, ECDSA),
    FIVE,
    server_order=False,
)
OWN_ORDER = replace(OLD, server_order=True)


def suites(server: TLSServer, version: int, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> TLSServer:
    """Change the suites of one version; none leaves it out."""
    changed = dict(server.suites) | {version: change(server.suites.get(version, ()))}
    return replace(server, suites={code: found for code, found in changed.items() if found})


def plus(*codes: int) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    return lambda found: (*found, *codes)


def minus(*codes: int) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    return lambda found: tuple(code for code in found if code not in codes)


def nothing(_found: tuple[int, ...]) -> tuple[int, ...]:
    return ()


CAUGHT, NOT_CAUGHT = True, False
TABLE: dict[str, tuple[TLSServer, TLSServer, bool]] = {
    # Something weaker was added.
    "a weak suite is new (RC4)": (MODERN, suites(MODERN, 0x0303, plus(0xC011)), CAUGHT),
    "a weak suite is new, in an old version": (OLD, suites(OLD, 0x0301, plus(0x000A)), CAUGHT),
    "a strong suite is new": (OLD, suites(OLD, 0x0303, plus(0xC0AD)), CAUGHT),
    "a suite of TLS 1.3 is new": (MODERN, suites(MODERN, 0x0304, plus(0x1305)), CAUGHT),
    "TLS 1.1 is new": (MODERN, suites(MODERN, 0x0302, plus(*CBC)), CAUGHT),
    "TLS 1.0 is new, and 1.1 is not": (MODERN, suites(MODERN, 0x0301, plus(*CBC)), CAUGHT),
    "SSL 3.0 is new": (MODERN, suites(MODERN, 0x0300, plus(*CBC)), CAUGHT),
    "SSL 3.0 is new, where TLS 1.0 was the lowest": (OLD, suites(OLD, 0x0300, plus(*CBC)), CAUGHT),
    "SSLv2 is new, where few versions are spoken": (MODERN, suites(MODERN, 0x0002, plus(0x010080)), CAUGHT),
    "SSLv2 is new, where four versions are spoken": (OLD, suites(OLD, 0x0002, plus(0x010080)), NOT_CAUGHT),
    "the prime is smaller": (OLD, replace(OLD, dh_prime=SMALLER_PRIME), CAUGHT),
    "the prime is smaller, and the server has an order of its own": (OWN_ORDER, replace(OWN_ORDER, dh_prime=SMALLER_PRIME), CAUGHT),
    "the prime is another of the same size": (OLD, replace(OLD, dh_prime=b"\xff" + bytes(254) + b"\x8b"), NOT_CAUGHT),
    "SHA-1 signs, and our order counts": (
        replace(MODERN, signature_schemes=(0x0804, 0x0403), signature_order="client"),
        replace(MODERN, signature_schemes=(0x0804, 0x0403, 0x0203, 0x0201), signature_order="client"),
        CAUGHT,
    ),
    "SHA-1 signs, and the server prefers better": (
        replace(MODERN, signature_schemes=(0x0804, 0x0403)), replace(MODERN, signature_schemes=(0x0804, 0x0403, 0x0203, 0x0201)), NOT_CAUGHT
    ),
    "compression is new": (MODERN, replace(MODERN, compression=(1, 0)), CAUGHT),
    "heartbeats are new": (MODERN, replace(MODERN, heartbeat=True), CAUGHT),
    "a curve is new, and liked less than the others": (MODERN, replace(MODERN, groups=(*FIVE, 26)), NOT_CAUGHT),
    # Something of the best was lost.
    "TLS 1.3 is lost": (MODERN, suites(MODERN, 0x0304, nothing), CAUGHT),
    "TLS 1.2 is lost, below 1.3": (MODERN, suites(MODERN, 0x0303, nothing), CAUGHT),
    "all strong suites of TLS 1.2 are lost": (OLD, suites(OLD, 0x0303, minus(*SIX, 0x009F, 0x009E)), CAUGHT),
    "the strongest suite of TLS 1.2 is lost": (MODERN, suites(MODERN, 0x0303, minus(0xC02C)), CAUGHT),
    "the strongest suite of TLS 1.3 is lost": (MODERN, suites(MODERN, 0x0304, minus(0x1302)), CAUGHT),
    "the first suite of the server's own order is lost": (OWN_ORDER, suites(OWN_ORDER, 0x0303, minus(SIX[0])), CAUGHT),
    "one of several strong suites is lost": (MODERN, suites(MODERN, 0x0303, minus(0xC02F)), NOT_CAUGHT),
    "one of several suites of TLS 1.3 is lost": (MODERN, suites(MODERN, 0x0304, minus(0x1301)), NOT_CAUGHT),
    "the post-quantum group is lost": (MODERN_PQ, replace(MODERN_PQ, groups13=(29, 23)), CAUGHT),
    "one of several groups is lost": (MODERN, replace(MODERN, groups=FIVE[:4]), NOT_CAUGHT),
    "a post-quantum group is new, and our order counts": (MODERN, replace(MODERN, groups13=(29, 23, 30, 25, 24, 4588)), CAUGHT),
    "secure renegotiation is lost": (MODERN, replace(MODERN, renegotiation_info=False), CAUGHT),
    "the extended master secret is lost": (MODERN, replace(MODERN, extended_master_secret=False), CAUGHT),
    "encrypt-then-MAC is lost": (OLD, replace(OLD, encrypt_then_mac=False), CAUGHT),
    "the mark against downgrades is lost": (MODERN, replace(MODERN, downgrade_sentinel=False), CAUGHT),
    "TLS_FALLBACK_SCSV is not heeded any more": (MODERN, replace(MODERN, fallback_scsv=False), NOT_CAUGHT),
    # It became better.
    "TLS 1.3 is new": (suites(MODERN, 0x0304, nothing), MODERN, CAUGHT),
    "TLS 1.0 is gone": (OLD, suites(OLD, 0x0301, nothing), CAUGHT),
    "TLS 1.1 is gone, and 1.0 is not": (OLD, suites(OLD, 0x0302, nothing), NOT_CAUGHT),
    "all weak suites of the lowest version are gone": (OLD, suites(OLD, 0x0301, lambda _found: (0xC02F,)), CAUGHT),
    "one of several weak suites is gone": (OLD, suites(OLD, 0x0301, minus(0x0035)), NOT_CAUGHT),
    "the prime is larger": (replace(OLD, dh_prime=SMALLER_PRIME), OLD, NOT_CAUGHT),
    # It became different.
    "the server has an order of its own now": (OLD, OWN_ORDER, CAUGHT),
    "the server's order begins with another suite": (
        OWN_ORDER, suites(OWN_ORDER, 0x0303, lambda found: (found[1], found[0], *found[2:])), CAUGHT
    ),
    "the end of the server's order is another": (OWN_ORDER, suites(OWN_ORDER, 0x0303, lambda found: (*found[:2], *found[:1:-1])), NOT_CAUGHT),
    "the certificates are new": (MODERN, replace(MODERN, leaves=(replace(RSA, chain=(b"new",)), replace(ECDSA, chain=(b"new",)))), NOT_CAUGHT),
    "nothing": (OLD, OLD, NOT_CAUGHT),
}  # fmt: skip


def picture_of(server: TLSServer) -> Picture:
    return read_picture(play(server).asked)


def recheck(picture: Picture, server: Server, parallel: int = 1) -> Recheck:
    again, out = Recheck(picture), list[HelloOffer]()
    while not again.is_done:
        while len(out) < parallel and (offer := again.next_offer()) is not None:
            out.append(offer)
        offer = out.pop(0)
        again.learn(Asked(offer, answer_of(server, offer)))
    return again


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize(("before", "after", "caught"), TABLE.values(), ids=TABLE)
def test_a_change_is_caught_or_is_not(before: TLSServer, after: TLSServer, caught: bool, parallel: int) -> None:
    again = recheck(picture_of(before), after, parallel)
    assert bool(again.deviations) is caught
    assert again.holds is not caught


@pytest.mark.parametrize("server", [MODERN, MODERN_PQ, OLD, OWN_ORDER], ids=["modern", "post-quantum", "old", "own order"])
def test_a_recheck_takes_at_most_one_connection_for_each_version_and_four(server: TLSServer) -> None:
    again = recheck(picture_of(server), server)
    assert len(again.asked) <= len(server.suites) + 4


@pytest.mark.parametrize("seed", range(60))
def test_of_any_server_that_is_unchanged_everything_holds(seed: int) -> None:
    server = any_server(seed)
    picture = picture_of(server)
    again = recheck(picture, server, parallel=1 + seed % 3)
    assert again.deviations == ()
    assert again.holds
    assert len(again.expected) <= len(server.suites) + 4


def test_it_begins_and_ends_with_what_is_to_be_accepted_and_makes_these_offers_alone() -> None:
    again = Recheck(picture_of(OLD))
    assert [again.expected[0].accepted, again.expected[-1].accepted] == [True, True]
    first = again.next_offer()
    assert again.next_offer() is None
    again.learn(Asked(first, answer_of(OLD, first)))
    between = []
    while (offer := again.next_offer()) is not None:
        between.append(offer)
    assert between == [expectation.offer for expectation in again.expected[1:-1]]


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_a_server_that_falls_silent_neither_deviates_nor_holds(after: int) -> None:
    again = recheck(picture_of(MODERN), Counting.after(after, MODERN))
    assert again.interrupted is not None
    assert again.deviations == ()
    assert not again.holds


@pytest.mark.parametrize("every", [2, 3])
def test_a_server_that_closes_now_and_then_does_not_deviate(every: int) -> None:
    assert recheck(picture_of(MODERN), Counting.closes_every(every, MODERN)).deviations == ()


def test_a_server_that_closes_on_what_it_refuses_is_rechecked_as_well() -> None:
    closing = replace(OLD, refusal="close", v2_refusal="close")
    assert recheck(picture_of(closing), closing).holds
    assert recheck(picture_of(closing), suites(closing, 0x0301, plus(0x000A))).deviations


def test_one_answer_that_differs_is_asked_for_again_and_forgotten_where_it_does_not_repeat() -> None:
    otherwise = suites(MODERN, 0x0304, minus(0x1302))

    class Once:
        calls = 0

        def answer(self, hello: bytes) -> bytes | Closes | Silent:
            self.calls += 1
            return (otherwise if self.calls == 1 else MODERN).answer(hello)

    again = recheck(picture_of(MODERN), Once())
    assert again.holds
    assert len(again.asked) == len(again.expected) + 1


def test_a_deviation_says_what_differs() -> None:
    again = recheck(picture_of(OLD), replace(OLD, dh_prime=SMALLER_PRIME))
    assert {deviation.why for deviation in again.deviations} == {"a prime of 1024 bits, where it had 2048"}
    again = recheck(picture_of(MODERN), suites(MODERN, 0x0303, plus(0xC011)))
    assert [deviation.why for deviation in again.deviations] == ["it is accepted: TLSv1.2 TLS_ECDHE_RSA_WITH_RC4_128_SHA"]


def test_of_a_server_that_accepts_nothing_there_is_nothing_to_recheck() -> None:
    assert Recheck(Picture()).is_done
