"""Proving one objective: green, violated, red, no other red, put back, green again.

Judged by the same judge as every check. What decides is written down in a ``Proof``; nothing here knows how a sandbox
is broken, nor how a report looks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import DrillbookError
from drillbook.model.policy import Objective
from drillbook.model.proof import Proof, ProofStatus
from drillbook.model.verdict import Status, Verdict
from drillbook.probes.collecting import parameters_of
from drillbook.probes.windows import lasting
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Planted, Violation

_PAUSE: Final = 0.5
"""Seconds between two looks at something that moves."""
_REQUESTS: Final = 100
"""Most requests that an objective which isn't the one being proven sends."""
_COUNTED: Final = frozenset({"http.throughput", "http.error_rate", "http.status_ratio"})
"""What counts the requests that somebody else sends."""
_OVER: Final = "2s"
"""Longest that such an objective looks."""

type Check = Callable[[Sequence[Objective]], Awaitable[Sequence[Verdict]]]
"""Observes and judges these objectives now, in their order."""


@dataclass(frozen=True)
class Prover:
    """Proves objectives of one stage, one at a time."""

    stage: Stage
    violations: Mapping[str, Violation]
    check: Check
    clock: Clock = field(default=SYSTEM_CLOCK)

    async def prove(self, objective: Objective) -> Proof:
        """What became of one objective; afterwards the sandbox is as it was, or the proof says that it isn't."""
        begun = self.clock.monotonic()
        proof = await self._attempt(objective)
        return replace(proof, took_seconds=round(self.clock.monotonic() - begun, 1))

    async def _attempt(self, objective: Objective) -> Proof:
        violation = violation_of(objective, self.violations)
        if violation is None:
            return self._proof(objective, ProofStatus.UNPROVEN, f"nothing here violates {objective.indicator}")
        proof: Proof | None = None
        touched: frozenset[str] = frozenset()
        try:
            async with violation.plant(self.stage, objective) as planted:
                proof, touched = await self._detect(objective, planted, violation.within)
        except DrillbookError as error:
            if proof is None:
                return self._proof(objective, ProofStatus.UNPROVEN, f"it could not be violated: {error}")
            return replace(proof, status=ProofStatus.NOT_BACK, reason=f"it could not be put back: {error}")
        except Exception as error:
            # A violation with a mistake in it must not end the proofs of all others; its words could quote a secret.
            if os.environ.get("DRILLBOOK_DEBUG") == "1":
                raise
            status = ProofStatus.NOT_BACK if proof else ProofStatus.UNPROVEN
            reason = f"its violation failed with an unexpected {type(error).__name__}; DRILLBOOK_DEBUG=1 shows where"
            return replace(proof or self._proof(objective, status, reason), status=status, reason=reason)
        return await self._put_back(proof, touched | {objective.id}, violation.within)

    async def _detect(self, objective: Objective, planted: Planted, within: float) -> tuple[Proof, frozenset[str]]:
        """The proof as far as it goes while the violation is there, and all that failed of it."""
        begun = self.clock.monotonic()
        verdicts = await self._look(objective)
        at_once = seen = _detects(verdicts[objective.id], planted)
        while not seen and self.clock.monotonic() - begun < within:
            await asyncio.sleep(_PAUSE)
            verdicts |= _by_id(await self.check([objective]))
            seen = _detects(verdicts[objective.id], planted)
        took, verdict = round(self.clock.monotonic() - begun, 1), verdicts[objective.id]
        if seen and not at_once:
            # What came slowly for this one came slowly for the others too.
            verdicts |= await self._look(objective)
        if not seen:
            reason = f"planted, and after {took:g} s the check was still {verdict.status}: {verdict.reason}"
            found = self._proof(objective, ProofStatus.UNDETECTED, reason, where=planted.where, detected=verdict)
            return found, _failed(verdicts)
        allowed = self._may_fail(objective, planted)
        alarms = await self._confirmed(_failed(verdicts) - allowed)
        failed = _failed(verdicts)
        found = self._proof(
            objective,
            ProofStatus.FALSE_ALARM if alarms else ProofStatus.PROVEN,
            f"{', '.join(sorted(alarms))} failed too, and has nothing to do with it" if alarms else verdict.reason,
            where=planted.where,
            detected=verdict,
            implied=tuple(sorted(failed & allowed - {objective.id})),
            alarms=tuple(sorted(alarms)),
            detected_seconds=took,
        )
        return found, failed

    async def _look(self, objective: Objective) -> dict[str, Verdict]:
        """Everything at once: the objective as the policy has it, the others for a shorter time."""
        asked = [one if one.id == objective.id else shortened(one) for one in self.stage.objectives]
        return _by_id(await self.check(asked))

    async def _confirmed(self, alarms: frozenset[str]) -> frozenset[str]:
        """Those that fail again, asked as the policy has it: breaking something can disturb others for a moment."""
        if not alarms:
            return alarms
        return _failed(_by_id(await self.check([one for one in self.stage.objectives if one.id in alarms])))

    def _may_fail(self, objective: Objective, planted: Planted) -> frozenset[str]:
        """The objective, those that the violation documents, and those that ask the same with another limit."""
        same = {one.id for one in self.stage.objectives if _asks_the_same(one, objective)}
        return planted.implies | same

    async def _put_back(self, proof: Proof, touched: frozenset[str], within: float) -> Proof:
        """The violation is gone: see that everything that failed of it passes again."""
        begun = self.clock.monotonic()
        asked = [one for one in self.stage.objectives if one.id in touched or _gives_traffic(one, touched, self.stage)]
        while True:
            verdicts = [v for v in await self.check(asked) if v.objective.id in touched]
            bad = [verdict for verdict in verdicts if verdict.status is not Status.PASS]
            took = round(self.clock.monotonic() - begun, 1)
            if not bad:
                return replace(proof, back_seconds=took)
            if took >= within:
                break
            await asyncio.sleep(_PAUSE)
        reason = f"removed, and after {took:g} s {bad[0].id} was still {bad[0].status}: {bad[0].reason}"
        if proof.status is not ProofStatus.PROVEN:
            return replace(proof, reason=f"{proof.reason}; {reason}")
        return replace(proof, status=ProofStatus.NOT_BACK, reason=reason)

    def _proof(self, objective: Objective, status: ProofStatus, reason: str, **known: Any) -> Proof:
        return Proof(f"{self.stage.policy.system}/{objective.id}", status, reason, str(objective.limit), **known)


