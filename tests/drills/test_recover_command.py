"""``drillbook recover``: what a killed drill left is put back, by its own machine or by another."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drillbook.cli.recover import recover
from drillbook.clients.kube import Kube
from drillbook.drills import unfinished
from drillbook.drills.journal import open_entries
from drillbook.drills.unfinished import Finish
from drillbook.errors import ExitCode, Refused
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.test_drill_command import at_once, ended, engines, injected, journaled, started, waited_for

DICE = random.Random(11)


def recovered(folder: Path, *words: str, **variables: str) -> tuple[int, str, str]:
    return ended(folder, "--system", "solar", "--dead", *words, command="recover", **variables)


@pytest.mark.parametrize(
    ("moment", "elsewhere"),
    [
        (injected, True),
        pytest.param(journaled, False, marks=pytest.mark.slow),
        *[pytest.param(at_once, bool(number % 2), marks=pytest.mark.slow) for number in range(4)],
    ],
)
@pytest.mark.timeout(200)
def test_after_a_drill_was_killed_everything_is_put_back(
    system: Solar, quick: Path, moment: Callable[[Path], bool], elsewhere: bool
) -> None:
    with started(quick, "solar", "pod-kill") as process:
        waited_for(process, lambda: moment(quick))
        time.sleep(DICE.uniform(0, 8) if moment is at_once else DICE.uniform(0, 0.3))
        process.kill()
    variables = {"DRILLBOOK_REPORTS": str(quick / "none")} if elsewhere else {}
    code, said, problems = recovered(quick, **variables)
    assert code == ExitCode.PASS, said + problems
    deadline = time.monotonic() + 20
    while engines(quick) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert engines(quick) == []
    code, said, problems = recovered(quick, **variables)
    assert (code, said.endswith("nothing is left to undo in solar\n")) == (ExitCode.PASS, True), said + problems
    if elsewhere:
        # The machine that broke it learns from the cluster that it was finished.
        code, said, problems = recovered(quick)
        assert (code, "undoing" in problems) == (ExitCode.PASS, False), said + problems
    assert all(open_entries(path) == () for path in (quick / "reports").glob("*/undo-*.jsonl"))
    assert system.left_behind() == []


def test_where_no_cluster_can_be_asked_nothing_is_said_to_be_all_right(tmp_path: Path) -> None:
    state = {"DRILLBOOK_STATE": str(tmp_path), "DRILLBOOK_SANDBOX": ""}
    code, said, problems = ended(tmp_path, command="recover", **state)
    assert (code, said) == (ExitCode.INCONCLUSIVE, "")
    assert "solar: nobody could look: " in problems
    code, _, problems = ended(tmp_path, "--environment", "moon", command="recover", **state)
    assert (code, "no system has an environment 'moon'" in problems) == (ExitCode.USAGE, True)


def test_a_drill_that_is_alive_in_one_namespace_keeps_nobody_from_the_others(
    system: Solar, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def alive_in_ours(kube: Kube, namespace: str, *_: Any, **__: Any) -> tuple[Finish, ...]:
        if namespace == NAMESPACE:
            raise Refused("another drill holds the lock: run/alive; it is alive")
        return (Finish("run/other", f"put back in {namespace}"),)

    monkeypatch.setattr(unfinished, "finish", alive_in_ours)
    words = ["--system", "solar", "--sandbox", str(system.environment.sandbox)]
    assert recover.main(words, standalone_mode=False) == ExitCode.DRILL_ABORTED
    said = capsys.readouterr().out
    assert f"namespace {NAMESPACE}: the undo is not finished: another drill holds the lock: run/alive" in said
    assert "run/other: put back in default" in said
