"""NetworkChaos: what Chaos Mesh's schema and webhook refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drillbook.sandbox.api.names import Cause, forbidden_field, invalid, required, unsupported
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.network.chaos_spec import ACTIONS, DIRECTIONS, MODES, bytes_per_second, percentage, seconds_of

_NEEDED = {"delay": "delay", "loss": "loss", "duplicate": "duplicate", "corrupt": "corrupt", "bandwidth": "bandwidth"}


def network_chaos(obj: Object) -> list[Cause]:
    """Everything that is wrong with an experiment."""
    spec = obj["spec"]
    causes: list[Cause] = []
    action = spec.get("action", "")
    if action not in ACTIONS:
        causes.append(unsupported(action, ACTIONS, "spec.action"))
    if spec.get("direction", "") not in DIRECTIONS:
        causes.append(unsupported(spec["direction"], DIRECTIONS, "spec.direction"))
    if action in _NEEDED and not spec.get(_NEEDED[action]):
        causes.append(required(f"spec.{_NEEDED[action]}", f"action {action} says nothing without it"))
    causes += _mode(spec, "spec")
    if spec.get("target") is not None:
        causes += _mode(spec["target"], "spec.target")
    causes += _read(spec, "duration", seconds_of, "spec")
    causes += _read(spec.get("delay") or {}, "latency", seconds_of, "spec.delay")
    causes += _read(spec.get("delay") or {}, "jitter", seconds_of, "spec.delay")
    causes += _read(spec.get("bandwidth") or {}, "rate", bytes_per_second, "spec.bandwidth")
    for name in ("delay", "loss", "duplicate", "corrupt"):
        for field in (name, "correlation"):
            causes += _read(spec.get(name) or {}, field, percentage, f"spec.{name}")
    return causes


def network_chaos_change(old: Object, new: Object) -> list[Cause]:
    """A running experiment can't become another one."""
    if old["spec"] != new.get("spec"):
        return [forbidden_field("spec", "cannot update chaos spec; delete the experiment and create another one")]
    return []


def _mode(given: Mapping[str, Any], at: str) -> list[Cause]:
    mode, value = given.get("mode", ""), given.get("value", "")
    if mode not in MODES:
        return [unsupported(mode, MODES, f"{at}.mode")]
    if mode in {"one", "all"}:
        return []
    if not value:
        return [required(f"{at}.value", f"mode {mode} needs one")]
    try:
        number = int(value)
    except ValueError:
        return [invalid(value, "must be a whole number", f"{at}.value")]
    if number < 0 or (mode != "fixed" and number > 100):
        most = "" if mode == "fixed" else " and not above 100"
        return [invalid(value, f"must not be below 0{most}", f"{at}.value")]
    return []


def _read(given: Mapping[str, Any], field: str, read: Callable[[str], float], at: str) -> list[Cause]:
    text = given.get(field)
    if text is None:
        return []
    try:
        read(text)
    except ValueError as error:
        return [invalid(text, str(error), f"{at}.{field}")]
    return []
