"""Files that are either whole or not there, and the checks that come before any work is done."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from drillbook.errors import ConfigError

ROOM_NEEDED: Final = 16 * 1024 * 1024
"""Bytes that must be free before a run starts; a report with long timelines takes a few of them."""


def write_atomically(path: Path, content: str) -> None:
    """Write beside, then rename: a reader sees the old file or the new one. Raises OSError, leaving no half file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(content, encoding="utf-8")
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Standard JSON, a line for each key and for each item of a list, never an Infinity or a NaN."""
    write_atomically(path, "{\n" + ",\n".join(f" {_line(k)}: {_laid_out(v)}" for k, v in document.items()) + "\n}\n")


def _laid_out(value: Any) -> str:
    """A list's items stand one below the other, for people who read with ``less`` and ``grep``."""
    if not isinstance(value, list) or not value:
        return _line(value)
    return "[\n" + ",\n".join(f"  {_line(item)}" for item in value) + "\n ]"


def _line(value: Any) -> str:
    # Without ``indent`` the standard library encodes in C: ten times faster for a thousand verdicts.
    return json.dumps(value, allow_nan=False)


def new_folder(root: Path, name: str) -> Path:
    """Create ``root/name`` for one run.

    Raises ConfigError when it can't be written or when the disk has no room for a report.
    """
    folder = root / name
    try:
        folder.mkdir(parents=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise not_writable(folder, error) from error
    if free < ROOM_NEEDED:
        folder.rmdir()
        raise ConfigError(
            f"no room for a report: expected {ROOM_NEEDED // 2**20} MiB free at {root}, found {free // 2**20} MiB; "
            f"free some space or choose another folder with --reports or $DRILLBOOK_REPORTS"
        )
    return folder


def not_writable(path: Path, error: OSError) -> ConfigError:
    """The sentence for a report that can't be written."""
    return ConfigError(
        f"can't write the report at {path}: {error.strerror or error}; "
        f"expected a folder that can be written, choose one with --reports or $DRILLBOOK_REPORTS"
    )


def point_latest(folder: Path) -> None:
    """Make ``latest`` beside ``folder`` point to it, in one step. Raises OSError."""
    link = folder.parent / "latest"
    beside = folder.parent / f".latest.{os.getpid()}"
    beside.unlink(missing_ok=True)
    beside.symlink_to(folder.name)
    try:
        beside.replace(link)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
