"""Redis (and Valkey) in its own pod, through redis-cli as runbooks do it.

The password is the one that the container was given; it doesn't leave the pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drillbook.errors import DrillAborted, Unreachable
from drillbook.faults.fault import Aim, Candidate, Target
from drillbook.faults.places import Place, needs_tools, place_of, shell, wait_place
from drillbook.faults.sql import require_engine
from drillbook.model.policy import Workload

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

SECONDS: Final = 15
LOGIN: Final = (
    '[ -z "${REDISCLI_AUTH:-${REDIS_PASSWORD:-}}" ] || export REDISCLI_AUTH="${REDISCLI_AUTH:-$REDIS_PASSWORD}"'
)
_RUN: Final = f'{LOGIN}\nexec timeout {SECONDS} redis-cli "$@"'
_BATCH: Final = f'{LOGIN}\nlength=$1; shift; head -c "$length" | timeout {SECONDS} redis-cli "$@"'


@dataclass(frozen=True, slots=True)
class Redis:
    """A server, in its pod that runs now."""

    kube: Kube
    place: Place

    async def run(self, *words: str) -> str:
        """One command, its answer as text. Raises Unreachable where the server doesn't answer, or says an error."""
        return self._said(await shell(self.kube, self.place, _RUN, *words, timeout=SECONDS + 10))

    async def batch(self, lines: str, *options: str) -> str:
        """Commands, a line each, over one connection; their answers, as text. Raises Unreachable as ``run`` does."""
        given = lines.encode()
        done = await shell(self.kube, self.place, _BATCH, str(len(given)), *options, stdin=given, timeout=SECONDS + 10)
        return self._said(done)

    def _said(self, done: Any) -> str:
        said = done.stdout.strip()
        wrong = next((line for line in said.splitlines() if _is_error(line)), "")
        if done.exit_code != 0 or wrong:
            because = wrong or " ".join(done.stderr.split())[-200:] or f"no answer within {SECONDS} s"
            raise Unreachable(f"Redis in {self.place} refused: {because}")
        return str(said)

    async def info(self, section: str) -> dict[str, str]:
        """What the server says of itself, one section."""
        lines = (await self.run("INFO", section)).splitlines()
        return dict(line.strip().split(":", 1) for line in lines if ":" in line)

    async def target(self) -> Target:
        """As a target: its UID is that of the server's present run."""
        run_id = (await self.info("server"))["run_id"]
        return Target("Redis", self.place.namespace, self.place.pod, run_id)


def _is_error(line: str) -> bool:
    return line.startswith(("ERR ", "(error)", "NOAUTH", "WRONGPASS", "NOPERM", "OOM ", "EXECABORT", "BUSY", "LOADING"))


async def redis_of(kube: Kube, aim: Aim) -> Redis:
    """The component's. Raises ConfigError where it is none, Unreachable where none of its pods runs."""
    require_engine(aim.component, "redis")
    return Redis(kube, await place_of(kube, aim))


async def redis_in(kube: Kube, put_back: Any, seconds: float) -> Redis:
    """The one that ``whose`` described, as soon as its pod runs. Raises DrillAborted."""
    workload = Workload(put_back["kind"], put_back["workload"])
    return Redis(kube, await wait_place(kube, workload, put_back["namespace"], seconds))


async def redis_candidates(kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
    """The server is the only one."""
    return (Candidate(await (await redis_of(kube, aim)).target()),)


async def same_server(redis: Redis, target: Target) -> None:
    """Raises DrillAborted when the server that answers now is another run than the target."""
    found = await redis.target()
    if found.uid != target.uid:
        raise DrillAborted(f"{target} was started anew since it was chosen: expected {target.uid}, found {found.uid}")


async def see_redis_cli(kube: Kube, aim: Aim) -> Place:
    """Whether redis-cli can be used in the pod. Raises Refused."""
    require_engine(aim.component, "redis")
    place = await place_of(kube, aim)
    await needs_tools(kube, place, "redis-cli", "timeout", "head")
    return place
