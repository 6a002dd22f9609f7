"""A strict reader of Prometheus' text format: what it takes, Prometheus takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
SAMPLE: Final = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
SUFFIXES: Final = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}

type Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass
class Family:
    """One metric family: its kind and its samples."""

    kind: str
    samples: dict[Key, float] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float | None:
        """One sample, by its exact labels; None when there is none."""
        return self.samples.get((name, frozenset(labels.items())))


def parse(text: str) -> dict[str, Family]:
    """The families by name; fails on everything that the format doesn't allow."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    current, helped = "", ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert helped not in families
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current == helped
            assert kind in SUFFIXES
            families[current] = Family(kind)
        else:
            _take(line, current, families[current])
    for name, family in families.items():
        if family.kind == "histogram":
            _check_histogram(name, family)
    return families


def _take(line: str, current: str, family: Family) -> None:
    match = SAMPLE.fullmatch(line)
    assert match, line
    name, inside, value = match.groups()
    assert name in {current + suffix for suffix in SUFFIXES[family.kind]}, line
    pairs = LABEL.findall(inside or "")
    assert ",".join(f'{label}="{text}"' for label, text in pairs) == (inside or ""), line
    assert len({label for label, _ in pairs}) == len(pairs), line
    unescape = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
    labels = frozenset((label, re.sub(r"\\.", lambda found: unescape[found[0]], text)) for label, text in pairs)
    assert (name, labels) not in family.samples, line
    family.samples[name, labels] = float(value)


def _check_histogram(name: str, family: Family) -> None:
    series: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
    for (sample, labels), value in family.samples.items():
        if sample == f"{name}_bucket":
            edge = dict(labels)["le"]
            series.setdefault(frozenset(labels - {("le", edge)}), []).append((float(edge), value))
    for labels, buckets in series.items():
        buckets.sort()
        assert buckets[-1][0] == float("inf")
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert family.samples[f"{name}_count", labels] == buckets[-1][1]
        assert family.samples[f"{name}_sum", labels] >= 0
