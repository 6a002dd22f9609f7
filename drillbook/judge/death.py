"""Which kind of death a fault was: a pod that ends in order proves nothing about a crash; pure.

By what was seen of the pods: the exit codes and reasons of their containers. The grace that they were given only says
what was asked for: a pod that is deleted without any is gone from the API at once, and its processes end unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from drillbook.model.death import Death

KILLED: Final = 137
"""128 + SIGKILL, as the container's runtime reports it."""
ENDED: Final = frozenset({0, 143})
"""By itself, or by SIGTERM, which it had the time to act on."""
OUT_OF_MEMORY: Final = "OOMKilled"


def kind_of_death(evidence: Mapping[str, Any], grace_seconds: int) -> str:
    """In words for the report, from the evidence's ``deaths`` by pod; empty where no pod died.

    ``grace_seconds``: what was asked for, and is told where nothing else was seen.
    """
    deaths = [Death.of(one) for one in (evidence.get("deaths") or {}).values()]
    seen = [death for death in deaths if death.exit_codes]
    if not deaths:
        return ""
    if not seen:
        return f"deleted with {_grace(grace_seconds)}; how the processes ended was not seen"
    given = [death.grace_seconds for death in seen if death.grace_seconds is not None]
    unseen = f"; how those of {len(deaths) - len(seen)} more pods ended was not seen" if len(seen) < len(deaths) else ""
    return _seen(seen, max(given, default=grace_seconds)) + unseen


def _seen(deaths: Iterable[Death], grace_seconds: int) -> str:
    codes = {code for death in deaths for code in death.exit_codes}
    told = f"(exit code {', '.join(map(str, sorted(codes)))})"
    if any(OUT_OF_MEMORY in death.reasons for death in deaths):
        return f"killed because its memory was over its limit {told}"
    if codes <= ENDED:
        return f"ended in order, with {_grace(grace_seconds)} {told}; that is no crash"
    if KILLED not in codes:
        return f"ended with an error, with {_grace(grace_seconds)} {told}; nothing killed it"
    if grace_seconds == 0:
        return f"killed at once, as in a crash {told}"
    return f"killed when its grace of {grace_seconds} s was over {told}"


def _grace(seconds: int) -> str:
    return f"{seconds} s of grace" if seconds else "no grace"
