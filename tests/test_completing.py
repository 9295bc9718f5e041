"""What a shell is offered: the configured domains, and the checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, domains in (("mailtls.yaml", "usual.example, other.example"), ("named.yaml", "named.example, nobody.example")):
        (tmp_path / name).write_text(f"providers: [{{name: A, domains: [{domains}]}}]\n")
    (tmp_path / "wrong.yaml").write_text("provider: [\n")
    return tmp_path


def offered(directory: Path, line: str) -> tuple[list[str], str]:
    """Return what typing this line in Bash is completed by, and what was said on standard error."""
    words = line.split(" ")
    environment = os.environ | {"_MAILTLS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = "import sys; sys.argv[0] = 'mailtls'; from mailtls.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], cwd=directory, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.split(), done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mailtls check us", ["usual.example"]), ("mailtls check other.example us", ["usual.example"]),
        ("mailtls history o", ["other.example"]), ("mailtls accept u", ["usual.example"]),
        ("mailtls accept usual.example starttls_", ["starttls_stripped"]),
        ("mailtls check --config.file named.yaml n", ["named.example", "nobody.example"]),
        ("mailtls check --config.file wrong.yaml u", []), ("mailtls check --config.file none.yaml u", []),
    ],
)  # fmt: skip
def test_a_shell_is_offered_what_is_configured_and_nothing_where_that_is_wrong(line: str, words: list[str], directory: Path) -> None:
    assert offered(directory, line) == (words, "")
