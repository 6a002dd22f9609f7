"""NetworkChaos as Chaos Mesh runs it: selects pods once, injects, recovers when told or when the time is up.

Status, events, finalizer and annotations are those that Chaos Mesh writes, so that whoever watches an experiment there
can watch it here. What the sandbox can't do is told in the status and never injected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, own_key
from drillbook.sandbox.controllers.pods import is_terminating, moment
from drillbook.sandbox.kinds import NETWORK_CHAOS, POD, Object
from drillbook.sandbox.network.chaos_selection import select
from drillbook.sandbox.network.chaos_spec import Effect, Unsupported, effect_of, seconds_of
from drillbook.sandbox.network.guard import Guard
from drillbook.sandbox.network.injection import Injection, Way
from drillbook.sandbox.store import Change, clone, timestamp

COMPONENT: Final = "networkchaos"
FINALIZER: Final = "chaos-mesh/records"
PAUSE: Final = "experiment.chaos-mesh.org/pause"
FORCED: Final = "chaos-mesh.chaos-mesh.org/cleanFinalizer"
SOURCE, TARGET = ".", ".Target"
_INJECTED, _NOT_INJECTED = "Injected", "Not Injected"
_MOST_EVENTS: Final = 5


class NetworkChaosExperiments(Controller):
    """Moves each experiment to its desired phase."""

    name = "network-chaos"
    watches = (NETWORK_CHAOS,)

    def __init__(self, cluster: Cluster, guard: Guard) -> None:
        super().__init__(cluster)
        self._guard = guard
        self._uids: dict[Key, str] = {}
        self._pods: dict[str, dict[str, str]] = {}
        """For each experiment, the uid of each selected pod by its record's id: a pod of the same name is another."""

    def keys(self, change: Change) -> Iterable[Key]:
        return [own_key(change.object)]

    async def reconcile(self, key: Key) -> None:
        chaos = self.store.get(NETWORK_CHAOS, *key)
        uid = chaos["metadata"]["uid"] if chaos else ""
        if self._uids.get(key, uid) != uid:
            gone = self._uids.pop(key)
            self._guard.recover(gone)
            self._pods.pop(gone, None)
        if chaos is None:
            return
        self._uids[key] = uid
        if not is_terminating(chaos) and FINALIZER not in (chaos["metadata"].get("finalizers") or ()):
            chaos = self.store.mutate(NETWORK_CHAOS, *key, _hold)
            self._say(chaos, "FinalizerInited", "Finalizer has been inited")
        status = self._step(chaos)
        if status != chaos.get("status"):
            chaos = self.store.mutate(NETWORK_CHAOS, *key, lambda draft: draft.update(status=status))
            self._say(chaos, "Updated", "Successfully update records of resource")
        if is_terminating(chaos) and (_all(status, _NOT_INJECTED) or _annotation(chaos, FORCED) == "forced"):
            self._guard.recover(uid)
            self._say(chaos, "FinalizerRemoved", "Finalizer has been removed")
            self.store.mutate(NETWORK_CHAOS, *key, _let_go)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            for uid in self._uids.values():
                self._guard.recover(uid)
            await asyncio.sleep(0)

    def uncovered(self, cause: str, client: Object, server: Object, why: str) -> None:
        """A connection that an experiment names stays as it was: tell it on the experiment."""
        for key, uid in self._uids.items():
            chaos = self.store.get(NETWORK_CHAOS, *key)
            if uid == cause and chaos is not None:
                sentence = f"a connection from {_id(client)} to {_id(server)} is not affected: {why}"
                self.cluster.events.warning(chaos, COMPONENT, "NotCovered", sentence)

    def _step(self, chaos: Object) -> Object:
        """Bring the records to the desired phase; returns the new status."""
        status: Object = clone(chaos.get("status") or {})
        experiment: Object = status.setdefault("experiment", {})
        before = experiment.get("desiredPhase")
        phase = experiment["desiredPhase"] = self._desired_phase(chaos)
        if phase != before:
            self._tell_phase(chaos, phase)
        if phase == "Run" and not experiment.get("containerRecords"):
            records = self._select(chaos)
            if records:
                experiment["containerRecords"] = records
        records = experiment.get("containerRecords") or []
        if phase == "Run":
            self._inject(chaos, records)
        else:
            self._recover(chaos, records)
        status["conditions"] = _conditions(chaos, records)
        return status

    def _desired_phase(self, chaos: Object) -> str:
        if is_terminating(chaos) or _annotation(chaos, PAUSE) == "true":
            return "Stop"
        text = chaos["spec"].get("duration")
        if text:
            passed = (datetime.now(UTC) - moment(chaos["metadata"]["creationTimestamp"])).total_seconds()
            left = seconds_of(text) - passed
            if left <= 0:
                return "Stop"
            self.queue.add_after(own_key(chaos), left)
        return "Run"

    def _tell_phase(self, chaos: Object, phase: str) -> None:
        if phase == "Run":
            self._say(chaos, "Started", "Experiment has started")
        elif is_terminating(chaos):
            self._say(chaos, "Deleted", "Experiment has been deleted")
        elif _annotation(chaos, PAUSE) == "true":
            self._say(chaos, "Paused", "Experiment has been paused")
        else:
            self._say(chaos, "TimeUp", "Time up according to the duration")

    def _select(self, chaos: Object) -> list[Object]:
        """A record for each pod that is to feel it, or that it is about; none when a selector finds nobody."""
        spec, home = chaos["spec"], chaos["metadata"]["namespace"]
        chosen: list[tuple[str, Object]] = []
        for name, wanted in ((SOURCE, spec), (TARGET, spec.get("target"))):
            if wanted is None:
                continue
            pods = select(self.store, wanted, home)
            if not pods:
                self._fail(chaos, "Failed to select targets: no target has been selected")
                return []
            chosen += [(name, pod) for pod in pods]
        self._pods[chaos["metadata"]["uid"]] = {_id(pod): pod["metadata"]["uid"] for _, pod in chosen}
        return [
            {"id": _id(pod), "selectorKey": name, "phase": _NOT_INJECTED, "injectedCount": 0, "recoveredCount": 0}
            for name, pod in chosen
        ]

    def _inject(self, chaos: Object, records: list[Object]) -> None:
        waiting = [record for record in records if record["phase"] != _INJECTED]
        if not waiting:
            return
        try:
            effect = effect_of(chaos["spec"], chaos["metadata"]["uid"], chaos["metadata"].get("annotations") or {})
            ways = self._ways(chaos, records)
        except (Unsupported, ValueError) as error:
            sentence = f"the sandbox does not support this: {error}"
            for record in waiting:
                if not record.get("events"):
                    _note(record, "Apply", "Failed", sentence)
            self._fail(chaos, f"Failed to apply chaos: {sentence}")
            return
        self._guard.inject(chaos["metadata"]["uid"], Injection(ways, effect.treatment, effect.limit))
        for record in waiting:
            record["phase"] = _INJECTED
            record["injectedCount"] += 1
            _note(record, "Apply", "Succeeded")
            self._say(chaos, "Applied", f"Successfully apply chaos for {record['id']}")
        self._tell_approximations(chaos, effect)

    def _tell_approximations(self, chaos: Object, effect: Effect) -> None:
        for sentence in effect.approximations:
            self.cluster.events.warning(chaos, COMPONENT, "Approximated", sentence)

    def _recover(self, chaos: Object, records: list[Object]) -> None:
        self._guard.recover(chaos["metadata"]["uid"])
        for record in records:
            if record["phase"] == _INJECTED:
                record["phase"] = _NOT_INJECTED
                record["recoveredCount"] += 1
                _note(record, "Recover", "Succeeded")
                self._say(chaos, "Recovered", f"Successfully recover chaos for {record['id']}")

    def _ways(self, chaos: Object, records: list[Object]) -> tuple[Way, ...]:
        """Who sends to whom. Raises Unsupported where nothing would come about."""
        uids = self._pods.setdefault(chaos["metadata"]["uid"], {})
        chosen: dict[str, set[str]] = {SOURCE: set(), TARGET: set()}
        for record in records:
            pod = self.store.get(POD, *record["id"].split("/", 1))
            if record["id"] not in uids and pod is not None:
                uids[record["id"]] = pod["metadata"]["uid"]
            if record["id"] in uids:
                chosen[record["selectorKey"]].add(uids[record["id"]])
        sources, targets = frozenset(chosen[SOURCE]), frozenset(chosen[TARGET])
        direction = chaos["spec"].get("direction") or "to"
        if not chaos["spec"].get("target"):
            if direction != "to":
                raise Unsupported(f"direction {direction} without a target: from whom?")
            return (Way(sources, None),)
        there, back = Way(sources, targets), Way(targets, sources)
        return {"to": (there,), "from": (back,), "both": (there, back)}[direction]

    def _say(self, chaos: Object, reason: str, message: str) -> None:
        self.cluster.events.normal(chaos, COMPONENT, reason, message)

    def _fail(self, chaos: Object, message: str) -> None:
        self.cluster.events.warning(chaos, COMPONENT, "Failed", message)


