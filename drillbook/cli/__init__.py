"""The command line. Commands load when they are called, so that ``drillbook --help`` is instant."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from importlib import import_module
from typing import Final

import click

from drillbook import __version__
from drillbook.errors import DrillbookError, ExitCode

COMMANDS: Final = {
    "check": ("drillbook.cli.check:check", "Hold a running system to every limit that its runbook documents."),
    "demo": ("drillbook.cli.demo:demo", "Start a real system here, check it, drill it, show the report."),
    "drill": ("drillbook.cli.drill:drill", "Inject a fault, watch the recovery, judge it."),
    "explain": (
        "drillbook.cli.explain:explain",
        "One objective: what the runbook says, how it is measured, last values.",
    ),
    "explore": (
        "drillbook.cli.explore:explore",
        "Search a sandbox for a sequence of faults, load and procedures that breaks a promise.",
    ),
    "load": ("drillbook.cli.load:load", "Press a system with bounded load and judge the same limits."),
    "policy": ("drillbook.cli.policy:policy", "Count what a policy answers; find where a runbook contradicts itself."),
    "prove": ("drillbook.cli.prove:prove", "Break a sandbox so that every check is seen to fail once."),
    "recover": ("drillbook.cli.recover:recover", "Finish the undo that an interrupted drill left."),
    "sandbox": ("drillbook.cli.sandbox:sandbox", "A Kubernetes API on loopback whose pods are real processes."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and help, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


EXIT_CODES: Final = """\b
Exit codes: 0 pass; 1 a violation that is not waived; 2 usage or configuration;
3 inconclusive or target unreachable, and nothing failed; 4 a drill refused,
aborted, or its undo failed; 5 nothing selected; 130 interrupted."""


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="drillbook")
def drillbook() -> None:
    """Holds a running system to its operations runbook, and drills the recoveries that it promises."""


def main() -> None:
    """The console script: every error is a sentence on standard error and a documented exit code."""
    # A policy and what was seen are many objects that live to the end; looking for garbage among them at every 700th
    # takes a third of the time of a large check.
    gc.set_threshold(200_000)
    try:
        sys.exit(drillbook(standalone_mode=False) or 0)
    except DrillbookError as error:
        code = error.exit_code
        click.echo(f"drillbook: {error}", err=True)
    except click.ClickException as error:
        error.show()
        code = ExitCode(error.exit_code) if error.exit_code in set(ExitCode) else ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("drillbook: interrupted", err=True)
        code = ExitCode.INTERRUPTED
        # What the interrupt caught half made (an event loop, say) complains when it is collected; nobody can help that.
        sys.unraisablehook = lambda _: None
        warnings.simplefilter("ignore")
    except Exception as error:
        if os.environ.get("DRILLBOOK_DEBUG") == "1":
            raise
        # Its own words could quote what was being looked at, a secret among it.
        told = f"stopped by an unexpected {type(error).__name__}: this is a mistake in Drillbook, not in the system"
        click.echo(f"drillbook: {told}; run it again with DRILLBOOK_DEBUG=1 to see where", err=True)
        code = ExitCode.INCONCLUSIVE
    sys.exit(code)
