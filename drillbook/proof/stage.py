"""The stage: what a violation may use to break the sandbox that a proof runs in, and to put it back."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from drillbook.clients.kube import ApiRefusal, Kube, Object, path_of, selector_text
from drillbook.clients.kube_exec import Execution, execute
from drillbook.clients.kube_objects import as_wanted
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.environment import Environment
from drillbook.model.policy import Component, Objective, Policy
from drillbook.probes.collecting import parameters_of

_LOOK_EVERY: Final = 0.2
_TRIES: Final = 10
_LONGEST: Final = 600.0
"""Seconds that a command beside a container's program may run."""
_PSQL: Final = (
    'export PGPASSWORD="${PGPASSWORD:-${POSTGRES_PASSWORD:-}}"; '
    'exec psql --no-psqlrc --no-password --tuples-only --no-align --quiet --set=ON_ERROR_STOP=1 "$@"'
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One sandbox, as its administrator."""

    sandbox: str
    """Its name: ``drillbook.sandbox`` knows it by that."""
    policy: Policy
    environment: Environment
    objectives: tuple[Objective, ...]
    """All that are asked in this sandbox, the ones that aren't being proven too."""
    kube: Kube

    def component(self, objective: Objective) -> Component:
        """The component that an objective is about. Raises ConfigError where it names none."""
        if objective.component is None:
            raise ConfigError(f"{objective.id} names no component, and its violation can't do without one")
        return self.policy.components[objective.component]

    def parameters(self, objective: Objective) -> dict[str, Any]:
        """The objective's parameters, with the indicator's defaults."""
        return parameters_of(objective)

    def asking(self, *indicators: str, component: str | None = None) -> frozenset[str]:
        """Ids of objectives that ask one of these, a group (``database.*``) or all (``*``); of a component if given.

        For ``Planted.implies``.
        """
        return frozenset(
            o.id
            for o in self.objectives
            if (component is None or o.component == component) and any(_fits(o.indicator, name) for name in indicators)
        )

    async def workload(self, component: Component) -> Object:
        """The component's workload. Raises Unreachable where it isn't there."""
        return await self.kube.get(self.workload_path(component))

    def workload_path(self, component: Component) -> str:
        """Where its workload is served."""
        if component.workload is None:
            raise ConfigError(f"component {component.id!r} has no workload in the policy")
        return path_of(f"{component.workload.kind}s", component.namespace, component.workload.name)

    async def pods(self, component: Component) -> list[Object]:
        """The workload's pods that are meant to run, by name."""
        labels = selector_text((await self.workload(component))["spec"]["selector"])
        found = await self.kube.list(path_of("pods", component.namespace), labels=labels)
        alive = [p for p in found if "deletionTimestamp" not in p["metadata"] and not _ended(p)]
        return sorted(alive, key=lambda pod: str(pod["metadata"]["name"]))

    async def execute(
        self, component: Component, *command: str, container: str = "", pod: str = "", timeout: float = 30.0
    ) -> Execution:
        """Run a command in a container of the component's first pod, or of ``pod``; its exit code may be anything."""
        name = pod or await self._first_pod(component)
        return await execute(self.kube, component.namespace, name, container, list(command), timeout=timeout)

    async def shell(self, component: Component, script: str, *, container: str = "", timeout: float = 30.0) -> str:
        """What ``sh -c script`` prints in the component's first pod. Raises Unreachable unless it ends with 0."""
        answer = await self.execute(component, "sh", "-c", script, container=container, timeout=timeout)
        return _output(answer, f"a command in {component.workload}")

    async def sql(self, component: Component, statement: str, *, timeout: float = 30.0) -> str:
        """What a statement prints (tuples only, unaligned), asked with psql inside the database's pod.

        As the component's user, who is the superuser that the server was made with. Raises Unreachable with the
        server's words.
        """
        options = [f"--{name}={value}" for name, value in _login(component).items()]
        command = ["sh", "-c", _PSQL, "sh", *options, "-c", statement]
        return _output(await self.execute(component, *command, timeout=timeout), f"SQL in {component.workload}")

    @asynccontextmanager
    async def beside(self, component: Component, pod: str, container: str, *command: str) -> AsyncIterator[None]:
        """A command runs in a container for as long as the body does."""
        running = asyncio.create_task(
            execute(self.kube, component.namespace, pod, container, list(command), timeout=_LONGEST)
        )
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def until(self, what: str, holds: Callable[[], Awaitable[object]], seconds: float = 30.0) -> None:
        """Wait for something that is only a matter of time. Raises Unreachable when it isn't so after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while not await holds():  # noqa: ASYNC110 a cluster sets no event
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError as error:
            raise Unreachable(
                f"expected {what} within {seconds:g} s in sandbox {self.sandbox}, and it isn't so"
            ) from error

    @asynccontextmanager
    async def changed(self, path: str, patch: Object | list[Object]) -> AsyncIterator[Object]:
        """Patch an object (a list is a JSON patch); at the end everything in it but its status is as it was."""
        before = await self.kube.get(path)
        try:
            yield await self.kube.patch(path, patch)
        finally:
            await self.put_back(path, before)

    @asynccontextmanager
    async def absent(self, path: str) -> AsyncIterator[None]:
        """Delete an object; at the end it is created again as it was."""
        before = await self.kube.get(path)
        try:
            await self.kube.delete(path)
            yield
        finally:
            if await self.kube.find(path) is None:
                await self.again(path, before)

    @asynccontextmanager
    async def present(self, collection: str, body: Object) -> AsyncIterator[Object]:
        """Create an object in a collection; at the end it is gone."""
        made = await self.kube.create(collection, body)
        try:
            yield made
        finally:
            await self.remove(f"{collection}/{made['metadata']['name']}")

    @asynccontextmanager
    async def misbehaving(self, component: Component, **switches: float) -> AsyncIterator[str]:
        """The reference service behind a component misbehaves (``sandbox.refapp.switches``), and behaves at the end.

        Gives what it is, for people. Raises Unreachable when it doesn't obey.
        """
        from drillbook.sandbox.misbehave import set_switches

        app = str((await self.workload(component))["spec"]["template"]["metadata"]["labels"].get("app", ""))
        try:
            await asyncio.to_thread(set_switches, self.sandbox, app, **switches)
            yield f"{component.workload}: " + ", ".join(f"{name} {value:g}" for name, value in switches.items())
        finally:
            await asyncio.to_thread(set_switches, self.sandbox, app)

    async def _first_pod(self, component: Component) -> str:
        pods = await self.pods(component)
        running = [p for p in pods if (p.get("status") or {}).get("phase") == "Running"]
        if not running:
            raise Unreachable(f"no pod of {component.workload} in namespace {component.namespace} runs")
        return str(running[0]["metadata"]["name"])

    async def put_back(self, path: str, before: Object) -> None:
        """Write what the object was over what it is now, as often as somebody else's write gets in between."""
        for left in reversed(range(_TRIES)):
            now = await self.kube.get(path)
            restored = {key: value for key, value in copy.deepcopy(before).items() if key != "status"}
            restored["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
            if "status" in now:
                restored["status"] = now["status"]
            try:
                await self.kube.replace(path, restored)
                return
            except ApiRefusal as refused:
                if refused.code != 409 or not left:
                    raise

    async def again(self, path: str, before: Object) -> None:
        """Create an object that is gone as it was."""
        await self.kube.create(path.rpartition("/")[0], _new(before))

    async def remove(self, path: str) -> None:
        """Delete an object that may be gone already."""
        try:
            await self.kube.delete(path)
        except ApiRefusal as refused:
            if refused.code != 404:
                raise


def _fits(indicator: str, name: str) -> bool:
    return indicator == name or (name.endswith("*") and indicator.startswith(name[:-1]))


def _ended(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def _login(component: Component) -> dict[str, str]:
    given = {"username": component.user, "dbname": component.database}
    return {name: value for name, value in given.items() if value}


def _output(answer: Execution, what: str) -> str:
    if answer.exit_code:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        raise Unreachable(f"{what} ended with exit code {answer.exit_code}: {said[0] if said else 'it said nothing'}")
    return answer.stdout.strip()


def _new(before: Object) -> Object:
    """The object without what only the server writes."""
    body = {key: value for key, value in before.items() if key != "status"}
    kept = {"name", "namespace", "labels", "annotations", "ownerReferences", "finalizers"}
    body["metadata"] = {key: value for key, value in before["metadata"].items() if key in kept}
    return body | {"spec": as_wanted(body["spec"])} if before.get("kind") == "Job" else body
