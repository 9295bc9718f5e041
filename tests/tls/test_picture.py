"""What answers amount to, case by case: a refusal excludes what it was about, and nothing that may have had another reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mailtls.hellos import Accepted, Asked, HelloOffer, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.tls.names import ABOUT_THE_OFFER, ALERTS, VERSIONS
from mailtls.tls.order import choices, follows_us
from mailtls.tls.picture import ODDITIES, Picture, read_picture
from mailtls.tls.refusals import vouched_refusals
from mailtls.tls.suites import FIELDS, FIRST_OFFER, SCHEMES, SCHEMES_13, WEAK_SCHEMES, groups_before_13, groups_of_13, offerable

V12 = "TLSv1.2"
RSA, DHE, ECDHE, ECDHE_ECDSA = 0x009C, 0x009E, 0xC02F, 0xC02B
OLD_RSA, OLD_DHE, OLD_ECDHE = 0x002F, 0x0033, 0xC013
TIMEOUT = Silent(Cause.READ_TIMEOUT, Stage.HELLO)


def offer(*suites: int, version: str = V12, groups: tuple[int, ...] | None = None, schemes: tuple[int, ...] | None = None) -> HelloOffer:
    """Offer these suites with every group and scheme that the version has, or with those given."""
    if version in ("SSLv2", "SSLv3"):
        return HelloOffer(version, suites)
    all_groups, all_schemes = (groups_of_13(), SCHEMES_13) if version == "TLSv1.3" else (groups_before_13(), SCHEMES if version == V12 else ())
    return HelloOffer(version, suites, all_groups if groups is None else groups, all_schemes if schemes is None else schemes)


def took(
    what: HelloOffer, suite: int | None = None, group: int | None = None, version: str = "", chain: tuple[bytes, ...] = (b"any",)
) -> Asked:
    return Asked(what, Accepted(version or what.version, what.cipher_suites[0] if suite is None else suite, group, chain=chain))


def no(what: HelloOffer, alert: int | None = 40) -> Asked:
    return Asked(what, Refused(alert, "closed" if alert is None else ALERTS[alert]))


# Which refusals count. A letter is an offer: + taken, ! an alert about it, x closed upon, 8 an internal error, ? no answer.


def scan(story: str) -> list[Asked]:
    answers = {"+": Accepted(V12, RSA), "!": Refused(40, "handshake_failure"), "x": Refused(None, "closed"), "?": TIMEOUT}
    answers["8"] = Refused(80, "internal_error")
    return [Asked(HelloOffer(V12, (ord(event[0]),)), answers[event[1]]) for event in story.split()]


def vouched(story: str) -> str:
    offers = [chr(item.offer.cipher_suites[0]) for item in vouched_refusals(scan(story))]
    return "".join(sorted(set(offers)))


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        ("", ""),
        ("B!", ""),
        ("B! C! Bx Bx", ""),
        ("A+", ""),
        ("A+ B!", ""),
        ("B! A+", "B"),
        ("A+ B! A+", "B"),
        ("B! C! D! A+", "BCD"),
        ("B! A+ C!", "B"),
        ("B! B+", ""),
        ("B+ B! A+", ""),
        ("A+ B! C+ B+", ""),
        ("B! A? C+", "B"),
        ("A+ B? C+", ""),
    ],
)
def test_an_alert_counts_when_something_is_accepted_later(story: str, wanted: str) -> None:
    assert vouched(story) == wanted


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        ("A+ Bx A+", ""),
        ("A+ Bx Bx", ""),
        ("Bx Bx A+", ""),
        ("Bx A+ Bx A+", ""),
        ("A+ Bx A+ Bx", ""),
        ("A+ Bx Bx A+", ""),
        ("A+ Bx A+ Bx A+", "B"),
        ("A+ Bx Cx A+", ""),
        ("A+ Bx Cx Bx Cx A+", ""),
        ("A+ Bx Cx A+ Bx Cx A+", "BC"),
        ("A+ Bx Bx A+ Bx A+", "B"),
        ("A+ Bx Bx B+", ""),
        ("A+ B+ Bx Bx A+", ""),
        ("A+ Bx B? A+", ""),
    ],
)
def test_a_close_counts_when_it_happened_twice_with_accepted_offers_before_between_and_after(story: str, wanted: str) -> None:
    assert vouched(story) == wanted


@pytest.mark.parametrize(
    ("story", "wanted"), [("A+ B8 A+", ""), ("B8 A+", ""), ("A+ B8 B8 A+", ""), ("A+ B8 A+ B8 A+", "B"), ("A+ B8 A+ Bx A+", "B"), ("A+ Bx B8", "")]
)
def test_an_alert_that_any_fault_may_lead_to_counts_as_a_close(story: str, wanted: str) -> None:
    assert vouched(story) == wanted


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        ("A+ Ax Bx Bx A+", ""),
        ("A+ Bx Bx C+ Cx A+", ""),
        ("A+ A8 Bx Bx A+", ""),
        ("A+ Ax B! Cx Cx A+", "B"),  # alerts are about the offer all the same
        ("A+ A! Bx A+ Bx A+", "B"),
        ("A+ A? Bx A+ Bx A+", "B"),
    ],
)
def test_where_a_server_closes_upon_what_it_accepted_no_close_counts(story: str, wanted: str) -> None:
    assert vouched(story) == wanted


def test_a_server_is_no_less_erratic_for_having_closed_upon_the_offer_before() -> None:
    assert vouched("Ax A+ Ax Bx Bx A+") == ""


def test_a_server_that_closed_upon_an_offer_and_then_took_it_is_erratic_as_well() -> None:
    assert vouched("A+ Cx C+ Bx Bx A+") == ""


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_counts_once_only_where_it_is_about_the_offer(alert: int) -> None:
    asked = [took(offer(RSA)), no(offer(DHE), alert), took(offer(RSA))]
    assert bool(vouched_refusals(asked)) is (alert in ABOUT_THE_OFFER)


@pytest.mark.parametrize("alert", [0, 10, 20, 21, 22, 51, 80, 90])
def test_alerts_of_faults_are_not_about_the_offer(alert: int) -> None:
    assert alert not in ABOUT_THE_OFFER


# What is accepted, rejected and open.

ALL = offer(*offerable(V12))
BORNE = took(ALL, RSA)


def test_of_nothing_asked_nothing_is_known() -> None:
    picture = read_picture([])
    assert picture.accepted == {}
    assert picture.spoken == {}
    assert all(picture.open_suites(version) == frozenset(offerable(version)) for version in VERSIONS)
    assert picture.refused == ()


def test_silence_says_nothing() -> None:
    asked = [BORNE, Asked(offer(DHE), TIMEOUT), took(offer(RSA))]
    picture = read_picture(asked)
    assert DHE in picture.open_suites(V12)
    assert picture.refused == ()


def test_suites_and_groups_are_accepted_in_the_order_of_the_answers_with_the_first_answer_of_each() -> None:
    asked = [took(ALL, ECDHE, 29), took(ALL, RSA), took(offer(ECDHE), ECDHE, 23), took(offer(ECDHE_ECDSA), ECDHE_ECDSA, 29)]
    picture = read_picture(asked)
    assert list(picture.accepted[V12]) == [ECDHE, RSA, ECDHE_ECDSA]
    assert picture.accepted[V12][ECDHE].group == 29
    assert picture.groups[V12] == (29, 23)
    assert picture.spoken[V12] is True


def test_a_lower_version_is_where_the_answer_puts_it() -> None:
    picture = read_picture([took(ALL, OLD_RSA, version="TLSv1.0")])
    assert list(picture.accepted) == ["TLSv1.0"]
    assert OLD_RSA not in picture.open_suites("TLSv1.0")


def test_a_refused_offer_excludes_its_suites_where_a_larger_one_was_accepted() -> None:
    picture = read_picture([BORNE, no(offer(DHE, ECDHE)), took(offer(RSA))])
    assert picture.rejected[V12] == {DHE, ECDHE}
    assert picture.open_suites(V12) == frozenset(offerable(V12)) - {RSA, DHE, ECDHE}


def test_a_refused_offer_that_was_never_borne_leaves_its_suites_open() -> None:
    """Perhaps its length, or one of its suites, was more than the server bears."""
    picture = read_picture([took(offer(RSA, DHE)), no(offer(DHE, ECDHE)), took(offer(RSA, DHE))])
    assert picture.rejected[V12] == frozenset()
    assert {DHE, ECDHE} <= picture.open_suites(V12)
    assert len(picture.refused) == 1


@pytest.mark.parametrize("change", [{"groups": (29, 23)}, {"signature_schemes": SCHEMES[:4]}])
def test_an_offer_is_not_borne_by_one_with_fewer_groups_or_schemes(change: dict[str, tuple[int, ...]]) -> None:
    picture = read_picture([took(replace(ALL, **change), RSA), no(offer(DHE)), took(offer(RSA, groups=(29,)))])  # type: ignore[arg-type]
    assert picture.rejected[V12] == frozenset()


def test_a_hello_of_tls13_bears_none_before_it_and_the_other_way_round() -> None:
    asked = [took(offer(0x1301, 0x1302, version="TLSv1.3"), group=29), took(ALL, RSA)]
    asked += [no(offer(0x1302, version="TLSv1.3")), no(offer(DHE)), took(ALL, RSA)]
    picture = read_picture(asked)
    assert picture.rejected["TLSv1.3"] == {0x1302}
    assert picture.rejected[V12] == {DHE}
    picture = read_picture([took(offer(0x1301, DHE, version="TLSv1.3"), 0x1301), no(offer(DHE)), took(offer(0x1301, version="TLSv1.3"))])
    assert DHE in picture.open_suites(V12) or picture.spoken.get(V12) is None


ODD = [{"server_name": "none"}, {"server_name": "odd"}, {"fallback": True}, {"size": 2_048}, {"grease": True}]


@pytest.mark.parametrize("change", ODD)
@pytest.mark.parametrize("alert", [40, 70, 86, 112])
def test_an_offer_that_is_odd_in_some_way_excludes_nothing(change: dict[str, object], alert: int) -> None:
    odd = [replace(offer(DHE), **change), replace(offer(0x1301, version="TLSv1.3"), **change)]  # type: ignore[arg-type]
    plain = read_picture([BORNE, took(offer(RSA))])
    picture = read_picture([BORNE, *(no(each, alert) for each in odd), took(offer(RSA))])
    assert (picture.rejected, picture.spoken, picture.groups_rejected) == (plain.rejected, plain.spoken, plain.groups_rejected)
    assert len(picture.refused) == 2


@pytest.mark.parametrize("change", ODD)
def test_an_odd_offer_shows_what_it_gets_and_bears_no_other(change: dict[str, object]) -> None:
    odd = took(replace(ALL, **change), ECDHE, 29)  # type: ignore[arg-type]
    picture = read_picture([odd, took(offer(RSA)), no(offer(DHE)), took(offer(RSA))])
    assert ECDHE in picture.accepted[V12]
    assert picture.groups[V12] == (29,)
    assert DHE in picture.open_suites(V12)


def test_fewer_groups_exclude_only_suites_that_need_none() -> None:
    picture = read_picture([BORNE, no(offer(RSA + 1, DHE, ECDHE, ECDHE_ECDSA, groups=(29,))), took(offer(RSA))])
    assert picture.rejected[V12] == {RSA + 1, DHE}


def test_the_named_fields_exclude_no_suite_over_a_field() -> None:
    groups = (*groups_before_13(), *FIELDS)
    everything = took(replace(ALL, groups=groups), RSA)
    picture = read_picture([everything, no(offer(RSA + 1, DHE, ECDHE, groups=groups)), took(offer(RSA))])
    assert picture.rejected[V12] == {RSA + 1, ECDHE}


@pytest.mark.parametrize("schemes", [WEAK_SCHEMES, SCHEMES[:-1], ()])
def test_fewer_signature_schemes_exclude_no_suite_of_tls12(schemes: tuple[int, ...]) -> None:
    picture = read_picture([BORNE, no(offer(RSA + 1, DHE, ECDHE, schemes=schemes)), took(offer(RSA))])
    assert picture.rejected[V12] == frozenset()


def test_signature_schemes_in_another_order_are_the_same() -> None:
    picture = read_picture([BORNE, no(offer(DHE, schemes=SCHEMES[::-1])), took(offer(RSA))])
    assert picture.rejected[V12] == {DHE}


def test_a_suite_that_was_accepted_is_never_open_whatever_was_refused() -> None:
    picture = read_picture([took(ALL, DHE), no(offer(DHE)), took(offer(RSA))])
    assert DHE in picture.accepted[V12]
    assert DHE not in picture.open_suites(V12)


def test_a_suite_or_group_that_was_accepted_is_not_rejected() -> None:
    picture = read_picture([took(ALL, ECDHE, 29), no(offer(DHE, ECDHE, groups=(29,))), no(offer(DHE, ECDHE)), took(offer(DHE))])
    assert DHE not in picture.rejected[V12]
    assert ECDHE not in picture.rejected[V12]
    assert 29 not in picture.groups_rejected[V12]


def test_a_first_offer_counts_where_nothing_older_is_spoken() -> None:
    """A server of TLS 1.3 alone refuses each hello before it; 64 suites or fewer are borne by all."""
    chunks = [offerable(V12)[start : start + FIRST_OFFER] for start in range(0, len(offerable(V12)), FIRST_OFFER)]
    end = took(offer(0x1301, version="TLSv1.3"), group=29)
    picture = read_picture([*(no(offer(*chunk)) for chunk in chunks), end])
    assert picture.rejected[V12] == set(offerable(V12))
    assert {version: picture.spoken.get(version) for version in VERSIONS} == {
        "SSLv2": None, "SSLv3": False, "TLSv1.0": False, "TLSv1.1": False, V12: False, "TLSv1.3": True,
    }  # fmt: skip
    picture = read_picture([no(ALL), end])
    assert picture.rejected[V12] == frozenset()
    assert V12 not in picture.spoken


# Versions.


def test_a_protocol_version_alert_excludes_the_version_and_all_below_it_that_are_not_spoken() -> None:
    below = offer(OLD_RSA, version="TLSv1.1")
    picture = read_picture([no(below, 70), BORNE])
    assert picture.spoken == {"SSLv3": False, "TLSv1.0": False, "TLSv1.1": False, V12: True}
    assert picture.open_suites("TLSv1.0") == frozenset()
    assert picture.open_groups("TLSv1.0") == frozenset()
    assert picture.open_suites("SSLv2")


def test_a_refusal_of_some_suites_excludes_no_version() -> None:
    picture = read_picture([took(offer(*offerable("TLSv1.1")), OLD_RSA), no(offer(OLD_DHE, version="TLSv1.0")), BORNE])
    assert picture.spoken == {V12: True}


def test_a_protocol_version_alert_that_nothing_vouches_for_excludes_nothing() -> None:
    assert read_picture([BORNE, no(offer(OLD_RSA, version="TLSv1.1"), 70)]).spoken == {V12: True}


def test_a_refusal_of_every_suite_excludes_the_version_and_all_below_it() -> None:
    below = offer(*offerable("TLSv1.1"), version="TLSv1.1")
    picture = read_picture([BORNE, no(below), BORNE])
    assert picture.spoken == {"SSLv3": False, "TLSv1.0": False, "TLSv1.1": False, V12: True}


def test_a_version_that_was_passed_over_for_a_lower_one_is_not_spoken() -> None:
    picture = read_picture([took(ALL, OLD_RSA, version="TLSv1.0")])
    assert picture.spoken == {"TLSv1.0": True, "TLSv1.1": False, V12: False}
    odd = took(replace(ALL, grease=True), OLD_RSA, version="TLSv1.0")
    assert read_picture([odd]).spoken == {"TLSv1.0": True}


@pytest.mark.parametrize("version", ["TLSv1.3", "SSLv2"])
def test_tls13_and_sslv2_are_excluded_by_hellos_of_their_own_alone(version: str) -> None:
    few = offer(*offerable(version)[:3], version=version)
    assert read_picture([no(few, 70), BORNE]).spoken == {V12: True, version: False}
    assert read_picture([no(few, 40), BORNE]).spoken == {V12: True}
    every = offer(*offerable(version), version=version)
    picture = read_picture([no(every), BORNE])
    assert picture.spoken == {V12: True, version: False}
    assert picture.open_suites(version) == frozenset()


def test_tls13_is_not_excluded_by_an_offer_with_fewer_groups() -> None:
    every = offer(*offerable("TLSv1.3"), version="TLSv1.3", groups=(29, 23))
    assert read_picture([no(every), BORNE]).spoken == {V12: True}


def test_an_sslv2_server_lists_all_that_it_has() -> None:
    kinds = (0x0700C0, 0x010080)
    every = HelloOffer("SSLv2", offerable("SSLv2"))
    picture = read_picture([Asked(every, Accepted("SSLv2", kinds[0], chain=(b"any",), kinds=kinds))])
    assert list(picture.accepted["SSLv2"]) == [*kinds]
    assert picture.rejected["SSLv2"] == set(offerable("SSLv2")) - set(kinds)
    assert picture.open_suites("SSLv2") == frozenset()
    assert picture.suites("SSLv2") == kinds
    assert picture.spoken["SSLv2"] is True
    assert "SSLv2" not in picture.follows_us


# Groups.


@cache
def chain_over(curve: str) -> tuple[bytes, ...]:
    key, now = ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[curve]), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    return (builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER),)


@pytest.mark.parametrize(
    ("suite", "curve", "groups", "wanted"),
    [
        (ECDHE, "P-256", (24, 25), (24, 25)),
        (ECDHE_ECDSA, "P-256", (24, 25), ()),
        (ECDHE_ECDSA, "P-256", (24, 23), (24, 23)),
        (ECDHE_ECDSA, "P-384", (25, 24), (25, 24)),
        (ECDHE_ECDSA, "P-384", (25, 23), ()),
        (RSA, "P-256", (24,), ()),
        (DHE, "P-256", (24,), ()),
    ],
)
def test_a_refusal_excludes_groups_where_its_suite_was_accepted_with_another(
    suite: int, curve: str, groups: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    """An ECDSA suite may be refused for want of its certificate's own curve."""
    first = took(ALL, suite, 29 if suite in (ECDHE, ECDHE_ECDSA) else None, chain=chain_over(curve))
    picture = read_picture([first, no(offer(suite, groups=groups)), BORNE])
    assert picture.groups_rejected[V12] == set(wanted)


