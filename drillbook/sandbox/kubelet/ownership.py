"""Which processes are a pod's: its containers' programs, what those started, and what was started beside them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from drillbook.sandbox.kubelet import processes
from drillbook.sandbox.kubelet.pod_worker import PodWorker
from drillbook.sandbox.kubelet.surroundings import CONTAINER_MARK


def processes_by_pod(workers: Iterable[PodWorker]) -> Mapping[str, list[int]]:
    """The running processes of each pod, by the pod's uid."""
    found: dict[str, list[int]] = {}
    containers: dict[str | None, str] = {}
    programs: set[int] = set()
    for worker in workers:
        mine = found.setdefault(worker.uid, [])
        for container in worker.containers:
            if container.process is not None and container.running:
                pid = container.process.pid
                programs.add(pid)
                mine += processes.tree(pid)
                containers |= {processes.space(pid): worker.uid, container.id: worker.uid}
    # None is a program that has just gone; the daemon's own space is nobody's mark, as everybody has it then.
    for nobody in (None, processes.space(os.getpid())):
        containers.pop(nobody, None)
    for pid in processes.children_of(os.getpid()):
        if pid not in programs:
            # A command that was started in a container, or an orphan of one: neither descends from its program.
            uid = containers.get(processes.space(pid)) or containers.get(processes.variable(pid, CONTAINER_MARK))
            if uid is not None:
                found[uid] += processes.tree(pid)
    return found
