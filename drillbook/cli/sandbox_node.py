"""``drillbook sandbox node``: a node whose kubelet stops, and comes back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from drillbook.errors import ConfigError

if TYPE_CHECKING:
    from drillbook.sandbox.record import Record


@click.command()
@click.argument("node_name", metavar="NODE")
@click.option("--stop", "wanted", flag_value="stop", help="Stop its kubelet: the node becomes NotReady.")
@click.option(
    "--start", "wanted", flag_value="start", help="Start its kubelet again; it registers its Node when that is gone."
)
@click.option("--name", help="The sandbox; not needed when $DRILLBOOK_SANDBOX names it or only one runs.")
def node(node_name: str, wanted: str | None, name: str | None) -> None:
    """Stop or start the kubelet of NODE. Its containers go on running, as on a real node."""
    from drillbook.sandbox.node_switch import switch

    if wanted is None:
        raise ConfigError("expected either --stop or --start; see --help")
    found = _sandbox(name)
    stop = wanted == "stop"
    changed = switch(found, node_name, stop=stop)
    state = "is stopped" if stop else "runs"
    click.echo(f"The kubelet of {node_name} {state}{'' if changed else ' already'}.")
    if stop and changed:
        click.echo(
            "The node becomes NotReady when its grace is over, and its pods stop being Ready; they are evicted when "
            f"their tolerations end. Back again: drillbook sandbox node {node_name} --start --name {found.name}"
        )


def _sandbox(name: str | None) -> Record:
    """The sandbox that is meant. ConfigError when that isn't clear, Unreachable when it doesn't run."""
    from drillbook.sandbox import lifecycle

    given = name or os.environ.get("DRILLBOOK_SANDBOX")
    if given:
        return lifecycle.need(given)
    running = list(lifecycle.running())
    if len(running) != 1:
        names = ", ".join(found.name for found in running) or "none"
        raise ConfigError(f"which sandbox? Expected --name or $DRILLBOOK_SANDBOX; running are: {names}")
    return running[0]
