"""Drills of a real system: what passes, and everything that must not."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from drillbook.checking import load_system
from drillbook.clients.kube import Kube, path_of
from drillbook.drills import after, before, signals
from drillbook.drills.drill import run_drill
from drillbook.drills.lock import Lock
from drillbook.drills.watch import Look, Signal
from drillbook.errors import Refused
from drillbook.model.drill import DrillResult
from drillbook.model.policy import Workload
from drillbook.model.timeline import EventKind
from drillbook.model.verdict import Status
from drillbook.sandbox.misbehave import set_switches
from tests.conftest import SandboxHandle
from tests.drills.conftest import NAMESPACE, Solar


@pytest.mark.slow
def test_a_killed_pod_is_replaced_in_time_and_nothing_is_lost(system: Solar) -> None:
    order = system.order("pod-kill")
    found = system.drill(order)
    assert (found.status, found.fault.landed, found.undone, found.residue) == (Status.PASS, True, True, ())
    assert found.recovery is not None
    assert 0 <= found.recovery.lower <= found.recovery.upper < 20
    assert found.recovery.upper - found.recovery.lower < 1.0
    assert found.writes.acknowledged > 50
    assert (found.writes.lost, found.writes.duplicated, found.writes.altered, found.writes.phantom) == (0, 0, 0, 0)
    kinds = [e.kind for e in found.timeline.events]
    for earlier, later in ((EventKind.STEADY, EventKind.JOURNALED), (EventKind.JOURNALED, EventKind.INJECTING),
                           (EventKind.INJECTING, EventKind.LANDED), (EventKind.LANDED, EventKind.UNDONE)):  # fmt: skip
        assert kinds.index(earlier) < kinds.index(later)
    assert system.left_behind() == []


def test_killing_the_database_interrupts_writes_and_loses_none_that_was_acknowledged(system: Solar) -> None:
    found = system.drill(system.order("database-kill"))
    assert (found.status, found.fault.landed, found.residue) == (Status.PASS, True, ())
    assert found.recovery is not None
    assert 0 < found.recovery.lower <= found.recovery.upper < 30
    outage = [i for i in found.outages if i.signal == "write"]
    assert outage
    assert found.outage_seconds >= max(i.end - i.begin for i in outage)
    assert found.writes.acknowledged > 50
    assert found.writes.rejected + found.writes.unanswered > 0
    assert found.writes.lost == 0
    started = found.fault.evidence["server_started"]
    assert started["before"] < started["after"]
    steps = [e for e in found.timeline.events if e.kind is EventKind.STEP]
    assert [e.text for e in steps] == ["wait_ready database", "rollout_restart api", "wait_ready api"]
    assert all(e.details["took_seconds"] >= 0 and not e.details["problem"] for e in steps)
    assert system.left_behind() == []


def test_a_fault_that_does_not_land_proves_nothing(system: Solar, experiment: Callable[..., str]) -> None:
    found = system.drill(system.order("pod-kill", experiment=experiment(fault="noop", most_percent=100)))
    assert (found.status, found.fault.landed) == (Status.INCONCLUSIVE, False)
    assert found.reason == "the fault noop was not seen to land, so nothing was proven"


@pytest.mark.slow
def test_a_drill_without_load_is_inconclusive(system: Solar, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sends_nothing() -> Look:
        return Look(True)

    monkeypatch.setattr(signals, "write_signal", lambda http, ledger, now: Signal("write", 0.05, sends_nothing))
    found = system.drill(system.order("pod-kill"))
    assert (found.status, found.load_flowed) == (Status.INCONCLUSIVE, False)
    assert found.reason == "load did not flow: no write was acknowledged"


def test_lost_and_doubled_writes_and_a_change_elsewhere_are_all_seen(
    system: Solar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after, "RESIDUE_SECONDS", 1.0)
    order = system.order("pod-kill")
    prefix = f"{order.run_id}:pod-kill:"

    def plant(text: str) -> None:
        if not text.startswith("recovered after"):
            return
        with system.database() as database:
            keys = [k for (k,) in database.execute("SELECT key FROM orders WHERE key ^@ %s ORDER BY key", (prefix,))]
            database.execute("DELETE FROM orders WHERE key = %s", (keys[5],))
            database.execute("INSERT INTO orders (key, body) SELECT key, body FROM orders WHERE key = %s", (keys[6],))
            database.execute("UPDATE orders SET body = 'other' WHERE key = %s", (keys[7],))
            database.execute("INSERT INTO orders (key, body) VALUES (%s, '')", (f"{prefix}999999",))
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "planted"}, "data": {"a": "1"}}

        async def change(kube: Kube) -> None:
            await kube.create(path_of("configmaps", "default"), body)

        system.on_kube(change)

    async def clean(kube: Kube) -> None:
        await kube.delete(path_of("configmaps", "default", "planted"))

    try:
        found = system.drill(order, plant)
    finally:
        system.on_kube(clean)
    writes = found.writes
    assert (writes.lost, writes.duplicated, writes.altered, writes.phantom) == (1, 1, 1, 1)
    assert writes.lost_keys == (f"{prefix}000006",)
    assert found.residue == ("ConfigMap default/planted is new, outside the system's namespaces",)
    assert found.status is Status.FAIL
    assert found.reason.startswith(f"1 of {writes.acknowledged} acknowledged writes are lost: {prefix}000006")


def test_a_baseline_that_does_not_hold_is_a_refusal(
    system: Solar, solar: SandboxHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(before, "BASELINE_SECONDS", 4.0)
    set_switches(solar.name, "backend", error_ratio=0.5)
    try:
        with pytest.raises(
            Refused, match=r"^not injecting: the baseline did not hold .* was to a (read|write): HTTP 5"
        ):
            system.drill(system.order("pod-kill"))
    finally:
        set_switches(solar.name, "backend")
    assert system.left_behind() == []


@pytest.mark.slow
def test_an_engine_that_is_killed_leaves_the_undo_to_the_drill(system: Solar) -> None:
    order = system.order("pod-kill")

    def kill(text: str) -> None:
        if text == "the fault landed":
            folder = order.folder / "engine-pod-kill"
            for pid in _children():
                if str(folder) in _environment(pid):
                    os.kill(pid, signal.SIGKILL)

    found = system.drill(order, kill)
    assert (found.status, found.undone, found.fault.landed) == (Status.INCONCLUSIVE, True, True)
    assert found.reason.startswith("the engine left no journal")
    assert system.left_behind() == []


def test_a_drill_that_is_stopped_puts_everything_back_and_keeps_what_it_saw(system: Solar) -> None:
    order = system.order("pod-kill")
    kept: list[DrillResult] = []

    def stop(text: str) -> None:
        system.said.append(text)
        if text.startswith("waiting for"):
            threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_drill(order, stop, kept.append)
    assert time.monotonic() - begun < 60
    (found,) = kept
    assert (found.status, found.undone) == (Status.INCONCLUSIVE, True)
    assert found.fault.landed
    assert any(e.kind is EventKind.ABORTED for e in found.timeline.events)
    assert system.left_behind() == []
    assert re.search(r'"state": "undone"', (order.folder / "undo-pod-kill.jsonl").read_text())


def test_an_objective_that_fails_already_is_a_refusal(system: Solar) -> None:
    component = replace(system.policy.components["worker"], workload=Workload("deployment", "flower"))
    floor = next(o for o in load_system("solar", "sandbox")[0].objectives if o.id == "replicas-worker")
    system.policy = replace(
        system.policy, components={**system.policy.components, "worker": component}, objectives=(floor,)
    )
    with pytest.raises(Refused, match=r"^not injecting: solar/replicas-worker fails already: .*observed 1"):
        system.drill(system.order("pod-kill"))
    assert system.left_behind() == []


def test_two_drills_at_once_are_not_possible(system: Solar) -> None:
    other = Lock(NAMESPACE, "another-run/another-drill")
    system.on_kube(other.take)
    try:
        with pytest.raises(Refused, match=r"another drill holds the lock .*another-run/another-drill"):
            system.drill(system.order("pod-kill"))
    finally:
        system.on_kube(other.release)


def _children() -> list[int]:
    return [child.pid for child in psutil.Process().children(recursive=True)]


def _environment(pid: int) -> str:
    try:
        return str(psutil.Process(pid).environ().get("DRILLBOOK_DESK", ""))
    except psutil.Error:
        return ""
