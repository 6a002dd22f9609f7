"""A Job on the stage; the tests play the kubelet."""

from __future__ import annotations

from typing import Any

from drillbook.sandbox.controllers.pods import is_active
from drillbook.sandbox.kinds import JOB, Object
from tests.sandbox.controllers.stage import Stage, container


def make(stage: Stage, restart: str = "Never", **spec: Any) -> None:
    template = {"spec": {"containers": [container()], "restartPolicy": restart}}
    stage.create(JOB, "backup", spec={"template": template, **spec})
    stage.settle()


def active(stage: Stage) -> list[Object]:
    return [pod for pod in stage.pods() if is_active(pod)]


def status(stage: Stage) -> Object:
    return dict(stage.get(JOB, "backup")["status"])


def end_all(stage: Stage, code: int = 0) -> None:
    for pod in active(stage):
        stage.end(pod, code)
    stage.settle()
