"""A relay on loopback that is as far away as one likes: it counts connections, and adds latency in both directions.

    with Relay("127.30.1.1", 25, listen="127.30.1.2", rtt=0.020) as relay:
        ...  # visit relay.address, relay.port
        relay.counts()

It is a process of its own, this file run as a program. Half the round trip is added to every chunk in each direction, as latency:
chunks under way do not wait for one another, and neither bytes nor the end of a stream overtake. Since the connection itself is made
with the relay, at no distance, the relay gives back what that hides: what the client sends counts as sent a round trip after it
connected, at the earliest, and the server learns of the client one and a half after, so that its greeting is there after two.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

BACKLOG = 256
GRAIN = 0.0005  # seconds: asyncio wakes up to a millisecond late, so what is nearly due is due


@dataclass(frozen=True, slots=True)
class Counts:
    """What has gone through: connections, those at one time at most, octets from and to the clients, and the relay's own CPU."""

    connections: int
    most_at_once: int
    from_client: int
    from_server: int
    cpu: float


class Relay:
    """The relay seen from outside, as a context manager."""

    def __init__(self, address: str, port: int, *, listen: str, rtt: float = 0.0) -> None:
        self.address, self.port = listen, port
        self._command = [sys.executable, __file__, address, str(port), listen, str(rtt)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.counts()  # it answers as soon as it listens
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        assert process is not None
        process.communicate()  # the end of its input is its own
        if process.returncode:
            raise RuntimeError(f"the relay ended with {process.returncode}")

    def counts(self) -> Counts:
        """Ask for the numbers up to now."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the relay has ended")
        return Counts(**json.loads(line))


# The process.


class _Tally:
    def __init__(self) -> None:
        self.connections = self.now = self.most_at_once = self.from_client = self.from_server = 0

    def opened(self) -> None:
        self.connections += 1
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)

    def as_json(self) -> str:
        used = resource.getrusage(resource.RUSAGE_SELF)
        told = {name: getattr(self, name) for name in ("connections", "most_at_once", "from_client", "from_server")}
        return json.dumps(told | {"cpu": used.ru_utime + used.ru_stime})


class End(Enum):
    """How a stream ended."""

    CLOSED = auto()
    RESET = auto()


class _Line:
    """One direction of one connection: whatever is put in comes out in the same order, ``delay`` later."""

    def __init__(self, delay: float, not_before: float = 0.0) -> None:
        self._delay = delay
        self._not_before = not_before
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, bytes | End]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._to: asyncio.Transport | None = None

    def attach(self, transport: asyncio.Transport) -> None:
        """Say where it ends."""
        self._to = transport
        self._deliver()

    def put(self, data: bytes | End) -> None:
        """Send bytes, or the end."""
        self._queue.append((max(self._loop.time(), self._not_before) + self._delay, data))
        if self._timer is None:
            self._deliver()

    def _deliver(self) -> None:
        self._timer = None
        if self._to is None:
            return
        now = self._loop.time()
        while self._queue and self._queue[0][0] <= now + GRAIN:
            data = self._queue.popleft()[1]
            if self._to.is_closing():
                continue
            if data is End.RESET:
                self._to.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._to.abort()
            elif data is End.CLOSED:
                self._to.close()  # after what was written; nobody half-closes in SMTP
            else:
                self._to.write(data)
        if self._queue:
            self._timer = self._loop.call_at(self._queue[0][0] - GRAIN, self._deliver)


class _End(asyncio.Protocol):
    """One of the two sockets of a connection: what it receives goes down its line."""

    def __init__(self, line: _Line, count: str, tally: _Tally) -> None:
        self._line = line
        self._count = count
        self._tally = tally

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        setattr(self._tally, self._count, getattr(self._tally, self._count) + len(data))
        self._line.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.put(End.RESET if isinstance(exc, ConnectionResetError) else End.CLOSED)


class _Client(_End):
    """The client's end, which has the server's made."""

    def __init__(self, target: tuple[str, int], rtt: float, tally: _Tally) -> None:
        self._loop = asyncio.get_running_loop()
        self._target = target
        self._rtt = rtt
        self._inward = _Line(rtt / 2, self._loop.time() + rtt)
        self._outward = _Line(rtt / 2)
        super().__init__(self._inward, "from_client", tally)
        self._making: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._tally.opened()
        self._outward.attach(transport)
        self._making = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        if self._rtt:
            await asyncio.sleep(1.5 * self._rtt)
        try:
            transport, _ = await self._loop.create_connection(lambda: _End(self._outward, "from_server", self._tally), *self._target)
        except OSError:
            self._outward.put(End.RESET)
            return
        self._inward.attach(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.now -= 1
        super().connection_lost(exc)


class _Questions(asyncio.Protocol):
    """Answers a line on standard input with the numbers, and its end by ending."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\n")):
            print(self._tally.as_json(), flush=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(None)


async def _serve(address: str, port: int, listen: str, rtt: float) -> None:
    loop = asyncio.get_running_loop()
    tally = _Tally()
    server = await loop.create_server(lambda: _Client((address, port), rtt, tally), listen, port, backlog=BACKLOG)
    _, questions = await loop.connect_read_pipe(lambda: _Questions(tally), sys.stdin)
    await questions.ended
    server.close()


def round_trip(rtt: float, times: int = 20) -> tuple[float, float]:
    """Measure, through a relay of this distance, the seconds to a server's first octet and those of a question and an answer after it."""
    with socket.create_server(("127.0.0.1", 0)) as far:
        port = far.getsockname()[1]
        with Relay("127.0.0.1", port, listen="127.0.0.2", rtt=rtt) as relay:
            began = time.perf_counter()
            with socket.create_connection((relay.address, port)) as near, far.accept()[0] as other:
                other.sendall(b"g")
                near.recv(1)
                greeted = time.perf_counter()
                for _ in range(times):
                    near.sendall(b"q")
                    other.sendall(other.recv(1))
                    near.recv(1)
                return greeted - began, (time.perf_counter() - greeted) / times


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
