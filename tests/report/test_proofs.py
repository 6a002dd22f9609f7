"""Proofs in every form of a report: a check that isn't proven able to fail fails the run."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema  # type: ignore[import-untyped,unused-ignore]
import pytest
from rich.console import Console

from drillbook.errors import ExitCode
from drillbook.model.proof import Proof, ProofStatus
from drillbook.model.run import Run
from drillbook.model.verdict import Status
from drillbook.report import encode, headline
from drillbook.report.html import TEMPLATES
from drillbook.report.junit import junit
from drillbook.report.outcome import outcome
from drillbook.report.terminal import summary
from tests.report.samples import HOSTILE, run
from tests.report.test_html import Reader, html
from tests.report.verdict_samples import broken, verdict

PROVEN = Proof(
    "solar/api-latency",
    ProofStatus.PROVEN,
    "expected <= 2 s, observed 3.1 s",
    "<= 2 s",
    "deployment/backend: delay_seconds 2.8",
    broken(),
    implied=("solar/alert-latency",),
    detected_seconds=7.1,
    back_seconds=0.6,
    took_seconds=8.2,
)
UNDETECTED = Proof(
    "solar/disk", ProofStatus.UNDETECTED, "planted, and after 30 s the check was still pass", "<= 85 %", "/data/fill"
)
ALARM = replace(PROVEN, id="solar/health", status=ProofStatus.FALSE_ALARM, alarms=("disk",), reason="disk failed too")
STRANGE = replace(UNDETECTED, id=HOSTILE, reason=HOSTILE, limit=HOSTILE, where=HOSTILE)


def proving(*proofs: Proof) -> Run:
    came_to = outcome([verdict()], proofs=proofs)
    return replace(run([verdict()]), proofs=proofs, status=str(came_to.status), exit_code=came_to.exit_code)


@pytest.mark.parametrize("status", ProofStatus)
def test_only_a_proven_check_passes(status: ProofStatus) -> None:
    proof = replace(PROVEN, status=status)
    wanted = (Status.PASS, ExitCode.PASS) if status is ProofStatus.PROVEN else (Status.FAIL, ExitCode.VIOLATION)
    assert outcome([verdict()], proofs=[proof]) == wanted
    assert outcome([], proofs=[PROVEN, proof]) == wanted


def test_the_document_with_proofs_is_as_its_schema_says() -> None:
    document = json.loads(json.dumps(encode.run(proving(PROVEN, UNDETECTED, ALARM, STRANGE))))
    schema = json.loads(TEMPLATES.with_name("run.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    first = document["proofs"][0]
    assert (first["status"], first["detected"]["status"], first["implied"]) == (
        "proven",
        "fail",
        ["solar/alert-latency"],
    )
    assert document["proofs"][1]["detected"] is None


def test_the_sentence_counts_the_proofs() -> None:
    assert headline.sentence(encode.run(proving(PROVEN))).startswith("The check is proven able to fail.")
    assert headline.sentence(encode.run(proving(PROVEN, PROVEN))).startswith("All 2 checks are proven able to fail.")
    said = headline.sentence(encode.run(proving(PROVEN, UNDETECTED, ALARM)))
    assert said.startswith("Of 3 checks, 1 proven, 1 undetected and 1 false alarm.")
    drill = replace(UNDETECTED, about="drill")
    assert headline.sentence(encode.run(proving(drill))).startswith("Of 1 broken recovery, 1 undetected.")
    drill = replace(drill, status=ProofStatus.PROVEN)
    said = headline.sentence(encode.run(proving(drill, drill)))
    assert said.startswith("All 2 drills with broken recoveries are proven able to fail.")


def test_a_drill_that_does_not_pass_as_documented_says_so_beside_its_proof() -> None:
    drill = replace(UNDETECTED, about="drill", unplanted="fail: 2 writes are lost", seen="data changed")
    page, console = html(proving(drill)), Console(width=120, record=True)
    for word in ("data changed", "2 writes are lost", "pass as documented either"):
        assert word in page
    console.print(summary(encode.run(proving(drill)), None, console))
    assert "fail: 2 writes are lost" in console.export_text()


def test_the_page_has_a_row_for_each_proof() -> None:
    words = Reader(html(proving(PROVEN, UNDETECTED, ALARM, STRANGE))).words
    assert "deployment/backend: delay_seconds 2.8" in words
    assert "planted, and after 30 s the check was still pass" in words
    assert "Failed, and has nothing to do with it: disk" in words


def test_junit_has_a_case_for_each_proof() -> None:
    text = junit(encode.run(proving(PROVEN, UNDETECTED)))
    assert 'name="proof of solar/api-latency"' in text
    assert 'message="undetected: planted, and after 30 s the check was still pass"' in text


def test_the_terminal_says_which_check_is_unproven_and_lists_no_limit_that_holds() -> None:
    console = Console(width=120, record=True)
    console.print(summary(encode.run(proving(PROVEN, UNDETECTED)), None, console))
    text = console.export_text()
    assert "UNDETECTED proof of solar/disk" in text
    assert "margin" not in text
