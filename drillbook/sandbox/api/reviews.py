"""Reviews: may I, may they, what may I, who am I."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from drillbook.sandbox.api import virtual
from drillbook.sandbox.api.access import Ask, User
from drillbook.sandbox.api.answers import json_answer
from drillbook.sandbox.api.authentication import user_of
from drillbook.sandbox.api.call import Call
from drillbook.sandbox.api.names import required
from drillbook.sandbox.kinds import Kind, Object
from drillbook.sandbox.status import ApiError, invalid


async def create(call: Call) -> web.Response:
    """POST of any review. ApiError 405 for a kind that is none."""
    review = await call.object()
    answer = _ANSWERS.get(call.kind)
    if answer is None:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    review["apiVersion"], review["kind"] = call.kind.api_version, call.kind.name
    review.setdefault("metadata", {"creationTimestamp": None})
    review["status"] = await answer(call, review.get("spec") or {})
    return json_answer(review, 201)


def _ask(call: Call, spec: Mapping[str, Any]) -> Ask:
    """What a review asks for. ApiError 422 when it asks for nothing."""
    wanted = spec.get("resourceAttributes")
    if wanted is None:
        plain = spec.get("nonResourceAttributes")
        if plain is None:
            field = "spec.resourceAttributes"
            why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            raise invalid(call.kind.name, call.kind.group, "", [required(field, why)])
        return Ask(plain.get("verb") or "", path=plain.get("path") or "/")
    return Ask(*(wanted.get(key) or "" for key in ("verb", "group", "resource", "subresource", "namespace", "name")))


def _decide(call: Call, user: User, ask: Ask) -> Object:
    allowed, reason = call.server.authorizer.authorize(user, ask)
    return {"allowed": allowed} | ({"reason": reason} if reason else {})


async def _self_access(call: Call, spec: Mapping[str, Any]) -> Object:
    return _decide(call, call.user, _ask(call, spec))


async def _access(call: Call, spec: Mapping[str, Any]) -> Object:
    user = User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "")
    return _decide(call, user, _ask(call, spec))


async def _self_rules(call: Call, spec: Mapping[str, Any]) -> Object:
    rules = call.server.authorizer.rules(call.user, spec.get("namespace") or "")
    plain = [rule for rule in rules if rule.get("nonResourceURLs")]
    resources = [rule for rule in rules if not rule.get("nonResourceURLs")]
    return {"resourceRules": resources, "nonResourceRules": plain, "incomplete": False}


async def _self(call: Call, _: Mapping[str, Any]) -> Object:
    return {"userInfo": _user(call.user)}


async def _token(call: Call, spec: Mapping[str, Any]) -> Object:
    user = user_of(call.server, spec.get("token") or "")
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": _user(user)}


def _user(user: User) -> Object:
    shown: Object = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        shown["uid"] = user.uid
    if user.extra:
        shown["extra"] = {key: list(values) for key, values in user.extra.items()}
    return shown


_ANSWERS: Final[Mapping[Kind, Callable[[Call, Mapping[str, Any]], Awaitable[Object]]]] = {
    virtual.SELF_ACCESS: _self_access,
    virtual.SELF_RULES: _self_rules,
    virtual.ACCESS: _access,
    virtual.LOCAL_ACCESS: _access,
    virtual.SELF: _self,
    virtual.TOKEN_REVIEW: _token,
}
