"""What the lab's servers do alike: play the steps of a script, and choose the certificates for a client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailtls.lab.channel import Channel, make_context
from mailtls.lab.script import TLS, Close, Delay, Drip, Flood, Reset, Script, Stall, steps

if TYPE_CHECKING:
    from OpenSSL import SSL

    from mailtls.lab.hello import Hello

# Alert records as they stand on the wire: type 21, version 3.1, length 2, level fatal, description.
_HANDSHAKE_FAILURE = b"\x15\x03\x01\x00\x02\x02\x28"
_UNRECOGNIZED_NAME = b"\x15\x03\x01\x00\x02\x02\x70"

Contexts = dict[str | None, "SSL.Context"]
"""By server name; None is for clients whose name is not there."""


class Over(Exception):  # noqa: N818
    """The script has ended the connection: no error, only the way out of the dialogue."""


async def play(channel: Channel, script: Script) -> None:
    """Do a script's steps; raises Over if one of them ends the connection."""
    for step in steps(script):
        match step:
            case bytes():
                await channel.send(step)
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Drip(data, interval):
                for byte in data:
                    await channel.send(bytes((byte,)))
                    await asyncio.sleep(interval)
            case Flood(data):
                await channel.flood(data)
            case Stall():
                await channel.discard()
                raise Over
            case Close():
                await channel.finish(notify=False)
                raise Over
            case Reset():
                channel.reset()
                raise Over


def make_contexts(tls: TLS | None) -> Contexts:
    """Return the contexts of a server; raises SSL.Error if OpenSSL refuses its settings."""
    if tls is None:
        return {}
    contexts: Contexts = {name: make_context(tls, identities) for name, identities in tls.by_sni.items()}
    if tls.identities:
        contexts[None] = make_context(tls, tls.identities)
    return contexts


def choose_context(tls: TLS, contexts: Contexts, hello: Hello | None) -> SSL.Context | bytes:
    """Return the context for a client, or the alert it gets instead."""
    name = hello.server_name if hello else None
    if name is not None and name in contexts:
        return contexts[name]
    if None in contexts and not tls.require_sni:
        return contexts[None]
    return _UNRECOGNIZED_NAME if name else _HANDSHAKE_FAILURE
