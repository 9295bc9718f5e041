"""Trends count what was measured: who could not be is not among those who have not."""

from __future__ import annotations

from datetime import date
from typing import Any

from mailtls.publication.trends import trends

DAY = date(2026, 11, 24)


def document(**marks: tuple[str, str]) -> dict[str, Any]:
    day = DAY.isoformat()
    return {
        "rows": [{"check": check, "runs": [{"from": day, "to": day, "mark": mark, "shown": shown}]} for check, (mark, shown) in marks.items()]
    }


def counted(series: str, **marks: tuple[str, str]) -> list[Any]:
    found = trends([document(**marks)], DAY, DAY)
    return next(each["days"][0][1:] for each in found["series"] if each["name"] == series)


def test_who_has_it_who_has_not_and_who_could_not_be_measured_are_told_apart() -> None:
    for mark, expected in (("has", [1, 1, 1]), ("less", [1, 1, 1]), ("lacks", [0, 1, 1]), ("unmeasured", [0, 0, 1])):
        assert counted("dane", verdict=("less", "degraded"), dane=(mark, "")) == expected


def test_what_does_not_apply_is_not_had_by_who_takes_mail_and_is_no_matter_to_who_takes_none() -> None:
    assert counted("forward_secrecy", verdict=("lacks", "unprotected")) == [0, 1, 1]
    assert counted("forward_secrecy", verdict=("none", "no-mail")) == [0, 0, 1]
    assert counted("forward_secrecy", verdict=("unmeasured", "")) == [0, 0, 1]
    assert counted("forward_secrecy", verdict=("unwatched", "")) == [0, 0, 0]


def test_a_version_counts_by_its_name() -> None:
    assert counted("tls13", verdict=("has", "protected"), tls_version=("has", "TLSv1.3")) == [1, 1, 1]
    assert counted("tls13", verdict=("has", "protected"), tls_version=("has", "TLSv1.2")) == [0, 1, 1]
