"""Post-conditions of what proves identity, and of the runbook's own words; pure. No value of a secret comes here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from drillbook.judge.afterwards import listed
from drillbook.judge.outcome import Outcome, broken, holds, unseen


def serial(before: str, kept: str, served: str) -> Outcome:
    """Serial numbers in hexadecimal: served before the fault; in the Secret and served after the procedure."""
    if served == before:
        also = "" if kept == before else f", while the Secret has a new one with {kept}: nobody serves it yet"
        return broken(f"expected another certificate, found the one with serial {served} still served{also}")
    if kept != served:
        return broken(
            f"expected the new certificate to be served, found serial {served} served and {kept} in the Secret"
        )
    return holds(f"a certificate with serial {served} is served, before it was {before}")


@dataclass(frozen=True, slots=True)
class Managed:
    """A Certificate object, as far as it is there."""

    there: bool
    ready: bool = False
    said: str = ""
    """Why it isn't Ready."""
    secret: str = ""
    issued_by: str = ""
    """The Certificate that the Secret says that it is of; empty where it says none or isn't there."""


def managed(name: str, found: Managed) -> Outcome:
    """The object is there, Ready, and its Secret is its own."""
    if not found.there:
        return broken(f"expected Certificate {name} to be there, found none: nothing renews what it stood for")
    if not found.ready:
        return broken(f"expected Certificate {name} to be Ready, found it isn't: {found.said or 'it says nothing'}")
    if found.issued_by != name:
        whose = f"that of Certificate {found.issued_by}" if found.issued_by else "nobody's"
        return broken(f"expected Secret {found.secret} to be Certificate {name}'s, found it {whose}")
    return holds(f"Certificate {name} is there, Ready, and Secret {found.secret} is its own")


@dataclass(frozen=True, slots=True)
class Rotation:
    """A Secret before and after its rotation."""

    lost: Sequence[str]
    """Keys that it had."""
    same: Sequence[str]
    """Keys that were to get new values and didn't."""
    old_pods: Sequence[str]
    """Pods that were there before the procedure: whatever they were started with, they have still."""
    old_works: bool | None = None
    """None where nobody could try."""
    new_works: bool | None = None


def cut_over(secret: str, found: Rotation) -> Outcome:
    """Old credentials are refused, new ones accepted, and no key of the Secret lost."""
    if found.lost:
        return broken(f"expected every key of Secret {secret} to stay, found {listed(found.lost)} gone")
    if found.same:
        return broken(f"expected new values in Secret {secret}, found those of {listed(found.same)} unchanged")
    if found.old_works:
        return broken(f"expected the old credentials of Secret {secret} to be refused, found that they still work")
    if found.new_works is False:
        return broken(f"expected the new credentials of Secret {secret} to be accepted, found them refused")
    if found.old_pods:
        return broken(f"expected new pods with the new values of {secret}, found {listed(found.old_pods)} from before")
    if found.old_works is None or found.new_works is None:
        return unseen(
            f"Secret {secret} has new values, no key is lost and every pod is new; whether what the old ones opened is "
            "shut nobody could try: only a database's password can be tried"
        )
    return holds(f"the old credentials of Secret {secret} are refused, the new ones accepted, and no key is lost")


def nothing_printed(leaks: Mapping[str, Sequence[str]], secrets: int, printed: int) -> Outcome:
    """``leaks``: by step, the secrets that it printed, by name; ``secrets``: how many values were looked for.

    ``printed``: how many characters the procedure printed.
    """
    for step, names in leaks.items():
        return broken(f"step {step} printed the value of {listed(names)}")
    if not secrets:
        return unseen("no Secret can be read, so nobody could tell what of the output is one")
    if not printed:
        return holds("the procedure printed nothing")
    return holds(f"none of {secrets} secret values is in the {printed:,} characters that the procedure printed")


@dataclass(frozen=True, slots=True)
class Tried:
    """What a verification came to when it was tried once; nothing in it where it said that all is well."""

    refused: str = ""
    """It looked, and this is what it found wrong."""
    unknown: str = ""
    """Why nobody could look."""


def honest(
    step: str, landed: bool, before: Tried, with_fault: Tried, bad: Collection[str], *, still: bool = False
) -> Outcome:
    """``before``: the verification on the healthy system; ``with_fault``: with the fault there, while ``bad`` were bad.

    ``still``: the fault itself was seen to be there, right after the verification.
    """
    if not landed:
        return unseen("the fault was not seen to land, so the verification had nothing to find")
    if before != Tried():
        return unseen(
            f"{step} did not say that all is well before the fault either ({before.refused or before.unknown}): that "
            "it fails with the fault there would show nothing"
        )
    if with_fault.unknown:
        return unseen(f"with the fault there, {step} could not be tried: {with_fault.unknown}")
    if with_fault.refused:
        return holds(f"with the fault there, {step} failed: {with_fault.refused}; before, it said that all is well")
    if not bad and not still:
        return unseen(
            f"{step} said that all is well, and nothing was bad any more: whether it sees the fault is unknown"
        )
    what = f"{listed(sorted(bad))} was bad" if bad else "the fault was still to be seen"
    return broken(f"with the fault there, {step} said that all is well, while {what}")


def followable(problems: Sequence[str]) -> Outcome:
    """A sentence for each thing in the documented commands that nobody can follow as it stands."""
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return broken(f"{problems[0]}{more}")
    return holds("no placeholder, missing command or interactive flag in the documented commands")
