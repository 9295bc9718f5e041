"""What a reply means for a checker that must never mistake "go away" for "I have no TLS".

The rules, in one place:

- ``421``, any other ``4xx`` and a ``5xx`` of policy say something about us or about the moment, nothing about TLS: not measured.
- EHLO answered 500, 501, 502 or 504 leads to HELO (RFC 5321 section 3.2); a server that knows only HELO has no STARTTLS: measured,
  once a fresh connection has said the same.
- STARTTLS answered 454 (RFC 3207 section 4), 500 to 504, or 554 with 5.5.x or 5.7.3 to 5.7.7 (cryptography), after it was offered: offered
  but failing: measured, once a fresh connection has said the same.
- Whatever its code, a reply that speaks of us (X.7.1 and the like on any of its lines, or the words that blocklists and limits
  use) is none of the above. The words only ever make a reading unknown; no reading is taken from them.
- A decoy that greylists strangers (OpenBSD's spamd) says 220 and 250, and never STARTTLS, in the place of a server that may well have it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailtls.model import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailtls.smtp.reply import Reply

_NO_EHLO = frozenset({500, 501, 502, 504})
_NO_STARTTLS = frozenset({500, 501, 502, 503, 504})
_POLICY_CODES = frozenset({521, 530, 535, 541, 550, 551, 553, 554, 556, 571})
# Of security and policy (RFC 3463 section 3.8), what says that cryptography failed is about the server: 5.7.3 "cannot initialize security".
_ABOUT_CRYPTOGRAPHY = re.compile(r"[245]\.7\.[3-7]")
_DECOY = re.compile(rb"(?i)\bspamd IP-based SPAM blocker\b|^Hello, spam sender\. Pleased to be wasting your time")
_ABOUT_US = re.compile(
    rb"(?i)black.?list|block|\blisted\b|banned|reputation|\bspam|dnsbl|\brbl\b|denied|reject|not allowed|not authori[sz]ed|policy|abuse"
    rb"|gr[ae]y.?list|too many|too fast|\blimit|throttl|\brate\b|\bptr\b|reverse dns|fully.qualified|invalid (?:name|host|domain|helo|ehlo|address)"
)


def why_refused(reply: Reply) -> Cause:
    """Return why a server that sent this reply cannot be measured. For replies that are neither the wanted one nor a fact."""
    if reply.code == 421:
        return Cause.RATE_LIMITED
    if 400 <= reply.code < 500 or (reply.code >= 500 and any(code.startswith("4.") for code in reply.enhanced_codes)):
        return Cause.DEFERRED
    if reply.code >= 500 and is_policy(reply):
        return Cause.BLOCKED
    return Cause.PROTOCOL_ERROR


def is_policy(reply: Reply) -> bool:
    """Whether a ``5xx`` reply speaks of who we are (blocklists, reputation, names) and not of what the server can do."""
    if _speaks_of_us(reply):
        return True
    return reply.code in _POLICY_CODES and not any(code.startswith("5.5.") for code in reply.enhanced_codes)


def _speaks_of_us(reply: Reply) -> bool:
    """Whether any line carries a code of security or policy (RFC 3463 section 3.8) or of addressing (3.2), or words that say as much."""
    return _has_code_of_us(reply.enhanced_codes) or _has_words_of_us(reply)


def _has_code_of_us(codes: Iterable[str]) -> bool:
    return any(code[1:].startswith((".7.", ".1.")) and code != "4.7.0" for code in codes)


def _has_words_of_us(reply: Reply) -> bool:
    return any(_ABOUT_US.search(line) for line in reply.lines)


def _is_cryptography(code: str) -> bool:
    return _ABOUT_CRYPTOGRAPHY.fullmatch(code) is not None


def is_decoy(reply: Reply) -> bool:
    """Whether a greeting, or the answer to EHLO, is that of a program which stands in for a mail server before strangers."""
    return any(_DECOY.search(line) for line in reply.lines)


def asks_for_helo(reply: Reply) -> bool:
    """Whether a reply to EHLO says that the server does not know EHLO (RFC 5321 section 3.2), and not that it dislikes us."""
    return reply.code in _NO_EHLO and not _speaks_of_us(reply) and not any(code.startswith("4.") for code in reply.enhanced_codes)


def starttls_failed(reply: Reply) -> bool:
    """Whether a reply to an offered STARTTLS is the server's own failure, and speaks neither of us nor of the moment."""
    if _has_words_of_us(reply) or _has_code_of_us(code for code in reply.enhanced_codes if not _is_cryptography(code)):
        return False
    if reply.code == 454:
        return True
    if any(code.startswith("4.") for code in reply.enhanced_codes):
        return False
    of_the_server = any(code.startswith("5.5.") or _is_cryptography(code) for code in reply.enhanced_codes)
    return reply.code in _NO_STARTTLS or (reply.code == 554 and of_the_server)
