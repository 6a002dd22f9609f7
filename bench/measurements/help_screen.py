"""The command line's own start: ``drillbook --help`` beside ``chaos --version``, in turns."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from bench.ground import Ground
from bench.measurement import Measurement
from bench.processes import finished, warm

RUNS = 10


def take(_: Ground) -> list[float]:
    once("drillbook", "--help")
    once("chaos", "--version")
    pairs = [(once("drillbook", "--help"), once("chaos", "--version")) for _ in range(RUNS)]
    theirs = median(seconds for _, seconds in pairs)
    return [ours / theirs for ours, _ in pairs]


def once(program: str, argument: str) -> float:
    done = finished([str(Path(sys.executable).with_name(program)), argument], 60, env=warm())
    if done.code:
        raise RuntimeError(f"{program} {argument}: {done.errors.strip()[-500:]}")
    return done.seconds


MEASUREMENT = Measurement("help", "`drillbook --help` over `chaos --version`", "x", 1.5, take)
