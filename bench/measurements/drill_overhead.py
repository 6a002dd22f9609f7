"""What a drill takes beyond its fault, the recovery, the windows in which nothing may go wrong, and the objectives.

Next to it what plain ``chaos run`` takes for an experiment that does nothing and looks at nothing.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.ground import Ground
from bench.measurement import Measurement
from bench.processes import finished, warm

TIMES = 3
LONGEST_SECONDS = 120.0


def take(ground: Ground) -> list[float]:
    ground.api()
    return [_overhead(ground.name) for _ in range(TIMES)]


def _overhead(sandbox: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        done = finished([sys.executable, "-m", "bench.noop_drill", sandbox, folder], LONGEST_SECONDS, env=warm())
    if done.code:
        raise RuntimeError(f"the drill that breaks nothing failed: {done.errors.strip() or done.output.strip()}")
    said = json.loads(done.output.splitlines()[-1])
    not_ours: float = sum(said["checking"]) + said["windows"] + said["recovery"]
    return done.seconds - not_ours


NOTHING: Mapping[str, Any] = {
    "version": "1.0.0",
    "title": "Nothing",
    "description": "Does nothing.",
    "method": [
        {"type": "action", "name": "nothing", "provider": {"type": "python", "module": "os", "func": "getpid"}},
    ],
}


def take_plain(_: Ground) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        experiment = Path(folder) / "nothing.json"
        experiment.write_text(json.dumps(NOTHING))
        command = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "run"]
        command += ["--journal-path", str(Path(folder) / "journal.json"), str(experiment)]
        done = [finished(command, LONGEST_SECONDS, env=warm()) for _ in range(TIMES)]
    if any(one.code for one in done):
        raise RuntimeError(f"plain chaos run failed: {done[0].errors.strip()}")
    return [one.seconds for one in done]


DRILL = Measurement("drill-overhead", "a drill's own time, from the start of its process to the end", "s", 1.5, take)
PLAIN = Measurement("chaos-noop", "plain chaos run of a no-op, for comparison", "s", math.inf, take_plain)
