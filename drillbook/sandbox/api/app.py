"""The API server as an aiohttp application: authentication, then discovery or a kind's handler, errors as Status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from drillbook.sandbox.agent import NodeAgent
from drillbook.sandbox.api.access import Ask, Authorizer, User, refuse
from drillbook.sandbox.api.account_tokens import AccountTokens
from drillbook.sandbox.api.answers import error_answer, json_answer
from drillbook.sandbox.api.authentication import authenticate
from drillbook.sandbox.api.call import Call, Server
from drillbook.sandbox.api.discovery import Discovery
from drillbook.sandbox.api.openapi import OpenApi
from drillbook.sandbox.api.paths import Catalogue
from drillbook.sandbox.api.rbac import RoleBased
from drillbook.sandbox.api.routing import ask_of, handler_of, verb_of
from drillbook.sandbox.api.schema.schemas import builtin
from drillbook.sandbox.api.virtual import VIRTUAL
from drillbook.sandbox.custom import custom_kinds
from drillbook.sandbox.kinds import CUSTOM_RESOURCE_DEFINITION, KINDS, Object
from drillbook.sandbox.status import ApiError
from drillbook.sandbox.store import Store

log: Final = logging.getLogger("drillbook.sandbox.api")

VERSION: Final = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": "v1.37.0+drillbook",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_VERBS: Final = {"HEAD": "get"}
"""What a method on a path without a resource is called, where it isn't its own name."""
_OPENAPI_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2"
_HEALTH: Final = ("/healthz", "/livez", "/readyz")
_BIGGEST_REQUEST: Final = 4 * 1024 * 1024


class Api:
    """All requests come through here."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._definitions: tuple[str, ...] | None = None
        self._follow_definitions()

    def _follow_definitions(self) -> None:
        """What is served changes with the CustomResourceDefinitions."""
        store = self._server.store
        now = tuple(found["metadata"]["resourceVersion"] for found in store.list(CUSTOM_RESOURCE_DEFINITION))
        if now != self._definitions:
            self._definitions = now
            kinds = (*self._server.kinds, *VIRTUAL, *custom_kinds(store))
            self._catalogue = Catalogue(kinds)
            self._discovery = Discovery(kinds)
            self._openapi = OpenApi(self._server.schemas, kinds)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to any request; nothing that goes wrong leaves without a Status."""
        task = asyncio.current_task()
        self._server.streams.add(task)
        try:
            return await self._answer(request)
        except ApiError as error:
            return error_answer(error)
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return error_answer(ApiError(500, "InternalError", "Internal error occurred: see the sandbox's daemon.log"))
        finally:
            self._server.streams.discard(task)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in _HEALTH or path.startswith(tuple(f"{health}/" for health in _HEALTH)):
            return web.Response(text="ok")
        user = authenticate(self._server, request)
        self._follow_definitions()
        plain = self._plain(path, request)
        place = self._catalogue.locate(path) if plain is None else None
        if place is None:
            self._check(user, Ask(_VERBS.get(request.method, request.method.lower()), path=path))
            if plain is not None:
                return plain
            raise ApiError(404, "NotFound", "the server could not find the requested resource", details={})
        call = Call(self._server, request, user, place.kind, place.namespace, place.name, place.subresource, place.rest)
        verb = verb_of(call)
        handler = handler_of(call, verb)
        self._check(user, ask_of(call, verb))
        return await handler(call)

    def _check(self, user: User, ask: Ask) -> None:
        """ApiError 403 for what the user may not do."""
        allowed, reason = self._server.authorizer.authorize(user, ask)
        if not allowed:
            raise refuse(user, ask, reason)

    def _plain(self, path: str, request: web.Request) -> web.Response | None:
        """Documents that belong to no kind."""
        if path == "/version" or path == "/version/":
            return json_answer(dict(VERSION))
        if path == "/openapi/v2" and _OPENAPI_PROTOBUF in request.headers.get("Accept", ""):
            # kubectl asks so for a kind that it found in no document of version 3: this one has none more to offer.
            return web.Response(body=b"", headers={"Content-Type": _OPENAPI_PROTOBUF})
        if path == "/openapi/v2":
            return json_answer(self._openapi.v2())
        if path == "/openapi/v3":
            return json_answer(self._openapi.v3_index())
        if path.startswith("/openapi/v3/"):
            document = self._openapi.v3(path.removeprefix("/openapi/v3/"))
            if document is not None:
                return json_answer(document)
        if path == "/":
            return json_answer(
                {"paths": ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/version"]}
            )
        return self._discovery.answer(path, request.headers.get("Accept", ""))


def make_app(
    store: Store,
    agent: NodeAgent,
    tokens: Mapping[str, User],
    *,
    authorizer: Authorizer | None = None,
    allocate_address: Callable[[Object], str] | None = None,
    accounts: AccountTokens | None = None,
) -> web.Application:
    """The application; ``tokens`` may grow while it runs.

    ``allocate_address`` is asked for the clusterIP of each new Service that needs one; without it, whoever runs the
    network sets it later. ``accounts`` makes the tokens of ServiceAccounts, when something else makes some too.
    """
    server = Server(
        store=store,
        agent=agent,
        tokens=tokens,
        accounts=accounts or AccountTokens(store),
        authorizer=authorizer or RoleBased(store),
        schemas=builtin(),
        kinds=KINDS,
        allocate_address=allocate_address,
    )
    api = Api(server)
    app = web.Application(client_max_size=_BIGGEST_REQUEST)
    app.router.add_route("*", "/{path:.*}", api.answer)

    async def end_streams(_: web.Application) -> None:
        """Watches and logs would keep a stopping server waiting."""
        streams: set[asyncio.Task[Any]] = {task for task in server.streams if task is not None}
        for task in streams - {asyncio.current_task()}:
            task.cancel()

    app.on_shutdown.append(end_streams)
    return app
