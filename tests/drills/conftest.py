"""Solar in its sandbox, as drills see it: with few objectives, so that a drill takes seconds."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from drillbook import places
from drillbook.checking import load_system
from drillbook.clients.kube import Kube, Object, path_of
from drillbook.drills.drill import run_drill
from drillbook.drills.lock import NAME as LEASE
from drillbook.drills.lock import Lock, holder_of
from drillbook.drills.plan import Order, drill_plan
from drillbook.model.drill import DrillResult
from drillbook.model.policy import Procedure
from tests.conftest import SandboxHandle
from tests.drills.killing import Cluster

NAMESPACE = "solar-pv-llm-ai"
FEW = ("replicas-backend", "db-max-connections", "service-endpoints")


@dataclass
class Solar(Cluster):
    """A running Solar."""

    folder: Path
    said: list[str] = field(default_factory=list)
    runs: int = 0

    def order(self, drill: str, **changes: Any) -> Order:
        """An order for one drill of the policy, in a folder of its own; ``changes`` are those of its plan."""
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        plan = replace(drill_plan(self.policy, drill), **changes)
        run_id = f"test-{os.getpid()}-{folder.parent.name}-{self.runs}"
        return Order(self.policy, self.environment, (), plan, folder, run_id, timeout_seconds=60)

    def drill(self, order: Order, when: Callable[[str], None] = lambda text: None) -> DrillResult:
        """Run it; ``when`` is called with everything that the drill says."""
        kept: list[DrillResult] = []

        def narrate(text: str) -> None:
            self.said.append(text)
            when(text)

        run_drill(order, narrate, kept.append)
        (result,) = kept
        return result

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """A session of its own with the database."""

        async def where(kube: Kube) -> tuple[Object, Object]:
            service = await kube.get(path_of("services", NAMESPACE, "postgres"))
            return service, await kube.get(path_of("secrets", NAMESPACE, "solar-secrets"))

        service, secret = self.on_kube(where)
        password = base64.b64decode(secret["data"]["DATABASE_PASSWORD"]).decode()
        component = self.policy.components["database"]
        with psycopg.connect(
            host=service["spec"]["clusterIP"], user=component.user, dbname=component.database, password=password,
            autocommit=True,
        ) as connection:  # fmt: skip
            yield connection

    def left_behind(self) -> list[str]:
        """What a drill must not leave in the namespace: its lock, its undo journal, a pod that is missing."""

        async def look(kube: Kube) -> list[str]:
            maps = await kube.list(path_of("configmaps", NAMESPACE), labels="drillbook.dev/undo")
            lease = await kube.find(path_of("leases", NAMESPACE, LEASE))
            deployments = await kube.list(path_of("deployments", NAMESPACE))
            missing = [
                d["metadata"]["name"]
                for d in deployments
                if d["status"].get("readyReplicas", 0) != d["spec"]["replicas"]
            ]
            return [m["metadata"]["name"] for m in maps] + ([LEASE] if lease else []) + missing

        return self.on_kube(look)


@pytest.fixture
def system(solar: SandboxHandle, tmp_path: Path) -> Solar:
    policy, environment, _ = load_system("solar", "sandbox", solar.name)
    few = tuple(o for o in policy.objectives if o.id in FEW)
    assert len(few) == len(FEW)
    procedures = {name: _holding_few(one) for name, one in policy.procedures.items()}
    return Solar(replace(policy, objectives=few, procedures=procedures), environment, tmp_path)


@pytest.fixture
def free(system: Solar) -> Iterator[Solar]:
    """The system; whoever holds its lock at the end has it no longer."""
    yield system

    async def release(kube: Kube) -> None:
        if holder := await holder_of(kube, NAMESPACE):
            await Lock(NAMESPACE, holder).release(kube)

    system.on_kube(release)


def _holding_few(procedure: Procedure) -> Procedure:
    """The same, with nothing to hold afterwards that isn't among the few."""
    then = []
    for entry in procedure.then:
        held = tuple(name for name in entry.values.get("hold", ()) if name in FEW)
        if "hold" not in entry.values:
            then.append(entry)
        elif held or entry.type != "objectives":
            then.append(replace(entry, values={**entry.values, "hold": held}))
    return replace(procedure, then=tuple(then))


@pytest.fixture
def quick(solar: SandboxHandle, tmp_path: Path) -> Path:
    """A folder from which ``solar`` means the same system with few objectives, so that a check takes no time."""
    original, copy = places.bundled("systems") / "solar", tmp_path / "systems" / "solar"
    document = yaml.safe_load((original / "policy.yaml").read_text())
    document["objectives"] = [o for o in document["objectives"] if o["id"] in FEW]
    document["drills"] = [d for d in document["drills"] if d["id"] in {"pod-kill", "database-kill"}]
    copy.mkdir(parents=True)
    procedures = yaml.safe_load((original / "procedures.yaml").read_text())
    followed = [p | {"then": []} for p in procedures["procedures"] if p["id"] == "backend-not-responding"]
    (copy / "procedures.yaml").write_text(yaml.safe_dump(procedures | {"procedures": followed}))
    (copy / "policy.yaml").write_text(yaml.safe_dump(document))
    (copy / "environments").mkdir()
    for path in (original / "environments").glob("*.yaml"):
        environment = yaml.safe_load(path.read_text())
        # It may give limits to objectives that this policy doesn't have.
        given, _ = environment.pop("limits", {}), environment.pop("drill_times", {})
        environment |= {"limits": few} if (few := {id_: given[id_] for id_ in FEW if id_ in given}) else {}
        (copy / "environments" / path.name).write_text(yaml.safe_dump(environment))
    return tmp_path


def only_drill(folder: Path, steps: Sequence[object], **drill: str) -> Path:
    """The folder of ``quick``, with that drill and no other, and a procedure of these steps for it."""
    path = folder / "systems" / "solar" / "policy.yaml"
    policy = yaml.safe_load(path.read_text())
    source = {"section": "Common Operations > 2. Scaling Services", "line": 141}
    policy["drills"] = [{"component": "api", "level": "P0", "source": source, **drill}]
    path.write_text(yaml.safe_dump(policy))
    procedure = {"id": drill["procedure"], "source": source, "steps": steps}
    whole = {"apiVersion": "drillbook/v1", "kind": "Procedures", "procedures": [procedure]}
    (path.parent / "procedures.yaml").write_text(yaml.safe_dump(whole))
    return folder


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., str]:
    """The path of a copy of the pod-kill experiment with other arguments of its injection."""

    def changed(**arguments: Any) -> str:
        document = yaml.safe_load(places.experiment_file("pod-kill").read_text())
        document["method"][0]["provider"]["arguments"] |= arguments
        path = tmp_path / "experiment.yaml"
        path.write_text(yaml.safe_dump(document))
        return str(path)

    return changed
