"""What an interrupted drill left is put back: from disk, from the cluster, once or twice, never under its feet."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills import unfinished
from drillbook.drills.journal import LABEL, Entry, Journal, new_entry, open_entries
from drillbook.drills.lock import Lock
from drillbook.drills.unfinished import Finish, Unfinished, finish, on_disk
from drillbook.errors import ConfigError, ExitCode, Refused
from drillbook.faults.workloads import set_replicas
from drillbook.model.policy import Workload
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.test_drill_command import at_once, ended, engines, injected, journaled, started

FLOWER = Workload("deployment", "flower")
DICE = random.Random(11)


async def broken(kube: Kube, journal: Journal) -> Entry:
    """Flower without a pod, and the entry that says how it was."""
    uid = (await kube.get(path_of("deployments", NAMESPACE, "flower")))["metadata"]["uid"]
    back = {"namespace": NAMESPACE, "kind": "deployment", "name": "flower", "uid": uid, "replicas": 1}
    entry = await new_entry(kube, f"run-{journal.path.parent.name}/scaled", "pod-kill", NAMESPACE, back)
    await journal.intend(kube, entry)
    await set_replicas(kube, FLOWER, NAMESPACE, 0)
    return entry


def finished(system: Solar, ours: tuple[Unfinished, ...], dead: bool = False) -> tuple[Finish, ...]:
    return system.on_kube(lambda kube: finish(kube, NAMESPACE, ours, "recover-1", system.said.append, dead=dead))


@pytest.mark.parametrize("where", ["on disk", "in the cluster", "in both"])
def test_what_was_broken_is_put_back_from_either_journal_and_only_once(
    system: Solar, tmp_path: Path, where: str
) -> None:
    journal = Journal(tmp_path / "run" / "undo-scaled.jsonl")
    journal.path.parent.mkdir()
    entry = system.on_kube(lambda kube: broken(kube, journal))
    if where == "on disk":
        system.on_kube(lambda kube: kube.delete(path_of("configmaps", NAMESPACE, entry.config_map)))
    ours = () if where == "in the cluster" else on_disk(tmp_path, tmp_path / "none")
    (found,) = finished(system, ours)
    assert (found.entry.id, found.problem) == (entry.id, "")
    assert found.done.startswith("deployment/flower has its 1 ready replicas, put back from 0")
    assert finished(system, ours) == ()
    assert system.left_behind() == []
    assert (open_entries(journal.path) == ()) is (where != "in the cluster")


def test_an_entry_of_another_cluster_is_left_alone(system: Solar, tmp_path: Path) -> None:
    path, now = tmp_path / "run" / "undo-a.jsonl", SYSTEM_CLOCK.now()
    path.parent.mkdir()
    entry = Entry("run/a", "pod-kill", "another", NAMESPACE, {}, now, now + timedelta(days=1))
    path.write_text(json.dumps({"state": "intended", **entry.document()}) + "\n")
    (ours,) = on_disk(tmp_path, tmp_path / "none")
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
    assert system.left_behind() == []


def test_a_drill_that_is_alive_is_never_undone_under_its_feet(
    system: Solar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "LASTS_SECONDS", 0.5)
    other = Lock(NAMESPACE, "run/alive")
    system.on_kube(other.take)
    try:
        with pytest.raises(Refused, match=r"another drill holds the lock .*: run/alive; it is alive"):
            finished(system, ())
        assert any("waiting at most" in text for text in system.said)
    finally:
        system.on_kube(other.release)


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
def test_an_entry_that_cannot_be_read_is_a_sentence_that_says_where(system: Solar, entry: str, sentence: str) -> None:
    name = "drillbook-undo-bad"
    body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "labels": {LABEL: "true"}},
            "data": {"entry": entry}}  # fmt: skip
    system.on_kube(lambda kube: kube.create(path_of("configmaps", NAMESPACE), body))
    try:
        with pytest.raises(ConfigError) as raised:
            finished(system, ())
    finally:
        system.on_kube(lambda kube: kube.delete(path_of("configmaps", NAMESPACE, name)))
    assert f"ConfigMap {NAMESPACE}/{name}: " in str(raised.value)
    assert sentence in str(raised.value)


def recovered(folder: Path, *words: str, **variables: str) -> tuple[int, str, str]:
    return ended(folder, "--system", "solar", "--dead", *words, command="recover", **variables)


@pytest.mark.parametrize(
    ("moment", "elsewhere"),
    [
        (injected, True),
        pytest.param(journaled, False, marks=pytest.mark.slow),
        *[pytest.param(at_once, bool(number % 2), marks=pytest.mark.slow) for number in range(4)],
    ],
)
@pytest.mark.timeout(200)
def test_after_a_drill_was_killed_everything_is_put_back(
    system: Solar, quick: Path, moment: Callable[[Path], bool], elsewhere: bool
) -> None:
    with started(quick, "solar", "pod-kill") as process:
        deadline = time.monotonic() + 60
        while not moment(quick):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(DICE.uniform(0, 8) if moment is at_once else DICE.uniform(0, 0.3))
        process.kill()
    variables = {"DRILLBOOK_REPORTS": str(quick / "none")} if elsewhere else {}
    code, said, problems = recovered(quick, **variables)
    assert code == ExitCode.PASS, said + problems
    deadline = time.monotonic() + 20
    while engines(quick) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert engines(quick) == []
    code, said, problems = recovered(quick, **variables)
    assert (code, said) == (ExitCode.PASS, "nothing is left to undo in solar\n"), problems
    assert system.left_behind() == []


def test_where_no_cluster_can_be_asked_nothing_is_said_to_be_all_right(tmp_path: Path) -> None:
    state = {"DRILLBOOK_STATE": str(tmp_path), "DRILLBOOK_SANDBOX": ""}
    code, said, problems = ended(tmp_path, command="recover", **state)
    assert (code, said) == (ExitCode.INCONCLUSIVE, "")
    assert "solar: nobody could look: " in problems
    code, _, problems = ended(tmp_path, "--environment", "moon", command="recover", **state)
    assert (code, "no system has an environment 'moon'" in problems) == (ExitCode.USAGE, True)
