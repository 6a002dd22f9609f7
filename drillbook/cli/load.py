"""``drillbook load``: press a system with a bounded, constant rate of requests, and judge the limits of a check."""

from __future__ import annotations

import re
from pathlib import Path

import click

from drillbook.errors import ConfigError

MOST_SECONDS = 3600.0
MOST_REQUESTS = 500_000


class Seconds(click.ParamType[float]):
    """A duration as policies write it: ``10s``, ``2min``; a plain number is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from drillbook.model.quantity import duration

        try:
            text = str(value)
            return duration(f"{text} s" if re.fullmatch(r"\s*[0-9.]+\s*", text) else text).total_seconds()
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("system")
@click.option("--duration", type=Seconds(), default="10s", show_default=True, help="How long to send.")
@click.option("--rate", type=click.FloatRange(0.1, 1000), default=20, show_default=True, help="Arrivals per second.")
@click.option("--users", type=click.IntRange(1, 1000), help="Locust users that take arrivals; none waits for answers.")
@click.option("--environment", "-e", default="sandbox", show_default=True, help="Where: environments/NAME.yaml.")
@click.option("--sandbox", help="Press the sandbox of this name instead of the environment's own.")
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), help="Where reports go.")
def load(
    system: str,
    duration: float,
    rate: float,
    users: int | None,
    environment: str,
    sandbox: str | None,
    reports: Path | None,
) -> int:
    """Press SYSTEM with the requests that its policy names, and judge its limits on latency and errors.

    Requests leave at a constant rate and never wait for one another; each is timed from when it was due. Exit code 0:
    every limit held; 1: one was broken; 3: too few requests to tell, or the system can't be reached.
    """
    from drillbook.checking import load_system
    from drillbook.clock import SYSTEM_CLOCK
    from drillbook.judge import apply_waivers, waiver_report
    from drillbook.load.observing import judge_load, summed_up
    from drillbook.load.plan import plan_load
    from drillbook.load.running import USERS, LoadProcess
    from drillbook.report.recorder import recording
    from drillbook.report.terminal import show

    requests = _bounded(duration, rate)
    policy, where, waivers = load_system(system, environment, sandbox)
    with recording("load", policy, where, reports, on_end=show) as run:
        plan = plan_load(policy, where, rate, duration)
        targets = ", ".join(target.endpoint.url for target in plan.targets)
        click.echo(f"sending {requests} requests to {targets}, {rate:g} per second for {duration:g} s", err=True)
        with LoadProcess(plan, run.folder, users or USERS) as process:
            shots = process.wait()
        now = SYSTEM_CLOCK.now()
        verdicts = apply_waivers(judge_load(policy, plan, shots, now), waivers, now.date())
        run.add_waivers(waiver_report(verdicts, waivers, now.date()).as_json())
        run.add_load(summed_up(shots, verdicts))
    code: int = run.exit_code
    return code


def _bounded(duration: float, rate: float) -> int:
    """The number of requests. Raises ConfigError when it is none, or more than one machine should send."""
    requests = round(duration * rate)
    if not 1 <= duration <= MOST_SECONDS:
        raise ConfigError(f"--duration: expected from 1 s to {MOST_SECONDS:.0f} s, found {duration:g} s")
    if not 1 <= requests <= MOST_REQUESTS:
        raise ConfigError(
            f"--duration and --rate: expected 1 to {MOST_REQUESTS:,} requests, {duration:g} s at {rate:g} per second "
            f"make {requests:,}; past one machine use Locust's own workers"
        )
    return requests
