"""Builds the Table of some objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from drillbook.sandbox.api.tables import certificates, cluster, network, pods, workloads
from drillbook.sandbox.api.tables.cells import AGE, NAME, Column
from drillbook.sandbox.api.tables.custom import columns_of
from drillbook.sandbox.kinds import (
    AUTOSCALER,
    AUTOSCALER_V1,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CLAIM,
    CLUSTER_ISSUER,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    ENDPOINT_SLICE,
    ENDPOINTS,
    EVENT,
    EVENT_V1,
    INGRESS,
    INGRESS_CLASS,
    ISSUER,
    JOB,
    LEASE,
    LIMIT_RANGE,
    NAMESPACE,
    NETWORK_CHAOS,
    NETWORK_POLICY,
    NODE,
    POD,
    PRIORITY_CLASS,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    STORAGE_CLASS,
    VOLUME,
    Kind,
    Object,
)  # fmt: skip
from drillbook.sandbox.status import bad_request

COLUMNS: Final[Mapping[Kind, tuple[Column, ...]]] = {
    POD: pods.POD_COLUMNS,
    EVENT: pods.EVENT_COLUMNS,
    EVENT_V1: pods.EVENT_V1_COLUMNS,
    DEPLOYMENT: workloads.DEPLOYMENT_COLUMNS,
    REPLICA_SET: workloads.REPLICA_SET_COLUMNS,
    REPLICATION_CONTROLLER: workloads.REPLICATION_CONTROLLER_COLUMNS,
    STATEFUL_SET: workloads.STATEFUL_SET_COLUMNS,
    DAEMON_SET: workloads.DAEMON_SET_COLUMNS,
    JOB: workloads.JOB_COLUMNS,
    CRON_JOB: workloads.CRON_JOB_COLUMNS,
    AUTOSCALER: workloads.AUTOSCALER_COLUMNS,
    AUTOSCALER_V1: workloads.AUTOSCALER_COLUMNS,
    DISRUPTION_BUDGET: workloads.DISRUPTION_BUDGET_COLUMNS,
    SERVICE: network.SERVICE_COLUMNS,
    ENDPOINTS: network.ENDPOINTS_COLUMNS,
    ENDPOINT_SLICE: network.ENDPOINT_SLICE_COLUMNS,
    INGRESS: network.INGRESS_COLUMNS,
    INGRESS_CLASS: network.INGRESS_CLASS_COLUMNS,
    NODE: cluster.NODE_COLUMNS,
    NAMESPACE: cluster.NAMESPACE_COLUMNS,
    SECRET: cluster.SECRET_COLUMNS,
    CONFIG_MAP: cluster.CONFIG_MAP_COLUMNS,
    CLAIM: cluster.CLAIM_COLUMNS,
    VOLUME: cluster.VOLUME_COLUMNS,
    STORAGE_CLASS: cluster.STORAGE_CLASS_COLUMNS,
    LEASE: cluster.LEASE_COLUMNS,
    SERVICE_ACCOUNT: cluster.SERVICE_ACCOUNT_COLUMNS,
    RESOURCE_QUOTA: cluster.RESOURCE_QUOTA_COLUMNS,
    LIMIT_RANGE: cluster.ROLE_COLUMNS,
    ROLE: cluster.ROLE_COLUMNS,
    CLUSTER_ROLE: cluster.ROLE_COLUMNS,
    ROLE_BINDING: cluster.ROLE_BINDING_COLUMNS,
    CLUSTER_ROLE_BINDING: cluster.ROLE_BINDING_COLUMNS,
    PRIORITY_CLASS: cluster.PRIORITY_CLASS_COLUMNS,
    CONTROLLER_REVISION: cluster.CONTROLLER_REVISION_COLUMNS,
    NETWORK_POLICY: cluster.NETWORK_POLICY_COLUMNS,
    NETWORK_CHAOS: network.NETWORK_CHAOS_COLUMNS,
    CERTIFICATE: certificates.CERTIFICATE_COLUMNS,
    CERTIFICATE_REQUEST: certificates.CERTIFICATE_REQUEST_COLUMNS,
    ISSUER: certificates.ISSUER_COLUMNS,
    CLUSTER_ISSUER: certificates.ISSUER_COLUMNS,
}
_PLAIN: Final = (NAME, AGE)


def table(kind: Kind, objects: Sequence[Object], metadata: Object, include: str = "") -> Object:
    """The Table; ``include`` says how much of each object travels along: ``None``, ``Metadata`` or ``Object``."""
    if include not in {"", "None", "Metadata", "Object"}:
        raise bad_request(f'unrecognized includeObject value: "{include}"')
    columns = columns_of(kind) if kind.custom is not None else COLUMNS.get(kind, _PLAIN)
    shown: dict[str, Any] = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    if not metadata and len(objects) == 1:
        shown["metadata"] = {"resourceVersion": objects[0]["metadata"].get("resourceVersion", "")}
    shown["columnDefinitions"] = [
        {"name": c.name, "type": c.type, "format": c.format, "description": c.name, "priority": c.priority}
        for c in columns
    ]
    shown["rows"] = [{"cells": [c.cell(obj) for c in columns], "object": _included(obj, include)} for obj in objects]
    return shown


def _included(obj: Object, include: str) -> Object | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
