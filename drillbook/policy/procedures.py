"""The ``procedures`` of a policy: the documented ways back, step by step, and what must be true after them.

They stand in ``policy.yaml`` itself or, where there are many, in ``procedures.yaml`` beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from drillbook.model.policy import Procedure, Source
from drillbook.model.procedures import by_people_alone
from drillbook.policy.document import shown
from drillbook.policy.entries import Known, read_afterwards, read_steps
from drillbook.policy.opening import open_top
from drillbook.policy.problems import Problems
from drillbook.policy.requirements import check_covers, load_requirements
from drillbook.policy.section import Section, refuse_repeats
from drillbook.policy.sources import read_source

FILE: Final = "procedures.yaml"
"""Beside ``policy.yaml``."""
KEYS: Final = ("id", "source", "recovers", "within", "steps", "then", "document_only", "note", "covers")


def read_procedures(top: Section, known: Known, document: str) -> Mapping[str, Procedure]:
    """Every procedure in one file's ``procedures`` by its id."""
    sections = top.children("procedures", KEYS)
    refuse_repeats(sections, "id")
    found = (_procedure(one, known, document) for one in sections)
    return {procedure.id: procedure for procedure in found}


def load_procedures(
    system_dir: Path, known: Known, document: str, taken: Collection[str]
) -> tuple[Mapping[str, Procedure], Problems]:
    """Those of ``procedures.yaml``, none where there is no such file; ``taken`` are the ids of ``policy.yaml``.

    With the problems of that file, which are told after those of ``policy.yaml``, that they may follow from.
    """
    path = system_dir / FILE
    problems = Problems(shown(path))
    if not path.exists() and not path.is_symlink():
        return {}, problems
    top = open_top(path, "list of procedures", "Procedures", ("apiVersion", "kind", "procedures"), problems)
    top.not_empty("procedures", "a list of at least one procedure")
    found = read_procedures(top, known, document)
    for one in top.children("procedures", ()):
        if (twice := one.optional_text("id")) in taken:
            one.problem("id", f"{twice!r} is taken already, in policy.yaml")
    check_covers(top, load_requirements(system_dir))
    return found, problems


def _procedure(one: Section, known: Known, document: str) -> Procedure:
    procedure_id = one.name("id")
    source = read_source(one, document)
    steps = read_steps(one, known)
    document_only = one.optional_text("document_only", "the reason why no machine can follow it") or ""
    if one.get("document_only") is None:
        one.not_empty("steps", "a list of at least one step, or document_only with the reason")
        if steps and by_people_alone(steps):
            one.problem("steps", "expected a step that a machine can do, found only human ones: say document_only")
    elif one.get("steps") is not None:
        one.problem("document_only", "expected either steps or document_only, found both")
    return Procedure(
        id=procedure_id,
        source=source or Source(document, "", (1, 1)),
        recovers=one.names("recovers"),
        within=one.optional_duration("within"),
        steps=steps,
        then=read_afterwards(one, known, len(steps)),
        note=one.optional_text("note") or "",
        document_only=document_only,
        covers=one.names("covers") or (procedure_id,),
    )
