"""The rules for Prometheus: each alert can be looked up, is tested both ways, and asks for metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailtls import facts
from mailtls.show.reference import metrics_page

ROOT = Path(__file__).parents[2]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules/mailtls.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
CASES = [
    question
    for file in sorted((ROOT / "deploy/prometheus/tests").glob("*.yml"))
    for case in yaml.safe_load(file.read_text("utf-8"))["tests"]
    for question in case["alert_rule_test"]
]
REGRESSIONS = re.compile(r'mailtls_domain_regression:told\{check=~?"([^"]+)"\}')

every_alert = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)


def names_in(text: str) -> set[str]:
    """Return the names of our metrics and of recorded series in an expression, or in a text that holds one."""
    return set(re.findall(r"(?:\w+:)?mailtls_\w+(?::\w+)?", re.sub(r'"[^"\n]*"', "", text)))


@every_alert
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    said = alert["annotations"]
    assert set(said) == {"summary", "description", "runbook_url"}
    assert all(said.values())
    page = said["runbook_url"].removeprefix("https://mailtls.example/")
    assert page == f"docs/runbooks/{alert['alert']}.md"
    assert (ROOT / page).exists()


def test_every_page_is_of_an_alert() -> None:
    assert {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")} == set(ALERTS)


@every_alert
def test_what_a_page_says_to_accept_is_the_check_of_the_alert_or_the_label_where_it_has_several(alert: dict[str, Any]) -> None:
    page = (ROOT / f"docs/runbooks/{alert['alert']}.md").read_text("utf-8")
    checks = [check for checks in REGRESSIONS.findall(alert["expr"]) for check in checks.split("|")]
    said = re.findall(r"mailtls accept --config.file mailtls.yaml DOMAIN (\w+) --why", page)
    assert said == ([] if not checks else ["CHECK"] if len(checks) > 1 else checks)
    assert ("where CHECK is the alert's label `check`" in page) == (len(checks) > 1)


@every_alert
def test_an_alert_is_tested_to_fire_and_not_to_fire(alert: dict[str, Any]) -> None:
    assert {bool(case["exp_alerts"]) for case in CASES if case["alertname"] == alert["alert"]} == {True, False}


def test_every_check_has_exactly_one_alert() -> None:
    told = [check for alert in ALERTS.values() for checks in REGRESSIONS.findall(alert["expr"]) for check in checks.split("|")]
    assert sorted(told) == sorted(facts.CHECKS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    catalogue = set(re.findall(r"^\| `(\w+)` \|", metrics_page(), re.MULTILINE))
    queries = re.findall(r'printf "(.+?)" \$', rule.get("annotations", {}).get("description", ""))
    asked = names_in(rule["expr"]).union(*map(names_in, queries))
    assert asked or "up{" in rule["expr"]
    assert asked <= catalogue | RECORDED


def test_the_overview_of_alerts_is_of_the_rules() -> None:
    page = (ROOT / "docs/alerts.md").read_text("utf-8")
    shown = re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \| (\S+) \| .+ \|$", page, re.MULTILINE)
    assert shown == [(name, name, alert["labels"]["severity"], alert.get("for", "-")) for name, alert in ALERTS.items()]
