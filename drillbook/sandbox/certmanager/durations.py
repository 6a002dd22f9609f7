"""Durations as Go writes them: ``2160h``, ``1h30m``, ``90m``, ``1.5h``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> timedelta:
    """The time that ``text`` says. ValueError in Go's words when it says none."""
    sign, bare = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if bare == "0":
        return timedelta(0)
    parts = _PART.findall(bare)
    if not parts or "".join(number + unit for number, unit in parts) != bare:
        raise ValueError(f'time: invalid duration "{text}"')
    return sign * timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
