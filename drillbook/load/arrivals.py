"""Sends requests at fixed moments, inside a process that gevent has made cooperative.

The schedule is open-loop: arrival k is due k / rate seconds after the start, leaves then in a greenlet of its own, and
nobody waits for its answer. So a server that stalls is seen stalling by every request that was due meanwhile.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import gevent
import urllib3
from gevent.pool import Pool

from drillbook.load.plan import LoadPlan, Target
from drillbook.load.shots import Shot
from drillbook.load.turns import filled, keys, turns
from drillbook.model.policy import Route

IN_FLIGHT: Final = 512
"""Most requests in flight at once; an arrival that finds no room waits for it, and its waiting counts."""

Report = Callable[[Shot], None]


class Arrivals:
    """The arrivals of one load test, shared by all of Locust's users: each takes the next one that nobody has."""

    def __init__(self, plan: LoadPlan, seconds: float | None, report: Report) -> None:
        """``seconds``: no arrival is due later than that; None is without end. ``report`` gets every settled shot."""
        self._plan, self._seconds, self._report = plan, seconds, report
        self._numbers = count()
        self._turns = turns(plan.targets)
        self._keys = keys(f"load-{secrets.token_hex(3)}")
        self._pools = {target.component: _pool(target) for target in plan.targets}
        self._flying = Pool(IN_FLIGHT)
        self._begin = time.monotonic()
        self._stopped = False

    def take(self) -> bool:
        """Wait for the next arrival's moment and let it go; False when there is none left."""
        due = next(self._numbers) / self._plan.rate
        if self._seconds is not None and due >= self._seconds:
            # Others still wait for earlier moments: the end is when those have passed.
            self._sleep_until(self._seconds)
            return False
        target, route = next(self._turns)
        self._sleep_until(due)
        if self._stopped:
            return False
        self._flying.spawn(self._fire, target, route, next(self._keys), due)
        return True

    def _sleep_until(self, moment: float) -> None:
        gevent.sleep(max(0.0, self._begin + moment - time.monotonic()))

    def settle(self) -> None:
        """Take no more arrivals, and wait for the answers of those that left: a time-out settles the last of them."""
        self._stopped = True
        self._flying.join(timeout=self._plan.timeout_seconds + 1)

    def _fire(self, target: Target, route: Route, key: str, due: float) -> None:
        left = time.monotonic() - self._begin
        status, problem = None, ""
        try:
            with gevent.Timeout(self._plan.timeout_seconds):
                status = self._send(target, route, key)
        except gevent.Timeout:
            problem = f"no answer within {self._plan.timeout_seconds:g} s"
        except (urllib3.exceptions.HTTPError, OSError) as error:
            problem = _sentence(error)
        took = time.monotonic() - self._begin - due
        name = f"{route.method} {route.path}"
        self._report(Shot(target.component, name, round(due, 6), round(left - due, 6), round(took, 6), status, problem))

    def _send(self, target: Target, route: Route, key: str) -> int:
        body = filled(route.body, key)
        answer = self._pools[target.component].request(
            route.method,
            route.path.replace("{key}", key),
            json=body,
            headers={"Host": target.endpoint.url.partition("://")[2]},
            retries=False,
            redirect=False,
        )
        return int(answer.status)


def _pool(target: Target) -> Any:
    """Connections to the endpoint's address that ask for its host, by Host header and, with TLS, by server name."""
    endpoint = target.endpoint
    if not endpoint.tls:
        return urllib3.HTTPConnectionPool(endpoint.address, endpoint.port, maxsize=IN_FLIGHT)
    context = ssl.create_default_context()
    if target.ca:
        context.load_verify_locations(target.ca)
    return urllib3.HTTPSConnectionPool(
        endpoint.address,
        endpoint.port,
        maxsize=IN_FLIGHT,
        ssl_context=context,
        server_hostname=endpoint.host,
        assert_hostname=endpoint.host,
    )


def _sentence(error: BaseException) -> str:
    """What happened to a connection, short enough to be counted: the same cause gives the same words."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate not trusted: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
    return type(error).__name__
