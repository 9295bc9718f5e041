"""What is wrong with a configuration, in plain words: what the model found, with file, line and the nearest right name."""

from __future__ import annotations

import difflib
from contextlib import suppress
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, get_args

from mailtls.config.sections import ProviderFile, Section
from mailtls.config.values import read_as, shown
from mailtls.config.yamlfile import locate, spelled

if TYPE_CHECKING:
    from pathlib import Path

    import yaml
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_BOUNDS = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than", "less_than_equal": "at most"}
_ARTICLES = {"tuple_type": "a list", "list_type": "a list", "string_type": "text", "int_type": "a number", "float_type": "a number"}
_MAPPINGS = frozenset({"model_type", "model_attributes_type", "dict_type"})
_NUMBERS = frozenset({"int_parsing", "int_from_float", "float_parsing"})
_ADDRESSES = frozenset({"ip_v4_address", "ip_v6_address"})
_NETWORKS = frozenset({"ip_v4_network", "ip_v6_network"})
_CHOICES = frozenset({"literal_error", "bool_parsing", "bool_type"})


def mistakes_of(error: ValidationError, model: type[Section], nodes: yaml.Node | None, path: Path) -> list[str]:
    """Return what is wrong, one line for each place in the file, in the order of their lines.

    Args:
        error: what the model found.
        model: the model.
        nodes: the file's nodes, for their lines.
        path: of the file.

    """
    told: dict[tuple[int, str], str] = {}
    for mistake in error.errors(include_url=False):
        keys = [key for key in mistake["loc"] if not (isinstance(key, str) and key.startswith(("function-", "constrained-")))]
        line, known = locate(nodes, keys)
        absent = mistake["type"] == "missing"
        name = spelled(keys[: len(keys) if absent else known])
        text = "unknown key" + _nearest(model, str(keys[-1]), keys[:-1]) if mistake["type"] == "extra_forbidden" else _said(mistake)
        before = told.setdefault((line, name), f"{path}:{line}: {name}: {text}" if name else f"{path}:{line}: {text}")
        if mistake["type"] in _CHOICES and not before.endswith(text):  # a key that takes one of several kinds has a mistake for each
            told[line, name] = f"{before}, {_choices(mistake)}"
    return [told[key] for key in sorted(told)]


def _said(mistake: ErrorDetails) -> str:
    """Return one mistake in words; what we check ourselves says its own."""
    kind, value, context = mistake["type"], mistake["input"], mistake.get("ctx", {})
    if kind == "missing":
        return "is missing, and has no default"
    if kind in _BOUNDS:
        return f"{shown(value)} is out of bounds; it must be {_BOUNDS[kind]} {next(iter(context.values()))}"
    if kind in _ARTICLES:
        return f"must be {_ARTICLES[kind]}, and YAML reads it as {read_as(value)}{_listed(value) if _ARTICLES[kind] == 'a list' else ''}"
    if kind in _MAPPINGS:
        return f"must be a mapping of keys to values, and YAML reads it as {read_as(value)}"
    if kind in _NUMBERS:
        return f"{shown(value)} is no {'number' if kind == 'float_parsing' else 'whole number'}"
    if kind in _ADDRESSES:
        return f"{shown(value)} is no IP address"
    if kind in _NETWORKS:
        return f"{shown(value)} is no network{_network_meant(value)}"
    if kind in _CHOICES:
        return f"{shown(value)} is none of {_choices(mistake)}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind in {"string_too_long", "too_long"}:
        return f"is longer than {context['max_length']} {'characters' if kind == 'string_too_long' else 'entries'}"
    return mistake["msg"].removeprefix("Value error, ")


def _listed(value: object) -> str:
    if isinstance(value, dict):
        return "; begin each entry with a hyphen"
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return "; write it in brackets: [...]"
    return ""


def _network_meant(value: object) -> str:
    with suppress(ValueError):
        return f"; did you mean {ip_network(str(value), strict=False)}?"
    return "; write address and length, such as 10.20.0.0/16"


def _choices(mistake: ErrorDetails) -> str:
    if mistake["type"] != "literal_error":
        return "true, false"
    return str(mistake.get("ctx", {})["expected"]).replace("'", "").replace(" or ", ", ")


def _nearest(model: type[Section], wrong: str, parents: list[Any]) -> str:
    section: Any = model
    for key in parents:
        if isinstance(key, int):
            continue
        field = getattr(section, "model_fields", {}).get(key)
        if field is None:
            return ""
        section = next((inner for inner in get_args(field.annotation) if isinstance(inner, type) and issubclass(inner, Section)), field.annotation)
    names = [field.alias or name for name, field in getattr(section, "model_fields", {}).items()]
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return "; a provider file holds nothing but a providers list" if section is ProviderFile else f"; known here: {', '.join(names)}"
