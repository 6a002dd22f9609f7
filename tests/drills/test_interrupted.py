"""No drill begins while another one's undo is unfinished: it would take what is half broken for what was there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.drills.guard import Clearance, clear
from drillbook.drills.journal import Entry, Journal, new_entry
from drillbook.drills.plan import brief
from drillbook.errors import Refused
from tests.drills.conftest import NAMESPACE, Solar


@contextmanager
def left(system: Solar, tmp_path: Path, namespace: str = NAMESPACE, age: timedelta = timedelta()) -> Iterator[Entry]:
    """What a drill leaves in the cluster that was killed half an hour ago: its lock has long expired."""
    journal = Journal(tmp_path / "undo.jsonl")

    async def write(kube: Kube) -> Entry:
        entry = await new_entry(kube, "run-of-somebody/database-kill", "pod-kill", namespace, {"replicas": 1})
        entry = replace(entry, written=entry.written - age, expires=entry.expires - age)
        await journal.intend(kube, entry)
        return entry

    entry = system.on_kube(write)
    try:
        yield entry
    finally:
        system.on_kube(lambda kube: journal.undone(kube, entry))


def cleared(system: Solar) -> Clearance:
    intent = brief(system.order("pod-kill")).intent
    return system.on_kube(lambda kube: clear(kube, intent))


@pytest.mark.parametrize("namespace", [NAMESPACE, "default"])
def test_a_drill_that_was_never_undone_refuses_the_next_one(system: Solar, tmp_path: Path, namespace: str) -> None:
    """Also where its journal is in the namespace that the environment names for the loss of a whole one."""
    with left(system, tmp_path, namespace) as entry, pytest.raises(Refused) as refused:
        cleared(system)
    said = str(refused.value)
    assert said.startswith("not injecting: drill run-of-somebody/database-kill broke something (pod-kill) at ")
    assert f"found ConfigMap {namespace}/{entry.config_map};" in said
    assert f"`drillbook recover --system solar -e sandbox --sandbox {system.environment.sandbox}` finishes it" in said
    assert any("no earlier drill waits for its undo" in look for look in cleared(system).looked_at)


def test_an_entry_that_recover_leaves_to_a_person_says_what_that_person_does(system: Solar, tmp_path: Path) -> None:
    with left(system, tmp_path, age=timedelta(days=8)) as entry, pytest.raises(Refused) as refused:
        cleared(system)
    assert f"`kubectl -n {NAMESPACE} delete configmap {entry.config_map}`" in str(refused.value)
    assert "too old for `drillbook recover`" in str(refused.value)


def test_a_journal_that_nobody_can_read_is_a_doubt(system: Solar) -> None:
    name, labels = "drillbook-undo-torn", {"drillbook.dev/undo": "true"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {}}
    system.on_kube(lambda kube: kube.create(path_of("configmaps", NAMESPACE), body))
    try:
        with pytest.raises(Refused, match=f"nobody can tell .* ConfigMap {NAMESPACE}/{name} is of.* delete configmap"):
            cleared(system)
    finally:
        system.on_kube(lambda kube: kube.delete(path_of("configmaps", NAMESPACE, name)))
