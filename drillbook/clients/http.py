"""HTTP, timed from when each request was due.

A schedule is open-loop: requests leave at fixed moments and never wait for one another, so a server that stalls is
seen stalling by every request that was due meanwhile (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drillbook.clients.reach import Endpoint
from drillbook.clients.tls import trusting
from drillbook.clients.wording import cause_of

if TYPE_CHECKING:
    import aiohttp

CONNECTIONS: Final = 512
"""Most connections at once; more requests than that wait for one, and their waiting counts."""


IDLE_SECONDS: Final = 2.0
"""How long an unused connection is kept: less than servers do, so that none is used in the moment that it is closed."""

_MISTRUST: Final = "certificate not trusted"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to send."""

    method: str
    path: str
    json: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. Times are seconds."""

    request: Request
    due: float
    """When it should have left: seconds since the schedule began."""
    late: float
    """How much later than that it left: this machine's own delay, which ``took`` includes."""
    took: float
    """From when it was due to the last byte of the answer, or to giving up."""
    status: int | None
    """None where there was no answer: refused, reset, timed out."""
    problem: str = ""
    body: bytes = b""

    @property
    def mistrusted(self) -> bool:
        """There was no answer because the server's certificate isn't trusted here."""
        return self.status is None and self.problem.startswith(_MISTRUST)

    @property
    def failed(self) -> bool:
        """No answer, or the server's own error (5xx)."""
        return self.status is None or self.status >= 500


class HttpClient:
    """One session with one endpoint; connections are kept and shared."""

    def __init__(self, endpoint: Endpoint, session: aiohttp.ClientSession) -> None:
        """Use ``open_http``."""
        self.endpoint = endpoint
        self._session = session

    async def send(self, request: Request) -> Answer:
        """Send now, wait for the whole answer. Doesn't raise for the network: a missing answer is an Answer too."""
        loop = asyncio.get_running_loop()
        return await self._timed(request, loop.time(), loop.time())

    async def run_schedule(self, requests: Sequence[Request], rate: float) -> list[Answer]:
        """Send ``requests`` at ``rate`` per second, each at its own moment; answers in the same order."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        tasks = []
        async with asyncio.TaskGroup() as group:
            for number, request in enumerate(requests):
                due = begin + number / rate
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                tasks.append(group.create_task(self._timed(request, begin, due)))
        return [task.result() for task in tasks]

    async def _timed(self, request: Request, begin: float, due: float) -> Answer:
        import aiohttp

        loop = asyncio.get_running_loop()
        left = loop.time()
        status, problem, body = None, "", b""
        try:
            # Redirects aren't followed: another host's time is not this one's.
            async with self._session.request(
                request.method, self.endpoint.url + request.path, json=request.json, allow_redirects=False
            ) as response:
                body = await response.read()
                status = response.status
        except TimeoutError:
            problem = f"no answer within {self._session.timeout.total:g} s"
        except (aiohttp.ClientError, OSError) as error:
            problem = _sentence(error)
        return Answer(request, due - begin, left - due, loop.time() - due, status, problem, body)


@asynccontextmanager
async def open_http(
    endpoint: Endpoint,
    *,
    ca: Path | None = None,
    timeout: float = 10.0,
    connections: int = CONNECTIONS,
    strangers: bool = False,
) -> AsyncIterator[HttpClient]:
    """A session with ``endpoint``: connects to its address, asks for its host. ``timeout`` bounds each request.

    ``strangers``: every request comes on a connection of its own, so that a balancer spreads them.
    """
    import aiohttp

    connector = aiohttp.TCPConnector(
        limit=connections,
        ssl=trusting(ca) if endpoint.tls else False,
        resolver=_fixed_resolver(endpoint),
        **({"force_close": True} if strangers else {"keepalive_timeout": IDLE_SECONDS}),
    )
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=timeout), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        # Where the first try got no answer, aiohttp sends a GET again and says nothing of it: a failure that users have
        # is hidden. No public setting stops it; a test counts the requests.
        session._retry_connection = False
        yield HttpClient(endpoint, session)


def _fixed_resolver(endpoint: Endpoint) -> Any:
    """Resolves every name to the endpoint's address, so that Host and server name stay what the client asked for."""
    return None if endpoint.address == endpoint.host else _resolver_class()(endpoint.address)


@cache
def _resolver_class() -> Any:
    import aiohttp

    class Fixed(aiohttp.ThreadedResolver):
        def __init__(self, address: str) -> None:
            super().__init__()
            self._address = address

        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            return [result | {"hostname": host} for result in await super().resolve(self._address, port, family)]

    return Fixed


def _sentence(error: BaseException) -> str:
    """What happened to a connection, in words that can be counted."""
    if isinstance(cause := getattr(error, "certificate_error", None), ssl.SSLCertVerificationError):
        return f"{_MISTRUST}: {cause.verify_message}"
    return cause_of(error)
