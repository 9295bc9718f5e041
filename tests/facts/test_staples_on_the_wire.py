"""Staples and chains as a real handshake brings them, in TLS 1.2 and 1.3."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import certmaking
import pytest
from certmaking import staple_for
from cryptography import x509

from mailtls.lab import TLS, Behaviour, Identity, acting
from mailtls.model import Absent, Known

ROOT = certmaking.root()
LEAF = ROOT.sign("mx.wild.example", names=("mx.wild.example",), must_staple=True, timestamps=(bytes(32),))
IDENTITY = Identity(LEAF.key, (x509.load_der_x509_certificate(LEAF.der),))


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
async def test_a_staple_comes_with_the_handshake_and_is_read(version: Any, visit, monkeypatch) -> None:
    soon = datetime.now(UTC) - certmaking.NOW + certmaking.DAY
    octets = staple_for(LEAF.der, starts=soon - 2 * certmaking.DAY, ends=soon, timestamps=(b"\1" * 32,))
    make_context = acting.make_context

    def stapling(*arguments: Any) -> Any:
        context = make_context(*arguments)
        context.set_ocsp_server_callback(lambda _connection, _data: octets)
        return context

    behaviour = Behaviour(tls=TLS((IDENTITY,), min_version=version, max_version=version))
    bare, _ = await visit(behaviour)
    assert bare.readings["ocsp_stapled"] == Known(value=False)
    assert bare.readings["ocsp_staple"] == Absent()
    assert bare.readings["must_staple_honoured"] == Known(value=False)
    monkeypatch.setattr(acting, "make_context", stapling)
    seen, _ = await visit(behaviour)
    assert seen.readings["ocsp_stapled"] == Known(value=True)
    assert [(staple["status"], staple["problems"]) for staple in seen.readings["ocsp_staple"].value] == [("good", [])]
    assert seen.readings["must_staple_honoured"] == Known(value=True)
    assert [(entry["embedded"], entry["stapled"], entry["logs"]) for entry in seen.readings["scts"].value] == [(1, 1, 2)]
    assert [problem["code"] for problem in seen.readings["chain_problems"].value] == ["issuer-not-sent"]


async def test_an_intermediate_that_is_not_sent_is_seen_and_everything_else_is_well(visit, authority) -> None:
    seen, _ = await visit(Behaviour(tls=TLS((authority.issue(["mx.wild.example"], send_intermediate=False),))))
    assert [problem["code"] for problem in seen.readings["chain_problems"].value] == ["issuer-not-sent"]
    assert seen.readings["certificate_trusted"] == Known(value=False)
    assert seen.readings["certificate_name_match"] == Known(value=True)
    assert seen.readings["certificate_oddities"] == Known([])
