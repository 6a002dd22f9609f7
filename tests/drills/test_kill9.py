"""Drills killed with -9 at any moment: after ``drillbook recover`` cluster and database are what they were.

`make kill9 N=200` goes through every shipped experiment, and through every drill of Solar that follows a procedure; a
handful is part of the slow tests. The moments are drawn from a seed that is told with a failure, so that it can be had
again (`DRILLBOOK_SEED`).
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from drillbook import places
from drillbook.clients.kube import Kube, path_of
from drillbook.drills import residue
from drillbook.drills.experiment import load_experiment
from drillbook.drills.plan import aimed
from drillbook.drills.recovery import expected_changes
from drillbook.faults.creating import LABEL as OF_FAULT
from drillbook.faults.fault import Traces
from drillbook.faults.keeping import LABEL as KEPT
from drillbook.model.policy import DrillPlan
from drillbook.policy import load_policy
from tests.drills.conftest import FEW, NAMESPACE, Solar
from tests.drills.test_drill_command import ended, started

KILLS = int(os.environ.get("DRILLBOOK_KILLS", "3"))
SEED = int(os.environ.get("DRILLBOOK_SEED", str(random.SystemRandom().randrange(10**6))))
LONGEST_SECONDS = 14.0
"""About as long as a drill takes from its process's start to its undo."""
LONGEST_WITH_PROCEDURE_SECONDS = 22.0
SETTLE_SECONDS = 60.0
ELSEWHERE = {"backup-failing", "namespace-lost", "noop"}
"""Solar has no CronJob, what its volumes hold goes with its namespace, and nothing is broken by a noop."""
EXPERIMENTS = sorted(p.stem for p in places.bundled("experiments").glob("*.yaml") if p.stem not in ELSEWHERE)
SOLAR = load_policy(places.bundled("systems") / "solar" / "policy.yaml")
BY_PROCEDURE = {
    f"solar-{plan.id}": plan
    for plan in SOLAR.drills
    if plan.procedure and all(step.type != "restore_backup" for step in SOLAR.procedures[plan.procedure].steps)
}
"""Solar's own drills that follow a procedure. What a restore replaces is replaced: no undo brings that back."""
DRILLS = sorted([*EXPERIMENTS, *BY_PROCEDURE])
ROLLED = ("metadata.annotations.deployment.kubernetes.io/revision", "spec.template.metadata.annotations")
"""What a roll-out leaves in a workload, also when its template is back."""
OTHERS = "SELECT md5(string_agg(o::text, '|' ORDER BY o::text)) FROM orders AS o WHERE key !~ '-drill-'"


def kills() -> Iterator[tuple[str, float, bool]]:
    """Which experiment, after how many seconds, and whether its engine is killed with it."""
    drawn = random.Random(SEED)
    names = drawn.sample(DRILLS, len(DRILLS))
    for number in range(KILLS):
        name = names[number % len(names)]
        longest = LONGEST_WITH_PROCEDURE_SECONDS if name in BY_PROCEDURE else LONGEST_SECONDS
        yield name, drawn.uniform(0, longest), drawn.random() < 0.5


@pytest.fixture
def every_drill(quick: Path) -> Path:
    """The folder in which ``solar`` has a drill of every experiment, and its own that follow procedures."""
    path = quick / "systems" / "solar" / "policy.yaml"
    document = yaml.safe_load(path.read_text())
    document["drills"] = [
        {
            "id": name,
            "experiment": name,
            "component": load_experiment(places.experiment_file(name)).configuration["component"],
            "level": "P1",
            "source": {"section": "Incident Response > Response Times", "line": 83},
        }
        for name in EXPERIMENTS
    ]
    original = places.bundled("systems") / "solar"
    own = {d["id"]: d for d in yaml.safe_load((original / "policy.yaml").read_text())["drills"]}
    document["drills"] += [_timed(own[plan.id]) | {"id": name} for name, plan in BY_PROCEDURE.items()]
    path.write_text(yaml.safe_dump(document))
    written = yaml.safe_load((original / "procedures.yaml").read_text())
    followed = {plan.procedure for plan in BY_PROCEDURE.values()}
    written["procedures"] = [_bare(one) for one in written["procedures"] if one["id"] in followed]
    (path.parent / "procedures.yaml").write_text(yaml.safe_dump(written))
    return quick


