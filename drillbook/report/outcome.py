"""The one place where a run's status and exit code are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from drillbook.errors import ExitCode
from drillbook.model.drill import DrillResult
from drillbook.model.proof import Proof, ProofStatus
from drillbook.model.run import LoadResult
from drillbook.model.verdict import Status, Verdict, exit_code, worst


class Outcome(NamedTuple):
    """What a run comes to."""

    status: Status
    exit_code: ExitCode


def outcome(
    verdicts: Sequence[Verdict],
    drills: Sequence[DrillResult] = (),
    load: LoadResult | None = None,
    proofs: Sequence[Proof] = (),
) -> Outcome:
    """The worst of all verdicts, drills and proofs, waivers already applied; a check without its proof is a failure.

    A drill that was refused, aborted or not undone outweighs everything (4): a person must look at the system before
    anything else. Nothing judged at all is inconclusive (5). Traffic that was sent but not judged decides nothing.
    """
    statuses = [v.status for v in verdicts] + [d.status for d in drills]
    statuses += [v.status for v in load.verdicts] if load else []
    statuses += [Status.PASS if p.status is ProofStatus.PROVEN else Status.FAIL for p in proofs]
    status = worst(statuses)
    if any(d.aborted or not d.undone for d in drills):
        return Outcome(status, ExitCode.DRILL_ABORTED)
    if not statuses:
        return Outcome(status, ExitCode.NOTHING_SELECTED)
    return Outcome(status, exit_code(status))
