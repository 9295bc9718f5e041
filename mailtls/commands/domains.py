"""Recipient domains as people type them."""

from __future__ import annotations

import difflib
import os
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from mailtls.commands.ending import USAGE, fail
from mailtls.domain_name import BadName, ascii_name
from mailtls.readable import readable

if TYPE_CHECKING:
    from mailtls.config import Configuration


def recipient_domain(text: str) -> str:
    """Return a recipient domain as DNS knows it; or end with what is wrong, and what may have been meant."""
    if not text.strip():
        fail("a domain is empty; write one, such as gmail.com", USAGE)
    shown = readable(os.fsencode(text), 80)
    try:
        text.encode()
    except UnicodeEncodeError:  # surrogates: what was typed is not in the locale's encoding
        meant = _guess(os.fsencode(text).decode("utf-8", "replace"))
        fail(f"{shown}: the locale is not UTF-8; write {meant or 'the name as xn--...'}, or set LC_ALL=C.UTF-8", USAGE)
    meant = _guess(text)
    if meant is not None and _is_address(meant):
        fail(f"{shown}: an address, but a domain is wanted: what stands behind the @ of a mail address, such as gmail.com", USAGE)
    try:
        return ascii_name(text)
    except BadName as error:
        fail(f"{error}; did you mean {meant}?" if meant else str(error), USAGE)


def not_watched(domain: str, configuration: Configuration) -> str:
    """Return in words that a domain is not among those of a configuration, and which may have been meant; empty where it is, or all are unknown."""
    watched = [each for partner in configuration.partners() for each in partner.domains]
    if domain in watched or not watched:
        return ""
    near = difflib.get_close_matches(domain, watched, n=1, cutoff=0.8)
    return "no provider of the configuration has it" + (f"; did you mean {near[0]}?" if near else "")


def _guess(text: str) -> str | None:
    """Return the domain, or the IP address, within a mail address or a URL."""
    rest = re.sub(r"^\s*([a-z][a-z0-9+.-]*://|mailto:)", "", text, flags=re.IGNORECASE)
    rest = re.split(r"[/?#]", rest)[0].rpartition("@")[2].strip(" <>\t")
    bare = re.sub(r"^\[(.*)\](:\d+)?$", r"\1", rest)
    if _is_address(bare):
        return bare
    try:
        return ascii_name(re.sub(r":\d*$", "", rest))
    except BadName:
        return None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
