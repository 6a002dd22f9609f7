"""One drill that breaks nothing, in a process of its own: ``python -m bench.noop_drill SANDBOX FOLDER``.

Prints as JSON the seconds that belong to the system and not to Drillbook: what checking its objectives took, both
windows in which nothing may go wrong, and fault and recovery between them.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from drillbook.checking import check_objectives, load_system
from drillbook.drills import signals, work
from drillbook.drills.drill import run_drill
from drillbook.drills.plan import SUSTAINED_SECONDS, Order, drill_plan
from drillbook.drills.watch import ANSWER_SECONDS
from drillbook.model.drill import DrillResult
from drillbook.model.timeline import EventKind

WINDOWS = SUSTAINED_SECONDS + ANSWER_SECONDS / 2 + SUSTAINED_SECONDS + signals.LONGEST_INTERVAL
"""The baseline and the wait for good answers after the recovery, as a drill has them."""


def main(sandbox: str, folder: str) -> None:
    gc.set_threshold(200_000)  # as the command line does
    policy, environment, waivers = load_system("solar", "sandbox", sandbox)
    plan = replace(drill_plan(policy, "pod-kill"), id="noop", experiment="noop")
    checking: list[float] = []

    def timed(*arguments: Any, **names: Any) -> Any:
        begun = time.monotonic()
        try:
            return check_objectives(*arguments, **names)
        finally:
            checking.append(time.monotonic() - begun)

    done: list[DrillResult] = []
    order = Order(policy, environment, waivers, plan, Path(folder), "bench", confirmed=True)
    with patch.object(work, "check_objectives", timed):
        run_drill(order, lambda _: None, done.append)
    timeline = done[0].timeline
    injecting, recovered = timeline.first(EventKind.INJECTING), timeline.first(EventKind.RECOVERED)
    if injecting is None or recovered is None:
        raise RuntimeError(f"expected a drill that recovers, found {done[0]}")
    print(json.dumps({"checking": checking, "windows": WINDOWS, "recovery": recovered.at - injecting.at}))


if __name__ == "__main__":
    main(*sys.argv[1:])
