"""The undo journal: what to put back is written down, for good, before anything is broken.

Twice: as JSON lines in a file, each line fsynced, and as a ConfigMap in the drilled namespace (in another, where the
fault takes that one away), so that another machine can undo when this one is gone. Both name the fault, what to put
back, which steps have begun that change data, and when the entry expires.

The ConfigMap goes when the undo has been verified. Where another machine did that, the file that lies elsewhere doesn't
know; so the ConfigMap stays as a tombstone, which says until the entry expires that it is finished. Whoever finds the
entry in a file alone must not undo it: it may have been days ago, and there may have been releases since.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drillbook.clock import SYSTEM_CLOCK, Clock, iso
from drillbook.errors import ConfigError
from drillbook.faults.fault import PutBack
from drillbook.places import write_whole

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube, Object

LABEL: Final = "drillbook.dev/undo"
FINISHED: Final = "finished"
"""The label's value on a tombstone."""
_LIVES: Final = timedelta(days=7)
"""How long an entry counts: a system that was left broken for longer has been seen to by somebody."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to undo."""

    id: str
    """The drill's: ``RUN/DRILL``."""
    fault: str
    cluster: str
    """The UID of its namespace kube-system: a journal on disk does not follow a context to another cluster."""
    namespace: str
    put_back: PutBack
    written: datetime
    expires: datetime
    procedure: tuple[PutBack, ...] = ()
    """What the documented procedure is going to change, as it was before."""
    begun: tuple[str, ...] = ()
    """Steps of the procedure that change data, as far as they were begun: nothing takes that back."""
    placed: bool = True
    """It is known to have been in the cluster; without that its fault never began."""

    @property
    def config_map(self) -> str:
        """The ConfigMap's name, which Kubernetes wants in lower case and without slashes."""
        return "drillbook-undo-" + re.sub(r"[^a-z0-9.-]+", "-", self.id.lower())[:230].strip("-.")

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "id": self.id,
            "fault": self.fault,
            "cluster": self.cluster,
            "namespace": self.namespace,
            "put_back": dict(self.put_back),
            "procedure": [dict(one) for one in self.procedure],
            "written": iso(self.written),
            "expires": iso(self.expires),
        }


async def new_entry(
    kube: Kube,
    id_: str,
    fault: str,
    namespace: str,
    put_back: PutBack,
    clock: Clock = SYSTEM_CLOCK,
    procedure: tuple[PutBack, ...] = (),
) -> Entry:
    """An entry written now, for that cluster."""
    cluster, now = await kube.cluster_uid(), clock.now()
    return Entry(id_, fault, cluster, namespace, put_back, now, now + _LIVES, procedure)


class Journal:
    """One drill's undo journal."""

    def __init__(self, path: Path) -> None:
        """``path``: the JSON lines file, made on the first entry."""
        self.path = path
        self.begun: tuple[str, ...] = ()
        """The steps that change data, which ``begin`` has written down."""

    async def intend(self, kube: Kube, entry: Entry) -> None:
        """Write the entry down on disk and in the cluster; only then may the fault begin. Raises DrillbookError."""
        from drillbook.clients.kube import path_of

        self._append({"state": "intended", **entry.document()})
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": entry.config_map, "labels": {LABEL: "true"}},
            "data": {"entry": json.dumps(entry.document(), sort_keys=True)},
        }
        await kube.create(path_of("configmaps", entry.namespace), body)
        self._append({"state": "placed", "id": entry.id})

    async def begin(self, kube: Kube, entry: Entry, step: str) -> None:
        """A step that changes data is about to begin; only when that is written may it. Raises DrillbookError."""
        from drillbook.clients.kube import path_of

        self.begun = (*self.begun, step)
        self._append({"state": "begun", "id": entry.id, "step": step})
        path = path_of("configmaps", entry.namespace, entry.config_map)
        await kube.patch(path, {"data": {"begun": json.dumps(self.begun)}})

    async def undone(self, kube: Kube, entry: Entry) -> None:
        """The undo is verified: the file says so, and the ConfigMap goes, which said so meanwhile. Safe twice."""
        await mark_finished(kube, entry)
        self.close(entry)
        await forget(kube, entry.namespace, entry.config_map)

    def close(self, entry: Entry) -> None:
        """There is nothing left to undo, says the file from now on. Raises ConfigError when it can't be written."""
        self._append({"state": "undone", "id": entry.id})

    def discard(self) -> None:
        """Everything in it is undone, and no run's report keeps it: the file goes, and its folder with the last one."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def _append(self, line: dict[str, Any]) -> None:
        """One line, on the disk before this returns; a new file's name in its folder too."""
        new = not self.path.exists()
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                write_whole(handle, (json.dumps(line, sort_keys=True) + "\n").encode())
                os.fsync(handle)
            finally:
                os.close(handle)
            if new:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise ConfigError(
                f"the undo journal {self.path} can't be written: {error.strerror}; free the disk"
            ) from error


