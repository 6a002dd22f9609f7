"""Post-conditions of the runbook's own words: its commands tell the truth and no secret, and can be followed."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.drills.recovery import describe, run_step
from drillbook.drills.steps.commands import run_in, spot_of, told
from drillbook.errors import DrillAborted, DrillbookError
from drillbook.judge import afterwards_security as judged
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.procedures import Entry, changes_data

LEAST_CHARACTERS: Final = 8
"""Shorter values of Secrets are in any text by chance: a port, a user's name."""
_ONCE: Final = timedelta(milliseconds=1)
"""What waits for something to be well looks once: longer, and a platform that heals by itself has healed."""
_COMMAND: Final = timedelta(seconds=5)
_LOOKS: Final = {
    **dict.fromkeys(("check", "http", "wait_ready", "rollout_status"), _ONCE),
    **dict.fromkeys(("exec", "sql", "redis", "run_pod"), _COMMAND),
}
"""Types of steps that look, and how long each may take to find what is broken."""
_PLACEHOLDER: Final = re.compile(r"<[A-Za-z][\w .-]*>|\b(YOUR|CHANGE_?ME|REPLACE)[_A-Z]*\b|\bXXX+\b")
_INTERACTIVE: Final = frozenset({"-it", "-ti", "--interactive", "--tty", "-i"})
_PUBLIC: Final = frozenset({"tls.crt", "ca.crt"})


async def _nothing_printed(occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    if occasion.by_hand:
        return unseen("people followed the procedure, and what their commands printed nobody else saw")
    values = await _secret_values(occasion)
    leaks = {}
    for step, texts in occasion.printed:
        if names := sorted({name for value, name in values.items() if any(value in text for text in texts)}):
            leaks[step] = names
    return judged.nothing_printed(leaks, len(values), sum(len(text) for _, texts in occasion.printed for text in texts))


async def _secret_values(occasion: Occasion) -> Mapping[str, str]:
    """Where it is, by the value of every key of the Secrets that the system's pods use.

    Not what anybody may read anyway, and not what is too short to be told from other text.
    """
    from drillbook.clients.kube import path_of

    kube, found = occasion.ground.kube, dict[str, str]()
    for namespace in occasion.ground.policy.namespaces:
        pods = await kube.list(path_of("pods", namespace))
        for name in sorted({name for pod in pods for name in _secrets_of(pod["spec"])}):
            secret = await kube.find(path_of("secrets", namespace, name)) or {}
            for key, coded in (secret.get("data") or {}).items():
                value = base64.b64decode(coded).decode(errors="replace").strip()
                if key not in _PUBLIC and len(value) >= LEAST_CHARACTERS:
                    found[value] = f"Secret {name} key {key}"
    return found


def _secrets_of(spec: Mapping[str, Any]) -> Iterator[str]:
    """The names of the Secrets that a pod mounts or has in its environment."""
    for volume in spec.get("volumes") or ():
        if "secret" in volume:
            yield str(volume["secret"]["secretName"])
    for container in (*spec.get("containers", ()), *(spec.get("initContainers") or ())):
        references = [(one.get("valueFrom") or {}).get("secretKeyRef") for one in container.get("env") or ()]
        references += [one.get("secretRef") for one in container.get("envFrom") or ()]
        yield from (str(one["name"]) for one in references if one)


async def _verify(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    """The documented verification, while what it should find is there; until it fails once, as it should."""
    if "refused" in kept:
        return
    step = occasion.procedure.steps[entry.values["step"] - 1]
    kept["step"] = describe(step)
    if step.type not in _LOOKS or changes_data(step):
        raise DrillAborted(f"step {entry.values['step']} ({describe(step)}) changes something, and can't be tried out")
    try:
        await run_step(occasion.ground, replace(step, within=_LOOKS[step.type]))
    except DrillbookError as error:
        kept["refused"] = told(str(error).partition("): ")[2] or str(error))
    last = {sample.signal: sample for sample in occasion.timeline().samples}
    kept["bad"] = sorted(signal for signal, sample in last.items() if not sample.good)
    kept["still"] = "refused" not in kept and await occasion.still()


async def _honest(occasion: Occasion, _entry: Entry, kept: Kept) -> Outcome:
    if not occasion.breaks:
        return unseen("nothing is broken in this drill, so the verification had nothing to find")
    return judged.honest(kept["step"], occasion.landed, kept.get("refused", ""), kept["bad"], still=kept["still"])


async def _followable(occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    problems = []
    for step in occasion.procedure.steps:
        problems += [f"{describe(step)}: {problem}" for problem in _lint(step)]
        if step.type == "exec" and not await _has(occasion, step):
            problems.append(f"{describe(step)}: there is no command {step.values['command'][0]} in the container")
    return judged.followable(problems)


async def _has(occasion: Occasion, step: Entry) -> bool:
    spot = await spot_of(occasion.ground, occasion.component(step), step.values["container"])
    asked = ["sh", "-c", 'command -v "$1"', "sh", step.values["command"][0]]
    return (await run_in(occasion.ground, spot, asked, 20.0)).exit_code == 0


def _lint(step: Entry) -> Iterator[str]:
    """What nobody can follow as it is written."""
    for word in _words(step.values):
        if found := _PLACEHOLDER.search(word):
            yield f"the placeholder {found[0]} says nothing"
        if word in _INTERACTIVE and step.type in {"exec", "run_pod"}:
            yield f"{word} asks for a terminal, which a machine doesn't have"


def _words(values: Mapping[str, Any]) -> Iterator[str]:
    for value in values.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _words(value)
        elif isinstance(value, tuple):
            yield from (one for one in value if isinstance(one, str))


async def _equivalent(_occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    return unseen("how a recovered instance is protected is a cloud's to say, and nothing in this version asks one")


WAYS: Final[Mapping[str, AfterWay]] = {
    "transcript_secret_scan": AfterWay(_nothing_printed),
    "exit_code_honest": AfterWay(
        _honest, meet=_verify, begin=_verify, more=lambda entry: f"of step {entry.values['step']}"
    ),
    "procedure_lint": AfterWay(_followable),
    "recovered_instance_equivalent": AfterWay(_equivalent),
}
