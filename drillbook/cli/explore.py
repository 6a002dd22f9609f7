"""``drillbook explore``: search for a sequence of faults, load and procedures that breaks a promise, in a sandbox."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from drillbook.errors import ExitCode

if TYPE_CHECKING:
    from drillbook.explore.grounds import Grounds
    from drillbook.explore.moves import Sequence

MOST_SEED: Final = 2**32


@click.command()
@click.argument("system")
@click.option("--budget", default="10m", show_default=True, help="How long to search: 90s, 10m, 1h.")
@click.option("--seed", type=click.IntRange(0, MOST_SEED), help="Draw the same sequences again.")
@click.option(
    "--patience", default="2m", show_default=True, help="The longest to wait for a recovery, whatever is documented."
)
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), help="Where reports go.")
def explore(system: str, budget: str, seed: int | None, patience: str, reports: Path | None) -> int:
    """Search SYSTEM for sequences that break what its runbook promises.

    Draws faults, load and documented procedures in any order, plays them in a sandbox of its own, and looks whether
    every acknowledged write is still there, the objectives hold again in the documented time, and everything is put
    back. What breaks a promise is made as short as the time allows and written as an experiment for plain `chaos run`.

    Exit code 0: nothing was found; 1: something was; 3: no sequence could be played.
    """
    from drillbook.checking import load_system
    from drillbook.clock import SYSTEM_CLOCK
    from drillbook.explore.experiment import write
    from drillbook.explore.grounds import Grounds
    from drillbook.explore.moves import words
    from drillbook.explore.search import Search
    from drillbook.places import reports_root
    from drillbook.report.files import new_folder
    from drillbook.report.recorder import run_id

    policy, where, waivers = load_system(system, "sandbox", f"{system}-explore-{os.getpid()}")
    seconds, patient = _seconds("--budget", budget), _seconds("--patience", patience)
    seed = secrets.randbelow(MOST_SEED) if seed is None else seed
    folder = new_folder(reports or reports_root(), run_id("explore", system, SYSTEM_CLOCK.now()))
    click.echo(f"exploring {policy.title} for {seconds:g} s; --seed {seed} draws the same again", err=True)
    with Grounds(policy, where, waivers, folder, patient) as grounds:
        moves = grounds.possible()
        click.echo(f"{len(moves.breaks)} faults of components, {len(moves.others)} other moves", err=True)
        found = Search(moves, _told(grounds, folder / "explored.jsonl"), seconds, seed).run()
    if not found.played:
        click.echo(f"no sequence was played in {seconds:g} s: give it more with --budget")
        return ExitCode.INCONCLUSIVE
    if not found.shortest:
        click.echo(f"{found.played} sequences were played, and every promise was kept: {folder}")
        return ExitCode.PASS
    experiment = folder / "found.yaml"
    write(experiment, system, found.shortest, found.promises, patient)
    click.echo(f"of {found.played} sequences, the shortest that breaks a promise: {words(found.shortest)}")
    for promise in found.promises:
        click.echo(f"  {promise}")
    click.echo(f"play it again: {experiment}")
    return ExitCode.VIOLATION


def _seconds(option: str, text: str) -> float:
    from drillbook.model.quantity import Dimension, Quantity

    try:
        seconds = float(Quantity.parse(text, Dimension.DURATION).value)
    except ValueError as error:
        raise click.BadParameter(f"{error}", param_hint=option) from None
    if seconds <= 0:
        raise click.BadParameter(f"expected more than nothing, found {text}", param_hint=option)
    return seconds


def _told(grounds: Grounds, file: Path) -> Callable[[Sequence, float], tuple[str, ...]]:
    """Play, tell a person, and keep what became of each sequence, a line each."""
    from drillbook.explore.moves import words

    def play(sequence: Sequence, until: float) -> tuple[str, ...]:
        begun = time.monotonic()
        played = grounds.play(sequence, until)
        what = "; ".join(played.broken) or "kept"
        click.echo(f"{time.monotonic() - begun:5.1f} s  {words(sequence)}: {what}", err=True)
        with file.open("a") as lines:
            lines.write(json.dumps({"sequence": words(sequence), **asdict(played)}) + "\n")
        return played.broken

    return play
