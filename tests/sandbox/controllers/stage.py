"""Controllers on a store, without kubelet or API server: time stands still until a test moves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drillbook.clock import SetClock
from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.admission import create
from drillbook.sandbox.controllers.controller import Controller, Key, WorkQueue
from drillbook.sandbox.controllers.pods import with_condition
from drillbook.sandbox.controllers.times import written
from drillbook.sandbox.events import Recorder
from drillbook.sandbox.kinds import EVENT, POD, Kind, Object
from drillbook.sandbox.network.addresses import Addresses
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change, Store, Subscription

NAMESPACE = "shop"


class SetQueue(WorkQueue):
    """A work queue whose timers run on a clock that a test moves."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self._clock = clock
        self.timers: dict[Key, float] = {}

    def add_after(self, key: Key, seconds: float) -> None:
        due = self._clock.elapsed + max(0.0, seconds)
        self.timers[key] = min(due, self.timers.get(key, due))

    def ready(self) -> list[Key]:
        """The keys to work on; takes them out."""
        keys = list(self._ready)
        self._ready.clear()
        return keys

    def fire(self) -> None:
        for key in [key for key, due in self.timers.items() if due <= self._clock.elapsed]:
            del self.timers[key]
            self.add(key)


class Stage:
    """Some controllers, a store, and a clock."""

    def __init__(self, authority: Authority) -> None:
        self.clock = SetClock(at=datetime.now(UTC).replace(microsecond=0))
        self.store = Store()
        self.cluster = Cluster(
            name="stage",
            id="stage",
            state=Path("/nonexistent"),
            store=self.store,
            events=Recorder(self.store),
            addresses=Addresses(99),
            authority=authority,
        )
        self._runner = asyncio.Runner()
        self._acts: list[tuple[Controller, SetQueue, Subscription]] = []

    def add(self, make: Callable[[Cluster], Controller]) -> None:
        """Have a controller play along."""
        controller = make(self.cluster)
        queue = SetQueue(self.clock)
        controller.queue = queue
        subscription = self.store.subscribe(*controller.watches)
        for kind in controller.watches:
            for obj in self.store.list(kind):
                self._note(controller, Change(0, "ADDED", kind, obj))
        self._acts.append((controller, queue, subscription))

    def close(self) -> None:
        self._runner.close()

    def settle(self) -> None:
        """Let the controllers work until none has anything left to do now."""
        for _ in range(500):
            if not self._step():
                return
        raise AssertionError("the controllers never come to rest: each pass makes new work")

    def advance(self, seconds: float) -> None:
        """Move time on, timer by timer."""
        end = self.clock.elapsed + seconds
        self.settle()
        while True:
            dues = [due for _, queue, _ in self._acts for due in queue.timers.values() if due <= end]
            if not dues:
                break
            self.clock.elapsed = max(self.clock.elapsed, min(dues))
            for _, queue, _ in self._acts:
                queue.fire()
            self.settle()
        self.clock.elapsed = end

    def now(self) -> str:
        return written(self.clock.now())

    def _step(self) -> bool:
        worked = False
        for controller, queue, subscription in self._acts:
            while not subscription.queue.empty():
                self._note(controller, subscription.queue.get_nowait())
            for key in queue.ready():
                worked = True
                try:
                    self._runner.run(controller.reconcile(key))
                except ApiError:
                    queue.failed(key)
                else:
                    queue.worked(key)
        return worked or any(not subscription.queue.empty() for _, _, subscription in self._acts)

    @staticmethod
    def _note(controller: Controller, change: Change) -> None:
        for key in controller.keys(change):
            controller.queue.add(key)

    # What tests do and ask.

    def create(self, kind: Kind, name: str, **body: Any) -> Object:
        """Create an object in the test's namespace, with the API's defaults."""
        meta: Object = {"name": name} | body.pop("metadata", {})
        if kind.namespaced:
            meta.setdefault("namespace", NAMESPACE)
        return create(self.store, kind, {"metadata": meta, **body})

    def get(self, kind: Kind, name: str) -> Object:
        return self.store.need(kind, NAMESPACE if kind.namespaced else "", name)

    def change(self, kind: Kind, name: str, change: Callable[[Object], Any]) -> Object:
        return self.store.mutate(kind, NAMESPACE if kind.namespaced else "", name, lambda draft: void(change(draft)))

    def pods(self) -> list[Object]:
        return self.store.list(POD, NAMESPACE)

    def reasons(self) -> list[str]:
        """The reasons of all events, each as often as it was said."""
        return [event["reason"] for event in self.store.list(EVENT) for _ in range(event["count"])]

    def said(self, reason: str) -> list[str]:
        return [event["message"] for event in self.store.list(EVENT) if event["reason"] == reason]

    # What the kubelet would do.

    def run(self, pod: Object, *, ready: bool = True) -> None:
        """The pod runs, on a node."""
        at = self.now()

        def change(draft: Object) -> None:
            draft["spec"]["nodeName"] = "node-1"
            status = draft["status"]
            status |= {"phase": "Running", "startTime": at}
            value = "True" if ready else "False"
            status["conditions"] = with_condition((), "Ready", value, lastTransitionTime=at)

        self.change(POD, pod["metadata"]["name"], change)

    def end(self, pod: Object, code: int = 0) -> None:
        """The pod's container has ended."""
        at = self.now()

        def change(draft: Object) -> None:
            draft["spec"]["nodeName"] = "node-1"
            status = draft["status"]
            status["phase"] = "Failed" if code else "Succeeded"
            terminated = {"exitCode": code, "finishedAt": at}
            status["containerStatuses"] = [{"name": "main", "restartCount": 0, "state": {"terminated": terminated}}]
            status["conditions"] = with_condition((), "Ready", "False", lastTransitionTime=at)

        self.change(POD, pod["metadata"]["name"], change)

    def kill(self, pod: Object) -> None:
        """The pod is gone."""
        self.store.remove(POD, NAMESPACE, pod["metadata"]["name"])


def void(_: Any) -> None:
    """For lambdas that change something on the way to a value that nobody wants."""


def container(name: str = "main", /, **resources: dict[str, str]) -> Object:
    """A container; ``requests={"cpu": "100m"}``."""
    return {"name": name, "image": "busybox"} | ({"resources": resources} if resources else {})


def pod_body(labels: dict[str, str] | None = None, **resources: dict[str, str]) -> dict[str, Any]:
    """The body of a lone pod."""
    return {
        "metadata": {"labels": labels or {}},
        "spec": {"containers": [container(**resources)]},
        "status": {"phase": "Pending"},
    }


def named_pod(name: str = "new", **resources: dict[str, str]) -> Object:
    """A lone pod as somebody sends it: with its name and namespace."""
    body = pod_body({}, **resources)
    body["metadata"] |= {"name": name, "namespace": NAMESPACE}
    return body


def condition_of(obj: Object, type_: str) -> tuple[str, str] | None:
    """Status and reason of a condition."""
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found["type"] == type_:
            return found["status"], found.get("reason", "")
    return None


@contextmanager
def staged(authority: Authority, *makes: Callable[[Cluster], Controller]) -> Iterator[Stage]:
    """A stage with these controllers, closed at the end."""
    stage = Stage(authority)
    try:
        for make in makes:
            stage.add(make)
        yield stage
    finally:
        stage.close()
