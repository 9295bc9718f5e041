"""``mailtls history``: what it prints for people and for programs, and how it ends; it reads the store, and asks nobody on the network."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mailtls import facts
from mailtls.cli import app
from mailtls.evidence import Exchange, Offer, ProbeEvidence, Purpose, RouteEvidence, ScanEvidence
from mailtls.model import Absent, Cause, Endpoint, Known, Reading, Stage
from mailtls.policy.past import grades_over_time, observed_at
from mailtls.policy.shipped import shipped
from mailtls.store.book import begin, enter, note
from mailtls.store.database import Store
from mailtls.store.engine import writing
from mailtls.tracking.changes import Change, Subject
from mailtls.tracking.held_back import HeldBack
from mailtls.tracking.history import CONCLUSIVE, NOT_KEPT, Seen, State, Story, canonical
from mailtls.tracking.history import Purpose as What
from mailtls.tracking.journal import Journal
from mailtls.tracking.standing import Event, Sighting, Standing

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
NEVER = "rate-limited at greeting"
DOMAIN, HOST = Subject("a.example"), Subject("a.example", "mx1.example")
ADDRESS = Subject(host="mx1.example", family="ipv4", address="192.0.2.1:25")
EVIL = "PLAIN \x1b[31m[bold]\u202e\nforged"


def scan(at: datetime) -> ScanEvidence:
    visit = ProbeEvidence(Offer(), at, (Exchange(Stage.GREETING, b"", b"220 mx1 \x1b[2Jready\r\n", 0.0, 0.1),))
    return ScanEvidence(Endpoint("mx1.example", ip_address("192.0.2.1")), Purpose.QUICK, at, (visit,))


def seen(number: int, subject: Subject = ADDRESS, outcome: str = CONCLUSIVE, **readings: Reading[object]) -> Seen:
    at = NOW + number * QUARTER
    purpose = What.QUICK if subject is ADDRESS else What.LOOK
    route = RouteEvidence("a.example", None, began=at)
    return Seen(subject, at, readings, purpose, outcome if subject != HOST else "", scan(at) if subject is ADDRESS else route)


def story() -> list[Seen]:
    """Tell of a server that cannot be measured for an hour, and then has lost STARTTLS."""
    good = {"starttls_offered": Known(True), "starttls_accepted": Known(True), "ehlo_keywords": Known([EVIL, "STARTTLS"])}
    bad: dict[str, Reading[object]] = {fact.name: Absent() for fact in facts.ENDPOINT if fact.name not in NOT_KEPT}
    bad |= {"starttls_offered": Known(False), "ehlo_keywords": Known([EVIL])}
    told = [seen(0, DOMAIN, mx_records=Known([{"host": "mx1.example", "preference": 10}])), seen(0, HOST, dane=Known("none"))]
    told += [seen(0, **good), seen(1, **good)]
    told += [seen(number, outcome=NEVER) for number in range(2, 7)]
    return [*told, seen(7, **bad), seen(8, **bad)]


def happen(engine) -> None:
    """Write down what became of the host as a whole, which a second domain uses as well."""
    good, bad = Sighting(NOW, 1, "accepted"), Sighting(NOW + 7 * QUARTER, 0, "not offered")
    lost = Change(bad.at, Subject(host="mx1.example", family="ipv4"), "starttls", Event.CONFIRMED, good, bad)
    with writing(engine) as connection:
        note(connection, [lost, replace(lost, vantage="fra1"), replace(lost, subject=Subject(host="mx2.example", family="ipv4"))])


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Name a configuration whose store holds the story."""
    url = f"sqlite:///{tmp_path}/mailtls.db"

    async def write() -> None:
        store = await Store.open(url)
        journal = Journal()
        entries = [entry for each in story() if (entry := journal.note(each)) is not None]
        await store.record("fra1", [*entries, *journal.rest()], NOW)
        await store.run(happen)
        await store.close()

    asyncio.run(write())
    path = tmp_path / "mailtls.yaml"
    path.write_text(f"storage: {{url: '{url}'}}\nproviders: [{{name: A, domains: [a.example]}}]\n")
    return path


def ran(settings: Path, *arguments: str, domain: str = "a.example", columns: int = 80) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["history", domain, "--config.file", str(settings), *arguments])


def test_it_tells_domain_host_and_address_in_order_and_what_could_not_be_measured(settings: Path) -> None:
    result = ran(settings)
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.output.splitlines()]
    places = [lines.index(text) for text in ("the domain itself", "mx1.example", "192.0.2.1:25")]
    assert places == sorted(places)
    silent = lines.index("2026-11-20 08:30  ? to 09:30: 5 quick visits could not decide:")
    assert lines[silent + 1] == "rate-limited at greeting"
    assert "2026-11-20 09:45  ehlo_keywords" in lines[silent:]
    assert "starttls_offered  yes -> no" in lines[silent:]
    assert "last seen 2026-11-20 10:00; 4 of 9 visits could decide" in lines


