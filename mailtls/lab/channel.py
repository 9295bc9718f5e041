"""One accepted connection: lines in, bytes out, in plaintext and then perhaps in TLS."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import tempfile
from typing import TYPE_CHECKING

from OpenSSL import SSL

from mailtls.lab.hello import Hello, read_hello

if TYPE_CHECKING:
    from mailtls.lab.authority import Identity
    from mailtls.lab.script import TLS

_READ = 16384  # bytes
_LINE_LIMIT = 4096  # bytes
_LINGER = 2.0  # seconds given to the peer to close after a FIN
_VERSIONS = {
    "TLSv1.0": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}


def make_context(tls: TLS, identities: tuple[Identity, ...]) -> SSL.Context:
    """Return an OpenSSL server context; raises SSL.Error if OpenSSL refuses a setting."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(_VERSIONS[tls.min_version])
    context.set_max_proto_version(_VERSIONS[tls.max_version])
    # Before the certificates: the security level in the cipher string decides whether a weak key may be loaded.
    if tls.ciphers is not None:
        context.set_cipher_list(tls.ciphers.encode())
    if tls.groups is not None:
        # pyOpenSSL has no public call for a list of groups, and set_tmp_ecdh knows no post-quantum ones.
        lib = SSL._lib  # type: ignore[attr-defined]  # noqa: SLF001
        if not lib.SSL_CTX_set1_curves_list(context._context, tls.groups.encode()):  # noqa: SLF001
            SSL._raise_current_error()  # noqa: SLF001  # also empties OpenSSL's error queue
    for identity in identities:
        # The one call that gives each certificate its own chain takes a file; add_extra_chain_cert is per context.
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(identity.chain_pem)
            file.flush()
            context.use_certificate_chain_file(file.name)
        context.use_privatekey(identity.private_key)
    return context


class LineTooLongError(Exception):
    """The client sent a command line beyond the limit."""


class Channel:
    """An accepted connection.

    Its methods raise OSError, EOFError or SSL.Error when the peer goes away or breaks the protocol.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._tls: SSL.Connection | None = None

    @property
    def inside_tls(self) -> bool:
        """Whether the handshake is done."""
        return self._tls is not None

    async def read_line(self) -> bytes:
        """Return the next line without its end; raises EOFError, or LineTooLongError beyond 4 KiB."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _LINE_LIMIT:
                raise LineTooLongError
            chunk = await self._receive()
            if not chunk:
                raise EOFError
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if end > _LINE_LIMIT:
            raise LineTooLongError
        return line.rstrip(b"\r")

    async def read_hello(self) -> tuple[Hello | None, bytes]:
        """Read a ClientHello; return what it says, None if it is none, and the bytes read."""
        # Commands pipelined behind STARTTLS are not to be taken for commands given inside TLS (CVE-2011-0411).
        self._buffer.clear()
        flight = b""
        while True:
            chunk = await self._reader.read(_READ)
            if not chunk:
                raise EOFError
            flight += chunk
            try:
                hello = read_hello(flight)
            except ValueError:
                return None, flight
            if hello is not None:
                return hello, flight

    async def handshake(self, context: SSL.Context, flight: bytes) -> None:
        """Do the server's side of a handshake, starting from bytes already read."""
        tls = SSL.Connection(context, None)
        tls.set_accept_state()
        tls.bio_write(flight)
        while True:
            try:
                tls.do_handshake()
            except SSL.WantReadError:
                await self._flush(tls)
                chunk = await self._reader.read(_READ)
                if not chunk:
                    raise EOFError from None
                tls.bio_write(chunk)
            except SSL.Error:
                await self._flush(tls)  # the alert that says why
                raise
            else:
                await self._flush(tls)
                self._tls = tls
                return

    async def send(self, data: bytes) -> None:
        """Send bytes, waiting while the peer is slow to read."""
        if self._tls is None:
            await self._write(data)
        elif data:
            self._tls.sendall(data)
            await self._flush(self._tls)

    async def flood(self, data: bytes) -> None:
        """Send data over and over; ends only by an exception."""
        data *= -(-4096 // len(data))
        while True:
            await self.send(data)
            # drain() does not yield while the kernel takes everything, and nothing else would get to run.
            await asyncio.sleep(0)

    async def discard(self) -> None:
        """Read until the peer closes."""
        while await self._reader.read(_READ):
            pass

    async def finish(self, *, notify: bool) -> None:
        """Send a FIN, and a close_notify before it if asked and inside TLS, and give the peer time to close too.

        Closing at once would turn into an RST whenever the kernel holds input that nobody read.
        """
        if notify and self._tls is not None:
            self._tls.shutdown()
            await self._flush(self._tls)
        self._refuse_when_closed()
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                await self.discard()

    def reset(self) -> None:
        """Close with an RST."""
        # On a duplicate of the descriptor, because event loops other than asyncio's give no socket to set options on.
        with socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno())) as duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def drop(self) -> None:
        """Release the socket, whatever its state; never raises OSError."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _receive(self) -> bytes:
        """Return some bytes, decrypted if inside TLS; none at the end, which a close_notify also is."""
        if self._tls is None:
            return await self._reader.read(_READ)
        while True:
            try:
                return self._tls.recv(_READ)
            except SSL.ZeroReturnError:
                return b""
            except SSL.WantReadError:
                await self._flush(self._tls)
                chunk = await self._reader.read(_READ)
                if not chunk:
                    return b""
                self._tls.bio_write(chunk)

    async def _flush(self, tls: SSL.Connection) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                await self._write(tls.bio_read(65536))

    async def _write(self, data: bytes) -> None:
        self._refuse_when_closed()
        self._writer.write(data)
        await self._writer.drain()

    def _refuse_when_closed(self) -> None:
        # asyncio drops what is written after the client has gone, and says so at the next drain; uvloop raises a RuntimeError at once.
        if self._writer.is_closing():
            raise ConnectionResetError
