"""What a process tells of itself at ``/metrics``: Prometheus' text format, as far as counters and gauges go.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LINE: Final = re.compile(rf"({_NAME})[ \t]*(?:\{{(.*)\}})?[ \t]*(\S+)(?:[ \t]+-?\d+)?(?:[ \t]+#.*)?[ \t]*")
_LABEL: Final = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:\\.|[^"\\])*)"[ \t]*,?')
_ESCAPES: Final = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of one series."""

    name: str
    labels: Mapping[str, str]
    value: float

    @property
    def series(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What tells it from every other series of the same process."""
        return self.name, tuple(sorted(self.labels.items()))


def samples(page: str) -> Iterator[Sample]:
    """Every sample of a page. Raises ValueError with a sentence for a line that is neither a sample nor a comment."""
    for number, line in enumerate(page.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"expected a metric's name, labels and value in line {number}, found {line[:80]!r}")
        try:
            value = float(match[3])
        except ValueError:
            raise ValueError(f"expected a number in line {number}, found {match[3][:40]!r}") from None
        yield Sample(match[1], _labels(match[2] or "", number), value)


def _labels(text: str, number: int) -> dict[str, str]:
    found, position = {}, 0
    while position < len(text.rstrip()):
        match = _LABEL.match(text, position)
        if match is None:
            raise ValueError(f'expected labels such as name="value" in line {number}, found {text[:80]!r}')
        found[match[1]] = re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], match[2])
        position = match.end()
    return found
