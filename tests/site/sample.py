"""A publication for tests: the lab's domains as a daemon saw them, with a made-up past, and a domain that is hostile in every text."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mailtls.publication import Document, Link, Publication
from mailtls.publication.chain import Gist
from mailtls.site import pages
from mailtls.site.earlier import page_path
from mailtls.site.file import Caching, File
from mailtls.site.files import files
from mailtls.store.publications import Kept

_LAST = date(2026, 11, 24)
_AS_OF = "2026-11-24T12:00:00Z"
_DAYS = 90
HOSTILE = "<script>alert(1)</script>\" onload='x' \x1b[31m\u202egnp.exe" + "x" * 300
"""What the hostile domain says wherever it can."""
_MARKS = {"protected": "has", "degraded": "less", "unprotected": "lacks", "unknown": "unmeasured", "no-mail": "none"}
_RULED = ("starttls_offered", "starttls_accepted", "forward_secrecy_negotiated", "certificate_trusted", "certificate_name_match")
_COMMAND = "openssl s_client -starttls smtp -connect 192.0.2.1:25 -servername mx.example"
_SOURCE = {"title": "RFC 9325, section 3.1.1", "url": "https://www.rfc-editor.org/rfc/rfc9325.html#section-3.1.1"}
_MENDED = "# in main.cf\nsmtpd_tls_protocols = >=TLSv1.2"
_CHECKS = {"starttls": ("accepted", "not offered"), "certificate_trusted": ("trusted", "not trusted"), "dane": ("valid", "none")}


def publication(domains: int = 0) -> Publication:
    """Return a publication of the lab's 25 domains and the hostile one; or, for measuring, of so many copies of them."""
    seen: list[Document] = json.loads((Path(__file__).parent / "lab-domains.json").read_text("utf-8"))
    seen.append(_hostile(seen[7]))
    if domains:
        seen = [_copy(seen[number % len(seen)], number) for number in range(domains)]
    ready = {each["domain"]: _domain(each) for each in seen}
    providers = tuple(_provider(name, list(ready.values())) for name in sorted({each["provider"] for each in ready.values()}))
    incidents = tuple(_incident(number, each) for number, each in enumerate(list(ready.values())[:3]))
    for incident in incidents:
        ready[incident["domains"][0]]["incidents"] = [incident["id"]]
    days = {name: _days(each) for name, each in ready.items()}
    return Publication(_edition(ready), providers, ready, days, incidents, _trends(len(ready)))


LINK = Link(40, "ab" * 32, "cd" * 32, "2026-11-24T12:00:05Z", "ef" * 32)
"""The place of the made-up publication in a made-up chain."""
KEPT = tuple(
    Kept(number, f"{number:02x}" * 32, datetime(2026, 11, 24, 12, tzinfo=UTC) - timedelta(hours=7 * (40 - number)))
    for number in range(40, 0, -1)
)


def site(*, stale: bool = False) -> dict[str, File]:
    """Return all files of the made-up site, with the page of its snapshot."""
    made = publication()
    hashes = dict.fromkeys(made.domains, "0123456789abcdef" * 4)
    then = File(pages.HTML, lambda: pages.snapshot(Gist(made.edition, made.providers, hashes), LINK), Caching.FOR_EVER)
    return {**files(made, LINK, stale=stale, kept=KEPT), page_path(LINK.number): then}


