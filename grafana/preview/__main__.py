"""Draw every dashboard: ``python -m grafana.preview http://127.0.0.1:9090 DIRECTORY [MINUTES]``.

It writes a page for each, and a picture too where Chromium is installed.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from html import escape
from pathlib import Path
from typing import Any

from grafana.asking import chosen
from grafana.preview.drawing import Frame, Series, curves, legend, number, table, timeline
from grafana.write import written

_WIDTH, _ROW, _GAP = 1500, 34, 6
_STYLE = """
body { background: #111217; color: #ccccdc; font: 13px Inter, "DejaVu Sans", sans-serif; margin: 0; }
h1 { font-size: 18px; margin: 10px; } section { position: absolute; background: #181b1f; border: 1px solid #2c3235; overflow: hidden; }
h2 { font-size: 13px; margin: 6px 8px; font-weight: 500; } h3 { position: absolute; margin: 8px; font-size: 15px; }
.number { position: absolute; inset: 32px 8px 8px; font-size: 30px; display: flex; align-items: center; justify-content: center; color: #fff; }
svg text { fill: #ccccdc; font-size: 11px; } svg text.word { fill: #000; }
.legend { margin: 0 8px; font-size: 11px; } .legend span { margin-right: 10px; }
.legend i { display: inline-block; width: 10px; height: 3px; margin: 3px; }
table { border-collapse: collapse; width: 100%; font-size: 12px; } td, th { text-align: left; padding: 4px 8px; border-bottom: 1px solid #2c3235; }
td { max-width: 260px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } a { color: #6e9fff; text-decoration: none; }
.none { text-align: center; margin-top: 40px; color: #8e8e8e; }
"""


def _ask(url: str, path: str, **arguments: Any) -> list[dict[str, Any]]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{url.rstrip('/')}/api/v1/{path}?{urllib.parse.urlencode(arguments)}", timeout=20) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def _series(url: str, target: dict[str, Any], frame: Frame) -> list[Series]:
    answer = _ask(url, "query_range", query=chosen(target["expr"]), start=frame.begin, end=frame.end, step=frame.step)
    return [Series(e["metric"], {float(t): float(v) for t, v in e["values"]}, legend(target["legendFormat"], e["metric"])) for e in answer]


def _panel(url: str, panel: dict[str, Any], frame: Frame, width: int, height: int) -> str:
    if panel["type"] == "stat":
        answer = _ask(url, "query", query=chosen(panel["targets"][0]["expr"]), time=frame.end)
        return number(panel, float(answer[0]["value"][1]) if answer else None, frame.end)
    if panel["type"] == "table":
        answers = {t["refId"]: _ask(url, "query", query=chosen(t["expr"]), time=frame.end) for t in panel["targets"]}
        told = {ref: [(e["metric"], float(e["value"][1])) for e in answer] for ref, answer in answers.items()}
        return table(panel, told, frame.end)
    series = [each for target in panel["targets"] for each in _series(url, target, frame)]
    return (timeline if panel["type"] == "state-timeline" else curves)(panel, series, frame, width, height)


def page(url: str, board: dict[str, Any], frame: Frame) -> tuple[str, int]:
    """Return a dashboard as HTML, and how high it is in pixels."""
    confirmed = _ask(url, "query", query=chosen(board["annotations"]["list"][-1]["expr"]), time=frame.end)
    frame = Frame(frame.begin, frame.end, frame.step, tuple(float(each["value"][1]) / 1000 for each in confirmed))
    parts = []
    for panel in board["panels"]:
        at = panel["gridPos"]
        x, y = at["x"] * _WIDTH // 24, at["y"] * _ROW + 40
        width, height = at["w"] * _WIDTH // 24 - _GAP, at["h"] * _ROW - _GAP
        if panel["type"] == "row":
            parts.append(f'<h3 style="left:{x}px;top:{y}px">{escape(panel["title"])}</h3>')
            continue
        inside = _panel(url, panel, frame, width - 4, height - 32)
        title = f'<h2 title="{escape(panel["description"])}">{escape(panel["title"])}</h2>'
        parts.append(f'<section style="left:{x}px;top:{y}px;width:{width}px;height:{height}px">{title}{inside}</section>')
    bottom = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"]) * _ROW + 60
    head = f"<!doctype html><meta charset=utf-8><title>{escape(board['title'])}</title><style>{_STYLE}</style>"
    return f"{head}<h1>{escape(board['title'])}</h1>{''.join(parts)}", bottom


def main(url: str, directory: Path, minutes: float) -> None:
    """Draw every dashboard into a directory, as it was in the last minutes."""
    directory.mkdir(parents=True, exist_ok=True)
    step = max(1, math.ceil(minutes * 60 / 300))
    end = time.time() // step * step
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    for name, text in written().items():
        drawn, height = page(url, json.loads(text), Frame(end - minutes * 60 // step * step, end, step))
        path = directory.resolve() / Path(name).with_suffix(".html")
        path.write_text(drawn, "utf-8")
        if browser is not None:
            picture = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={path.with_suffix('.png')}"]
            subprocess.run([browser, *picture, f"--window-size={_WIDTH},{height}", path.as_uri()], check=True, capture_output=True, timeout=60)  # noqa: S603 - a browser, and our own page


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 10)
