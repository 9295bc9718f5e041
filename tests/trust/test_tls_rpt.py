"""TLS-RPT: one record with places that senders can use, or why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtls.trust.tls_rpt import BadReportRecord, ReportRecord, find_report_record, read_report_record

URI = st.one_of(
    st.from_regex(r"mailto:[a-z0-9.+_-]{1,20}@[a-z0-9-]{1,10}\.example", fullmatch=True),
    st.from_regex(r"https://[a-z0-9-]{1,10}\.example(?::[0-9]{1,4})?/[a-z0-9?=&%2C~_.-]{0,0}[a-z]*\??[a-z=]*", fullmatch=True),
)
SPACE = st.text(" \t", max_size=2)


@given(st.lists(URI, min_size=1, max_size=4, unique=True), SPACE, SPACE, st.booleans())
def test_uris_come_back_in_their_order(uris, before, behind, ends) -> None:
    text = f"v=TLSRPTv1;{before}rua=" + f"{before},{behind}".join(uris) + (f"{before};{behind}" if ends else "")
    assert read_report_record(text.encode()) == ReportRecord(tuple(uris))


def test_exactly_one_record_is_one() -> None:
    one = '"v=TLSRPTv1; rua=mailto:" "tls@a.example"'
    assert find_report_record([]) is None
    assert find_report_record(['"v=spf1"', one]) == ReportRecord(("mailto:tls@a.example",))
    assert isinstance(find_report_record([one, one]), BadReportRecord)
    assert isinstance(find_report_record(['"v=TLSRPTv1"']), BadReportRecord)


@pytest.mark.parametrize(
    "rest",
    [
        "", "rua=", "rua=tls@a.example", "rua=mailto:", "rua=mailto:tls", "rua=mailto:@a.example", "rua=mailto:a@b@c.example", "rua=https:",
        "rua=https://", "rua=https:///path", "rua=http://a.example/", "rua=ftp://a.example/x", "rua=mailto:a!10m@b.example",
        "rua=mailto:a@b.example,", "rua=,mailto:a@b.example", "rua=mailto:a@b.example mailto:c@d.example", "rua=https://a.example/%zz",
        "rua=mailto:a@b.example ", "ruf=mailto:a@b.example", "rua=mailto:\u00fc@b.example", "rua=mailto:a@b.example;;", "rua mailto:a@b.example",
    ],
)  # fmt: skip
def test_what_senders_cannot_use_is_said(rest: str) -> None:
    read = read_report_record(f"v=TLSRPTv1; {rest}".encode())
    assert isinstance(read, BadReportRecord), read
    assert read.why.isprintable()


def test_what_senders_can_use_is_used_though_something_else_stands_beside_it() -> None:
    read = read_report_record(b"v=TLSRPTv1; rua=http://a.example/,MAILTO:tls@a.example , https://a.example; rua=x; more=1")
    assert read == ReportRecord(("MAILTO:tls@a.example", "https://a.example"), ("http://a.example/",))


@given(st.binary(max_size=120))
def test_any_octets_are_a_record_or_a_flaw_in_words(octets: bytes) -> None:
    for made in (octets, b"v=TLSRPTv1; rua=" + octets):
        read = read_report_record(made)
        assert isinstance(read, ReportRecord) or read.why
