"""The steps of a procedure as a person is told them: what to type, or what to do, and where the runbook says so.

The commands are those of people: kubectl, with the system's own names in them. A line in angle brackets is left to the
person: a value that nobody else may know, a decision. A test holds the table to the catalogue of steps.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drillbook.drills.recovery import describe, place
from drillbook.drills.steps.ground import component_of
from drillbook.errors import DrillbookError
from drillbook.faults.workloads import PLURALS, read_workload, workload_of
from drillbook.model.policy import Component, Policy, Procedure
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube


@dataclass(frozen=True, slots=True)
class Task:
    """One step, for a person."""

    step: Entry
    text: str
    """What it is, as reports name it: ``scale api to 5``."""
    to_do: str
    """The command to type, or the thing to do."""
    place: str
    """Where the runbook says it: ``runbook.txt:141``."""

    @property
    def documented_seconds(self) -> float | None:
        """Its documented time; None where there is none."""
        return self.step.within.total_seconds() if self.step.within else None


@dataclass(frozen=True, slots=True)
class Words:
    """What a command is written with."""

    policy: Policy
    environment: str
    selectors: Mapping[str, str] = field(default_factory=dict)
    """By component, the labels of its pods; none where the cluster couldn't say."""

    def of(self, step: Entry) -> Component:
        """The step's component."""
        return component_of(self.policy, step)

    def labels(self, step: Entry) -> str:
        """``-l app=backend``, or whose pods are meant."""
        component = self.of(step)
        found = self.selectors.get(component.id)
        return f"-l {shlex.quote(found)}" if found else f"-l <the labels of {component.workload}>"


def by_hand(policy: Policy, procedure: Procedure | None) -> tuple[Entry, ...]:
    """The steps that people follow; the runbook's own lines are the one step of what no machine could follow."""
    if procedure is None or procedure.steps:
        return procedure.steps if procedure else ()
    what = f"follow {procedure.source.section} of {policy.document}"
    return (Entry("human", None, {"what": what}, procedure.source.lines, within=procedure.within),)


async def tasks_of(kube: Kube, words: Words, steps: tuple[Entry, ...]) -> tuple[Task, ...]:
    """All of them, with the labels of the pods that they are about. Read-only."""
    selectors: dict[str, str] = {}
    for name in dict.fromkeys(step.component for step in steps if step.component):
        component = words.policy.components[name]
        if component.workload is not None and component.workload.kind in PLURALS:
            selectors |= await _labels(kube, component)
    words = Words(words.policy, words.environment, selectors)
    return tuple(task_of(words, step) for step in steps)


def task_of(words: Words, step: Entry) -> Task:
    """One of them; pure."""
    return Task(step, describe(step), TO_DO[step.type](words, step), place(words.policy, step))


async def _labels(kube: Kube, component: Component) -> Mapping[str, str]:
    from drillbook.clients.kube import selector_text

    try:
        found = await read_workload(kube, workload_of(component), component.namespace)
    except DrillbookError:
        # The task is told without them: a person finds the pods of a workload that can't be read just now.
        return {}
    return {component.id: selector_text(found.selector)}


def _kubectl(component: Component, *command: str) -> str:
    return f"kubectl -n {component.namespace} {shlex.join(command)}"


def _rollout(word: str) -> Callable[[Words, Entry], str]:
    return lambda words, step: _kubectl(words.of(step), "rollout", word, str(words.of(step).workload))


def _undo(words: Words, step: Entry) -> str:
    more = [f"--to-revision={step.values['revision']}"] if step.values["revision"] else []
    return _kubectl(words.of(step), "rollout", "undo", str(words.of(step).workload), *more)


def _scale(words: Words, step: Entry) -> str:
    component = words.of(step)
    return _kubectl(component, "scale", str(component.workload), f"--replicas={step.values['replicas']}")


def _set_image(words: Words, step: Entry) -> str:
    component, container = words.of(step), step.values["container"] or "*"
    return _kubectl(component, "set", "image", str(component.workload), f"{container}={step.values['image']}")


def _set_env(words: Words, step: Entry) -> str:
    component, container = words.of(step), step.values["container"]
    more = [f"--containers={container}"] if container else []
    values = [f"{name}={value}" for name, value in step.values["values"].items()]
    return _kubectl(component, "set", "env", str(component.workload), *more, *values)


def _patch(words: Words, step: Entry) -> str:
    return _kubectl(words.of(step), "patch", step.values["object"], f"--patch-file={_file(words, step)}")


def _file(words: Words, step: Entry) -> str:
    return str(words.policy.path.parent / step.values["file"])


def _node(word: str) -> Callable[[Words, Entry], str]:
    return lambda words, step: f"kubectl {word} <the node of {words.of(step).workload}>"


def _in_pod(words: Words, step: Entry, *command: str) -> str:
    component, container = words.of(step), step.values.get("container")
    where = ["exec", str(component.workload), *(["-c", container] if container else [])]
    return _kubectl(component, *where, "--", *command)


