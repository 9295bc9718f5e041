"""The kinds of value in a configuration: how each is written, and what is said of one that is not."""

from __future__ import annotations

import re
import reprlib
from datetime import date, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from mailtls.domain_name import BadName, ascii_name

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_KINDS = ((bool, "true or false"), (int | float, "a number"), (date, "a date"), (list, "a list"), (dict, "a mapping"), (str, "text"))
_HOST_PORT = r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})"
_DURATION = r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)\s*"
_CONTACT = r"mailto:[!-?A-~]+@[!-?A-~]+|https://[!-~]+"
_SHARE = r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*"
_Sequence = TypeVar("_Sequence", bound=tuple[Any, ...])


def shown(value: object) -> str:
    """Return a value for a message, in bounds: behind aliases a short file may hold a list of any length."""
    shortened = reprlib.Repr()
    shortened.maxlevel, shortened.maxstring, shortened.maxother = 2, 80, 80
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value) if isinstance(value, date) else shortened.repr(value)


def read_as(value: object) -> str:
    """Return what kind of value YAML made of a text."""
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "nothing (null)")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    quotes = "" if isinstance(value, list | dict) else "; put it in quotes where text is meant"
    raise ValueError(f"must be text, and YAML reads it as {read_as(value)}{quotes}")


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, and YAML reads it as true or false")  # noqa: TRY004 - pydantic collects it
    return value


def _duration(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a duration is a number and a unit, such as 500ms, 10s, 15m, 24h or 400d")  # noqa: TRY004 - pydantic collects it
    match = re.fullmatch(_DURATION, str(value))
    if match is None:
        raise ValueError(f"{shown(value)} is no duration; write a number and a unit, such as 500ms, 10s, 15m, 24h or 400d")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > 100 * _UNITS["d"] * 365:
        raise ValueError(f"{shown(value)} is longer than a hundred years")
    return timedelta(seconds=seconds)


def _share(value: object) -> object:
    match = re.fullmatch(_SHARE, value) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError(f"{shown(value)} is no share; write a percentage from 0% to 100%, such as 10%")
    return float(match[1]) / 100


def _address(value: object, example: str = "127.0.0.1:9925 or [::1]:9925") -> tuple[str, int]:
    match = re.fullmatch(_HOST_PORT, value) if isinstance(value, str) else None
    if match is None or int(match[3]) > 65535:
        raise ValueError(f"{shown(value)} is no address and port, such as {example}")
    return match[1] or match[2], int(match[3])


def _resolver_address(value: object) -> tuple[str, int]:
    address = _address(value, "127.0.0.1:53 or [::1]:53")
    try:
        ip_address(address[0])
    except ValueError:
        raise ValueError(f"{address[0]!r} is no IP address; a resolver is named by its address and port, such as 127.0.0.1:53") from None
    return address


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


def _domain(value: object) -> object:
    try:
        return ascii_name(_text(value))
    except BadName as error:
        raise ValueError(str(error)) from None


def _host(value: object) -> object:
    """Return a name, ``*.`` and a name, or ``*``."""
    text = _text(value)
    if text == "*":
        return text
    stars = "*." if text.startswith("*.") else ""
    return f"{stars}{_domain(text.removeprefix(stars))}"


def _file(value: object) -> str:
    text = _text(value)
    if not text or "\0" in text:
        raise ValueError("is no path of a file")
    return text


_DATABASES = "write sqlite:/// and the path of a file, or postgresql:// and user@host/database"


def _database(value: object) -> str:
    text = _text(value)  # which may hold a password: nothing after the scheme is ever shown
    scheme, separator, place = text.partition("://")
    if not separator:
        raise ValueError(f"is no URL of a database; {_DATABASES}")
    if scheme not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError(f"{shown(scheme)} is no database of this version; {_DATABASES}")
    if "\0" in place or (scheme == "sqlite" and place and not place.startswith("/")):
        raise ValueError("names a host or no file; write sqlite:/// and the path of a file: three slashes, or four where it begins with one")
    if scheme != "sqlite" and not place.partition("?")[0].rpartition("@")[2].partition("/")[2]:
        raise ValueError("names no database; write postgresql:// and user@host/database, and user@/database for a local socket")
    return text


def _url(value: object) -> str:
    """Return a URL; it may hold a secret, so no part of it but its scheme is ever shown."""
    example = "write one such as https://alerts.example/mailtls"
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(f"is no URL; {example}")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"is no URL; {example}") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError(f"is no URL of a web server; {example}")
    if parts.username is not None or parts.fragment:
        raise ValueError("holds a user or a fragment, which are not sent; a token belongs into bearer_token_file")
    return value


def _contact(value: object) -> str:
    """Return a ``mailto:`` or ``https:`` URL, as it will be published."""
    if not isinstance(value, str) or not re.fullmatch(_CONTACT, value):
        raise ValueError(f"{shown(value)} is no contact; write one such as mailto:mailtls@example.net, or an https URL")
    return value


def _some(value: _Sequence) -> _Sequence:
    if not value:
        raise ValueError("the list is empty; at least one must be in it")
    return value


def short_duration(value: timedelta) -> str:
    """Return a duration as one writes it in the file: ``15m``."""
    seconds = value.total_seconds()
    unit, size = next((pair for pair in (("d", 86400), ("h", 3600), ("m", 60)) if seconds and seconds % pair[1] == 0), ("s", 1))
    return f"{seconds / size:g}{unit}"


def _written_address(value: tuple[str, int]) -> str:
    host, port = value
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _in_schema(kind: str, pattern: str, *examples: str) -> WithJsonSchema:
    """Say in the schema what stands in the file, which is text; ``kind`` is for the page of keys."""
    said = {"examples": list(examples)} if examples else {}
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "$comment": kind, **said})


_AS_DURATION = (PlainSerializer(short_duration), _in_schema("duration", _DURATION, "10s", "15m", "24h"))
_AS_ADDRESS = (PlainSerializer(_written_address), _in_schema("address and port", _HOST_PORT))
Duration = Annotated[timedelta, BeforeValidator(_duration), *_AS_DURATION]
Wait = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive), *_AS_DURATION]
Share = Annotated[
    float, BeforeValidator(_share), PlainSerializer(lambda share: f"{share * 100:g}%"), _in_schema("percentage", _SHARE, "10%")
]
HostPort = Annotated[tuple[str, int], BeforeValidator(_address), *_AS_ADDRESS]
ResolverAddress = Annotated[tuple[str, int], BeforeValidator(_resolver_address), *_AS_ADDRESS]
Text = Annotated[str, BeforeValidator(_text)]
Domain = Annotated[str, BeforeValidator(_domain)]
HostName = Annotated[str, BeforeValidator(_host)]
Database = Annotated[str, BeforeValidator(_database)]
Url = Annotated[str, BeforeValidator(_url)]
Contact = Annotated[str, BeforeValidator(_contact)]
File = Annotated[Path, BeforeValidator(_file)]
IPNetwork = Annotated[IPv4Network | IPv6Network, BeforeValidator(_text), WithJsonSchema({"type": "string"})]
IPAddress = Annotated[IPv4Address | IPv6Address, BeforeValidator(_text), WithJsonSchema({"type": "string"})]
Count = Annotated[int, BeforeValidator(_number)]
Number = Annotated[float, BeforeValidator(_number)]
# Not min_length: pydantic would count what is left of a list without its bad entries, and call a list of one bad entry empty.
Some = AfterValidator(_some)


def span(meaning: str, **units: int) -> Any:
    """Declare a key that takes a duration, by its default in ``units`` of :class:`timedelta`."""
    return Field(default=timedelta(**units), description=meaning)
