"""``python -m bench.soak``: a healthy system is checked again and again, and whatever doesn't pass is a false alarm.

Each round is a ``drillbook check`` of its own, interpreter and all, as a nightly run is. Nobody touches the system
meanwhile, so a limit that breaks, or that can't be told, is a mistake of ours and not of the system.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import finished, resident
from drillbook.places import sandbox_dir

DRILLBOOK = str(Path(sys.executable).with_name("drillbook"))
ROUND_SECONDS = 300
"""How long one check may take before the round counts as a false alarm itself."""


@dataclass(frozen=True, slots=True)
class Round:
    """One check of the healthy system."""

    seconds: float
    memory: float
    """The most that the check's process held, in MB."""
    objectives: int
    alarms: tuple[Mapping[str, Any], ...]
    """Verdicts that are neither pass nor waived, as ``run.json`` has them."""
    problem: str = ""
    """Why there was no report to read."""
    load: float = 0.0
    """How many processes of this machine wanted a core meanwhile: beyond its cores, nobody's times mean much."""

    @property
    def clean(self) -> bool:
        return not self.alarms and not self.problem


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.partition(":")[2].strip())
    parser.add_argument("--runs", type=_count, default=200, help="how many checks in a row (default 200)")
    parser.add_argument("--system", default="solar", help="which system (default solar)")
    parser.add_argument("--sandbox", metavar="NAME", help="a sandbox that is up already, instead of one of its own")
    given = parser.parse_args(argv)
    name = given.sandbox or f"soak-{os.getpid()}"
    reports = Path(tempfile.mkdtemp(prefix="drillbook-soak-"))
    try:
        if given.sandbox and not (sandbox_dir(name) / "sandbox.json").exists():
            parser.error(f"no sandbox called {name!r} is up; leave --sandbox out, and the soak starts one of its own")
        if not given.sandbox:
            _sandbox("up", given.system, "--name", name, "--quiet", "--leash", str(os.getpid()))
        before = _daemon_memory(name)
        rounds = soak(given.runs, given.system, name, reports)
        after = _daemon_memory(name)
    finally:
        if not given.sandbox:
            _sandbox("down", "--name", name)
        shutil.rmtree(reports)
    print(summary(rounds, before, after))
    return 0 if all(found.clean for found in rounds) else 1


def soak(runs: int, system: str, sandbox: str, reports: Path) -> list[Round]:
    """All rounds, one after another, each told as it ends."""
    rounds = []
    for number in range(1, runs + 1):
        found = one_round(system, sandbox, reports / str(number))
        told = f"{found.objectives} limits in {found.seconds:.1f} s, {found.memory:.0f} MB, load {found.load:.1f}"
        print(f"{number}/{runs}  {'clean' if found.clean else 'FALSE ALARM'}  {told}", flush=True)
        print("".join(f"{line}\n" for line in evidence(found)), end="", flush=True)
        rounds.append(found)
    return rounds


def one_round(system: str, sandbox: str, reports: Path) -> Round:
    """One check, in a process of its own."""
    command = [DRILLBOOK, "check", system, "--sandbox", sandbox, "--format", "json"]
    done = finished(command, ROUND_SECONDS, env=os.environ | {"DRILLBOOK_REPORTS": str(reports)})
    shutil.rmtree(reports, ignore_errors=True)
    try:
        document = json.loads(done.output)
    except ValueError:
        problem = f"exit code {done.code} and no run.json: {done.errors.strip()[-2000:]}"
        return Round(done.seconds, done.memory, 0, (), problem, os.getloadavg()[0])
    return replace(judged(document, done.seconds, done.memory), load=os.getloadavg()[0])


def judged(document: Mapping[str, Any], seconds: float, memory: float) -> Round:
    """What a ``run.json`` of a healthy system comes to."""
    verdicts = document["verdicts"]
    alarms = tuple(one for one in verdicts if one["status"] not in {"pass", "waived"})
    cut_short = (
        "" if document["run"]["status"] not in {"interrupted", "error"} else "; ".join(document["run"]["problems"])
    )
    return Round(seconds, memory, len(verdicts), alarms, cut_short if verdicts else "nothing was checked")


def evidence(found: Round) -> list[str]:
    """What a person needs to find out why."""
    lines = [f"  {found.problem}"] if found.problem else []
    for alarm in found.alarms:
        lines.append(f"  {alarm['status']} {alarm['id']}: {alarm['reason']}")
        lines.append(f"    expected {alarm['limit']['text']}, observed {alarm['text']} at {alarm['where']}")
        lines.append(f"    evidence {json.dumps(alarm['evidence'], ensure_ascii=False)[:4000]}")
    return lines


def summary(rounds: Sequence[Round], before: float, after: float) -> str:
    """What became of all rounds, and what they took."""
    times, memory = [one.seconds for one in rounds], [one.memory for one in rounds]
    alarms = Counter(f"{alarm['id']} ({alarm['status']})" for one in rounds for alarm in one.alarms)
    broken = sum(bool(one.problem) for one in rounds)
    clean = sum(one.clean for one in rounds)
    lines = [
        f"{clean} of {len(rounds)} rounds clean, {sum(one.objectives for one in rounds)} verdicts",
        f"load    median {median(one.load for one in rounds):.1f} on {os.cpu_count()} cores",
        f"time    median {median(times):.1f} s, from {min(times):.1f} to {max(times):.1f} s, {sum(times):.0f} s in all",
        f"memory  of a check {median(memory):.0f} MB, most {max(memory):.0f} MB; "
        f"of the sandbox's control plane {before:.0f} MB before, {after:.0f} MB after",
        *(f"false alarm {count} times: {name}" for name, count in alarms.most_common()),
        *([f"no report {broken} times"] if broken else []),
    ]
    return "\n".join(lines)


def _sandbox(*arguments: str) -> None:
    subprocess.run([DRILLBOOK, "sandbox", *arguments], check=True, timeout=180, stdout=subprocess.DEVNULL)


def _daemon_memory(name: str) -> float:
    """What the sandbox's control plane holds, in MB."""
    return resident(int(json.loads((sandbox_dir(name) / "sandbox.json").read_text())["pid"]))


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected how many checks, at least 1, found {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
