"""One controller per file, each level-triggered: it looks at what is, not at what happened, and moves one step on."""

from __future__ import annotations

from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.accounts import Accounts
from drillbook.sandbox.controllers.claims import Claims
from drillbook.sandbox.controllers.controller import Controller
from drillbook.sandbox.controllers.cron_job import CronJobs
from drillbook.sandbox.controllers.daemon_set import DaemonSets
from drillbook.sandbox.controllers.deployment import Deployments
from drillbook.sandbox.controllers.disruption_budget import DisruptionBudgets
from drillbook.sandbox.controllers.endpoints import EndpointsOfServices
from drillbook.sandbox.controllers.garbage import GarbageCollector
from drillbook.sandbox.controllers.job import Jobs
from drillbook.sandbox.controllers.namespaces import Namespaces
from drillbook.sandbox.controllers.node_lifecycle import NodeLifecycle
from drillbook.sandbox.controllers.pod_garbage import PodGarbage
from drillbook.sandbox.controllers.replica_set import ReplicaSets
from drillbook.sandbox.controllers.resource_quota import ResourceQuotas
from drillbook.sandbox.controllers.scheduler import Scheduler
from drillbook.sandbox.controllers.stateful_set import StatefulSets
from drillbook.sandbox.controllers.taint_eviction import TaintEviction


def standard(cluster: Cluster) -> list[Controller]:
    """Every controller that a sandbox runs."""
    # cert-manager stands on what this package has, so it can't be imported together with it.
    from drillbook.sandbox.certmanager import cert_manager

    own: list[Controller] = [
        kind(cluster)
        for kind in (
            Accounts,
            Claims,
            CronJobs,
            DaemonSets,
            Deployments,
            DisruptionBudgets,
            EndpointsOfServices,
            GarbageCollector,
            Jobs,
            Namespaces,
            NodeLifecycle,
            PodGarbage,
            ReplicaSets,
            ResourceQuotas,
            Scheduler,
            StatefulSets,
            TaintEviction,
        )
    ]
    return own + cert_manager(cluster)
