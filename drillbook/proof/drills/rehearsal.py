"""All proofs of one system's drills, in one sandbox: as documented, broken, put back, the next one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from drillbook.drills.drill import run_drill
from drillbook.drills.plan import Order, drill_plan
from drillbook.errors import DrillbookError, NothingSelected
from drillbook.model.drill import DrillResult
from drillbook.model.environment import Environment
from drillbook.model.policy import DrillPlan, Policy
from drillbook.model.proof import Proof
from drillbook.model.verdict import Status, Verdict
from drillbook.proof.drills.broken import Broken, load_broken
from drillbook.proof.drills.plants import Plant, plants_of
from drillbook.proof.drills.proving import Ran, given_seconds, named, not_back, planted, proof_of
from drillbook.proof.drills.sandbox import ProvingSandbox
from drillbook.proof.rehearsal import refuse_all_but_sandboxes

PATIENCE_SECONDS: Final = 120.0
"""Longest that a drill may wait for a recovery."""


@dataclass(frozen=True, slots=True)
class DrillRehearsal:
    """Which drills are to be proven, where, and who hears of it."""

    policy: Policy
    environment: Environment
    chosen: tuple[DrillPlan, ...]
    folder: Path
    """The run's folder."""
    run_id: str
    say: Callable[[str], None]
    on_proof: Callable[[Proof], None]
    renew: Callable[[], None] | None = None
    """Takes the sandbox down and starts it anew; None for one that is somebody else's."""

    def run(self) -> tuple[Verdict, ...]:
        """Prove them; gives the last, clean check of everything.

        Raises Refused for anything but a sandbox, ConfigError for a ``broken.yaml`` with mistakes, NotClean where an
        objective doesn't hold before anything is planted.
        """
        refuse_all_but_sandboxes(self.environment)
        broken = load_broken(self.policy)
        self.say("checking all objectives before anything is planted")
        with ProvingSandbox(self.policy, self.environment, self.renew) as sandbox:
            for plan in self.chosen:
                self._prove(sandbox, plan, broken.get(plan.id))
            self.say("checking everything once more")
            return sandbox.steady

    def _prove(self, sandbox: ProvingSandbox, plan: DrillPlan, broken: Broken | None) -> None:
        order = Order(self.policy, self.environment, (), plan, self.folder, self.run_id, PATIENCE_SECONDS)
        healthy = self._as_documented(sandbox, order)
        seconds = given_seconds(healthy)
        for plant in plants_of(self.policy, plan, broken):
            if healthy.status is Status.INCONCLUSIVE:
                self.on_proof(proof_of(self.policy.system, plan, plant, seconds, healthy, healthy))
            else:
                self.on_proof(self._planted(sandbox, order, plant, seconds, healthy))

    def _as_documented(self, sandbox: ProvingSandbox, order: Order) -> Ran:
        """Twice where the first run can't tell."""
        for word in ("as-documented", "as-documented-again"):
            ran = _drilled(sandbox, named(order, word))
            self.say(f"{order.plan.id} as documented: {ran.status}, {ran.reason}")
            if problem := sandbox.put_back():
                self.say(problem)
            if ran.status is not Status.INCONCLUSIVE:
                break
        return ran

    def _planted(self, sandbox: ProvingSandbox, order: Order, plant: Plant, seconds: float, healthy: Ran) -> Proof:
        begun = time.monotonic()
        ran = _drilled(sandbox, planted(order, plant, seconds))
        if ran.result is not None and not ran.result.baseline_held and not sandbox.put_back():
            # A busy machine disturbs a baseline, and not twice in a row.
            ran = _drilled(sandbox, named(planted(order, plant, seconds), "again"))
        proof, ended = proof_of(self.policy.system, order.plan, plant, seconds, healthy, ran), time.monotonic()
        if problem := sandbox.put_back():
            proof = not_back(proof, problem)
        else:
            proof = replace(proof, back_seconds=round(time.monotonic() - ended, 1))
        return replace(proof, took_seconds=round(time.monotonic() - begun, 1))


def _drilled(sandbox: ProvingSandbox, order: Order) -> Ran:
    """One run of one drill, the ordinary way; what it says to people stays unsaid."""
    kept: list[DrillResult] = []
    try:
        run_drill(replace(order, steady=sandbox.steady), _silent, kept.append)
    except DrillbookError as error:
        return Ran(kept[-1] if kept else None, str(error))
    return Ran(kept[-1] if kept else None, "the drill gave no result")


def _silent(_text: str) -> None:
    """A proof has a table of its own."""


def chosen_drills(policy: Policy, only: Sequence[str]) -> tuple[DrillPlan, ...]:
    """The drills of these ids, in the policy's order; without any, all.

    Raises ConfigError that lists those there are, NothingSelected where the policy has none.
    """
    if not policy.drills:
        raise NothingSelected(f"{policy.path} has no drills, and nothing proven is never a pass")
    named = {drill_plan(policy, one.removeprefix(f"{policy.system}/")).id for one in only}
    return tuple(plan for plan in policy.drills if not only or plan.id in named)
