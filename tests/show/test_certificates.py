"""Certificates at a terminal: a line each, and one for each thing that is not as it should be, said once."""

from __future__ import annotations

import io
from ipaddress import ip_address
from typing import Any

import pytest
from harmless import is_harmless
from rich.console import Console

from mailtls.model import Cause, Endpoint, EndpointObservation, Known, SharedKey, Stage, Unknown
from mailtls.show.certificates import certificate_lines

CERTIFICATE = {
    "key_type": "ECDSA", "key_bits": 256, "not_before": "2026-11-01T00:00:00Z", "not_after": "2027-01-30T00:00:00Z",
    "names": ["mx.example"], "sha256": "ab",
}  # fmt: skip
STAPLE = {"certificate": "ab", "status": "good", "next_update": "2026-11-30T00:00:00Z", "problems": []}


def lines(*shared: SharedKey, **readings: Any) -> list[str]:
    known = {name: value if isinstance(value, Unknown) else Known(value) for name, value in readings.items()}
    seen = EndpointObservation(Endpoint("mx.example", ip_address("192.0.2.1")), known, conclusive=True, key_shared_with=shared)
    console = Console(file=io.StringIO(), highlight=False, soft_wrap=True, force_terminal=False)
    for line in certificate_lines(seen):
        console.print(line, emoji=False)
    return console.file.getvalue().splitlines()


def test_a_good_certificate_takes_one_line() -> None:
    scts = [{"certificate": "ab", "embedded": 2, "stapled": 0, "logs": 2}]
    assert lines(certificates=[CERTIFICATE], scts=scts) == ["certificate ECDSA 256, 2026-11-01 to 2027-01-30, mx.example, 2 SCTs"]
    assert lines(certificates=[CERTIFICATE | {"names": []}]) == ["certificate ECDSA 256, 2026-11-01 to 2027-01-30, no names"]


def test_of_many_names_a_few_are_shown() -> None:
    (line,) = lines(certificates=[CERTIFICATE | {"names": [f"m{number}.example" for number in range(9)]}])
    assert line.endswith("m0.example, m1.example, m2.example and 6 more")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ok OCSP staple: good until 2026-11-30"),
        ({"status": "revoked", "next_update": None}, "x OCSP staple: revoked"),
        ({"problems": ["expired"]}, "! OCSP staple of no use: expired"),
    ],
)
def test_a_staple_is_told_as_it_is(changes: dict[str, Any], expected: str) -> None:
    assert lines(certificates=[CERTIFICATE], ocsp_staple=[STAPLE | changes])[1:] == [expected]


def test_what_is_wrong_is_said_once_and_what_is_only_seen_so_far_as_well() -> None:
    problems = [{"code": code, "why": why} for code, why in (("issuer-not-sent", "no issuer"), ("root-sent", "a root"), ("root-sent", "a root"))]
    said = lines(
        SharedKey("cd", ("b.org", "c.net"), ("mx.b.org", "mx.c.net")),
        certificates=Unknown(Cause.NOT_ATTEMPTED, Stage.HELLO, "", [CERTIFICATE]),
        chain_problems=Unknown(Cause.NOT_ATTEMPTED, Stage.HELLO, "", problems),
        certificate_problems=[{"code": "certificate-not-trusted", "why": "no issuer"}],
        chain_signature_hashes=["SHA-1", "SHA-256"],
        certificate_oddities=[{"code": "no-dns-name", "why": "no name"}],
        must_staple_honoured=False,
    )
    assert said[1:] == [
        "x a certificate demands a stapled OCSP response, and comes without one that is of use",
        "! chain: a root",
        "! chain: signed with SHA-1",
        "! certificate: no name",
        "! its key is served by unrelated operators too: b.org, c.net",
    ]


@pytest.mark.parametrize("words", ["[red]", "[/]", "a\\\\", "[link=http://x]y[/link]", "[@click=x]z"])
def test_nothing_of_a_certificate_becomes_markup(words: str) -> None:
    said = lines(
        SharedKey("cd", (words,), ()),
        certificates=[CERTIFICATE | {"names": [words]}],
        chain_problems=[{"code": "root-sent", "why": words}],
        certificate_oddities=[{"code": "odd-key", "why": words}],
    )
    assert len(said) == 4
    assert all(words in line and is_harmless(line) for line in said)


def test_where_nothing_is_known_nothing_is_said() -> None:
    assert lines() == []
    assert lines(certificates=Unknown(Cause.RATE_LIMITED, Stage.GREETING)) == []
