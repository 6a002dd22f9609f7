"""What is listed in two places is the same in both."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib import import_module
from pkgutil import iter_modules

import pytest

import drillbook.model
from drillbook.cli import COMMANDS
from drillbook.model.indicators import INDICATORS
from drillbook.model.indicators.aws import AWS
from drillbook.probes import PROBES

MODEL = [f"drillbook.model.{module.name}" for module in iter_modules(drillbook.model.__path__)]


def sources() -> set[str]:
    """``name`` for the usual source of each indicator, ``name/via`` for each other; AWS has no probe yet."""
    observed = [indicator for indicator in INDICATORS.values() if not indicator.name.startswith(AWS)]
    others = {f"{indicator.name}/{via}" for indicator in observed for via in indicator.vias[1:]}
    return {indicator.name for indicator in observed} | others


def test_every_indicator_has_its_probe_through_every_source_and_every_probe_its_indicator() -> None:
    assert set(PROBES) == sources()


@pytest.mark.parametrize("module", MODEL)
def test_every_record_of_the_model_is_frozen(module: str) -> None:
    """Data moves along the arrow; nobody may change it behind anybody's back."""
    records = [
        thing for thing in vars(import_module(module)).values() if isinstance(thing, type) and is_dataclass(thing)
    ]
    for record in records:
        assert record.__dataclass_params__.frozen, record  # type: ignore[attr-defined]
        assert hasattr(record, "__slots__"), record
        assert fields(record)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_help_names_can_be_loaded(command: str) -> None:
    module, _, attribute = COMMANDS[command][0].partition(":")
    assert getattr(import_module(module), attribute).name == command
