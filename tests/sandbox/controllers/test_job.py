"""Jobs, as Kubernetes runs them; the tests play the kubelet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.job import Jobs
from drillbook.sandbox.controllers.job_tally import ranges
from drillbook.sandbox.controllers.pods import is_active
from drillbook.sandbox.kinds import JOB, POD, Object
from drillbook.sandbox.status import forbidden
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of, container, staged


@pytest.fixture
def bench(stage: Stage) -> Stage:
    stage.add(lambda cluster: Jobs(cluster, stage.clock))
    return stage


def make(stage: Stage, restart: str = "Never", **spec: Any) -> None:
    template = {"spec": {"containers": [container()], "restartPolicy": restart}}
    stage.create(JOB, "backup", spec={"template": template, **spec})
    stage.settle()


def active(stage: Stage) -> list[Object]:
    return [pod for pod in stage.pods() if is_active(pod)]


def status(stage: Stage) -> Object:
    return dict(stage.get(JOB, "backup")["status"])


def end_all(stage: Stage, code: int = 0) -> None:
    for pod in active(stage):
        stage.end(pod, code)
    stage.settle()


def test_one_pod_that_succeeds_completes_a_job(bench: Stage) -> None:
    make(bench)
    [pod] = bench.pods()
    assert status(bench)["active"] == 1
    bench.end(pod)
    bench.settle()
    job = bench.get(JOB, "backup")
    assert condition_of(job, "Complete") == ("True", "CompletionsReached")
    assert condition_of(job, "SuccessCriteriaMet") == ("True", "CompletionsReached")
    assert job["status"]["succeeded"] == 1
    assert "active" not in job["status"]
    assert job["status"]["completionTime"] >= job["status"]["startTime"]
    assert "Completed" in bench.reasons()


def test_pods_carry_the_jobs_name_and_uid_as_labels(bench: Stage) -> None:
    make(bench)
    [pod] = bench.pods()
    labels, uid = pod["metadata"]["labels"], bench.get(JOB, "backup")["metadata"]["uid"]
    assert labels["job-name"] == labels["batch.kubernetes.io/job-name"] == "backup"
    assert labels["controller-uid"] == labels["batch.kubernetes.io/controller-uid"] == uid


def test_no_more_pods_run_at_once_than_parallelism_allows(bench: Stage) -> None:
    make(bench, completions=5, parallelism=2)
    for done in (0, 2, 4):
        assert len(active(bench)) == min(2, 5 - done)
        end_all(bench)
    assert status(bench)["succeeded"] == 5
    assert len(bench.pods()) == 5


def test_without_completions_the_first_success_starts_nothing_new_and_the_last_pod_completes_the_job(
    bench: Stage,
) -> None:
    make(bench, parallelism=3)
    first = active(bench)[0]
    bench.end(first)
    bench.settle()
    assert len(active(bench)) == 2
    assert condition_of(bench.get(JOB, "backup"), "Complete") is None
    end_all(bench)
    assert len(bench.pods()) == 3
    assert condition_of(bench.get(JOB, "backup"), "Complete") is not None


def test_a_failed_pod_is_replaced_after_ten_seconds_and_the_next_after_twenty(bench: Stage) -> None:
    make(bench, backoffLimit=6)
    end_all(bench, 1)
    bench.advance(9)
    assert not active(bench)
    bench.advance(2)
    assert len(active(bench)) == 1
    end_all(bench, 1)
    bench.advance(19)
    assert not active(bench)
    bench.advance(2)
    assert len(active(bench)) == 1


def test_a_success_in_between_makes_the_next_failure_count_as_the_first(bench: Stage) -> None:
    make(bench, completions=2)
    for _ in range(2):
        end_all(bench, 1)
        bench.advance(30)
    end_all(bench)
    end_all(bench, 1)
    bench.advance(11)
    assert len(active(bench)) == 1


def test_one_failure_more_than_the_back_off_limit_fails_the_job(bench: Stage) -> None:
    make(bench, backoffLimit=1)
    end_all(bench, 1)
    bench.advance(11)
    end_all(bench, 1)
    job = bench.get(JOB, "backup")
    assert condition_of(job, "Failed") == ("True", "BackoffLimitExceeded")
    assert condition_of(job, "FailureTarget") == ("True", "BackoffLimitExceeded")
    assert job["status"]["failed"] == 2
    assert "completionTime" not in job["status"]
    assert bench.said("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


@pytest.mark.parametrize(("limit", "restarts"), [(0, 1), (3, 3)])
def test_containers_that_restart_in_place_use_the_back_off_limit_up(bench: Stage, limit: int, restarts: int) -> None:
    make(bench, restart="OnFailure", backoffLimit=limit)
    [pod] = bench.pods()
    bench.run(pod)

    def count(restarted: int) -> None:
        entry = [{"name": "main", "restartCount": restarted}]
        bench.change(POD, pod["metadata"]["name"], lambda draft: draft["status"].update(containerStatuses=entry))
        bench.settle()

    count(restarts - 1)
    assert condition_of(bench.get(JOB, "backup"), "FailureTarget") is None
    count(restarts)
    assert condition_of(bench.get(JOB, "backup"), "FailureTarget") == ("True", "BackoffLimitExceeded")


def test_a_failed_job_is_failed_only_when_its_last_pod_has_stopped(bench: Stage) -> None:
    make(bench, completions=2, parallelism=2, backoffLimit=0)
    first, second = active(bench)
    bench.run(second)
    bench.end(first, 1)
    bench.settle()
    job = bench.get(JOB, "backup")
    assert condition_of(job, "FailureTarget") is not None
    assert condition_of(job, "Failed") is None
    assert job["status"]["terminating"] == 1
    bench.kill(second)
    bench.settle()
    job = bench.get(JOB, "backup")
    assert condition_of(job, "Failed") is not None
    assert job["status"]["failed"] == 2


def test_the_active_deadline_ends_a_job_that_runs_too_long(bench: Stage) -> None:
    make(bench, activeDeadlineSeconds=30)
    bench.run(bench.pods()[0])
    bench.advance(29)
    assert condition_of(bench.get(JOB, "backup"), "FailureTarget") is None
    bench.advance(2)
    for pod in bench.pods():
        bench.kill(pod)
    bench.settle()
    assert condition_of(bench.get(JOB, "backup"), "Failed") == ("True", "DeadlineExceeded")
    assert status(bench)["failed"] == 1


def test_a_job_with_a_time_to_live_deletes_itself_that_long_after_its_end(bench: Stage) -> None:
    make(bench, ttlSecondsAfterFinished=60)
    end_all(bench)
    bench.advance(58)
    assert bench.store.get(JOB, NAMESPACE, "backup") is not None
    bench.advance(4)
    assert bench.store.get(JOB, NAMESPACE, "backup") is None


def test_a_job_without_a_time_to_live_stays(bench: Stage) -> None:
    make(bench)
    end_all(bench)
    bench.advance(10 * 24 * 3600)
    assert bench.get(JOB, "backup")


def test_a_suspended_job_starts_nothing_until_it_is_resumed(bench: Stage) -> None:
    make(bench, suspend=True)
    assert not bench.pods()
    job = bench.get(JOB, "backup")
    assert condition_of(job, "Suspended") == ("True", "JobSuspended")
    assert "startTime" not in job["status"]
    bench.change(JOB, "backup", lambda job: job["spec"].update(suspend=False))
    bench.settle()
    assert len(active(bench)) == 1
    job = bench.get(JOB, "backup")
    assert condition_of(job, "Suspended") == ("False", "JobResumed")
    assert "startTime" in job["status"]
    assert [reason for reason in bench.reasons() if reason in {"Suspended", "Resumed"}].count("Resumed") == 1


def test_suspending_a_job_stops_its_pods_and_counts_them_neither_as_done_nor_as_failed(bench: Stage) -> None:
    make(bench, completions=2, parallelism=2, backoffLimit=0)
    for pod in active(bench):
        bench.run(pod)
    bench.change(JOB, "backup", lambda job: job["spec"].update(suspend=True))
    bench.settle()
    assert not active(bench)
    for pod in bench.pods():
        bench.kill(pod)
    bench.settle()
    assert "failed" not in status(bench)
    bench.change(JOB, "backup", lambda job: job["spec"].update(suspend=False))
    bench.settle()
    assert len(active(bench)) == 2


def test_the_deadline_of_a_resumed_job_starts_anew(bench: Stage) -> None:
    make(bench, activeDeadlineSeconds=30)
    bench.advance(20)
    bench.change(JOB, "backup", lambda job: job["spec"].update(suspend=True))
    bench.settle()
    bench.advance(100)
    bench.change(JOB, "backup", lambda job: job["spec"].update(suspend=False))
    bench.settle()
    bench.advance(25)
    assert condition_of(bench.get(JOB, "backup"), "FailureTarget") is None
    bench.advance(6)
    assert condition_of(bench.get(JOB, "backup"), "FailureTarget") is not None


def test_fewer_parallel_pods_stop_the_surplus_without_counting_a_failure(bench: Stage) -> None:
    make(bench, completions=6, parallelism=3, backoffLimit=0)
    bench.change(JOB, "backup", lambda job: job["spec"].update(parallelism=1))
    bench.settle()
    assert len(active(bench)) == 1
    assert "failed" not in status(bench)


def test_a_pod_that_somebody_deletes_counts_as_failed_and_is_replaced(bench: Stage) -> None:
    make(bench)
    [pod] = bench.pods()
    bench.kill(pod)
    bench.settle()
    bench.advance(13)
    assert status(bench)["failed"] == 1
    assert len(active(bench)) == 1


def test_a_finished_pod_that_somebody_deletes_goes_on_counting(bench: Stage) -> None:
    make(bench, completions=2)
    [pod] = bench.pods()
    bench.end(pod)
    bench.settle()
    bench.kill(pod)
    bench.settle()
    end_all(bench)
    assert status(bench)["succeeded"] == 2


def test_indexed_jobs_number_their_pods(bench: Stage) -> None:
    make(bench, completions=3, parallelism=3, completionMode="Indexed")
    pods = sorted(
        bench.pods(), key=lambda pod: pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
    )
    assert [pod["spec"]["hostname"] for pod in pods] == ["backup-0", "backup-1", "backup-2"]
    assert [pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] for pod in pods] == ["0", "1", "2"]
    [env] = pods[1]["spec"]["containers"][0]["env"]
    assert env["name"] == "JOB_COMPLETION_INDEX"
    assert "job-completion-index" in env["valueFrom"]["fieldRef"]["fieldPath"]


def test_an_index_that_failed_is_tried_again_and_one_that_is_done_is_not(bench: Stage) -> None:
    make(bench, completions=2, parallelism=2, completionMode="Indexed")
    first, second = sorted(active(bench), key=lambda pod: pod["spec"]["hostname"])
    bench.end(first)
    bench.end(second, 1)
    bench.settle()
    assert status(bench)["completedIndexes"] == "0"
    bench.kill(first)
    bench.advance(11)
    assert [pod["spec"]["hostname"] for pod in active(bench)] == ["backup-1"]
    end_all(bench)
    assert status(bench)["completedIndexes"] == "0,1"
    assert condition_of(bench.get(JOB, "backup"), "Complete") is not None


def test_a_pod_that_may_not_be_created_is_said_and_tried_again(bench: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    create, refused = bench.store.create, [True]

    def refuse(kind: Any, given: Object) -> Object:
        if kind is POD and refused[0]:
            raise forbidden("pods", given["metadata"]["name"], "exceeded quota: small")
        return create(kind, given)

    monkeypatch.setattr(bench.store, "create", refuse)
    make(bench)
    assert not bench.pods()
    assert "exceeded quota: small" in bench.said("FailedCreate")[0]
    refused[0] = False
    bench.advance(1)
    assert len(bench.pods()) == 1


@given(st.sets(st.integers(0, 60)))
def test_completed_indexes_say_exactly_which_indexes_are_done(indexes: set[int]) -> None:
    found: list[int] = []
    for part in filter(None, ranges(indexes).split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(indexes)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    completions=st.integers(1, 6),
    parallelism=st.integers(1, 4),
    indexed=st.booleans(),
    ends=st.lists(st.booleans(), max_size=30),
)
def test_whatever_pods_do_a_job_ends_with_all_completions_or_with_too_many_failures(
    authority: Authority, completions: int, parallelism: int, indexed: bool, ends: list[bool]
) -> None:
    with staged(authority) as stage:
        stage.add(lambda cluster: Jobs(cluster, stage.clock))
        mode = "Indexed" if indexed else "NonIndexed"
        make(stage, completions=completions, parallelism=parallelism, completionMode=mode, backoffLimit=4)
        for good in [*ends, *[True] * completions]:
            running = active(stage)
            assert len(running) <= parallelism
            if running:
                stage.end(running[0], 0 if good else 1)
            stage.advance(601)
        job = stage.get(JOB, "backup")
        if condition_of(job, "Complete"):
            assert job["status"]["succeeded"] == completions
            assert job["status"].get("failed", 0) <= 4
        else:
            assert condition_of(job, "Failed") == ("True", "BackoffLimitExceeded")
            assert job["status"]["failed"] > 4
