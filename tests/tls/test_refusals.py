"""Which refusals count: an alert that an acceptance follows, a close that repeats among acceptances, and never a moment's trouble."""

from __future__ import annotations

from mailtls.hellos import Accepted, Asked, HelloOffer, Refused
from mailtls.tls.refusals import excluded_suites, is_borne, vouched_refusals
from mailtls.tls.suites import SCHEMES, groups_before_13, groups_of_13

GROUPS = tuple(groups_before_13())


def offer(*suites: int, version: str = "TLSv1.2", groups: tuple[int, ...] = GROUPS, schemes: tuple[int, ...] = tuple(SCHEMES)) -> HelloOffer:
    return HelloOffer(version, suites, groups, schemes)


TAKEN = Asked(offer(0xC02F), Accepted("TLSv1.2", 0xC02F))
ALERT = Asked(offer(0xC02B), Refused(40, "handshake_failure"))
INTERNAL = Asked(offer(0xC02B), Refused(80, "internal_error"))
CLOSE = Asked(offer(0xC02B), Refused(None, "closed"))
ACCEPTED_AFTER_ALL = Asked(offer(0xC02B), Accepted("TLSv1.2", 0xC02B))


def test_an_alert_counts_when_an_acceptance_follows() -> None:
    assert vouched_refusals([ALERT, TAKEN]) == (ALERT,)
    assert vouched_refusals([TAKEN, ALERT]) == ()
    assert vouched_refusals([ALERT]) == ()


def test_a_close_counts_when_it_repeats_with_acceptances_before_between_and_after() -> None:
    for refusal in (CLOSE, INTERNAL):
        assert vouched_refusals([TAKEN, refusal, TAKEN, refusal, TAKEN]) == (refusal, refusal)
        assert vouched_refusals([TAKEN, refusal, TAKEN]) == ()
        assert vouched_refusals([TAKEN, refusal, refusal, TAKEN]) == ()
        assert vouched_refusals([refusal, TAKEN, refusal, TAKEN]) == ()
        assert vouched_refusals([TAKEN, refusal, TAKEN, refusal]) == ()


def test_what_was_accepted_another_time_was_no_refusal() -> None:
    assert vouched_refusals([ALERT, ACCEPTED_AFTER_ALL, TAKEN]) == ()
    assert vouched_refusals([TAKEN, CLOSE, TAKEN, CLOSE, TAKEN, ACCEPTED_AFTER_ALL]) == ()


def test_an_offer_is_borne_where_one_with_all_that_is_in_it_was_accepted() -> None:
    assert is_borne(offer(0xC02B), [offer(0xC02F, 0xC02B)])
    assert not is_borne(offer(0xC02B, 0xC02C), [offer(0xC02F, 0xC02B)])
    assert not is_borne(offer(0xC02B), [offer(0xC02B, groups=GROUPS[:1])])
    assert not is_borne(offer(0x1301, version="TLSv1.3"), [offer(0x1301)])


def test_a_refused_offer_excludes_only_suites_that_lacked_nothing() -> None:
    assert excluded_suites(offer(0xC02B)) == {0xC02B}
    assert excluded_suites(offer(0xC02B, 0x009C, groups=GROUPS[:1])) == {0x009C}  # RSA alone takes no group
    assert excluded_suites(offer(0xC02B, schemes=())) == set()
    assert excluded_suites(offer(0x1301, version="TLSv1.3", groups=GROUPS[:1])) == set()
    assert excluded_suites(offer(0x1301, version="TLSv1.3", groups=tuple(groups_of_13()))) == {0x1301}
