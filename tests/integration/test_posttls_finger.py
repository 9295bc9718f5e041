"""DANE and PKIX on real servers behind a signing name server and a validating resolver: as expected, and as Postfix's own tool has it.

`python tests/integration/agreement.py` prints what is compared here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from agreement import PKIXRow, Row, dane_rows, measurer, pkix_rows
from dane_cases import CASES, PKIX_CASES, Case, Lab, PKIXCase, lab

from mailtls.model import Known
from mailtls.observation import endpoints_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: Any) -> AsyncIterator[Lab]:
    directory = tmp_path_factory.mktemp("dane")
    for part in (directory, directory.parent):
        part.chmod(0o755)
    async with lab(directory) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def dane(running: Lab) -> dict[str, Row]:
    return {row.case.name: row for row in await dane_rows(running)}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pkix(running: Lab) -> dict[PKIXCase, PKIXRow]:
    return {row.case: row for row in await pkix_rows(running)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_case_of_dane_is_decided_as_posttls_finger_decides_it(case: Case, dane: dict[str, Row]) -> None:
    row = dane[case.name]
    assert row.finger == case.finger, "\n".join(finger.text for finger in row.fingers)
    assert row.ours == case.ours, row.observed.mx[0].readings
    assert row.agrees == (not case.difference)


@pytest.mark.parametrize("case", PKIX_CASES, ids=lambda case: case.host or case.server)
async def test_a_case_of_pkix_is_decided_as_posttls_finger_decides_it(case: PKIXCase, pkix: dict[PKIXCase, PKIXRow]) -> None:
    row = pkix[case]
    assert row.finger == case.finger, "\n".join(finger.text for finger in row.fingers)
    assert (row.trusted, row.named) == (case.trusted, case.named)
    assert row.agrees == (not case.difference)


async def test_the_base_domain_is_the_name_whose_records_count_and_the_one_that_is_asked_for(running: Lab, dane: dict[str, Row]) -> None:
    for case in CASES:
        if case.ours not in ("valid", "invalid"):
            continue
        (host,) = dane[case.name].observed.mx
        base = case.base or (case.domain if case.name == "no-mx" else host.host)
        assert host.readings["tlsa_base_domain"] == Known(base), case.name
        assert {endpoint.endpoint.server_name for endpoint in host.endpoints} == {base}


async def test_what_stands_against_a_chain_is_told_with_its_code(dane: dict[str, Row]) -> None:
    told = {}
    for name in ("ee-wrong-digest", "rsa-only", "ta-expired-leaf", "ta-wrong-name", "ta-no-authority", "no-starttls"):
        reading: Any = dane[name].observed.mx[0].readings["dane_problems"]
        told[name] = [problem["code"] for problem in reading.value]
    assert told == {
        "ee-wrong-digest": ["tlsa-invalid"] * 2,
        "rsa-only": ["tlsa-invalid"],
        "ta-expired-leaf": ["certificate-expired"] * 2,
        "ta-wrong-name": ["certificate-host-mismatch"] * 2,
        "ta-no-authority": ["certificate-not-trusted"] * 2,
        "no-starttls": ["starttls-not-supported"],
    }


async def test_roll_over_is_seen_from_the_records(dane: dict[str, Row]) -> None:
    def readings(name: str) -> Any:
        return dane[name].observed.mx[0].readings

    assert readings("rolling")["dane_rollover_ready"] == Known(value=True)
    assert len(readings("rolling")["tlsa_unmatched"].value) == 2
    assert readings("ta-intermediate")["dane_rollover_ready"] == Known(value=True)
    for name in ("ee-spki-sha256", "rolled", "rsa-only"):
        assert readings(name)["dane_rollover_ready"] == Known(value=False), name


async def test_nothing_is_asked_for_in_an_insecure_zone_and_the_alias_only_where_it_matters(running: Lab) -> None:
    measuring = measurer(running)
    asked = {}
    for name in ("unsigned-host-servfail", "alias-to-unsigned", "alias-from-unsigned", "alias-initial", "alias-target"):
        (host,) = (await measuring.route(f"{name}.dane.test")).hosts
        asked[name] = [found.name.removesuffix(".test.") for found in (*((host.alias,) if host.alias else ()), *host.tlsa)]
        assert endpoints_of(host, 25)
    assert asked == {
        "unsigned-host-servfail": [],
        "alias-to-unsigned": ["alias-to-unsigned.mx", "_25._tcp.alias-to-unsigned.mx"],
        "alias-from-unsigned": ["alias-from-unsigned.plain"],
        "alias-initial": ["_25._tcp.alias-initial-real.mx", "_25._tcp.alias-initial.mx"],
        "alias-target": ["_25._tcp.alias-target-real.mx"],
    }
