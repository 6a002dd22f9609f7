"""What every image carries: Python, and the few clients that runbooks call, from the host or small ones of ours."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from drillbook.errors import ConfigError


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module of Drillbook, whatever PYTHONPATH or user packages a container's env names."""
    return (sys.executable, "-I", "-m", name, *arguments)


@cache
def common() -> dict[str, tuple[str, ...]]:
    """Shims that every image has; sh and bash are the host's."""
    missing = [name for name in ("curl", "wget") if not shutil.which(name)]
    ours = {name: module("drillbook.sandbox.images.fetch", name) for name in missing}
    return ours | {"python": (sys.executable,), "python3": (sys.executable,)}


def package_folder(name: str) -> Path:
    """Where an installed package is, found without importing it. ConfigError when it isn't installed."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"the package {name} is not installed beside {sys.executable}, and the sandbox starts programs from it; "
            f"install Drillbook's requirements again (make setup)"
        )
    return Path(spec.submodule_search_locations[0])


def become(command: Sequence[str]) -> NoReturn:
    """Be replaced by another program; leaves with a sentence where there is no such program."""
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - no shell is meant
    except OSError as error:
        sys.exit(f"Error: {command[0]} can't be started: {error.strerror}")
