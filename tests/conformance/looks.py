"""What tests wait for, and commands in pods."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from tests.conformance.cluster import PATIENCE, Cluster


def running(cluster: Cluster, core: Any, space: str, name: str = "one") -> Any:
    """The pod, once it is Ready."""

    def look() -> Any:
        found = core.read_namespaced_pod(name, space)
        conditions = found.status.conditions or []
        return any(c.type == "Ready" and c.status == "True" for c in conditions) and found

    return cluster.eventually(look)


def ended(cluster: Cluster, core: Any, space: str, name: str = "one") -> Any:
    """The pod, once it is over."""

    def look() -> Any:
        found = core.read_namespaced_pod(name, space)
        return found.status.phase in {"Succeeded", "Failed"} and found

    return cluster.eventually(look)


def ready(cluster: Cluster, apps: Any, space: str, count: int, name: str = "web") -> Any:
    """The deployment, once all its pods are new and ready."""

    def look() -> Any:
        found = apps.read_namespaced_deployment(name, space)
        status = found.status
        numbers = (status.updated_replicas or 0, status.available_replicas or 0, status.replicas or 0)
        return status.observed_generation == found.metadata.generation and numbers == (count,) * 3 and found

    return cluster.eventually(look)


def waiting(cluster: Cluster, core: Any, space: str, name: str, reasons: Iterable[str]) -> Any:
    """The pod's first container, once it waits for one of these reasons."""
    wanted = set(reasons)

    def look() -> Any:
        for status in core.read_namespaced_pod(name, space).status.container_statuses or []:
            if status.state.waiting and status.state.waiting.reason in wanted:
                return status
        return None

    return cluster.eventually(look)


def restarted(cluster: Cluster, core: Any, space: str, name: str) -> Any:
    """The pod's first container, once it was started again; it may have ended since."""

    def look() -> Any:
        statuses = core.read_namespaced_pod(name, space).status.container_statuses or []
        return next((status for status in statuses if status.restart_count and status.last_state.terminated), None)

    return cluster.eventually(look)


def condition(found: Any, type_: str) -> Any:
    """The condition of that type; None when there is none."""
    return next((c for c in found.status.conditions or [] if c.type == type_), None)


def gone(cluster: Cluster, read: Any, within: float = PATIENCE) -> None:
    """Wait until a read finds nothing."""

    def look() -> bool:
        try:
            read()
        except importlib.import_module("kubernetes.client").ApiException as error:
            return bool(error.status == 404)
        return False

    cluster.eventually(look, within)


def execute(cluster: Cluster, space: str, *command: str, pod: str = "one") -> Any:
    """Run a command in the pod: its output and its exit code."""
    core = importlib.import_module("kubernetes.client").CoreV1Api(cluster.client())
    session = importlib.import_module("kubernetes.stream").stream(
        core.connect_get_namespaced_pod_exec,
        pod,
        space,
        command=list(command),
        stdout=True,
        stderr=True,
        _preload_content=False,
    )
    session.run_forever(timeout=30)
    return session


def said(cluster: Cluster, space: str, script: str) -> str:
    """What a shell in the pod printed; the script must have ended well."""
    session = execute(cluster, space, "sh", "-c", script)
    assert session.returncode == 0, session.read_stderr()
    return str(session.read_stdout())


def endpoints(discovery: Any, space: str, service: str = "web", *, ready_only: bool = True) -> set[str]:
    """The addresses that a Service's slices list."""
    slices = discovery.list_namespaced_endpoint_slice(space, label_selector=f"kubernetes.io/service-name={service}")
    every = [endpoint for found in slices.items for endpoint in found.endpoints or []]
    return {address for e in every if e.conditions.ready or not ready_only for address in e.addresses}
