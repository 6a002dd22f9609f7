"""What all controllers share: changes become keys, keys are worked off one by one, failures come again later."""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Final

from drillbook.sandbox.cluster import Cluster, log
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Change

type Key = tuple[str, str]
"""Namespace and name."""

FIRST_DELAY: Final = 0.05
LONGEST_DELAY: Final = 30.0


class WorkQueue:
    """Keys to work on: each at most once, in the order of their coming."""

    def __init__(self) -> None:
        self._ready: dict[Key, None] = {}
        self._there = asyncio.Event()
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        self._ready[key] = None
        self._there.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Add the key later; of two times asked for, the earlier one counts."""
        loop = asyncio.get_running_loop()
        planned = self._later.get(key)
        if planned is not None:
            if planned.when() <= loop.time() + seconds:
                return
            planned.cancel()
        self._later[key] = loop.call_later(max(0.0, seconds), self._due, key)

    def failed(self, key: Key) -> float:
        """Add the key again after a delay that doubles with every failure in a row; returns that delay."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures, 16))
        self.add_after(key, delay)
        return delay

    def worked(self, key: Key) -> None:
        """The key went well: its next failure counts as the first."""
        self._failures.pop(key, None)

    async def next(self) -> Key:
        """The next key; waits for one."""
        while not self._ready:
            self._there.clear()
            await self._there.wait()
        key = next(iter(self._ready))
        del self._ready[key]
        return key

    def _due(self, key: Key) -> None:
        self._later.pop(key, None)
        self.add(key)


class Controller(ABC):
    """Watches some kinds and moves what is towards what is wanted."""

    name: ClassVar[str]
    watches: ClassVar[tuple[Kind, ...]]

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self.queue = WorkQueue()

    @abstractmethod
    def keys(self, change: Change) -> Iterable[Key]:
        """Which keys a change concerns."""

    @abstractmethod
    async def reconcile(self, key: Key) -> None:
        """Look at the state of one key and move on. May raise: it is logged and comes again."""

    async def run(self) -> None:
        """Work until cancelled."""
        subscription = self.store.subscribe(*self.watches)
        for kind in self.watches:
            for obj in self.store.list(kind):
                self._note(Change(0, "ADDED", kind, obj))
        worker = asyncio.create_task(self._work(), name=f"controller {self.name}")
        try:
            while True:
                self._note(await subscription.next())
        finally:
            subscription.close()
            worker.cancel()

    def _note(self, change: Change) -> None:
        try:
            for key in self.keys(change):
                self.queue.add(key)
        except Exception:
            log.exception("controller %s can't tell what a change of %s concerns", self.name, change.name)

    async def _work(self) -> None:
        # Work alternates with everything else on the loop, so that a burst of keys starves no probe or connection.
        for done in itertools.count(1):
            key = await self.queue.next()
            await self._attempt(key)
            if done % 8 == 0:
                await asyncio.sleep(0)

    async def _attempt(self, key: Key) -> None:
        try:
            await self.reconcile(key)
        except (ApiError, OSError) as error:
            delay = self.queue.failed(key)
            log.warning("controller %s: %s/%s again in %.2f s: %s", self.name, *key, delay, error)
        except Exception:
            delay = self.queue.failed(key)
            log.exception("controller %s: %s/%s again in %.2f s", self.name, *key, delay)
        else:
            self.queue.worked(key)


def own_key(obj: Object) -> Key:
    """Namespace and name of an object."""
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])


def controller_of(obj: Object) -> Object | None:
    """The owner reference that controls the object."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return dict(owner)
    return None


def owner_reference(owner: Object) -> Object:
    """A controlling reference to ``owner``."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owner_key(obj: Object, kind: Kind) -> Iterable[Key]:
    """The key of the object's controller, when that is of this kind."""
    owner = controller_of(obj)
    if owner and owner["kind"] == kind.name:
        return [(str(obj["metadata"].get("namespace", "")), str(owner["name"]))]
    return []
