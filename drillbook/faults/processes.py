"""A process that a fault leaves running in a container: started by exec, ended by an undo from anywhere.

It is known by a variable of its environment, which all its children inherit, and which names the fault and the pod: so
an undo finds it without a file and without a number that could be somebody else's by then. It ends by itself, too, when
its time is over, so that nothing lasts that nobody undoes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drillbook.errors import DrillAborted
from drillbook.faults.places import Place, needs_tools, shell_or_abort

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

SLACK_SECONDS: Final = 2.0
"""How much longer a process may live than what it does lasts."""
TOOLS: Final = ("grep", "sleep", "kill")
_FIND: Final = "grep -ls \"DRILLBOOK_FAULT=$1\" /proc/[0-9]*/environ 2>/dev/null | sed 's/[^0-9]//g'"
_START: Final = f"""
export DRILLBOOK_FAULT="$1"
seconds="$2"; script="$3"; shift 3
(
  sh -c "$script" sh "$@" &
  sleep "$seconds"
  set -- "$DRILLBOOK_FAULT"
  own=$(sh -c 'echo $PPID')
  for one in $({_FIND}); do [ "$one" = "$own" ] || kill -9 "$one"; done 2>/dev/null
) </dev/null >/dev/null 2>&1 &
"""
_END: Final = f"""
for turn in 1 2 3 4 5; do
  found=$({_FIND})
  [ -z "$found" ] && exit 0
  kill -9 $found 2>/dev/null
  sleep 0.1 2>/dev/null || sleep 1
done
exit 1
"""


def marker_of(fault: str, place: Place) -> str:
    """What the process of a fault in that pod is known by."""
    return f"{fault}.{place.uid}"


async def see_tools(kube: Kube, place: Place, *tools: str) -> None:
    """Whether a process could be started and ended there. Read-only; raises Refused."""
    await needs_tools(kube, place, *TOOLS, "sed", *tools)


async def start(kube: Kube, place: Place, fault: str, script: str, *words: str, seconds: float) -> None:
    """Begin ``script`` (POSIX sh; ``words`` are its ``$1`` ...) in the background, for ``seconds`` at most."""
    await shell_or_abort(kube, place, _START, marker_of(fault, place), f"{seconds:g}", script, *words)


async def running(kube: Kube, place: Place, fault: str) -> tuple[int, ...]:
    """The process ids, as the container has them, of a fault's processes. Read-only."""
    found = await shell_or_abort(kube, place, _FIND + "; exit 0", marker_of(fault, place))
    return tuple(int(word) for word in found.split())


async def end(kube: Kube, place: Place, fault: str) -> None:
    """End them all, and see that they have ended. Safe twice. Raises DrillAborted when one is left."""
    try:
        await shell_or_abort(kube, place, _END, marker_of(fault, place))
    except DrillAborted as error:
        raise DrillAborted(f"processes of fault {fault} could not be ended in {place}: {error}") from error
