"""What the tests of policies share: policies from a few lines of YAML, and domains from a few readings."""

from __future__ import annotations

import textwrap
from ipaddress import ip_address
from typing import Any

from mailtls import facts
from mailtls.model import Cause, Endpoint, EndpointObservation, Grade, Known, MXObservation, Stage, Unknown
from mailtls.policy.evaluation import Ground, evaluate, survey
from mailtls.policy.grammar import read_policy
from mailtls.policy.rules import Policy
from mailtls.policy.shipped import shipped
from mailtls.yamltext import parse

LATE = Unknown(Cause.READ_TIMEOUT, Stage.HANDSHAKE, "nothing came")


def policy(rules: str, head: str = "name: test\nversion: '1'\n") -> Policy:
    """Return a policy of some rules, each written without its id and its reason where they do not matter."""
    text = f"{head}rules:\n{textwrap.indent(textwrap.dedent(rules).strip(), '  ')}\n"
    return read_policy(*parse(text, "test.yaml"), "test.yaml", shipped)


def rule(condition: str, *more: str) -> Policy:
    """Return a policy of one rule."""
    lines = "".join(f"  {line}\n" for line in (textwrap.dedent(condition).strip() + "\n" + "\n".join(more)).splitlines())
    return policy(f"- id: one\n  why: Because.\n{lines}")


def reading(value: Any) -> Any:
    """Return a reading: what is one already as it is, anything else as known."""
    return value if type(value).__name__ in ("Known", "Absent", "Unknown") else Known(value)


def endpoint(number: int = 1, host: str = "mx.a.example", **readings: Any) -> EndpointObservation:
    """Return an endpoint of which only these facts are known."""
    known = {fact.name: LATE for fact in facts.ENDPOINT} | {name: reading(value) for name, value in readings.items()}
    return EndpointObservation(Endpoint(host, ip_address(f"192.0.2.{number}")), known, conclusive=True)  # type: ignore[arg-type]


def host(*endpoints: EndpointObservation, name: str = "mx.a.example", unresolved: Unknown | None = None, **readings: Any) -> MXObservation:
    """Return an MX host."""
    return MXObservation(name, 10, {n: reading(value) for n, value in readings.items()}, endpoints, unresolved)


def ground(*hosts: MXObservation, unresolved: Unknown | None = None, **readings: Any) -> Ground:
    """Return the ground of a domain."""
    return survey("a.example", {name: reading(value) for name, value in readings.items()}, hosts, unresolved)


def grade(held: Policy, *endpoints: EndpointObservation, **readings: Any) -> Grade:
    """Return the grade of a domain with one MX host; readings of the host and of the domain are told apart by their facts."""
    of_host = {fact.name for fact in facts.MX}
    mine = {name: value for name, value in readings.items() if name in of_host}
    return evaluate(held, ground(host(*endpoints, **mine), **{n: v for n, v in readings.items() if n not in of_host})).grade()


def level(held: Policy, **readings: Any) -> str | None:
    """Return the level of a domain with one endpoint."""
    scopes = {fact.name: fact.scope for fact in facts.ALL}
    of_endpoint = {name: value for name, value in readings.items() if scopes[name] == "endpoint"}
    others = {name: value for name, value in readings.items() if scopes[name] != "endpoint"}
    graded = grade(held, endpoint(**of_endpoint), **others)
    return None if graded.level is None else graded.level.value