def test_a_refusal_of_a_suite_that_was_never_accepted_excludes_no_group() -> None:
    picture = read_picture([BORNE, no(offer(ECDHE, groups=(24,))), BORNE])
    assert picture.groups_rejected[V12] == frozenset()
    assert 24 in picture.open_groups(V12)


def test_groups_of_tls13_are_excluded_with_a_suite_that_was_accepted() -> None:
    every = offer(*offerable("TLSv1.3"), version="TLSv1.3")
    rest = tuple(code for code in groups_of_13() if code != 29)
    picture = read_picture([took(every, 0x1301, 29), no(offer(0x1301, version="TLSv1.3", groups=rest)), BORNE])
    assert picture.groups["TLSv1.3"] == (29,)
    assert picture.open_groups("TLSv1.3") == frozenset()
    assert picture.rejected["TLSv1.3"] == frozenset()
    picture = read_picture([took(every, 0x1301, 29), BORNE])
    assert picture.open_groups("TLSv1.3") == set(rest)


def test_no_group_is_open_where_no_suite_needs_one() -> None:
    others = tuple(code for code in offerable(V12) if code != RSA)
    known = read_picture([BORNE, no(offer(*others)), took(offer(RSA))])
    assert known.open_suites(V12) == frozenset()
    assert known.open_groups(V12) == frozenset()
    assert read_picture([BORNE]).open_groups(V12) == set(groups_before_13())
    with_curve = read_picture([took(ALL, ECDHE, 29), no(offer(*(code for code in offerable(V12) if code != ECDHE))), took(offer(ECDHE))])
    assert with_curve.open_groups(V12) == set(groups_before_13()) - {29}