def violation_of(objective: Objective, violations: Mapping[str, Violation]) -> Violation | None:
    """How an objective is violated: as its source wants it, else as its indicator does."""
    return violations.get(f"{objective.indicator}/{objective.via}") or violations.get(objective.indicator)


def shortened(objective: Objective) -> Objective:
    """The same objective, looked at for a shorter time: enough to see it turn red, cheap enough for every violation."""
    given = parameters_of(objective)
    shorter: dict[str, Any] = {}
    if given.get("requests", 0) > _REQUESTS:
        shorter["requests"] = _REQUESTS
    if lasting(given) > lasting({"over": _OVER}):
        shorter["over"] = _OVER
    return replace(objective, parameters={**objective.parameters, **shorter}) if shorter else objective


def _asks_the_same(one: Objective, other: Objective) -> bool:
    """Whether two objectives are two limits on one observation: a target and an alert, a stricter and a laxer one."""
    return (one.indicator, one.component) == (other.indicator, other.component) and one.parameters == other.parameters


def _gives_traffic(one: Objective, asked: frozenset[str], stage: Stage) -> bool:
    """Whether it sends the requests without which nothing could be counted of a component's answers."""
    counted = [o for o in stage.objectives if o.id in asked and o.indicator in _COUNTED]
    return one.component in {o.component for o in counted} and "requests" in parameters_of(one)


def _detects(verdict: Verdict, planted: Planted) -> bool:
    return verdict.status is Status.FAIL or (planted.inconclusive_counts and verdict.status is Status.INCONCLUSIVE)


def _failed(verdicts: Mapping[str, Verdict]) -> frozenset[str]:
    return frozenset(name for name, verdict in verdicts.items() if verdict.status is Status.FAIL)


def _by_id(verdicts: Sequence[Verdict]) -> dict[str, Verdict]:
    return {verdict.objective.id: verdict for verdict in verdicts}
