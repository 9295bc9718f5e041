"""Whatever is changed in what was published, a verification finds; and of what is as it should be, it finds nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtls.publication import Publication
from mailtls.publication.canonical import canonical, digest
from mailtls.publication.chain import Sealed, head_of, seal
from mailtls.publication.keys import named, pem
from mailtls.publication.report import Report, summary
from mailtls.publication.verifying import Verification, limit_of
from mailtls.site import api
from tests.site.sample import publication

NOW = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
PRIVATE = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2)]
KEYS = [named(key.public_key().public_bytes_raw()) for key in PRIVATE]

Files = dict[str, bytes]


def small(title: str = "Mail transport security") -> Publication:
    made = publication()
    few = dict(list(made.domains.items())[-3:])
    return replace(
        made, edition=made.edition | {"title": title}, domains=few, days={name: made.days[name] for name in few}, providers=made.providers[:1]
    )


class Site:
    """What a publisher has published."""

    def __init__(self) -> None:
        self.files: Files = {}
        self.sealed: list[Sealed] = []

    def publish(self, made: Publication, at: datetime, key: str | None = None) -> Site:
        sealed = seal(made, self.sealed[-1].manifest if self.sealed else None, at, key)
        self.sealed.append(sealed)
        number = sealed.link.number
        self.files |= {f"snapshots/objects/{name}.json": octets for name, octets in sealed.objects.items()}
        self.files |= {f"snapshots/{number}.json": sealed.manifest, "snapshots/head.json": head_of(sealed.manifest)}
        if sealed.signer is not None:
            self.files[f"snapshots/{number}.sig"] = PRIVATE[KEYS.index(sealed.signer)].sign(sealed.manifest)
            self.files["snapshots/key.pem"] = pem(sealed.signer)
        self.files |= {path: file.render() for path, file in api.files(made, sealed.link, stale=False).items()}
        return self


@cache
def _published() -> Site:
    site = Site()
    for number in range(3):
        site.publish(small(f"Title {number}"), NOW + number * HOUR, KEYS[0])
    return site


@pytest.fixture
def site() -> Site:
    site = Site()
    site.files, site.sealed = dict(_published().files), list(_published().sealed)
    return site


def verified(files: Files, since: str | None = None, key: str | None = None) -> Report:
    verification = Verification(since, key)
    while verification.wanted:
        verification.learn({path: None if (found := files.get(path)) is None else found[: limit_of(path) + 1] for path in verification.wanted})
    return verification.report


def wrong(report: Report) -> list[str]:
    return [f"{each.where}: {each.text}" for each in report.problems]


def test_what_is_as_it_should_be_is_verified(site: Site) -> None:
    report = verified(site.files, key=KEYS[0])
    assert wrong(report) == []
    assert (report.number, report.until, report.whole, report.thinned) == (3, 1, 3, 0)
    assert report.objects == sum(path.startswith("snapshots/objects/") for path in site.files)
    assert report.compared == 2 + 3 + 2 * 3 + 3 + 1
    assert (summary(report)[0], summary(report)[-1][:41]) == (
        "Snapshots 1 to 3, 3 in all, published from 2026-11-24T12:00:05Z to 2026-11-24T14:00:05Z.",
        "Snapshots 1 to 3: signed with the key of ",
    )


def test_what_nobody_signed_is_verified_too_and_says_so() -> None:
    report = verified(Site().publish(small(), NOW).files)
    assert wrong(report) == []
    assert summary(report)[-1] == "Snapshot 1: not signed."


def test_down_to_what_is_remembered_and_no_further(site: Site) -> None:
    for path in ("snapshots/1.sig", "snapshots/objects/" + json.loads(site.sealed[0].manifest)["objects"]["edition"] + ".json"):
        del site.files[path]
    report = verified(site.files, since=site.sealed[1].hash, key=KEYS[0])
    assert wrong(report) == []
    assert sorted(report.snapshots) == [2, 3]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_any_snapshot_may_be_the_one_that_is_remembered(site: Site, number: int) -> None:
    assert wrong(verified(site.files, since=site.sealed[number - 1].hash, key=KEYS[0])) == []


def test_a_truncated_chain_is_found_by_whoever_remembers_a_head(site: Site) -> None:
    shorter = Site()
    for number in range(2):
        shorter.publish(small(f"Title {number}"), NOW + number * HOUR, KEYS[0])
    assert wrong(verified(shorter.files)) == []  # nobody else can
    (found,) = wrong(verified(shorter.files, since=site.sealed[2].hash))
    assert found == f"the chain: the snapshot with hash {site.sealed[2].hash} is not in it: the chain was truncated, or is another one"


def test_a_history_written_anew_is_found_by_whoever_remembers_a_head(site: Site) -> None:
    forked = Site().publish(small("Title 0"), NOW, KEYS[0])
    for number in (1, 2, 3):
        forked.publish(small(f"Never was {number}"), NOW + number * HOUR, KEYS[0])
    assert wrong(verified(forked.files)) == []
    assert "is not in it" in wrong(verified(forked.files, since=site.sealed[1].hash))[0]
    assert wrong(verified(forked.files, since=site.sealed[0].hash)) == []


def test_a_link_of_another_chain_is_none_of_this(site: Site) -> None:
    forked = Site().publish(small("Title 0"), NOW, KEYS[0]).publish(small("Never was"), NOW + HOUR, KEYS[0])
    site.files |= {path: forked.files[path] for path in ("snapshots/2.json", "snapshots/2.sig")}
    assert wrong(verified(site.files))[0].startswith("snapshots/2.json: it is not what snapshot 3 names")


def test_a_missing_link_is_found_and_nothing_before_it_is_vouched_for(site: Site) -> None:
    del site.files["snapshots/2.json"]
    report = verified(site.files)
    assert wrong(report) == ["snapshots/2.json: it is missing; what is before it is vouched for by nothing"]
    assert sorted(report.snapshots) == [3]


def test_a_former_head_is_found_by_whoever_remembers_a_newer_one(site: Site) -> None:
    site.files["snapshots/head.json"] = head_of(site.sealed[1].manifest)
    assert "is not in it" in "".join(wrong(verified(site.files, since=site.sealed[2].hash)))


def test_a_signature_of_another_snapshot_or_none_is_found(site: Site) -> None:
    site.files["snapshots/2.sig"] = site.files["snapshots/1.sig"]
    del site.files["snapshots/1.sig"]
    found = wrong(verified(site.files))
    assert [each[:40] for each in found] == ["snapshots/2.sig: it is no signature of t", "snapshots/1.sig: it is missing: the snap"]


def test_whoever_has_no_key_cannot_go_on_with_a_signed_chain(site: Site) -> None:
    unsigned = seal(small("Forged"), site.sealed[-1].manifest, NOW + 3 * HOUR, None)
    site.files |= {"snapshots/4.json": unsigned.manifest, "snapshots/head.json": head_of(unsigned.manifest)}
    site.files |= {f"snapshots/objects/{name}.json": octets for name, octets in unsigned.objects.items()}
    assert wrong(verified(site.files))[0] == "snapshots/4.sig: it is missing: the snapshot has to be signed"
    site.files["snapshots/4.sig"] = PRIVATE[1].sign(unsigned.manifest)
    site.files["snapshots/key.pem"] = pem(KEYS[1])
    assert "it is no signature of this snapshot by the key with SHA-256" in wrong(verified(site.files))[0]


def test_a_new_key_is_believed_since_the_old_one_signed_what_names_it(site: Site) -> None:
    site.publish(small("Handed over"), NOW + 3 * HOUR, KEYS[1]).publish(small("New key"), NOW + 4 * HOUR, KEYS[1])
    for key in (None, *KEYS):
        assert wrong(verified(site.files, key=key)) == []
    lines = summary(verified(site.files))[-2:]
    assert [line[:21] for line in lines] == ["Snapshots 1 to 4: sig", "Snapshot 5: signed wi"]


def test_another_key_than_the_one_that_is_known_is_found(site: Site) -> None:
    (found,) = wrong(verified(site.files, key=KEYS[1]))
    assert found.startswith("the signature: no snapshot is signed with the key that you know, SHA-256 ")
    unsigned = Site().publish(small(), NOW)
    assert wrong(verified(unsigned.files, key=KEYS[0])) == ["the signature: the last snapshot is not vouched for by a signature"]


def test_another_key_file_is_found(site: Site) -> None:
    site.files["snapshots/key.pem"] = pem(KEYS[1])
    assert wrong(verified(site.files)) == ["snapshots/key.pem: it is not the key that has to have signed the last snapshot"]


def test_a_document_of_the_api_that_says_something_else_is_found(site: Site) -> None:
    path = "api/v1/domains/hostile.example.json"
    document = json.loads(site.files[path])
    site.files[path] = canonical(document | {"verdict": "forged"})
    assert wrong(verified(site.files)) == [f"{path}: it does not say what the last snapshot says"]
    site.files[path] = canonical(document | {"praise": "excellent"})
    assert wrong(verified(site.files)) == [f"{path}: it does not say what the last snapshot says"]
    del site.files[path]
    assert wrong(verified(site.files)) == [f"{path}: it is missing"]


@pytest.mark.parametrize("name", ["providers", "domains", "incidents"])
def test_a_list_that_leaves_out_or_adds_something_is_found(site: Site, name: str) -> None:
    path = f"api/v1/{name}.json"
    listed = json.loads(site.files[path])
    for change in ({name: listed[name][1:]}, {name: [*listed[name], {}]}, {"as_of": "2026-11-25T12:00:00Z"}):
        assert wrong(verified(site.files | {path: canonical(listed | change)})) == [f"{path}: it does not say what the last snapshot says"]


def test_an_edition_that_claims_another_place_in_the_chain_is_found(site: Site) -> None:
    edition = json.loads(site.files["api/v1/edition.json"])
    for change in ({"number": 4}, {"hash": "0" * 64}, {"key": None}, {"more": 1}):
        forged = canonical(edition | {"snapshot": edition["snapshot"] | change})
        assert len(wrong(verified(site.files | {"api/v1/edition.json": forged}))) == 1


def test_one_is_not_true(site: Site) -> None:
    site.files["api/v1/edition.json"] = canonical(json.loads(site.files["api/v1/edition.json"]) | {"blind": 0})
    assert len(wrong(verified(site.files))) == 1


def test_while_the_next_one_is_being_written_nobody_cries_wolf(site: Site) -> None:
    head = site.files["snapshots/head.json"]
    site.publish(small("Next"), NOW + 3 * HOUR, KEYS[0])
    report = verified(site.files | {"snapshots/head.json": head})
    assert wrong(report) == []
    assert report.remarks == ["snapshot 4 is being written: its documents are there already"]
    path = "api/v1/domains/hostile.example.json"
    forged = {"snapshots/head.json": head, path: canonical(json.loads(site.files[path]) | {"verdict": "forged"})}
    assert wrong(verified(site.files | forged)) == [f"{path}: it does not say what the last snapshot says"]


@cache
def _thinned() -> Site:
    site = Site()
    for number in range(12 * 4):
        site.publish(small(f"Title {number}"), NOW + number * timedelta(hours=6))
    return site


def test_of_old_snapshots_all_but_the_last_of_a_day_may_have_lost_their_objects() -> None:
    site = _thinned()
    editions = [json.loads(each.manifest)["objects"]["edition"] for each in site.sealed]
    thinned = [number for number in range(1, 48) if number <= 20 and number % 4 != 2]
    gone = {f"snapshots/objects/{editions[number - 1]}.json" for number in thinned}
    report = verified({path: octets for path, octets in site.files.items() if path not in gone})
    assert wrong(report) == []
    assert (report.whole, report.thinned) == (33, 15)
    for number in (22, 2):  # the first of the last seven days; the last of its day
        lost = f"snapshots/objects/{editions[number - 1]}.json"
        assert wrong(verified({path: octets for path, octets in site.files.items() if path not in gone | {lost}})) == [
            f"snapshot {number}: the object {editions[number - 1]} is missing"
        ]


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"[" * 4000, b"[]", b"null", b'{"number":1}', b"{" * 100, b"\xff", b" " * 5000,
        canonical({"number": 10**9, "hash": "0" * 64}),
        canonical({"number": True, "hash": "0" * 64}),
        canonical({"number": 0, "hash": "0" * 64}),
        canonical({"number": 3, "hash": "A" * 64}),
        b'{"number":1,"number":3,"hash":"' + b"0" * 64 + b'"}',
        b'{"number":' + b"9" * 3000 + b',"hash":"' + b"0" * 64 + b'"}',
    ],
)  # fmt: skip
def test_a_head_that_is_none_is_found(site: Site, octets: bytes) -> None:
    (found,) = wrong(verified(site.files | {"snapshots/head.json": octets}))
    assert found.startswith("snapshots/head.json: ")
    assert summary(verified({})) == ["Nothing could be verified."]


def forged(change: dict) -> Files:
    """Return a chain of one snapshot whose manifest says what its maker wants, and which is hashed rightly."""
    site = Site().publish(small(), NOW)
    manifest = canonical(json.loads(site.sealed[0].manifest) | change)
    head = {"schema": 1, "number": 1, "hash": digest(manifest), "published_at": "2026-11-24T12:00:05Z"}
    return site.files | {"snapshots/1.json": manifest, "snapshots/head.json": canonical(head)}


@pytest.mark.parametrize("change", [{"number": 2, "previous": "0" * 64}, {"objects": {}}, {"published_at": 7}, {"key": "x"}, {"schema": 9}])
def test_a_manifest_that_is_hashed_rightly_and_makes_no_sense_is_found(change: dict) -> None:
    assert wrong(verified(forged(change)))[0].startswith("snapshots/1.json: ")


def test_a_manifest_may_not_be_huge() -> None:
    assert "more than 262,144 octets" in wrong(verified(forged({"x": "y" * 300_000})))[0]


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("domains", b"[" * 70 + b"]" * 70),
        ("domains", b'{"a":1}'),
        ("domains", b'{"../../etc/passwd":"%s"}'),
        ("days", b"[]"),
        ("times", b"{}"),
        ("times", canonical({"domains": 7, "providers": [["t", 10**15]], "window": None})),
        ("days", b'{"a.example":"%s"}'),
        ("edition", b"[]"),
        ("edition", b"7"),
        ("incidents", b'[7,{"id":"../x"}]'),
        ("incidents", b"7"),
        ("providers", b"NaN"),
        ("trends", b"{"),
    ],
)
def test_objects_that_are_hashed_rightly_and_make_no_sense_are_found(name: str, octets: bytes) -> None:
    octets = octets.replace(b"%s", digest(b"{}").encode())
    named = json.loads(Site().publish(small(), NOW).sealed[0].manifest)["objects"] | {name: digest(octets)}
    files = forged({"objects": named}) | {f"snapshots/objects/{digest(each)}.json": each for each in (octets, b"{}")}
    assert wrong(verified(files)) != []


def test_a_window_that_is_none_is_found() -> None:
    site = Site().publish(small(), NOW)
    named = json.loads(site.sealed[0].manifest)["objects"]
    times = json.loads(site.sealed[0].objects[named["times"]])
    for window in (["a"], ["a", "b", "c"], 7, None, "ab"):
        octets = canonical(times | {"window": window})
        files = forged({"objects": named | {"times": digest(octets)}}) | {f"snapshots/objects/{digest(octets)}.json": octets}
        assert wrong(verified(files)) != []


def test_no_path_is_asked_for_that_leads_elsewhere() -> None:
    odd = small()
    domains = {"../../../etc/passwd": {"a": 1}, "a/b": {}, "x": {}}
    odd = replace(odd, domains=domains, incidents=({"id": "../x"},), providers=({"slug": "\x1b[31m"},))
    sealed = seal(odd, None, NOW)
    files = {"snapshots/1.json": sealed.manifest, "snapshots/head.json": head_of(sealed.manifest)}
    files |= {f"snapshots/objects/{name}.json": octets for name, octets in sealed.objects.items()}
    asked = []
    verification = Verification()
    while verification.wanted:
        asked += verification.wanted
        verification.learn({path: files.get(path) for path in verification.wanted})
    assert not [path for path in asked if ".." in path or not path.isprintable() or path.startswith("/")]
    assert "the last snapshot: it names what can be no file: \\x1b[31m" in wrong(verification.report)


def test_of_problems_without_end_some_are_told(site: Site) -> None:
    files = {path: octets + b" " if "/objects/" in path else octets for path, octets in _thinned().files.items()}
    assert 1 < len(verified(files).problems) <= 100


CHAINED = sorted(path for path in _published().files if path.startswith("snapshots/"))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_octet_that_is_changed_anywhere_is_found(data: st.DataObject) -> None:
    files = dict(_published().files)
    path = data.draw(st.sampled_from(CHAINED))
    octets = bytearray(files[path])
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    assert wrong(verified(files | {path: bytes(octets)})) != []


@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from(CHAINED), end=st.integers(0, 40))
def test_any_file_that_is_cut_or_gone_is_found(path: str, end: int) -> None:
    files = dict(_published().files)
    cut = files.pop(path)[:-end] if end else files.pop(path)
    assert wrong(verified(files)) != []
    assert wrong(verified(files | {path: cut})) != [] or not end
    assert wrong(verified(files | {path: cut + b"\n "})) != []
