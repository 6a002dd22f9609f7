"""Post-conditions held against what was seen: each can hold, can be broken, and says so when nobody could see."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drillbook.judge import afterwards, afterwards_data, afterwards_security
from drillbook.judge.afterwards_data import Sessions
from drillbook.judge.afterwards_security import Managed, Rotation, Tried
from drillbook.judge.outcome import Outcome
from drillbook.model.timeline import LATE, Sample, Timeline
from drillbook.model.verdict import Status, Verdict
from tests.judge.test_drill import INTERVALS, samples, verdict

PASS, FAIL, UNSEEN = Status.PASS, Status.FAIL, Status.INCONCLUSIVE


def said(found: Outcome, status: Status, words: str) -> None:
    assert (found.status, words in found.sentence) == (status, True), found


@pytest.mark.parametrize(
    ("verdicts", "status", "words"),
    [
        ([verdict(), verdict(name="latency")], PASS, "solar/health, solar/latency hold"),
        ([verdict(), verdict(FAIL, "latency")], FAIL, "solar/latency is fail: said 503"),
        ([verdict(UNSEEN), verdict(FAIL, "latency")], FAIL, "solar/latency"),
        ([verdict(UNSEEN), verdict(name="latency")], UNSEEN, "solar/health is inconclusive"),
        ([verdict(Status.WAIVED), verdict(name="latency")], PASS, "hold"),
        ([verdict()], UNSEEN, "nobody asked latency"),
    ],
)
def test_objectives_are_those_that_were_judged_after_the_recovery(
    verdicts: list[Verdict], status: Status, words: str
) -> None:
    said(afterwards.objectives(("health", "latency"), verdicts), status, words)


@pytest.mark.parametrize(
    ("wanted", "asked", "ready", "scaler", "status", "words"),
    [
        (3, 3, 3, "", PASS, "3 pods are ready"),
        (3, 2, 2, "", FAIL, "expected 3 replicas, as before the fault, found 2 asked for"),
        (3, 3, 2, "", FAIL, "expected 3 ready pods"),
        (3, 5, 5, "", FAIL, "found 5 asked for"),
        (3, 5, 5, "HorizontalPodAutoscaler api", PASS, "HorizontalPodAutoscaler api asks for them"),
        (3, 2, 2, "HorizontalPodAutoscaler api", FAIL, "found 2 asked for"),
        (0, 0, 0, "", PASS, "0 pods"),
    ],
)
def test_replicas_are_as_before_or_more_by_an_autoscaler(
    wanted: int, asked: int, ready: int, scaler: str, status: Status, words: str
) -> None:
    said(afterwards.replicas(wanted, True, asked, ready, scaler), status, words)


def test_every_pod_runs_the_intended_image_or_the_one_from_before() -> None:
    live = {"api-1": {"backend": "app:v2"}, "api-2": {"backend": "app:v1"}}
    said(afterwards.images("app:v2", live), FAIL, "expected pod api-2 to run app:v2, found app:v1")
    said(afterwards.images({"backend": "app:v1"}, live), FAIL, "container backend of pod api-1 to run app:v1")
    said(afterwards.images("app:v2", {"api-1": live["api-1"]}), PASS, "1 pods run app:v2")
    said(afterwards.images({"backend": "app:v1"}, {}), FAIL, "found no pod")


def test_pods_are_replaced_when_none_of_before_is_left() -> None:
    said(afterwards.replaced({"u1": "a", "u2": "b"}, {"u3", "u4"}), PASS, "all 2 pods")
    said(afterwards.replaced({"u1": "a", "u2": "b"}, {"u2", "u4"}), FAIL, "found b still there")
    said(afterwards.replaced({"u1": "a"}, set()), FAIL, "found none")
    said(afterwards.replaced({}, {"u3"}), PASS, "no pod when the procedure began, and 1 are there now")
    said(afterwards.replaced({}, set()), FAIL, "found none")


def line(bad: tuple[float, float] | None) -> Timeline:
    found = [sample for signal in ("read", "write") for sample in samples(signal, bad)]
    return Timeline((), tuple(found), INTERVALS)


def test_a_request_that_failed_while_the_procedure_went_on_is_a_failed_request() -> None:
    said(afterwards.failed_requests(line((6.0, 6.1)), 5.0, 11.9), FAIL, "reads failed meanwhile, the first 1.0 s after")
    said(afterwards.failed_requests(line(None), 5.0, 11.9), PASS, "none of 2")
    said(afterwards.failed_requests(line((3.0, 3.5)), 5.0, 11.9), PASS, "none of")


def test_what_failed_already_when_the_procedure_began_is_the_faults() -> None:
    said(afterwards.failed_requests(line((4.0, 6.0)), 5.0, 11.9), PASS, "none of")
    said(afterwards.failed_requests(line((4.0, 99.0)), 5.0, 11.9), UNSEEN, "every read failed already")
    again = line((4.0, 6.0))
    flap = tuple(replace(s, good=False) if 8.0 <= s.due < 8.06 and s.signal == "write" else s for s in again.samples)
    said(afterwards.failed_requests(replace(again, samples=flap), 5.0, 11.9), FAIL, "writes failed meanwhile")


def test_a_request_that_hung_already_when_the_procedure_began_is_the_faults() -> None:
    hung = [replace(s, took=1.0, good=False) if 4.5 <= s.due < 5.5 else s for s in line(None).samples]
    said(afterwards.failed_requests(replace(line(None), samples=tuple(hung)), 5.0, 11.9), PASS, "none of")


def test_requests_that_were_never_sent_did_not_succeed() -> None:
    thin = tuple(Sample("read", n, 0.01, True) for n in range(12))
    said(afterwards.failed_requests(Timeline((), thin, INTERVALS), 5.0, 11.9), UNSEEN, "due read requests were sent")


def test_a_good_answer_that_came_late_is_no_failed_request() -> None:
    late = [replace(one, good=False, detail=f"{LATE}: 0.3 s") if 6 < one.due < 7 else one for one in line(None).samples]
    said(afterwards.failed_requests(replace(line(None), samples=tuple(late)), 5.0, 11.9), PASS, "none of 2")


def test_a_pod_without_a_node_does_not_fit() -> None:
    held = Outcome(PASS, "db-connections holds")
    said(
        afterwards.fits({"api-9": "Insufficient cpu"}, held), FAIL, "found pod api-9 waiting for one: Insufficient cpu"
    )
    said(afterwards.fits({}, held), PASS, "every pod has a node; db-connections holds")
    said(afterwards.fits({}, Outcome(FAIL, "db-connections fails")), FAIL, "db-connections fails")


def test_drift_is_told_with_how_much_more_there_is() -> None:
    said(afterwards.drift(()), PASS, "nothing differs")
    said(afterwards.drift(("ConfigMap a is changed", "Service b is gone")), FAIL, "ConfigMap a is changed (and 1 more)")


@pytest.mark.parametrize(
    ("names", "status", "words"),
    [
        (("psql",), PASS, "nobody but the restorer had a session in 2 looks"),
        ((), PASS, "nobody but the restorer"),
        (("psql", "backend-1"), FAIL, "found a session of backend-1 in 2 of 2 looks"),
    ],
)
def test_a_session_of_anybody_else_while_data_is_replaced_is_no_quiescence(
    names: tuple[str, ...], status: Status, words: str
) -> None:
    looks = [Sessions(1.0, ("backend-1",)), Sessions(5.0, names), Sessions(5.5, names), Sessions(9.0, ("backend-1",))]
    said(afterwards_data.quiesced(looks, [(4.0, 6.0)]), status, words)


def test_quiescence_that_nobody_looked_at_is_not_seen() -> None:
    said(afterwards_data.quiesced([Sessions(1.0, ())], [(4.0, 6.0)]), UNSEEN, "nobody could look")
    said(afterwards_data.quiesced([Sessions(1.0, ())], []), UNSEEN, "no step of the procedure replaced data")


@pytest.mark.parametrize(
    ("executions", "restored", "status", "words"),
    [
        ({"a": 1, "b": 1}, False, PASS, "all 2 tasks"),
        ({"a": 1}, False, FAIL, "1 of 2 enqueued tasks were never executed: b"),
        ({"a": 1, "b": 2}, False, FAIL, "executed more than once: b"),
        ({"a": 1}, True, UNSEEN, "which was restored meanwhile"),
    ],
)
def test_a_queue_is_intact_when_every_task_was_executed_once(
    executions: dict[str, int], restored: bool, status: Status, words: str
) -> None:
    said(afterwards_data.tasks(["a", "b"], executions, restored), status, words)
    said(afterwards_data.tasks([], executions, restored), UNSEEN, "no task could be put into the queue")


def test_a_flush_takes_more_than_its_pattern() -> None:
    said(afterwards_data.keys("cache:*", False, True), PASS, "one that doesn't match it is there")
    said(afterwards_data.keys("cache:*", False, False), FAIL, "found one gone that was there before")
    said(afterwards_data.keys("cache:*", True, True), FAIL, "still there")


@pytest.mark.parametrize(
    ("written", "size", "status", "words"),
    [
        (100, 9, PASS, "is younger"),
        (99, 9, FAIL, "1 s older"),
        (100, 0, FAIL, "empty"),
        (None, 0, FAIL, "found none"),
    ],
)
def test_a_backup_was_taken_when_it_is_younger_than_the_procedure_and_holds_something(
    written: int | None, size: int, status: Status, words: str
) -> None:
    said(afterwards_data.backup_age("/b/latest.sql.gz", written, size, 100), status, words)


def test_a_bad_backup_must_be_refused_before_anything_is_destroyed() -> None:
    good = {"an empty": "", "a cut-off": "", "an old": ""}
    said(afterwards_data.refusals(good), PASS, "an empty, a cut-off, an old backup is refused before")
    found = afterwards_data.refusals(good | {"an old": "restored with success"})
    said(found, FAIL, "expected an old backup to be refused before anything is destroyed, found an old one restored")
    assert found.sentence.endswith("; an empty, a cut-off one is refused")
    all_taken = dict.fromkeys(good, "restored with success")
    said(afterwards_data.refusals(all_taken), FAIL, "expected an empty, a cut-off, an old backup to be refused")


def test_a_backup_holds_what_a_rebuild_needs_and_no_secret_in_plain() -> None:
    both = {"Secret": True, "Ingress": True}
    said(afterwards_data.inventory(("Secret", "Ingress"), both, ()), PASS, "no secret in plain text")
    said(afterwards_data.inventory(("Secret", "Ingress"), {"Secret": True}, ()), FAIL, "found nothing of Ingress")
    said(afterwards_data.inventory(("Secret",), both, ("/b/all.yaml",)), FAIL, "found one in /b/all.yaml")


def test_fidelity_is_what_the_comparison_of_tables_came_to() -> None:
    said(afterwards_data.fidelity(()), PASS, "every table")
    said(afterwards_data.fidelity(("table a is gone", "table b is new")), FAIL, "table a is gone (and 1 more)")
    said(afterwards_data.fidelity("nobody could read"), UNSEEN, "nobody could read")


@pytest.mark.parametrize(
    ("kept", "served", "status", "words"),
    [
        ("b2", "b2", PASS, "serial b2 is served, before it was a1"),
        ("a1", "a1", FAIL, "found the one with serial a1 still served"),
        ("b2", "a1", FAIL, "nobody serves it yet"),
        ("b2", "c3", FAIL, "found serial c3 served and b2 in the Secret"),
    ],
)
def test_a_new_certificate_counts_when_it_is_served(kept: str, served: str, status: Status, words: str) -> None:
    said(afterwards_security.serial("a1", kept, served), status, words)


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (Managed(True, True, "", "tls", "tls"), PASS, "is its own"),
        (Managed(False), FAIL, "found none: nothing renews"),
        (Managed(True, False, "no issuer"), FAIL, "found it isn't: no issuer"),
        (Managed(True, True, "", "tls", ""), FAIL, "found it nobody's"),
        (Managed(True, True, "", "tls", "other"), FAIL, "found it that of Certificate other"),
    ],
)
def test_a_certificate_is_managed_while_its_object_stands_behind_it(found: Managed, status: Status, words: str) -> None:
    said(afterwards_security.managed("tls", found), status, words)


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (Rotation((), (), (), False, True), PASS, "the old credentials of Secret db are refused"),
        (Rotation(("url",), (), (), False, True), FAIL, "found url gone"),
        (Rotation((), ("password",), (), False, True), FAIL, "found those of password unchanged"),
        (Rotation((), (), (), True, True), FAIL, "found that they still work"),
        (Rotation((), (), (), False, False), FAIL, "found them refused"),
        (Rotation((), (), ("api-1",), False, True), FAIL, "found api-1 from before"),
        (Rotation((), (), ()), UNSEEN, "nobody could try"),
    ],
)
def test_credentials_are_cut_over_when_old_are_refused_and_new_accepted(
    found: Rotation, status: Status, words: str
) -> None:
    said(afterwards_security.cut_over("db", found), status, words)


def test_a_secret_in_what_was_printed_is_told_by_its_name() -> None:
    leaks = {"exec api env": ["Secret app key PASSWORD"]}
    said(
        afterwards_security.nothing_printed(leaks, 3, 99), FAIL, "exec api env printed the value of Secret app key PASS"
    )
    said(afterwards_security.nothing_printed({}, 3, 99), PASS, "none of 3 secret values")
    said(afterwards_security.nothing_printed({}, 3, 0), PASS, "printed nothing")
    said(afterwards_security.nothing_printed({}, 0, 99), UNSEEN, "no Secret can be read")


WELL = Tried()


@pytest.mark.parametrize(
    ("landed", "before", "with_fault", "bad", "status", "words"),
    [
        (True, WELL, Tried(refused="not ready"), ("read",), PASS, "failed: not ready"),
        (True, WELL, WELL, ("read",), FAIL, "said that all is well, while read was bad"),
        (True, WELL, WELL, (), UNSEEN, "nothing was bad any more"),
        (False, WELL, WELL, ("read",), UNSEEN, "not seen to land"),
        (True, WELL, Tried(unknown="no such container"), ("read",), UNSEEN, "could not be tried: no such container"),
        (
            True,
            Tried(refused="exit code 1"),
            Tried(refused="exit code 1"),
            ("read",),
            UNSEEN,
            "before the fault either",
        ),
        (True, Tried(unknown="too slow"), Tried(refused="exit code 1"), ("read",), UNSEEN, "too slow"),
    ],
)
def test_a_verification_is_honest_when_it_fails_with_the_fault_there_and_only_then(
    landed: bool, before: Tried, with_fault: Tried, bad: tuple[str, ...], status: Status, words: str
) -> None:
    said(afterwards_security.honest("check api", landed, before, with_fault, bad), status, words)


def test_a_verification_that_is_content_with_what_is_still_broken_is_not_honest() -> None:
    """A dump that is cut off makes no request fail; the fault itself is there to be seen."""
    found = afterwards_security.honest("exec gunzip", True, WELL, WELL, bad=(), still=True)
    said(found, FAIL, "said that all is well, while the fault was still to be seen")


def test_a_command_with_a_placeholder_cannot_be_followed() -> None:
    said(afterwards_security.followable(()), PASS, "no placeholder")
    said(afterwards_security.followable(("exec api: the placeholder <pod> says nothing", "b")), FAIL, "<pod>")
