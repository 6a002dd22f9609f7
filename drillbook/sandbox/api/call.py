"""One request, understood: who asks what of which object, and everything the answer needs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from drillbook.sandbox.agent import NodeAgent
from drillbook.sandbox.api import protobuf
from drillbook.sandbox.api.access import Authorizer, User
from drillbook.sandbox.api.schema.schemas import Schemas
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.status import ApiError, bad_request
from drillbook.sandbox.store import Store

if TYPE_CHECKING:
    from drillbook.sandbox.api.account_tokens import AccountTokens

_BIGGEST_BODY: Final = 3 * 1024 * 1024
"""Kubernetes refuses bigger requests too."""


@dataclass(slots=True)
class Server:
    """What all requests share."""

    store: Store
    agent: NodeAgent
    tokens: Mapping[str, User]
    accounts: AccountTokens
    authorizer: Authorizer
    schemas: Schemas
    kinds: tuple[Kind, ...]
    allocate_address: Callable[[Object], str] | None = None
    streams: set[asyncio.Task[Any] | None] = field(default_factory=set)
    """Tasks of requests under way: a server that stops ends its watches, logs and execs."""


@dataclass(slots=True)
class Call:
    """One request to one kind."""

    server: Server
    request: web.Request
    user: User
    kind: Kind
    namespace: str
    name: str
    subresource: str
    rest: str = ""
    """What follows the subresource: the path behind ``proxy``."""
    warnings: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.server.store

    @property
    def storage(self) -> Kind:
        return self.kind.storage

    def option(self, name: str) -> str:
        """A query parameter, or the empty string."""
        return self.request.query.get(name, "")

    def flag(self, name: str) -> bool:
        """A boolean query parameter; Kubernetes takes ``true``, ``1`` and the bare name."""
        value = self.request.query.get(name)
        return value is not None and value.lower() not in {"false", "0"}

    def number(self, name: str) -> int | None:
        """A numeric query parameter; ApiError 400 for anything else."""
        value = self.option(name)
        if not value:
            return None
        try:
            return int(value)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax ({name})') from None

    @property
    def dry_run(self) -> bool:
        """Whether nothing shall be kept; ApiError 400 for a value other than ``All``."""
        values = self.request.query.getall("dryRun", [])
        if any(value != "All" for value in values):
            raise bad_request(f'Invalid value: "{values[0]}": dryRun: supported values: "All"')
        return bool(values)

    async def body(self) -> bytes:
        """The raw body; ApiError 413 when it is too big."""
        data = await self.request.read()
        if len(data) > _BIGGEST_BODY:
            raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_BIGGEST_BODY}")
        return data

    async def object(self) -> Object:
        """The body as an object; ApiError 400 when it is not one, 415 when it isn't JSON or YAML."""
        return parse_object(await self.body(), self.request.content_type, self.server.schemas)


def parse_object(data: bytes, content_type: str, schemas: Schemas) -> Object:
    """JSON, YAML or Kubernetes' protobuf to an object; ApiError 400 or 415."""
    if content_type == protobuf.CONTENT_TYPE:
        return protobuf.decode(data, schemas)
    if content_type == "application/yaml":
        import yaml

        try:
            value = yaml.safe_load(data)
        except yaml.YAMLError as error:
            raise bad_request(f"error converting YAML to JSON: {error}") from None
    elif "cbor" in content_type:
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            f"application/json, application/yaml, {protobuf.CONTENT_TYPE}",
        )
    else:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(value, dict):
        raise bad_request("couldn't get version/kind; json parse error: expected an object")
    return value