def _edition(domains: dict[str, Document]) -> Document:
    return {
        "schema": 1,
        "title": "Mail transport security",
        "publisher": {"name": "Example Observatory", "contact": "mailto:mailtls@example.net", "url": "https://example.net/"},
        "licence": {"name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
        "as_of": _AS_OF,
        "stale_after": 10800,
        "interval": 3600,
        "program": "mailtls 0.1.0",
        "vantage": "lab",
        "vantages": ["lab"],
        "policies": [
            {"name": "rfc9325", "version": "2022-11", "title": "RFC 9325"},
            {"name": "pledge-2013", "version": "2013-12", "title": "The pledge of 2013"},
        ],
        "external_url": "https://status.example.net/",
        "counts": {
            "providers": len({each["provider"] for each in domains.values()}),
            "domains": len(domains),
            "waiting": 0,
            "verdicts": dict(Counter(each["verdict"] for each in domains.values())),
        },
        "blind": False,
        "corrections": [
            {"at": "2026-11-20T09:00:00Z", "snapshot": 12, "subject": "solid.example", "text": "The certificate was read wrongly; it is trusted."}
        ],
    }


def _hostile(like: Document) -> Document:
    each = deepcopy(like)
    each["domain"], each["provider"] = "hostile.example", f"Hostile {HOSTILE}"
    each["mx"][0]["host"] = "mx.hostile.example"
    endpoint = each["mx"][0]["endpoints"][0]
    endpoint["inconclusive"] = {"cause": "deferred", "stage": "greeting", "detail": HOSTILE}
    endpoint["readings"]["starttls_offered"] = {"state": "unknown", "cause": "deferred", "stage": "greeting", "detail": HOSTILE, "seen": None}
    endpoint["readings"]["ehlo_keywords"] = {"state": "known", "value": [HOSTILE, "STARTTLS"]}
    certificates = endpoint["readings"]["certificates"]["value"]
    certificates[0]["names"], certificates[0]["issuer"] = [HOSTILE], HOSTILE
    each["findings"] = [{"code": "hostile", "where": HOSTILE, "text": HOSTILE, "rule": "hostile", "level": "insufficient"}]
    return each


def _copy(each: Document, number: int) -> Document:
    copy = deepcopy(each)
    copy["domain"], copy["provider"] = f"d{number}.{each['domain']}", f"Provider {number // 3}"
    return copy


def slug(provider: str) -> str:
    """Return a provider's name for a path, as the made-up publication writes it."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in provider.lower())[:60].strip("-")


def _domain(each: Document) -> Document:
    readings = [each["readings"], *(part["readings"] for host in each["mx"] for part in (host, *host["endpoints"]))]
    findings = [*each["findings"], *(finding for grade in each["grades"].values() for finding in grade["findings"])]
    for finding in findings:
        finding |= {"policy": "rfc9325", "version": "2022-11", "why": "What is weak can be broken.", "source": _SOURCE}
        finding |= {"reproduce": _COMMAND, "mend": {"Postfix": _MENDED}}
    for name, reading in (named for group in readings for named in group.items()):
        met = reading.get("value") if name in _RULED else True
        known = reading["state"] != "unknown"
        reading |= {
            "first_seen": "2026-10-02T08:15:00Z" if known else None,
            "last_seen": "2026-11-24T11:45:00Z" if known else None,
            "evidence": "ae8e67c0af" * 6 + "abcd" if known else None,
            "rules": [{"policy": "pledge-2013", "version": "2013-12", "rule": "starttls", "met": met if known else None}] if name in _RULED else [],
            "reproduce": _COMMAND if known else None,
        }
    return {"schema": 1, "slug": slug(each["provider"]), "vantage": "lab", "regressions": [], "incidents": [], **each}


def _provider(name: str, every: list[Document]) -> Document:
    mine = [each for each in every if each["provider"] == name]
    levels = {policy: Counter(each["grades"][policy]["level"] for each in mine) for policy in mine[0]["grades"]}
    order = ("insufficient", "phase-out", "sufficient", "good")
    return {
        "schema": 1,
        "provider": name,
        "slug": slug(name),
        "domains": [
            {
                "domain": each["domain"],
                "verdict": each["verdict"],
                "measured_at": each["measured_at"],
                "grades": {policy: grade["level"] for policy, grade in each["grades"].items()},
                "regressions": len(each["regressions"]),
            }
            for each in mine
        ],
        "verdicts": dict(Counter(each["verdict"] for each in mine)),
        "grades": {
            policy: {
                "version": mine[0]["grades"][policy]["version"],
                "level": next((level for level in order if counted[level]), None),
                "levels": {level: counted[level] for level in order if counted[level]},
                "ungraded": counted[None],
            }
            for policy, counted in levels.items()
        },
        "trend": {"direction": "same", "since": str(_LAST - timedelta(days=_DAYS - 1)), "lost": [], "gained": []},
        "measured_at": min(each["measured_at"] for each in mine),
    }


def _run(first: int, last: int, mark: str, shown: str) -> Document:
    """Return a run of days, counted from the end: 89 is the first day that is shown, 0 is the last."""
    return {"from": str(_LAST - timedelta(days=first)), "to": str(_LAST - timedelta(days=last)), "mark": mark, "shown": shown}


def _days(each: Document) -> Document:
    verdict = each["verdict"]
    rows: list[dict[str, Any]] = [
        {
            "check": "verdict",
            "runs": [
                _run(89, 80, "unwatched", ""),
                _run(79, 41, "has", "protected"),
                _run(40, 38, "unmeasured", "rate-limited at greeting"),
                _run(37, 0, _MARKS[verdict], verdict if verdict != "unknown" else "connect-timeout at connect"),
            ],
        }
    ]
    for check, (good, bad) in _CHECKS.items():
        lacks = each["verdict"] == "unprotected"
        rows.append({
            "check": check,
            "runs": [
                _run(89, 80, "unwatched", ""),
                _run(79, 38, "has", good),
                _run(37, 30, "unmeasured", "connect-timeout at connect"),
                _run(29, 10, "less" if lacks else "has", bad if lacks else good),
                _run(9, 0, "lacks" if lacks else "has", bad if lacks else good),
            ],
        })
    return {
        "schema": 1,
        "domain": each["domain"],
        "first": str(_LAST - timedelta(days=89)),
        "last": str(_LAST),
        "watched_since": str(_LAST - timedelta(days=79)),
        "rows": rows,
    }


def _incident(number: int, each: Document) -> Document:
    return {
        "schema": 1,
        "id": f"0197f3a0-0000-7000-8000-00000000000{number}",
        "providers": [each["provider"]],
        "domains": [each["domain"]],
        "mx": f"mx.{each['domain']}",
        "family": "ipv4",
        "address": None,
        "check": "starttls",
        "before": {"value": "accepted", "at": "2026-11-10T08:00:00Z", "evidence": "ae8e67c0af" * 6 + "abcd"},
        "after": {"value": "not offered", "at": "2026-11-14T08:00:00Z", "evidence": "6d41bbd27a" * 6 + "abcd"},
        "since": "2026-11-14T08:00:00Z",
        "confirmed_at": "2026-11-14T08:31:00Z",
        "ended_at": None if number == 0 else "2026-11-15T10:00:00Z",
        "ended_by": None if number == 0 else "recovered",
        "attribution": "server",
        "vantages": ["lab"],
        "counts": True,
        "why": None,
        "muted": None,
        "reproduce": f"openssl s_client -starttls smtp -connect mx.{each['domain']}:25",
        "statements": [
            {"by": "operator", "name": "Example Observatory", "at": "2026-11-14T09:00:00Z", "markdown": "We told the provider **at once**."},
            {"by": "partner", "name": each["provider"], "at": "2026-11-14T12:00:00Z", "markdown": f"A *mistake* of ours. {HOSTILE}"},
        ],
    }


def _trends(domains: int) -> Document:
    names = ("starttls", "tls13", "forward_secrecy", "dane", "mta_sts", "post_quantum")
    days = [
        [(at, number) for number, at in enumerate(str(_LAST - timedelta(days=back)) for back in range(_DAYS - 1, -1, -1))] for _ in names
    ]
    def day(at: str, number: int, row: int) -> list[Any]:
        """Return a day: at first nobody looked, and for a week in between hardly anything could be measured."""
        if number < 10:
            return [at, 0, 0, 0]
        measured = domains // 4 if 47 <= number < 54 else domains - 3
        return [at, min(measured, 2 + row + number // 10), measured, domains]

    series = [
        {"name": name, "days": [day(at, number, row) for at, number in dated]}
        for row, (name, dated) in enumerate(zip(names, days, strict=True))
    ]
    return {"schema": 1, "first": days[0][0][0], "last": str(_LAST), "series": series}