# Whose order counts.


def chose(suite: int, *suites: int, **change: object) -> Asked:
    return took(replace(offer(*suites), **change), suite)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ([], None),
        ([chose(1, 1)], None),
        ([chose(RSA, RSA, DHE)], None),
        ([chose(RSA, RSA, DHE), chose(DHE, DHE)], None),
        ([chose(RSA, RSA, DHE), chose(DHE, DHE, RSA)], True),
        ([chose(RSA, DHE, RSA)], None),
        ([chose(RSA, DHE, RSA), chose(DHE, DHE)], False),
        ([chose(RSA, RSA, DHE), chose(RSA, DHE, RSA), chose(DHE, DHE)], False),
        ([chose(RSA, RSA, DHE), chose(DHE, DHE, RSA), chose(DHE, RSA, DHE)], False),
        ([chose(RSA, DHE, RSA), no(offer(DHE)), BORNE], None),
        ([chose(RSA, DHE, RSA, grease=True), chose(DHE, DHE)], None),
        ([chose(RSA, DHE, RSA, server_name="odd"), chose(DHE, DHE)], None),
        ([chose(RSA, DHE, RSA, groups=(*groups_before_13(), 256)), chose(DHE, DHE)], None),
        ([chose(RSA, ECDHE, RSA, groups=(29,)), chose(ECDHE, ECDHE)], None),
        ([chose(RSA, ECDHE, RSA), chose(ECDHE, ECDHE)], False),
        ([chose(RSA, DHE, RSA, signature_schemes=WEAK_SCHEMES), chose(DHE, DHE)], None),
        ([chose(RSA, DHE, RSA), Asked(offer(DHE), TIMEOUT)], None),
    ],
)
def test_the_order_is_ours_where_it_was_followed_both_ways_and_the_servers_where_it_was_passed_over_once(
    asked: list[Asked], wanted: bool | None
) -> None:
    assert follows_us(asked, V12) is wanted
    assert follows_us(asked) is wanted
    assert read_picture(asked).follows_us.get(V12) is wanted


