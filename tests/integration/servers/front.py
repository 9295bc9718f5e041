"""STARTTLS for a TLS server that knows no SMTP: EHLO, STARTTLS, 220, and from there the bytes of that server, untouched.

A program of its own: ``front.py ADDRESS PORT HOSTNAME COMMAND...``. It starts the command, the backend, in a network namespace that
holds nothing but a loopback interface, so that a backend that insists on listening everywhere is reached by nobody else, and
backends side by side have the same port. Each client has one connection to it, made when the client says STARTTLS.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys

from loopback import is_listening

BACKEND = ("127.0.0.1", 4433)
START_SECONDS = 15.0
CHUNK = 65_536
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def enter_own_network() -> None:
    """Move this process to a new network namespace; sockets it has stay where they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace: " + os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes, and then the end, from one side to the other; a reset is carried as a reset."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


class Front:
    """What is said before TLS."""

    def __init__(self, hostname: str) -> None:
        self._replies = {
            b"EHLO": f"250-{hostname}\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
            b"HELO": f"250 {hostname}\r\n",
            b"NOOP": "250 2.0.0 OK\r\n",
            b"RSET": "250 2.0.0 OK\r\n",
            b"QUIT": "221 2.0.0 bye\r\n",
        }
        self._banner = f"220 {hostname} ESMTP\r\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            if await self._until_tls(reader, writer):
                await self._relay(reader, writer)
        writer.close()

    async def _until_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(self._banner.encode())
        while True:
            command = (await reader.readuntil(b"\n"))[:8].upper().rstrip()
            if command == b"STARTTLS":
                return True
            writer.write(self._replies.get(command[:4], "502 5.5.2 not here\r\n").encode())
            await writer.drain()
            if command == b"QUIT":
                return False

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            backend_reader, backend_writer = await asyncio.open_connection(*BACKEND)
        except OSError:
            writer.write(b"454 4.7.0 TLS not available\r\n")
            return
        writer.write(b"220 2.0.0 go\r\n")
        inward = asyncio.create_task(pump(reader, backend_writer))
        await pump(backend_reader, writer)  # when the backend is done, so is the connection
        inward.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await inward
        backend_writer.close()


async def main() -> None:
    """Start the backend, and when it listens, listen."""
    address, port, hostname, *command = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as outside:
        outside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        outside.bind((address, int(port)))
        enter_own_network()
        backend = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(START_SECONDS):
            while not is_listening(*BACKEND) and not is_listening("0.0.0.0", BACKEND[1]):
                if backend.returncode is not None:
                    raise SystemExit(f"{command[0]} ended with {backend.returncode}")
                await asyncio.sleep(0.02)
        async with await asyncio.start_server(Front(hostname).serve, sock=outside, backlog=256):
            raise SystemExit(f"{command[0]} ended with {await backend.wait()}")


asyncio.run(main())
