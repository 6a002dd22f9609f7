"""Steps on a workload, followed in a running Solar, and what each says when it can't be."""

from __future__ import annotations

from dataclasses import replace

from drillbook.model.policy import Workload
from tests.drills.conftest import Solar
from tests.drills.following import complaint, follow, read

IMAGE = "ghcr.io/org/solar-pv-frontend:v1.2.3"
NEXT = "ghcr.io/org/solar-pv-frontend:v1.2.4"


def image(system: Solar) -> str:
    return str(read(system, "deployments", "frontend")["spec"]["template"]["spec"]["containers"][0]["image"])


def test_scaling_is_claimed_when_it_is_asked_for_and_seen_by_waiting(system: Solar) -> None:
    try:
        claims = follow(
            system,
            "{type: scale, component: frontend, replicas: 3, line: 141}",
            "{type: wait_ready, component: frontend, within: 60 s, line: 141}",
        )
        assert claims == ["3 replicas were asked for", "3 pods of the newest spec are ready"]
    finally:
        follow(
            system,
            "{type: scale, component: frontend, replicas: 0, note: ours}",
            "{type: wait_gone, component: frontend, within: 60 s, note: ours}",
            "{type: scale, component: frontend, replicas: 2, note: ours}",
            "{type: wait_ready, component: frontend, within: 60 s, note: ours}",
        )


def test_waiting_in_vain_names_the_step_its_source_and_what_was_found(system: Solar) -> None:
    assert complaint(system, "{type: wait_gone, component: frontend, within: 1 s, line: 279}") == (
        "wait_gone frontend (000_ba0f937aa1074294.txt:279): "
        "expected no pod of deployment/frontend, found 2, of which 0 are ending"
    )


def test_a_release_is_rolled_out_and_undone_by_its_revision(system: Solar) -> None:
    before = image(system)
    try:
        follow(
            system,
            f"{{type: set_image, component: frontend, container: frontend, image: '{NEXT}', line: 131}}",
            "{type: rollout_status, component: frontend, within: 60 s, line: 134}",
        )
        assert image(system) == NEXT
        (claim, _) = follow(
            system,
            "{type: rollout_undo, component: frontend, line: 78}",
            "{type: rollout_status, component: frontend, within: 60 s, line: 134}",
        )
        assert claim.startswith("back to revision ")
    finally:
        assert image(system) == before == IMAGE


def test_a_revision_that_there_is_not_is_told_with_those_there_are(system: Solar) -> None:
    said = complaint(system, "{type: rollout_undo, component: frontend, revision: 500, line: 78}")
    assert said.startswith("rollout_undo frontend to revision 500 (000_ba0f937aa1074294.txt:78): expected revision 500")
    assert "found only " in said


def test_a_bad_release_is_claimed_and_its_roll_out_never_ends(system: Solar) -> None:
    try:
        said = complaint(
            system,
            "{type: set_image, component: frontend, container: frontend, image: 'ghcr.io/org/solar-pv-frontend:no'}",
            "{type: rollout_status, component: frontend, within: 2 s, line: 134}",
        )
        assert "rollout_status frontend" in said
        assert "its roll-out is not complete" in said
    finally:
        follow(
            system,
            f"{{type: set_image, component: frontend, container: frontend, image: '{IMAGE}'}}",
            "{type: rollout_status, component: frontend, within: 60 s}",
        )


def test_a_container_that_there_is_not_is_never_added(system: Solar) -> None:
    said = complaint(system, f"{{type: set_image, component: frontend, container: front, image: '{NEXT}', line: 131}}")
    assert said.endswith("expected container 'front' in deployment/frontend, found frontend")
    assert image(system) == IMAGE


def test_environment_variables_are_added_to_those_there_are(system: Solar) -> None:
    def names() -> list[str]:
        (container,) = read(system, "deployments", "flower")["spec"]["template"]["spec"]["containers"]
        return sorted(one["name"] for one in container["env"])

    before = names()
    assert follow(system, "{type: set_env, component: flower, container: flower, values: {WORKERS: 4}, line: 1}") == [
        "container flower is to have WORKERS"
    ]
    assert names() == sorted([*before, "WORKERS"])
    follow(system, "{type: rollout_undo, component: flower}", "{type: wait_ready, component: flower, within: 60 s}")
    assert names() == before


def test_deleted_pods_are_replaced(system: Solar) -> None:
    deleted, ready = follow(
        system,
        "{type: delete_pods, component: flower, line: 187}",
        "{type: wait_ready, component: flower, within: 60 s}",
    )
    assert (deleted, ready) == ("1 pods were deleted", "1 pods of the newest spec are ready")


def test_a_restart_of_what_is_not_there_is_the_clusters_own_sentence(system: Solar) -> None:
    gone = replace(system.policy.components["flower"], workload=Workload("deployment", "gone"))
    system.policy = replace(system.policy, components={**system.policy.components, "flower": gone})
    said = complaint(system, "{type: rollout_restart, component: flower, line: 181}")
    assert said.startswith("rollout_restart flower (000_ba0f937aa1074294.txt:181): the API server refused PATCH")
