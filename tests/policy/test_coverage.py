"""Every row of a runbook is answered, or it is said which one isn't."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from drillbook.cli import main
from drillbook.errors import ConfigError
from drillbook.policy import load_policy, load_requirements
from drillbook.policy.coverage import Answer, coverage
from tests.policy.test_attestation_files import ASKING
from tests.policy.texts import changed, written

ROWS = """\
apiVersion: drillbook/v1
kind: Requirements
limits:
  - {id: api-latency, lines: [12, 12], kind: latency, nature: alert, about: "API response time", value: "> 2 s"}
  - {id: latency-target, lines: [9, 10], kind: latency, nature: target, about: "API response time", value: "< 2 s"}
  - {id: owed, lines: [14, 15], kind: connections, nature: alert, about: "Connections", value: "no number"}
  - {id: p0-response, lines: [3, 3], kind: response, nature: process, about: "P0 response", value: "<= 15 min"}
  - {id: forgotten, lines: [50, 51], kind: disk, nature: alert, about: "Disk usage", value: "> 85 %"}
procedures:
  - {id: proc-restart, lines: [30, 40], about: "Restart"}
  - {id: proc-call, lines: [41, 44], about: "Call the provider"}
  - {id: proc-steps, lines: [45, 49], about: "Steps that nobody drills"}
  - {id: proc-nobody, lines: [52, 53], about: "Nobody wrote it down"}
"""
PAPER = """\
  - id: call
    source: {section: Playbook, lines: [41, 44]}
    document_only: a telephone call
    covers: [proc-call]
  - id: steps
    source: {section: Playbook, lines: [45, 49]}
    covers: [proc-steps]
    steps: [{type: rollout_restart, component: api}]
"""


def system(folder: Path) -> Path:
    text = changed(ASKING, 'limit: "<= 2 s"', 'limit: "<= 2 s"\n    covers: [api-latency, latency-target]')
    text = changed(text, 'limit: "<= 80"', "limit: required\n    covers: [owed]")
    text = changed(text, "  - id: restart\n", PAPER + "  - id: restart\n    covers: [proc-restart]\n")
    here = folder / "systems" / "orders"
    written(here, ROWS, "requirements.yaml")
    written(here, text)
    return here


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["drillbook", "policy", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_each_row_counts_once_by_the_strongest_way_in_which_it_is_answered(tmp_path: Path) -> None:
    here = system(tmp_path)
    requirements = load_requirements(here)
    assert requirements is not None
    found = coverage("orders", requirements, load_policy(here / "policy.yaml"))
    assert {one.row.id: str(one.answer) for one in (*found.limits, *found.procedures)} == {
        "api-latency": "observed",
        "latency-target": "observed",
        "owed": "parameterised",
        "p0-response": "attested",
        "forgotten": "missing",
        "proc-restart": "drilled",
        "proc-call": "document only",
        "proc-steps": "steps only",
        "proc-nobody": "missing",
    }
    assert found.accounted_for == 4
    reasons = {one.row.id: one.reason for one in found.procedures}
    assert reasons == {"proc-restart": "", "proc-call": "a telephone call", "proc-steps": "", "proc-nobody": ""}


def test_without_a_policy_every_row_is_missing(tmp_path: Path) -> None:
    requirements = load_requirements(system(tmp_path))
    assert requirements is not None
    found = coverage("orders", requirements, None)
    assert found.count(Answer.MISSING) == 9


def test_the_command_lists_what_is_missing_with_its_lines_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    system(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "coverage", "orders") == 1
    printed = capsys.readouterr().out
    assert "MISSING orders/forgotten (limit), runbook.txt:50-51: Disk usage > 85 %" in printed
    assert "MISSING orders/proc-nobody (procedure), runbook.txt:52-53: Nobody wrote it down" in printed
    assert printed.endswith("4 of 5 limits and 3 of 4 procedures accounted for\n")


def test_json_has_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    system(tmp_path)
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "coverage", "orders", "--format", "json")
    (found,) = json.loads(capsys.readouterr().out)
    assert found["accounted_for"] == 4
    assert [row["answer"] for row in found["procedures"]] == ["drilled", "document only", "steps only", "missing"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[api-latency, latency-target]", "[api-latencies]", "objectives[0].covers[0]: "),
        ("covers: [proc-call]", "covers: [api-latency]", "procedures[0].covers[0]: "),
    ],
)
def test_an_answer_to_a_row_that_there_is_not_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    here = system(tmp_path)
    text = changed((here / "policy.yaml").read_text(), old, new)
    line = next(n for n, one in enumerate(text.splitlines(), 1) if new in one)
    with pytest.raises(ConfigError) as caught:
        load_policy(written(here, text))
    assert f"policy.yaml:{line}: {sentence}" in str(caught.value)
    assert "requirements.yaml has no row" in str(caught.value)


def test_the_nearest_row_is_named(tmp_path: Path) -> None:
    here = system(tmp_path)
    text = changed((here / "policy.yaml").read_text(), "latency-target]", "latency-targt]")
    with pytest.raises(ConfigError, match="'latency-targt' for objectives; did you mean 'latency-target'"):
        load_policy(written(here, text))


def test_steps_and_document_only_exclude_each_other_and_no_drill_follows_paper(tmp_path: Path) -> None:
    here = system(tmp_path)
    text = (here / "policy.yaml").read_text()
    both = changed(text, "    document_only: a telephone call\n", "    document_only: a call\n    steps: []\n")
    with pytest.raises(ConfigError, match="expected either steps or document_only, found both"):
        load_policy(written(here, both))
    paper = changed(text, "procedure: restart", "procedure: call")
    with pytest.raises(ConfigError, match=r"no drill can follow call: procedures.call is document_only"):
        load_policy(written(here, paper))


def test_people_can_follow_paper_and_that_makes_no_row_drilled(tmp_path: Path) -> None:
    here = system(tmp_path)
    text = changed((here / "policy.yaml").read_text(), "procedure: restart", "procedure: call")
    by_hand = changed(text, "recovery: procedure", "recovery: manual")
    policy = load_policy(written(here, by_hand))
    assert [(d.recovery, d.procedure) for d in policy.drills] == [("manual", "call")]
    requirements = load_requirements(here)
    assert requirements is not None
    found = coverage("orders", requirements, policy)
    assert (found.count(Answer.DRILLED), found.count(Answer.DOCUMENT_ONLY)) == (0, 1)


def test_a_row_twice_is_refused(tmp_path: Path) -> None:
    written(tmp_path, changed(ROWS, "id: forgotten", "id: owed"), "requirements.yaml")
    with pytest.raises(ConfigError, match="'owed' is taken already, on line 6"):
        load_requirements(tmp_path)
