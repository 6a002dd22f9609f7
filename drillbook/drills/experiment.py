"""Experiments read strictly: what Chaos Toolkit would silently ignore is an error here, with its file and place.

Chaos Toolkit runs an experiment with a misspelt ``rolbacks``, an empty list of probes, an unknown ``${name}`` or a
tolerance that can never be met, and calls it completed. Such a file never reaches the engine.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import yaml

from drillbook.errors import ConfigError
from drillbook.faults import fault_named
from drillbook.faults.settings import read_settings

INJECT: Final = "inject"
UNDO: Final = "undo"
PROVIDERS: Final = frozenset({"drillbook.chaos.actions", "drillbook.chaos.probes"})
CONTROLS: Final = "drillbook.chaos.controls"
_TOP: Final = frozenset(
    {
        "version",
        "title",
        "description",
        "tags",
        "configuration",
        "controls",
        "steady-state-hypothesis",
        "method",
        "rollbacks",
        "contributions",
    }
)
_ACTIVITY: Final = frozenset({"type", "name", "provider", "tolerance", "pauses"})
_PROVIDER: Final = frozenset({"type", "module", "func", "arguments"})
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Activity:
    """One step of an experiment: which of our functions, with which arguments."""

    name: str
    type: str
    function: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A file that passed: exactly one injection, and its undo among the rollbacks."""

    path: Path
    title: str
    configuration: Mapping[str, Any]
    method: tuple[Activity, ...]

    @property
    def injection(self) -> Activity:
        """The activity that breaks something."""
        return next(a for a in self.method if a.function == INJECT)


def load_experiment(path: Path, values: Mapping[str, str] | None = None) -> Experiment:
    """Read and validate; ``values`` stand for environment variables that the configuration refers to.

    Raises ConfigError with every problem, a line each.
    """
    document = _document(path)
    environment = dict(os.environ) | dict(values or {})
    problems: list[str] = []
    configuration = _configuration(document.get("configuration") or {}, environment, problems)
    problems += _unknown(document, _TOP, "the experiment")
    problems += [f"{key}: expected a text" for key in ("title", "description") if not _text(document.get(key))]
    activities = {
        section: list(_activities(document, section, configuration, problems))
        for section in ("steady-state-hypothesis", "method", "rollbacks")
    }
    problems += _shape(document, activities)
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return Experiment(path, document["title"], configuration, tuple(activities["method"]))


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: expected an experiment, found a file of more than {_MOST_BYTES:,} bytes")
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: the experiment can't be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError.at(path, mark.line + 1 if mark else None, "expected YAML, found something else") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected a mapping with title, method and rollbacks, found {_kind(document)}")
    return document