def _timed(drill: dict[str, Any]) -> dict[str, Any]:
    """With a time, where an environment would give it."""
    return drill | {"within": "5 min"} if drill.get("within") == "required" else drill


def _bare(procedure: dict[str, Any]) -> dict[str, Any]:
    """Looking at an objective that this folder's policy has, too."""
    steps = [step | ({"hold": [FEW[0]]} if step["type"] == "check" else {}) for step in procedure["steps"]]
    return procedure | {"then": [], "steps": steps}


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("name", "seconds", "with_engine"), list(kills()))
def test_a_drill_that_is_killed_is_recovered(
    system: Solar, every_drill: Path, name: str, seconds: float, with_engine: bool
) -> None:
    before, rows = system.on_kube(residue.take), others(system)
    with started(every_drill, "solar", name) as process:
        time.sleep(seconds)
        engines = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGKILL)
        if with_engine:
            for engine in engines:
                engine.kill()
        process.communicate()
    code, said, problems = ended(every_drill, "--system", "solar", "--dead", command="recover")
    assert code == 0, (SEED, said, problems)
    left = settled(system, before, traces_of(system, name, every_drill))
    assert left == [], (SEED, name, seconds, said)
    assert others(system) == rows, (SEED, name, seconds, said)


def others(system: Solar) -> str:
    """Everybody's rows but those that the drills' own ledgers wrote."""
    with system.database() as database:
        (found,) = database.execute(OTHERS).fetchone() or ("",)
        return str(found)


def traces_of(system: Solar, name: str, folder: Path) -> Traces:
    """What may differ although everything is put back, by what the drill wrote down before it broke anything."""
    plan = BY_PROCEDURE.get(name)
    experiment = load_experiment(places.experiment_file(plan.experiment if plan else name), settings_of(plan))
    component = plan.component if plan else str(experiment.configuration["component"])
    fault, aim, _ = aimed(system.policy, component, experiment.injection.arguments)
    written: dict[str, Any] = {}
    for path in (folder / "reports").glob("*/undo-*.jsonl"):
        for line in path.read_text().splitlines():
            written = json.loads(line).get("put_back", written)
    procedure = SOLAR.procedures[plan.procedure] if plan and plan.procedure else None
    changed = expected_changes(SOLAR, procedure)
    rolled = {key: ROLLED for key in changed if key[0] in {"Deployment", "StatefulSet"}}
    return residue.together(fault.traces(aim, written), rolled)


def settings_of(plan: DrillPlan | None) -> dict[str, str]:
    """What a drill tells its experiment by environment variables."""
    return {f"DRILLBOOK_{name.upper()}": value for name, value in plan.settings.items()} if plan else {}


def settled(system: Solar, before: residue.Snapshot, traces: Traces) -> list[str]:
    """What is left when there was time enough for pods to start."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        after = system.on_kube(residue.take)
        left = [*residue.residue(before, after, system.policy.namespaces, traces), *system.left_behind()]
        left += system.on_kube(ours)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


async def ours(kube: Kube) -> list[str]:
    """Objects that only a drill makes."""
    found: list[str] = []
    for plural, label in (
        ("secrets", KEPT),
        ("pods", OF_FAULT),
        ("networkpolicies", OF_FAULT),
        ("configmaps", OF_FAULT),
    ):
        found += [
            f"{plural}/{one['metadata']['name']}" for one in await kube.list(path_of(plural, NAMESPACE), labels=label)
        ]
    return found
