"""How Jobs fail, retry, time out, and wait when suspended."""

from __future__ import annotations

import pytest

from drillbook.sandbox.kinds import JOB, POD
from tests.sandbox.controllers.running_jobs import active, end_all, make, status
from tests.sandbox.controllers.stage import NAMESPACE, Stage, condition_of


def test_a_failed_pod_is_replaced_after_ten_seconds_and_the_next_after_twenty(jobs: Stage) -> None:
    make(jobs, backoffLimit=6)
    end_all(jobs, 1)
    jobs.advance(9)
    assert not active(jobs)
    jobs.advance(2)
    assert len(active(jobs)) == 1
    end_all(jobs, 1)
    jobs.advance(19)
    assert not active(jobs)
    jobs.advance(2)
    assert len(active(jobs)) == 1


def test_a_success_in_between_makes_the_next_failure_count_as_the_first(jobs: Stage) -> None:
    make(jobs, completions=2)
    for _ in range(2):
        end_all(jobs, 1)
        jobs.advance(30)
    end_all(jobs)
    end_all(jobs, 1)
    jobs.advance(11)
    assert len(active(jobs)) == 1


def test_one_failure_more_than_the_back_off_limit_fails_the_job(jobs: Stage) -> None:
    make(jobs, backoffLimit=1)
    end_all(jobs, 1)
    jobs.advance(11)
    end_all(jobs, 1)
    job = jobs.get(JOB, "backup")
    assert condition_of(job, "Failed") == ("True", "BackoffLimitExceeded")
    assert condition_of(job, "FailureTarget") == ("True", "BackoffLimitExceeded")
    assert job["status"]["failed"] == 2
    assert "completionTime" not in job["status"]
    assert jobs.said("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


@pytest.mark.parametrize(("limit", "restarts"), [(0, 1), (3, 3)])
def test_containers_that_restart_in_place_use_the_back_off_limit_up(jobs: Stage, limit: int, restarts: int) -> None:
    make(jobs, restart="OnFailure", backoffLimit=limit)
    [pod] = jobs.pods()
    jobs.run(pod)

    def count(restarted: int) -> None:
        entry = [{"name": "main", "restartCount": restarted}]
        jobs.change(POD, pod["metadata"]["name"], lambda draft: draft["status"].update(containerStatuses=entry))
        jobs.settle()

    count(restarts - 1)
    assert condition_of(jobs.get(JOB, "backup"), "FailureTarget") is None
    count(restarts)
    assert condition_of(jobs.get(JOB, "backup"), "FailureTarget") == ("True", "BackoffLimitExceeded")


def test_a_failed_job_is_failed_only_when_its_last_pod_has_stopped(jobs: Stage) -> None:
    make(jobs, completions=2, parallelism=2, backoffLimit=0)
    first, second = active(jobs)
    jobs.run(second)
    jobs.end(first, 1)
    jobs.settle()
    job = jobs.get(JOB, "backup")
    assert condition_of(job, "FailureTarget") is not None
    assert condition_of(job, "Failed") is None
    assert job["status"]["terminating"] == 1
    jobs.kill(second)
    jobs.settle()
    job = jobs.get(JOB, "backup")
    assert condition_of(job, "Failed") is not None
    assert job["status"]["failed"] == 2


def test_the_active_deadline_ends_a_job_that_runs_too_long(jobs: Stage) -> None:
    make(jobs, activeDeadlineSeconds=30)
    jobs.run(jobs.pods()[0])
    jobs.advance(29)
    assert condition_of(jobs.get(JOB, "backup"), "FailureTarget") is None
    jobs.advance(2)
    for pod in jobs.pods():
        jobs.kill(pod)
    jobs.settle()
    assert condition_of(jobs.get(JOB, "backup"), "Failed") == ("True", "DeadlineExceeded")
    assert status(jobs)["failed"] == 1


def test_a_job_with_a_time_to_live_deletes_itself_that_long_after_its_end(jobs: Stage) -> None:
    make(jobs, ttlSecondsAfterFinished=60)
    end_all(jobs)
    jobs.advance(58)
    assert jobs.store.get(JOB, NAMESPACE, "backup") is not None
    jobs.advance(4)
    assert jobs.store.get(JOB, NAMESPACE, "backup") is None


def test_a_job_without_a_time_to_live_stays(jobs: Stage) -> None:
    make(jobs)
    end_all(jobs)
    jobs.advance(10 * 24 * 3600)
    assert jobs.get(JOB, "backup")


def test_a_suspended_job_starts_nothing_until_it_is_resumed(jobs: Stage) -> None:
    make(jobs, suspend=True)
    assert not jobs.pods()
    job = jobs.get(JOB, "backup")
    assert condition_of(job, "Suspended") == ("True", "JobSuspended")
    assert "startTime" not in job["status"]
    jobs.change(JOB, "backup", lambda job: job["spec"].update(suspend=False))
    jobs.settle()
    assert len(active(jobs)) == 1
    job = jobs.get(JOB, "backup")
    assert condition_of(job, "Suspended") == ("False", "JobResumed")
    assert "startTime" in job["status"]
    assert [reason for reason in jobs.reasons() if reason in {"Suspended", "Resumed"}].count("Resumed") == 1


def test_suspending_a_job_stops_its_pods_and_counts_them_neither_as_done_nor_as_failed(jobs: Stage) -> None:
    make(jobs, completions=2, parallelism=2, backoffLimit=0)
    for pod in active(jobs):
        jobs.run(pod)
    jobs.change(JOB, "backup", lambda job: job["spec"].update(suspend=True))
    jobs.settle()
    assert not active(jobs)
    for pod in jobs.pods():
        jobs.kill(pod)
    jobs.settle()
    assert "failed" not in status(jobs)
    jobs.change(JOB, "backup", lambda job: job["spec"].update(suspend=False))
    jobs.settle()
    assert len(active(jobs)) == 2


def test_the_deadline_of_a_resumed_job_starts_anew(jobs: Stage) -> None:
    make(jobs, activeDeadlineSeconds=30)
    jobs.advance(20)
    jobs.change(JOB, "backup", lambda job: job["spec"].update(suspend=True))
    jobs.settle()
    jobs.advance(100)
    jobs.change(JOB, "backup", lambda job: job["spec"].update(suspend=False))
    jobs.settle()
    jobs.advance(25)
    assert condition_of(jobs.get(JOB, "backup"), "FailureTarget") is None
    jobs.advance(6)
    assert condition_of(jobs.get(JOB, "backup"), "FailureTarget") is not None
