"""The contract of history in a store, whatever the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

from remembered import NOW, PLACE
from sqlalchemy import func, select

from mailtls.evidence import Exchange, Handshake, Offer, ProbeEvidence, Purpose, ScanEvidence
from mailtls.model import Endpoint, Stage
from mailtls.store import exhibits
from mailtls.store.database import Store
from mailtls.store.engine import reading
from mailtls.store.schema import blobs, evidence, metadata, outcomes, states
from mailtls.tracking.changes import Subject
from mailtls.tracking.history import CONCLUSIVE, Run
from mailtls.tracking.journal import Entry

ENDPOINT = Subject(host="mx1.example", family="ipv4", address="192.0.2.1:25")
HOST = Subject("a.example", "mx1.example")
DOMAIN = Subject("a.example")
HOUR = timedelta(hours=1)
NEVER = "rate-limited at greeting"
LEAF, ISSUER = b"a leaf" * 100, b"an issuer" * 100


def scan(hours: int = 0, leaf: bytes = LEAF) -> ScanEvidence:
    at = NOW + hours * HOUR
    exchange = Exchange(Stage.GREETING, b"", b"220 mx1.example\r\n", 0.0, 0.1)
    probe = ProbeEvidence(Offer(), at, (exchange,), Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", (leaf, ISSUER)))
    return ScanEvidence(Endpoint("mx1.example", ip_address("192.0.2.1")), Purpose.QUICK, at, (probe,))


def entry(hours: float, subject: Subject = ENDPOINT, **values: str) -> Entry:
    return Entry(subject, NOW + hours * HOUR, values)


async def told(store: Store, subject: Subject = ENDPOINT) -> list[tuple[str, str, float, float, float | None]]:
    (story,) = [story for story in await store.stories("a.example") if story.subject == subject]
    hours = [(each.first_seen, each.last_seen, each.ended_at) for each in story.states]
    return [
        (each.fact, each.value, *(None if at is None else (at - NOW) / HOUR for at in moments))  # type: ignore[misc]
        for each, moments in zip(story.states, hours, strict=True)
    ]


async def known(store: Store) -> None:
    await store.record(PLACE, [entry(0, DOMAIN, null_mx="false"), entry(0, HOST, dane='"none"')], NOW)


async def count(store: Store, table) -> int:
    def counted(engine) -> int:
        with reading(engine) as connection:
            return connection.scalar(select(func.count()).select_from(table))

    return await store.run(counted)


async def test_a_state_lasts_from_when_it_was_seen_first_to_when_it_was_seen_last(store: Store) -> None:
    await known(store)
    await store.record(PLACE, [entry(0, starttls="true", key="2048")], NOW)
    await store.record(
        PLACE, [replace(entry(2, starttls="false"), renewed={"starttls": ("true", NOW + HOUR), "key": ("2048", NOW + HOUR)})], NOW
    )
    assert await told(store) == [
        ("starttls", "true", 0, 1, 2),
        ("key", "2048", 0, 1, None),
        ("starttls", "false", 2, 2, None),
    ]


async def test_what_a_new_process_sees_as_it_was_begins_nothing(store: Store) -> None:
    await known(store)
    await store.record(PLACE, [entry(0, key="2048")], NOW)
    await store.record(PLACE, [entry(3, key="2048")], NOW)
    assert await told(store) == [("key", "2048", 0, 3, None)]


async def test_what_another_process_changed_meanwhile_is_told_in_order(store: Store) -> None:
    await known(store)
    await store.record(PLACE, [entry(0, key="2048")], NOW)
    await store.record(PLACE, [entry(1, key="4096")], NOW)  # by the other
    await store.record(PLACE, [Entry(ENDPOINT, NOW + 2 * HOUR, renewed={"key": ("2048", NOW + 2 * HOUR)})], NOW)
    assert [state[1:] for state in await told(store)] == [("2048", 0, 0, 1), ("4096", 1, 1, 2), ("2048", 2, 2, None)]


async def test_a_clock_that_ran_ahead_holds_no_state_up_until_then(store: Store) -> None:
    await known(store)
    years = 24 * 365 * 4
    await store.record(PLACE, [entry(years, starttls="true", key="2048")], NOW + years * HOUR)
    await store.record(PLACE, [entry(1, starttls="false", key="2048")], NOW + HOUR)
    assert [(fact, value, round(first, 3), ended) for fact, value, first, _, ended in await told(store)] == [
        ("starttls", "true", 1, 1),
        ("key", "2048", 1, None),
        ("starttls", "false", 1, None),
    ]


async def test_a_long_value_is_kept_once_however_many_have_it(store: Store) -> None:
    await known(store)
    value = '"' + "x" * 5000 + '"'
    other = replace(ENDPOINT, address="192.0.2.2:25")
    await store.record(PLACE, [entry(0, suites=value), entry(0, other, suites=value)], NOW)
    await store.record(PLACE, [entry(1, suites=value)], NOW)
    assert await told(store) == [("suites", value, 0, 1, None)]
    assert await count(store, blobs) == 1


async def test_evidence_of_the_beginning_and_of_the_last_before_the_end_is_kept_and_certificates_once(store: Store) -> None:
    await known(store)
    first, last, other = scan(0), scan(1), scan(2, b"another leaf" * 90)
    await store.record(PLACE, [replace(entry(0, starttls="true", leaf='"1"'), evidence=first)], NOW)
    await store.record(PLACE, [replace(entry(2, leaf='"2"'), evidence=other, before=last)], NOW)
    (story,) = [story for story in await store.stories("a.example") if story.subject == ENDPOINT]
    ended = next(state for state in story.states if state.ended_at is not None)
    begun = story.states[-1]
    for name, expected in ((ended.evidence, first), (ended.last_evidence, last), (begun.evidence, other)):
        assert await store.find_evidence(name) == (name, expected)
        assert await store.find_evidence(name[:9]) == (name, expected)
    assert await store.find_evidence("0123456789") is None

    async def about(hours: int, *vantages: str) -> tuple[str, str]:
        def asked(engine) -> tuple[str, str]:
            with reading(engine) as connection:
                return exhibits.about(connection, vantages, NOW + hours * HOUR)

        return await store.run(asked)

    assert await about(2, "nyc1", PLACE) == (ended.last_evidence, begun.evidence)
    assert await about(2, "nyc1") == await about(3, PLACE) == ("", "")
    assert (await count(store, evidence), await count(store, blobs)) == (3, 3)


async def test_runs_go_on_over_entries_and_end_where_the_outcome_is_another(store: Store) -> None:
    await known(store)
    for hours, run in enumerate([CONCLUSIVE, CONCLUSIVE, NEVER, CONCLUSIVE]):
        at = NOW + hours * HOUR
        await store.record(PLACE, [Entry(ENDPOINT, at, runs={"quick": (Run(run, at, at, 4),)})], NOW)
    (story,) = [story for story in await store.stories("a.example") if story.subject == ENDPOINT]
    assert [(run.outcome, (run.first - NOW) / HOUR, (run.last - NOW) / HOUR, run.count) for run in story.runs["quick"]] == [
        (CONCLUSIVE, 0, 1, 8), (NEVER, 2, 2, 4), (CONCLUSIVE, 3, 3, 4),
    ]  # fmt: skip
    assert await count(store, outcomes) == 2


async def test_old_visits_are_folded_to_days_and_counted_together(store: Store) -> None:
    await known(store)
    at = NOW
    for run in (CONCLUSIVE, NEVER, CONCLUSIVE, NEVER, CONCLUSIVE):
        await store.record(PLACE, [Entry(ENDPOINT, at, runs={"quick": (Run(run, at, at, 2),)})], NOW)
        at += HOUR
    assert await store.tidy(NOW - 400 * 24 * HOUR, NOW + 2 * HOUR) == 2
    assert await store.tidy(NOW - 400 * 24 * HOUR, NOW + 90 * HOUR) == 2
    (story,) = [story for story in await store.stories("a.example") if story.subject == ENDPOINT]
    assert story.days == {"2026-11-24": {CONCLUSIVE: 4, NEVER: 4}}
    assert story.runs["quick"] == (Run(CONCLUSIVE, NOW + 4 * HOUR, NOW + 4 * HOUR, 2),)


async def test_what_ended_before_retention_is_deleted_with_its_evidence_and_what_is_current_stays(store: Store) -> None:
    await known(store)
    await store.record(PLACE, [replace(entry(0, key="1", name="7"), evidence=scan(0))], NOW)
    await store.record(PLACE, [replace(entry(2, key="2"), evidence=scan(2, b"new" * 99), before=scan(1, b"old" * 99))], NOW)
    await store.record(
        PLACE, [replace(entry(4, key="3"), evidence=scan(4, b"newest" * 99), before=scan(3, b"new" * 99))], NOW + 4 * HOUR
    )
    await store.record(PLACE, [entry(4, DOMAIN, null_mx="false"), entry(4, HOST, dane='"none"')], NOW)
    assert await store.tidy(NOW + 3 * HOUR, NOW) > 0
    assert [(fact, value) for fact, value, *_ in await told(store)] == [("name", "7"), ("key", "2"), ("key", "3")]
    assert (await count(store, evidence), await count(store, blobs)) == (
        4,
        4,
    )  # the scan at 0 still shows the name; that at 1 is gone
    assert await store.tidy(NOW + 3 * HOUR, NOW) == 0


async def test_a_subject_that_nobody_has_seen_for_as_long_is_forgotten_whole(store: Store) -> None:
    await known(store)
    await store.record(PLACE, [replace(entry(0, key="1"), evidence=scan(0))], NOW)
    await store.tidy(NOW + HOUR, NOW + HOUR)
    assert await store.stories("a.example") == ()
    assert [await count(store, metadata.tables[name]) for name in ("subjects", "states", "evidence", "blobs")] == [0, 0, 0, 0]


async def test_another_domain_or_host_of_a_similar_name_has_its_own_story(store: Store) -> None:
    await known(store)
    others = [
        Subject("a.example.org"),
        Subject("aa.example"),
        replace(ENDPOINT, host="mx1.example.org"),
        replace(ENDPOINT, host="amx1.example"),
    ]
    await store.record(PLACE, [entry(0, subject, key="1") for subject in (*others, ENDPOINT)], NOW)
    await store.record("nyc1", [entry(0, key="2")], NOW)
    found = [(story.vantage, story.subject) for story in await store.stories("a.example")]
    assert found == [(PLACE, DOMAIN), (PLACE, HOST), (PLACE, ENDPOINT), ("nyc1", ENDPOINT)]
    assert [story.vantage for story in await store.stories("a.example", vantage="nyc1")] == []  # whose domain nyc1 does not watch


async def test_what_ended_long_ago_is_left_out_on_demand(store: Store) -> None:
    await known(store)
    for hours in range(3):
        await store.record(PLACE, [entry(hours, key=str(hours))], NOW)
    found = await store.stories("a.example", since=NOW + 1.5 * HOUR)
    assert [state.value for state in found[-1].states] == ["1", "2"]
    assert await count(store, states) == 5