def stays(begun: Sequence[str]) -> str:
    """What no undo takes back, a sentence that names the steps; empty where none was begun."""
    if not begun:
        return ""
    return f"but what {' and '.join(begun)} did to data stays, as far as it got: a person must look at it"


async def mark_finished(kube: Kube, entry: Entry) -> None:
    """The entry's ConfigMap becomes a tombstone. Safe twice; where there is none, none is made."""
    from drillbook.clients.kube import ApiRefusal, path_of

    told = {"finished": entry.id, "expires": iso(entry.expires)}
    body = {"metadata": {"labels": {LABEL: FINISHED}}, "data": {"entry": None, "begun": None, **told}}
    try:
        await kube.patch(path_of("configmaps", entry.namespace, entry.config_map), body)
    except ApiRefusal as refused:
        if refused.code != 404:
            raise


async def forget(kube: Kube, namespace: str, config_map: str) -> None:
    """Take an entry's ConfigMap, or its tombstone, out of the cluster. Safe twice."""
    from drillbook.clients.kube import ApiRefusal, path_of

    try:
        await kube.delete(path_of("configmaps", namespace, config_map))
    except ApiRefusal as refused:
        if refused.code != 404:
            raise


def open_entries(path: Path) -> tuple[Entry, ...]:
    """The entries of a journal file that were intended and never undone, oldest first.

    A last line that was cut off in the middle is one whose fault never began. Raises ConfigError for a file that is no
    journal, or can't be read.
    """
    try:
        texts = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the undo journal {path} can't be read: {error}") from error
    intended: dict[str, Entry] = {}
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
        except ValueError:
            break
        state = line.get("state") if isinstance(line, dict) else None
        if state == "intended":
            entry = read_entry(line, f"{path}:{number}")
            intended[entry.id] = replace(entry, placed=False)
        elif state in {"placed", "begun"} and str(line.get("id")) in intended:
            entry = intended[str(line["id"])]
            begun = (*entry.begun, str(line.get("step"))) if state == "begun" else entry.begun
            intended[entry.id] = replace(entry, begun=begun, placed=True)
        elif state in {"placed", "begun", "undone"}:
            intended.pop(str(line.get("id")), None)
        else:
            raise ConfigError.at(path, number, f"expected the state intended, placed, begun or undone, found {state!r}")
    return tuple(intended.values())


@dataclass(frozen=True, slots=True)
class InCluster:
    """What lies in one namespace of a cluster."""

    entries: tuple[Entry, ...] = ()
    """Oldest first."""
    finished: Mapping[str, datetime] = field(default_factory=dict)
    """The tombstones, by the name of the ConfigMap, and when each has served its time."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """The ConfigMaps that hold no entry, and why."""

    def __bool__(self) -> bool:
        return bool(self.entries or self.finished or self.unreadable)


async def entries_in_cluster(kube: Kube, namespace: str) -> InCluster:
    """The entries that lie in a namespace; one that can't be read is no reason not to see the others."""
    from drillbook.clients.kube import path_of

    found = await kube.list(path_of("configmaps", namespace), labels=LABEL)
    entries, finished, unreadable = [], {}, {}
    for one in found:
        name = str(one["metadata"]["name"])
        try:
            if one["metadata"]["labels"][LABEL] == FINISHED:
                finished[name] = datetime.fromisoformat((one.get("data") or {}).get("expires", ""))
            else:
                entries.append(_entry_in(one, namespace))
        except (ConfigError, ValueError) as error:
            unreadable[name] = str(error)
    return InCluster(tuple(sorted(entries, key=lambda e: e.written)), finished, unreadable)


def _entry_in(one: Object, namespace: str) -> Entry:
    data: Any = one.get("data") or {}
    try:
        document, begun = json.loads(data.get("entry", "")), json.loads(data.get("begun", "[]"))
    except ValueError as error:
        raise ConfigError(f"expected an undo entry as JSON in its key entry: {error}") from error
    entry = replace(read_entry(document, "its key entry"), begun=tuple(map(str, begun)))
    if entry.namespace != namespace:
        raise ConfigError(f"expected an undo entry of this namespace, found one of {entry.namespace}")
    return entry


def read_entry(document: Any, where: str) -> Entry:
    """An entry from its JSON document, which was found at ``where``. Raises ConfigError."""
    try:
        texts = {key: document[key] for key in ("id", "fault", "cluster", "namespace")}
        put_back, procedure = document["put_back"], document.get("procedure", [])
        if not isinstance(put_back, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise TypeError("id, fault, cluster and namespace are texts, and put_back is a mapping")
        if not isinstance(procedure, list) or not all(isinstance(one, dict) for one in procedure):
            raise TypeError("procedure is a list of mappings")
        written, expires = (datetime.fromisoformat(document[key]) for key in ("written", "expires"))
    except KeyError as error:
        raise ConfigError(f"{where}: expected an undo entry, found one without {error}") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: expected an undo entry: {error}") from error
    return Entry(**texts, put_back=put_back, written=written, expires=expires, procedure=tuple(procedure))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
