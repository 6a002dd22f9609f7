"""The summary on the terminal: the verdict first, what needs a person in full, then everything in one table."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from drillbook.judge import waiver_lines
from drillbook.judge.wording import look_closer
from drillbook.report import headline
from drillbook.report.gauge import margin
from drillbook.report.recorder import Recorder
from drillbook.report.spans import span

Json = Mapping[str, Any]

NARROW: Final = 90
"""Columns below which the table leaves out what the page has too."""
LOGGED: Final = 120
"""Columns of a log file."""
MOST_ROWS: Final = 120
"""Rows of the table: beyond them, what holds is left to the page."""
NO_ALERT: Final = "no alert is documented for this"
_TOLD_BESIDES: Final = frozenset({"objective", "post-condition", "alert", "something changed"})
"""Kinds of violations of a drill that have rows of their own."""
_WIDEST: Final = 20
"""Columns of what is seen, and of its limit."""
_COLOURS: Final = {"pass": "green", "waived": "magenta", "inconclusive": "yellow", "interrupted": "yellow"}


def show(run: Recorder, console: Console | None = None) -> None:
    """Print the summary of a finished run, and where its report is."""
    console = console or terminal()
    console.print(summary(run.document, run.report, console))


def terminal() -> Console:
    """Standard output: coloured on a terminal (unless NO_COLOR is set), plain and wide enough where it is a file."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else LOGGED
    return Console(width=wide, highlight=False)


def summary(document: Json, report: Path | None, console: Console) -> RenderableType:
    """Everything that the terminal says of a run; plain where there is no colour."""
    word = headline.word(document)
    first = Text.assemble(
        (f" {word.upper()} ", f"bold reverse {_colour(word)}"), " ", (document["system"]["title"], "bold")
    )
    parts: list[RenderableType] = [Text(""), first, Text(headline.sentence(document))]
    parts += [Text(problem, style="yellow") for problem in document["run"]["problems"]]
    found = headline.judged(document)
    for together in _by_problem(found):
        parts += [Text(""), *(_in_full(together[0]) if len(together) == 1 else _collapsed(together))]
    if found and not document["proofs"]:
        parts += [Text(""), *_tabled(found, console.width)]
    if waivers := waiver_lines(document["waivers"]):
        parts += [Text(""), *(Text(line, style="magenta" if line is waivers[0] else "yellow") for line in waivers)]
    if left_out := document["not_asked"]:
        parts += [Text(""), Text(left_out["text"], style="dim")]
    for drill in document["drills"]:
        parts += [Text(""), *_drill(drill)]
    for proof in document["proofs"]:
        if proof["status"] != "proven":
            parts += [Text(""), *_unproven(proof)]
    if load := document["load"]:
        said = f"{load['requests']} requests in {span(load['seconds'])}, {load['failures']} of them failed"
        parts += [Text(""), Text.assemble(("load ", "bold"), said)]
    if report:
        parts += [Text(""), Text(f"report: {_near(report)}", overflow="fold")]
    return Group(*parts)


def _by_problem(found: Sequence[Json]) -> list[list[Json]]:
    """What needs a person, one after another; objectives that share one problem together, where the first is."""
    groups: dict[tuple[str, str], list[Json]] = {}
    for verdict in found:
        if verdict["status"] in {"fail", "inconclusive"}:
            # Without a problem of the observation there is nothing to share: each stands alone.
            groups.setdefault((verdict["status"], verdict["problem"] or verdict["id"]), []).append(verdict)
    return list(groups.values())


def _collapsed(together: Sequence[Json]) -> Iterator[RenderableType]:
    """Many objectives, one problem: told once."""
    first = together[0]
    yield Text.assemble(
        (f"{first['status'].upper()} ", f"bold {_colour(first['status'])}"),
        (f"{len(together)} objectives for one reason", "bold"),
    )
    rows = [
        ("problem", first["problem"]),
        ("remedy", first["remedy"]),
        ("where", first["where"]),
        ("objectives", ", ".join(verdict["id"].partition("/")[2] or verdict["id"] for verdict in together)),
    ]
    yield _pairs([(name, value) for name, value in rows if value])
    yield _closer(first)


def _in_full(verdict: Json) -> Iterator[RenderableType]:
    yield Text.assemble(
        (f"{verdict['status'].upper()} ", f"bold {_colour(verdict['status'])}"),
        (verdict["id"], "bold"),
        f"  ({verdict['severity']})",
    )
    bounds = verdict["bounds"]
    seen = (
        verdict["text"] if not bounds or bounds["lower"] == bounds["upper"] else f"{verdict['text']} ({bounds['text']})"
    )
    rows = [
        ("expected", verdict["limit"]["text"]),
        ("observed", f"{seen}, {verdict['samples']} sample{'' if verdict['samples'] == 1 else 's'}"),
        ("where", verdict["where"]),
        ("because", verdict["reason"]),
        ("runbook", _cite(verdict["source"])),
        ("remedy", "" if verdict["status"] == "fail" or verdict["remedy"] in verdict["reason"] else verdict["remedy"]),
    ]
    yield _pairs([(name, value) for name, value in rows if value])
    yield _closer(verdict)


