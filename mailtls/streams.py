"""The standard streams may be lost, and a program may break: neither may end with the exit status of a verdict."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, TypeVar

from mailtls.commands.ending import CANNOT_WRITE, FAULT, NOBODY_READS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from typing_extensions import Buffer

T = TypeVar("T")


class _Stream(io.FileIO):
    """A standard stream that may be lost: what cannot be written is dropped, and the reason kept, wherever it was that somebody printed."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.lost: OSError | None = None
        self.told: Callable[[], object] = bool

    def write(self, octets: Buffer, /) -> int:
        if self.lost is None:
            try:
                return super().write(octets)
            except OSError as error:
                self.lost = error
                self.told()
        return memoryview(octets).nbytes


def _guarded(name: str, descriptor: int) -> _Stream:
    """Put a stream that may be lost in the place of a standard one; one that is closed is lost at the first word."""
    former = getattr(sys, name)
    raw = _Stream(descriptor if former is not None else os.open(os.devnull, os.O_RDONLY))
    encoding = former.encoding if former is not None else "utf-8"
    buffered = io.BufferedWriter(raw)
    setattr(sys, name, io.TextIOWrapper(buffered, encoding, "backslashreplace", line_buffering=raw.isatty() or name == "stderr"))
    return raw


def asyncio_run(work: Coroutine[Any, Any, T]) -> T:
    """Run something to its end; where standard output is lost meanwhile, cancel it."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)

    async def watched() -> T:
        task = asyncio.current_task()
        if isinstance(raw, _Stream) and task is not None:
            raw.told = task.cancel
        return await work

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(watched())


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return the faster event loop, where the extra ``speed`` has brought it."""
    try:
        import uvloop  # noqa: PLC0415 - it may not be there, and takes a while to load where only a configuration is checked
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def end_with(program: Callable[[], object]) -> object:
    """Run a program that ends by ``SystemExit``, and return the status to end with: its own, unless its output was lost or it broke."""
    output, _ = _guarded("stdout", 1), _guarded("stderr", 2)
    status: object = FAULT
    try:
        program()
    except SystemExit as end:
        status = end.code
    except asyncio.CancelledError:
        if output.lost is None:
            raise
    except Exception:  # noqa: BLE001 - the last place that can
        traceback.print_exc()
    sys.stdout.flush()
    if output.lost is not None:
        status = NOBODY_READS if output.lost.errno == errno.EPIPE else CANNOT_WRITE
        if status == CANNOT_WRITE:
            sys.stderr.write(f"mailtls: cannot write to standard output: {output.lost.strerror}\n")
    return status
