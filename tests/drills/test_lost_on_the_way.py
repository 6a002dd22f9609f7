"""Whole drills that lose what they hold on to, with the fault there: their lock, or the cluster itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from drillbook.clients.kube import Kube, path_of
from drillbook.drills.lock import NAME, holder_of
from drillbook.errors import ExitCode
from drillbook.model.timeline import EventKind
from drillbook.model.verdict import Status
from tests.conftest import SandboxHandle
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.forwarding import far_away
from tests.drills.test_drill_command import ended, injected, started
from tests.drills.test_manual_drill import run_of

LEASE = path_of("leases", NAMESPACE, NAME)


async def frontends(kube: Kube) -> int:
    found = await kube.get(path_of("deployments", NAMESPACE, "frontend"))
    return int(found["spec"]["replicas"])


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("loss", ["gone", "taken"])
def test_a_drill_whose_lock_is_lost_ends_and_puts_everything_back(system: Solar, loss: str) -> None:
    before = system.on_kube(frontends)

    async def lose(kube: Kube) -> None:
        assert await frontends(kube) == 0
        await (kube.delete(LEASE) if loss == "gone" else kube.patch(LEASE, {"spec": {"holderIdentity": "another/one"}}))

    order = system.order("pod-kill", experiment="scale-to-zero", component="frontend")
    try:
        found = system.drill(order, lambda text: system.on_kube(lose) if text == "the fault landed" else None)
        # What is another's is not given back.
        assert system.on_kube(lambda kube: holder_of(kube, NAMESPACE)) == ("another/one" if loss == "taken" else None)
    finally:
        if loss == "taken":
            system.on_kube(lambda kube: kube.delete(LEASE))
    assert (found.status, found.aborted, found.undone) == (Status.INCONCLUSIVE, True, True), found.reason
    who = "nobody" if loss == "gone" else "another/one"
    assert f"the lock Lease {NAMESPACE}/{NAME} was taken away: {who} has it now" in found.reason
    (aborted,) = [event for event in found.timeline.events if event.kind is EventKind.ABORTED]
    assert aborted.at - found.timeline.events[0].at < 60
    assert system.on_kube(frontends) == before
    assert system.left_behind() == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_drill_that_loses_the_cluster_ends_and_recover_finishes_its_undo(
    system: Solar, solar: SandboxHandle, quick: Path
) -> None:
    """Only the conductor's way there is cut: the fault stays until somebody else takes it back."""
    before = system.on_kube(frontends)
    policy = quick / "systems" / "solar" / "policy.yaml"
    document = yaml.safe_load(policy.read_text())
    (plan,) = [drill for drill in document["drills"] if drill["id"] == "pod-kill"]
    document["drills"] = [plan | {"id": "gone", "experiment": "scale-to-zero", "component": "frontend"}]
    policy.write_text(yaml.safe_dump(document))
    with (
        far_away(solar.state, quick / "far") as way,
        started(quick, "solar", "gone", "--timeout", "120", DRILLBOOK_STATE=str(quick / "far")) as process,
    ):
        deadline = time.monotonic() + 60
        while not injected(quick):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        way.cut()
        begun = time.monotonic()
        said, problems = process.communicate(timeout=150)
    assert "Traceback" not in problems
    assert process.returncode == ExitCode.DRILL_ABORTED, said + problems
    # Before its lock expires for anybody else, plus what it takes to look back.
    assert time.monotonic() - begun < 90
    (found,) = run_of(quick)["drills"]
    assert (found["aborted"], found["undone"]) == (True, False), found["reason"]
    assert "can't be reached" in problems
    assert system.on_kube(frontends) == 0
    left = system.left_behind()
    assert NAME in left
    assert any(name.startswith("drillbook-undo-") for name in left)

    code, said, problems = ended(quick, "--system", "solar", "--dead", command="recover")
    assert code == ExitCode.PASS, said + problems
    assert "frontend" in said
    assert system.on_kube(frontends) == before
    assert system.left_behind() == []
