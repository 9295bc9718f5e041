"""Panels as HTML: numbers, curves, timelines and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from grafana.preview.telling import Told, css, in_unit, tell

_PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a", "#c0d8ff", "#ffa6b0")
_LETTER = 6.2
"""The width of a letter of a timeline's words, in pixels."""


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of a series, by their times, and its labels."""

    labels: dict[str, str]
    points: dict[float, float]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is asked for, and when: from, to and step, in seconds; and the times of annotations."""

    begin: float
    end: float
    step: float
    marks: tuple[float, ...] = ()


def field(panel: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what a field of a panel is configured to, with the overrides for its name."""
    found = dict(panel["fieldConfig"]["defaults"])
    for each in panel["fieldConfig"]["overrides"]:
        if each["matcher"] == {"id": "byName", "options": name}:
            found |= {entry["id"]: entry["value"] for entry in each["properties"]}
    return found


def legend(pattern: str, labels: dict[str, str]) -> str:
    """Return the name of a series."""
    if pattern == "__auto":
        return ", ".join(f"{k}={v}" for k, v in labels.items())
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), pattern)


def number(panel: dict[str, Any], value: float | None, now: float) -> str:
    """Draw a panel with one number."""
    told = tell(value, field(panel, panel["title"]), now)
    return f'<div class="number" style="background:{told.colour or "#444"}">{escape(told.text)}</div>'


def curves(panel: dict[str, Any], series: list[Series], frame: Frame, width: int, height: int) -> str:
    """Draw a panel with curves."""
    stacked = "stacking" in panel["fieldConfig"]["defaults"].get("custom", {})
    times = [frame.begin + i * frame.step for i in range(int((frame.end - frame.begin) / frame.step) + 1)]
    base = dict.fromkeys(times, 0.0)
    shapes, names, drawn = [], [], []
    for i, each in enumerate(series):
        colour = css(field(panel, each.name).get("color", {}).get("fixedColor", _PALETTE[i % len(_PALETTE)]))
        points = {t: each.points[t] + (base[t] if stacked else 0) for t in times if t in each.points}
        drawn.append((colour, points, dict(base)))
        base |= points if stacked else {}
        names.append(f'<span><i style="background:{colour}"></i>{escape(each.name)}</span>')
    values = [v for _, points, _ in drawn for v in points.values()]
    low, high = min([panel["fieldConfig"]["defaults"].get("min", min(values, default=0)), *values]), max(values, default=1)
    high = high if high > low else low + 1

    def place(t: float, v: float) -> str:
        return f"{(t - frame.begin) / (frame.end - frame.begin) * (width - 60) + 55:.1f},{(1 - (v - low) / (high - low)) * (height - 55) + 8:.1f}"

    for colour, points, under in drawn:
        line = " ".join(place(t, v) for t, v in points.items())
        if stacked and points:
            back = " ".join(place(t, under[t]) for t in reversed(points))
            shapes.append(f'<polygon points="{line} {back}" fill="{colour}" fill-opacity="0.6"/>')
        shapes.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
    unit = panel["fieldConfig"]["defaults"]["unit"]
    for v in (low, (low + high) / 2, high):
        _, _, y = place(frame.begin, v).partition(",")
        shapes.append(f'<line x1="55" x2="{width - 5}" y1="{y}" y2="{y}" stroke="#333"/>')
        shapes.append(f'<text x="50" y="{float(y) + 4}" text-anchor="end">{escape(in_unit(v, unit, frame.end))}</text>')
    for t in (t for t in frame.marks if frame.begin <= t <= frame.end):
        x = place(t, low).partition(",")[0]
        shapes.append(f'<line x1="{x}" x2="{x}" y1="5" y2="{height - 47}" stroke="{css("red")}" stroke-dasharray="3"/>')
    return f'<svg width="{width}" height="{height - 40}">{"".join(shapes)}</svg><div class="legend">{"".join(names)}</div>'


def timeline(panel: dict[str, Any], series: list[Series], frame: Frame, width: int, height: int) -> str:
    """Draw a panel in which each series has a row, and each time its word."""
    config = panel["fieldConfig"]["defaults"]
    left = min(width // 2, max([60, *(int(len(each.name) * _LETTER) + 10 for each in series)]))
    row = (height - 10) / max(1, len(series))
    scale = (width - left - 10) / (frame.end - frame.begin)
    shapes = []
    for i, each in enumerate(series):
        shapes.append(f'<text x="{left - 6}" y="{(i + 0.5) * row + 4}" text-anchor="end">{escape(each.name)}</text>')
        for begin, end, value in _spans(each, frame.step):
            told = tell(value, config, frame.end)
            x, wide = left + (begin - frame.begin) * scale, (end - begin) * scale
            shapes.append(f'<rect x="{x}" y="{i * row + row * 0.08}" width="{wide}" height="{row * 0.85}" fill="{told.colour}"/>')
            if wide > len(told.text) * _LETTER:
                shapes.append(f'<text class="word" x="{x + 4}" y="{(i + 0.5) * row + 4}">{escape(told.text)}</text>')
    return f'<svg width="{width}" height="{height}">{"".join(shapes)}</svg>'


def _spans(series: Series, step: float) -> list[tuple[float, float, float]]:
    """Return from when until when a series had which value."""
    spans: list[tuple[float, float, float]] = []
    for t, v in sorted(series.points.items()):
        if spans and spans[-1][2] == v and abs(t - spans[-1][1]) < step / 2:
            spans[-1] = (spans[-1][0], t + step, v)
        else:
            spans.append((t, t + step, v))
    return spans


def table(panel: dict[str, Any], answers: dict[str, list[tuple[dict[str, str], float]]], now: float) -> str:
    """Draw a table, with the transformations that the dashboards use."""
    rows: list[dict[str, float | str]] = []
    names: list[str] = []
    several = len(answers) > 1
    by_labels: dict[tuple[tuple[str, str], ...], dict[str, float | str]] = {}
    for ref, samples in answers.items():
        for labels, value in samples:
            key = tuple(sorted(labels.items()))
            by_labels.setdefault(key, dict(labels))[f"Value #{ref}" if several else "Value"] = value
    rows = list(by_labels.values())
    for step in panel["transformations"]:
        options = step["options"]
        if step["id"] == "groupingToMatrix":
            matrix: dict[str, dict[str, float | str]] = {}
            corner = f"{options['rowField']}\\{options['columnField']}"
            for each in rows:
                row = str(each[options["rowField"]])
                matrix.setdefault(row, {corner: row})[str(each[options["columnField"]])] = each["Value"]
            rows = list(matrix.values())
            names = [corner, *dict.fromkeys(name for each in rows for name in each if name != corner)]
        if step["id"] == "organize":
            present = names or list(dict.fromkeys(name for each in rows for name in each))
            order = sorted((n for n in present if n not in options["excludeByName"]), key=lambda n: options["indexByName"].get(n, 99))
            heads = {name: options["renameByName"].get(name, name) for name in order}
            rows = [{head: each[name] for name, head in heads.items() if name in each} for each in rows]
            names = list(heads.values())
    for each in panel["options"].get("sortBy", ()):
        rows.sort(key=lambda row: (str(type(row.get(each["displayName"]))), row.get(each["displayName"], 0)), reverse=each.get("desc", False))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(panel, name, each.get(name), now) for name in names)}</tr>" for each in rows)
    return f"<table><tr>{head}</tr>{body}</table>" if rows else f'<div class="none">{escape(field(panel, "")["noValue"] or "No data")}</div>'


def _cell(panel: dict[str, Any], name: str, value: float | str | None, now: float) -> str:
    config = field(panel, name)
    coloured = config.get("custom.cellOptions", config.get("custom", {}).get("cellOptions", {})).get("type") == "color-text"
    told = tell(value, config, now)
    told = told if coloured else Told(told.text)
    text = f'<a href="#">{escape(told.text)}</a>' if "links" in config and told.text else escape(told.text)
    return f'<td style="color:{told.colour or "inherit"}">{text}</td>'
