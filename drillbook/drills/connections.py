"""A drill's connections: the cluster and the system's front door, both living on the background loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from drillbook.drills.background import Background, Errand
from drillbook.model.environment import Environment
from drillbook.model.policy import Component

if TYPE_CHECKING:
    from drillbook.clients.http import HttpClient
    from drillbook.clients.kube import Kube


class Connections:
    """Opened as a context manager; from then on ``kube`` can be used on the background loop, and only there."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.kube: Kube
        self._background = Background()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Raises Unreachable when the cluster doesn't answer, ConfigError when nobody can tell which one it is."""
        from drillbook.clients.kube import Kube

        with ExitStack() as opening:
            opening.enter_context(self._background)
            self._open = opening.enter_context(ExitStack())
            self.kube = self.enter(Kube.of(self.environment))
            self.run(self.kube.cluster_uid())
            self._open = opening.pop_all()
        return self

    def on_kube[T](self, work: Callable[[Kube], Coroutine[Any, Any, T]]) -> T:
        """Wait for what ``work`` does with the cluster."""
        return self.run(work(self.kube))

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for ``work`` on the background loop."""
        return self._background.run(work)

    def start[T](self, work: Coroutine[Any, Any, T]) -> Errand[T]:
        """Let ``work`` go on by itself on the background loop."""
        return self._background.start(work)

    def enter[T](self, resource: AbstractAsyncContextManager[T]) -> T:
        """Enter ``resource`` on the background loop now, and leave it there at the end."""
        entered = self.run(resource.__aenter__())
        self._open.callback(lambda: self.run(resource.__aexit__(None, None, None)))
        return entered

    def front_door(self, entrance: Component, timeout: float) -> HttpClient:
        """A session with the component through which users come in; ``timeout`` bounds each request."""
        from drillbook.clients.access import authority_of
        from drillbook.clients.http import open_http
        from drillbook.clients.reach import http_endpoint

        endpoint = self.run(http_endpoint(self.kube.itself, self.environment, entrance))
        return self.enter(open_http(endpoint, ca=authority_of(self.environment, entrance.id), timeout=timeout))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
