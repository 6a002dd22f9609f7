"""All proofs of one system, in one sandbox: clean, one violation after another, clean again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drillbook.checking import check_objectives
from drillbook.clients.kube import Kube
from drillbook.errors import DrillbookError, ExitCode, Refused
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.policy import Objective, Policy
from drillbook.model.proof import Proof
from drillbook.model.verdict import Status, Verdict
from drillbook.probes.collecting import sigterm_as_sigint
from drillbook.proof.proving import Check, Prover
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Violation

SETTLE_SECONDS: Final = 60.0
"""How long a system may take to pass everything before its proofs begin, and after they have ended."""
_PAUSE: Final = 1.0


class NotClean(DrillbookError):
    """Not everything passes before anything was violated, so no failure could be told from another."""

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, bad: Sequence[Verdict]) -> None:
        first, more = bad[0], len(bad) - 1
        others = f", and {more} more {'does' if more == 1 else 'do'} not either" if more else ""
        super().__init__(
            f"{first.id} does not pass before anything is violated ({first.status}: {first.reason}){others}; "
            "mend that first, or give the machine more room"
        )
        self.verdicts = tuple(bad)
        """Those that don't pass."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is to be proven, where, and who hears of it."""

    policy: Policy
    environment: Environment
    objectives: tuple[Objective, ...]
    """All that are asked in the sandbox."""
    chosen: tuple[Objective, ...]
    """Those to be proven."""
    violations: Mapping[str, Violation]
    say: Callable[[str], None]
    on_proof: Callable[[Proof], None]

    def run(self) -> tuple[Verdict, ...]:
        """Prove them; gives the last, clean check of everything.

        Raises Refused for anything but a sandbox, NotClean where something fails before anything was violated.
        """
        refuse_all_but_sandboxes(self.environment)
        with sigterm_as_sigint():
            return asyncio.run(self._run())

    async def _run(self) -> tuple[Verdict, ...]:
        async with Kube.of(self.environment) as kube:
            stage = Stage(
                self.environment.sandbox or self.policy.system, self.policy, self.environment, self.objectives, kube
            )
            check = checking(self.policy, self.environment)
            self.say(f"checking all {len(self.objectives)} objectives before anything is violated")
            if bad := [v for v in await settled(check, self.objectives) if v.status is not Status.PASS]:
                raise NotClean(bad)
            prover = Prover(stage, self.violations, check)
            for objective in self.chosen:
                self.on_proof(await prover.prove(objective))
            self.say("checking everything once more")
            return await settled(check, self.objectives)


async def settled(
    check: Check, objectives: Sequence[Objective], seconds: float = SETTLE_SECONDS
) -> tuple[Verdict, ...]:
    """One verdict for each; those that don't pass are asked again for a while, because starting up takes some."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    verdicts = {verdict.objective.id: verdict for verdict in await check(objectives)}
    while loop.time() < deadline:
        left = [one for one in objectives if verdicts[one.id].status is not Status.PASS]
        if not left:
            break
        await asyncio.sleep(_PAUSE)
        # A share of requests needs requests, which another objective may send: so all of them are asked.
        verdicts |= {verdict.objective.id: verdict for verdict in await check(objectives) if verdict.objective in left}
    return tuple(verdicts[one.id] for one in objectives)


def refuse_all_but_sandboxes(environment: Environment) -> None:
    """Raises Refused for anything but a sandbox."""
    if environment.environment_class is not EnvironmentClass.SANDBOX or environment.kubeconfig:
        raise Refused(
            f"proofs break what they look at, so they run in sandboxes only; environment {environment.name!r} "
            f"is of class {environment.environment_class}; prove the system with its environment sandbox"
        )


def checking(policy: Policy, environment: Environment) -> Check:
    """Checks from inside an event loop: each in a thread and a loop of its own. Waivers don't count here."""

    async def check(objectives: Sequence[Objective]) -> tuple[Verdict, ...]:
        return await asyncio.to_thread(check_objectives, policy, environment, (), objectives)

    return check
