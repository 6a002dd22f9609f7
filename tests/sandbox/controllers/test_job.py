"""Jobs, as Kubernetes runs them: how many pods, which indexes, when they are complete."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.controllers.job import Jobs
from drillbook.sandbox.controllers.job_tally import ranges
from drillbook.sandbox.kinds import JOB, POD, Object
from drillbook.sandbox.status import forbidden
from tests.sandbox.controllers.running_jobs import active, end_all, make, status
from tests.sandbox.controllers.stage import Stage, condition_of, staged


def test_one_pod_that_succeeds_completes_a_job(jobs: Stage) -> None:
    make(jobs)
    [pod] = jobs.pods()
    assert status(jobs)["active"] == 1
    jobs.end(pod)
    jobs.settle()
    job = jobs.get(JOB, "backup")
    assert condition_of(job, "Complete") == ("True", "CompletionsReached")
    assert condition_of(job, "SuccessCriteriaMet") == ("True", "CompletionsReached")
    assert job["status"]["succeeded"] == 1
    assert "active" not in job["status"]
    assert job["status"]["completionTime"] >= job["status"]["startTime"]
    assert "Completed" in jobs.reasons()


def test_pods_carry_the_jobs_name_and_uid_as_labels(jobs: Stage) -> None:
    make(jobs)
    [pod] = jobs.pods()
    labels, uid = pod["metadata"]["labels"], jobs.get(JOB, "backup")["metadata"]["uid"]
    assert labels["job-name"] == labels["batch.kubernetes.io/job-name"] == "backup"
    assert labels["controller-uid"] == labels["batch.kubernetes.io/controller-uid"] == uid


def test_no_more_pods_run_at_once_than_parallelism_allows(jobs: Stage) -> None:
    make(jobs, completions=5, parallelism=2)
    for done in (0, 2, 4):
        assert len(active(jobs)) == min(2, 5 - done)
        end_all(jobs)
    assert status(jobs)["succeeded"] == 5
    assert len(jobs.pods()) == 5


def test_without_completions_the_first_success_starts_nothing_new_and_the_last_pod_completes_the_job(
    jobs: Stage,
) -> None:
    make(jobs, parallelism=3)
    first = active(jobs)[0]
    jobs.end(first)
    jobs.settle()
    assert len(active(jobs)) == 2
    assert condition_of(jobs.get(JOB, "backup"), "Complete") is None
    end_all(jobs)
    assert len(jobs.pods()) == 3
    assert condition_of(jobs.get(JOB, "backup"), "Complete") is not None


def test_fewer_parallel_pods_stop_the_surplus_without_counting_a_failure(jobs: Stage) -> None:
    make(jobs, completions=6, parallelism=3, backoffLimit=0)
    jobs.change(JOB, "backup", lambda job: job["spec"].update(parallelism=1))
    jobs.settle()
    assert len(active(jobs)) == 1
    assert "failed" not in status(jobs)


def test_a_pod_that_somebody_deletes_counts_as_failed_and_is_replaced(jobs: Stage) -> None:
    make(jobs)
    [pod] = jobs.pods()
    jobs.kill(pod)
    jobs.settle()
    jobs.advance(13)
    assert status(jobs)["failed"] == 1
    assert len(active(jobs)) == 1


def test_a_finished_pod_that_somebody_deletes_goes_on_counting(jobs: Stage) -> None:
    make(jobs, completions=2)
    [pod] = jobs.pods()
    jobs.end(pod)
    jobs.settle()
    jobs.kill(pod)
    jobs.settle()
    end_all(jobs)
    assert status(jobs)["succeeded"] == 2


def test_indexed_jobs_number_their_pods(jobs: Stage) -> None:
    make(jobs, completions=3, parallelism=3, completionMode="Indexed")
    pods = sorted(
        jobs.pods(), key=lambda pod: pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
    )
    assert [pod["spec"]["hostname"] for pod in pods] == ["backup-0", "backup-1", "backup-2"]
    assert [pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] for pod in pods] == ["0", "1", "2"]
    [env] = pods[1]["spec"]["containers"][0]["env"]
    assert env["name"] == "JOB_COMPLETION_INDEX"
    assert "job-completion-index" in env["valueFrom"]["fieldRef"]["fieldPath"]


def test_an_index_that_failed_is_tried_again_and_one_that_is_done_is_not(jobs: Stage) -> None:
    make(jobs, completions=2, parallelism=2, completionMode="Indexed")
    first, second = sorted(active(jobs), key=lambda pod: pod["spec"]["hostname"])
    jobs.end(first)
    jobs.end(second, 1)
    jobs.settle()
    assert status(jobs)["completedIndexes"] == "0"
    jobs.kill(first)
    jobs.advance(11)
    assert [pod["spec"]["hostname"] for pod in active(jobs)] == ["backup-1"]
    end_all(jobs)
    assert status(jobs)["completedIndexes"] == "0,1"
    assert condition_of(jobs.get(JOB, "backup"), "Complete") is not None


def test_a_pod_that_may_not_be_created_is_said_and_tried_again(jobs: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    create, refused = jobs.store.create, [True]

    def refuse(kind: Any, given: Object) -> Object:
        if kind is POD and refused[0]:
            raise forbidden("pods", given["metadata"]["name"], "exceeded quota: small")
        return create(kind, given)

    monkeypatch.setattr(jobs.store, "create", refuse)
    make(jobs)
    assert not jobs.pods()
    assert "exceeded quota: small" in jobs.said("FailedCreate")[0]
    refused[0] = False
    jobs.advance(1)
    assert len(jobs.pods()) == 1


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
