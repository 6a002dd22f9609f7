"""A drill drawn: one strip of availability per signal, latency below, and what happened when, as inline SVG.

Times are drawn relative to the moment that the fault was injected, because that is what recovery is counted from.
Colours come from the page's style sheet; without it the drawing is still complete.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from drillbook.report.spans import Span, span

Json = Mapping[str, Any]

CHARACTER: Final = 6.7
"""Widest average width, in pixels, of a character at the size of the labels: what keeps them from overlapping."""
LANE: Final = 17
STRIP: Final = 14
CHART: Final = 150
LEFT: Final = 46
RIGHT: Final = 10
_MARKED: Final = {"detected": "detected", "recovered": "recovered"}


@dataclass(frozen=True, slots=True)
class Frame:
    """Where on the drawing a moment is: seconds from ``begin`` to ``end`` over the width between the margins."""

    begin: float
    end: float
    zero: float
    width: int

    def x(self, moment: float) -> float:
        share = (moment - self.begin) / (self.end - self.begin)
        return LEFT + min(1.0, max(0.0, share)) * (self.width - LEFT - RIGHT)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment with its label."""

    kind: str
    at: float
    text: str


def draw(timeline: Json, width: int) -> Markup:
    """The drawing, ``width`` units wide; an empty string where nothing was sampled."""
    samples = timeline["samples"]
    if not samples:
        return Markup("")
    frame = _frame(timeline, width)
    marks = _marks(timeline, frame)
    signals = sorted({s["signal"] for s in samples})
    lanes = _lanes(marks, frame)
    top = LANE * (max(lanes, default=-1) + 1) + 6
    strips = top + 2
    steps = [e for e in timeline["events"] if e["kind"] == "step"]
    chart = strips + (len(signals) + bool(steps)) * (STRIP + LANE + 3) + LANE + 6
    bottom = chart + CHART
    shapes = [
        *_recovery_band(marks, frame, top, bottom),
        *_strips(timeline, signals, frame, strips),
        *_steps(steps, frame, strips + len(signals) * (STRIP + LANE + 3)),
        *_latency(timeline, signals, frame, chart),
        *_axis(frame, bottom),
        *_mark_lines(marks, lanes, frame, bottom),
        *_mark_labels(marks, lanes, frame),
        *_labels(timeline, signals, strips, chart),
    ]
    head = f'<svg class="timeline" viewBox="0 0 {width} {bottom + 26}" role="img" font-size="12">'
    title = f"<title>{escape(describe(timeline))}</title>"
    return Markup("\n".join([head, title, *shapes, "</svg>"]))  # noqa: S704 - every text in it was escaped


def describe(timeline: Json) -> str:
    """The drawing in words, for those who can't see it."""
    marks = ", ".join(f"{m.text} at {m.at:.2f} s" for m in _all_marks(timeline)) or "no fault seen to land"
    outages = ", ".join(f"{o['signal']} out from {o['begin']:.2f} s to {o['end']:.2f} s" for o in timeline["outages"])
    return f"Availability and latency during the drill {timeline['drill']}: {marks}; {outages or 'no outage'}."


def zoom(timeline: Json) -> tuple[float, float]:
    """The stretch worth drawing: the fault and what came of it, with as much before and after as gives it scale."""
    samples, fault = timeline["samples"], timeline["fault_at"]
    begin = min(0.0, *(s["due"] for s in samples))
    end = max(s["due"] + s["took"] for s in samples)
    if fault is None:
        return begin, max(end, begin + 0.001)
    moments = [m.at for m in _all_marks(timeline)] + [o["end"] for o in timeline["outages"]]
    last = max([fault, *(m for m in moments if m <= end)])
    around = max(1.5, (last - fault) * 0.9)
    return max(begin, fault - around), max(fault + 0.001, min(end, last + around * 1.25))


def _frame(timeline: Json, width: int) -> Frame:
    begin, end = zoom(timeline)
    fault = timeline["fault_at"]
    return Frame(begin, end, begin if fault is None else fault, width)


def _all_marks(timeline: Json) -> list[Mark]:
    """Fault, detection, recovery: the first of each, in the order of time."""
    found: dict[str, Mark] = {}
    fault = timeline["fault_at"]
    if fault is not None:
        found["fault"] = Mark("fault", fault, "fault")
    for event in timeline["events"]:
        name = _MARKED.get(event["kind"])
        if name and name not in found:
            after = "" if fault is None else f" {span(event['at'] - fault, Span.SIGNED)}"
            found[name] = Mark(name, event["at"], name + after)
    return sorted(found.values(), key=lambda m: m.at)


