"""Events as Kubernetes writes them: the same thing said again raises a count instead of adding an object."""

from __future__ import annotations

import time
from typing import Final

from drillbook.sandbox.kinds import EVENT, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Store, timestamp

KEPT: Final = 2_000
"""How many events are kept; Kubernetes forgets them after an hour, this bench after so many."""

type _Said = tuple[str, str, str, str, str, str]


class Recorder:
    """Writes events into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._said: dict[_Said, tuple[str, str]] = {}
        self._moment = 0

    def normal(
        self, about: Object, component: str, reason: str, message: str, *, host: str = "", field: str = ""
    ) -> None:
        """Something that belongs to the ordinary course. ``field``: ``spec.containers{backend}``."""
        self._write(about, "Normal", component, reason, message, host, field)

    def warning(
        self, about: Object, component: str, reason: str, message: str, *, host: str = "", field: str = ""
    ) -> None:
        """Something that a person should look at."""
        self._write(about, "Warning", component, reason, message, host, field)

    def _write(
        self, about: Object, type_: str, component: str, reason: str, message: str, host: str, field: str
    ) -> None:
        meta = about["metadata"]
        said: _Said = (str(meta.get("uid", "")), field, type_, reason, message, component)
        now = timestamp()
        at = self._said.get(said)
        if at is not None and self._store.get(EVENT, *at) is not None:
            self._store.mutate(EVENT, *at, lambda event: _again(event, now))
            return
        namespace = str(meta.get("namespace") or "default")
        # Named after the moment, as Kubernetes does, so that the order of names is the order of events.
        self._moment = max(self._moment + 1, time.time_ns())
        name = f"{meta['name']}.{self._moment:x}"
        involved = {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "name": meta["name"],
            "uid": meta.get("uid", ""),
            "resourceVersion": meta.get("resourceVersion", ""),
        }
        if meta.get("namespace"):
            involved["namespace"] = meta["namespace"]
        if field:
            involved["fieldPath"] = field
        event: Object = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": component} | ({"host": host} if host else {}),
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type_,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": host,
        }
        self._store.create(EVENT, event)
        self._said[said] = (namespace, name)
        self._forget()

    def _forget(self) -> None:
        while len(self._said) > KEPT:
            oldest = next(iter(self._said))
            try:
                self._store.remove(EVENT, *self._said.pop(oldest))
            except ApiError:  # somebody deleted it: it is gone, which is all that was wanted
                continue


def _again(event: Object, now: str) -> None:
    event["count"] = int(event.get("count") or 1) + 1
    event["lastTimestamp"] = now
