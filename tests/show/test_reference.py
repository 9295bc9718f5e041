"""The documentation cannot drift from the code."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from mailtls import config
from mailtls.facts.chains import ODDITIES
from mailtls.facts.staples import STAPLE_PROBLEMS
from mailtls.lab import TLS, Behaviour
from mailtls.model import Cause, DomainObservation, MXObservation, Snapshot, Stage, Unknown, Verdict
from mailtls.schedule import MXSet
from mailtls.show.daemon_metrics import DaemonMetrics
from mailtls.show.metrics import SnapshotCollector
from mailtls.show.mx_changes import MXCollector
from mailtls.show.reference import PAGES, configuration_page, main
from mailtls.trust.chain import ChainCode

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "run `make docs`"


def test_the_page_of_configuration_keys_is_what_the_schema_says() -> None:
    assert (DOCS / "configuration.md").read_text("utf-8") == configuration_page(config.schema()), "run `make docs`"


def test_writing_the_pages_writes_those_that_are_there(tmp_path: Path) -> None:
    main(tmp_path)
    for page in tmp_path.iterdir():
        assert page.read_text("utf-8") == (DOCS / page.name).read_text("utf-8")
    assert {page.name for page in tmp_path.iterdir()} == {*PAGES, "configuration.md"}


async def test_every_metric_of_a_live_page_is_documented_with_its_labels_and_meaning(visit, authority) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    tls = TLS((authority.issue(["mx.wild.example"]), authority.issue(["mx.wild.example"], key="rsa2048")))
    good, _ = await visit(Behaviour(tls=tls))
    late = Unknown(Cause.READ_TIMEOUT, Stage.EHLO)
    bad = replace(good, endpoint=replace(good.endpoint, host="mx.bad.example"), conclusive=False, inconclusive=late)
    hosts = tuple(MXObservation(seen.endpoint.host, 10, {}, (seen,)) for seen in (good, bad))
    domain = DomainObservation("wild.example", "Wild", Verdict.PROTECTED, (), {}, hosts, now)
    registry = CollectorRegistry()
    DaemonMetrics(registry).phases.labels("ehlo").observe(0.1)
    registry.register(SnapshotCollector(lambda: Snapshot((domain,))))
    registry.register(MXCollector(lambda: {"wild.example": MXSet(frozenset({"mx.wild.example"}), now, 1)}))
    live = generate_latest(registry).decode()

    rows = {}
    for line in (DOCS / "metrics.md").read_text("utf-8").splitlines():
        if line.startswith("| `"):
            name, labels, meaning = (cell.strip() for cell in line.strip("|").split(" | "))
            rows[name.strip("`")] = set(labels.replace(",", " ").split()), meaning
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", live, re.MULTILINE))
    helps = {name: text for name, text in helps.items() if not name.endswith("_created")}
    assert len(helps) > 30
    assert {name: text for name, text in helps.items() if rows.get(name, ((), ""))[1] != text} == {}, "run `make docs`"
    for sample, labels in re.findall(r"^(mailtls_\w+?)(?:_bucket|_count|_sum)?(?:\{(.*)\})? \S+$", live, re.MULTILINE):
        if sample in rows:
            assert set(re.findall(r'(\w+)="', labels)) - {"le"} == rows[sample][0], sample


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize(
    ("table", "words"),
    [("causes", Cause), ("stages", Stage), ("verdict of a domain", Verdict), ("certificates", (*ChainCode, *ODDITIES, *STAPLE_PROBLEMS))],
    ids=["causes", "stages", "verdicts", "certificates"],
)
def test_every_word_of_a_closed_set_is_explained(table: str, words) -> None:
    text = (DOCS / "verdicts.md").read_text("utf-8")
    section = re.search(rf"^## [^\n]*{table}[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    assert section is not None
    assert [word for word in map(str, words) if f"`{word}`" not in section[1]] == []
