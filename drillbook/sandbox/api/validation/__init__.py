"""Says no, with one cause per wrong field, to what the real API would refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from drillbook.sandbox.api import custom_schema, definitions, event_versions
from drillbook.sandbox.api.names import Cause, forbidden_field, metadata_causes
from drillbook.sandbox.api.validation import certificates, chaos, config, network, pods, policies, storage, workloads
from drillbook.sandbox.kinds import (
    AUTOSCALER,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CLAIM,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRON_JOB,
    CUSTOM_RESOURCE_DEFINITION,
    DAEMON_SET,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    EVENT,
    EVENT_V1,
    INGRESS,
    JOB,
    LEASE,
    NETWORK_CHAOS,
    NETWORK_POLICY,
    POD,
    REPLICA_SET,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    VOLUME,
    Kind,
    Object,
)  # fmt: skip
from drillbook.sandbox.status import invalid

type Check = Callable[[Object], list[Cause]]
type Change = Callable[[Object, Object], list[Cause]]

CHECKS: Final[Mapping[Kind, Check]] = {
    POD: pods.pod,
    DEPLOYMENT: workloads.deployment,
    REPLICA_SET: workloads.replica_set,
    STATEFUL_SET: workloads.stateful_set,
    DAEMON_SET: workloads.daemon_set,
    JOB: workloads.job,
    CRON_JOB: workloads.cron_job,
    AUTOSCALER: workloads.autoscaler,
    DISRUPTION_BUDGET: workloads.disruption_budget,
    SERVICE: network.service,
    INGRESS: network.ingress,
    NETWORK_CHAOS: chaos.network_chaos,
    NETWORK_POLICY: policies.network_policy,
    CUSTOM_RESOURCE_DEFINITION: definitions.check,
    CONFIG_MAP: config.config_map,
    SECRET: config.secret,
    EVENT: config.event,
    EVENT_V1: event_versions.causes,
    LEASE: config.lease,
    ROLE_BINDING: config.role_binding,
    CLUSTER_ROLE_BINDING: config.role_binding,
    CLAIM: storage.claim,
    VOLUME: storage.volume,
    CERTIFICATE: certificates.certificate,
    CERTIFICATE_REQUEST: certificates.request,
}
"""What must hold of every state of an object."""

CHANGES: Final[Mapping[Kind, Change]] = {
    POD: pods.pod_change,
    DEPLOYMENT: workloads.selector_change,
    REPLICA_SET: workloads.selector_change,
    DAEMON_SET: workloads.selector_change,
    STATEFUL_SET: workloads.stateful_set_change,
    JOB: workloads.job_change,
    SERVICE: network.service_change,
    NETWORK_CHAOS: chaos.network_chaos_change,
    CONFIG_MAP: config.immutable_change,
    SECRET: config.secret_change,
    ROLE_BINDING: config.role_change,
    CLUSTER_ROLE_BINDING: config.role_change,
    CLAIM: storage.claim_change,
    CERTIFICATE_REQUEST: certificates.request_change,
}
"""What must hold between two states."""


def check_create(kind: Kind, obj: Object) -> None:
    """ApiError 422 with everything that is wrong with a new object."""
    _refuse(kind, obj, metadata_causes(kind.name, obj["metadata"]) + _check(kind, obj))


def check_given(kind: Kind, given: Object) -> None:
    """ApiError 422 with what a version that isn't the stored one asks of a new object beyond that one."""
    if kind.stored_as is not None and kind in CHECKS:
        _refuse(kind, given, CHECKS[kind](given))


def check_update(kind: Kind, old: Object, new: Object, subresource: str = "") -> None:
    """ApiError 422 with everything that is wrong with a new state, or with the way there."""
    causes = metadata_causes(kind.name, new["metadata"]) + _late_finalizers(old, new)
    if kind == POD and subresource == "resize":
        causes += pods.pod_resize(old, new)
    elif kind in CHANGES:
        causes += CHANGES[kind](old, new)
    if kind.custom is not None or old.get("spec") != new.get("spec") or "spec" not in new:
        causes += _check(kind, new)
    _refuse(kind, new, causes)


def _late_finalizers(old: Object, new: Object) -> list[Cause]:
    """What is being deleted takes no new finalizers."""
    had = old["metadata"].get("finalizers") or []
    late = [name for name in new["metadata"].get("finalizers") or [] if name not in had]
    if "deletionTimestamp" not in old["metadata"] or not late:
        return []
    listed = ", ".join(f'"{name}"' for name in late)
    why = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
    return [forbidden_field("metadata.finalizers", why)]


def _check(kind: Kind, obj: Object) -> list[Cause]:
    if kind.custom is not None:
        return custom_schema.causes(kind, obj)
    return CHECKS[kind](obj) if kind in CHECKS else []


def _refuse(kind: Kind, obj: Object, causes: list[Cause]) -> None:
    if causes:
        raise invalid(kind.name, kind.group, obj["metadata"].get("name", ""), causes)