def test_the_order_of_one_version_says_nothing_of_another() -> None:
    old = [took(offer(OLD_DHE, OLD_RSA, version="TLSv1.1"), OLD_RSA), took(offer(OLD_DHE, version="TLSv1.1"))]
    new = [chose(RSA, RSA, DHE), chose(DHE, DHE, RSA)]
    assert follows_us([*old, *new], "TLSv1.1") is False
    assert follows_us([*old, *new], V12) is True
    assert follows_us([*new, *old]) is False


def test_sslv2_has_no_order() -> None:
    every = HelloOffer("SSLv2", offerable("SSLv2"))
    asked = [Asked(every, Accepted("SSLv2", kind, kinds=(kind,))) for kind in (0x0700C0, 0x010080)]
    assert follows_us(asked, "SSLv2") is None


def test_choices_are_pairs_of_which_the_first_was_taken() -> None:
    asked = [chose(RSA, DHE, RSA, ECDHE), chose(DHE, ECDHE, DHE), chose(ECDHE, ECDHE)]
    assert choices(asked, V12) == {(RSA, DHE), (RSA, ECDHE), (DHE, ECDHE)}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ([chose(RSA, DHE, RSA, ECDHE), chose(DHE, ECDHE, DHE), chose(ECDHE, ECDHE)], (RSA, DHE, ECDHE)),
        ([chose(ECDHE, ECDHE), chose(DHE, ECDHE, DHE), chose(RSA, DHE, RSA, ECDHE)], (RSA, DHE, ECDHE)),
        ([chose(RSA, DHE, RSA, ECDHE), chose(DHE, DHE), chose(ECDHE, ECDHE)], None),  # DHE or ECDHE: never both on offer
        ([chose(DHE, ECDHE, DHE), chose(RSA, DHE, RSA), chose(ECDHE, ECDHE)], (RSA, DHE, ECDHE)),
        ([chose(RSA, RSA, DHE), chose(DHE, DHE, RSA)], None),  # our order
        ([chose(RSA, RSA, DHE), chose(DHE, DHE)], None),  # nobody knows
        ([chose(RSA, RSA)], None),
    ],
)
def test_the_servers_order_is_known_where_each_suite_was_once_preferred_to_the_next(
    asked: list[Asked], wanted: tuple[int, ...] | None
) -> None:
    assert read_picture(asked).order(V12) == wanted


