"""A drill that dies in the middle of its procedure: what its steps changed is put back, and what can't be is named."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clock import SYSTEM_CLOCK
from drillbook.drills import residue
from drillbook.drills.journal import Entry, Journal, entries_in_cluster, open_entries, stays
from drillbook.drills.unfinished import finish, on_disk
from drillbook.errors import ConfigError, ExitCode
from tests.drills.conftest import NAMESPACE, Solar, only_drill
from tests.drills.test_drill_command import ended, started
from tests.drills.test_kill9 import settled

FLUSH = "redis FLUSHALL (runbook.txt:171)"
RESTORE = "restore_backup database (runbook.txt:282-287)"


def entry_of(system: Solar, id_: str) -> Entry:
    uid = system.on_kube(lambda kube: kube.cluster_uid())
    now = SYSTEM_CLOCK.now().replace(microsecond=0)
    return Entry(id_, "noop", uid, NAMESPACE, {}, now, now.replace(year=now.year + 1))


def test_a_step_that_changes_data_is_written_down_before_it_begins_and_named_by_whoever_recovers(
    system: Solar, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    journal, entry = Journal(tmp_path / "run" / "undo-a.jsonl"), entry_of(system, f"run-{tmp_path.name}/a")

    async def leave(kube: Kube) -> None:
        await journal.intend(kube, entry)
        await journal.begin(kube, entry, FLUSH)
        await journal.begin(kube, entry, RESTORE)

    system.on_kube(leave)
    (on_file,) = open_entries(journal.path)
    (in_cluster,) = system.on_kube(lambda kube: entries_in_cluster(kube, NAMESPACE)).entries
    assert on_file.begun == in_cluster.begun == (FLUSH, RESTORE)
    ours, _ = on_disk(tmp_path, tmp_path / "none")
    (found,) = system.on_kube(lambda kube: finish(kube, NAMESPACE, ours, "recover-1", system.said.append))
    assert f"what {FLUSH} and {RESTORE} did to data stays" in found.done
    assert open_entries(journal.path) == ()
    assert system.left_behind() == []


def test_where_no_such_step_was_begun_nothing_is_said_of_data() -> None:
    assert stays(()) == ""


def test_the_disk_is_believed_where_it_knows_of_a_step_more(system: Solar, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    journal, entry = Journal(tmp_path / "run" / "undo-b.jsonl"), entry_of(system, f"run-{tmp_path.name}/b")
    system.on_kube(lambda kube: journal.intend(kube, entry))
    # Killed between the two: the disk has it, the cluster doesn't.
    with journal.path.open("a") as file:
        file.write(json.dumps({"state": "begun", "id": entry.id, "step": FLUSH}) + "\n")
    ours, _ = on_disk(tmp_path, tmp_path / "none")
    (found,) = system.on_kube(lambda kube: finish(kube, NAMESPACE, ours, "recover-1", system.said.append))
    assert FLUSH in found.done


def test_a_journal_line_of_no_known_state_is_an_error_that_says_where(tmp_path: Path) -> None:
    path = tmp_path / "undo.jsonl"
    path.write_text('{"state": "begin"}\n')
    with pytest.raises(
        ConfigError, match=r"undo\.jsonl:1: expected the state intended, placed, begun or undone, found 'begin'"
    ):
        open_entries(path)


@pytest.fixture
def half(quick: Path) -> Path:
    """A folder whose ``solar`` has a drill with a procedure that changes much, and then takes its time."""
    steps = [
        {"type": "scale", "component": "worker", "replicas": 0},
        {"type": "cordon", "component": "api"},
        {"type": "set_env", "component": "flower", "values": {"CHANGED": "yes"}},
        {"type": "redis", "component": "cache", "command": ["SET", "drillbook-half", "1", "EX", "60"], "writes": True},
        {"type": "exec", "component": "cache", "command": ["sleep", "30"], "within": "60 s"},
    ]
    return only_drill(quick, steps, id="half", experiment="pod-kill", recovery="procedure", procedure="much")


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_drill_killed_in_the_middle_of_its_procedure_leaves_nothing_after_recover(system: Solar, half: Path) -> None:
    before = system.on_kube(lambda kube: residue.take(kube, system.policy.namespaces))
    with started(half, "solar", "half") as process:
        deadline = time.monotonic() + 60
        while not begun(system):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
        process.communicate()
    assert system.on_kube(scaled) == 0
    variables = {"DRILLBOOK_REPORTS": str(half / "none")}
    code, said, problems = ended(half, "--system", "solar", "--dead", command="recover", **variables)
    assert code == ExitCode.PASS, said + problems
    assert "celery-worker is scaled back" in said
    assert "takes new pods again" in said
    assert "redis cache SET drillbook-half" in said
    # What was finished from elsewhere leaves a sign, until the machine that began it has seen it.
    assert ended(half, "--system", "solar", command="recover")[0] == ExitCode.PASS
    revisions = {
        ("Deployment", NAMESPACE, name): ("metadata.annotations.deployment.kubernetes.io/revision",)
        for name in ("flower", "backend", "celery-worker")
    }
    assert settled(system, before, revisions) == []


def begun(system: Solar) -> tuple[str, ...]:
    """The steps that the cluster knows of: whoever recovers elsewhere has nothing else."""
    lying = system.on_kube(lambda kube: entries_in_cluster(kube, NAMESPACE))
    return lying.entries[0].begun if lying.entries else ()


async def scaled(kube: Kube) -> int:
    found = await kube.get(path_of("deployments", NAMESPACE, "celery-worker"))
    return int(found["spec"]["replicas"])
