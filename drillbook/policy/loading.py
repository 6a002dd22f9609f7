"""``policy.yaml`` into a Policy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from drillbook.model.policy import Policy
from drillbook.policy.components import read_components
from drillbook.policy.document import shown
from drillbook.policy.drills import read_drills
from drillbook.policy.entries import Known
from drillbook.policy.objectives import read_objectives
from drillbook.policy.opening import open_top
from drillbook.policy.problems import Problems
from drillbook.policy.procedures import load_procedures, read_procedures
from drillbook.policy.requirements import check_covers, load_requirements
from drillbook.policy.sources import read_levels
from drillbook.policy.windows import read_windows

KEYS: Final = (
    *("apiVersion", "kind", "metadata", "runbook"),
    *("severities", "components", "objectives", "drills", "procedures", "windows"),
)


def load_policy(path: Path) -> Policy:
    """The policy in ``path``. Raises ConfigError with every problem of the file, a line each."""
    problems = Problems(shown(path))
    top = open_top(path, "policy", "Policy", KEYS, problems)
    metadata = top.child("metadata", ("name", "namespace"))
    runbook = top.child("runbook", ("document", "title"))
    if metadata is None and top.get("metadata") is None:
        top.missing("metadata", "the system's name, as {name: ...}")
    if runbook is None and top.get("runbook") is None:
        top.missing("runbook", "the runbook, as {document: ..., title: ...}")
    system = metadata.name("name") if metadata else ""
    namespace = metadata.optional_name("namespace") if metadata else None
    document = runbook.text("document") if runbook else ""
    title = runbook.text("title") if runbook else ""
    levels = read_levels(top, document)
    if not top.get("components"):
        top.missing("components", "the parts of the system, by name")
    components = read_components(top, namespace)
    objectives = read_objectives(top, components, levels, document)
    known = Known(components, [objective.id for objective in objectives], path.parent)
    procedures = dict(read_procedures(top, known, document))
    more, more_problems = load_procedures(path.parent, known, document, procedures)
    procedures |= more
    drills = read_drills(top, components, levels, procedures, document)
    windows = read_windows(top, document)
    check_covers(top, load_requirements(path.parent))
    problems.settle()
    more_problems.settle()
    return Policy(
        system=system,
        title=title,
        document=document,
        path=path,
        components=components,
        objectives=objectives,
        severities=levels,
        drills=drills,
        procedures=procedures,
        windows=windows,
    )
