"""A small SMTP client that speaks TLS through memory BIOs, for tests that look at what a server really does."""

import asyncio
import contextlib

from OpenSSL import SSL

VERSIONS = {"TLSv1.0": SSL.TLS1_VERSION, "TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


class Client:
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.tls = None

    async def read(self):
        """Return some bytes, none at the end."""
        if self.tls is None:
            return await self.reader.read(65536)
        while True:
            try:
                return self.tls.recv(65536)
            except SSL.ZeroReturnError:
                return b""
            except SSL.WantReadError:
                chunk = await self.reader.read(65536)
                if not chunk:
                    raise EOFError("the end without a close_notify") from None
                self.tls.bio_write(chunk)

    async def reply(self):
        """Return one whole reply."""
        data = b""
        while not (data.endswith(b"\r\n") and data.splitlines()[-1][3:4] != b"-"):
            chunk = await self.read()
            if not chunk:
                raise EOFError(data)
            data += chunk
        return data

    async def send(self, data):
        if self.tls is None:
            self.writer.write(data)
        else:
            self.tls.sendall(data)
            self.flush()
        await self.writer.drain()

    async def ask(self, command):
        await self.send(command + b"\r\n")
        return await self.reply()

    def flush(self):
        with contextlib.suppress(SSL.WantReadError):
            while True:
                self.writer.write(self.tls.bio_read(65536))

    async def handshake(self, *, versions=None, ciphers=None, sigalgs=None, groups=None, sni=None):
        """Shake hands after a 220 to STARTTLS; raises SSL.Error with the server's alert."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        low, high = versions or ("TLSv1.2", "TLSv1.3")
        context.set_min_proto_version(VERSIONS[low])
        context.set_max_proto_version(VERSIONS[high])
        if ciphers:
            context.set_cipher_list(ciphers)
        if sigalgs:
            assert SSL._lib.SSL_CTX_set1_sigalgs_list(context._context, sigalgs)
        if groups:
            assert SSL._lib.SSL_CTX_set1_curves_list(context._context, groups)
        self.tls = SSL.Connection(context, None)
        if sni:
            self.tls.set_tlsext_host_name(sni)
        self.tls.set_connect_state()
        while True:
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                self.flush()
                chunk = await self.reader.read(65536)
                if not chunk:
                    raise EOFError from None
                self.tls.bio_write(chunk)
            else:
                self.flush()
                return self.tls

    async def starttls(self, **settings):
        """Go from the greeting to the end of the handshake."""
        await self.reply()
        await self.ask(b"EHLO probe.lab.example")
        assert (await self.ask(b"STARTTLS")).startswith(b"220")
        return await self.handshake(**settings)


@contextlib.asynccontextmanager
async def connected(address, source=None):
    reader, writer = await asyncio.open_connection(*address, local_addr=source and (source, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
