"""What an EHLO reply offers (RFC 5321 section 4.1.1.1), and the ways in which an offer of STARTTLS gets lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailtls.readable import readable

if TYPE_CHECKING:
    from mailtls.smtp.reply import Reply

_STRIPPED = re.compile(r"X{4,}[A-Z]?")
_WORD = re.compile(rb"(?i)(?:^|[\s=])STARTTLS(?:\s|$)")


def keywords(reply: Reply) -> tuple[str, ...]:
    """Return the EHLO keywords in the server's order, in upper case; the first line of the reply is the server's name, not a keyword.

    ``AUTH=LOGIN`` and the like count as the keyword before the ``=``, as old servers mean it.
    """
    words = (line.split(None, 1)[0].split(b"=", 1)[0] for line in reply.lines[1:] if line.strip())
    return tuple(readable(word, 64).upper() for word in words)


def offers_starttls(reply: Reply) -> bool:
    """Whether the reply has the keyword STARTTLS (RFC 3207 section 4); servers that add a parameter to it mean it all the same."""
    return any(line.split(None, 1)[0].partition(b"=")[0].upper() == b"STARTTLS" for line in reply.lines[1:] if line.strip())


def looks_stripped(reply: Reply) -> bool:
    """Whether a keyword was overwritten with X on the way, as inspecting firewalls do: ``XXXXXXXA``, ``XXXXXXXX``."""
    return any(_STRIPPED.fullmatch(word) for word in keywords(reply))


def mentions_starttls_in_first_line(reply: Reply) -> bool:
    """Whether STARTTLS stands in a reply's first line (banner, or the server's name), where no sender looks for it."""
    return _WORD.search(reply.lines[0]) is not None
