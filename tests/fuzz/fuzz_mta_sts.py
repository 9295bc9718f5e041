"""Fuzz target: the readers of MTA-STS records and policies."""

from __future__ import annotations

from harmless import is_harmless

from mailtls.trust.mta_sts import INVALID, LONGEST_LIFE, Flaw, Mode, Policy, StsRecord, mx_matches, read_policy, read_record
from mailtls.trust.txt import BadText, fields, octets_of

COVERS = (read_record, read_policy, fields)


def one(data: bytes) -> None:
    """A record is an id or a flaw, and a policy is one that can be written again or a flaw;
    no octets make a reader raise anything else, and what it says of them is harmless."""
    record = read_record(data)
    if isinstance(record, StsRecord):
        assert record.id.isalnum()
        assert 1 <= len(record.id) <= 32
        assert fields(data, "v=STSv1")["id"] == record.id
        assert octets_of(_quoted(data)) == data
    policy = read_policy(data)
    if isinstance(policy, Policy):
        assert 0 <= policy.max_age <= LONGEST_LIFE
        assert policy.mx or policy.mode is Mode.NONE
        assert all(mx_matches(policy.mx, pattern.replace("*", "any")) for pattern in policy.mx)
        lines = ("version: STSv1", f"mode: {policy.mode}", f"max_age: {policy.max_age}", *(f"mx: {pattern}" for pattern in policy.mx))
        assert read_policy("\r\n".join(lines).encode()) == policy
    for flaw in (record, policy):
        if isinstance(flaw, Flaw):
            assert flaw.code == INVALID
            assert is_harmless(flaw.why)
            assert len(flaw.why) < 600
    assert is_harmless(_complaint(data))


def _complaint(data: bytes) -> str:
    try:
        octets_of(data.decode("latin-1"))
    except BadText as error:
        return str(error)
    return ""


def _quoted(data: bytes) -> str:
    return '"' + data.decode("ascii").replace("\\", "\\\\").replace('"', '\\"') + '"'


def seeds() -> list[bytes]:
    policies = [
        b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n",
        b"version: STSv1\nmode: none\nmax_age: 0",
        b"mode: testing\nmx:*.a\nmax_age:\t31557600 \nversion:STSv1\nmode: none\nx-y.z: \xc3\xbc \xe2\x80\xae",
        b"version: STSv1\n\nmode: enforce\nmx: \x1b[2J\nmax_age: -1\n",
        b"\xef\xbb\xbfversion: STSv1\r",
    ]
    return [b"v=STSv1; id=20261124T000000;", b"v=STSv1 \t;\tlater=a:b; id=1", b"v=STSv1; id=1; id=\xff", b'"v=STSv1" "; id=\\0491"', *policies]
