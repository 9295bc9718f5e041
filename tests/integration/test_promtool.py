"""What promtool and amtool say of the rules and the routes: they are right, they do what their tests say, and each goes to whom it should."""

import subprocess
from pathlib import Path

import pytest
from servers.server import find_program

DEPLOY = Path(__file__).parents[2] / "deploy"
ROUTES = DEPLOY / "alertmanager/alertmanager.yml"


def output_of(program: str, *arguments: str | Path) -> str:
    """Return what a program says that has to succeed."""
    done = subprocess.run([find_program(program), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    output_of("promtool", "check", "rules", "--lint=all", "--lint-fatal", DEPLOY / "prometheus/rules/mailtls.yml")


@pytest.mark.parametrize("cases", sorted((DEPLOY / "prometheus/tests").glob("*.yml")), ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(cases: Path) -> None:
    output_of("promtool", "test", "rules", cases)


def test_amtool_finds_nothing_wrong_with_the_routes() -> None:
    output_of("amtool", "check-config", ROUTES)
    assert Path(find_program("prometheus-alertmanager")).exists()


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "pager"), ("warning", "morning"), ("info", "nobody")])
def test_each_alert_goes_to_whom_it_should(severity: str, receiver: str) -> None:
    said = output_of(
        "amtool", "config", "routes", "test", f"--config.file={ROUTES}", f"--verify.receivers={receiver}",
        "alertname=MailTLSStartTLSLost", f"severity={severity}",
    )  # fmt: skip
    assert said.split() == [receiver]