def test_suites_stand_in_the_servers_order_or_else_from_strong_to_weak() -> None:
    theirs = [chose(RSA, DHE, RSA, ECDHE), chose(DHE, ECDHE, DHE), chose(ECDHE, ECDHE)]
    assert read_picture(theirs).suites(V12) == (RSA, DHE, ECDHE)
    assert read_picture([chose(RSA, RSA), chose(ECDHE, ECDHE)]).suites(V12) == (ECDHE, RSA)
    assert read_picture(theirs).suites("TLSv1.0") == ()
    assert Picture().order(V12) is None


# Whatever is answered.


@st.composite
def answered(draw: st.DrawFn) -> Asked:
    version = draw(st.sampled_from(VERSIONS))
    suites = draw(st.lists(st.sampled_from(offerable(version)[:6]), min_size=1, max_size=4, unique=True))
    what = offer(*draw(st.sampled_from([tuple(suites), offerable(version)])), version=version)
    what = replace(what, fallback=draw(st.sampled_from([False, False, True])), server_name=draw(st.sampled_from(["host", "host", "none"])))
    if what.groups and draw(st.booleans()):
        what = replace(what, groups=what.groups[:2])
    match draw(st.sampled_from(["took", "took", "took", "no", "closed", "silent"])):
        case "took":
            lower = VERSIONS.index(version) if version in ("SSLv2", "TLSv1.3") else draw(st.integers(1, VERSIONS.index(version)))
            suite = draw(st.sampled_from(what.cipher_suites))
            group = draw(st.sampled_from(what.groups)) if what.groups else None
            return took(what, suite, group, VERSIONS[lower])
        case "no":
            return no(what, draw(st.sampled_from([40, 70, 80])))
        case "closed":
            return no(what, None)
    return Asked(what, TIMEOUT)