def _run_pod(words: Words, step: Entry) -> str:
    image, env = step.values["image"], [f"--env={name}={value}" for name, value in step.values["env"].items()]
    named = " ".join(f"--env={name}=<{place}>" for name, place in step.values["secrets"].items())
    begin = _kubectl(words.of(step), "run", "by-hand", "--rm", "-i", "--restart=Never", f"--image={image}", *env)
    return f"{begin}{f' {named}' if named else ''} --command -- {shlex.join(step.values['command'])}"


def _sql(words: Words, step: Entry) -> str:
    component = words.of(step)
    whom = ["-U", component.user or "postgres", "-d", step.values["database"] or component.database or "postgres"]
    return _in_pod(words, step, "psql", *whom, *(word for one in step.values["statements"] for word in ("-c", one)))


def _restore(words: Words, step: Entry) -> str:
    database, store = words.of(step), words.policy.components[step.values["from"]]
    empty = ", after its schema was dropped and made anew" if step.values["empty_first"] else ""
    return (
        f"load the newest of {step.values['path']} in {store.workload} (namespace {store.namespace}) with psql into "
        f"{database.database or 'the database'} of {database.workload}{empty}"
    )


def _job(words: Words, step: Entry) -> str:
    name = step.values["cronjob"]
    return _kubectl(words.of(step), "create", "job", f"{name}-by-hand", f"--from=cronjob/{name}")


def _renew(words: Words, step: Entry) -> str:
    component, name = words.of(step), step.values["certificate"]
    ways = {
        "mark": f"cmctl renew -n {component.namespace} {name}",
        "annotate": _kubectl(component, "annotate", f"certificate/{name}", "--overwrite")
        + ' cert-manager.io/force-renew="$(date -u +%FT%TZ)"',
        "delete_certificate": _kubectl(component, "delete", f"certificate/{name}"),
        "delete_secret": _kubectl(component, "delete", "secret") + f" <the Secret of certificate/{name}>",
    }
    return ways[step.values["how"]]


def _rotate(words: Words, step: Entry) -> str:
    others = ", and take all others out" if step.values["drops_others"] else ""
    edit = _kubectl(words.of(step), "edit", f"secret/{step.values['secret']}")
    return f"{edit}: new values of {', '.join(step.values['keys'])}{others}"


def _check(words: Words, step: Entry) -> str:
    only = [word for one in step.values["hold"] for word in ("--only", one)]
    return shlex.join(["drillbook", "check", words.policy.system, "-e", words.environment, *only])


def _http(words: Words, step: Entry) -> str:
    component = words.of(step)
    whom = component.ingress or component.service or component.id
    return f"GET {step.values['path']} of {whom} (namespace {component.namespace}), expected: {step.values['status']}"


def _logs(words: Words, step: Entry) -> str:
    text = f" | grep -F {shlex.quote(step.values['text'])}" if step.values["text"] else ""
    command = f"kubectl -n {words.of(step).namespace} logs {words.labels(step)} --prefix --tail={step.values['tail']}"
    return f"{command}{text}"


def _pods(before: str, after: str = "") -> Callable[[Words, Entry], str]:
    return lambda words, step: f"kubectl -n {words.of(step).namespace} {before} pods {words.labels(step)}{after}"


TO_DO: Final[Mapping[str, Callable[[Words, Entry], str]]] = {
    "rollout_restart": _rollout("restart"),
    "rollout_undo": _undo,
    "rollout_status": _rollout("status"),
    "scale": _scale,
    "delete_pods": _pods("delete"),
    "wait_ready": _rollout("status"),
    "wait_gone": _pods("wait --for=delete"),
    "set_image": _set_image,
    "set_env": _set_env,
    "apply": lambda words, step: f"kubectl apply -f {_file(words, step)}",
    "patch": _patch,
    "delete_object": lambda words, step: _kubectl(words.of(step), "delete", step.values["object"]),
    "cordon": _node("cordon"),
    "drain": _node("drain --ignore-daemonsets"),
    "uncordon": lambda _words, _step: "kubectl uncordon <the node that was cordoned>",
    "exec": lambda words, step: _in_pod(words, step, *step.values["command"]),
    "run_pod": _run_pod,
    "sql": _sql,
    "redis": lambda words, step: _in_pod(words, step, "redis-cli", *step.values["command"]),
    "redis_delete": lambda words, step: (
        _in_pod(words, step, "redis-cli", "--scan", "--pattern", step.values["pattern"]) + ", then DEL of each"
    ),
    "job_from_cronjob": _job,
    "restore_backup": _restore,
    "renew_certificate": _renew,
    "rotate_secret": _rotate,
    "check": _check,
    "http": _http,
    "logs": _logs,
    "human": lambda _words, step: str(step.values["what"]),
}
"""By the step's type."""
