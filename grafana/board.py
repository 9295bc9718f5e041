"""What all dashboards have in common: variables, links to each other, and regressions as annotations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from grafana.colours import RED
from grafana.panels import SCOPE, SOURCE, of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grafana_foundation_sdk.cog.builder import Builder

OVERVIEW, PROVIDER, HOST, CERTIFICATES, DAEMON = "mailtls-overview", "mailtls-provider", "mailtls-mx-host", "mailtls-certificates", "mailtls-daemon"
TAG = "mailtls"
_ALL = dashboard.VariableOption(selected=True, text="All", value="$__all")
_VARIABLES = {
    "job": ("Job", "label_values(mailtls_build_info, job)"),
    "instance": ("Instance", 'label_values(mailtls_build_info{job=~"$job"}, instance)'),
    "provider": ("Provider", f"label_values(mailtls_domain_info{{{SCOPE}}}, provider)"),
    "domain": ("Domain", f'label_values(mailtls_domain_info{{{SCOPE},provider=~"$provider"}}, domain)'),
    "mx": ("MX host", f"label_values(mailtls_domain_mx_info{{{SCOPE}}}, mx)"),
}


class _Regressions(dashboard.AnnotationQuery):
    """An annotation whose time is the value of the series; what Grafana's Prometheus takes beside its schema is added."""

    more: dict[str, object]

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self.more


class _RegressionsBuilder(AnnotationQuery):
    def __init__(self, more: dict[str, object]) -> None:
        super().__init__()
        self._internal = _Regressions()
        self._internal.more = more


def board(uid: str, title: str, about: str, variables: Iterable[str], *, since: str = "now-24h") -> Dashboard:
    """Return a dashboard without panels.

    Args:
        uid: by which others link to it.
        title: its title, which ``mailtls`` is put before.
        about: what it answers.
        variables: those that it has beside the datasource, the job and the instance.
        since: where its time range begins.

    """
    made = (
        Dashboard(f"mailtls / {title}").uid(uid).description(about).tags([TAG]).readonly().timezone("browser").time(since, "now").refresh("1m")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR).annotation(_regressions(variables))
        .link(DashboardLink("mailtls").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG]).include_vars(True).keep_time(True))
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )  # fmt: skip
    for name in ("job", "instance", *variables):
        made = made.with_variable(_variable(name))
    return made


def _variable(name: str) -> QueryVariable:
    label, values = _VARIABLES[name]
    asked = (
        QueryVariable(name).label(label).datasource(SOURCE).query({"query": values, "refId": name}).multi(True).include_all(True)
        .current(_ALL).refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )  # fmt: skip
    # All domains are those of the chosen provider, which Grafana lists one by one where nothing else stands for all.
    return asked if name == "domain" else asked.all_value(".+")


def _regressions(variables: Iterable[str]) -> AnnotationQuery:
    matchers = ['domain=~"$domain"'] if "domain" in variables else ['mx=~"$mx"'] if "mx" in variables else ['domain!=""']
    confirmed = of("regression_confirmed_timestamp_seconds", *matchers)
    more: dict[str, object] = {
        "titleFormat": "{{check}} lost", "textFormat": "{{domain}}{{mx}}", "tagKeys": "check", "useValueForTime": True, "step": "60s",
    }  # fmt: skip
    return (
        _RegressionsBuilder(more).name("Regressions").datasource(SOURCE).enable(True).icon_color(RED)
        .expr(f"1000 * max by (domain, mx, check) ({confirmed})")
    )  # fmt: skip


def add(made: Dashboard, title: str, *panels: Builder[dashboard.Panel]) -> Dashboard:
    """Add a row with a title, and its panels."""
    made = made.with_row(Row(title))
    for panel in panels:
        made = made.with_panel(panel)
    return made


def document(built: dashboard.Dashboard) -> dict[str, Any]:
    """Return a dashboard as JSON, its panels numbered from 1; Grafana would do so at random times."""
    for number, panel in enumerate(built.panels or [], 1):
        panel.id_val = number
    found: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
    for variable in found["templating"]["list"]:
        for name in ("auto", "auto_min", "auto_count"):  # of another kind of variable; this version of the library gives them to all
            variable.pop(name, None)
    return found
