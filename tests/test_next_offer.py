"""The visits of a scan follow from those before it: what one connection alone says against a server is asked again."""

from __future__ import annotations

from datetime import UTC, datetime

import certmaking

from mailtls.evidence import Failure, Handshake, KeyType, Offer, ProbeEvidence, Purpose
from mailtls.hellos import Refused
from mailtls.model import Cause, Stage
from mailtls.next_offer import next_offer

USUAL = Offer()
NOW = datetime(2026, 11, 24, tzinfo=UTC)
SECURED = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "x25519", (certmaking.self_signed("mx.example").der,))
ALERT = Refused(40, "handshake_failure")


def probe(handshake: Handshake | Refused | None = None, offer: Offer = USUAL, failure: Failure | None = None) -> ProbeEvidence:
    return ProbeEvidence(offer, NOW, handshake=handshake, failure=failure)


def test_a_scan_begins_with_the_usual_offer_and_a_quick_one_ends_with_a_handshake() -> None:
    assert next_offer(Purpose.QUICK, []) == next_offer(Purpose.FULL, []) == Offer()
    assert next_offer(Purpose.QUICK, [probe(SECURED)]) is None


def test_no_starttls_is_asked_again_once() -> None:
    assert next_offer(Purpose.QUICK, [probe()]) == Offer()
    assert next_offer(Purpose.FULL, [probe(), probe()]) is None


def test_silence_ends_a_scan() -> None:
    silent = probe(failure=Failure(Cause.READ_TIMEOUT, Stage.GREETING))
    assert next_offer(Purpose.FULL, [silent]) is None
    assert next_offer(Purpose.FULL, [probe(SECURED), silent]) is None


def test_a_refusal_of_the_usual_offer_is_asked_again_once() -> None:
    assert next_offer(Purpose.QUICK, [probe(ALERT)]) == Offer()
    assert next_offer(Purpose.FULL, [probe(ALERT), probe(ALERT)]) is None


def test_a_full_scan_asks_for_the_other_kinds_of_certificate_then_without_sni() -> None:
    probes, asked = [probe(SECURED)], []
    while (offer := next_offer(Purpose.FULL, probes)) is not None:
        asked.append(offer)
        probes.append(probe(SECURED, offer))
    assert [offer.key_type for offer in asked[:-1]] == [kind for kind in KeyType if kind is not KeyType.ECDSA]
    assert asked[-1] == Offer(with_sni=False)


def test_a_last_refusal_is_vouched_for_by_the_usual_offer() -> None:
    probes = [probe(SECURED)]
    while (offer := next_offer(Purpose.FULL, probes)) is not None and not offer.is_usual:
        probes.append(probe(ALERT, offer))
    assert offer == Offer()
    assert next_offer(Purpose.FULL, [*probes, probe(SECURED)]) is None