def test_what_became_of_a_host_as_a_whole_is_told_with_each_domain_that_uses_it(settings: Path) -> None:
    lines = [line.strip() for line in ran(settings).output.splitlines()]
    whole = lines.index("ipv4, the weakest of its addresses")
    assert lines[whole + 1] == "2026-11-20 09:45  confirmed starttls: accepted -> not offered"
    assert lines.index("mx1.example") < whole < lines.index("192.0.2.1:25")
    assert "mx2.example" not in lines
    told = json.loads(ran(settings, "--format", "json").output)
    (host,) = [each for each in told["subjects"] if each["family"] and not each["address"]]
    assert (host["host"], host["family"], [each["check"] for each in host["changes"]]) == ("mx1.example", "ipv4", ["starttls"] * 2)
    rows = csv.DictReader(io.StringIO(ran(settings, "--format", "csv").output))
    assert [(row["host"], row["family"], row["name"]) for row in rows if row["kind"] == "change"] == [("mx1.example", "ipv4", "starttls")] * 2


@pytest.mark.parametrize("columns", [80, 120])
def test_what_comes_from_the_wire_is_escaped_and_no_line_is_wider_than_the_terminal(settings: Path, columns: int) -> None:
    output = ran(settings, "--all", columns=columns).output
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert not any(line.startswith("forged") for line in output.splitlines())
    assert max(map(len, output.splitlines())) <= columns


def test_nothing_known_ends_with_3_wrong_usage_with_2_and_a_bad_configuration_with_1(settings: Path, tmp_path: Path) -> None:
    assert ran(settings, domain="b.example").exit_code == 3
    assert ran(settings, "--vantage", "nyc1").exit_code == 3
    assert ran(settings, "--since", "tomorrow").exit_code == 2
    assert ran(settings, "--policy", "rfc9326").exit_code == 2
    assert ran(settings, "--evidence", "xyz").exit_code == 2
    assert ran(settings, "--evidence", "0123456789").exit_code == 3
    assert ran(tmp_path / "none.yaml").exit_code == 1
    settings.write_text(f"storage: {{url: 'sqlite:///{tmp_path}/other.db'}}\n" + settings.read_text().split("\n", 1)[1])
    assert ran(settings).exit_code == 1
    assert not (tmp_path / "other.db").exists()


def test_a_domain_that_no_provider_has_is_told_so_with_the_one_that_may_be_meant(settings: Path) -> None:
    accepted = CliRunner().invoke(app, ["accept", "a.exampl", "starttls", "--why", "so", "--config.file", str(settings)])
    for result in (ran(settings, domain="a.exampl"), accepted):
        assert result.exit_code == 3
        assert result.stderr.endswith("no provider of the configuration has it; did you mean a.example?\n")


def test_reading_and_accepting_leave_the_tables_of_an_older_daemon_alone_and_end_with_1(settings: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mailtls.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0005'")
    accepted = CliRunner().invoke(app, ["accept", "a.example", "starttls", "--why", "so", "--config.file", str(settings)])
    for result in (ran(settings), accepted):
        assert result.exit_code == 1
        assert "older version (0005)" in result.stderr
    with sqlite3.connect(tmp_path / "mailtls.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0005",)


def test_json_has_every_state_with_its_times_and_evidence(settings: Path) -> None:
    told = json.loads(ran(settings, "--format", "json").output)
    assert (told["schema"], told["domain"]) == (1, "a.example")
    address = told["subjects"][-1]
    offered = [state for state in address["states"] if state["fact"] == "starttls_offered"]
    assert [state["reading"] for state in offered] == [{"state": "known", "value": True}, {"state": "known", "value": False}]
    assert offered[0]["last_seen"] == "2026-11-20T08:15:00.000000Z"
    assert offered[0]["ended_at"] == offered[1]["first_seen"] == "2026-11-20T09:45:00.000000Z"
    assert offered[0]["last_evidence"] != offered[1]["evidence"]
    assert {
        "purpose": "quick",
        "outcome": NEVER,
        "first": "2026-11-20T08:30:00.000000Z",
        "last": "2026-11-20T09:30:00.000000Z",
        "count": 5,
    } in address["outcomes"]


def test_csv_has_a_line_for_each_state_and_each_run(settings: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(ran(settings, "--format", "csv").output)))
    states = [row for row in rows if row["kind"] == "state"]
    assert len(states) == 2 + 3 + len([fact for fact in facts.ENDPOINT if fact.name not in NOT_KEPT])
    assert [row["count"] for row in rows if row["value"] == NEVER] == ["5"]


def test_evidence_of_a_state_is_shown_escaped_with_a_way_to_see_it_again(settings: Path) -> None:
    told = json.loads(ran(settings, "--format", "json").output)
    for subject, words in ((-1, "openssl s_client -starttls smtp -connect 192.0.2.1:25"), (0, "a.example  looked up 2026-11-20")):
        name = told["subjects"][subject]["states"][-1]["evidence"]
        output = ran(settings, "--evidence", name[:10]).output
        assert words in output
        assert "\x1b" not in output


