"""Scans of model servers, without a socket: how the tests of this folder play them."""

from __future__ import annotations

import random
from dataclasses import replace

import server_model as model
from server_model import Leaf, Server, TLSServer

from mailtls.hellos import Accepted, Answer, Asked, HelloOffer, Refused, Silent
from mailtls.model import Cause, Stage
from mailtls.tls.answer import AnswerReader
from mailtls.tls.enumeration import Enumeration
from mailtls.tls.hello import client_hello
from mailtls.tls.names import VERSION_CODES
from mailtls.tls.suites import offerable

RANDOM = bytes(range(32))
HOST = "mx.example"
RSA, ECDSA = Leaf("RSA", (b"an RSA certificate",)), Leaf("ECDSA", (b"an ECDSA certificate",))
SIX = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8)
THREE = (0x1302, 0x1303, 0x1301)
FIVE = (29, 23, 30, 25, 24)
MODERN = TLSServer({0x0303: SIX, 0x0304: THREE}, (RSA, ECDSA), FIVE, server_order=False)


def answer_of(server: Server, offer: HelloOffer) -> Answer:
    """Let a model server answer an offer."""
    said = server.answer(client_hello(offer, HOST, RANDOM))
    reader = AnswerReader(offer)
    if isinstance(said, model.Silent):
        return Silent(Cause.READ_TIMEOUT, Stage.HELLO)
    if isinstance(said, model.Closes):
        return reader.end()
    answer = reader.feed(said)
    assert answer is not None, "the server's flight is whole, and no answer was found in it"
    return answer


def play(
    server: Server, parallel: int = 4, seed: int = 0, known: tuple[Asked, ...] = (), until: int = 10_000, *, in_haste: bool = False
) -> Enumeration:
    """Play a scan, with so many offers out at once, answered in an order that the seed decides; at most so many answers."""
    enumeration, order, out = Enumeration(known, in_haste=in_haste), random.Random(seed), list[HelloOffer]()
    answers = 0
    while not enumeration.is_done and answers < until:
        while len(out) < parallel and (offer := enumeration.next_offer()) is not None:
            out.append(offer)
        if not out:
            break
        offer = out.pop(order.randrange(len(out)))
        enumeration.learn(Asked(offer, answer_of(server, offer)))
        answers += 1
    return enumeration


def any_server(seed: int, *, odd: bool = False) -> TLSServer:
    """Make up a server with a usable suite in each version; an odd one may not bear long offers, large hellos or unknown values."""
    dice = random.Random(seed)
    while True:
        server = _made_up(dice, odd=odd)
        if all(server.negotiable(version) for version in server.suites):
            return server


def _made_up(dice: random.Random, *, odd: bool) -> TLSServer:
    pool = [
        code for code in offerable("TLSv1.2")
        if code in model.SUITES and model.SUITES[code].exchange in ("RSA", "DHE", "ECDHE") and model.SUITES[code].authentication != "DSS"
    ]  # fmt: skip
    pools = {0x0304: [0x1301, 0x1302, 0x1303, 0x1304, 0x1305], 0x0303: pool}
    old = [code for code in pool if code in offerable("TLSv1.1")]
    versions = dice.choice(
        [(0x0303, 0x0304), (0x0301, 0x0302, 0x0303), (0x0301, 0x0302, 0x0303, 0x0304), (0x0304,), (0x0303,), (0x0300, 0x0301), (0x0300,)]
    )
    suites = {}
    for version in versions:
        of_version = pools.get(version, old)
        suites[version] = tuple(dice.sample(of_version, min(dice.choice([1, 2, 3, 5, 9, 20, 60]), len(of_version))))
    return TLSServer(
        suites,
        dice.choice([(RSA,), (ECDSA,), (RSA, ECDSA)]),
        tuple(dice.sample([29, 23, 30, 25, 24, 22, 26], dice.randint(1, 5))),
        groups13=tuple(dice.sample([4588, 4587, 4589, 29, 23, 24, 256, 257], dice.randint(1, 5))),
        server_order=dice.random() < 0.5,
        server_group_order=dice.random() < 0.5,
        rfc7919=dice.random() < 0.3,
        checks_leaf_curve=dice.random() < 0.5,
        refusal=dice.choice(["alert", "alert", "close"]),
        v2_refusal=dice.choice(["alert", "close"]),
        signature_order=dice.choice(["server", "client"]),
        warns_unrecognized_name=dice.random() < 0.2,
        record_size=dice.choice([16_384, 1, 100]),
        messages_per_record=dice.random() < 0.5,
        max_suites=100 if odd and dice.random() < 0.4 else None,
        max_hello=1_400 if odd and dice.random() < 0.4 else None,
        no_grease_or_unknown=odd and dice.random() < 0.2,
    )


def truly_accepted(server: TLSServer, version: str) -> set[int]:
    """Return what the model accepts of a version, whatever named fields a client may offer."""
    code = VERSION_CODES[version]
    return set(replace(server, rfc7919=False).negotiable(code)) if code in server.suites else set()


def refusals(asked: list[Asked]) -> list[Asked]:
    """Return the offers that were refused."""
    return [item for item in asked if isinstance(item.answer, Refused)]


def acceptances(asked: list[Asked]) -> list[Asked]:
    """Return the offers that were accepted."""
    return [item for item in asked if isinstance(item.answer, Accepted)]
