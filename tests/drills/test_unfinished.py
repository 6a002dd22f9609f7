"""What an interrupted drill left is put back: from disk, from the cluster, once or twice, never under its feet."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills.journal import LABEL, Entry, Journal, mark_finished, new_entry, open_entries
from drillbook.drills.lock import Lock
from drillbook.drills.unfinished import Finish, Unfinished, finish, on_disk
from drillbook.errors import Refused
from drillbook.faults.workloads import set_replicas, wait_ready
from drillbook.model.policy import Workload
from tests.drills.conftest import NAMESPACE, Solar

FLOWER = Workload("deployment", "flower")


async def broken(kube: Kube, journal: Journal) -> Entry:
    """Flower without a pod, and the entry that says how it was."""
    uid = (await kube.get(path_of("deployments", NAMESPACE, "flower")))["metadata"]["uid"]
    back = {"namespace": NAMESPACE, "kind": "deployment", "name": "flower", "uid": uid, "replicas": 1}
    entry = await new_entry(kube, f"run-{journal.path.parent.name}/scaled", "pod-kill", NAMESPACE, back)
    await journal.intend(kube, entry)
    await set_replicas(kube, FLOWER, NAMESPACE, 0)
    return entry


def finished(system: Solar, ours: tuple[Unfinished, ...], **how: Any) -> tuple[Finish, ...]:
    return system.on_kube(lambda kube: finish(kube, NAMESPACE, ours, "recover-1", system.said.append, **how))


def on_this(folder: Path) -> tuple[Unfinished, ...]:
    """What lies on the disk of a machine whose reports are in that folder."""
    ours, unreadable = on_disk(folder, folder / "none")
    assert unreadable == ()
    return ours


def new_journal(folder: Path) -> Journal:
    journal = Journal(folder / "run" / "undo-scaled.jsonl")
    journal.path.parent.mkdir()
    return journal


def flower(system: Solar) -> int:
    """How many pods flower is to have."""
    return int(system.on_kube(lambda kube: kube.get(path_of("deployments", NAMESPACE, "flower")))["spec"]["replicas"])


def deleted(system: Solar, entry: Entry) -> None:
    system.on_kube(lambda kube: kube.delete(path_of("configmaps", NAMESPACE, entry.config_map)))


def test_what_was_broken_is_put_back_once_by_the_machine_that_broke_it(system: Solar, tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    entry, ours = system.on_kube(lambda kube: broken(kube, journal)), on_this(tmp_path)
    (found,) = finished(system, ours)
    assert (found.id, found.problem) == (entry.id, "")
    assert found.done.startswith("deployment/flower has its 1 ready replicas, put back from 0")
    assert finished(system, ours) == ()
    assert system.left_behind() == []
    assert open_entries(journal.path) == ()


def test_what_another_machine_finished_is_never_undone_again(system: Solar, tmp_path: Path) -> None:
    """It may be days later, with other releases since: the tombstone says that there is nothing to undo."""
    journal = new_journal(tmp_path)
    entry, ours = system.on_kube(lambda kube: broken(kube, journal)), on_this(tmp_path)
    (found,) = finished(system, ())
    assert found.done.startswith("deployment/flower has its 1 ready replicas, put back from 0")
    assert finished(system, ()) == ()
    assert open_entries(journal.path) != ()
    system.on_kube(lambda kube: set_replicas(kube, FLOWER, NAMESPACE, 2))
    (found,) = finished(system, ours)
    assert (found.id, found.done) == (entry.id, "it was finished from another machine already")
    assert flower(system) == 2
    assert open_entries(journal.path) == ()
    system.on_kube(lambda kube: set_replicas(kube, FLOWER, NAMESPACE, 1))
    system.on_kube(lambda kube: wait_ready(kube, FLOWER, NAMESPACE, 1, 60))
    assert system.left_behind() == []


def test_what_only_a_disk_knows_of_is_undone_where_a_person_says_so_and_nowhere_else(
    system: Solar, tmp_path: Path
) -> None:
    journal = new_journal(tmp_path)
    entry, ours = system.on_kube(lambda kube: broken(kube, journal)), on_this(tmp_path)
    deleted(system, entry)
    (found,) = finished(system, ours)
    assert (found.done, flower(system)) == ("", 0)
    assert "only this machine's journal knows of it" in found.problem
    assert found.problem.endswith(f"and then delete {journal.path.resolve()}")
    (found,) = finished(system, ours, from_disk=True)
    assert found.done.startswith("deployment/flower has its 1 ready replicas, put back from 0")
    assert open_entries(journal.path) == ()
    assert system.left_behind() == []


def test_an_entry_that_never_came_into_the_cluster_is_one_whose_fault_never_began(
    system: Solar, tmp_path: Path
) -> None:
    journal = new_journal(tmp_path)
    entry = system.on_kube(lambda kube: new_entry(kube, "run/never", "pod-kill", NAMESPACE, {}))
    journal.path.write_text(json.dumps({"state": "intended", **entry.document()}) + "\n")
    (found,) = finished(system, on_this(tmp_path))
    assert (found.done, open_entries(journal.path)) == ("its fault never began", ())


def test_a_tombstone_goes_when_it_has_served_its_time(system: Solar, tmp_path: Path) -> None:
    journal = new_journal(tmp_path)

    async def leave(kube: Kube) -> None:
        entry = await new_entry(kube, "run/long-ago", "noop", NAMESPACE, {})
        old = replace(entry, expires=SYSTEM_CLOCK.now() - timedelta(seconds=1))
        await journal.intend(kube, old)
        await mark_finished(kube, old)

    system.on_kube(leave)
    assert len(system.left_behind()) == 1
    assert finished(system, ()) == ()
    assert system.left_behind() == []


def test_an_entry_of_another_cluster_is_left_alone(system: Solar, tmp_path: Path) -> None:
    path, now = tmp_path / "run" / "undo-a.jsonl", SYSTEM_CLOCK.now()
    path.parent.mkdir()
    entry = Entry("run/a", "pod-kill", "another", NAMESPACE, {}, now, now + timedelta(days=1))
    path.write_text(json.dumps({"state": "intended", **entry.document()}) + "\n")
    (ours,) = on_this(tmp_path)
    assert finished(system, (ours,)) == ()
    assert len(open_entries(path)) == 1


def test_an_entry_that_expired_needs_a_person_and_so_does_one_that_fails(system: Solar, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "undo.jsonl")

    async def leave(kube: Kube) -> tuple[Entry, Entry]:
        first = await new_entry(kube, "run/old", "pod-kill", NAMESPACE, {})
        old = replace(first, written=first.written - timedelta(days=9), expires=first.expires - timedelta(days=9))
        back = {"namespace": NAMESPACE, "kind": "deployment", "name": "flower", "uid": "other", "replicas": 1}
        other = await new_entry(kube, "run/other", "pod-kill", NAMESPACE, back)
        for entry in (old, other):
            await journal.intend(kube, entry)
        return old, other

    async def clean(kube: Kube) -> None:
        for entry in entries:
            await journal.undone(kube, entry)

    entries = system.on_kube(leave)
    try:
        other, old = finished(system, ())
    finally:
        system.on_kube(clean)
    assert (other.done, old.done) == ("", "")
    assert "is another object than before the drill" in other.problem
    assert "expired at" in old.problem
    assert old.problem.endswith(f"then delete ConfigMap {NAMESPACE}/{entries[0].config_map}")
    assert system.left_behind() == []


def test_a_drill_that_is_alive_is_never_undone_under_its_feet(system: Solar) -> None:
    other = Lock(NAMESPACE, "run/alive", lasts_seconds=3)

    async def scene(kube: Kube) -> None:
        await other.take(kube)
        renewal = asyncio.create_task(other.renew_for_ever(kube))
        try:
            await finish(kube, NAMESPACE, (), "recover-1", system.said.append)
        finally:
            renewal.cancel()
            await other.release(kube)

    with pytest.raises(Refused, match=r"another drill holds the lock .*: run/alive; it is alive"):
        system.on_kube(scene)
    assert any("waiting at most 3 s" in text for text in system.said)


def test_the_lock_of_a_drill_that_is_known_to_be_dead_is_not_waited_for(system: Solar) -> None:
    system.on_kube(Lock(NAMESPACE, "run/dead").take)
    begun = time.monotonic()
    assert finished(system, (), dead=True) == ()
    assert time.monotonic() - begun < 5
    assert system.left_behind() == []


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("{", "expected an undo entry as JSON"),
        ("[]", "expected an undo entry"),
        ("{}", "found one without 'id'"),
        (json.dumps({"id": 1, "fault": "f", "cluster": "c", "namespace": "n", "put_back": {}}), "are texts"),
        (json.dumps({"id": "i", "fault": "f", "cluster": "c", "namespace": "elsewhere", "put_back": {},
                     "written": "2026-11-21T09:45:00Z", "expires": "2026-11-28T09:45:00Z"}), "one of elsewhere"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_read_is_named_and_the_others_are_undone(
    system: Solar, tmp_path: Path, entry: str, sentence: str
) -> None:
    name = "drillbook-undo-bad"
    body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "labels": {LABEL: "true"}},
            "data": {"entry": entry}}  # fmt: skip
    system.on_kube(lambda kube: kube.create(path_of("configmaps", NAMESPACE), body))
    journal = new_journal(tmp_path)
    good = system.on_kube(lambda kube: broken(kube, journal))
    try:
        undone, unreadable = finished(system, on_this(tmp_path))
    finally:
        system.on_kube(lambda kube: kube.delete(path_of("configmaps", NAMESPACE, name)))
    assert (undone.id, undone.problem, flower(system)) == (good.id, "", 1)
    assert (unreadable.id, unreadable.done) == (f"ConfigMap {NAMESPACE}/{name}", "")
    assert sentence in unreadable.problem
    assert unreadable.problem.endswith(f"and then delete ConfigMap {NAMESPACE}/{name}")


def test_a_journal_that_cannot_be_read_keeps_nobody_from_the_others(system: Solar, tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    system.on_kube(lambda kube: broken(kube, journal))
    bad = tmp_path / "run" / "undo-bad.jsonl"
    bad.write_text('{"state": "?"}\n')
    ours, (unreadable,) = on_disk(tmp_path, tmp_path / "none")
    (found,) = finished(system, ours)
    assert (found.problem, flower(system)) == ("", 1)
    assert unreadable.id == str(bad.resolve())
    assert "expected the state intended, placed, begun or undone" in unreadable.problem


def test_a_defect_in_one_undo_keeps_nobody_from_the_others(system: Solar, tmp_path: Path) -> None:
    journal, other = new_journal(tmp_path), Journal(tmp_path / "run" / "undo-other.jsonl")

    async def leave(kube: Kube) -> Entry:
        await broken(kube, journal)
        entry = await new_entry(kube, "run/defect", "pod-kill", NAMESPACE, {})
        await other.intend(kube, entry)
        return entry

    entry = system.on_kube(leave)
    defect, found = finished(system, on_this(tmp_path))
    system.on_kube(lambda kube: other.undone(kube, entry))
    assert "a defect of Drillbook's own: KeyError: 'kind'" in defect.problem
    assert (found.problem, flower(system)) == ("", 1)
