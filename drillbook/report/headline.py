"""What a run comes to, in one word and one sentence: the same on the terminal and on the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from drillbook.errors import ExitCode

ORDER: Final = ("fail", "inconclusive", "waived", "pass")
"""Statuses from what needs a person to what doesn't."""

SEVERITIES: Final = ("critical", "high", "medium", "low")

MEANING: Final[Mapping[int, str]] = {
    ExitCode.PASS: "pass",
    ExitCode.VIOLATION: "a violation that is not waived",
    ExitCode.USAGE: "usage or configuration",
    ExitCode.INCONCLUSIVE: "inconclusive or unreachable, and nothing failed",
    ExitCode.DRILL_ABORTED: "a drill refused, aborted, or its undo failed",
    ExitCode.NOTHING_SELECTED: "nothing selected",
    ExitCode.INTERRUPTED: "interrupted",
}

Json = Mapping[str, Any]


def judged(document: Json) -> list[Json]:
    """Every judged objective of the run, those of a load test among them, worst first."""
    found = [*document["verdicts"], *(document["load"] or {"verdicts": []})["verdicts"]]
    return in_order(found)


def in_order(verdicts: Sequence[Json]) -> list[Json]:
    """What needs a person first, the severest of it first; otherwise in the order of the policy."""
    return sorted(verdicts, key=lambda v: (ORDER.index(v["status"]), SEVERITIES.index(v["severity"])))


def counts(found: Sequence[Json]) -> dict[str, int]:
    """How many of each status, worst first, those that there are."""
    seen = Counter(v["status"] for v in found)
    return {status: seen[status] for status in ORDER if seen[status]}


def word(document: Json) -> str:
    """The verdict in one word; a drill that needs a person outweighs what the checks came to."""
    if document["run"]["exit_code"] == ExitCode.DRILL_ABORTED:
        return "refused" if document["run"]["status"] == "error" else "aborted"
    if document["run"]["exit_code"] == ExitCode.NOTHING_SELECTED:
        return "nothing judged"
    return str(document["run"]["status"])


def sentence(document: Json) -> str:
    """The verdict in one sentence or a few."""
    parts = [_proofs(document["proofs"]), _objectives(judged(document)), _drills(document["drills"])]
    said = " ".join(p for p in parts if p) or "Nothing was judged."
    if document["run"]["status"] in {"interrupted", "error"}:
        return f"The run did not come to its end. By then: {said[0].lower()}{said[1:]}"
    return said


def _objectives(found: Sequence[Json]) -> str:
    if not found:
        return ""
    seen, total = counts(found), len(found)
    if seen == {"pass": total}:
        return f"All {total} limits hold." if total > 1 else "The one limit that was checked holds."
    said = {
        "fail": "is broken|are broken",
        "inconclusive": "can't be judged",
        "waived": "is waived|are waived",
        "pass": "holds|hold",
    }
    return _shares("limit", seen, said)


def _proofs(found: Sequence[Json]) -> str:
    if not found:
        return ""
    seen = Counter(proof["status"] for proof in found)
    total, drills = len(found), found[0]["about"] == "drill"
    if seen == {"proven": total}:
        one = "drill with its recovery broken" if drills else "check"
        many = "drills with broken recoveries" if drills else "checks"
        return f"All {total} {many} are proven able to fail." if total > 1 else f"The {one} is proven able to fail."
    one, many = ("broken recovery", "broken recoveries") if drills else ("check", "checks")
    return f"Of {total} {many if total > 1 else one}, {_joined([f'{n} {status}' for status, n in seen.items()])}."


def _drills(found: Sequence[Json]) -> str:
    if not found:
        return ""
    left = [d["id"] for d in found if not d["undone"]]
    if left:
        return f"The undo of {_joined(left)} failed: look at the system."
    seen, total = counts(found), len(found)
    if seen == {"pass": total}:
        each = {1: "The drill", 2: "Both drills"}.get(total, f"All {total} drills")
        whose = "given" if any(d["limit_ours"] for d in found) else "documented"
        return f"{each} recovered in the {whose} time, with nothing acknowledged lost."
    said = {
        "fail": "failed",
        "inconclusive": "proved nothing",
        "waived": "is waived|are waived",
        "pass": "recovered",
    }
    return _shares("drill", seen, said)


def _shares(noun: str, seen: Mapping[str, int], said: Mapping[str, str]) -> str:
    """``Of 3 limits, 1 is broken and 2 hold.``; ``said`` has a verb for each status, or one for one|one for more."""
    parts = [f"{n} {said[status].split('|')[0 if n == 1 else -1]}" for status, n in seen.items()]
    total = sum(seen.values())
    return f"Of {total} {noun}{'s' if total > 1 else ''}, {_joined(parts)}."


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