def _closer(verdict: Json) -> RenderableType:
    return Text(f"  look closer: {look_closer(verdict['id'])}", style="dim", overflow="fold")


def _tabled(found: Sequence[Json], width: int) -> Iterator[RenderableType]:
    """The table, of all that needs a person and, as far as there is room, of what holds: that comes last."""
    needing = sum(verdict["status"] != "pass" for verdict in found)
    shown = found[: max(MOST_ROWS, needing)]
    yield _table(shown, width)
    if left := len(found) - len(shown):
        yield Text(f"and {left:,} more that hold: the report has them")


def _table(found: Sequence[Json], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    wide = width >= NARROW
    table.add_column("", no_wrap=True)
    table.add_column("objective", overflow="fold", min_width=16)
    # Texts and patterns can be long; the objective's name must not give way to them.
    table.add_column("seen", justify="right", no_wrap=True, max_width=_WIDEST)
    table.add_column("limit", no_wrap=True, max_width=_WIDEST)
    if wide:
        table.add_column("margin", no_wrap=True)
        table.add_column("runbook", no_wrap=True)
    for verdict in found:
        cells = [
            Text(verdict["status"], style=_colour(verdict["status"])),
            Text(verdict["id"].partition("/")[2] or verdict["id"]),
            Text(verdict["text"]),
            Text(verdict["limit"]["text"]),
        ]
        if wide:
            source = verdict["source"]
            cells += [Text(margin(verdict)), Text(f"{Path(source['document']).name}:{source['line']}", style="dim")]
        table.add_row(*cells)
    return table


def _drill(drill: Json) -> Iterator[RenderableType]:
    status = "aborted" if drill["aborted"] or not drill["undone"] else drill["status"]
    yield Text.assemble((f"{status.upper()} ", f"bold {_colour(status)}"), ("drill ", ""), (drill["id"], "bold"))
    recovery, writes = drill["recovery_seconds"], drill["writes"]
    recovered = f"{span(recovery['lower'])} to {span(recovery['upper'])}" if recovery else "not seen"
    said = "given here" if drill["limit_ours"] else "documented"
    limit = "" if drill["limit_seconds"] is None else f", {said}: {span(drill['limit_seconds'])}"
    fates = ("lost", "duplicated", "altered", "unanswered", "rejected")
    yield _pairs(
        [
            ("fault", f"{drill['fault']['kind']}, {'landed' if drill['fault']['landed'] else 'did not land'}"),
            ("outage", span(drill["outage_seconds"]) if drill["outage_seconds"] else "none"),
            ("recovery", recovered + limit),
            *([("time from", drill["limit_from"])] if drill["limit_from"] else []),
            ("writes", f"{writes['acknowledged']} acknowledged, " + ", ".join(f"{writes[f]} {f}" for f in fates)),
            *([("restored", _restored(drill["recovery_point"]))] if drill["recovery_point"] else []),
            *([("because", drill["reason"])] if status != "pass" else []),
            *(("also", one["reason"]) for one in drill["violations"][1:] if one["of"] not in _TOLD_BESIDES),
            *(("left", item) for item in drill["residue"]),
            *(
                ("after", f"{v['status']} {v['id']}: {v['reason']}")
                for v in drill["objectives_after"]
                if v["status"] != "pass"
            ),
            ("alert", drill["detection"]["reason"] if drill["detection"] else NO_ALERT),
            *(("then", _then(one)) for one in drill["then"] if one["status"] != "pass"),
        ]
    )


def _restored(point: Json) -> str:
    """Which backup, how old, and how old it may be."""
    documented = "none documented" if point["limit_seconds"] is None else f"documented: {span(point['limit_seconds'])}"
    return f"{point['backup']}, {span(point['seconds'])} old; recovery point objective: {documented}"


def _then(one: Json) -> str:
    """One thing that must be true after the procedure, and what became of it."""
    return f"{one['status']} {one['text']} ({_cite(one['source'])}): {one['reason']}"


def _unproven(proof: Json) -> Iterator[RenderableType]:
    yield Text.assemble((f"{proof['status'].upper()} ", "bold red"), ("proof of ", ""), (proof["id"], "bold"))
    rows = [("limit", proof["limit"]), ("planted", proof["where"] or "nothing"), ("because", proof["reason"])]
    rows += [("unplanted", proof["unplanted"])] if proof["unplanted"] else []
    yield _pairs(rows)


def _pairs(rows: Sequence[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, Text(value))
    return Padding(grid, (0, 0, 0, 2))


def _cite(source: Json) -> str:
    return f"{source['document']}:{source['line']} ({source['section']})"


def _colour(status: str) -> str:
    return _COLOURS.get(status, "red")


def _near(path: Path) -> str:
    """The path as one would type it from here."""
    given = path.absolute()
    return os.path.relpath(given) if given.is_relative_to(Path.cwd()) else str(given)
