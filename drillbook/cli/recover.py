"""``drillbook recover``: finish the undo that an interrupted drill left, from its journal in the cluster."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import click

from drillbook.errors import ExitCode, Refused, Unreachable

if TYPE_CHECKING:
    from drillbook.drills.unfinished import Finish, Unfinished


@click.command()
@click.option("--system", help="Only the namespaces of this system; every system that has the environment otherwise.")
@click.option("--environment", "-e", default="sandbox", show_default=True, help="Where: environments/NAME.yaml.")
@click.option("--sandbox", help="Look into the sandbox of this name instead of the environment's own.")
@click.option("--dead", is_flag=True, help="The drill is known to be dead: don't wait until its lock expires.")
@click.option("--from-disk", is_flag=True, help="Undo also what only this machine's journal knows of, and no cluster.")
def recover(system: str | None, environment: str, sandbox: str | None, dead: bool, from_disk: bool) -> int:
    """Finish what interrupted drills left undone; safe to call again, from any machine.

    Looks into the undo journals below reports/ and into the ConfigMaps that drills leave in the systems' namespaces.
    A drill that still runs puts everything back by itself, so its lock is watched until it is renewed or
    expires, 30 s at most (after a plain `chaos run` ten minutes).

    Exit code 0: nothing is left to undo; 3: no cluster could be asked; 4: a drill is alive, an undo failed, or there is
    an entry that nobody may undo without looking. The sentence says what to look at, and what to delete then.
    """
    from drillbook import places
    from drillbook.drills.unfinished import PLAIN, on_disk

    ours, finishes = on_disk(places.reports_root(), places.state_root() / PLAIN)
    names = (system,) if system else places.systems_in(environment)
    unreachable: list[Unreachable] = []
    for name in names:
        try:
            finishes += _recovered(name, environment, sandbox, ours, dead, from_disk)
        except Unreachable as error:
            unreachable.append(error)
            click.echo(f"{name}: nobody could look: {error}", err=True)
    if unreachable and len(unreachable) == len(names):
        raise unreachable[-1]
    seen = {one.id for one in finishes}
    for one in finishes:
        click.echo(f"{one.id}: {one.done or f'the undo is not finished: {one.problem}'}")
    for left in ours:
        if left.entry.id not in seen:
            click.echo(f"{left.entry.id}: left alone, it is of a cluster or a namespace not asked: {left.files[0]}")
    if not finishes:
        click.echo(f"nothing is left to undo in {', '.join(names)}")
    return int(ExitCode.PASS if all(one.done for one in finishes) else ExitCode.DRILL_ABORTED)


def _recovered(
    system: str, environment: str, sandbox: str | None, ours: tuple[Unfinished, ...], dead: bool, from_disk: bool
) -> tuple[Finish, ...]:
    """Everything that could be finished in the namespaces of one system."""
    from drillbook.checking import load_system
    from drillbook.drills.connections import Connections
    from drillbook.drills.unfinished import Finish, finish

    policy, where, _ = load_system(system, environment, sandbox)
    recoverer = f"recover-{secrets.token_hex(4)}"
    found: list[Finish] = []
    with Connections(where) as connections:
        # Where a drill takes a namespace away, its journal is in another, which need not be the system's.
        for namespace in sorted({*policy.namespaces, *filter(None, (where.journal,))}):
            work = finish(connections.kube, namespace, ours, recoverer, _say, dead=dead, from_disk=from_disk)
            try:
                found += connections.run(work)
            except Refused as refused:
                # A drill that is alive in one namespace keeps nobody from the others.
                found.append(Finish(f"namespace {namespace}", "", str(refused).removeprefix("not injecting: ")))
    return tuple(found)


def _say(text: str) -> None:
    click.echo(text, err=True)
