"""Chaos Toolkit activities that play a found sequence again, in a sandbox and nowhere else."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from drillbook.chaos.doorway import interrupting
from drillbook.checking import asked_in, check_objectives, load_system
from drillbook.errors import ConfigError
from drillbook.explore.moves import Break, Follow, Move, Press
from drillbook.explore.player import Player
from drillbook.model.verdict import Status

__all__ = ["break_it", "follow", "press", "promises_kept", "put_back"]

_PLAYING: Final[list[Player]] = []
"""The one player of this process, from the first move on; Chaos Toolkit passes nothing between activities."""
_FOLDERS: Final = ExitStack()
"""Where the player keeps its write ledger: gone when everything is put back."""


@interrupting
def break_it(fault: str, component: str, pods: int = 1, configuration: Mapping[str, Any] | None = None) -> str:
    """Break a component; what became of it."""
    return _make(Break(fault, component, pods), configuration)


@interrupting
def follow(procedure: str, configuration: Mapping[str, Any] | None = None) -> str:
    """Follow a documented procedure; what became of it."""
    return _make(Follow(procedure), configuration)


@interrupting
def press(rate: int, seconds: int, configuration: Mapping[str, Any] | None = None) -> str:
    """Send ``rate`` more requests per second for ``seconds``; how they were answered."""
    return _make(Press(rate, seconds), configuration)


@interrupting
def promises_kept(configuration: Mapping[str, Any] | None = None) -> bool:
    """Before the first move: all objectives hold. After the last: everything is undone and each promise was kept."""
    from chaoslib.exceptions import ActivityFailed

    if _PLAYING:
        broken = _PLAYING[0].finish()
    else:
        policy, environment, waivers = _loaded(configuration)
        verdicts = check_objectives(policy, environment, waivers, asked_in(policy, environment))
        broken = tuple(f"{v.id}: {v.reason}" for v in verdicts if v.status not in {Status.PASS, Status.WAIVED})
    if broken:
        raise ActivityFailed("; ".join(broken))
    return True


@interrupting
def put_back() -> str:
    """Undo whatever is still broken; safe twice."""
    while _PLAYING:
        _PLAYING.pop().__exit__(None, None, None)
    _FOLDERS.close()
    return "everything is put back"


def _make(move: Move, configuration: Mapping[str, Any] | None) -> str:
    if not _PLAYING:
        patience = _patience(configuration)
        policy, environment, waivers = _loaded(configuration)
        folder = Path(_FOLDERS.enter_context(tempfile.TemporaryDirectory(prefix="drillbook-explored-")))
        player = Player(policy, environment, waivers, folder, patience)
        player.__enter__()
        _PLAYING.append(player)
    return _PLAYING[0].make(move)


def _loaded(configuration: Mapping[str, Any] | None) -> Any:
    given = configuration or {}
    return load_system(str(given.get("system", "")), "sandbox", str(given.get("sandbox") or "") or None)


def _patience(configuration: Mapping[str, Any] | None) -> float:
    given = (configuration or {}).get("patience_seconds")
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise ConfigError(
            f"the experiment's configuration must say patience_seconds, how long to wait for a recovery at most: "
            f"expected a number of seconds above 0, found {given!r}"
        )
    return float(given)
