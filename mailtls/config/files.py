"""Which files a configuration consists of, right or wrong: those that change what a reload would read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailtls.config.policyfile import is_file
from mailtls.config.yamlfile import BadConfiguration, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OF_TLS = ("cert_file", "key_file", "client_ca_file")


def files_behind(path: Path, web_file: Path | None = None) -> tuple[Path, ...]:
    """Return the paths of a configuration file, of a web configuration file if there is one, and of all that they name, there or not."""
    found = {path: None}
    source = _source(path)
    for name in _texts(source.get("provider_files")):
        found[path.parent / name] = None
    for name in _texts([_mapping(source.get("trust")).get("ca_file")]):
        found[path.parent / name] = None
    for name in _texts(source.get("policies")):
        _follow(path.parent, name, found)
    if web_file is not None:
        tls = _mapping(_source(web_file).get("tls_server_config"))
        found |= dict.fromkeys((web_file, *(web_file.parent / name for name in _texts([tls.get(key) for key in _OF_TLS]))))
    return tuple(found)


def _follow(beside: Path, name: str, found: dict[Path, None]) -> None:
    """Add the file of a policy, and those that it extends."""
    while is_file(name) and (path := beside / name) not in found:
        found[path] = None
        beside, name = path.parent, next(_texts([_source(path).get("extends")]), "")


def _source(path: Path) -> dict[str, Any]:
    try:
        return read(path)[0]
    except BadConfiguration:
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(values: object) -> Iterator[str]:
    for value in values if isinstance(values, list) else ():
        if isinstance(value, str) and value and "\0" not in value:
            yield value