def _marks(timeline: Json, frame: Frame) -> list[Mark]:
    return [m for m in _all_marks(timeline) if frame.begin <= m.at <= frame.end]


def _lanes(marks: Sequence[Mark], frame: Frame) -> list[int]:
    """A row for each label, so that no two overlap: the lowest one that is free where the label has to be."""
    taken: list[list[tuple[float, float]]] = []
    rows = []
    for mark in marks:
        begin, end = _label_span(mark, frame)
        row = next((i for i, row in enumerate(taken) if all(end + 8 < b or begin > e + 8 for b, e in row)), len(taken))
        if row == len(taken):
            taken.append([])
        taken[row].append((begin, end))
        rows.append(row)
    return rows


def _label_span(mark: Mark, frame: Frame) -> tuple[float, float]:
    x, wide = frame.x(mark.at), len(mark.text) * CHARACTER
    return (x, x + wide) if x + wide + 4 < frame.width else (x - wide, x)


def _mark_lines(marks: Sequence[Mark], lanes: Sequence[int], frame: Frame, bottom: float) -> Iterator[str]:
    for mark, lane in zip(marks, lanes, strict=True):
        x = frame.x(mark.at)
        yield f'<line class="mark {mark.kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{lane * LANE + 3}" y2="{bottom}"/>'


def _mark_labels(marks: Sequence[Mark], lanes: Sequence[int], frame: Frame) -> Iterator[str]:
    """After all lines, because those of other moments go through a label in a lower lane."""
    for mark, lane in zip(marks, lanes, strict=True):
        x, (begin, _) = frame.x(mark.at), _label_span(mark, frame)
        anchor, dx = ("start", 4) if begin == x else ("end", -4)
        place = f'x="{x + dx:.1f}" y="{lane * LANE + 12}" text-anchor="{anchor}"'
        yield f'<text class="mark {mark.kind}" {place}>{escape(mark.text)}</text>'


def _recovery_band(marks: Sequence[Mark], frame: Frame, top: float, bottom: float) -> Iterator[str]:
    named = {m.kind: frame.x(m.at) for m in marks}
    if "fault" in named and "recovered" in named:
        wide = max(0.0, named["recovered"] - named["fault"])
        yield f'<rect class="band" x="{named["fault"]:.1f}" y="{top}" width="{wide:.1f}" height="{bottom - top}"/>'


def _strips(timeline: Json, signals: Sequence[str], frame: Frame, top: float) -> Iterator[str]:
    for row, signal in enumerate(signals):
        y = top + row * (STRIP + LANE + 3) + LANE
        wide = frame.width - LEFT - RIGHT
        yield f'<rect class="unseen" x="{LEFT}" y="{y}" width="{wide}" height="{STRIP}"/>'
        cadence = float(timeline["interval_seconds"].get(signal) or 0.05)
        for good, begin, end in _runs([s for s in timeline["samples"] if s["signal"] == signal], cadence):
            if end > frame.begin and begin < frame.end:
                x = frame.x(begin)
                length = max(frame.x(end) - x, 1.5)
                kind = "good" if good else "bad"
                yield f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{length:.1f}" height="{STRIP}"/>'


def _steps(steps: Sequence[Json], frame: Frame, top: float) -> Iterator[str]:
    """The steps of the documented procedure, each as long as it took."""
    if steps:
        said = f"{len(steps)} step{'s' if len(steps) > 1 else ''}"
        yield f'<text class="label" x="{LEFT}" y="{top + 12}">procedure <tspan>{said}</tspan></text>'
    for step in steps:
        took = float(step["details"].get("took_seconds") or 0.0)
        begin = float(step["details"].get("begun", step["at"] - took))
        x = frame.x(begin)
        wide = max(frame.x(begin + took) - x - 1, 2)
        yield f'<rect class="step" x="{x:.1f}" y="{top + LANE}" width="{wide:.1f}" height="{STRIP}" rx="2">'
        yield f"<title>{escape(step['text'])}: {span(took)}</title></rect>"


