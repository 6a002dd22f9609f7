"""Attestations: what a good file becomes, and what is said of a bad one."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.errors import ConfigError
from drillbook.policy import load_environment, load_policy
from drillbook.policy.attestations import load_attestations
from tests.policy.texts import ENVIRONMENT, POLICY, changed, written

ATTESTED = """\
  - id: restore-tested
    indicator: attested.age
    limit: "<= 90 d"
    severity: high
    source: {section: Recovery, line: 70}
  - id: p0-response
    indicator: attested.time
    limit: "<= 15 min"
    severity: high
    source: {section: Levels, line: 3}
  - id: roster
    indicator: attested.fact
    limit: "== yes"
    severity: low
    source: {section: Contacts, line: 90}
procedures:
"""
ASKING = changed(POLICY, "procedures:\n", ATTESTED)
FILE = """\
apiVersion: drillbook/v1
kind: Attestations
attestations:
  - {attests: restore-tested, who: Ada, when: 2026-11-02, evidence: OPS-7, expires: 2027-01-31}
  - {attests: p0-response, who: Ada, when: 2026-11-02T10:00Z, evidence: OPS-8, expires: 2027-01-31, value: 12 min}
  - {attests: roster, who: Bo, when: 2026-11-02T10:00Z, evidence: wiki, expires: 2027-01-31, value: yes}
"""


def complaint(folder: Path, text: str) -> str:
    policy = load_policy(written(folder, ASKING))
    with pytest.raises(ConfigError) as caught:
        load_attestations(written(folder, text, "attestations/prod.yaml"), policy)
    return str(caught.value).replace(f"{folder}/", "")


def test_an_environment_carries_what_was_attested_for_it(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, ASKING))
    written(tmp_path, ENVIRONMENT, "environments/prod.yaml")
    assert load_environment(tmp_path, "prod", policy).attestations is None
    written(tmp_path, FILE, "attestations/prod.yaml")
    found = load_environment(tmp_path, "prod", policy).attestations
    assert found is not None
    day, moment, roster = found["restore-tested"], found["p0-response"], found["roster"]
    assert day.earliest == datetime(2026, 11, 2, tzinfo=UTC)
    assert day.latest.date() == date(2026, 11, 2)
    assert day.latest > datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC)
    assert moment.earliest == moment.latest == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert (roster.value, roster.who, roster.line, roster.expires) == ("yes", "Bo", 6, date(2027, 1, 31))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("restore-tested", "restore-testd", "4: attestations[0].attests: unknown attested objective 'restore-testd'; "
         "did you mean 'restore-tested'?"),
        ("restore-tested", "api-latency", "4: attestations[0].attests: unknown attested objective 'api-latency'"),
        ("attests: roster", "attests: p0-response", "'p0-response' is taken already, on line 5"),
        ("who: Bo, ", "", "6: attestations[2].who: expected the name of who says so, found nothing"),
        ("evidence: wiki, ", "", "evidence: expected a text or an address where it can be looked up, found nothing"),
        ("when: 2026-11-02, ", "", "4: attestations[0].when: expected a day such as 2026-11-02 or a moment"),
        ("when: 2026-11-02,", "when: 2026-11-02 10:00,", "4: attestations[0].when: expected a day such as"),
        ("when: 2026-11-02,", "when: 2026-11-31,", "4: attestations[0].when: expected a day such as"),
        ("when: 2026-11-02,", "when: 2026-11-02T25:00Z,", "4: attestations[0].when: expected a day such as"),
        ("evidence: OPS-7, expires: 2027-01-31", "evidence: OPS-7", "4: attestations[0].expires: expected a day"),
        ("OPS-7, expires: 2027-01-31", "OPS-7, expires: 2026-01-31", "expected a day on or after 2026-11-02"),
        (", value: 12 min", "", "5: attestations[1].value: expected the duration that it took, such as 12 min"),
        ("12 min", "12 apples", "5: attestations[1].value: unknown unit 'apples' in '12 apples'"),
        (", value: yes", "", "6: attestations[2].value: expected what is so, such as yes"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_the_line_that_is_wrong(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    told = complaint(tmp_path, changed(FILE, old, new))
    assert "attestations/prod.yaml:" in told
    assert sentence in told


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(when=st.text(max_size=30), value=st.text(max_size=20))
def test_any_text_is_read_or_refused_with_a_sentence(tmp_path: Path, when: str, value: str) -> None:
    policy = load_policy(written(tmp_path, ASKING))
    one = f"{{attests: p0-response, who: A, when: {when!r}, evidence: e, expires: 2027-01-31, value: {value!r}}}"
    path = tmp_path / "any.yaml"
    path.write_text(FILE.partition("  - ")[0] + f"  - {one}\n", encoding="utf-8", errors="replace")
    with suppress(ConfigError):
        load_attestations(path, policy)