@given(st.lists(answered(), max_size=12))
def test_what_was_accepted_is_never_open_and_its_version_is_spoken_whatever_else_was_said(asked: list[Asked]) -> None:
    picture = read_picture(asked)
    assert set(picture.refused) <= {item for item in asked if isinstance(item.answer, Refused)}
    for item in asked:
        answer = item.answer
        if isinstance(answer, Accepted):
            assert picture.spoken[answer.version] is True
            assert answer.cipher_suite in picture.accepted[answer.version]
            assert answer.cipher_suite not in picture.open_suites(answer.version)
            assert answer.group is None or answer.group not in picture.open_groups(answer.version)
    for version in VERSIONS:
        found = picture.accepted.get(version, {})
        assert sorted(picture.suites(version)) == sorted(found)
        assert picture.order(version) is None or sorted(picture.order(version) or ()) == sorted(found)
        offered = {code for item in asked if item.offer.version == version for code in item.offer.cipher_suites}
        assert picture.rejected[version] <= offered or "SSLv2" in picture.accepted


# Weak signatures, fallback, and what a hello may have.


def test_weak_signatures_are_accepted_refused_or_open() -> None:
    weak = offer(ECDHE, schemes=WEAK_SCHEMES)
    assert read_picture([BORNE]).weak_signatures is None
    signed = Asked(weak, Accepted(V12, ECDHE, 29, signature_scheme=WEAK_SCHEMES[1], chain=(b"any",)))
    assert read_picture([BORNE, signed]).weak_signatures is True
    assert read_picture([BORNE, took(weak)]).weak_signatures is None
    better = Asked(weak, Accepted(V12, ECDHE, 29, signature_scheme=0x0401, chain=(b"any",)))
    assert read_picture([BORNE, better]).weak_signatures is False
    assert read_picture([BORNE, no(weak), BORNE]).weak_signatures is False
    assert read_picture([BORNE, no(weak)]).weak_signatures is None
    assert read_picture([BORNE, no(weak, None), BORNE]).weak_signatures is None
    assert read_picture([BORNE, Asked(weak, TIMEOUT), BORNE]).weak_signatures is None


