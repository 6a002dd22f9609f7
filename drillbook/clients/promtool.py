"""Prometheus' own tools on alert rules: ``promtool`` tries an expression on scenarios, ``amtool`` says who is told.

Nothing here asks a live system. The rules that are tried are the ones handed in, in a folder that goes away again.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from drillbook.errors import Unreachable
from drillbook.model.scenarios import EVALUATED, LOOKED_AT, STEP, Scenario
from drillbook.places import program

_TIMEOUT: Final = 15.0
_RULES: Final = "rules.json"
_TRIED: Final[dict[tuple[AlertRule, str], frozenset[str] | str]] = {}
"""What came of each trial: the same rule on the same series does the same again, and ``--watch`` asks often."""
_FAILED: Final = re.compile(r"# scenario ([\w-]+)")
_MATCHER: Final = re.compile(r'([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"')
_OWN: Final = frozenset(
    {
        "status",
        "code",
        "le",
        "path",
        "instance",
        "pod",
        "resource",
        "mountpoint",
        "device",
        "fstype",
        "datname",
        "image",
    }
)
"""Labels that the scenarios themselves tell apart; any other one that an expression asks for, all series are given."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert as it is to be tried: its expression, and for how many seconds it must hold."""

    name: str
    expression: str
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        held = {"for": f"{round(self.seconds * 1000)}ms"} if self.seconds else {}
        return {"alert": self.name, "expr": self.expression} | held


def needed_program(name: str, *others: str) -> Path:
    """A tool of Prometheus. Raises Unreachable with how to get it."""
    found = program(name, *others)
    if found is None:
        raise Unreachable(f"this machine has no {name}: get it with scripts/prometheus, or put it on PATH")
    return found


async def wrong_on(rule: AlertRule, scenarios: Sequence[Scenario], labels: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with a rule: a sentence for each scenario on which it does what it shouldn't.

    ``labels`` are given to all series, beside those that the expression itself asks for. A rule that promtool can't
    read has one thing wrong, in promtool's words. Raises Unreachable where there is no promtool, or it says nothing.
    """
    given = dict(labels) | _asked_for(rule.expression)
    tests = json.dumps(_tests(rule, scenarios, given))
    if (rule, tests) not in _TRIED:
        _TRIED[rule, tests] = await _tried(rule, tests)
    outcome = _TRIED[rule, tests]
    if isinstance(outcome, str):
        return (f"promtool can't read it: {outcome}",)
    return tuple(one.wrong for one in scenarios if one.name in outcome)


async def _tried(rule: AlertRule, tests: str) -> frozenset[str] | str:
    """The scenarios on which the rule did what it shouldn't, or why it can't be read."""
    promtool = needed_program("promtool")
    with tempfile.TemporaryDirectory(prefix="drillbook-rules-") as folder:
        # JSON is YAML too, and quotes whatever an expression holds.
        groups = {"groups": [{"name": "tried", "rules": [rule.as_json()]}]}
        (Path(folder) / _RULES).write_text(json.dumps(groups), encoding="utf-8")
        (Path(folder) / "tests.json").write_text(tests, encoding="utf-8")
        code, out, err = await _run(promtool, "test", "rules", f"{folder}/tests.json")
    said = f"{out}\n{err}"
    failed = frozenset(_FAILED.findall(said))
    if code and not failed:
        if "could not parse" in said:
            return _reason(said)
        raise Unreachable(f"promtool test rules failed on rule {rule.name}: {_reason(said)}")
    return failed


def _tests(rule: AlertRule, scenarios: Sequence[Scenario], given: Mapping[str, str]) -> dict[str, Any]:
    looked_at = LOOKED_AT + round(rule.seconds)
    firing = f'count(ALERTS{{alertname="{rule.name}",alertstate="firing"}}) > bool 0 or vector(0)'
    return {
        "rule_files": [_RULES],
        "evaluation_interval": f"{EVALUATED}s",
        "tests": [
            {
                "interval": f"{STEP}s",
                "input_series": [
                    {"series": _selector(line.metric, line.labels, given), "values": line.values} for line in one.lines
                ],
                "promql_expr_test": [
                    {
                        # The comment is how the answer says which scenario it speaks of.
                        "expr": f"{firing} # scenario {one.name}",
                        "eval_time": f"{looked_at}s",
                        "exp_samples": [{"labels": "{}", "value": int(one.fires)}],
                    }
                ],
            }
            for one in scenarios
        ],
    }


def _selector(metric: str, labels: Mapping[str, str], given: Mapping[str, str]) -> str:
    # What the scenario tells apart stays as it is: a container's series and its pod's, this job and another.
    own = {name: value for name, value in labels.items() if name in {*_OWN, "job"} or not value or name not in given}
    all_labels = {name: value for name, value in given.items() if name not in own} | own
    inside = ",".join(f"{name}={json.dumps(value)}" for name, value in all_labels.items() if value)
    return f"{metric}{{{inside}}}"


def _asked_for(expression: str) -> dict[str, str]:
    """Labels that the expression wants to equal something: ``job="api"``."""
    found = {name: value for name, value in _MATCHER.findall(expression) if value and name not in _OWN}
    return {name: value for name, value in found.items() if not (name == "container" and value == "POD")}


@dataclass(frozen=True, slots=True)
class Receivers:
    """Who is told of an alert: the receivers, and through which channels each tells."""

    names: tuple[str, ...]
    channels: tuple[str, ...]
    """Such as ``pagerduty`` and ``slack #alerts-critical``, each once, in alphabetical order."""


async def receivers_of(configuration: str, labels: Mapping[str, str]) -> Receivers:
    """Who an Alertmanager's configuration tells of an alert with these labels, by ``amtool config routes test``.

    Raises Unreachable where there is no amtool, or it can't read the configuration.
    """
    amtool = needed_program("amtool")
    with tempfile.TemporaryDirectory(prefix="drillbook-routes-") as folder:
        file = Path(folder) / "alertmanager.yml"
        file.touch(0o600)
        file.write_text(configuration, encoding="utf-8")
        pairs = [f"{name}={value}" for name, value in labels.items()]
        code, out, err = await _run(amtool, "config", "routes", "test", f"--config.file={file}", *pairs)
    if code:
        raise Unreachable(f"amtool can't read the Alertmanager's configuration: {_reason(err or out)}")
    names = tuple(name for name in out.strip().split(",") if name)
    receivers = {one["name"]: one for one in (yaml.safe_load(configuration) or {}).get("receivers") or ()}
    return Receivers(names, tuple(sorted({c for name in names for c in _channels(receivers.get(name) or {})})))


def _channels(receiver: Mapping[str, Any]) -> list[str]:
    found = []
    for key, entries in receiver.items():
        if key.endswith("_configs"):
            kind = key.removesuffix("_configs")
            found += [f"{kind} {one['channel']}" if one.get("channel") else kind for one in entries or ()]
    return found


async def _run(tool: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, and what it said on its two streams."""
    process = await asyncio.create_subprocess_exec(
        str(tool), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise Unreachable(f"{tool.name} {' '.join(arguments[:2])} gave no answer within {_TIMEOUT:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")


def _reason(said: str) -> str:
    """The last line that says something, without promtool's own file names."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and "FAILED" not in line]
    return re.sub(r"\S*/(rules|tests)\.json:?\s*", "", lines[-1]) if lines else "it said nothing"
