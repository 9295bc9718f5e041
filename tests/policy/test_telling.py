"""How a finding is seen and mended: commands that can be pasted whatever the wire said, and remedies for facts that are there."""

from __future__ import annotations

import re
import shlex
from ipaddress import ip_address

import pytest

from mailtls import facts
from mailtls.model import Clause, Endpoint, Finding, Place
from mailtls.policy.shipped import NAMES, VERDICT, shipped
from mailtls.policy.telling import PLACEHOLDERS, command, command_for, commands, placeholders, remedies
from mailtls.tls.names import cipher_suites

COMMANDS, REMEDIES = commands(), remedies()
FACTS = {fact.name for fact in facts.ALL}
MENDED_BY_NAME = {rule.written["mend"] for name in (*NAMES, VERDICT) for rule in shipped(name).rules if "mend" in rule.written}
NAMED = {rule.written["reproduce"] for name in (*NAMES, VERDICT) for rule in shipped(name).rules if "reproduce" in rule.written}
HOSTILE = ("-oProxyCommand=x", "$(reboot)", "`reboot`", "a; reboot", "a' 'b", "a\nb", "\x1b[31m", "mx.example\u202e")


def finding(fact: str, *seen: object, host: str = "mx.a.example", address: str = "192.0.2.1", path: str = "") -> Finding:
    place = Place("a.example", host, Endpoint(host, ip_address(address)))
    return Finding("code", str(place), "text", clause=Clause("p", "1", "r", "Why.", facts=(fact,)), place=place, seen=seen, path=path)


@pytest.mark.parametrize(
    ("fact", "seen", "path", "expected"),
    [
        ("starttls_offered", (False,), "", "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example"),
        (
            "tls_versions", ("TLSv1.0",), "tls_versions",
            "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example -tls1 -cipher ALL:@SECLEVEL=0",
        ),
        ("tls_versions", ("SSLv2",), "tls_versions", "nmap -Pn -p 25 --script ssl-enum-ciphers,sslv2 192.0.2.1"),
        (
            "cipher_suites", ("TLS_RSA_WITH_AES_128_CBC_SHA",), "cipher_suites.TLSv1.2",
            "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example -tls1_2 -cipher AES128-SHA:@SECLEVEL=0",
        ),
        (
            "cipher_suites", ("TLS_AES_128_CCM_8_SHA256",), "cipher_suites.TLSv1.3",
            "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example -tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256",
        ),
        (
            "cipher_suites", ("TLS_RSA_EXPORT_WITH_RC4_40_MD5",), "cipher_suites.TLSv1.2",
            "nmap -Pn -p 25 --script ssl-enum-ciphers,sslv2 192.0.2.1",
        ),
        ("dnssec", ("insecure",), "", "dig +dnssec -t MX -q a.example"),
    ],
)  # fmt: skip
def test_the_first_command_whose_blanks_can_be_filled_is_told(fact: str, seen, path: str, expected: str) -> None:
    assert command(finding(fact, *seen, path=path)) == expected


def test_an_address_of_ipv6_stands_in_brackets_where_a_port_follows() -> None:
    assert "-connect '[2001:db8::1]:25'" in command(finding("starttls_offered", address="2001:db8::1"))
    assert command(finding("forward_secrecy", address="2001:db8::1")) == "nmap -6 -Pn -p 25 --script ssl-enum-ciphers,sslv2 2001:db8::1"


@pytest.mark.parametrize("fact", sorted(COMMANDS))
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_from_the_wire_is_anything_but_one_word_and_never_an_option(fact: str, name: str) -> None:
    line = command(finding(fact, "secp192r1", host=name, path=fact))
    assert line.isprintable()
    words = shlex.split(line)
    template = next(t for t in COMMANDS[fact] if len(t) == len(words) and t[0] == words[0])
    for word, blank in zip(words, template, strict=True):
        if "{host}" in blank and word.startswith("-"):
            before = words[words.index(word) - 1]
            assert before in ("-servername", "-verify_hostname", "-q"), "the word before takes it as its value"


def test_what_is_good_can_be_seen_by_the_same_commands() -> None:
    place = Place("a.example", "mx.a.example", Endpoint("mx.a.example", ip_address("192.0.2.1")))
    plain = "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.a.example"
    assert command_for("starttls_offered", place, value=True) == plain
    assert command_for("tls_versions", place, ["TLSv1.3", "TLSv1.2"]) == f"{plain} -tls1_3 -cipher ALL:@SECLEVEL=0"
    assert command_for("cipher_suites", place, {"TLSv1.3": ["TLS_AES_128_GCM_SHA256"]}).startswith("nmap ")
    assert command_for("dnssec", Place("a.example"), "secure") == "dig +dnssec -t MX -q a.example"
    assert command_for("starttls_offered", Place("a.example"), value=True) == ""
    assert command_for("no_such_fact", place) == ""


def test_that_there_is_no_record_is_shown_by_looking_for_the_record() -> None:
    assert command_for("mta_sts", Place("a.example"), None) == "dig +noall +answer -t TXT -q _mta-sts.a.example"
    assert command_for("mta_sts", Place("a.example"), {"mode": "enforce"}).startswith("curl ")
    assert command_for("mta_sts", Place("a.example")).startswith("curl "), "nobody said what was seen"


def test_without_a_place_or_a_template_there_is_no_command() -> None:
    assert command(Finding("code", "here", "text")) == ""
    domain = Place("a.example")
    bare = Finding("c", "a.example", "t", clause=Clause("p", "1", "r", "Why.", facts=("tls_versions",)), place=domain)
    assert command(bare) == ""


def test_commands_and_remedies_are_for_facts_that_are_there() -> None:
    assert {name.removesuffix("-none") for name in COMMANDS} <= FACTS | NAMED
    assert set(COMMANDS) >= NAMED
    assert set(REMEDIES) >= MENDED_BY_NAME
    assert set(REMEDIES) <= FACTS | MENDED_BY_NAME
    words = [word for templates in COMMANDS.values() for template in templates for word in template]
    assert {blank for word in words for blank in placeholders(word)} <= PLACEHOLDERS
    assert not [word for word in words if re.search(r"[{}]", re.sub(r"\{[a-z0-9-]+\}", "", word))]


def test_a_setting_fits_into_a_terminal_of_80_columns() -> None:
    lines = [line for remedy in REMEDIES.values() for _server, text in remedy for line in text.splitlines() if not line.startswith("# ")]
    assert [line for line in lines if len(line) > 69 and not line.startswith(("HKLM\\", "Set-ReceiveConnector"))] == []


def test_the_names_that_openssl_has_are_of_suites_that_are_registered() -> None:
    from mailtls.policy.telling import _openssl_names

    assert set(_openssl_names()) <= set(cipher_suites().values())
    assert _openssl_names()["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] == "ECDHE-RSA-AES128-GCM-SHA256"
