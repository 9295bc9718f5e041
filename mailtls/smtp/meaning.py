"""What a reply means for a checker that must never mistake "go away" for "I have no TLS".

The rules, in one place:

- ``421``, any other ``4xx`` and a ``5xx`` of policy say something about us or about the moment, nothing about TLS: not measured.
- EHLO answered 500, 501, 502 or 504 leads to HELO (RFC 5321 section 3.2); a server that knows only HELO has no STARTTLS: measured.
- STARTTLS answered 454 (RFC 3207 section 4) or by a ``5xx`` that is no policy, after it was offered: offered but failing, measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailtls.model import Cause

if TYPE_CHECKING:
    from mailtls.smtp.reply import Reply

_NO_EHLO = frozenset({500, 501, 502, 504})
_POLICY_CODES = frozenset({521, 530, 535, 541, 550, 551, 553, 554, 556, 571})


def why_refused(reply: Reply) -> Cause:
    """Return why a server that sent this reply cannot be measured. For replies that are neither the wanted one nor a fact."""
    if reply.code == 421:
        return Cause.RATE_LIMITED
    if 400 <= reply.code < 500:
        return Cause.DEFERRED
    if is_policy(reply):
        return Cause.BLOCKED
    return Cause.PROTOCOL_ERROR


def is_policy(reply: Reply) -> bool:
    """Whether a ``5xx`` reply speaks of who we are (blocklists, reputation, names) and not of what the server can do."""
    enhanced = reply.enhanced
    if enhanced is not None:
        return enhanced.startswith("5.7.") or (reply.code in _POLICY_CODES and not enhanced.startswith("5.5."))
    return reply.code in _POLICY_CODES


def asks_for_helo(reply: Reply) -> bool:
    """Whether a reply to EHLO says that the server does not know EHLO (RFC 5321 section 3.2), and not that it dislikes us."""
    return reply.code in _NO_EHLO and not (reply.enhanced or "").startswith("5.7.")


def starttls_failed(reply: Reply) -> bool:
    """Whether a reply to an offered STARTTLS is the server's own failure: 454, or a ``5xx`` that is not about us."""
    if reply.code == 454:
        return True
    return 500 <= reply.code < 600 and not is_policy(reply)
