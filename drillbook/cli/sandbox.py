"""``drillbook sandbox``: a Kubernetes API on loopback whose pods are real processes."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from drillbook.cli.sandbox_node import node
from drillbook.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from drillbook.sandbox.record import Record


@click.group()
def sandbox() -> None:
    """A Kubernetes API on loopback whose pods are real processes of this machine."""


@sandbox.command()
@click.argument("system")
@click.option("--name", help="Another name than the system's, to run it twice.")
@click.option("--leash", type=int, metavar="PID", help="End the sandbox when this process has ended.")
@click.option("--timeout", default="60s", show_default=True, help="How long everything may take to become Ready.")
@click.option("--keep", is_flag=True, help="Leave it up, to look at, when something can't become Ready.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but what went wrong.")
def up(system: str, name: str | None, leash: int | None, timeout: str, keep: bool, quiet: bool) -> None:
    """Start SYSTEM and return when every pod is Ready. One that runs already is left as it is."""
    from drillbook.sandbox import lifecycle

    with _Progress(quiet) as progress:
        done = lifecycle.up(system, name, leash=leash, timeout=_seconds(timeout), keep=keep, on_progress=progress.heard)
    if quiet:
        return
    found = done.record
    if done.was_running:
        click.echo(f"The sandbox {found.name} is up already.")
    else:
        click.echo(f"The sandbox {found.name} is up: everything Ready after {done.took_seconds:.1f} s.")
    click.echo(_table(found))


@sandbox.command()
@click.argument("system", required=False)
@click.option("--name", help="The sandbox's name, when it isn't the system's.")
@click.option("--all", "everything", is_flag=True, help="Every sandbox of this user.")
def down(system: str | None, name: str | None, everything: bool) -> None:
    """End a sandbox, and whatever is left of one that was killed."""
    from drillbook.sandbox import lifecycle, record

    chosen = list(record.names()) if everything else [_chosen(system, name)]
    if not chosen:
        click.echo("No sandbox is up.")
    for one in chosen:
        click.echo(f"The sandbox {one} is down." if lifecycle.down(one) else f"No sandbox called {one} is up.")


@sandbox.command()
@click.argument("system", required=False)
@click.option("--name", help="The sandbox's name, when it isn't the system's.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(system: str | None, name: str | None, as_json: bool) -> int:
    """Say what runs, how many pods are Ready, and what listens where. Exit code 3: nothing runs."""
    from drillbook.sandbox import lifecycle

    running = [lifecycle.need(_chosen(system, name))] if system or name else list(lifecycle.running())
    told = [_status(found, lifecycle.pods(found) if found.api else []) for found in running]
    if as_json:
        click.echo(json.dumps(told, indent=2))
    elif not told:
        click.echo("No sandbox is up.")
    else:
        for found, state in zip(running, told, strict=True):
            click.echo(f"{found.name}: {state['pods_ready']} of {state['pods']} pods Ready; {found.isolation}")
            click.echo(_table(found))
    return ExitCode.PASS if told else ExitCode.INCONCLUSIVE


@sandbox.command()
@click.argument("system")
@click.option("--path", is_flag=True, help="Print where the file is, not what it says.")
def kubeconfig(system: str, path: bool) -> None:
    """Print the kubeconfig of the sandbox SYSTEM."""
    from pathlib import Path

    from drillbook.sandbox import lifecycle

    found = lifecycle.need(system)
    click.echo(found.kubeconfig if path else Path(found.kubeconfig).read_text(encoding="utf-8"), nl=path)


@sandbox.command()
@click.argument("system")
@click.argument("workload")
@click.option("--delay", metavar="DURATION", help="Every API answer comes so much later: 3s.")
@click.option("--error-ratio", metavar="RATIO", help="So many of the API answers are a 500: 10%.")
@click.option("--error-status", type=click.IntRange(400, 599), help="Such errors have this status and not 500: 429.")
@click.option("--hold-connections", type=click.IntRange(min=0), help="Database connections held, over all pods.")
@click.option("--burn-cores", type=click.FloatRange(min=0), help="CPU used by each pod.")
@click.option("--hold-bytes", metavar="SIZE", help="Memory held by each pod: 100Mi.")
@click.option("--off", is_flag=True, help="Behave again.")
def misbehave(
    system: str,
    workload: str,
    delay: str | None,
    error_ratio: str | None,
    error_status: int | None,
    hold_connections: int | None,
    burn_cores: float | None,
    hold_bytes: str | None,
    off: bool,
) -> None:
    """Make a WORKLOAD of the reference service misbehave; what isn't named is off."""
    from drillbook.model.quantity import Dimension
    from drillbook.sandbox.misbehave import set_switches

    wanted: dict[str, float | None] = {
        "delay_seconds": _number(delay, Dimension.DURATION),
        "error_ratio": _number(error_ratio, Dimension.RATIO),
        "error_status": error_status,
        "hold_connections": hold_connections,
        "burn_cores": burn_cores,
        "hold_bytes": _number(hold_bytes, Dimension.BYTES, whole=True),
    }
    switches = {name: value for name, value in wanted.items() if value is not None}
    if off == bool(switches):
        raise ConfigError("expected either --off or at least one misbehaviour, such as --delay 3s; see --help")
    for told in set_switches(system, workload, **switches):
        click.echo(f"{told.namespace}/{told.pod}: {told.switches}")


