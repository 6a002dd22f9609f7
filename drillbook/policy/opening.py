"""The top of every file: its apiVersion and its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from drillbook.policy.document import compose
from drillbook.policy.problems import Problems
from drillbook.policy.section import Section, section

API_VERSION: Final = "drillbook/v1"


def open_top(path: Path, what: str, kind: str, keys: tuple[str, ...], problems: Problems) -> Section:
    """The top of a file, its apiVersion and kind checked. Raises ConfigError where it isn't a mapping."""
    top = section(compose(path, what), "", problems, keys)
    if top is None:
        problems.settle()
        raise AssertionError("a top that is no mapping is a problem")
    top.choice("apiVersion", (API_VERSION,), "apiVersion")
    top.choice("kind", (kind,), "kind")
    return top