def _labels(timeline: Json, signals: Sequence[str], strips: float, chart: float) -> Iterator[str]:
    """What each part shows: drawn last, because the lines of the moments go through it."""
    for row, signal in enumerate(signals):
        y = strips + row * (STRIP + LANE + 3) + 12
        out = sum(o["end"] - o["begin"] for o in timeline["outages"] if o["signal"] == signal)
        said = f"out for {span(out)}" if out else "never out"
        yield f'<circle class="key signal-{row % 3}" cx="{LEFT - 8}" cy="{y - 4}" r="3.5"/>'
        yield f'<text class="label" x="{LEFT}" y="{y}">{escape(signal)} <tspan>{said}</tspan></text>'
    what = "time to answer <tspan>log scale, × no good answer</tspan>"
    yield f'<text class="label" x="{LEFT}" y="{chart - 8}">{what}</text>'


def _runs(samples: Sequence[Json], cadence: float) -> Iterator[tuple[bool, float, float]]:
    """Stretches of equal answers. A sample stands for the time until the next is due, never for a gap."""
    current: tuple[bool, float, float] | None = None
    ordered = sorted(samples, key=lambda s: float(s["due"]))
    for index, sample in enumerate(ordered):
        due = float(sample["due"])
        following = float(ordered[index + 1]["due"]) if index + 1 < len(ordered) else due + cadence
        end = min(following, due + 3 * cadence)
        if current and current[0] == sample["good"] and due - current[2] < 1e-6:
            current = (current[0], current[1], end)
            continue
        if current:
            yield current
        current = (bool(sample["good"]), due, end)
    if current:
        yield current


def _latency(timeline: Json, signals: Sequence[str], frame: Frame, top: float) -> Iterator[str]:
    seen = [s for s in timeline["samples"] if frame.begin <= s["due"] <= frame.end]
    took = [max(s["took"], 1e-5) for s in seen] or [0.001]
    low, high = math.floor(math.log10(min(took))), math.ceil(math.log10(max(took)) - 0.05)
    high = max(high, low + 1)

    def y(seconds: float) -> float:
        return top + CHART * (1 - (math.log10(max(seconds, 1e-5)) - low) / (high - low))

    for power in range(low, high + 1):
        at = y(10.0**power)
        yield f'<line class="grid" x1="{LEFT}" x2="{frame.width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        label = span(10.0**power, Span.SHORT)
        yield f'<text class="tick" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>'
    for number, signal in enumerate(signals):
        points = [s for s in seen if s["signal"] == signal]
        good = [(frame.x(s["due"]), y(s["took"])) for s in points if s["good"]]
        bad = [(frame.x(s["due"]), y(s["took"])) for s in points if not s["good"]]
        dots = "".join(f"M{x:.1f} {at:.1f}h0" for x, at in _thinned(good))
        crosses = "".join(f"M{x - 2.5:.1f} {at - 2.5:.1f}l5 5m-5 0l5 -5" for x, at in _thinned(bad))
        if dots:
            yield f'<path class="dots signal-{number % 3}" d="{dots}" stroke-width="3.6" stroke-linecap="round"/>'
        if crosses:
            yield f'<path class="crosses" d="{crosses}" fill="none"/>'


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most the highest and the lowest of each pixel column: a long drill stays a small file, and no peak is lost."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(int(point[0]), []).append(point)
    return [p for column in columns.values() for p in sorted({min(column, key=_height), max(column, key=_height)})]


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _axis(frame: Frame, bottom: float) -> Iterator[str]:
    yield f'<line class="axis" x1="{LEFT}" x2="{frame.width - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
    length = frame.end - frame.begin
    step = _nice(length / max(2, (frame.width - LEFT) // 55))
    first = math.ceil((frame.begin - frame.zero) / step)
    for index in range(first, math.floor((frame.end - frame.zero) / step) + 1):
        x = frame.x(frame.zero + index * step)
        label = span(index * step, Span.SIGNED, step)
        anchor = "end" if x + len(label) * CHARACTER / 2 > frame.width else "middle"
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 19}" text-anchor="{anchor}">{label}</text>'


def _nice(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten; minutes and hours in their own steps."""
    if step > 20:
        return float(next((s for s in (30, 60, 120, 300, 600, 1800, 3600, 7200, 21600) if s >= step), 86400))
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step - 1e-12)
