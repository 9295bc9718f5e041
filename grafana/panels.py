"""The kinds of panels that the dashboards are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common as make
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models import common, dashboard, units
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.colours import GREY, mappings, steps

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig

    from grafana.colours import Words

SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
SCOPE = 'job=~"$job",instance=~"$instance"'
"""The matchers that every selector has."""
CARRIED = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"
"""What every link to another dashboard takes along."""


def of(metric: str, *matchers: str) -> str:
    """Return a selector of a metric of mailtls, by its name without the prefix."""
    return f"mailtls_{metric}{{{','.join((SCOPE, *matchers))}}}"


def equals(label: str, value: str) -> str:
    """Return a matcher of one value of a label."""
    return f'{label}="{value}"'


def query(expr: str, legend: str = "", ref: str = "A", *, instant: bool = False, as_table: bool = False) -> prometheus.Dataquery:
    """Return a query."""
    asked = prometheus.Dataquery().expr(expr).ref_id(ref).legend_format(legend or "__auto").datasource(SOURCE)
    asked = asked.instant() if instant else asked.range()
    return asked.format(PromQueryFormat.TABLE if as_table else PromQueryFormat.TIME_SERIES)


def number(
    title: str, about: str, expr: str, *, unit: str = units.Short, span: int = 4, colours: ThresholdsConfig, words: Words | None = None,
    link: tuple[str, str] | None = None, missing: str = "unknown",
) -> stat.Panel:  # fmt: skip
    """Return a panel with one number, which is called by its words where it has some."""
    panel = (
        stat.Panel().title(title).description(about).datasource(SOURCE).unit(unit).height(4).span(span).no_value(missing)
        .with_target(query(expr, title, instant=True)).thresholds(colours).graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID).reduce_options(make.ReduceDataOptions().calcs(["lastNotNull"]))
        .mappings(mappings(words or {}, missing))
    )  # fmt: skip
    return panel if link is None else panel.with_override(dashboard.MatcherConfig("byType", "number"), [_links(link)])


def curves(
    title: str, about: str, *asked: tuple[str, str], unit: str, span: int = 12, height: int = 8, stacked: bool = False,
    colours: dict[str, str] | None = None, least: float | None = 0,
) -> timeseries.Panel:  # fmt: skip
    """Return a panel with curves: of each query, its expression and its legend."""
    panel = (
        timeseries.Panel().title(title).description(about).datasource(SOURCE).unit(unit).height(height).span(span)
        .fill_opacity(60 if stacked else 8).line_width(1).show_points(common.VisibilityMode.NEVER)
        .legend(make.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(make.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )  # fmt: skip
    if least is not None:
        panel = panel.min(least)
    if stacked:
        panel = panel.stacking(make.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    for ref, (expr, legend) in zip("ABCDEFGH", asked, strict=False):
        panel = panel.with_target(query(expr, legend, ref))
    for name, colour in (colours or {}).items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        panel = panel.override_by_name(name, [dashboard.DynamicConfigValue("color", fixed)])
    return panel


def timeline(
    title: str, about: str, expr: str, legend: str, words: Words, *, height: int = 8, span: int = 24, link: tuple[str, str] | None = None
) -> statetimeline.Panel:
    """Return a panel that shows for each series which of the words held when."""
    panel = (
        statetimeline.Panel().title(title).description(about).datasource(SOURCE).unit(units.NoUnit).height(height).span(span)
        .with_target(query(expr, legend)).mappings(mappings(words)).thresholds(steps(GREY)).merge_values(True).row_height(0.85)
        .color_scheme(FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS)).fill_opacity(85).line_width(0)
        .show_value(common.VisibilityMode.AUTO)
        .legend(make.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM).show_legend(True))
    )  # fmt: skip
    return panel if link is None else panel.with_override(dashboard.MatcherConfig("byType", "number"), [_links(link)])


_PLAIN = dashboard.DynamicConfigValue("custom.cellOptions", {"type": "auto"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the field that it shows, its heading, and how its values are told.

    A field is a label by its name, or the value of a query by the query's letter.
    """

    source: str
    heading: str
    unit: str = units.NoUnit
    words: Words | None = None
    missing: str = "unknown"
    colours: ThresholdsConfig | None = None
    link: tuple[str, str] | None = None
    decimals: int | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Sorting:
    """By which heading the rows are sorted."""

    heading: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a table are made of: expressions that have the same labels, and the columns that they become."""

    asked: tuple[str, ...]
    columns: tuple[Column, ...] = field(default=())
    sorting: Sorting | None = None


def rows(title: str, about: str, rows: Rows, *, span: int = 24, height: int = 8, missing: str = "none") -> table.Panel:
    """Return a table."""
    panel = (
        table.Panel().title(title).description(about).datasource(SOURCE).unit(units.NoUnit).height(height).span(span)
        .no_value(missing).cell_height(common.TableCellHeight.SM).cell_options(common.TableAutoCellOptions()).show_header(True).filterable(True)
    )  # fmt: skip
    several = len(rows.asked) > 1
    for ref, expr in zip("ABCDEFGHIJKLMNOP", rows.asked, strict=False):
        panel = panel.with_target(query(expr, "", ref, instant=True, as_table=True))
    shown = {(f"Value #{c.source}" if several else "Value") if c.source.isupper() else c.source: c.heading for c in rows.columns}
    values = [f"Value #{ref}" for ref in "ABCDEFGHIJKLMNOP"[: len(rows.asked)]] if several else ["Value"]
    if several:
        panel = panel.with_transformation(dashboard.DataTransformerConfig("merge", options={}))
    hidden = {name: True for name in ("Time", *values) if name not in shown}
    order = {name: position for position, name in enumerate(shown)}
    organized = {"excludeByName": hidden, "indexByName": order, "renameByName": shown}
    panel = panel.with_transformation(dashboard.DataTransformerConfig("organize", options=organized))
    for column in rows.columns:
        panel = panel.override_by_name(column.heading, _told(column))
    if rows.sorting is not None:
        panel = panel.sort_by([make.TableSortByFieldState().display_name(rows.sorting.heading).desc(rows.sorting.descending)])
    return panel


def matrix(
    title: str, about: str, expr: str, row: Column, column: str, *, unit: str, words: Words | None = None, colours: ThresholdsConfig,
    of_columns: dict[str, Words] | None = None, span: int = 24, height: int = 8,
) -> table.Panel:  # fmt: skip
    """Return a table with a row for each value of one label, and a column for each of another; what is missing is told as unknown."""
    cells = dashboard.DataTransformerConfig(
        "groupingToMatrix", options={"columnField": column, "rowField": row.source, "valueField": "Value", "emptyValue": "null"}
    )
    renamed = dashboard.DataTransformerConfig(
        "organize", options={"excludeByName": {}, "indexByName": {}, "renameByName": {f"{row.source}\\{column}": row.heading}}
    )
    panel = (
        table.Panel().title(title).description(about).datasource(SOURCE).unit(unit).height(height).span(span).no_value("unknown")
        .cell_height(common.TableCellHeight.SM).show_header(True).filterable(True).cell_options(common.TableColorTextCellOptions())
        .thresholds(colours).mappings(mappings(words or {})).with_target(query(expr, instant=True, as_table=True))
        .with_transformation(cells).with_transformation(renamed).override_by_name(row.heading, [*_told(row), _PLAIN])
    )  # fmt: skip
    for name, told in (of_columns or {}).items():
        panel = panel.override_by_name(name, [dashboard.DynamicConfigValue("mappings", mappings(told))])
    return panel


def _told(column: Column) -> list[dashboard.DynamicConfigValue]:
    found = [dashboard.DynamicConfigValue("unit", column.unit)]
    if column.decimals is not None:
        found.append(dashboard.DynamicConfigValue("decimals", column.decimals))
    if column.width is not None:
        found.append(dashboard.DynamicConfigValue("custom.width", column.width))
    if column.words is not None:
        found.append(dashboard.DynamicConfigValue("mappings", mappings(column.words, column.missing)))
    if column.colours is not None:
        found.append(dashboard.DynamicConfigValue("thresholds", column.colours.build()))
    if column.words is not None or column.colours is not None:
        found.append(dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    if column.link is not None:
        found.append(_links(column.link))
    return found


def _links(link: tuple[str, str]) -> dashboard.DynamicConfigValue:
    title, url = link
    return dashboard.DynamicConfigValue("links", [{"title": title, "url": url}])


def to(uid: str, **variables: str) -> str:
    """Return the address of a dashboard with these variables, and all that every link takes along."""
    chosen = "".join(f"var-{name}={value}&" for name, value in variables.items())
    return f"/d/{uid}?{chosen}{CARRIED}"