def test_what_ended_before_a_time_is_left_out(settings: Path) -> None:
    output = ran(settings, "--since", "2026-11-20T09:50Z").output
    assert "yes -> no" not in output
    assert "rate-limited" not in output


def test_the_past_is_graded_again_by_another_policy(settings: Path) -> None:
    output = ran(settings, "--policy", "pledge-2013").output
    assert "grade by pledge-2013" in output
    assert "2026-11-20 09:45  insufficient" in output
    told = json.loads(ran(settings, "--policy", "pledge-2013", "--format", "json").output)
    assert [(grade["at"][:16], grade["level"]) for grade in told["grades"]["fra1"]] == [
        ("2026-11-20T08:00", None),
        ("2026-11-20T09:45", "insufficient"),
    ]


# Re-grading, by itself.


def state(fact: str, reading: Reading[object], first: int, last: int, ended: int | None = None) -> State:
    return State(
        fact,
        canonical(fact, reading),
        *(NOW + n * QUARTER for n in (first, last)),
        None if ended is None else NOW + ended * QUARTER,
    )


RECORDS = state("mx_records", Known([{"host": "mx1.example", "preference": 10}]), 0, 9)


def past(*states: State) -> Sequence[Story]:
    return [Story("fra1", DOMAIN, (RECORDS,)), Story("fra1", ADDRESS, states)]


def test_a_moment_of_the_past_has_the_readings_that_stood_then_and_the_rest_is_unknown() -> None:
    told = past(state("starttls_offered", Known(True), 0, 3, 5), state("starttls_offered", Known(False), 5, 9))
    for number, expected in ((0, Known(True)), (4, Known(True)), (5, Known(False)), (9, Known(False))):
        (host,) = observed_at("a.example", told, NOW + number * QUARTER).hosts
        assert host.endpoints[0].readings["starttls_offered"] == expected
        unknown = host.endpoints[0].readings["negotiated"]
        assert getattr(unknown, "cause", None) is Cause.NOT_ATTEMPTED


def test_what_was_not_seen_for_long_is_not_said_any_more() -> None:
    told = past(state("starttls_offered", Known(True), 0, 1))
    assert observed_at("a.example", told, NOW + timedelta(days=2)).hosts[0].endpoints
    assert not observed_at("a.example", told, NOW + timedelta(days=9)).hosts
    assert observed_at("a.example", told, NOW + timedelta(days=9)).unresolved is not None


def test_a_grade_is_told_once_for_as_long_as_it_stands() -> None:
    nothing = [state(fact.name, Absent(), 0, 9) for fact in facts.ENDPOINT if fact.name != "esmtp"]
    told = past(*nothing, state("esmtp", Known(True), 2, 9))
    found = list(grades_over_time("a.example", told, shipped("pledge-2013")))
    assert [past.at for past in found] == [NOW]
    assert found[0].grade.level is not None
    assert list(grades_over_time("a.example", told, shipped("pledge-2013"), NOW + timedelta(days=1))) == []


def hold(engine) -> None:
    """Hold back a loss of the address and of its host, and one of another domain's."""
    good, bad = Sighting(NOW, 1, EVIL), Sighting(NOW + 8 * QUARTER, 0, f"not {EVIL}")
    held = Standing(baseline=good, latest=good, held_back=HeldBack(bad, bad))
    believed = replace(held, held_back=HeldBack(bad, bad, elsewhere=True))
    family = Subject(host="mx1.example", family="ipv4")
    other = Subject(host="mx2.example", family="ipv4")
    kept = {(ADDRESS, "starttls"): held, (family, "starttls"): held, (ADDRESS, "dane"): believed, (other, "starttls"): held}
    with writing(engine) as connection:
        enter(connection, begin(connection, "fra1", 0, NOW), kept, ())


def test_what_is_held_back_now_has_a_line_of_its_own(settings: Path, tmp_path: Path) -> None:
    async def write() -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/mailtls.db")
        await store.run(hold)
        await store.close()

    asyncio.run(write())
    output = ran(settings, columns=200).output
    lines = [line for line in output.splitlines() if "held back" in line]
    assert len(lines) == 2
    assert all(" 10:00  held back starttls: PLAIN " in line and "(local)" in line for line in lines)
    assert "\x1b" not in output
    told = json.loads(ran(settings, "--format", "json").output)["subjects"]
    assert [(each["address"], one["check"], one["since"]) for each in told for one in each["held_back"]] == [
        (None, "starttls", "2026-11-20T10:00:00.000000Z"),
        ("192.0.2.1:25", "starttls", "2026-11-20T10:00:00.000000Z"),
    ]
    rows = csv.DictReader(io.StringIO(ran(settings, "--format", "csv").output))
    assert [row["name"] for row in rows if row["kind"] == "held-back"] == ["starttls", "starttls"]
