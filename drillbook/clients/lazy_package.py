"""A package whose own ``__init__`` runs when something of it is asked for, and not because a part of it is imported.

``import kubernetes.aio.client`` runs ``kubernetes/__init__.py`` first, which imports the synchronous client with its
authentication libraries: a third of a second of every command, for what nobody here uses.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any


class Unopened(ModuleType):
    """Stands in ``sys.modules`` with its path and no content until somebody asks for content."""

    def __getattr__(self, name: str) -> Any:
        part = sys.modules.get(f"{self.__name__}.{name}")
        if part is not None:  # being imported: it becomes an attribute when it is whole
            return part
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__class__ = ModuleType  # type: ignore[assignment]
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def open_late(package: str) -> None:
    """Register ``package`` unopened; nothing is done where it is imported already, or isn't there."""
    spec = None if package in sys.modules else PathFinder.find_spec(package)
    if spec is None:
        return
    module = module_from_spec(spec)
    module.__class__ = Unopened
    sys.modules[package] = module