def _configuration(given: Any, environment: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        problems.append(f"configuration: expected a mapping, found {_kind(given)}")
        return {}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if not isinstance(value, dict):
            values[key] = value
            continue
        problems += _unknown(value, frozenset({"type", "key", "default"}), f"configuration.{key}")
        if value.get("type") != "env" or not _text(value.get("key")):
            problems.append(f"configuration.{key}: expected a value, or {{type: env, key: NAME, default: VALUE}}")
        elif value["key"] not in environment and "default" not in value:
            problems.append(f"configuration.{key}: ${value['key']} is not set and there is no default")
        else:
            values[key] = environment.get(value["key"], value.get("default"))
    return values


def _activities(
    document: Mapping[str, Any], section: str, configuration: Mapping[str, Any], problems: list[str]
) -> Iterator[Activity]:
    found = document.get(section)
    if section == "steady-state-hypothesis":
        if not isinstance(found, dict):
            problems.append(f"{section}: expected a title and probes, found {_kind(found)}")
            return
        problems += _unknown(found, frozenset({"title", "probes"}), section)
        found = found.get("probes")
    if not isinstance(found, list) or not found:
        problems.append(f"{section}: expected at least one activity, found {_kind(found)}")
        return
    for number, one in enumerate(found):
        where = f"{section}[{number}]"
        if not isinstance(one, dict):
            problems.append(f"{where}: expected an activity, found {_kind(one)}")
            continue
        problems += _unknown(one, _ACTIVITY, where)
        if one.get("type") not in {"probe", "action"}:
            problems.append(f"{where}.type: expected probe or action, found {one.get('type')!r}")
        if not _text(one.get("name")):
            problems.append(f"{where}.name: expected a text")
        if section == "steady-state-hypothesis" and one.get("tolerance") is not True:
            problems.append(f"{where}.tolerance: expected true, found {one.get('tolerance')!r}")
        if section != "steady-state-hypothesis" and "tolerance" in one:
            problems.append(f"{where}.tolerance: Chaos Toolkit ignores it outside of the hypothesis; leave it out")
        yield from _activity(one, where, configuration, problems)


def _activity(
    one: Mapping[str, Any], where: str, configuration: Mapping[str, Any], problems: list[str]
) -> Iterator[Activity]:
    provider = one.get("provider")
    if not isinstance(provider, dict):
        problems.append(f"{where}.provider: expected a mapping, found {_kind(provider)}")
        return
    problems += _unknown(provider, _PROVIDER, f"{where}.provider")
    module, func = provider.get("module"), provider.get("func")
    if provider.get("type") != "python" or module not in PROVIDERS:
        problems.append(
            f"{where}.provider: expected type python and one of {', '.join(sorted(PROVIDERS))}, which are guarded; "
            f"found {provider.get('type')!r} and {module!r}"
        )
        return
    functions = import_module(module)
    if not isinstance(func, str) or func not in functions.__all__:
        problems.append(f"{where}.provider.func: {module} has no {func!r}; it has {', '.join(functions.__all__)}")
        return
    arguments = provider.get("arguments") or {}
    unknown = {name for text in _texts(arguments) for name in _VARIABLE.findall(text)} - set(configuration)
    problems += [f"{where}.provider.arguments: ${{{name}}} is not in configuration" for name in sorted(unknown)]
    values = _substituted(arguments, configuration)
    problems += _binding(getattr(functions, func), values, f"{where}.provider.arguments")
    yield Activity(str(one.get("name")), str(one.get("type")), func, values)


def _binding(function: Any, arguments: Mapping[str, Any], where: str) -> Iterator[str]:
    signature = inspect.signature(function)
    own: dict[str, Any] = {"configuration": {}} if "configuration" in signature.parameters else {}
    try:
        signature.bind(**arguments, **own)
    except TypeError as error:
        yield f"{where}: {error}"


def _shape(document: Mapping[str, Any], activities: Mapping[str, list[Activity]]) -> Iterator[str]:
    """What a drill needs beyond each activity being right."""
    injections = [a for a in activities["method"] if a.function == INJECT]
    if len(injections) != 1:
        yield f"method: expected exactly one activity with func {INJECT}, found {len(injections)}"
    for injection in injections:
        yield from _fault(injection)
    if not any(a.function == UNDO for a in activities["rollbacks"]):
        yield f"rollbacks: expected an activity with func {UNDO}: what is broken must be put back"
    controls = document.get("controls") or []
    if not isinstance(controls, list):
        yield f"controls: expected a list, found {_kind(controls)}"
        return
    if not controls:
        yield f"controls: expected {CONTROLS}: by default Chaos Toolkit plays no rollbacks after a failure"
    for number, control in enumerate(controls):
        provider = control.get("provider") if isinstance(control, dict) else None
        if not isinstance(provider, dict) or provider.get("module") != CONTROLS:
            yield f"controls[{number}]: expected a control of {CONTROLS}; others can change the run unseen"


def _fault(injection: Activity) -> Iterator[str]:
    """The fault that an injection names is one, and so are its settings."""
    try:
        fault = fault_named(str(injection.arguments.get("fault")))
        read_settings(fault.name, fault.settings, injection.arguments.get("settings"))
    except ConfigError as error:
        yield f"method: {error}"


def _unknown(found: Mapping[str, Any], known: frozenset[str], where: str) -> Iterator[str]:
    for key in found:
        if key not in known:
            yield f"{where}: unknown key {key!r}; Chaos Toolkit would ignore it; known are {', '.join(sorted(known))}"


def _substituted(value: Any, configuration: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        whole = _VARIABLE.fullmatch(value)
        if whole:
            return configuration.get(whole[1], value)
        return _VARIABLE.sub(lambda m: str(configuration.get(m[1], m[0])), value)
    if isinstance(value, dict):
        return {key: _substituted(inner, configuration) for key, inner in value.items()}
    return [_substituted(inner, configuration) for inner in value] if isinstance(value, list) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _kind(value: Any) -> str:
    return "nothing" if value is None else "an empty list" if value == [] else f"a {type(value).__name__}"
