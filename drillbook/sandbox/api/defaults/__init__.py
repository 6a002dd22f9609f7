"""Fills in what a manifest leaves out, as the real API does, so that what is read back is complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from drillbook.sandbox.api.defaults import chaos, config, network, pods, storage, workloads
from drillbook.sandbox.api.defaults.new import New
from drillbook.sandbox.api.defaults.status import first_status
from drillbook.sandbox.kinds import (
    AUTOSCALER,
    CLAIM,
    CLUSTER_ROLE_BINDING,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    INGRESS,
    JOB,
    NAMESPACE,
    NETWORK_CHAOS,
    NETWORK_POLICY,
    NODE,
    POD,
    PRIORITY_CLASS,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    STORAGE_CLASS,
    VOLUME,
    Kind,
    Object,
)  # fmt: skip
from drillbook.sandbox.store import Store

type Default = Callable[[New], None]

DEFAULTS: Final[Mapping[Kind, Default]] = {
    POD: pods.pod,
    DEPLOYMENT: workloads.deployment,
    REPLICA_SET: workloads.replica_set,
    REPLICATION_CONTROLLER: workloads.replication_controller,
    STATEFUL_SET: workloads.stateful_set,
    DAEMON_SET: workloads.daemon_set,
    JOB: workloads.job,
    CRON_JOB: workloads.cron_job,
    AUTOSCALER: workloads.autoscaler,
    SERVICE: network.service,
    ENDPOINTS: network.endpoints,
    ENDPOINT_SLICE: network.endpoint_slice,
    INGRESS: network.ingress,
    NETWORK_POLICY: network.network_policy,
    NETWORK_CHAOS: chaos.network_chaos,
    CLAIM: storage.claim,
    VOLUME: storage.volume,
    STORAGE_CLASS: storage.storage_class,
    SECRET: config.secret,
    NAMESPACE: config.namespace,
    NODE: config.node,
    ROLE_BINDING: config.role_binding,
    CLUSTER_ROLE_BINDING: config.role_binding,
    PRIORITY_CLASS: config.priority_class,
}


def complete(kind: Kind, obj: Object, store: Store, old: Object | None = None) -> None:
    """Fill ``obj`` in; ``old`` is what an update replaces."""
    default = DEFAULTS.get(kind)
    if default is not None:
        default(New(obj, old, store))
    if old is None and "status" not in obj and (status := first_status(kind)) is not None:
        obj["status"] = status
