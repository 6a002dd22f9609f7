"""A run on disk while it happens: whatever ends it, there is a file to read and a sentence that says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import ConfigError, ExitCode, Refused, Unreachable
from drillbook.report.recorder import Recorder, recording, run_id
from tests.report.drill_samples import drill
from tests.report.samples import ENVIRONMENT, POLICY
from tests.report.verdict_samples import STARTED, broken, healthy, verdict

ROOT = Path(__file__).parents[2]
FILES = {"run.json", "junit.xml", "report.html"}


def only(root: Path) -> Path:
    """The one run's folder."""
    (folder,) = (p for p in root.iterdir() if not p.is_symlink())
    return folder


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def test_a_run_that_ends_leaves_every_file_and_moves_latest(tmp_path: Path) -> None:
    with recording("demo", POLICY, ENVIRONMENT, tmp_path) as run:
        run.add_verdicts(healthy())
        run.add_drill(drill())
    assert {p.name for p in run.folder.iterdir()} == FILES | {"timeline-database-kill.json"}
    assert (run.status, run.exit_code) == ("pass", ExitCode.PASS)
    assert (tmp_path / "latest").readlink() == Path(run.id)
    assert document(tmp_path / "latest")["run"]["status"] == "pass"


def test_latest_points_to_the_newest_run(tmp_path: Path) -> None:
    for _ in range(2):
        with recording("check", POLICY, ENVIRONMENT, tmp_path) as run:
            run.add_verdicts([verdict()])
    assert (tmp_path / "latest").resolve() == run.folder
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_the_file_is_there_from_the_first_moment_and_says_interrupted(tmp_path: Path) -> None:
    with recording("check", POLICY, ENVIRONMENT, tmp_path) as run:
        assert document(run.folder)["run"]["status"] == "interrupted"
        run.add_verdicts([broken()])
        partial = document(run.folder)
        assert (partial["run"]["status"], partial["run"]["exit_code"]) == ("interrupted", 130)
        assert len(partial["verdicts"]) == 1
    assert document(run.folder)["run"]["status"] == "fail"


def test_a_run_in_which_nothing_was_judged_is_no_pass(tmp_path: Path) -> None:
    with recording("check", POLICY, ENVIRONMENT, tmp_path) as run:
        pass
    assert run.exit_code == ExitCode.NOTHING_SELECTED


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unreachable("nothing answers at 127.0.0.1:1"), 3), (Refused("it is production"), 4), (ConfigError("no such"), 2)],
)
def test_an_error_is_recorded_with_its_sentence_and_its_exit_code(tmp_path: Path, error: Exception, code: int) -> None:
    with pytest.raises(type(error)), recording("check", POLICY, ENVIRONMENT, tmp_path) as run:
        raise error
    found = document(run.folder)["run"]
    assert (found["status"], found["exit_code"], found["problems"]) == ("error", code, [str(error)])
    assert {p.name for p in run.folder.iterdir()} == FILES


def test_a_bug_is_recorded_without_its_text_which_may_hold_a_secret(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), recording("check", POLICY, ENVIRONMENT, tmp_path) as run:
        raise RuntimeError("password is hunter2")
    assert document(run.folder)["run"]["status"] == "error"
    assert all("hunter2" not in p.read_text() for p in run.folder.iterdir())


def test_what_is_said_at_the_end_is_said_whatever_ended_the_run(tmp_path: Path) -> None:
    said: list[str] = []

    def tell(run: Recorder) -> None:
        said.append(run.status)

    with recording("check", POLICY, ENVIRONMENT, tmp_path, on_end=tell) as run:
        run.add_verdicts([verdict()])
    with pytest.raises(Unreachable), recording("check", POLICY, ENVIRONMENT, tmp_path, on_end=tell):
        raise Unreachable("gone")
    with pytest.raises(KeyboardInterrupt), recording("check", POLICY, ENVIRONMENT, tmp_path, on_end=tell):
        raise KeyboardInterrupt
    assert said == ["pass", "error", "interrupted"]


def test_recording_works_beside_the_main_thread(tmp_path: Path) -> None:
    def record() -> None:
        with recording("check", POLICY, ENVIRONMENT, tmp_path) as run:
            run.add_verdicts([verdict()])

    thread = threading.Thread(target=record)
    thread.start()
    thread.join()
    assert document(only(tmp_path))["run"]["status"] == "pass"