def test_a_fallback_is_refused_accepted_or_open() -> None:
    fallback = replace(offer(OLD_RSA, version="TLSv1.1"), fallback=True)
    assert read_picture([BORNE]).refuses_fallback is None
    assert read_picture([BORNE, no(fallback, 86), BORNE]).refuses_fallback is True
    assert read_picture([BORNE, took(fallback), BORNE]).refuses_fallback is False
    assert read_picture([BORNE, no(fallback, 86)]).refuses_fallback is None
    assert read_picture([BORNE, no(fallback, None), BORNE]).refuses_fallback is None


CHANGES: dict[str, dict[str, object]] = {
    "no-server-name": {"server_name": "none"}, "odd-server-name": {"server_name": "odd"}, "large-hello": {"size": 2_048},
    "unknown-values": {"grease": True}, "many-suites": {"cipher_suites": offerable(V12)},
}  # fmt: skip


def test_every_oddity_is_played() -> None:
    assert CHANGES.keys() == ODDITIES.keys()


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_hello_may_have_is_borne_or_not_or_unknown(name: str) -> None:
    plain, odd = took(offer(RSA)), replace(offer(RSA), **CHANGES[name])  # type: ignore[arg-type]
    assert name not in read_picture([plain]).bears
    assert read_picture([plain, took(odd, RSA)]).bears == {name: True}
    assert read_picture([plain, no(odd), plain]).bears == {name: False}
    assert read_picture([plain, no(odd)]).bears == {}
    assert read_picture([plain, no(odd, None), plain]).bears == {}
    assert read_picture([plain, no(odd, None), no(odd, None), plain]).bears == {}
    assert read_picture([plain, no(odd, None), plain, no(odd, None), plain]).bears == {name: False}
    assert read_picture([plain, Asked(odd, TIMEOUT), plain]).bears == {}


def test_a_large_hello_with_unknown_values_shows_both_when_it_is_accepted_and_neither_when_it_is_refused() -> None:
    both = replace(offer(RSA), size=2_048, grease=True)
    assert read_picture([took(both)]).bears == {"large-hello": True, "unknown-values": True}
    assert read_picture([took(offer(RSA)), no(both), took(offer(RSA))]).bears == {}


def test_the_refusal_of_suites_that_were_never_accepted_does_not_speak_of_their_number() -> None:
    many = offer(*(code for code in offerable(V12) if code != RSA))
    assert read_picture([took(offer(RSA)), no(many), took(offer(RSA))]).bears == {}


@pytest.mark.parametrize("change", [{"groups": (24,)}, {"signature_schemes": WEAK_SCHEMES}])
def test_the_refusal_of_other_groups_or_schemes_does_not_speak_of_the_number_of_suites(change: dict[str, tuple[int, ...]]) -> None:
    many = replace(ALL, **change)  # type: ignore[arg-type]
    assert read_picture([took(offer(ECDHE), group=29), no(many), took(offer(ECDHE), group=29)]).bears == {}
