"""What people see on a game day: the step to do now, both stopwatches, and whether users are served."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from drillbook.cli.game_day import STEPS, drawn, game_day
from drillbook.cli.keyboard import Keyboard
from drillbook.drills.availability import Strip, strips
from drillbook.drills.manual import Scene, Taken, Word
from drillbook.drills.manual_tasks import TO_DO, Task, Words, by_hand, task_of
from drillbook.model.policy import Procedure, Source
from drillbook.model.procedures import STEPS as TYPES
from drillbook.model.procedures import Entry
from drillbook.model.timeline import Sample
from drillbook.places import bundled
from drillbook.policy import load_policy

SCALE = Task(
    Entry("scale", "api", {"replicas": 5}, (141, 141), within=timedelta(minutes=1)),
    "scale api to 5",
    "kubectl -n shop scale deployment/api --replicas=5",
    "runbook.txt:141",
)
READY = Task(
    Entry("wait_ready", "api", note="ours"),
    "wait_ready api",
    "kubectl -n shop rollout status deployment/api",
    "runbook.txt",
)
SCENE = Scene(
    title="All pods are gone",
    tasks=(SCALE, READY),
    taken=(),
    task_seconds=71.0,
    whole_seconds=247.0,
    limit_seconds=3600.0,
    strips=(Strip("read", (None, True, False), False, "HTTP 503"), Strip("ready", (None, None, True), True)),
)


def seen(scene: Scene) -> str:
    console = Console(file=io.StringIO(), width=110, force_terminal=False)
    console.print(drawn(scene))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_screen_says_what_to_do_now_where_it_is_written_and_how_long_it_takes() -> None:
    text = seen(SCENE)
    assert "4:07 of 1 h documented since the fault" in text
    assert "kubectl -n shop scale deployment/api --replicas=5" in text
    assert "runbook.txt:141" in text
    assert "step 1 of 2" in text
    assert "1:11 of 1 min documented" in text
    assert "kubectl -n shop rollout status" not in text, "only what is to be done now"
    assert "Enter: this step is done" in text


def test_the_screen_says_of_each_signal_whether_it_is_good_and_what_is_wrong() -> None:
    lines = [line for line in seen(SCENE).splitlines() if "read" in line]
    assert any("·━╳" in line and "bad: HTTP 503" in line for line in lines), lines
    assert any("··━" in line and "good" in line for line in lines), lines


def test_a_step_that_is_over_shows_its_time_and_the_last_one_leaves_waiting() -> None:
    first = replace(SCENE, taken=(Taken(SCALE, Word.SKIPPED, 12.3),))
    assert "skipped" in seen(first)
    assert "12.3 s" in seen(first)
    text = seen(replace(first, taken=(*first.taken, Taken(READY, Word.DONE, 4.0))))
    assert "every step is done: waiting until it has recovered" in text
    assert "Enter" not in text


def test_a_long_procedure_never_pushes_the_keys_off_the_screen() -> None:
    many = tuple(replace(SCALE, text=f"scale number {n}") for n in range(30))
    for over in (0, 15, 29):
        text = seen(replace(SCENE, tasks=many, taken=tuple(Taken(t, Word.DONE, 1.0) for t in many[:over])))
        assert f"scale number {over}" in text
        assert text.count("scale number") == STEPS
        assert len(text.splitlines()) < 24


def test_without_a_terminal_each_step_is_told_once_and_answered_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    console = Console(file=io.StringIO(), force_terminal=False)
    with game_day(console, Keyboard(reading)) as person:
        person.show(lambda: SCENE)
        assert person.answer(0) is None
        assert person.answer(0) is None
        os.write(writing, b"s\n")
        assert person.answer(5) is Word.SKIPPED
    told = capsys.readouterr().err
    assert told.count("step 1 of 2: scale api to 5 (runbook.txt:141) of 1 min documented") == 1
    assert told.count("kubectl -n shop scale deployment/api --replicas=5") == 1


def test_on_a_terminal_the_screen_is_drawn_again_and_what_is_said_stays_above() -> None:
    reading, writing = os.pipe()
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with game_day(console, Keyboard(reading)) as person:
        person.show(lambda: SCENE)
        person.say("12.0 s  the fault landed [at last]")
        os.write(writing, b"\n")
        assert person.answer(5) is Word.DONE
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "the fault landed [at last]" in text
    assert "All pods are gone" in text


def test_a_strip_is_a_cell_a_second_and_one_bad_answer_makes_it_bad() -> None:
    samples = [
        Sample("read", at / 10, 0.01, good=not 12 <= at < 14, detail="" if at < 12 else "gone") for at in range(35)
    ]
    read, write = strips(samples, ("read", "write"), now=3.6, cells=5)
    assert read.cells == (None, True, False, True, True)
    assert (read.good, read.detail) == (True, "")
    assert strips(samples[:13], ("read",), now=1.3, cells=5)[0].good is False
    assert (write.cells, write.good) == ((None,) * 5, None)


def test_a_strip_takes_the_newest_answer_by_when_it_came() -> None:
    samples = [Sample("read", 1.2, 0.01, good=True), Sample("read", 0.3, 1.0, good=False, detail="late")]
    (read,) = strips(samples, ("read",), now=1.4, cells=3)
    assert read.cells == (None, None, False)
    assert read.detail == "late"


def test_every_type_of_step_can_be_told_to_a_person_and_every_documented_one_is() -> None:
    assert set(TO_DO) == set(TYPES)
    for folder in sorted(bundled("systems").glob("*/policy.yaml")):
        policy = load_policy(folder)
        words = Words(policy, "staging", {"api": "app=backend"})
        for procedure in policy.procedures.values():
            for step in by_hand(policy, procedure):
                task = task_of(words, step)
                assert task.to_do, (policy.system, procedure.id, step)
                assert task.place.startswith(policy.document)


def test_the_pods_that_a_command_is_about_are_named_by_their_labels() -> None:
    policy = load_policy(bundled("systems") / "solar" / "policy.yaml")
    task = task_of(Words(policy, "staging", {"api": "app=backend"}), Entry("delete_pods", "api", {}, (187, 187)))
    assert task.to_do == "kubectl -n solar-pv-llm-ai delete pods -l app=backend"
    assert task.place.endswith(":187")


def test_what_no_machine_can_follow_is_one_step_for_people() -> None:
    policy = load_policy(bundled("systems") / "solar" / "policy.yaml")
    procedure = Procedure("call", Source(policy.document, "Incidents", (87, 114)), (), None, (), document_only="calls")
    (step,) = by_hand(policy, procedure)
    task = task_of(Words(policy, "staging"), step)
    assert task.to_do == f"follow Incidents of {policy.document}"
    assert task.place == f"{policy.document}:87-114"
    assert by_hand(policy, None) == ()
