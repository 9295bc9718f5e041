"""Write the dashboards: ``python -m grafana.write``, or ``make dashboards``."""

from __future__ import annotations

import json
from pathlib import Path

from grafana.board import document
from grafana.certificates import certificates
from grafana.daemon import daemon
from grafana.host import host
from grafana.overview import overview
from grafana.provider import provider

DIRECTORY = Path(__file__).parent / "dashboards"
DASHBOARDS = {"overview": overview, "provider": provider, "mx-host": host, "certificates": certificates, "daemon": daemon}


def written() -> dict[str, str]:
    """Return the text of each file by its name."""
    made = {name: document(make().build()) for name, make in DASHBOARDS.items()}
    return {f"{name}.json": json.dumps(found, indent=1, sort_keys=True) + "\n" for name, found in made.items()}


def main() -> None:
    """Write every file."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, text in written().items():
        (DIRECTORY / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
