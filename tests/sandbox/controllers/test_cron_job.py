"""CronJobs, as Kubernetes schedules them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.controllers.cron_job import CronJobs
from drillbook.sandbox.controllers.cron_schedule import BadSchedule, times
from drillbook.sandbox.controllers.pods import moment
from drillbook.sandbox.kinds import CRON_JOB, JOB, Object
from tests.sandbox.controllers.stage import NAMESPACE, Stage, container

MINUTE = 60.0


@pytest.fixture
def bench(stage: Stage) -> Stage:
    # Just after a full five minutes, so that tests know where they are.
    seconds = int(stage.clock.at.timestamp())
    stage.clock.elapsed = float(300 - seconds % 300 + 1)
    stage.add(lambda cluster: CronJobs(cluster, stage.clock))
    return stage


def make(stage: Stage, schedule: str = "*/5 * * * *", **spec: Any) -> None:
    template = {"spec": {"containers": [container()], "restartPolicy": "Never"}}
    job_template = {"metadata": {"labels": {"app": "report"}}, "spec": {"template": template}}
    stage.create(CRON_JOB, "report", spec={"schedule": schedule, "jobTemplate": job_template, **spec})
    stage.change(CRON_JOB, "report", lambda cron: cron.update(status={"lastScheduleTime": stage.now()}))
    stage.settle()


def jobs(stage: Stage) -> list[Object]:
    return stage.store.list(JOB, NAMESPACE)


def finish(stage: Stage, job: Object, ending: str = "Complete") -> None:
    at = stage.now()

    def change(draft: Object) -> None:
        status: Object = {"startTime": at, "conditions": [{"type": ending, "status": "True", "lastTransitionTime": at}]}
        draft["status"] = status | ({"completionTime": at} if ending == "Complete" else {})

    stage.change(JOB, job["metadata"]["name"], change)
    stage.settle()


def test_a_job_starts_at_each_time_of_the_schedule(bench: Stage) -> None:
    make(bench)
    bench.advance(4 * MINUTE)
    assert not jobs(bench)
    bench.advance(MINUTE)
    assert len(jobs(bench)) == 1
    bench.advance(10 * MINUTE)
    assert len(jobs(bench)) == 3


def test_a_jobs_name_and_annotation_say_which_time_it_serves(bench: Stage) -> None:
    make(bench)
    bench.advance(5 * MINUTE)
    [job] = jobs(bench)
    meta = job["metadata"]
    scheduled = moment(meta["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"])
    assert scheduled.minute % 5 == 0
    assert meta["name"] == f"report-{int(scheduled.timestamp()) // 60}"
    assert meta["labels"] == {"app": "report"}
    assert meta["ownerReferences"][0]["kind"] == "CronJob"
    status = bench.get(CRON_JOB, "report")["status"]
    assert moment(status["lastScheduleTime"]) == scheduled
    assert [entry["name"] for entry in status["active"]] == [meta["name"]]


def test_forbid_leaves_the_time_due_until_the_running_job_has_ended(bench: Stage) -> None:
    make(bench, concurrencyPolicy="Forbid")
    bench.advance(5 * MINUTE)
    [first] = jobs(bench)
    before = bench.get(CRON_JOB, "report")["status"]["lastScheduleTime"]
    bench.advance(6 * MINUTE)
    assert len(jobs(bench)) == 1
    assert bench.get(CRON_JOB, "report")["status"]["lastScheduleTime"] == before
    assert "JobAlreadyActive" in bench.reasons()
    finish(bench, first)
    assert len(jobs(bench)) == 2


def test_replace_deletes_the_running_job(bench: Stage) -> None:
    make(bench, concurrencyPolicy="Replace")
    bench.advance(5 * MINUTE)
    [first] = jobs(bench)
    bench.advance(5 * MINUTE)
    [second] = jobs(bench)
    assert second["metadata"]["name"] != first["metadata"]["name"]
    active = bench.get(CRON_JOB, "report")["status"]["active"]
    assert [entry["name"] for entry in active] == [second["metadata"]["name"]]


def test_a_suspended_schedule_starts_nothing_and_one_missed_job_when_it_is_resumed(bench: Stage) -> None:
    make(bench, suspend=True)
    bench.advance(17 * MINUTE)
    assert not jobs(bench)
    bench.change(CRON_JOB, "report", lambda cron: cron["spec"].update(suspend=False))
    bench.settle()
    assert len(jobs(bench)) == 1


def test_a_starting_deadline_leaves_missed_times_out(bench: Stage) -> None:
    make(bench, suspend=True, startingDeadlineSeconds=60)
    bench.advance(13 * MINUTE)
    bench.change(CRON_JOB, "report", lambda cron: cron["spec"].update(suspend=False))
    bench.settle()
    assert not jobs(bench)
    bench.advance(2 * MINUTE)
    assert len(jobs(bench)) == 1


def test_more_than_a_hundred_missed_times_are_worth_a_warning(bench: Stage) -> None:
    make(bench, schedule="* * * * *", suspend=True)
    bench.advance(150 * MINUTE)
    bench.change(CRON_JOB, "report", lambda cron: cron["spec"].update(suspend=False))
    bench.settle()
    assert "TooManyMissedTimes" in bench.reasons()
    assert len(jobs(bench)) == 1


def test_history_limits_keep_the_newest_ended_jobs(bench: Stage) -> None:
    make(bench, successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1)
    endings = ["Complete", "Failed", "Complete", "Failed", "Complete"]
    names = []
    for ending in endings:
        bench.advance(5 * MINUTE)
        [running] = [job for job in jobs(bench) if not job.get("status")]
        names.append(running["metadata"]["name"])
        finish(bench, running, ending)
    assert {job["metadata"]["name"] for job in jobs(bench)} == {names[2], names[3], names[4]}


def test_the_last_success_is_remembered_and_failures_do_not_count(bench: Stage) -> None:
    make(bench)
    bench.advance(5 * MINUTE)
    finish(bench, jobs(bench)[0], "Failed")
    assert "lastSuccessfulTime" not in bench.get(CRON_JOB, "report")["status"]
    bench.advance(5 * MINUTE)
    finish(bench, jobs(bench)[-1])
    status = bench.get(CRON_JOB, "report")["status"]
    assert status["lastSuccessfulTime"] == bench.now()
    assert "active" not in status
    assert "SawCompletedJob" in bench.reasons()


def test_a_job_that_disappeared_is_said_and_forgotten(bench: Stage) -> None:
    make(bench)
    bench.advance(5 * MINUTE)
    [job] = jobs(bench)
    bench.store.remove(JOB, NAMESPACE, job["metadata"]["name"])
    bench.settle()
    assert "active" not in bench.get(CRON_JOB, "report")["status"]
    assert "MissingJob" in bench.reasons()


def test_a_time_zone_decides_what_hour_it_is() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    [berlin] = islice(times("0 18 * * *", noon, "Europe/Berlin"), 1)
    assert berlin == datetime(2026, 7, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize("schedule", ["61 * * * *", "* * * *", "@every soon", "often"])
def test_a_schedule_that_cannot_be_read_is_said(bench: Stage, schedule: str) -> None:
    make(bench, schedule=schedule)
    assert schedule in bench.said("UnparseableSchedule")[0]


def test_an_unknown_time_zone_is_said() -> None:
    with pytest.raises(BadSchedule, match="unknown time zone Mars/Olympus"):
        next(times("@daily", datetime.now(UTC), "Mars/Olympus"))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["@hourly", "@daily", "*/7 * * * *", "30 4 1 * *", "@every 90s", "0 0 * * 1-5"]),
)
def test_the_times_of_a_schedule_only_ever_move_on(start: datetime, schedule: str) -> None:
    since = start.replace(tzinfo=UTC)
    found = list(islice(times(schedule, since), 5))
    assert found == sorted(set(found))
    assert found[0] > since - timedelta(seconds=1)
