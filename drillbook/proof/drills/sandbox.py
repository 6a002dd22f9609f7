"""The sandbox that drills are proven in: clean before each, put back after each, a new one where that can't be done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from drillbook.checking import asked_in
from drillbook.drills.connections import Connections
from drillbook.errors import DrillbookError
from drillbook.model.environment import Environment
from drillbook.model.policy import Policy
from drillbook.model.verdict import Status, Verdict
from drillbook.proof.drills.keeper import Keeper
from drillbook.proof.rehearsal import NotClean, checking, settled
from drillbook.proof.stage import Stage


class ProvingSandbox:
    """Use it as a context manager; it must run already."""

    def __init__(self, policy: Policy, environment: Environment, renew: Callable[[], None] | None) -> None:
        """``renew`` takes it down and starts it anew; None for one that is somebody else's."""
        self.policy, self.environment = policy, environment
        self._objectives = asked_in(policy, environment)
        self._check = checking(policy, environment)
        self._renew = renew
        self._open = ExitStack()
        self._verdicts: tuple[Verdict, ...] = ()

    def __enter__(self) -> Self:
        """Raises Unreachable when it doesn't answer, NotClean where an objective doesn't hold."""
        with ExitStack() as opening:
            self._connections = opening.enter_context(Connections(self.environment))
            name = self.environment.sandbox or self.policy.system
            kube = self._connections.kube
            stage = Stage(name, self.policy, self.environment, self._objectives, kube)
            self._clean()
            self._keeper = self._connections.run(Keeper.of(stage))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def steady(self) -> tuple[Verdict, ...]:
        """All objectives as they were judged when everything was put back, a moment ago."""
        return self._verdicts

    def put_back(self) -> str:
        """Everything is as it was, or why it isn't: then it is a new sandbox, unless that isn't ours to make.

        Raises NotClean for somebody else's sandbox that can't be put back.
        """
        try:
            self._connections.run(self._keeper.put_back())
            self._connections.run(self._vacuum())
            self._clean()
        except DrillbookError as error:
            if self._renew is None:
                raise
            self._open.close()
            self._renew()
            self.__enter__()
            return f"the sandbox could not be put back: {error}"
        return ""

    async def _vacuum(self) -> None:
        """A server that was killed has forgotten when it was vacuumed, and no undo can tell it."""
        for name in {
            one.component for one in self._objectives if one.indicator == "database.vacuum_age" and one.component
        }:
            await self._keeper.stage.sql(self.policy.components[name], "VACUUM (ANALYZE)")

    def _clean(self) -> None:
        """See every objective hold. Raises NotClean."""
        self._verdicts = self._connections.run(settled(self._check, self._objectives))
        if bad := [verdict for verdict in self._verdicts if verdict.status is not Status.PASS]:
            raise NotClean(bad)
