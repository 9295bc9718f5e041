"""What a fake mail server does, as data: the steps of a reply, the TLS it speaks, the limit it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailtls.lab.authority import Identity

TLSVersion = Literal["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait for this many seconds, then go on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Never answer again, but keep the connection open and keep reading, until the peer closes."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close with a FIN; inside TLS without a close_notify."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Close with an RST."""


@dataclass(frozen=True, slots=True)
class Drip:
    """Send data one byte at a time, with `interval` seconds after each."""

    data: bytes
    interval: float


@dataclass(frozen=True, slots=True)
class Flood:
    """Send data over and over until the peer goes away, no faster than it reads."""

    data: bytes

    def __post_init__(self) -> None:
        """Refuse nothing to send, of which there is no end: ValueError."""
        if not self.data:
            raise ValueError("a flood needs data")


Step = bytes | Delay | Stall | Close | Reset | Drip | Flood
Script = bytes | tuple[Step, ...]


def steps(script: Script) -> tuple[Step, ...]:
    """Return a script's steps; bytes alone are one step."""
    return (script,) if isinstance(script, bytes) else script


def reply_code(script: Script) -> bytes:
    """Return the first three bytes a script sends: the reply code, if it is a reply."""
    sent = b"".join(
        step if isinstance(step, bytes) else step.data for step in steps(script) if isinstance(step, (bytes, Drip, Flood))
    )
    return sent[:3]


@dataclass(frozen=True, slots=True)
class TLS:
    """How a server speaks TLS."""

    identities: tuple[Identity, ...] = ()
    """What is shown to clients whose SNI is not in `by_sni`: several, of different key types, are served together."""

    by_sni: Mapping[str, tuple[Identity, ...]] = field(default_factory=dict)
    """What is shown to clients that ask for a name (lower case)."""

    require_sni: bool = False
    """Refuse other clients: unrecognized_name (112) for an unknown name, handshake_failure (40) for none."""

    min_version: TLSVersion = "TLSv1.2"
    max_version: TLSVersion = "TLSv1.3"

    ciphers: str | None = None
    """An OpenSSL cipher string; None is OpenSSL's default. TLS below 1.2 and RSA-1024 keys need `@SECLEVEL=0`."""

    groups: str | None = None
    """Key exchange groups in OpenSSL's notation, such as `X25519MLKEM768:X25519`; None is OpenSSL's default."""


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """After `count` connections within `window_seconds`, further ones get `reply` for a greeting, and are closed."""

    count: int
    window_seconds: float
    reply: bytes = b"421 4.7.0 Too many connections\r\n"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One scripted SMTP server. By default it is polite and lacks only TLS.

    A reply is bytes, or a tuple of steps; None is the polite reply. Two rules save the scripts from repeating them:
    a reply that begins with 421 is followed by a close, and after a greeting that begins with another 4 or 5 every
    command except QUIT gets 503, as RFC 5321 has it.
    """

    hostname: str = "mx.lab.example"
    greeting: Script | None = None
    ehlo: Script | None = None
    """None lists PIPELINING, SIZE, 8BITMIME, ENHANCEDSTATUSCODES and, if there is `tls`, STARTTLS."""

    helo: Script | None = None
    starttls: Script | None = None
    """None is 220 if there is `tls`, else 502. TLS begins if the reply begins with 220."""

    after_starttls: bytes = b""
    """Plaintext sent after the STARTTLS reply, in the same segment as its last bytes."""

    on_hello: Script = ()
    """If not empty, done in place of the handshake once the ClientHello is read; then the connection is closed."""

    tls: TLS | None = None
    ehlo_tls: Script | None = None
    """The reply to EHLO inside TLS; None lists the same as outside, but for STARTTLS."""

    quit: Script | None = None
    limit: ConnectionLimit | None = None

    def greeting_reply(self) -> Script:
        """Return what is sent on connection."""
        return f"220 {self.hostname} ESMTP ready\r\n".encode() if self.greeting is None else self.greeting

    def ehlo_reply(self, *, inside_tls: bool) -> Script:
        """Return the reply to EHLO."""
        reply = self.ehlo_tls if inside_tls else self.ehlo
        if reply is not None:
            return reply
        keywords = ["PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if self.tls is not None and not inside_tls:
            keywords.insert(2, "STARTTLS")
        lines = [self.hostname, *keywords]
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        return text.encode()

    def helo_reply(self) -> Script:
        """Return the reply to HELO."""
        return f"250 {self.hostname}\r\n".encode() if self.helo is None else self.helo

    def starttls_reply(self) -> Script:
        """Return the reply to STARTTLS, with `after_starttls` joined to its last bytes."""
        reply = self.starttls
        if reply is None:
            reply = b"220 2.0.0 Ready to start TLS\r\n" if self.tls else b"502 5.5.1 Command not implemented\r\n"
        last = steps(reply)[-1:]
        if last and isinstance(last[0], bytes):
            return (*steps(reply)[:-1], last[0] + self.after_starttls)
        return (*steps(reply), self.after_starttls) if self.after_starttls else reply

    def quit_reply(self) -> Script:
        """Return the reply to QUIT."""
        return b"221 2.0.0 Bye\r\n" if self.quit is None else self.quit
