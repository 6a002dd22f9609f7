"""Who asks: a bearer token names a user, and impersonation headers another one for those who may."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from aiohttp import web

from drillbook.sandbox.api.access import AUTHENTICATED, Ask, Authorizer, User, refuse
from drillbook.sandbox.api.account_tokens import account_groups
from drillbook.sandbox.api.call import Server
from drillbook.sandbox.status import ApiError

_ACCOUNT: Final = "system:serviceaccount:"
_EXTRA: Final = "impersonate-extra-"
_GROUP: Final = "authentication.k8s.io"


def authenticate(server: Server, request: web.Request) -> User:
    """The user whom a request acts for. ApiError 401 without a good token, 403 without the right to impersonate."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user = user_of(server, token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise ApiError(401, "Unauthorized", "Unauthorized")
    return _impersonated(server.authorizer, user, request)


def user_of(server: Server, token: str) -> User | None:
    """Whose token it is, or None."""
    return server.tokens.get(token) or server.accounts.user_of(token)


def _impersonated(authorizer: Authorizer, user: User, request: web.Request) -> User:
    name = request.headers.get("Impersonate-User", "")
    groups = tuple(request.headers.getall("Impersonate-Group", []))
    uid = request.headers.get("Impersonate-Uid", "")
    extra: dict[str, tuple[str, ...]] = {}
    for header, value in request.headers.items():
        if header.lower().startswith(_EXTRA):
            key = unquote(header[len(_EXTRA) :]).lower()
            extra[key] = (*extra.get(key, ()), value)
    if not name:
        if groups or uid or extra:
            message = "Internal error occurred: requested groups, uid or extra fields without impersonating a user"
            raise ApiError(500, "InternalError", message)
        return user
    asks: list[Ask] = []
    if name.startswith(_ACCOUNT) and name.count(":") == 3:
        _, _, namespace, account = name.split(":")
        asks.append(Ask("impersonate", resource="serviceaccounts", namespace=namespace, name=account))
        added = () if groups else account_groups(namespace)[:2]
    else:
        asks.append(Ask("impersonate", resource="users", name=name))
        added = ()
    asks += [Ask("impersonate", resource="groups", name=group) for group in groups]
    asks += [Ask("impersonate", _GROUP, "uids", name=uid)] if uid else []
    asks += [Ask("impersonate", _GROUP, "userextras", key, name=v) for key, values in extra.items() for v in values]
    for ask in asks:
        allowed, reason = authorizer.authorize(user, ask)
        if not allowed:
            raise refuse(user, ask, reason)
    every = dict.fromkeys((*groups, *added, *(() if name == "system:anonymous" else (AUTHENTICATED,))))
    return User(name, tuple(every), uid, extra)