def test_the_handlers_of_signals_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with recording("check", POLICY, ENVIRONMENT, tmp_path) as run:
        run.add_verdicts([verdict()])
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_the_name_of_a_run_sorts_by_time_and_stays_in_its_folder() -> None:
    name = run_id("check solar --only x", "../../Evil System", STARTED)
    assert name.startswith("20261121T094500Z-check-evil-system-")
    assert run_id("check", "solar", STARTED) != run_id("check", "solar", STARTED)


CHILD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from drillbook.report.recorder import recording
    from tests.report.drill_samples import drill
    from tests.report.samples import ENVIRONMENT, POLICY
    from tests.report.verdict_samples import healthy

    try:
        with recording("demo", POLICY, ENVIRONMENT, Path(sys.argv[1])) as run:
            run.add_verdicts(healthy())
            run.add_drill(drill())
            print("ready", flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
    """
)


def child(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_report_and_exits_with_130(tmp_path: Path, number: signal.Signals) -> None:
    process = child(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 130
    folder = only(tmp_path)
    found = document(folder)
    assert (found["run"]["status"], found["run"]["exit_code"]) == ("interrupted", 130)
    assert len(found["verdicts"]) == len(healthy())
    assert {p.name for p in folder.iterdir()} == FILES | {"timeline-database-kill.json"}
    assert (tmp_path / "latest").resolve() == folder


def test_a_second_ctrl_c_does_not_cost_the_report(tmp_path: Path) -> None:
    process = child(tmp_path)
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        time.sleep(0.005)
        if process.poll() is not None:
            break
    process.communicate(timeout=20)
    assert document(only(tmp_path))["run"]["status"] == "interrupted"
    assert (only(tmp_path) / "report.html").exists()


def test_a_killed_run_leaves_a_file_that_says_interrupted(tmp_path: Path) -> None:
    process = child(tmp_path)
    process.kill()
    process.communicate(timeout=20)
    found = document(only(tmp_path))
    assert found["run"]["status"] == "interrupted"
    assert len(found["verdicts"]) == len(healthy())
    assert len(found["drills"]) == 1


def test_a_folder_that_cannot_be_written_is_a_sentence_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file, where a folder is expected")
    worked = []
    with (
        pytest.raises(ConfigError, match=r"can't write the report at .*reports.*expected a folder that can be written"),
        recording("check", POLICY, ENVIRONMENT, tmp_path / "reports"),
    ):
        worked.append(True)
    assert not worked
    assert ConfigError.exit_code == ExitCode.USAGE


def test_a_folder_of_somebody_else_is_a_sentence_too() -> None:
    with (
        pytest.raises(ConfigError, match="can't write the report at"),
        recording("check", POLICY, ENVIRONMENT, Path("/proc/drillbook-reports")),
    ):
        pass


def test_a_full_disk_is_a_sentence_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr("drillbook.report.files.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    with (
        pytest.raises(ConfigError, match=r"no room for a report: expected 16 MiB free at .*, found 0 MiB"),
        recording("check", POLICY, ENVIRONMENT, tmp_path),
    ):
        raise AssertionError("the body must not run")
    assert list(tmp_path.iterdir()) == []


FULL = """
    import resource, signal
    from pathlib import Path
    from drillbook.errors import DrillbookError
    from drillbook.report.recorder import recording
    from tests.report.drill_samples import drill
    from tests.report.samples import ENVIRONMENT, POLICY
    from tests.report.verdict_samples import healthy
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with recording("demo", POLICY, ENVIRONMENT, Path(sys.argv[1])) as run:
            run.add_verdicts(healthy())
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            run.add_drill(drill())
            print("worked on")
    except DrillbookError as error:
        print(error)
        sys.exit(error.exit_code)
"""


def test_a_disk_that_fills_up_never_stops_the_work_and_leaves_the_last_whole_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + textwrap.dedent(FULL), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert "worked on" in done.stdout
    assert "the run came to 'pass', but its report is incomplete: can't write the report at" in done.stdout
    assert "Traceback" not in done.stderr
    folder = only(tmp_path)
    assert len(document(folder)["verdicts"]) == len(healthy())
    assert {p.name for p in folder.iterdir()} == {"run.json"}


def test_a_latest_that_is_no_link_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "mine").write_text("kept")
    with (
        pytest.raises(ConfigError, match="report is incomplete"),
        recording("check", POLICY, ENVIRONMENT, tmp_path) as run,
    ):
        run.add_verdicts([verdict()])
    assert (tmp_path / "latest" / "mine").read_text() == "kept"
    assert (run.folder / "report.html").exists()
