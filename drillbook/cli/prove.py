"""``drillbook prove``: every check, or drill, of a system is seen to fail, for the reason it is there for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from drillbook.errors import ConfigError, NothingSelected

if TYPE_CHECKING:
    from drillbook.cli.proving_table import ProvingTable
    from drillbook.model.environment import Environment
    from drillbook.model.policy import Objective, Policy
    from drillbook.model.proof import Proof
    from drillbook.model.run import NotAsked
    from drillbook.proof.drills.rehearsal import DrillRehearsal
    from drillbook.proof.rehearsal import Rehearsal
    from drillbook.report.recorder import Recorder

    type Heard = Callable[[Proof], None]
    type Renew = Callable[[], None]

_ENVIRONMENT: Final = "sandbox"


@click.command()
@click.argument("system", required=False)
@click.option(
    "--only",
    multiple=True,
    metavar="WORD",
    help="An objective's id, an indicator, a tag or a severity; with --drills a drill's id; repeatable.",
)
@click.option(
    "--drills", is_flag=True, help="Prove its drills, with recoveries that are broken, instead of its checks."
)
@click.option("--sandbox", metavar="NAME", help="Break this running sandbox instead of one of its own.")
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), help="Where reports go.")
@click.option(
    "--offline",
    metavar="RUN",
    type=click.Path(exists=True, path_type=Path),
    help="Spoil what this run recorded (its folder or its run.json) instead of breaking a sandbox.",
)
def prove(
    system: str | None,
    only: tuple[str, ...],
    drills: bool,
    sandbox: str | None,
    reports: Path | None,
    offline: Path | None,
) -> int:
    """Prove that every check of SYSTEM can fail, or every drill.

    Each objective is violated in a sandbox, one at a time: its check must turn red and no unrelated one, and once the
    violation is gone all must be green again. Runs in sandboxes only, by default in one that it starts and takes down.

    With --drills each drill runs as documented and then with a recovery that is broken on purpose, such as one that
    does nothing and says success: it must fail, and of what was planted.

    With --offline nothing is broken: every value that the run recorded is nudged over its limit, taken away, aged and
    so on, and judged again; none may stay green.

    Exit code 0: all proven; 1: a check or drill that is unproven or not detecting, or a false alarm; 3: not everything
    passed to begin with; 4: this is no sandbox; 5: --only names nothing.
    """
    if offline is not None:
        if sandbox or reports or only or drills:
            raise click.UsageError(
                "--offline looks at a recorded run: expected no --only, --sandbox or --reports, and no --drills"
            )
        return _offline(offline, system)
    if system is None:
        raise click.UsageError("expected a SYSTEM to prove, or --offline RUN")
    return (_drills if drills else _live)(system, only, sandbox, reports)


def _live(system: str, only: tuple[str, ...], sandbox: str | None, reports: Path | None) -> int:
    from drillbook.checking import Selection, asked_in, load_system
    from drillbook.cli.proving_table import ProvingTable
    from drillbook.proof.rehearsal import Rehearsal
    from drillbook.proof.violations import VIOLATIONS

    name = sandbox or f"{system}-proof"
    policy, where, _ = load_system(system, _ENVIRONMENT, name)
    choice = Selection(only).choose(policy, where)
    chosen = _observed(choice.objectives)
    if not chosen:
        raise NothingSelected("people attest all that --only names, and nobody can break a sandbox so that they don't")
    everything, table = _observed(asked_in(policy, where)), ProvingTable()

    def told(_run: Recorder, heard: Heard, _renew: Renew | None) -> Rehearsal:
        return Rehearsal(policy, where, everything, chosen, VIOLATIONS, table.say, heard)

    running = _running(system, name, own=sandbox is None)
    return _proven(policy, where, running, reports, table, told, choice.not_asked)


def _drills(system: str, only: tuple[str, ...], sandbox: str | None, reports: Path | None) -> int:
    """The same for drills."""
    from drillbook.checking import load_system
    from drillbook.cli.proving_table import ProvingTable
    from drillbook.proof.drills.rehearsal import DrillRehearsal, chosen_drills

    name = sandbox or f"{system}-proof"
    policy, where, _ = load_system(system, _ENVIRONMENT, name)
    chosen, table = chosen_drills(policy, only), ProvingTable(about="drill")

    def told(run: Recorder, heard: Heard, renew: Renew | None) -> DrillRehearsal:
        return DrillRehearsal(policy, where, chosen, run.folder, run.id, table.say, heard, renew)

    return _proven(policy, where, _running(system, name, own=sandbox is None), reports, table, told)


def _proven(
    policy: Policy,
    where: Environment,
    running: AbstractContextManager[Renew | None],
    reports: Path | None,
    table: ProvingTable,
    told: Callable[[Recorder, Heard, Renew | None], Rehearsal | DrillRehearsal],
    not_asked: NotAsked | None = None,
) -> int:
    """Rehearse what ``told`` gives while the sandbox runs, with a row and a record for each proof as it comes."""
    from drillbook.proof.rehearsal import NotClean
    from drillbook.report.recorder import recording
    from drillbook.report.terminal import show

    with recording("prove", policy, where, reports, on_end=show) as run:
        run.add_not_asked(not_asked)

        def heard(proof: Proof) -> None:
            run.add_proof(proof)
            table.add(proof)

        with running as renew:
            try:
                run.add_verdicts(told(run, heard, renew).run())
            except NotClean as error:
                run.add_verdicts(error.verdicts)
                raise
    code: int = run.exit_code
    return code


def _observed(objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
    """Without those that people attest: nobody can break a sandbox so that a person says something else."""
    from drillbook.checking import is_attested

    return tuple(objective for objective in objectives if not is_attested(objective))


@contextmanager
def _running(system: str, name: str, *, own: bool) -> Iterator[Callable[[], None] | None]:
    """The sandbox to break: a running one that was named, or one of its own, gone afterwards whatever happens.

    Gives what starts its own one anew; None for one that was named.
    """
    from drillbook.report.recorder import undisturbed
    from drillbook.sandbox import lifecycle

    if not own:
        found = lifecycle.need(name)
        if found.system != system:
            raise ConfigError(f"the sandbox {name} runs {found.system}: expected one that runs {system}")
        yield None
        return
    if any(record.name == name for record in lifecycle.running()):
        raise ConfigError(
            f"a sandbox called {name} runs already, and proofs break and remove their own: expected none; take it down "
            f"with `drillbook sandbox down {name}`, or have it proven itself with --sandbox {name}"
        )

    def renew() -> None:
        with undisturbed():
            lifecycle.down(name)
        lifecycle.up(system, name, leash=os.getpid())

    click.echo(f"starting the sandbox {name}", err=True)
    lifecycle.up(system, name, leash=os.getpid())
    try:
        yield renew
    finally:
        with undisturbed():
            lifecycle.down(name)


def _offline(recorded: Path, system: str | None) -> int:
    """Judge a recorded run again, spoiled; a line for each way of spoiling it, then what stayed green."""
    from collections import Counter

    from drillbook.checking import load_system
    from drillbook.errors import ExitCode
    from drillbook.proof.offline import SPOILS, read_run, spoil_run
    from drillbook.report.numbers import text

    document = read_run(recorded)
    found = document["system"]["name"]
    if system not in {None, found}:
        raise ConfigError(f"{recorded} is a run of {found}: expected one of {system}")
    policy, _, _ = load_system(found, document["environment"]["name"])
    spoiled = list(spoil_run(document, policy))
    if not spoiled:
        raise NothingSelected(f"nothing passed in {recorded}, so there is nothing to spoil; check the system first")
    for how in SPOILS:
        seen = Counter("not possible" if one.status is None else str(one.status) for one in spoiled if one.how == how)
        click.echo(f"{how.ljust(22)} {', '.join(f'{number} {word}' for word, number in sorted(seen.items()))}")
    findings = [one for one in spoiled if one.is_finding]
    for one in findings:
        click.echo(text(f"{one.status}: {one.id}, {one.how}: {one.reason}"))
    count = len({one.id for one in spoiled})
    click.echo(f"{count} objectives, each spoiled in {len(SPOILS)} ways; {len(findings)} stayed green")
    return ExitCode.VIOLATION if findings else ExitCode.PASS