def _conditions(chaos: Object, records: list[Object]) -> list[Object]:
    def condition(type_: str, holds: bool, reason: str = "") -> Object:
        return {"type": type_, "status": "True" if holds else "False"} | ({"reason": reason} if reason else {})

    refused = any(
        event["type"] == "Failed" and record["phase"] == _NOT_INJECTED
        for record in records
        for event in (record.get("events") or ())[-1:]
    )
    return [
        condition("Selected", bool(records)),
        condition("AllInjected", bool(records) and _each(records, _INJECTED), "Unsupported" if refused else ""),
        condition("AllRecovered", bool(records) and _each(records, _NOT_INJECTED)),
        condition("Paused", _annotation(chaos, PAUSE) == "true"),
    ]


def _each(records: Iterable[Mapping[str, Any]], phase: str) -> bool:
    return all(record["phase"] == phase for record in records)


def _all(status: Object, phase: str) -> bool:
    return _each((status.get("experiment") or {}).get("containerRecords") or (), phase)


def _note(record: Object, operation: str, type_: str, message: str = "") -> None:
    event = {"operation": operation, "timestamp": timestamp(), "type": type_} | (
        {"message": message} if message else {}
    )
    record["events"] = [*(record.get("events") or ()), event][-_MOST_EVENTS:]


def _id(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _annotation(chaos: Object, name: str) -> str:
    return str((chaos["metadata"].get("annotations") or {}).get(name, ""))


def _hold(draft: Object) -> None:
    draft["metadata"]["finalizers"] = [*(draft["metadata"].get("finalizers") or ()), FINALIZER]


def _let_go(draft: Object) -> None:
    draft["metadata"]["finalizers"] = [f for f in draft["metadata"].get("finalizers") or () if f != FINALIZER]