sandbox.add_command(node)


class _Progress:
    """One line that says how far it is; a terminal sees it change, a log sees its steps."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._said = ""

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._said:
            click.echo("\r\x1b[K", nl=False, err=True)

    def heard(self, news: dict[str, Any]) -> None:
        """A step of the start."""
        if self._quiet:
            return
        if "pods" in news:
            self._say(f"{news['pods_ready']} of {news['pods']} pods Ready")
        elif "applied" in news:
            self._say(f"{news['applied']} objects applied")
        elif "api" in news:
            self._say(f"API at {news['api']}")

    def _say(self, sentence: str) -> None:
        if sentence == self._said:
            return
        self._said = sentence
        try:
            click.echo(f"\r\x1b[K{sentence}" if self._live else sentence, nl=not self._live, err=True)
        except BrokenPipeError:  # whoever listened has gone; what is being started is not to suffer for it
            self._quiet = True


def _chosen(system: str | None, name: str | None) -> str:
    found = name or system
    if not found:
        raise ConfigError("which sandbox? Give its system or --name, or --all for every one")
    return found


def _status(found: Record, pods: list[dict[str, Any]]) -> dict[str, Any]:
    ready = sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in (pod.get("status") or {}).get("conditions") or ())
        for pod in pods
    )
    return {
        "name": found.name,
        "system": found.system,
        "ready": found.ready,
        "pods": len(pods),
        "pods_ready": ready,
        "api": found.api,
        "network": found.network,
        "kubeconfig": found.kubeconfig,
        "ca": found.ca,
        "cluster_uid": found.cluster_uid,
        "isolation": found.isolation,
        "listens": found.listens,
        "pid": found.pid,
    }


def _table(found: Record) -> str:
    width = max((len(entry["what"]) for entry in found.listens), default=0)
    lines = []
    for entry in found.listens:
        lines.append(f"  {entry['what']:<{width}}  {entry['address']}")
        if entry["hint"]:
            lines.append(f"  {'':<{width}}  {entry['hint']}")
    lines.append(f"\n  export KUBECONFIG={found.kubeconfig}")
    return "\n".join(lines)


def _seconds(text: str) -> float:
    from drillbook.model.quantity import duration

    try:
        seconds = duration(text).total_seconds()
    except ValueError as error:
        raise ConfigError(f"--timeout: {error}") from error
    if seconds <= 0:
        raise ConfigError(f"--timeout: expected more than nothing, found {text!r}")
    return seconds


def _number(text: str | None, dimension: Any, *, whole: bool = False) -> float | None:
    from drillbook.model.quantity import Quantity

    if text is None:
        return None
    try:
        value: Decimal = Quantity.parse(text, dimension).value
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return int(value) if whole else float(value)
