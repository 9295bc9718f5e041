"""What the end of a connection says of an offer: a close may be a refusal, a network that gave up or a fault of ours never is."""

from __future__ import annotations

import asyncio
import errno

import pytest

from mailtls.hellos import HelloOffer, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.raw_hello import _Question


async def lost(error: Exception | None, stage: Stage) -> object:
    question = _Question(HelloOffer("TLSv1.2", (0xC02F,)), "mx.example", b"probe.example", asyncio.get_running_loop().create_future())
    question._stage = stage
    question.connection_lost(error)
    return question.answer.result()


@pytest.mark.parametrize("error", [None, ConnectionResetError(errno.ECONNRESET, "reset"), BrokenPipeError(errno.EPIPE, "pipe")])
async def test_a_close_or_a_reset_after_the_hello_may_be_a_refusal(error: Exception | None) -> None:
    assert isinstance(await lost(error, Stage.HELLO), Refused)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TimeoutError(errno.ETIMEDOUT, "timed out"), Cause.READ_TIMEOUT),
        (OSError(errno.EHOSTUNREACH, "no route"), Cause.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "no network"), Cause.UNREACHABLE),
        (OSError(errno.EMFILE, "too many files"), Cause.INTERNAL_ERROR),
        (KeyError("a fault of ours"), Cause.INTERNAL_ERROR),
    ],
)
@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.HELLO])
async def test_a_network_that_gave_up_or_a_fault_of_ours_is_no_refusal(error: Exception, cause: Cause, stage: Stage) -> None:
    answer = await lost(error, stage)
    assert isinstance(answer, Silent)
    assert (answer.cause, answer.stage) == (cause, stage)
