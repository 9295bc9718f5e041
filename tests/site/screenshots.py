"""Pictures of the site for people to look at: ``python -m tests.site.screenshots DIR``, in light, dark, on a phone and printed.

It writes the files of the made-up publication below DIR, serves them from loopback, and has Chromium look at them without JavaScript.
"""

from __future__ import annotations

import argparse
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from mailtls.site.file import File
from mailtls.site.notices import NOT_FOUND
from mailtls.site.pages import HTML
from tests.site.sample import site

PAGES = {
    "overview": "status/",
    "provider": "status/providers/solid/",
    "domain": "status/domains/excellent.example/",
    "degraded": "status/domains/legacy-only.example/",
    "unmeasured": "status/domains/ratelimited.example/",
    "hostile": "status/domains/hostile.example/",
    "incidents": "status/incidents/",
    "incident": "status/incidents/0197f3a0-0000-7000-8000-000000000000/",
    "trends": "status/trends/",
    "methodology": "status/methodology/",
    "glossary": "status/glossary/",
    "snapshots": "status/snapshots/",
    "snapshot": "status/snapshots/40/",
    "nothing": "status/nothing/",
}
LOOKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "light": ({"viewport": {"width": 1280, "height": 900}}, {"color_scheme": "light"}),
    "dark": ({"viewport": {"width": 1280, "height": 900}}, {"color_scheme": "dark"}),
    "phone": ({"viewport": {"width": 360, "height": 740}}, {"color_scheme": "light"}),
    "print": ({"viewport": {"width": 800, "height": 1100}}, {"media": "print", "color_scheme": "light"}),
    "zoomed": ({"viewport": {"width": 320, "height": 256}}, {"color_scheme": "dark"}),
    "forced": ({"viewport": {"width": 1280, "height": 900}}, {"forced_colors": "active", "color_scheme": "dark"}),
}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(folder: Path, wanted: list[str]) -> None:
    """Write the site, and a picture of each page that is wanted (all by default) in each look."""
    for path, file in {**site(stale=True), "status/nothing/index.html": File(HTML, lambda: NOT_FOUND.page("../"))}.items():
        where = folder / "site" / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(file.render())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder / "site")))
    Thread(target=server.serve_forever, daemon=True).start()
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play, play.chromium.launch(executable_path="/usr/bin/chromium", args=arguments) as browser:
        for name, path in PAGES.items():
            if not wanted or name in wanted:
                _pictures(browser, f"http://127.0.0.1:{server.server_port}/{path}", folder, name)
    server.shutdown()


def _pictures(browser: Browser, url: str, folder: Path, name: str) -> None:
    for look, (size, media) in LOOKS.items():
        with browser.new_context(java_script_enabled=False, **size) as context:
            page = context.new_page()
            page.on("console", lambda message: print(name, message.text))
            answer = page.goto(url)
            if answer is None or not answer.ok:
                print(f"{name}: not there")
                return
            page.emulate_media(**media)
            page.screenshot(path=folder / f"{name}-{look}.png", full_page=look != "zoomed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", nargs="*", help="by default all")
    wanted = parser.parse_args()
    main(wanted.folder, wanted.pages)
