"""Fuzz target: the reader of TLS-RPT records."""

from __future__ import annotations

from harmless import is_harmless

from mailtls.trust.tls_rpt import BadReportRecord, read_report_record

COVERS = (read_report_record,)


def one(data: bytes) -> None:
    """A record has at least one place that can be used, none of which needs encoding, and reads the same when written again;
    anything else is said to be none, in harmless words."""
    record = read_report_record(data)
    if isinstance(record, BadReportRecord):
        assert is_harmless(record.why)
        assert len(record.why) < 600
        return
    assert record.rua
    for uri in record.rua:
        assert uri.lower().startswith(("mailto:", "https://"))
        assert not set(uri) & set(',!; \t"<>')
        assert uri.isascii()
    again = read_report_record(f"v=TLSRPTv1; rua={', '.join((*record.rua, *record.unusable))};".encode())
    assert again == record


def seeds() -> list[bytes]:
    return [
        b"v=TLSRPTv1; rua=mailto:tls@a.example",
        b"v=TLSRPTv1;rua=https://a.example/r?x=%2C , mailto:b@c.example;",
        b"v=TLSRPTv1; later=1; rua=http://a.example,mailto:a@b.example?subject=x; rua=y",
        b"v=TLSRPTv1; rua=mailto:a!10m@b.example",
        b"v=TLSRPTv1; rua=\xe2\x80\xae",
        b"v=TLSRPTv1;",
    ]
