"""Jobs and CronJobs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cluster import Cluster, fields
from tests.conformance.looks import condition, gone
from tests.conformance.objects import FOREVER, template


def job(shell: str, script: str, name: str = "work", policy: str = "Never", **spec: Any) -> dict[str, Any]:
    inner = template(shell, script, app="work")
    inner["spec"] |= {"restartPolicy": policy, "terminationGracePeriodSeconds": 1}
    return {"metadata": {"name": name}, "spec": {"template": inner, **spec}}


def over(cluster: Cluster, batch: Any, space: str, type_: str) -> Any:
    """The job, once it has that condition."""

    def look() -> Any:
        found = batch.read_namespaced_job("work", space)
        return (c := condition(found, type_)) and c.status == "True" and found

    return cluster.eventually(look)


def test_a_job_runs_as_many_pods_at_once_as_it_may(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    batch.create_namespaced_job(space, job(shell, FOREVER, completions=3, parallelism=2))
    cluster.eventually(lambda: batch.read_namespaced_job("work", space).status.active == 2)
    assert len(core.list_namespaced_pod(space).items) == 2


@pytest.mark.slow
def test_a_failed_pod_is_replaced_until_the_limit_is_reached(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    batch.create_namespaced_job(space, job(shell, "exit 1", backoffLimit=1))
    found = over(cluster, batch, space, "Failed")
    assert condition(found, "Failed").reason == "BackoffLimitExceeded"
    assert found.status.failed == 2
    assert len(core.list_namespaced_pod(space).items) == 2


def test_a_job_that_restarts_in_place_keeps_its_pod(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    script = "if [ -e /data/ran ]; then exit 0; else touch /data/ran; exit 1; fi"
    made = job(shell, script, policy="OnFailure")
    spec = made["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "data", "emptyDir": {}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    batch.create_namespaced_job(space, made)
    assert over(cluster, batch, space, "Complete").status.succeeded == 1
    (only,) = core.list_namespaced_pod(space).items
    assert only.status.container_statuses[0].restart_count == 1


def test_a_job_past_its_deadline_has_failed_and_its_pods_are_ended(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    batch.create_namespaced_job(space, job(shell, FOREVER, activeDeadlineSeconds=1))
    found = over(cluster, batch, space, "Failed")
    assert condition(found, "Failed").reason == "DeadlineExceeded"
    cluster.eventually(
        lambda: not [p for p in core.list_namespaced_pod(space).items if p.status.phase in {"Pending", "Running"}]
    )


def test_a_finished_job_is_deleted_after_its_time_to_live(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    batch.create_namespaced_job(space, job(shell, "exit 0", ttlSecondsAfterFinished=1))
    gone(cluster, lambda: batch.read_namespaced_job("work", space))
    cluster.eventually(lambda: not core.list_namespaced_pod(space).items)


def test_each_pod_of_an_indexed_job_knows_its_index(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    made = job(shell, "echo index $JOB_COMPLETION_INDEX", completions=3, parallelism=3, completionMode="Indexed")
    batch.create_namespaced_job(space, made)
    assert over(cluster, batch, space, "Complete").status.completed_indexes == "0-2"
    said = {core.read_namespaced_pod_log(p.metadata.name, space) for p in core.list_namespaced_pod(space).items}
    assert said == {f"index {i}\n" for i in range(3)}


def test_a_suspended_job_starts_nothing_until_it_is_resumed(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    batch.create_namespaced_job(space, job(shell, "exit 0", suspend=True))
    found = over(cluster, batch, space, "Suspended")
    assert not found.status.active
    assert not core.list_namespaced_pod(space).items
    batch.patch_namespaced_job("work", space, {"spec": {"suspend": False}})
    over(cluster, batch, space, "Complete")


def test_a_job_takes_its_pods_along_when_kubectl_deletes_it(
    cluster: Cluster, core: Any, batch: Any, shell: str, space: str
) -> None:
    batch.create_namespaced_job(space, job(shell, FOREVER))
    cluster.eventually(lambda: core.list_namespaced_pod(space).items)
    cluster.kubectl("-n", space, "delete", "job", "work").ok()
    cluster.eventually(lambda: not core.list_namespaced_pod(space).items)


def test_a_jobs_template_cannot_be_changed(cluster: Cluster, batch: Any, shell: str, space: str) -> None:
    batch.create_namespaced_job(space, job(shell, "exit 0", suspend=True))
    changed = {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}
    path = f"/apis/batch/v1/namespaces/{space}/jobs/work"
    answer = cluster.request("PATCH", path, changed, Content_Type="application/merge-patch+json")
    assert answer.code == 422
    assert fields(answer.json()) == {"spec.template"}


def test_a_job_may_not_restart_always(cluster: Cluster, shell: str, space: str) -> None:
    wrong = job(shell, "exit 0", policy="Always") | {"apiVersion": "batch/v1", "kind": "Job"}
    answer = cluster.request("POST", f"/apis/batch/v1/namespaces/{space}/jobs", wrong)
    assert (answer.code, fields(answer.json())) == (422, {"spec.template.spec.restartPolicy"})


def cron_job(shell: str, schedule: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "regular"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": job(shell, "echo ran")["spec"]}, **spec},
    }


def test_a_job_can_be_made_from_a_cron_job_at_once(cluster: Cluster, batch: Any, shell: str, space: str) -> None:
    batch.create_namespaced_cron_job(space, cron_job(shell, "0 0 1 1 *"))
    cluster.kubectl("-n", space, "create", "job", "--from=cronjob/regular", "work").ok()
    over(cluster, batch, space, "Complete")
    assert cluster.kubectl("-n", space, "logs", "job/work").ok() == "ran\n"
    made = batch.read_namespaced_job("work", space)
    assert made.metadata.annotations["cronjob.kubernetes.io/instantiate"] == "manual"


def test_a_schedule_that_cannot_be_read_is_refused(cluster: Cluster, shell: str, space: str) -> None:
    wrong = cron_job(shell, "every day") | {"apiVersion": "batch/v1", "kind": "CronJob"}
    answer = cluster.request("POST", f"/apis/batch/v1/namespaces/{space}/cronjobs", wrong)
    assert (answer.code, fields(answer.json())) == (422, {"spec.schedule"})
