"""Chaos Mesh's words for network faults, read into what the balancer does. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drillbook.sandbox.network.injection import Limit
from drillbook.sandbox.network.treatment import Delay, Reset, Treatment

ACTIONS: Final = ("netem", "delay", "loss", "duplicate", "corrupt", "partition", "bandwidth")
MODES: Final = ("one", "all", "fixed", "fixed-percent", "random-max-percent")
DIRECTIONS: Final = ("to", "from", "both", "")
AS_RESETS: Final = "drillbook.dev/loss"
"""Annotation: with the value ``resets``, a loss resets that part of the connections. Chaos Mesh doesn't know it."""

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_RATE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)bps\s*", re.IGNORECASE)
_SMALLEST_BURST: Final = 1600


class Unsupported(Exception):
    """A userspace TCP balancer can't do this honestly; the message says what."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault does to one direction."""

    treatment: Treatment
    limit: Limit | None = None
    approximations: tuple[str, ...] = ()
    """How it differs from what the same YAML does on a cluster, in sentences."""


def effect_of(spec: Mapping[str, Any], cause: str, annotations: Mapping[str, str]) -> Effect:
    """What a NetworkChaos asks for. Raises Unsupported, ValueError for a value that can't be read."""
    if spec.get("externalTargets"):
        raise Unsupported("externalTargets: nothing in a sandbox leaves the machine, so nobody outside can be cut off")
    match spec["action"]:
        case "partition":
            return Effect(Treatment(blocked=True))
        case "delay":
            return _delay(spec.get("delay") or {})
        case "loss":
            return _loss(spec.get("loss") or {}, cause, annotations)
        case "bandwidth":
            return _bandwidth(spec.get("bandwidth") or {})
        case "netem":
            return _netem(spec, cause, annotations)
        case action:
            raise Unsupported(
                f"action {action}: TCP hides it from programs; the sandbox has connections, no packets to {action}"
            )


def seconds_of(text: str) -> float:
    """A Go duration: ``1h30m``, ``250ms``. ValueError when it is none."""
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'time: invalid duration "{text}"')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def bytes_per_second(text: str) -> float:
    """A rate as Chaos Mesh reads it: ``1mbps`` is 1024 * 1024 bytes per second. ValueError when it is none."""
    found = _RATE.fullmatch(text)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f'invalid rate "{text}": expected a number above 0 and bps, kbps, mbps, gbps or tbps')
    return float(found[1]) * 1024.0 ** " kmgt".index(found[2].lower() or " ")


def percentage(text: str) -> float:
    """``"25"`` as 0.25. ValueError when it is no number from 0 to 100."""
    value = float(text or "0")
    if not 0 <= value <= 100:
        raise ValueError(f'"{text}" is no percentage: expected a number from 0 to 100')
    return value / 100


def _delay(given: Mapping[str, Any]) -> Effect:
    if given.get("reorder"):
        raise Unsupported("delay.reorder: TCP puts packets back in order before a program sees them")
    delay = Delay(
        seconds_of(given["latency"]),
        seconds_of(given.get("jitter") or "0"),
        percentage(given.get("correlation") or "0"),
    )
    return Effect(Treatment(delays=(delay,)))


def _loss(given: Mapping[str, Any], cause: str, annotations: Mapping[str, str]) -> Effect:
    ratio = percentage(given["loss"])
    if annotations.get(AS_RESETS) == "resets":
        return Effect(
            Treatment(resets=(Reset(cause, ratio),)),
            approximations=(
                f"{ratio:.0%} of the connections are reset, as {AS_RESETS} asks; Chaos Mesh loses packets",
            ),
        )
    correlated = float(given.get("correlation") or 0) > 0
    return Effect(
        Treatment(loss=ratio),
        approximations=("loss.correlation: each packet is lost or not regardless of the one before",) * correlated,
    )


def _bandwidth(given: Mapping[str, Any]) -> Effect:
    unused = [name for name in ("peakrate", "minburst") if given.get(name)]
    return Effect(
        Treatment(),
        Limit(bytes_per_second(given["rate"]), max(_SMALLEST_BURST, int(given.get("buffer") or 0))),
        tuple(f"bandwidth.{name}: bytes pass evenly, a twentieth of a second's at a time" for name in unused),
    )


def _netem(spec: Mapping[str, Any], cause: str, annotations: Mapping[str, str]) -> Effect:
    """Several at once."""
    for name in ("duplicate", "corrupt", "rate"):
        if spec.get(name):
            raise Unsupported(f"{name} in a netem action: the sandbox combines delay and loss only")
    treatment = Treatment()
    told: tuple[str, ...] = ()
    if spec.get("delay"):
        treatment += _delay(spec["delay"]).treatment
    if spec.get("loss"):
        loss = _loss(spec["loss"], cause, annotations)
        treatment += loss.treatment
        told += loss.approximations
    return Effect(treatment, approximations=told)
