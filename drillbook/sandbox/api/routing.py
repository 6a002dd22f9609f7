"""Which handler answers which verb, and what that verb is called where permissions are decided."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from drillbook.sandbox.api import (
    account_tokens,
    deleting,
    evicting,
    execution,
    logs,
    metrics,
    portforward,
    reading,
    reviews,
    scaling,
    virtual,
    watching,
    writing,
)  # fmt: skip
from drillbook.sandbox.api.access import Ask
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.kinds import NAMESPACE, NODE
from drillbook.sandbox.status import ApiError

type Handler = Callable[[Call], Awaitable[web.StreamResponse]]

_WATCH: Final = "watch"
_ONE_NAME: Final = re.compile("metadata\\.name==?([^,=]+)")
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch"}

_COLLECTION: Final[Mapping[str, Handler]] = {
    "list": reading.list_,
    "watch": watching.watch,
    "create": writing.create,
    "deletecollection": deleting.delete_collection,
}
_OBJECT: Final[Mapping[str, Handler]] = {
    "get": reading.get,
    "watch": watching.watch,
    "update": writing.update,
    "patch": writing.patch,
    "delete": deleting.delete,
}
_SUBRESOURCES: Final[Mapping[str, Mapping[str, Handler]]] = {
    "status": {"get": reading.get, "update": writing.update, "patch": writing.patch},
    "ephemeralcontainers": {"get": reading.get, "update": writing.update, "patch": writing.patch},
    "resize": {"get": reading.get, "update": writing.update, "patch": writing.patch},
    "scale": {"get": scaling.get, "update": scaling.update, "patch": scaling.patch},
    "log": {"get": logs.get},
    "exec": {"get": execution.run, "create": execution.run},
    "attach": {"get": execution.attach, "create": execution.attach},
    "portforward": {"get": portforward.run, "create": portforward.run},
    "eviction": {"create": evicting.evict},
    "binding": {"create": evicting.bind},
    "token": {"create": account_tokens.create},
    "finalize": {"update": evicting.finalize},
}


def verb_of(call: Call) -> str:
    """The API verb of a request: ``get``, ``list``, ``watch``, ``create``, ``deletecollection`` and so on."""
    method = call.request.method
    if method in {"GET", "HEAD"}:
        if not call.subresource and call.flag(_WATCH):
            return _WATCH
        return "get" if call.name else "list"
    if method == "DELETE":
        return "delete" if call.name else "deletecollection"
    return _VERBS.get(method, method.lower())


def handler_of(call: Call, verb: str) -> Handler:
    """The handler. ApiError 405 when the verb isn't served there."""
    found: Handler | None = None
    if call.kind in virtual.METRICS:
        found = {"get": metrics.get, "list": metrics.list_}.get(verb)
    elif call.kind in virtual.VIRTUAL:
        found = {"create": reviews.create}.get(verb)
    elif call.kind == NODE and call.subresource == "proxy":
        found = {"get": metrics.summary}.get(verb)
    elif call.subresource:
        found = _SUBRESOURCES.get(call.subresource, {}).get(verb)
    elif call.name:
        found = _OBJECT.get(verb)
    elif not (call.kind == NAMESPACE and verb == "deletecollection"):
        found = _COLLECTION.get(verb)
    if found is None:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    return found


def ask_of(call: Call, verb: str) -> Ask:
    """What the authorizer is asked. A namespace's own name is its namespace, as in Kubernetes."""
    kind = call.kind
    namespace = call.name if kind == NAMESPACE else call.namespace
    return Ask(verb, kind.group, kind.plural, call.subresource, namespace, call.name or _selected_name(call))


def _selected_name(call: Call) -> str:
    """A collection narrowed down to one name is asked about as that object: a role for one name allows it."""
    match = _ONE_NAME.fullmatch(call.option("fieldSelector"))
    return match[1] if match else ""
