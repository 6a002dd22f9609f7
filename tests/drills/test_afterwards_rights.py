"""What a post-condition looks at is asked of the cluster before anything is broken, as what breaks and repairs is."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook import places
from drillbook.drills.afterwards import AFTERWARDS_WAYS
from drillbook.drills.steps import WAYS
from drillbook.model.procedures import Entry
from drillbook.policy import load_policy

POLICY = load_policy(places.system_dir("solar") / "policy.yaml")
POD = {"get deployments.apps", "list pods"}
INSIDE = {*POD, "get pods/exec", "create pods/exec"}
CERTIFICATE = {"get certificates.cert-manager.io", "get secrets"}
WANTED: dict[str, tuple[str | None, set[str]]] = {
    "replicas_restored": ("api", {*POD, "list horizontalpodautoscalers.autoscaling"}),
    "live_version": ("api", POD),
    "pods_replaced": ("api", POD),
    "capacity_fit": (None, {"list pods"}),
    "backup_taken": ("backups", INSIDE),
    "backup_content_inventory": ("backups", INSIDE),
    "keys_gone": ("cache", INSIDE),
    "cert_serial_changed": ("api", CERTIFICATE),
    "cert_object_still_managed": ("api", CERTIFICATE),
    "credentials_cut_over": ("database", {*POD, "get secrets"}),
    "transcript_secret_scan": (None, {"list pods", "get secrets"}),
}
BY_THE_DRILL_ITSELF = {
    *("objectives", "zero_failed_requests", "no_drift", "alert_expression_fires", "queue_intact"),
    *("restore_fidelity", "quiesced", "recovered_instance_equivalent"),
}
AS_ITS_STEPS = {"restore_detects_bad_backup", "exit_code_honest", "procedure_lint"}
"""What these run, a step of the procedure runs too, and has asked for."""


def asked(way: Any, type_: str, component: str | None) -> set[str]:
    found = way.needs(POLICY, Entry(type_, component))
    assert {one.namespace for one in found} <= set(POLICY.namespaces)
    return {str(one).partition(" in namespace ")[0] for one in found}


@pytest.mark.parametrize("type_", sorted(WANTED))
def test_a_post_condition_asks_for_what_it_looks_at(type_: str) -> None:
    component, wanted = WANTED[type_]
    assert asked(AFTERWARDS_WAYS[type_], type_, component) == wanted


def test_no_post_condition_is_forgotten() -> None:
    assert {*WANTED, *BY_THE_DRILL_ITSELF, *AS_ITS_STEPS} == set(AFTERWARDS_WAYS)
    for type_ in (*BY_THE_DRILL_ITSELF, *AS_ITS_STEPS):
        assert asked(AFTERWARDS_WAYS[type_], type_, "api") == set()


@pytest.mark.parametrize("type_", ["exec", "sql", "redis", "redis_delete"])
def test_a_step_that_runs_a_command_asks_for_both_verbs_that_clusters_ask_for(type_: str) -> None:
    """A WebSocket is a GET to an older API server, and newer ones want ``create`` all the same."""
    assert {"get pods/exec", "create pods/exec"} <= asked(WAYS[type_], type_, "database")
