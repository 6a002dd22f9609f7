"""What a selection comes to: words choose, and nobody is asked where there are no people."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from drillbook.checking import Selection, asked_in
from drillbook.clock import SYSTEM_CLOCK
from drillbook.errors import NothingSelected
from drillbook.model.attestation import Attestation
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.run import NotAsked
from drillbook.report import encode
from drillbook.report.html import page
from drillbook.report.terminal import summary
from tests.probes.scenes import component, objective, policy
from tests.report.samples import run
from tests.report.test_encode import CHECKER
from tests.report.verdict_samples import verdict

HEALTH = replace(objective("http.health"), tags=("front",))
RESTORE = replace(objective("attested.age", None), id="restore-tested", tags=("front",))
POLICY = policy(component(), HEALTH, RESTORE)
SANDBOX = Environment("sandbox", EnvironmentClass.SANDBOX, Path("systems/shop/environments/sandbox.yaml"))
STAGING = replace(SANDBOX, name="staging", environment_class=EnvironmentClass.STAGING)


def attesting() -> Environment:
    now = SYSTEM_CLOCK.now()
    return replace(SANDBOX, attestations={"x": Attestation("x", "Ada", now, now, "OPS-7", date(2999, 1, 1))})


def test_a_sandbox_has_no_people_and_says_how_many_objectives_wait_for_some() -> None:
    choice = Selection().choose(POLICY, SANDBOX)
    assert choice.objectives == (HEALTH,) == asked_in(POLICY, SANDBOX)
    assert choice.not_asked is not None
    assert choice.not_asked.objectives == ("shop/restore-tested",)
    assert choice.not_asked.sentence.startswith("1 objective was not asked: people attest them, and a sandbox has none")
    assert "systems/shop/attestations/sandbox.yaml" in choice.not_asked.sentence


@pytest.mark.parametrize("where", [STAGING, attesting()], ids=["staging", "a sandbox with attestations"])
def test_elsewhere_everything_is_asked(where: Environment) -> None:
    choice = Selection().choose(POLICY, where)
    assert choice.objectives == (HEALTH, RESTORE)
    assert choice.not_asked is None


@pytest.mark.parametrize("word", ["restore-tested", "shop/restore-tested", "attested.age"])
def test_what_is_named_itself_is_asked_even_there(word: str) -> None:
    choice = Selection((word,)).choose(POLICY, SANDBOX)
    assert choice.objectives == (RESTORE,)
    assert choice.not_asked is None


def test_where_a_machine_has_no_prometheus_a_sandbox_is_not_asked_for_what_it_remembers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered = replace(objective("http.throughput"), id="request-rate", via="prometheus")
    asked = policy(component(), HEALTH, remembered, RESTORE)
    monkeypatch.setattr("drillbook.places.program", lambda *_: None)
    choice = Selection().choose(asked, SANDBOX)
    assert choice.objectives == (HEALTH,)
    assert choice.not_asked is not None
    assert "1: a Prometheus answers them, and this machine has none; get it with scripts/prometheus" in (
        choice.not_asked.sentence
    )
    assert Selection().choose(asked, STAGING).objectives == (HEALTH, remembered, RESTORE)
    assert Selection(("request-rate",)).choose(asked, SANDBOX).objectives == (remembered,)
    monkeypatch.setattr("drillbook.places.program", lambda *_: Path("prometheus"))
    assert Selection().choose(asked, SANDBOX).objectives == (HEALTH, remembered)


def test_a_tag_chooses_all_that_have_it() -> None:
    assert Selection(("front",)).choose(POLICY, STAGING).objectives == (HEALTH, RESTORE)
    shared = Selection(("front",)).choose(POLICY, SANDBOX)
    assert shared.objectives == (HEALTH,)
    assert shared.not_asked is not None


def test_nothing_left_to_ask_is_never_a_pass() -> None:
    with pytest.raises(NothingSelected, match=r"1 objective was not asked.*nothing checked is never a pass"):
        Selection().choose(policy(component(), RESTORE), SANDBOX)


def test_a_word_that_names_nothing_is_told_with_the_nearest() -> None:
    with pytest.raises(NothingSelected, match=r"--only fornt: .* did you mean front"):
        Selection(("fornt",)).choose(POLICY, STAGING)


def test_every_report_of_the_run_says_what_was_not_asked() -> None:
    left_out = NotAsked("a sandbox has no people", ("shop/restore-tested",))
    document = encode.run(replace(run([verdict()]), not_asked=left_out))
    CHECKER.validate(document)
    out = io.StringIO()
    console = Console(file=out, width=200)
    console.print(summary(document, None, console))
    for text in (out.getvalue(), page(document, {})):
        assert "1 objective was not asked: a sandbox has no people" in text
    assert "shop/restore-tested" in page(document, {})
    assert document["not_asked"]["objectives"] == ["shop/restore-tested"]
