"""Guards elsewhere fail open: one that crashes approves, one that can't see says nothing. Here each is a refusal."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook import places
from drillbook.clients.kube import Kube, path_of
from drillbook.drills import disruption, guard
from drillbook.drills.experiment import load_experiment
from drillbook.drills.guard import Intent, clear
from drillbook.drills.lock import Lock
from drillbook.drills.plan import brief
from drillbook.errors import ConfigError, ExitCode, Refused, Unreachable
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.test_drill_command import ended, injected, report, started


def intent(system: Solar) -> Intent:
    return brief(system.order("pod-kill")).intent


async def uids(kube: Kube) -> set[str]:
    return {p["metadata"]["uid"] for p in await kube.list(path_of("pods", NAMESPACE))}


CRASHES = {
    "the cluster's identity": (Kube, "cluster_uid"),
    "a read": (Kube, "get"),
    "a list": (Kube, "list"),
    "a look that finds nothing": (Kube, "find"),
    "the authorizer": (Kube, "allowed"),
    "the environment": (guard, "environment_allows"),
    "the windows": (guard, "why_closed"),
    "the opt-in": (guard, "namespace_opted_in"),
    "the lock": (Lock, "see_free"),
    "the blast radius": (guard, "choose"),
    "the disruption budgets": (disruption, "_allowed"),
}


@pytest.mark.parametrize("error", [KeyError("a defect"), Unreachable("no answer"), TimeoutError()], ids=repr)
@pytest.mark.parametrize("part", CRASHES)
def test_a_guard_that_crashes_anywhere_refuses(
    system: Solar, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception
) -> None:
    def crash(*_: Any, **__: Any) -> Any:
        raise error

    given, (holder, name) = intent(system), CRASHES[part]

    async def one_budget(kube: Kube, path: str, **_: Any) -> list[dict[str, Any]]:
        budget = {"metadata": {"name": "b", "namespace": NAMESPACE}, "spec": {"selector": {}}}
        return [budget] if "poddisruptionbudgets" in path else await really(kube, path)

    really = Kube.list
    if part == "the disruption budgets":
        monkeypatch.setattr(Kube, "list", one_budget)
    monkeypatch.setattr(holder, name, crash)
    with pytest.raises(Refused, match=r"^not injecting: the guard itself could not look: "):
        system.on_kube(lambda kube: clear(kube, given))


@pytest.mark.parametrize("answer", [None, {}, {"status": {}}, {"status": None}, {"status": {"allowed": None}}])
def test_an_authorizer_that_does_not_say_yes_says_no(
    system: Solar, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | None
) -> None:
    async def create(kube: Kube, path: str, body: Any) -> Any:
        return answer

    monkeypatch.setattr(Kube, "create", create)
    given = intent(system)
    with pytest.raises(Refused, match=r"may not|could not look"):
        system.on_kube(lambda kube: clear(kube, given))


@pytest.mark.parametrize(
    "control",
    [
        {"name": "approval", "provider": {"type": "python", "module": "module.that.is.not.there"}},
        {"name": "safeguards", "provider": {"type": "python", "module": "chaosaddons.controls.safeguards"}},
        {"name": "none"},
        "approval",
    ],
)
def test_an_experiment_may_not_rely_on_a_control_that_can_fail_open(tmp_path: Path, control: Any) -> None:
    document = yaml.safe_load(places.experiment_file("pod-kill").read_text())
    document["controls"].append(control)
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=r"controls\[1\]: expected a control of drillbook\.chaos\.controls"):
        load_experiment(path)
    document["controls"] = []
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=r"controls: expected drillbook\.chaos\.controls"):
        load_experiment(path)


@pytest.mark.slow
def test_a_refusal_comes_before_anything_is_broken_every_time(system: Solar, quick: Path) -> None:
    """A guard that decides while the engine already runs lets some faults through: ours decides first."""
    other = Lock(NAMESPACE, "another/drill")
    system.on_kube(other.take)
    before = system.on_kube(uids)
    try:
        for _ in range(3):
            assert ended(quick, "solar", "pod-kill")[0] == ExitCode.DRILL_ABORTED
            assert not injected(quick)
    finally:
        system.on_kube(other.release)
    assert system.on_kube(uids) == before


@pytest.mark.parametrize("dry", ["probes", "pause"])
def test_a_dry_run_of_chaos_toolkit_breaks_nothing(system: Solar, quick: Path, dry: str) -> None:
    """It does actions and rollbacks for real in both, and calls that completed."""
    from tests.chaos.test_plain_chaos_run import chaos

    before = system.on_kube(uids)
    found = chaos(quick, "run", "--dry", dry, str(places.experiment_file("pod-kill")))
    assert found.returncode == 1
    assert f"not injecting: this run is a dry one ({dry})" in found.stdout + found.stderr
    assert system.on_kube(uids) == before
    assert system.left_behind() == []


@pytest.mark.slow
def test_a_terminal_that_is_closed_stops_a_drill_and_its_undo_runs(system: Solar, quick: Path) -> None:
    with started(quick, "solar", "pod-kill") as process:
        wait_for(process, lambda: injected(quick))
        assert process.stderr is not None
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        process.wait(60)
    assert process.returncode != ExitCode.PASS
    assert [d["undone"] for d in report(quick)["drills"]] == [True]
    assert system.left_behind() == []


def wait_for(process: subprocess.Popen[str], moment: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not moment():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_refusal_is_no_pass_in_any_report(system: Solar, quick: Path) -> None:
    other = Lock(NAMESPACE, "another/drill")
    system.on_kube(other.take)
    try:
        ended(quick, "solar", "pod-kill")
    finally:
        system.on_kube(other.release)
    run = report(quick)
    assert run["run"]["status"] not in {"pass", "passed"}
    assert "not injecting: another drill holds the lock" in json.dumps(run["run"]["problems"])
