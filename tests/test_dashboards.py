"""Grafana's dashboards: what is written is what the code says, Grafana's types accept it, and every panel keeps the rules of dashboard-linter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml
from grafana_foundation_sdk.models import units

from grafana.write import DIRECTORY, written
from mailtls.show.reference import metrics_page

ROOT = Path(__file__).parent.parent
BOARDS: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in written().items()}
SCHEMAS = json.loads((ROOT / "grafana/schema/grafana.schema.json").read_text("utf-8"))
COUNTED = re.compile(r"mailtls_\w+_(?:total|bucket|sum|count)\b")


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (panel for panel in board["panels"] if panel["type"] != "row")


PANELS = [pytest.param(panel, id=f"{name}: {panel['title']}") for name, board in BOARDS.items() for panel in panels(board)]
QUERIES = [
    pytest.param(target["expr"], id=f"{name}: {panel['title']}, {target['refId']}")
    for name, board in BOARDS.items()
    for panel in panels(board)
    for target in panel["targets"]
] + [pytest.param(each["expr"], id=f"{name}: annotation") for name, board in BOARDS.items() for each in board["annotations"]["list"]]


def schema(name: str) -> Any:
    found = json.loads(json.dumps(SCHEMAS[name]))
    if name == "dashboard":  # Prometheus' plugin keeps these beside what the type names, which it leaves open for plugins
        found["definitions"]["AnnotationQuery"]["properties"] |= {
            "expr": {"type": "string"}, "titleFormat": {"type": "string"}, "textFormat": {"type": "string"}, "tagKeys": {"type": "string"},
            "useValueForTime": {"type": "boolean"}, "step": {"type": "string"},
        }  # fmt: skip
    return fastjsonschema.compile(found)


def catalogue() -> set[str]:
    found = set(re.findall(r"`(mailtls_\w+)`", metrics_page()))
    histograms = {name for name in found if name == "mailtls_probe_phase_duration_seconds"}
    return found | {name + end for name in histograms for end in ("_bucket", "_sum", "_count")} | {"up"}


def metrics_of(expr: str) -> set[str]:
    return set(re.findall(r"\b(\w+)\{", expr))


def test_what_is_written_is_what_the_code_says() -> None:
    assert {path.name: path.read_text("utf-8") for path in DIRECTORY.glob("*.json")} == written(), "make dashboards"


@pytest.mark.parametrize("name", BOARDS)
def test_grafanas_own_types_accept_a_dashboard(name: str) -> None:
    schema("dashboard")(BOARDS[name])


@pytest.mark.parametrize("panel", PANELS)
def test_grafanas_own_types_accept_what_is_peculiar_to_a_panel(panel: dict[str, Any]) -> None:
    schema(f"{panel['type']}.options")(panel.get("options", {}))
    if panel["type"] != "stat":  # it has no fields of its own
        schema(f"{panel['type']}.field")(panel["fieldConfig"]["defaults"].get("custom", {}))


@pytest.mark.parametrize("expr", QUERIES)
def test_a_query_asks_for_metrics_that_there_are(expr: str) -> None:
    assert metrics_of(expr) <= catalogue()
    assert set(re.findall(r"mailtls_\w+", expr)) <= metrics_of(expr), "a metric without a selector"


@pytest.mark.parametrize("expr", QUERIES)
def test_every_selector_asks_for_the_job_and_the_instance(expr: str) -> None:
    selectors = re.findall(r"\w+\{([^}]*)\}", expr)
    assert selectors
    assert all(selector.startswith('job=~"$job",instance=~"$instance"') for selector in selectors)


@pytest.mark.parametrize("expr", QUERIES)
def test_a_counter_is_seen_as_a_rate_over_the_interval_of_the_panel(expr: str) -> None:
    for found in COUNTED.finditer(expr):
        before = expr[: found.start()]
        assert before.endswith(("rate(", "increase(")), expr
        assert re.match(r"\w+\{[^}]*\}\[\$__(rate_interval|range)\]", expr[found.start() :]), expr
    assert not re.search(r"\[\d", expr)


@pytest.mark.parametrize("expr", QUERIES)
def test_several_instances_never_meet_in_a_query_unaggregated(expr: str) -> None:
    aggregated = re.compile(r"\b(?:max|min|sum|count)(?: by \([\w, ]+\) )?\((?:rate\(|increase\()?$")
    assert all(aggregated.search(expr[: found.start()]) for found in re.finditer(r"\b\w+\{", expr))


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_is_and_in_which_unit(panel: dict[str, Any]) -> None:
    known = {value for value in vars(units).values() if isinstance(value, str)}
    assert panel["title"]
    assert len(panel["description"]) > 30
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in known
    told = [p["value"] for each in panel["fieldConfig"]["overrides"] for p in each["properties"] if p["id"] == "unit"]
    assert set(told) <= known


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_the_chosen_datasource(panel: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert panel["datasource"] == chosen
    assert panel["targets"]
    assert all(target["datasource"] == chosen for target in panel["targets"])


@pytest.mark.parametrize("panel", PANELS)
def test_unknown_is_grey_and_never_green_and_what_is_coloured_is_told_in_words_too(panel: dict[str, Any]) -> None:
    told = [panel["fieldConfig"]["defaults"].get("mappings", [])]
    told += [p["value"] for each in panel["fieldConfig"]["overrides"] for p in each["properties"] if p["id"] == "mappings"]
    for mapping in [mapping for mappings in told for mapping in mappings]:
        results = [mapping["options"]["result"]] if mapping["type"] == "special" else mapping["options"].values()
        for result in results:
            assert result["text"]
            assert result["text"] != "unknown" or result["color"] == "#8e8e8e"
    if panel["type"] == "state-timeline":
        assert panel["fieldConfig"]["defaults"]["mappings"]


@pytest.mark.parametrize("name", BOARDS)
def test_panels_neither_overlap_nor_stand_out(name: str) -> None:
    places = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for a, b in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart, (a, b)


@pytest.mark.parametrize("name", BOARDS)
def test_datasource_job_and_instance_are_chosen_above(name: str) -> None:
    board = BOARDS[name]
    chosen = {each["name"]: each for each in board["templating"]["list"]}
    assert chosen["datasource"]["type"] == "datasource"
    assert chosen["datasource"]["query"] == "prometheus"
    for label in ("job", "instance"):
        assert chosen[label]["type"] == "query"
        assert chosen[label]["multi"]
        assert chosen[label]["includeAll"]
        assert chosen[label]["allValue"] == ".+"
        assert chosen[label]["refresh"] == 2
    text = json.dumps([board[part] for part in ("panels", "annotations", "templating")])
    used = set(re.findall(r"\$(?!__)(\w+)", text)) | set(re.findall(r"\$\{(?!__)(\w+)", text))
    assert set(chosen) == used, "a variable that nothing uses, or one that is not there"


@pytest.mark.parametrize("name", BOARDS)
def test_every_link_leads_to_one_of_the_dashboards_with_a_variable_that_it_has(name: str) -> None:
    variables = {board["uid"]: {each["name"] for each in board["templating"]["list"]} for board in BOARDS.values()}
    for uid, query in re.findall(r"/d/([\w-]+)\?([^\"]*)", json.dumps(BOARDS[name])):
        assert set(re.findall(r"var-(\w+)=", query)) <= variables[uid]
    assert BOARDS[name]["links"][0]["tags"] == BOARDS[name]["tags"]
    assert not BOARDS[name]["editable"]


def test_grafana_finds_the_dashboards_where_provisioning_says() -> None:
    for path in (ROOT / "grafana/provisioning").rglob("*.yml"):
        assert yaml.safe_load(path.read_text("utf-8"))["apiVersion"] == 1
