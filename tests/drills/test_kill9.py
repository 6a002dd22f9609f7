"""Drills killed with -9 at any moment: after ``drillbook recover`` cluster and databases are what they were.

`make kill9 N=200` goes through every drill of four systems and every shipped experiment; a handful is part of the slow
tests. The moments are drawn from a seed that is told with a failure, so that it can be had again (`DRILLBOOK_SEED`).
What a step of a procedure did to data nobody can put back: it is what ``recover`` names, and nothing else may differ.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from drillbook import places
from drillbook.checking import load_system
from drillbook.drills import residue
from drillbook.errors import ExitCode
from drillbook.faults.fault import Traces
from drillbook.judge.content import changed_tables, growing
from drillbook.model.content import Content
from drillbook.sandbox import lifecycle
from tests.drills.conftest import Solar
from tests.drills.killing import Cluster, allowed, policy_of, quick_copy
from tests.drills.test_drill_command import ended, started

KILLS = int(os.environ.get("DRILLBOOK_KILLS", "3"))
SEED = int(os.environ.get("DRILLBOOK_SEED", str(random.SystemRandom().randrange(10**6))))
LONGEST_SECONDS = {True: 22.0, False: 14.0}
"""About as long as a drill takes from its process's start to its undo, with a procedure and without."""
SETTLE_SECONDS = 60.0
ELSEWHERE = {"backup-failing", "namespace-lost", "noop", "volume-fill"}
"""Solar has no CronJob, what its volumes hold goes with its namespace, nothing is broken by a noop, and its volumes are
larger than what is filled without asking (rag7's drill fills one)."""
ENDED = {ExitCode.PASS, ExitCode.VIOLATION, ExitCode.INCONCLUSIVE}
"""Of a drill that was over before it was killed; one that was refused would prove nothing."""
POLICIES = {name: policy_of(name) for name in ("solar", "rag7", "smartcloudops", "aic")}
EXPERIMENTS = tuple(sorted(p.stem for p in places.bundled("experiments").glob("*.yaml") if p.stem not in ELSEWHERE))
DRILLS = [("solar", f"x-{name}") for name in EXPERIMENTS]
DRILLS += [(system, plan.id) for system, policy in POLICIES.items() for plan in policy.drills]
STAYS = "did to data stays"
"""By this ``recover`` says that a step had begun whose effect nobody can put back."""


def kills() -> list[tuple[str, str, float, bool]]:
    """Whose drill, which, after how many seconds, and whether its engine is killed with it; system by system."""
    drawn = random.Random(SEED)
    order = drawn.sample(DRILLS, len(DRILLS))
    found = []
    for number in range(KILLS):
        system, name = order[number % len(order)]
        longest = LONGEST_SECONDS[not name.startswith("x-")]
        found.append((system, name, drawn.uniform(0, longest), drawn.random() < 0.5))
    return sorted(found)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One system's sandbox, for all kills of its drills."""
    system, name = request.param, f"kill-{request.param}-{os.getpid()}"
    lifecycle.up(system, name, leash=os.getpid(), timeout=120)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRILLBOOK_SANDBOX", name)
        try:
            yield Cluster(POLICIES[system], load_system(system, "sandbox", name)[1])
        finally:
            lifecycle.down(name)


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("cluster", "name", "seconds", "with_engine"), kills(), indirect=["cluster"], scope="module")
def test_a_drill_that_is_killed_is_recovered(
    cluster: Cluster, tmp_path: Path, name: str, seconds: float, with_engine: bool
) -> None:
    policy = cluster.policy
    quick_copy(policy, tmp_path, EXPERIMENTS if policy.system == "solar" else ())
    before = cluster.on_kube(lambda kube: residue.take(kube, policy.namespaces))
    first, second = cluster.tables(), cluster.tables()
    with started(tmp_path, policy.system, name) as process:
        time.sleep(seconds)
        assert process.poll() in {None, *ENDED}, process.communicate()
        engines = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGKILL)
        if with_engine:
            for engine in engines:
                engine.kill()
        process.communicate()
    code, said, problems = ended(tmp_path, "--system", policy.system, "--dead", command="recover")
    assert code == 0, (SEED, said, problems)
    plan = next((one for one in policy.drills if one.id == name), name.removeprefix("x-"))
    left = settled(cluster, before, allowed(policy, plan, tmp_path / "reports"))
    assert left == [], (SEED, name, seconds, said)
    after = cluster.tables()
    changed = [one for key in first for one in differing(first[key], second[key], after[key])]
    if STAYS in said:
        anew(cluster)
    else:
        assert changed == [], (SEED, name, seconds, said)


def differing(first: Content | str, second: Content | str, after: Content | str) -> list[str]:
    """Tables that aren't what they were, but for those that somebody wrote to before anything was broken."""
    if isinstance(first, str) or isinstance(second, str) or isinstance(after, str):
        return [str((first, second, after))]
    return list(changed_tables(second, after, growing(first, second)))


def anew(cluster: Cluster) -> None:
    """Another sandbox of the same name: what the next kill is compared with must be whole."""
    name = os.environ["DRILLBOOK_SANDBOX"]
    lifecycle.down(name)
    lifecycle.up(cluster.policy.system, name, leash=os.getpid(), timeout=120)
    cluster.environment = load_system(cluster.policy.system, "sandbox", name)[1]


def settled(system: Cluster | Solar, before: residue.Snapshot, traces: Traces) -> list[str]:
    """What is left when there was time enough for pods to start."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        after = system.on_kube(lambda kube: residue.take(kube, system.policy.namespaces))
        left = [*residue.residue(before, after, system.policy.namespaces, traces), *system.left_behind()]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)
