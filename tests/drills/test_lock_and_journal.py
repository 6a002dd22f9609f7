"""The lock that keeps drills apart, and the undo journal that outlives them."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills.journal import Entry, Journal, open_entries, read_entry
from drillbook.drills.lock import Lock, holder_of
from drillbook.errors import ConfigError, Refused
from drillbook.places import write_whole
from tests.drills.conftest import NAMESPACE, Solar

PUT_BACK = {"namespace": NAMESPACE, "kind": "deployment", "name": "backend", "uid": "u", "replicas": 3}


def test_a_lock_is_held_by_one_drill_and_free_after_it(free: Solar) -> None:
    first, second = Lock(NAMESPACE, "run-1/a"), Lock(NAMESPACE, "run-2/b")
    free.on_kube(first.take)
    assert free.on_kube(lambda kube: holder_of(kube, NAMESPACE)) == "run-1/a"
    with pytest.raises(Refused, match="run-1/a; wait for its end, or until it expires"):
        free.on_kube(second.take)
    free.on_kube(first.release)
    free.on_kube(first.release)
    free.on_kube(second.take)


def test_a_drill_may_take_the_lock_that_it_holds(free: Solar) -> None:
    for _ in range(2):
        free.on_kube(Lock(NAMESPACE, "run-1/a").take)


def test_nobody_releases_the_lock_of_another(free: Solar) -> None:
    free.on_kube(Lock(NAMESPACE, "run-1/a").take)
    free.on_kube(Lock(NAMESPACE, "run-2/b").release)
    assert free.on_kube(lambda kube: holder_of(kube, NAMESPACE)) == "run-1/a"


def entry(id_: str = "20261121T094500Z-drill-solar-ab12/pod-kill") -> Entry:
    now = SYSTEM_CLOCK.now()
    return Entry(id_, "pod-kill", "a-cluster", NAMESPACE, PUT_BACK, now, now + timedelta(days=7))


def test_what_to_put_back_is_on_disk_and_in_the_cluster_until_it_is_undone(system: Solar, tmp_path: Path) -> None:
    journal, one = Journal(tmp_path / "undo.jsonl"), entry()
    system.on_kube(lambda kube: journal.intend(kube, one))
    assert open_entries(journal.path) == (one_to_the_millisecond(one),)

    async def in_cluster(kube: Kube) -> dict[str, object] | None:
        found = await kube.find(path_of("configmaps", NAMESPACE, one.config_map))
        return json.loads(found["data"]["entry"]) if found else None

    said = system.on_kube(in_cluster)
    assert said is not None
    assert read_entry(said, "in the cluster") == one_to_the_millisecond(one)
    assert one.expires > one.written
    for _ in range(2):
        system.on_kube(lambda kube: journal.undone(kube, one))
    assert system.on_kube(in_cluster) is None
    assert open_entries(journal.path) == ()


def one_to_the_millisecond(given: Entry) -> Entry:
    """As it is written: times have milliseconds."""
    return read_entry(given.document(), "in the test")


def test_the_name_in_the_cluster_is_one_that_kubernetes_takes() -> None:
    assert entry("20261121T094500Z-Drill/x_y").config_map == "drillbook-undo-20261121t094500z-drill-x-y"


def test_an_entry_that_was_cut_off_is_one_whose_fault_never_began(tmp_path: Path) -> None:
    path = tmp_path / "undo.jsonl"
    whole = json.dumps({"state": "intended", **entry("a/b").document()})
    path.write_text(whole + "\n" + whole[:40])
    assert [e.id for e in open_entries(path)] == ["a/b"]


def test_a_journal_that_cannot_be_written_stops_the_drill(system: Solar, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "missing" / "undo.jsonl")
    with pytest.raises(ConfigError, match=r"undo journal .* can't be written: No such file"):
        system.on_kube(lambda kube: journal.intend(kube, entry()))
    assert system.left_behind() == []


def test_a_line_that_the_disk_takes_in_pieces_is_whole_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the ledger and on the desk, which write with the same words."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:7]))
    handle = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    write_whole(handle, b"a line that is longer than the disk takes at once\n")
    os.close(handle)
    assert (tmp_path / "file").read_bytes() == b"a line that is longer than the disk takes at once\n"
    Journal(tmp_path / "undo.jsonl").close(entry("a/b"))
    assert json.loads((tmp_path / "undo.jsonl").read_text()) == {"state": "undone", "id": "a/b"}
